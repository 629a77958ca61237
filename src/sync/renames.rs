//! Files that were renamed at the source since they were sent. Where the storage can rename, they are not sent again.
//!
//! A new file is the renamed one if it has the size, the sub-second mtime and the file id of a missing file.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::changes::MissingFile;
use super::collect::SyncReplica;
use super::run::SyncRun;
use super::work::{RenamedFile, SyncWork};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::copy::outcome::Outcome;
use crate::copy::remote::{SourceProbe, SourceState};
use crate::copy::report::Report;
use crate::index::{Index, SentChanges, SentFile};
use crate::rclone::RemoteListing;
use crate::storage::RemoteStorage;

/// Identity of a file under any name: size, mtime and file id.
type FileKey = (u64, Timestamp, u64);

impl SyncRun<'_> {
    /// Moves renamed files from `send` and `missing` to `renames`.
    pub(super) fn find_renames(
        &self,
        storage: &RemoteStorage,
        work: &mut SyncWork,
        replicas: &[SyncReplica<'_>],
    ) {
        let can_rename = storage.features.can_move() && storage.remote.can_rename_by_daemon();
        let has_precise_times = replicas.iter().all(|replica| {
            replica.tree.folders.is_empty() || replica.tree.precision() < TimePrecision::Second
        });
        if !can_rename || !has_precise_times || work.missing.is_empty() {
            return;
        }
        let mut missing: HashMap<FileKey, Vec<MissingFile>> = HashMap::new();
        for file in std::mem::take(&mut work.missing) {
            let key = (file.sent.bytes, file.sent.modified, file.sent.file_id);
            missing.entry(key).or_default().push(file);
        }
        let mut probe = SourceProbe::new(&self.source);
        let failed_before = work.failed_before;
        for (number, file) in std::mem::take(&mut work.send).into_iter().enumerate() {
            let file_id = match probe.stat_path(&file.path_below_root()) {
                SourceState::File(stat) if !file.replaces => stat.file_id,
                _ => 0,
            };
            let key = (file.bytes, file.modified, file_id);
            // A file id of 0 is unknown and matches nothing. Of several hard links, any may be the old name.
            let same = missing.get_mut(&key).filter(|_| file_id != 0);
            let Some(previous) = same.and_then(Vec::pop) else {
                work.send.push(file);
                continue;
            };
            if number < failed_before {
                work.failed_before -= 1;
            }
            work.renames.push(RenamedFile { file, previous });
        }
        work.missing = missing.into_values().flatten().collect();
        work.missing
            .sort_by(|a, b| (&a.replica, &a.path).cmp(&(&b.replica, &b.path)));
    }

    /// Renames files at the destination. Files that cannot be renamed are sent.
    pub(super) fn rename(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        work: &mut SyncWork,
        report: &mut Report,
    ) -> Result<()> {
        let before = list_before(storage, work)?;
        let respelled = self.respell_destination(index, storage, work)?;
        if work.renames.is_empty() {
            return Ok(());
        }
        let moved = rename_remote(storage, work, &before, &respelled)?;
        let new = moved.iter().map(|renamed| renamed.file.path_below_root());
        let after = list_existing(storage, &new.collect::<Vec<_>>())?;
        for renamed in moved {
            let (file, previous) = (&renamed.file, &renamed.previous);
            let listed = after.file(&file.path_below_root()).filter(|listed| {
                let is_same_version =
                    !storage.has_reliable_mod_times() || listed.tag == previous.sent.tag;
                listed.bytes == Some(file.bytes) && is_same_version
            });
            let mut removed = SentChanges::default();
            removed.remove(&previous.path);
            self.update_record(index, &previous.replica, removed)?;
            work.removed
                .push((previous.replica.clone(), previous.path.clone()));
            let Some(listed) = listed else {
                // The listing does not confirm the rename: the file is sent.
                work.send.push(renamed.file);
                continue;
            };
            let mut added = SentChanges::default();
            let sent = SentFile {
                tag: listed.tag,
                ..previous.sent
            };
            added.add(&file.path, sent);
            self.update_record(index, &file.replica, added)?;
            report.add(Outcome::Moved(renamed.reason()), || {
                self.destination_path(&file.path_below_root())
            });
            work.renames.push(renamed);
        }
        Ok(())
    }

    fn update_record(&self, index: &mut Index, replica: &Path, changes: SentChanges) -> Result<()> {
        let (source, destination) = self.roots();
        index.update_sent(destination, source, &[(replica.to_owned(), changes)].into())
    }
}

/// Lists the old and new paths of the files to rename.
fn list_before(storage: &RemoteStorage, work: &SyncWork) -> Result<RemoteListing> {
    let paths = |renamed: &RenamedFile| {
        [
            renamed.previous.path_below_root(),
            renamed.file.path_below_root(),
        ]
    };
    let paths: Vec<PathBuf> = work.renames.iter().flat_map(paths).collect();
    list_existing(storage, &paths)
}

/// Renames files and returns those that succeeded, together with those in `respelled`, which have their new name already.
/// All others go back to `send` and `missing`.
fn rename_remote(
    storage: &RemoteStorage,
    work: &mut SyncWork,
    before: &RemoteListing,
    respelled: &HashSet<PathBuf>,
) -> Result<Vec<RenamedFile>> {
    let renames = work.renames.iter();
    let new = renames.map(|renamed| renamed.file.path_below_root());
    let taken = storage.possibly_present(new.collect())?;
    let mut moved = Vec::new();
    for renamed in std::mem::take(&mut work.renames) {
        let RenamedFile { file, previous } = &renamed;
        let (old, new) = (previous.path_below_root(), file.path_below_root());
        let sent = &previous.sent;
        let is_as_sent = before
            .file(&old)
            .is_some_and(|listed| listed.bytes == Some(sent.bytes) && listed.tag == sent.tag);
        let can_rename = is_as_sent && !taken.contains(&new) && !interrupt::is_requested();
        if respelled.contains(&old) {
            if is_as_sent {
                moved.push(renamed);
            } else {
                let mut file = renamed.file;
                file.replaces = true;
                let previous = renamed.previous;
                work.removed.push((previous.replica, previous.path));
                work.send.push(file);
            }
        } else if can_rename && storage.remote.rename_file(&old, &new).is_ok() {
            moved.push(renamed);
        } else {
            work.missing.push(renamed.previous);
            work.send.push(renamed.file);
        }
    }
    Ok(moved)
}

/// Lists files. Returns an empty listing if that fails, so that nothing is renamed.
fn list_existing(storage: &RemoteStorage, files: &[PathBuf]) -> Result<RemoteListing> {
    if files.is_empty() {
        return Ok(RemoteListing::default());
    }
    match storage.list_files(files) {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        listed => Ok(listed.unwrap_or_default()),
    }
}
