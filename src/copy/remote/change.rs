//! The files to send, and the changes at a remote beside the sent files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::upload::OutgoingFile;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::copy::destination::DestinationCopy;
use crate::copy::destination::find_replica;
use crate::copy::plan::{MissingFile, Plan, PlannedFile, Rename};
use crate::index::{SentFolder, SentRow};
use crate::model::path::split_path;
use crate::storage::RemoteStorage;

/// A replica's folder below the root, and a path below that folder.
pub(super) type ReplicaPath = (PathBuf, PathBuf);

/// Changes at a remote. Renames that cannot be made add to the files that are sent and to those that are missing.
pub(super) struct RemoteChanges {
    pub(super) send: Vec<OutgoingFile>,
    /// Files that are missing at the source.
    pub(super) missing: Vec<MissingFile>,
    /// Files that were renamed, by their new replicas.
    pub(super) renamed: Vec<PathBuf>,
    /// Files that the destination no longer holds under these paths.
    pub(super) removed: Vec<ReplicaPath>,
    /// Folders that the destination does not hold.
    pub(super) removed_folders: Vec<ReplicaPath>,
}

impl RemoteChanges {
    pub(super) fn new(send: Vec<OutgoingFile>, plans: &[Plan]) -> Self {
        let missing = plans.iter().flat_map(|plan| &plan.missing);
        Self {
            send,
            missing: missing
                .filter(|file| file.respelled.is_none())
                .cloned()
                .collect(),
            renamed: Vec::new(),
            removed: Vec::new(),
            removed_folders: Vec::new(),
        }
    }

    /// Returns the folders of all replicas that changed.
    pub(super) fn replicas(&self) -> BTreeSet<&Path> {
        let sent = self.send.iter().map(|file| &file.replica);
        let removed = self.removed.iter().chain(&self.removed_folders);
        let removed = removed.map(|(replica, _)| replica);
        let replicas = sent.chain(&self.renamed).chain(removed);
        replicas.map(PathBuf::as_path).collect()
    }
}

/// Returns the files of the plans to send.
pub(super) fn outgoing_files(
    copy: &DestinationCopy<'_>,
    storage: &RemoteStorage,
    plans: &[Plan],
) -> Result<Vec<OutgoingFile>> {
    let mut outgoing = Vec::new();
    for plan in plans {
        let replica = find_replica(&copy.spec.replicas, plan);
        let rows = replica.map_or(&[][..], |replica| &replica.changes.sent_rows);
        let mut tags = PreviousTags::new(rows);
        for (path, file) in plan.files() {
            let whole = plan.replica.join(&path);
            let mut previous_tag = 0;
            if file.replaced.is_some() {
                let recorded = tags.find(&path);
                let listed = || -> Result<u64> {
                    let listing = storage.listing_of(&plan.replica)?;
                    Ok(listing.file(&whole).map_or(0, |listed| listed.tag))
                };
                previous_tag = recorded.map_or_else(listed, Ok)?;
            }
            outgoing.push(outgoing_file(plan, path, &file, previous_tag));
        }
    }
    Ok(outgoing)
}

fn outgoing_file(
    plan: &Plan,
    path: PathBuf,
    file: &PlannedFile,
    previous_tag: u64,
) -> OutgoingFile {
    OutgoingFile {
        replica: plan.replica.clone(),
        path,
        bytes: file.bytes,
        modified: file.modified,
        replaces: file.replaced.is_some(),
        previous_tag,
    }
}

/// Returns the renamed file as one to send.
pub(super) fn renamed_file(plan: &Plan, rename: &Rename) -> OutgoingFile {
    OutgoingFile {
        replica: plan.replica.clone(),
        path: rename.path.clone(),
        bytes: rename.bytes,
        modified: rename.modified,
        replaces: false,
        previous_tag: 0,
    }
}

/// The version tags of files in the record of a replica.
struct PreviousTags<'a> {
    rows: &'a [SentRow],
    folders: BTreeMap<PathBuf, SentFolder>,
}

impl<'a> PreviousTags<'a> {
    const fn new(rows: &'a [SentRow]) -> Self {
        Self {
            rows,
            folders: BTreeMap::new(),
        }
    }

    fn find(&mut self, path: &Path) -> Option<u64> {
        let (folder, name) = split_path(path);
        let rows = self.rows;
        let files = self.folders.entry(folder.to_owned()).or_insert_with(|| {
            let rows = rows.iter().filter(|row| row.folder == folder);
            rows.flat_map(SentRow::files).collect()
        });
        files.get(&Name::from(name)).map(|sent| sent.tag)
    }
}
