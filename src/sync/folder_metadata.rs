//! Times and permissions of folders: where these alone changed at the source, a replica is brought up to date too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::SyncRun;
use super::collect::SyncReplica;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::copy::outcome::Outcome;
use crate::copy::report::Report;
use crate::index::Index;
use crate::snapshot::digest::Digest;
use crate::snapshot::tree::Tree;

/// What stands for the folders of replicas at the source, by their own folders below the root.
pub(super) type FolderDigests = BTreeMap<PathBuf, Digest>;

impl SyncRun<'_> {
    /// The folders of these replicas, of those that could be read whole.
    pub(super) fn folder_digests(&self, replicas: &[SyncReplica<'_>]) -> FolderDigests {
        // A remote tells no permissions of folders.
        if self.source.root_folder().is_none() {
            return FolderDigests::new();
        }
        let whole = replicas
            .iter()
            .filter(|replica| !replica.tree.folders.is_empty() && replica.tree.problems.is_empty());
        whole
            .map(|replica| (replica.relative.clone(), folder_digest(&replica.tree)))
            .collect()
    }

    /// Whether folders of a replica are known to be others than those that were brought last.
    pub(super) fn have_folders_changed(
        &self,
        index: &Index,
        replica: &Path,
        folders: &FolderDigests,
    ) -> Result<bool> {
        let (source, destination) = self.roots();
        let before = index.sent_folders_digest(destination, source, replica)?;
        let now = folders.get(replica);
        Ok(before.is_some_and(|before| now.is_some_and(|now| *now != before)))
    }

    /// Keeps what was brought: nothing of a run that was stopped, or of a replica in which something failed or is left.
    pub(super) fn record_folder_digests(
        &self,
        index: &mut Index,
        folders: &FolderDigests,
        report: &Report,
    ) -> Result<()> {
        if interrupt::is_requested() || self.request.retry_failed {
            return Ok(());
        }
        let (source, destination) = self.roots();
        let is_left =
            |outcome: &Outcome| matches!(outcome, Outcome::Failed(_) | Outcome::Unreached);
        let left: Vec<&Path> = report
            .items
            .iter()
            .filter(|item| is_left(&item.outcome))
            .filter_map(|item| item.path.strip_prefix(destination).ok())
            .collect();
        let done = folders.iter().filter(|(replica, _)| {
            !left
                .iter()
                .any(|path| path.starts_with(replica) || replica.starts_with(path))
        });
        let mut news = Vec::new();
        for (replica, digest) in done {
            if index.sent_folders_digest(destination, source, replica)? != Some(*digest) {
                news.push((replica.as_path(), *digest));
            }
        }
        index.store_sent_folders_digests(destination, source, news)
    }
}

/// What stands for paths, permissions and times of all folders.
fn folder_digest(tree: &Tree) -> Digest {
    let mut bytes = Vec::new();
    for (path, folder) in &tree.folders {
        bytes.extend_from_slice(path.as_os_str().as_encoded_bytes());
        bytes.push(0);
        bytes.extend_from_slice(&folder.mode.to_le_bytes());
        bytes.extend_from_slice(&folder.modified.seconds.to_le_bytes());
        bytes.extend_from_slice(&folder.modified.nanoseconds.to_le_bytes());
    }
    Digest::of_bytes(&bytes)
}
