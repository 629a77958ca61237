//! Counts files and bytes below a folder with only the standard library.

use std::fs;
use std::path::Path;

use auto_backup::base::error::IoResultExt as _;

use super::outcome::Outcome;

/// Returns the number of files below a folder, and the sum of their sizes.
pub(crate) fn totals(folder: &Path) -> Outcome<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder).at("read", folder)? {
        let entry = entry.at("read", folder)?;
        let path = entry.path();
        let (more_files, more_bytes) = if entry.file_type().at("read", &path)?.is_dir() {
            totals(&path)?
        } else {
            (1, entry.metadata().at("read", &path)?.len())
        };
        files += more_files;
        bytes += more_bytes;
    }
    Ok((files, bytes))
}
