//! Files that an earlier comparison found to differ, although their sizes and times are the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::comparison::ContentComparison;
use super::held_evidence;
use super::pair::same_size_pairs;
use super::record::ContentRecord;
use crate::base::error::Result;
use crate::index::{DatabaseId, EvidenceKind, FileEvidence, FolderEvidence, Index};
use crate::model::project::path_within;
use crate::snapshot::time_alias::AlteredTimesByFolder;
use crate::snapshot::tree::Tree;

impl ContentComparison {
    /// Returns the differing files of a replica that the index knows for two databases: files of an earlier comparison, and
    /// files whose recorded digests prove different contents. They still have the size and time of that record. Reads no
    /// file.
    pub fn from_index(
        index: &Index,
        databases: [Option<DatabaseId>; 2],
        replica: &Path,
        trees: [&Tree; 2],
    ) -> Result<Self> {
        let mut found = Self::default();
        let [Some(a), Some(b)] = databases else {
            return Ok(found);
        };
        found.add_unequal_digests(index, [a, b], replica, trees)?;
        if !index.has_differing_files()? {
            return Ok(found);
        }
        for (folder, files) in index.differing_files([a, b], replica)? {
            let Ok(path) = folder.strip_prefix(replica) else {
                continue;
            };
            for pair in same_size_pairs(trees, path) {
                if files.get(&pair.name) == Some(&pair.reported()) {
                    found.differing.insert(path.join(pair.name.as_path()));
                }
            }
        }
        Ok(found)
    }

    /// Adds the files whose digests differ, as they were recorded apart: by copies and comparisons with other databases.
    fn add_unequal_digests(
        &mut self,
        index: &Index,
        databases: [DatabaseId; 2],
        replica: &Path,
        trees: [&Tree; 2],
    ) -> Result<()> {
        let precisions = trees.map(Tree::precision);
        for folder in index.folders_of_unequal_digests(databases, replica)? {
            let Ok(path) = folder.strip_prefix(replica) else {
                continue;
            };
            let [a, b] = databases.map(|id| index.evidence(id, &folder));
            let contents = [a?, b?];
            if !may_differ(&contents) {
                continue;
            }
            for pair in same_size_pairs(trees, path) {
                let known = [0, 1]
                    .map(|side| held_evidence(&contents[side], &pair, side, precisions[side]));
                if let [Some(a), Some(b)] = known
                    && differ(&a, &b)
                {
                    self.differing.insert(path.join(pair.name.as_path()));
                }
            }
        }
        Ok(())
    }
}

/// True if two files of one name may differ by their digests. Mostly the rows of a folder are unequal because more is known of
/// one side.
fn may_differ([a, b]: &[FolderEvidence; 2]) -> bool {
    a.iter()
        .any(|(name, known)| b.get(name).is_some_and(|other| differ(known, other)))
}

/// True if the contents of two files are known to differ. A damaged file has the digest of its intact content, which it does
/// not have any more.
fn differ(a: &FileEvidence, b: &FileEvidence) -> bool {
    if [a, b]
        .iter()
        .any(|file| file.proof.kind == EvidenceKind::Claimed)
    {
        return false;
    }
    let is_damaged = [a, b].map(|file| file.proof.kind == EvidenceKind::Damaged);
    match is_damaged {
        [false, false] => a.digest != b.digest,
        [true, true] => false,
        _ => a.digest == b.digest,
    }
}

impl ContentRecord {
    /// Stores the differing files of a replica for commands that do not compare contents.
    pub(super) fn store_differing(
        &mut self,
        replica: &Path,
        trees: [&Tree; 2],
        found: &ContentComparison,
    ) {
        if let [Some(a), Some(b)] = self.databases
            && self.is_writable
        {
            let stored = self.replace_differing([a, b], replica, trees, found);
            self.keep_failure(stored);
        }
    }

    fn replace_differing(
        &mut self,
        [a, b]: [DatabaseId; 2],
        replica: &Path,
        trees: [&Tree; 2],
        found: &ContentComparison,
    ) -> Result<()> {
        let mut files = AlteredTimesByFolder::new();
        // A file that could not be read this time keeps its earlier result.
        for (folder, mut known) in self.index.differing_files([a, b], replica)? {
            let path = folder.strip_prefix(replica).unwrap_or(&folder);
            known.retain(|name, _| found.unread.contains_key(&path.join(name.as_path())));
            if !known.is_empty() {
                files.insert(folder, known);
            }
        }
        let folders = found.differing.iter().filter_map(|path| path.parent());
        let folders: BTreeSet<PathBuf> = folders.map(Path::to_owned).collect();
        for path in folders {
            for pair in same_size_pairs(trees, &path) {
                if found.differing.contains(&path.join(pair.name.as_path())) {
                    let reported = pair.reported();
                    let folder = files.entry(path_within(replica, &path)).or_default();
                    folder.insert(pair.name, reported);
                }
            }
        }
        self.index.replace_differing([a, b], replica, &files)
    }
}
