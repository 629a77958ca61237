//! Totals of a folder that is in no project, which is read to count them.

use std::path::Path;
use std::sync::Arc;

use super::Storage;
use crate::base::error::{Error, Result};
use crate::snapshot::tree_walk;

/// Files and bytes in a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FolderTotals {
    pub files: u64,
    pub bytes: u64,
    /// Number of files and folders that could not be read.
    pub unread: u64,
}

impl Storage {
    /// Reads a folder and returns its totals, without excluded files. Passes what cannot be read to `report`.
    ///
    /// # Errors
    /// Interruption.
    pub fn folder_totals(
        &self,
        folder: &Path,
        report: &mut dyn FnMut(&Error),
    ) -> Result<FolderTotals> {
        let mut totals = FolderTotals::default();
        let mut add_problem = |totals: &mut FolderTotals, error: &Error| {
            totals.unread += 1;
            report(error);
        };
        match self {
            Self::Local(storage) => {
                let (root, exclusions) = (&storage.root, &storage.layout.exclusions);
                let (inner, pace) = (Arc::default(), storage.walk_pace());
                match tree_walk::walk(root, folder, exclusions, &inner, pace) {
                    Err(Error::Interrupted) => return Err(Error::Interrupted),
                    Err(error) => add_problem(&mut totals, &error),
                    Ok(tree) => {
                        for problem in &tree.problems {
                            add_problem(&mut totals, &problem.error);
                        }
                        let folders = tree.folders.values();
                        for files in folders.filter_map(|folder| folder.files.as_ref()) {
                            totals.files += files.totals.files;
                            totals.bytes = totals.bytes.saturating_add(files.totals.bytes);
                        }
                    }
                }
            }
            Self::Remote(storage) => match storage.listing_of(folder) {
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) => add_problem(&mut totals, &error),
                Ok(listed) => {
                    for (path, why) in &listed.problems {
                        add_problem(&mut totals, &storage.list_error(path, why));
                    }
                    let below = listed.folders.iter();
                    let below = below.filter(|(path, _)| path.starts_with(folder));
                    for file in below.flat_map(|(_, files)| files.values()) {
                        totals.files += 1;
                        let bytes = file.bytes.unwrap_or_default();
                        totals.bytes = totals.bytes.saturating_add(bytes);
                    }
                }
            },
        }
        Ok(totals)
    }
}
