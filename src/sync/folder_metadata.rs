//! Times and permissions of folders. A replica in which only these changed at the source is updated too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::collect::SyncReplica;
use super::request::SyncRequest;
use super::run::SyncRun;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::copy::outcome::Outcome;
use crate::copy::report::Report;
use crate::index::Index;
use crate::model::address;
use crate::snapshot::digest::Digest;
use crate::snapshot::tree::Tree;

/// Digests of the folders' metadata, by the replica's folder below the root.
pub(super) type FolderDigests = BTreeMap<PathBuf, Digest>;

impl SyncRun<'_> {
    /// Returns the digests of all replicas that were read without a problem.
    pub(super) fn folder_digests(&self, replicas: &[SyncReplica<'_>]) -> FolderDigests {
        // Remotes have no permissions of folders.
        if self.source.root_folder().is_none() {
            return FolderDigests::new();
        }
        let complete = replicas
            .iter()
            .filter(|replica| !replica.tree.folders.is_empty() && replica.tree.problems.is_empty());
        complete
            .map(|replica| (replica.relative.clone(), folder_digest(&replica.tree)))
            .collect()
    }

    /// True if the folders of a replica are known to differ from those that were copied last.
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
}

/// Records the digests, except those of replicas with failed or unreached files. A cancelled run records none.
pub(super) fn record_folder_digests(
    index: &mut Index,
    request: &SyncRequest<'_>,
    folders: &FolderDigests,
    report: &Report,
) -> Result<()> {
    if interrupt::is_requested() || request.retry_failed {
        return Ok(());
    }
    let (source, destination) = (&request.source.root, &request.destination.root);
    let is_unfinished =
        |outcome: &Outcome| matches!(outcome, Outcome::Failed(_) | Outcome::Unreached);
    let unfinished: Vec<PathBuf> = report
        .items
        .iter()
        .filter(|item| is_unfinished(&item.outcome))
        .filter_map(|item| address::strip(destination, &item.path))
        .collect();
    let mut changed = Vec::new();
    for (replica, digest) in folders {
        let mut unfinished = unfinished.iter();
        if !unfinished.any(|path| path.starts_with(replica) || replica.starts_with(path))
            && index.sent_folders_digest(destination, source, replica)? != Some(*digest)
        {
            changed.push((replica.as_path(), *digest));
        }
    }
    index.store_sent_folders_digests(destination, source, changed)
}

/// Returns the digest of paths, permissions and mtimes of all folders.
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
