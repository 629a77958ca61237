//! Files that are missing at the source, at a destination on a disk.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::changes::MissingFile;
use super::collect::SyncReplica;
use super::run::SyncRun;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::own_name::OWN_FOLDER;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::copy::destination::record_replicas;
use crate::copy::outcome::Outcome;
use crate::copy::report::Report;
use crate::index::{Index, SentFile, SentRecord, link_digest};
use crate::model::path::split_path;
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::{EntryKind, Stat};
use crate::snapshot::diff::DiffEntry;
use crate::snapshot::time_alias::AlteredTimesByFolder;
use crate::storage::lock::Lock;
use crate::storage::version::Versions;
use crate::storage::{LocalStorage, StorageRef};

/// Knowledge of a replica's times at the destination.
struct ReplicaTimes {
    precision: TimePrecision,
    altered: AlteredTimesByFolder,
}

impl SyncRun<'_> {
    /// Reports missing files or moves them to the old versions. Then removes the folders that this left empty.
    pub(super) fn delete_local(
        &self,
        index: &mut Index,
        storage: &LocalStorage,
        replicas: &[SyncReplica<'_>],
        missing: &[MissingFile],
        report: &mut Report,
    ) -> Result<()> {
        let is_report_only = self.request.dry_run || interrupt::is_requested();
        if is_report_only || !self.is_deletion_confirmed(missing.len() as u64) {
            self.report_missing(missing, report);
            return Ok(());
        }
        let folders = self.missing_sent_folders(replicas)?;
        if missing.is_empty() && folders.is_empty() {
            return Ok(());
        }
        self.refuse_same_place(StorageRef::Local(storage), true)?;
        let _lock = Lock::create_and_acquire(&storage.root, &storage.database.name, self.run)?;
        self.delete_files(index, storage, missing, report)?;
        let removed = self.remove_empty_local(storage, &folders)?;
        index.forget_sent_folders(&self.request.destination.root, &removed)?;
        let changed = missing.iter().map(|file| &file.replica);
        let changed = changed.chain(removed.iter().map(|(replica, _)| replica));
        self.rescan(index, storage, changed.collect())
    }

    /// Moves files to the old versions and removes them from the record.
    fn delete_files(
        &self,
        index: &mut Index,
        storage: &LocalStorage,
        missing: &[MissingFile],
        report: &mut Report,
    ) -> Result<()> {
        let versions = Versions::new(&storage.root, self.run);
        let mut record = SentRecord::new();
        let mut times: BTreeMap<&Path, ReplicaTimes> = BTreeMap::new();
        for file in missing {
            let times = match times.entry(&file.replica) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(ReplicaTimes {
                    precision: self.destination_precision(index, &file.replica)?,
                    altered: storage.altered_times(&file.replica)?,
                }),
            };
            let outcome = self
                .move_to_versions(storage, &versions, file, times)
                .unwrap_or_else(|error| Outcome::Failed(error.full_message()));
            if matches!(outcome, Outcome::Deleted | Outcome::Skipped(_)) {
                let changes = record.entry(file.replica.clone()).or_default();
                changes.remove(&file.path);
            }
            report.add(outcome, || self.destination_path(&file.path_below_root()));
        }
        let (source, destination) = self.roots();
        index.update_sent(destination, source, &record)?;
        let path = versions.run_path();
        let path = path.map(|path| storage.root.path().join(path));
        report.version_folders.extend(path);
        Ok(())
    }

    /// Updates the index for replicas in which something was deleted.
    fn rescan(
        &self,
        index: &mut Index,
        storage: &LocalStorage,
        replicas: BTreeSet<&PathBuf>,
    ) -> Result<()> {
        let replicas = replicas.into_iter();
        let replicas: Vec<_> = replicas
            .filter_map(|replica| self.match_replica(replica))
            .collect();
        record_replicas(index, storage, self.registry, &self.exclusions, &replicas)
    }

    /// Moves one file or link to the old versions if it is still as it was sent.
    fn move_to_versions(
        &self,
        storage: &LocalStorage,
        versions: &Versions<'_>,
        file: &MissingFile,
        times: &ReplicaTimes,
    ) -> Result<Outcome> {
        let path = file.path_below_root();
        let (folder, name) = split_path(&path);
        debug_assert!(!path.starts_with(OWN_FOLDER));
        if let Some(error) = storage.missing_mount(&path) {
            return Err(error);
        }
        let absent = || Outcome::Skipped("already missing at the destination".to_owned());
        let folder = match storage.root.open_descendant(folder) {
            Err(error) if is_not_found(&error) => return Ok(absent()),
            folder => Arc::new(folder?),
        };
        let stat = match folder.stat(name) {
            Err(error) if is_not_found(&error) => return Ok(absent()),
            stat => stat?,
        };
        let above = file.path.parent().unwrap_or(Path::new(""));
        let altered = times
            .altered
            .get(above)
            .and_then(|files| files.get(&Name::from(name)))
            .filter(|time| (time.bytes, time.reported) == (stat.bytes, stat.modified));
        let modified = altered.map_or(stat.modified, |time| time.original);
        if !is_as_sent(
            &folder,
            name,
            &stat,
            &file.sent,
            (modified, times.precision),
        ) {
            return Ok(self.changed_outcome());
        }
        let old = DiffEntry {
            kind: stat.kind,
            bytes: stat.bytes,
            modified: stat.modified,
        };
        versions.move_to_versions((&folder, name), (&file.replica, &file.path), &old)?;
        Ok(Outcome::Deleted)
    }

    /// Returns the time precision of a replica at the destination; the coarsest if the index does not know it.
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

/// True if an entry at the destination is the one that was sent: a file by size and mtime, a link by its target.
fn is_as_sent(
    folder: &Folder,
    name: &OsStr,
    stat: &Stat,
    sent: &SentFile,
    (modified, precision): (Timestamp, TimePrecision),
) -> bool {
    match stat.kind {
        EntryKind::File => {
            let is_same_time = modified.equals_at(sent.modified, precision);
            sent.link_digest == 0 && stat.bytes == sent.bytes && is_same_time
        }
        EntryKind::Link => {
            let target = folder.read_link(name);
            target.is_ok_and(|target| link_digest(target.as_bytes()) == sent.link_digest)
        }
        EntryKind::Folder | EntryKind::Special => false,
    }
}
