//! Files that were given another name since they were sent: they are given it at the destination too, where it can do that.
//!
//! A file is taken for one that is gone if it has its size, its time to a fraction of a second, and its number on the file
//! system with the moment it was made: that says which file it is, whatever its name.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::SyncRun;
use super::changes::MissingFile;
use super::collect::SyncReplica;
use super::work::SyncWork;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::copy::outcome::Outcome;
use crate::copy::remote::{OutgoingFile, SourceProbe, SourceState};
use crate::copy::report::Report;
use crate::index::{Index, SentChanges, SentFile};
use crate::rclone::{ListTarget, RemoteListing, TimeSource};
use crate::storage::RemoteStorage;

/// A file with a new name.
pub(super) struct RenamedFile {
    /// Under its new name.
    pub(super) file: OutgoingFile,
    /// The folder of the replica that it was in.
    replica: PathBuf,
    /// What it was.
    previous: MissingFile,
}

impl RenamedFile {
    /// What it was called, below both roots.
    pub(super) fn old_path(&self) -> PathBuf {
        self.replica.join(&self.previous.path)
    }

    /// What is told of it.
    pub(super) fn reason(&self) -> String {
        format!("it was `{}`", Name::from(self.old_path().as_path()))
    }
}

/// What tells a file whatever its name: size, time and number.
type FileKey = (u64, Timestamp, u64);

impl SyncRun<'_> {
    /// Takes out of the work what is no more than renamed.
    pub(super) fn find_renames(
        &self,
        storage: &RemoteStorage,
        work: &mut SyncWork,
        replicas: &[SyncReplica<'_>],
    ) -> Vec<RenamedFile> {
        let able = storage.features.can_move() && storage.remote.can_rename_by_daemon();
        let fine = replicas.iter().all(|replica| {
            replica.tree.folders.is_empty() || replica.tree.precision() < TimePrecision::Second
        });
        if !able || !fine || work.missing.is_empty() {
            return Vec::new();
        }
        let mut gone: HashMap<FileKey, Vec<(PathBuf, MissingFile)>> = HashMap::new();
        for (replica, file) in std::mem::take(&mut work.missing) {
            let sent = file.sent;
            let mark = (sent.bytes, sent.modified, sent.file_id);
            gone.entry(mark).or_default().push((replica, file));
        }
        let mut probe = SourceProbe::new(&self.source);
        let (mut renamed, mut send) = (Vec::new(), Vec::new());
        let failed_before = work.failed_before;
        for (place, file) in std::mem::take(&mut work.send).into_iter().enumerate() {
            let number = match probe.stat_path(&file.path_below_root()) {
                SourceState::File(seen) if !file.replaces => seen.file_id,
                _ => 0,
            };
            let mark = (file.bytes, file.modified, number);
            // Of a file with several names any may be the one; one without a number is nobody's.
            let same = gone.get_mut(&mark).filter(|_| number != 0);
            match same.and_then(Vec::pop) {
                Some((replica, gone)) => {
                    if place < failed_before {
                        work.failed_before -= 1;
                    }
                    renamed.push(RenamedFile {
                        file,
                        replica,
                        previous: gone,
                    });
                }
                None => send.push(file),
            }
        }
        work.send = send;
        work.missing = gone.into_values().flatten().collect();
        work.missing
            .sort_by(|a, b| (&a.0, &a.1.path).cmp(&(&b.0, &b.1.path)));
        renamed
    }

    /// Renames files at the destination. Those that cannot be are sent.
    pub(super) fn rename(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        work: &mut SyncWork,
        report: &mut Report,
    ) -> Result<()> {
        let before = list_before(storage, work)?;
        let one = self.respell_destination(index, storage, work)?;
        if work.renames.is_empty() {
            return Ok(());
        }
        let moved = rename_remote(storage, work, &before, &one)?;
        let new: Vec<PathBuf> = moved
            .iter()
            .map(|renamed| renamed.file.path_below_root())
            .collect();
        let after = list_files(storage, &new)?;
        for renamed in moved {
            let file = &renamed.file;
            let shown = after.file(&file.path_below_root()).filter(|shown| {
                let same_time =
                    !storage.has_reliable_mod_times() || shown.tag == renamed.previous.sent.tag;
                shown.bytes == Some(file.bytes) && same_time
            });
            self.forget_old(index, &renamed)?;
            work.removed
                .push((renamed.replica.clone(), renamed.previous.path.clone()));
            let Some(shown) = shown else {
                // Where it went nobody knows: it is sent.
                work.send.push(renamed.file);
                continue;
            };
            let sent = SentFile {
                tag: shown.tag,
                ..renamed.previous.sent
            };
            self.record_new(index, &renamed, sent)?;
            report.add(Outcome::Moved(renamed.reason()), || {
                self.destination_path(&file.path_below_root())
            });
            work.renames.push(renamed);
        }
        Ok(())
    }

    fn forget_old(&self, index: &mut Index, renamed: &RenamedFile) -> Result<()> {
        let mut gone = SentChanges::default();
        gone.remove(&renamed.previous.path);
        let (source, destination) = self.roots();
        let record = [(renamed.replica.clone(), gone)].into();
        index.update_sent(destination, source, &record)
    }

    fn record_new(&self, index: &mut Index, renamed: &RenamedFile, sent: SentFile) -> Result<()> {
        let mut there = SentChanges::default();
        there.add(&renamed.file.path, sent);
        let (source, destination) = self.roots();
        let record = [(renamed.file.replica.clone(), there)].into();
        index.update_sent(destination, source, &record)
    }
}

/// What a listing shows of the files that are to be renamed.
fn list_before(storage: &RemoteStorage, work: &SyncWork) -> Result<RemoteListing> {
    let names = |renamed: &RenamedFile| [renamed.old_path(), renamed.file.path_below_root()];
    let asked: Vec<PathBuf> = work.renames.iter().flat_map(names).collect();
    list_files(storage, &asked)
}

/// Renames what can be renamed, and gives that, with `one` that only was spelled otherwise; the rest is to be sent, and its
/// old name is gone.
fn rename_remote(
    storage: &RemoteStorage,
    work: &mut SyncWork,
    before: &RemoteListing,
    one: &HashSet<PathBuf>,
) -> Result<Vec<RenamedFile>> {
    let new = work
        .renames
        .iter()
        .map(|renamed| renamed.file.path_below_root());
    let taken = storage.possibly_present(new.collect())?;
    let mut moved = Vec::new();
    for renamed in std::mem::take(&mut work.renames) {
        let (old, new) = (renamed.old_path(), renamed.file.path_below_root());
        let sent = &renamed.previous.sent;
        let shown = before.file(&old);
        let is_as_sent =
            shown.is_some_and(|old| old.bytes == Some(sent.bytes) && old.tag == sent.tag);
        let can = is_as_sent && !taken.contains(&new) && !interrupt::is_requested();
        if one.contains(&old) {
            if is_as_sent {
                moved.push(renamed);
            } else {
                let mut file = renamed.file;
                file.replaces = true;
                work.removed.push((renamed.replica, renamed.previous.path));
                work.send.push(file);
            }
        } else if can && storage.remote.rename_file(&old, &new).is_ok() {
            moved.push(renamed);
        } else {
            work.missing.push((renamed.replica, renamed.previous));
            work.send.push(renamed.file);
        }
    }
    Ok(moved)
}

/// What a listing shows of files; nothing where there can be none, so that nothing is renamed.
fn list_files(storage: &RemoteStorage, files: &[PathBuf]) -> Result<RemoteListing> {
    if files.is_empty() {
        return Ok(RemoteListing::default());
    }
    let listed = storage.remote.list(
        ListTarget::Files(files),
        &storage.features,
        TimeSource::Cheap,
    );
    match listed {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        listed => Ok(listed.unwrap_or_default().unwrap_or_default()),
    }
}
