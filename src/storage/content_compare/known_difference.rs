//! Files that were compared once and hold other bytes, though their sizes and times say that they are the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{ContentComparison, ContentRecord, same_size_pairs};
use crate::base::error::Result;
use crate::index::{DatabaseId, Index};
use crate::model::project::path_within;
use crate::snapshot::time_alias::{AlteredTime, AlteredTimesByFolder};
use crate::snapshot::tree::Tree;

impl ContentComparison {
    /// What the index knows of a replica on two databases with these rows: files that differ, and that still have the size
    /// and time they had when they were compared. Nothing is read.
    ///
    /// # Errors
    /// The index cannot be read.
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
        if !index.has_differing_files()? {
            return Ok(found);
        }
        for (folder, files) in index.differing_files([a, b], replica)? {
            let Ok(path) = folder.strip_prefix(replica) else {
                continue;
            };
            for pair in same_size_pairs(trees[0], trees[1], path) {
                let now = AlteredTime {
                    bytes: pair.seen[0].bytes,
                    original: pair.reported_times[0],
                    reported: pair.reported_times[1],
                };
                if files.get(&pair.name) == Some(&now) {
                    found.differing.insert(path.join(pair.name.as_path()));
                }
            }
        }
        Ok(found)
    }

    /// Whether it says anything of any file.
    pub fn is_empty(&self) -> bool {
        !self.covers_all && self.differing.is_empty()
    }
}

impl ContentRecord {
    /// Keeps which files of a replica differ, for those who do not compare contents.
    ///
    /// # Errors
    /// The index could not be written.
    pub fn store_differing(
        &mut self,
        replica: &Path,
        trees: [&Tree; 2],
        found: &ContentComparison,
    ) -> Result<()> {
        let [Some(a), Some(b)] = self.databases else {
            return Ok(());
        };
        if !self.is_writable {
            return Ok(());
        }
        let mut files = AlteredTimesByFolder::new();
        // Of what could not be read this time what was known stays.
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
            for pair in same_size_pairs(trees[0], trees[1], &path) {
                if found.differing.contains(&path.join(pair.name.as_path())) {
                    let time = AlteredTime {
                        bytes: pair.seen[0].bytes,
                        original: pair.reported_times[0],
                        reported: pair.reported_times[1],
                    };
                    let folder = files.entry(path_within(replica, &path)).or_default();
                    folder.insert(pair.name, time);
                }
            }
        }
        self.index.replace_differing([a, b], replica, &files)
    }
}
