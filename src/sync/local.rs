//! A sync to a database on a disk: replicas in which something changed go the way of every copy, and what the record says
//! of them is brought up to date.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::SyncRun;
use super::changes::MissingFile;
use super::collect::SyncReplica;
use super::folder_metadata::FolderDigests;
use super::respelled::RespelledFiles;
use super::source::SourceSnapshot;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::{ProgressEvent, Task};
use crate::base::name::Name;
use crate::copy;
use crate::copy::destination::{CopyLimits, CopySpec, SourceReplica};
use crate::copy::outcome::Outcome;
use crate::copy::plan::CopyRules;
use crate::copy::remote::{SourceProbe, SourceState};
use crate::copy::report::Report;
use crate::index::{Index, SentChanges, SentFile, SentFolder, SentRecord, SentRow};
use crate::snapshot::manifest::ManifestFiles;
use crate::storage::{LocalStorage, StorageRef};

impl SyncRun<'_> {
    pub(super) fn sync_to_local(
        &self,
        index: &mut Index,
        storage: &LocalStorage,
        snapshot: SourceSnapshot,
    ) -> Result<Report> {
        let mut report = Report::default();
        self.monitor.on_event(&ProgressEvent::Started {
            task: Task::Compare,
            files: None,
            bytes: None,
        });
        let mut replicas = self.collect_replicas(index, snapshot, &mut report)?;
        let failed = self.failed_paths(index)?;
        let mut spec = self.copy_spec(&failed);
        let (mut gone, respelled) = self.find_missing_files(&replicas)?;
        spec.limits.renamed_replicas = respelled.renamed_replicas();
        let folders = self.folder_digests(&replicas);
        let known =
            self.add_changed_replicas(index, &mut replicas, &folders, &mut spec, &mut report)?;
        self.refuse_mass_deletion(&gone, known)?;
        // Copying looks by itself, before it writes.
        let deletes = self.request.delete && !gone.is_empty() && spec.replicas.is_empty();
        self.refuse_same_place(StorageRef::Local(storage), deletes)?;
        self.monitor.on_event(&ProgressEvent::Finished);
        if !spec.replicas.is_empty() {
            let spec = copy::execute(
                index,
                spec,
                self.request.destination,
                self.monitor,
                &mut report,
            )?;
            if !self.request.dry_run {
                self.record_copied(index, &spec.replicas, &replicas, &mut report)?;
            }
        }
        if !self.request.dry_run {
            self.record_folder_digests(index, &folders, &report)?;
            self.record_failures(index, &report)?;
            gone.extend(respelled.stored_under_both(&storage.root));
        }
        self.delete_local(index, storage, &replicas, &gone, &mut report)?;
        Ok(report)
    }

    /// What is gone from the source, with the folders of its replicas, and what it holds under another spelling.
    fn find_missing_files(
        &self,
        replicas: &[SyncReplica<'_>],
    ) -> Result<(Vec<(PathBuf, MissingFile)>, RespelledFiles)> {
        let mut gone = Vec::new();
        if self.request.retry_failed {
            return Ok((gone, RespelledFiles::default()));
        }
        let mut probe = SourceProbe::new(&self.source);
        for replica in replicas {
            for file in self.replica_changes(replica).missing {
                if self.is_missing_at_source(&mut probe, &replica.relative.join(&file.path))? {
                    gone.push((replica.relative.clone(), file));
                }
            }
        }
        let respelled = RespelledFiles::extract(replicas, &mut gone);
        Ok((gone, respelled))
    }

    /// Adds the replicas with work to the errand, and reports what is the same in the others; gives how many files this
    /// source sent before.
    fn add_changed_replicas(
        &self,
        index: &Index,
        replicas: &mut [SyncReplica<'_>],
        folders: &FolderDigests,
        spec: &mut CopySpec,
        report: &mut Report,
    ) -> Result<u64> {
        let mut known = 0;
        for replica in replicas {
            let changes = self.replica_changes(replica);
            known += changes.sent_files;
            let is_failed = spec
                .limits
                .priority
                .iter()
                .any(|path| path.starts_with(&replica.relative));
            let has_work = !changes.send.is_empty()
                || !changes.folders.is_empty()
                || changes.changed_links > 0
                || self.have_folders_changed(index, &replica.relative, folders)?
                || replica.is_new();
            if (has_work && !self.request.retry_failed) || is_failed {
                spec.replicas.push(SourceReplica {
                    category: replica.category.clone(),
                    project: replica.project.clone(),
                    tree: std::mem::take(&mut replica.tree),
                });
            } else if !self.request.retry_failed {
                report.add_same(changes.same);
                // Of the others copying tells.
                self.report_unreadable(&replica.relative, &replica.tree, report);
            }
        }
        Ok(known)
    }

    /// The files that failed before, by their paths below both roots.
    fn failed_paths(&self, index: &Index) -> Result<HashSet<PathBuf>> {
        let (source, destination) = self.roots();
        let failures = index.failures_below(source, destination, Path::new(""))?;
        Ok(failures.into_iter().map(|failure| failure.path).collect())
    }

    fn copy_spec(&self, failed: &HashSet<PathBuf>) -> CopySpec {
        CopySpec {
            registry: self.registry.clone(),
            scope: self.request.scope.clone(),
            exclusions: self.exclusions.clone(),
            source: self.source.clone(),
            replicas: Vec::new(),
            rules: CopyRules {
                // What the source holds is what counts; what was there is kept among the old versions.
                overwrite: true,
                ..CopyRules::default()
            },
            verify: self.request.verify,
            dry_run: self.request.dry_run,
            confirm_replacements: false,
            run: self.run,
            limits: CopyLimits {
                only: self.request.retry_failed.then(|| failed.clone()),
                priority: failed.clone(),
                max_files: self.request.max_files,
                deadline: self.request.limits.deadline,
                ..CopyLimits::default()
            },
        }
    }

    /// Notes what is at the destination now: everything that the report says nothing else of.
    fn record_copied(
        &self,
        index: &mut Index,
        done: &[SourceReplica],
        gathered: &[SyncReplica<'_>],
        report: &mut Report,
    ) -> Result<()> {
        let (source, destination) = self.roots();
        let mut others: HashSet<PathBuf> = HashSet::new();
        for item in &report.items {
            let Ok(whole) = item.path.strip_prefix(destination) else {
                continue;
            };
            match &item.outcome {
                Outcome::Copied(_) => continue,
                Outcome::Unreached if !interrupt::is_requested() => report.left_files += 1,
                _ => {}
            }
            others.insert(whole.to_owned());
        }
        let mut probe = SourceProbe::new(&self.source);
        let (mut record, mut good) = (SentRecord::new(), Vec::new());
        for replica in done {
            let relative = replica.relative();
            let known = gathered
                .iter()
                .find(|gathered| gathered.relative == relative)
                .map_or(&[][..], |gathered| &gathered.sent_rows);
            let changes = sent_changes(replica, known, &others, &mut probe, &mut good);
            if !interrupt::is_requested() || changes.folders().any(|(_, files)| !files.is_empty()) {
                record.insert(relative, changes);
            }
        }
        index.update_sent(destination, source, &record)?;
        index.clear_failures(source, destination, &good)
    }

    /// Notes what failed, each path once.
    fn record_failures(&self, index: &mut Index, report: &Report) -> Result<()> {
        let (source, destination) = self.roots();
        let mut failed = BTreeMap::new();
        for item in &report.items {
            if let (Outcome::Failed(why), Ok(whole)) =
                (&item.outcome, item.path.strip_prefix(destination))
            {
                failed.insert(whole.to_owned(), why.clone());
            }
        }
        let failed: Vec<_> = failed.into_iter().collect();
        index.record_failures(self.run, source, destination, &failed)
    }
}

/// What is at the destination now of a replica that was copied, but for `others`; `good` gets all its files.
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
    for (path, folder) in &replica.tree.folders {
        if folder.files.is_some() {
            good.push(relative.join(path).components().collect());
        }
        let before = known.get(path.as_path());
        let mut sent = SentFolder::new();
        let mut files = ManifestFiles::of(folder.packed());
        while let Ok(Some(file)) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            let whole = relative.join(path).join(name.as_path());
            if others.contains(&whole) {
                continue;
            }
            let same = before
                .and_then(|files| files.get(&name))
                .filter(|sent| sent.matches(&file));
            let number = match same {
                Some(same) => same.file_id,
                None => file_id(&probe.stat_path(&whole)),
            };
            let state = SentFile {
                file_id: number,
                ..SentFile::of(&file)
            };
            sent.insert(name, state);
            good.push(whole);
        }
        if !sent.is_empty() || folder.packed().is_empty() {
            changes.add_folder(path, sent);
        }
    }
    changes
}

/// A file's number on its file system; 0 where that is not known.
fn file_id(seen: &SourceState) -> u64 {
    match seen {
        SourceState::File(seen) => seen.file_id,
        SourceState::Missing | SourceState::NotAFile(_) | SourceState::Unknown => 0,
    }
}
