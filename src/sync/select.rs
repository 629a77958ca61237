//! Selects the changes of a sync: the replicas that the pipeline plans, with their renames and missing files.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::changes::ReplicaChanges;
use super::collect::SyncReplica;
use super::folder_metadata::FolderDigests;
use super::known_content::KnownDifferences;
use super::respelled::mark_respelled;
use super::run::SyncRun;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::timestamp::TimePrecision;
use crate::copy::destination::{CopyLimits, CopySpec, SourceReplica, SyncChanges, SyncRules};
use crate::copy::plan::{CopyRules, MissingFile};
use crate::copy::report::Report;
use crate::copy::source_root::SourceRoot;
use crate::index::Index;
use crate::snapshot::manifest_join::merge;
use crate::snapshot::tree::Tree;
use crate::storage::EntryProbe;

impl<'a> SyncRun<'a> {
    /// Returns the copy of everything that changed, and reports the files of unchanged replicas that need no plan.
    pub(super) fn select_changes(
        &self,
        index: &Index,
        replicas: Vec<SyncReplica<'a>>,
        folders: &FolderDigests,
        report: &mut Report,
    ) -> Result<CopySpec> {
        let changes = replicas.iter().map(|replica| self.replica_changes(replica));
        let changes: Vec<ReplicaChanges> = changes.collect();
        let mut missing = self.find_missing_files(&changes)?;
        let mut renames = self.find_renames(&replicas, &changes, &mut missing);
        mark_respelled(&replicas, &mut missing);
        let sent_files = changes.iter().map(|changes| changes.sent_files).sum();
        self.refuse_mass_deletion(&missing, sent_files)?;
        let mut emptied = self.find_emptied_folders(&replicas, &renames)?;
        let respelled = respelled_replicas(&replicas, &missing);
        let mut spec = self.copy_spec(self.failed_paths(index)?);
        let mut by_replica: BTreeMap<PathBuf, Vec<MissingFile>> = BTreeMap::new();
        for file in missing {
            by_replica
                .entry(file.replica.clone())
                .or_default()
                .push(file);
        }
        let mut known = KnownDifferences::default();
        let sent = index.all_sent_replicas(&self.request.destination.root)?;
        let sent = sent.into_iter().collect();
        for (replica, changes) in replicas.into_iter().zip(changes) {
            let relative = &replica.relative;
            let selected = SyncChanges {
                renames_project: respelled.contains(relative),
                renames: renames.remove(relative).unwrap_or_default(),
                missing: by_replica.remove(relative).unwrap_or_default(),
                emptied_folders: emptied.remove(relative).unwrap_or_default(),
                ..SyncChanges::default()
            };
            let is_changed = self.is_changed(index, &replica, &changes, folders, &spec)?;
            if self.is_by_record(&replica) || !is_changed {
                self.find_known_differences(index, &replica, &mut known)?;
            }
            let changes = (&changes, is_changed);
            spec.replicas
                .extend(self.select_replica(replica, changes, selected, &sent, report));
        }
        self.warn_of_known_differences(&known);
        Ok(spec)
    }

    /// True if the record of sent files shows what the destination holds.
    fn is_by_record(&self, replica: &SyncReplica<'_>) -> bool {
        self.destination.uses_rclone() && (self.request.retry_failed || !replica.is_new())
    }

    /// Returns the replica for the pipeline; `None` if nothing is to be done with it.
    fn select_replica(
        &self,
        replica: SyncReplica<'_>,
        (changes, is_changed): (&ReplicaChanges, bool),
        selected: SyncChanges,
        replicas_sent: &BTreeSet<PathBuf>,
        report: &mut Report,
    ) -> Option<SourceReplica> {
        let by_record = self.is_by_record(&replica);
        let recorded = by_record.then(|| recorded_tree(&replica, replicas_sent));
        let mut tree = replica.tree;
        if by_record {
            // The record has the times of the source itself, so they are compared exactly.
            tree.proven_precision = Some(TimePrecision::Nanosecond);
        } else if !is_changed {
            if !self.request.retry_failed {
                report.add_same(changes.same);
                self.report_unreadable(&replica.relative, &tree, report);
            }
            if selected.missing.is_empty() && selected.emptied_folders.is_empty() {
                return None;
            }
            tree = Tree::default();
        }
        Some(SourceReplica {
            inside: PathBuf::new(),
            category: replica.category.clone(),
            project: replica.project,
            tree,
            changes: SyncChanges {
                recorded,
                sent_rows: replica.sent_rows,
                ..selected
            },
        })
    }

    /// True if the files or folders of a replica changed since the last sync, or if files of it failed before.
    fn is_changed(
        &self,
        index: &Index,
        replica: &SyncReplica<'_>,
        changes: &ReplicaChanges,
        folders: &FolderDigests,
        spec: &CopySpec,
    ) -> Result<bool> {
        let mut failed = spec.limits.priority.iter();
        if failed.any(|path| path.starts_with(&replica.relative)) {
            return Ok(true);
        }
        let has_changed = changes.has_changes()
            || replica.is_new()
            || self.have_folders_changed(index, &replica.relative, folders)?;
        Ok(has_changed && !self.request.retry_failed)
    }

    /// Returns the files that are certainly missing at the source.
    fn find_missing_files(&self, changes: &[ReplicaChanges]) -> Result<Vec<MissingFile>> {
        let mut missing = Vec::new();
        if self.request.retry_failed {
            return Ok(missing);
        }
        let mut probe = EntryProbe::new(&self.source);
        for file in changes.iter().flat_map(|changes| &changes.missing) {
            interrupt::check()?;
            if probe.is_missing(&file.path_below_root())? {
                missing.push(file.clone());
            }
        }
        Ok(missing)
    }

    /// Returns the files that failed before, by their paths below the root.
    fn failed_paths(&self, index: &Index) -> Result<HashSet<PathBuf>> {
        let (source, destination) = self.roots();
        let failures = index.failures_below(source, destination, Path::new(""))?;
        Ok(failures.into_iter().map(|failure| failure.path).collect())
    }

    fn copy_spec(&self, failed: HashSet<PathBuf>) -> CopySpec {
        let retries_in_tree = self.request.retry_failed && !self.retries_by_record();
        CopySpec {
            source_root: SourceRoot::default(),
            scope: self.request.scope.clone(),
            source: self.source.clone(),
            replicas: Vec::new(),
            rules: CopyRules {
                // The source always wins. Replaced files are moved to the old versions.
                overwrite: true,
                ..CopyRules::default()
            },
            verify: self.request.verify,
            dry_run: self.request.dry_run,
            confirm: self.request.confirmation.is_interactive(),
            run: self.run,
            limits: CopyLimits {
                only: retries_in_tree.then(|| failed.clone()),
                priority: failed,
                max_files: self.request.max_files,
                transfer: self.request.limits.clone(),
            },
            sync: Some(SyncRules {
                delete: self.request.delete,
            }),
        }
    }
}

/// Returns the replicas whose client or project is spelled differently at the source since the last sync.
fn respelled_replicas(replicas: &[SyncReplica<'_>], missing: &[MissingFile]) -> HashSet<PathBuf> {
    let mut respelled = HashSet::new();
    for file in missing {
        let Some(current) = &file.respelled else {
            continue;
        };
        let mut replicas = replicas.iter().map(|replica| &replica.relative);
        let replica = replicas.find(|replica| current.starts_with(replica));
        respelled.extend(replica.filter(|replica| **replica != file.replica).cloned());
    }
    respelled
}

/// Returns the tree of a replica at the destination by the record of sent files. Sent replicas of other categories may lie
/// inside it.
fn recorded_tree(replica: &SyncReplica<'_>, sent: &BTreeSet<PathBuf>) -> Tree {
    let relative = &replica.relative;
    let below = sent.range(relative.clone()..);
    let below = below.take_while(|other| other.starts_with(relative));
    let inner = below.filter_map(|other| other.strip_prefix(relative).ok());
    let hidden = inner
        .flat_map(Path::ancestors)
        .filter(|path| replica.category.inner.contains(&relative.join(path)));
    let mut tree = Tree {
        proven_precision: Some(TimePrecision::Nanosecond),
        hidden_folders: hidden.map(Path::to_owned).collect(),
        ..Tree::default()
    };
    let mut rows = replica.sent_rows.iter().peekable();
    while let Some(row) = rows.next() {
        let mut others = Vec::new();
        // Rows are sorted by folder; each source has one.
        while let Some(other) = rows.next_if(|other| other.folder == row.folder) {
            others.push(other);
        }
        let merged = others
            .iter()
            .fold(row.packed.manifest.clone(), |merged, other| {
                merge(merged.as_ref(), other.packed.manifest.as_ref()).0
            });
        tree.add_folder(&row.folder, merged.files());
        for above in row.folder.ancestors().skip(1) {
            tree.add_parent(above);
        }
    }
    tree.set_subfolder_names();
    tree
}
