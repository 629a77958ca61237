//! A second listing of the files of a remote that seem to be missing or damaged.

use std::path::PathBuf;

use super::file::FileVerdict;
use crate::base::error::{Error, Result};
use crate::rclone::{ListTarget, TimeSource};
use crate::storage::RemoteStorage;
use crate::verify::file::Verdict;

/// Confirms verdicts by a listing of the files: absence counts only if that states it too, and a file with another size or
/// time was edited.
pub(super) fn confirm<'f>(
    storage: &RemoteStorage,
    mut verdicts: Vec<FileVerdict<'f>>,
) -> Result<Vec<FileVerdict<'f>>> {
    let is_doubtful =
        |verdict: &Verdict| matches!(verdict, Verdict::Missing | Verdict::Damaged { .. });
    let doubtful: Vec<PathBuf> = verdicts
        .iter()
        .filter(|(_, verdict)| is_doubtful(verdict))
        .map(|(file, _)| file.path.clone())
        .collect();
    if doubtful.is_empty() {
        return Ok(verdicts);
    }
    let target = ListTarget::Files(&doubtful);
    let listed = storage
        .remote
        .list(target, &storage.features, TimeSource::ModTime);
    let (listed, why) = match listed {
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => (None, error.full_message()),
        // A missing root proves nothing about its files.
        Ok(listed) => {
            let why = "the storage did not list it a second time";
            (listed, why.to_owned())
        }
    };
    let precision = storage.features.time_precision();
    for (file, verdict) in &mut verdicts {
        if !is_doubtful(verdict) {
            continue;
        }
        let Some(listed) = &listed else {
            *verdict = Verdict::Unreadable(why.clone());
            continue;
        };
        match listed.file(&file.path) {
            Some(_) if *verdict == Verdict::Missing => {
                let why = "the storage listed it only the second time";
                *verdict = Verdict::Unreadable(why.to_owned());
            }
            Some(found) => {
                let has_other_time = precision.is_some_and(|precision| {
                    !file.modified.equals_at(found.modified, precision)
                        && !file.modified.may_be_stored_as(found.modified)
                });
                if has_other_time || found.bytes.is_some_and(|bytes| bytes != file.bytes) {
                    *verdict = Verdict::Edited(None);
                }
            }
            None if listed.is_unread(&file.path) => *verdict = Verdict::Unreadable(why.clone()),
            None => *verdict = Verdict::Missing,
        }
    }
    Ok(verdicts)
}
