//! The retry of files that failed in previous syncs, at a destination whose files the record shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::collect::SyncReplica;
use super::run::SyncRun;
use crate::base::error::Result;
use crate::copy::outcome::Outcome;
use crate::copy::report::Report;
use crate::index::Index;
use crate::model::path::split_path;
use crate::os::stat::EntryKind;
use crate::snapshot::manifest::{Manifest, ManifestFile};
use crate::snapshot::tree::Tree;
use crate::storage::{EntryProbe, EntryState};

impl<'a> SyncRun<'a> {
    /// Returns the replicas of the failed files, with only these in their trees. Forgets failures of files that are missing at
    /// the source or excluded now.
    pub(super) fn failed_replicas(
        &self,
        index: &mut Index,
        report: &mut Report,
    ) -> Result<Vec<SyncReplica<'a>>> {
        let (source, destination) = self.roots();
        let mut failed: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        let mut obsolete = Vec::new();
        let mut probe = EntryProbe::new(&self.source);
        for failure in index.failures_below(source, destination, Path::new(""))? {
            let Some(replica) = self.replica_of(&failure.path) else {
                continue;
            };
            if self.is_excluded(&failure.path) {
                obsolete.push(failure.path);
            } else if probe.is_missing(&failure.path)? {
                if !self.request.dry_run {
                    let outcome = Outcome::Skipped("missing at the source".to_owned());
                    report.add(outcome, || self.destination_path(&failure.path));
                }
                obsolete.push(failure.path);
            } else if !matches!(
                probe.stat(&failure.path),
                EntryState::NotAFile(EntryKind::Folder)
            ) && let Ok(path) = failure.path.strip_prefix(&replica)
            {
                let path = path.to_owned();
                failed.entry(replica).or_default().push(path);
            }
        }
        if !self.request.dry_run {
            index.clear_failures(source, destination, &obsolete)?;
        }
        let mut replicas = Vec::new();
        for (relative, paths) in failed {
            if let Some(matched) = self.match_replica(&relative) {
                let tree = tree_of(&mut probe, &relative, paths)?;
                replicas.push(self.replica(index, matched, relative, tree)?);
            }
        }
        Ok(replicas)
    }
}

/// Returns a tree with these files of a replica, as they are at the source. A file that cannot be read has size 0; sending it
/// reports the reason.
fn tree_of(probe: &mut EntryProbe<'_>, replica: &Path, paths: Vec<PathBuf>) -> Result<Tree> {
    let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in paths {
        let folder = split_path(&path).0.to_owned();
        folders.entry(folder).or_default().push(path);
    }
    let mut tree = Tree::default();
    for (folder, mut paths) in folders {
        paths.sort_unstable_by(|a, b| split_path(a).1.cmp(split_path(b).1));
        let mut files = Vec::new();
        for path in &paths {
            let (bytes, modified) = probe.size_and_time(&replica.join(path))?;
            let name = split_path(path).1.as_encoded_bytes();
            files.push(ManifestFile::regular(name, bytes, modified));
        }
        tree.add_folder(&folder, Manifest::of_files(files).0.files());
        for above in folder.ancestors().skip(1) {
            tree.add_parent(above);
        }
    }
    tree.set_subfolder_names();
    Ok(tree)
}
