//! A sync to a database on a disk. Changed replicas go through the copy pipeline; then the record is updated.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::changes::{MissingFile, ReplicaChanges};
use super::collect::SyncReplica;
use super::folder_metadata::FolderDigests;
use super::respelled::RespelledFiles;
use super::run::SyncRun;
use super::source::SourceSnapshot;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::ProgressEvent;
use crate::base::name::Name;
use crate::copy;
use crate::copy::COMPARING_STARTED;
use crate::copy::destination::{CopyLimits, CopySpec, SourceReplica};
use crate::copy::outcome::Outcome;
use crate::copy::plan::CopyRules;
use crate::copy::remote::{SourceProbe, SourceState};
use crate::copy::report::Report;
use crate::index::{Index, SentChanges, SentFile, SentFolder, SentRecord, SentRow};
use crate::storage::{LocalStorage, StorageRef};

impl SyncRun<'_> {
    pub(super) fn sync_to_local(
        &self,
        index: &mut Index,
        storage: &LocalStorage,
        snapshot: SourceSnapshot,
    ) -> Result<Report> {
        let mut report = Report::default();
        self.monitor.on_event(&COMPARING_STARTED);
        let mut replicas = self.collect_replicas(index, snapshot, &mut report)?;
        let mut spec = self.copy_spec(self.failed_paths(index)?);
        let changes = replicas.iter().map(|replica| self.replica_changes(replica));
        let changes: Vec<ReplicaChanges> = changes.collect();
        let sent_files = changes.iter().map(|changes| changes.sent_files).sum();
        let mut missing = self.find_missing_files(&changes)?;
        let respelled = RespelledFiles::extract(&replicas, &mut missing);
        spec.limits.renamed_replicas = respelled.renamed_replicas();
        let folders = self.folder_digests(&replicas);
        for (replica, changes) in replicas.iter_mut().zip(&changes) {
            self.add_if_changed(index, replica, changes, &folders, &mut spec, &mut report)?;
        }
        self.refuse_mass_deletion(&missing, sent_files)?;
        // The copy pipeline makes this check itself before it writes.
        let deletes = self.request.delete && !missing.is_empty() && spec.replicas.is_empty();
        self.refuse_same_place(StorageRef::Local(storage), deletes)?;
        self.monitor.on_event(&ProgressEvent::Finished);
        if !spec.replicas.is_empty() {
            let destination = self.request.destination;
            let spec = copy::execute(index, spec, destination, self.monitor, &mut report)?;
            if !self.request.dry_run {
                self.record_copied(index, &spec.replicas, &replicas, &mut report)?;
            }
        }
        if !self.request.dry_run {
            self.record_folder_digests(index, &folders, &report)?;
            self.record_failures(index, &report)?;
            missing.extend(respelled.stored_under_both(&storage.root));
        }
        self.delete_local(index, storage, &replicas, &missing, &mut report)?;
        Ok(report)
    }

    /// Returns the files that are certainly missing at the source.
    fn find_missing_files(&self, changes: &[ReplicaChanges]) -> Result<Vec<MissingFile>> {
        let mut missing = Vec::new();
        if self.request.retry_failed {
            return Ok(missing);
        }
        let mut probe = SourceProbe::new(&self.source);
        for file in changes.iter().flat_map(|changes| &changes.missing) {
            if self.is_missing_at_source(&mut probe, &file.path_below_root())? {
                missing.push(file.clone());
            }
        }
        Ok(missing)
    }

    /// Adds a replica with changes to the copy, and reports the files of an unchanged one.
    fn add_if_changed(
        &self,
        index: &Index,
        replica: &mut SyncReplica<'_>,
        changes: &ReplicaChanges,
        folders: &FolderDigests,
        spec: &mut CopySpec,
        report: &mut Report,
    ) -> Result<()> {
        let mut failed = spec.limits.priority.iter();
        let has_failed = failed.any(|path| path.starts_with(&replica.relative));
        let has_changed = !changes.send.is_empty()
            || !changes.folders.is_empty()
            || changes.changed_links > 0
            || self.have_folders_changed(index, &replica.relative, folders)?
            || replica.is_new();
        if (has_changed && !self.request.retry_failed) || has_failed {
            spec.replicas.push(SourceReplica {
                category: replica.category.clone(),
                project: replica.project.clone(),
                tree: std::mem::take(&mut replica.tree),
            });
        } else if !self.request.retry_failed {
            report.add_same(changes.same);
            // The copy pipeline reports unreadable files of the other replicas.
            self.report_unreadable(&replica.relative, &replica.tree, report);
        }
        Ok(())
    }

    /// Returns the files that failed before, by their paths below the root.
    fn failed_paths(&self, index: &Index) -> Result<HashSet<PathBuf>> {
        let (source, destination) = self.roots();
        let failures = index.failures_below(source, destination, Path::new(""))?;
        Ok(failures.into_iter().map(|failure| failure.path).collect())
    }

    fn copy_spec(&self, failed: HashSet<PathBuf>) -> CopySpec {
        CopySpec {
            registry: self.registry.clone(),
            scope: self.request.scope.clone(),
            exclusions: self.exclusions.clone(),
            source: self.source.clone(),
            replicas: Vec::new(),
            rules: CopyRules {
                // The source always wins. Replaced files are moved to the old versions.
                overwrite: true,
                ..CopyRules::default()
            },
            verify: self.request.verify,
            dry_run: self.request.dry_run,
            confirm_replacements: false,
            run: self.run,
            limits: CopyLimits {
                only: self.request.retry_failed.then(|| failed.clone()),
                priority: failed,
                max_files: self.request.max_files,
                deadline: self.request.limits.deadline,
                ..CopyLimits::default()
            },
        }
    }

    /// Records as sent all files of the copied replicas for which the report has no other outcome.
    fn record_copied(
        &self,
        index: &mut Index,
        copied: &[SourceReplica],
        replicas: &[SyncReplica<'_>],
        report: &mut Report,
    ) -> Result<()> {
        let (source, destination) = self.roots();
        let mut others: HashSet<PathBuf> = HashSet::new();
        for item in &report.items {
            let Ok(path) = item.path.strip_prefix(destination) else {
                continue;
            };
            match &item.outcome {
                Outcome::Copied(_) => continue,
                Outcome::Unreached if !interrupt::is_requested() => report.left_files += 1,
                _ => {}
            }
            others.insert(path.to_owned());
        }
        let mut probe = SourceProbe::new(&self.source);
        let (mut record, mut good) = (SentRecord::new(), Vec::new());
        for replica in copied {
            let relative = replica.relative();
            let known = replicas
                .iter()
                .find(|replica| replica.relative == relative)
                .map_or(&[][..], |replica| &replica.sent_rows);
            let changes = sent_changes(replica, known, &others, &mut probe, &mut good);
            if !interrupt::is_requested() || changes.folders().any(|(_, files)| !files.is_empty()) {
                record.insert(relative, changes);
            }
        }
        index.update_sent(destination, source, &record)?;
        index.clear_failures(source, destination, &good)
    }

    /// Records failures, one for each path.
    fn record_failures(&self, index: &mut Index, report: &Report) -> Result<()> {
        let (source, destination) = self.roots();
        let mut failed = BTreeMap::new();
        for item in &report.items {
            if let (Outcome::Failed(reason), Ok(path)) =
                (&item.outcome, item.path.strip_prefix(destination))
            {
                failed.insert(path.to_owned(), reason.clone());
            }
        }
        let failed: Vec<_> = failed.into_iter().collect();
        index.record_failures(self.run, source, destination, &failed)
    }
}

/// Returns the files of a copied replica, except `others`, as they were sent. Adds their paths to `good`.
fn sent_changes(
    replica: &SourceReplica,
    known: &[SentRow],
    others: &HashSet<PathBuf>,
    probe: &mut SourceProbe<'_>,
    good: &mut Vec<PathBuf>,
) -> SentChanges {
    let relative = replica.relative();
    let known = known.iter().map(|row| (row.folder.as_path(), row.files()));
    let known: BTreeMap<&Path, SentFolder> = known.collect();
    let mut changes = SentChanges::default();
    for (folder_path, folder) in &replica.tree.folders {
        if folder.files.is_some() {
            good.push(relative.join(folder_path).components().collect());
        }
        let before = known.get(folder_path.as_path());
        let mut sent = SentFolder::new();
        let mut files = folder.manifest().files();
        while let Some(file) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            let path = relative.join(folder_path).join(name.as_path());
            if others.contains(&path) {
                continue;
            }
            let same = before
                .and_then(|files| files.get(&name))
                .filter(|sent| sent.matches(&file));
            let file_id = match same {
                Some(same) => same.file_id,
                None => file_id(&probe.stat_path(&path)),
            };
            let file = SentFile {
                file_id,
                ..SentFile::of(&file)
            };
            sent.insert(name, file);
            good.push(path);
        }
        if !sent.is_empty() || folder.manifest().is_empty() {
            changes.add_folder(folder_path, sent);
        }
    }
    changes
}

/// Returns the id of a file at the source; 0 if it is unknown.
fn file_id(state: &SourceState) -> u64 {
    match state {
        SourceState::File(stat) => stat.file_id,
        SourceState::Missing | SourceState::NotAFile(_) | SourceState::Unknown => 0,
    }
}
