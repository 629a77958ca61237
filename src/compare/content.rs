//! The comparison of file contents, by this program or by rclone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::os::disk::Disk;
use crate::snapshot::tree::Tree;
use crate::storage::Storage;
use crate::storage::content_compare;
use crate::storage::content_compare::{ContentComparison, ContentRecord, ProgressFn};

/// Compares the contents of a replica's files: those `selected`, or all files of one size.
pub(super) fn compare_files(
    sides: &[Storage; 2],
    trees: [&Tree; 2],
    relative: &Path,
    record: &mut ContentRecord,
    selected: Option<&BTreeSet<PathBuf>>,
    on_progress: &ProgressFn<'_>,
) -> Result<ContentComparison> {
    let (Some(a), Some(b)) = (sides[0].root_folder(), sides[1].root_folder()) else {
        let paths = match selected {
            Some(selected) => selected.iter().cloned().collect(),
            None => content_compare::same_size_paths(trees[0], trees[1]),
        };
        return compare_by_rclone(sides, paths, relative, on_progress);
    };
    let side = |root, tree| content_compare::ComparedReplica {
        root,
        relative,
        tree,
    };
    let threads = sides[0]
        .database()
        .access
        .copy_threads([&Disk::of(a), &Disk::of(b)]);
    let replicas = [side(a, trees[0]), side(b, trees[1])];
    content_compare::compare(replicas, record, threads, on_progress, selected)
}

/// Compares the contents of files if at least one side is a remote.
fn compare_by_rclone(
    sides: &[Storage; 2],
    paths: Vec<PathBuf>,
    relative: &Path,
    on_progress: &ProgressFn<'_>,
) -> Result<ContentComparison> {
    let (remote, other) = match sides {
        [Storage::Remote(remote), other] | [other, Storage::Remote(remote)] => (remote, other),
        // Two local folders are compared without rclone.
        [Storage::Local(_), Storage::Local(_)] => return Ok(ContentComparison::default()),
    };
    let (database, features) = (other.database(), other.features());
    remote.compare_contents(database, features, paths, relative, on_progress)
}
