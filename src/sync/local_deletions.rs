//! What is gone from the source, at a destination on a disk: reported, or moved among the old versions.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SyncRun;
use super::changes::MissingFile;
use super::collect::SyncReplica;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::own_name::OWN_FOLDER;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::copy::outcome::Outcome;
use crate::copy::report::Report;
use crate::index::{Index, SentFile, SentRecord, link_digest};
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::{EntryKind, Stat};
use crate::snapshot::diff::DiffEntry as Known;
use crate::snapshot::time_alias::AlteredTimesByFolder;
use crate::storage::lock::Lock;
use crate::storage::observation::{ObservationBuilder, ObservedRoot};
use crate::storage::version::Versions;
use crate::storage::{LocalStorage, StorageRef};

impl SyncRun<'_> {
    /// Reports what is gone from the source, or moves it among the old versions; with it go the folders that it leaves
    /// empty.
    pub(super) fn delete_local(
        &self,
        index: &mut Index,
        storage: &LocalStorage,
        replicas: &[SyncReplica<'_>],
        gone: &[(PathBuf, MissingFile)],
        report: &mut Report,
    ) -> Result<()> {
        let deletes = self.request.delete && !self.request.dry_run && !interrupt::is_requested();
        let count = gone.len() as u64;
        if !deletes || matches!(self.confirm_deletion(count), Err(Error::Declined)) {
            for (replica, file) in gone {
                report.add(self.missing_outcome(), || {
                    self.destination_path(&replica.join(&file.path))
                });
            }
            return Ok(());
        }
        let folders = self.missing_sent_folders(replicas)?;
        if gone.is_empty() && folders.is_empty() {
            return Ok(());
        }
        self.refuse_same_place(StorageRef::Local(storage), true)?;
        let _lock = Lock::create_and_acquire(&storage.root, &storage.database.name, self.run)?;
        let versions = Versions::new(&storage.root, self.run);
        let mut record = SentRecord::new();
        let mut times = BTreeMap::new();
        for (replica, file) in gone {
            let whole = replica.join(&file.path);
            if !times.contains_key(replica) {
                let known = (
                    self.destination_precision(index, replica)?,
                    storage.altered_times(replica)?,
                );
                times.insert(replica, known);
            }
            let outcome =
                match self.move_to_versions(storage, &versions, replica, file, &times[replica]) {
                    Ok(outcome) => outcome,
                    Err(error) => Outcome::Failed(error.full_message()),
                };
            if matches!(outcome, Outcome::Deleted | Outcome::Skipped(_)) {
                let changes = record.entry(replica.clone()).or_default();
                changes.remove(&file.path);
            }
            report.add(outcome, || self.destination_path(&whole));
        }
        let (source, destination) = self.roots();
        index.update_sent(destination, source, &record)?;
        let emptied = self.remove_empty_local(storage, &folders)?;
        index.forget_sent_folders(destination, &emptied)?;
        let path = versions
            .run_path()
            .map(|path| storage.root.path().join(path));
        report.version_folders.extend(path);
        let touched = gone.iter().map(|(replica, _)| replica);
        let touched = touched.chain(emptied.iter().map(|(replica, _)| replica));
        self.rescan(index, storage, touched.collect())
    }

    /// Tells the index what is left of the replicas from which something was taken away.
    fn rescan(
        &self,
        index: &mut Index,
        storage: &LocalStorage,
        replicas: BTreeSet<&PathBuf>,
    ) -> Result<()> {
        let meant: Vec<_> = replicas
            .into_iter()
            .filter_map(|replica| self.match_replica(replica))
            .collect();
        let mut builder = ObservationBuilder::start(index, self.request.destination)?;
        for (category, project) in &meant {
            let tree = storage.tree(self.registry, &self.exclusions, category, project)?;
            builder.add(category, project, &tree)?;
        }
        let observation = builder.finish()?;
        observation.write(index, ObservedRoot::Local(&storage.root))
    }

    /// Moves one file or link among the old versions, if it is there as it was sent.
    fn move_to_versions(
        &self,
        storage: &LocalStorage,
        versions: &Versions<'_>,
        replica: &Path,
        file: &MissingFile,
        (step, held): &(TimePrecision, AlteredTimesByFolder),
    ) -> Result<Outcome> {
        let whole = replica.join(&file.path);
        let (folder, name) = (
            whole.parent().unwrap_or(Path::new("")),
            whole.file_name().unwrap_or(OsStr::new("")),
        );
        debug_assert!(!whole.starts_with(OWN_FOLDER));
        if let Some(error) = storage.missing_mount(&whole) {
            return Err(error);
        }
        let absent = || Outcome::Skipped("it was not there any more".to_owned());
        let folder = match storage.root.open_descendant(folder) {
            Err(error) if is_not_found(&error) => return Ok(absent()),
            folder => Arc::new(folder?),
        };
        let stat = match folder.stat(name) {
            Err(error) if is_not_found(&error) => return Ok(absent()),
            stat => stat?,
        };
        let above = file.path.parent().unwrap_or(Path::new(""));
        let held = held
            .get(above)
            .and_then(|files| files.get(&Name::from(name)))
            .filter(|held| (held.bytes, held.reported) == (stat.bytes, stat.modified));
        let modified = held.map_or(stat.modified, |held| held.original);
        if !is_as_sent(&folder, name, &stat, &file.sent, (modified, *step)) {
            return Ok(self.changed_outcome());
        }
        let old = Known {
            kind: stat.kind,
            bytes: stat.bytes,
            modified: stat.modified,
        };
        versions.move_to_versions((&folder, name), (replica, &file.path), &old)?;
        Ok(Outcome::Deleted)
    }

    /// The step in which a replica's file system keeps times at the destination, as far as the index knows.
    fn destination_precision(&self, index: &Index, replica: &Path) -> Result<TimePrecision> {
        let destination = &self.request.destination.root;
        let Some((id, (category, project))) = index
            .database_id(destination)?
            .zip(self.match_replica(replica))
        else {
            return Ok(TimePrecision::TwoSeconds);
        };
        let known = index.replica(id, &category.path, &project)?;
        Ok(known.map_or(TimePrecision::TwoSeconds, |known| known.aggregate.precision))
    }
}

/// Whether a file or link at the destination is the one that was sent: by size and time, or by its target.
fn is_as_sent(
    folder: &Folder,
    name: &OsStr,
    stat: &Stat,
    sent: &SentFile,
    (modified, step): (Timestamp, TimePrecision),
) -> bool {
    match stat.kind {
        EntryKind::File => {
            let is_same_time = modified.equals_at(sent.modified, step);
            sent.link_digest == 0 && stat.bytes == sent.bytes && is_same_time
        }
        EntryKind::Link => {
            let target = folder.read_link(name);
            target.is_ok_and(|target| link_digest(target.as_bytes()) == sent.link_digest)
        }
        EntryKind::Folder | EntryKind::Special => false,
    }
}
