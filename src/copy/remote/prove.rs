//! Proving that what was sent is there: one listing of just these files, and their content where that is asked for.

use std::path::PathBuf;

use super::round::{SendBatch, SendState};
use super::upload_journal::listed_version;
use super::{Upload, VERIFIED, is_previous_version};
use crate::base::error::Result;
use crate::base::timestamp::TimePrecision;
use crate::base::unit;
use crate::copy::outcome::Verification;
use crate::index::SentFile;
use crate::rclone;
use crate::rclone::{CheckVerdict, ListTarget, RemoteFeatures, RemoteListing, TimeSource};
use crate::storage::RemoteStorage;

/// What a listing shows of a file.
pub(super) enum ListedState {
    /// It is there as it was sent.
    AsSent {
        /// What tells this version from others.
        tag: u64,
        /// What is known of its bytes.
        verification: Verification,
    },
    /// It is not, and how.
    Mismatch(String),
}

impl Upload<'_> {
    /// What is there of the files of a round, in their order, and the listing that shows it.
    pub(super) fn verify_batch(
        &self,
        round: &SendBatch<'_>,
    ) -> Result<(Vec<ListedState>, RemoteListing)> {
        let asked: Vec<PathBuf> = round
            .files
            .iter()
            .zip(&round.attempted)
            .filter(|(_, begun)| **begun)
            .map(|(file, _)| file.path_below_root())
            .collect();
        let listed = list_files(self.destination, &asked)?;
        let step = listing_precision(self.source.features(), self.destination);
        let mut shown: Vec<ListedState> = Vec::with_capacity(round.files.len());
        let mut unsure = vec![false; round.files.len()];
        for (place, file) in round.files.iter().enumerate() {
            let found = listed.file(&file.path_below_root());
            let is_untouched =
                found.is_some_and(|found| is_previous_version(file, listed_version(found)));
            let was_sent = matches!(round.states[place], SendState::ReportedSent);
            let sent = &round.source_stats[place];
            let in_time = check_listed(step, sent, found);
            // What was sent and shows another time has one that this storage cannot hold, or is somebody else's.
            let is_other_time =
                was_sent && in_time.is_err() && check_listed(None, sent, found).is_ok();
            let judged = if is_other_time {
                check_listed(None, sent, found)
            } else {
                in_time
            };
            shown.push(match judged {
                // What was there before shows as it did: nothing took its place.
                Ok(_) if !was_sent && file.replaces && is_untouched => {
                    ListedState::Mismatch("it was not sent, and rclone did not say why".to_owned())
                }
                Ok(mark) => {
                    // The storage says too little to tell that from another of its size.
                    unsure[place] =
                        is_other_time || (step.is_none() && (!was_sent || is_untouched));
                    ListedState::AsSent {
                        tag: mark,
                        verification: Verification::Written,
                    }
                }
                Err(why) => ListedState::Mismatch(why),
            });
        }
        self.verify_content(round, &mut shown, &unsure)?;
        Ok((shown, listed))
    }

    /// Compares content, of all files where that is asked for, and else of those of which a listing says too little: by the
    /// digests that storages say, where both sides say one of the same kind; else both sides are read.
    fn verify_content(
        &self,
        round: &SendBatch<'_>,
        shown: &mut [ListedState],
        unsure: &[bool],
    ) -> Result<()> {
        let other = self.source.features();
        let how = rclone::CheckMethod::best_for(&self.destination.features, other);
        let is_due = |place: usize, shown: &[ListedState]| {
            (self.verify || unsure[place])
                && matches!(shown[place], ListedState::AsSent { .. })
                && matches!(
                    round.states[place],
                    SendState::ReportedSent | SendState::Unknown
                )
        };
        let due: Vec<usize> = (0..round.files.len())
            .filter(|place| is_due(*place, shown))
            .collect();
        let files: Vec<PathBuf> = due
            .iter()
            .map(|place| round.files[*place].path_below_root())
            .collect();
        let root = &self.source.database().root;
        let remote = &self.destination.remote;
        let verdicts = remote.check(root, &files, how, &mut |_| {})?;
        for (place, file) in due.into_iter().zip(files) {
            let ListedState::AsSent {
                verification: proof,
                ..
            } = &mut shown[place]
            else {
                continue;
            };
            match verdicts.get(&file) {
                Some(CheckVerdict::Same) => *proof = VERIFIED,
                Some(CheckVerdict::Differs) => {
                    shown[place] = ListedState::Mismatch(
                        "read back, it is not what the source holds".to_owned(),
                    );
                }
                Some(CheckVerdict::Unknown(why)) => {
                    shown[place] =
                        ListedState::Mismatch(format!("it could not be read back: {why}"));
                }
                None => {
                    shown[place] = ListedState::Mismatch("it could not be read back".to_owned());
                }
            }
        }
        Ok(())
    }
}

/// Lists just these files.
pub(super) fn list_files(destination: &RemoteStorage, files: &[PathBuf]) -> Result<RemoteListing> {
    if files.is_empty() {
        return Ok(RemoteListing::default());
    }
    let (remote, abilities) = (&destination.remote, &destination.features);
    let listed = remote.list(ListTarget::Files(files), abilities, TimeSource::Cheap)?;
    Ok(listed.unwrap_or_default())
}

/// The step in which a listing shows the times that files have at a source of this kind; `None` where it shows others.
pub(super) fn listing_precision(
    source: Option<&RemoteFeatures>,
    destination: &RemoteStorage,
) -> Option<TimePrecision> {
    let there = destination
        .features
        .time_precision()
        .filter(|_| !destination.features.has_slow_mod_times());
    match source {
        None => there,
        // What rclone takes over are the times that the storage itself keeps.
        Some(source) => Some(there?.max(source.time_precision()?)),
    }
}

/// The mark of a file that a listing shows as it was sent, or what is wrong. Where the listing shows times of the source,
/// `step` is the coarsest in which they were kept on the way.
pub(super) fn check_listed(
    step: Option<TimePrecision>,
    sent: &SentFile,
    found: Option<&rclone::ListedFile>,
) -> Result<u64, String> {
    let Some(found) = found else {
        return Err("a listing afterwards does not show it".to_owned());
    };
    match found.bytes {
        Some(bytes) if bytes == sent.bytes => {}
        Some(bytes) => {
            return Err(format!(
                "a listing afterwards shows {} B of {}",
                unit::format_count(bytes),
                unit::format_count(sent.bytes)
            ));
        }
        None => return Err("a listing afterwards does not know its size".to_owned()),
    }
    if let Some(step) = step
        && !found.modified.equals_at(sent.modified, step)
    {
        return Err("a listing afterwards shows it with another time".to_owned());
    }
    Ok(found.tag)
}
