//! Names and paths that another workstation states: only those that a scan could have found are taken over.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use crate::index::checksum::corruption_error;
use crate::snapshot::manifest::{FileTotals, ManifestRef};

/// True for a name that a folder can hold.
pub fn is_possible_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

/// Returns the path if it leads down from where it starts, or is empty.
pub fn possible_path(bytes: &[u8]) -> Option<&Path> {
    let path = Path::new(OsStr::from_bytes(bytes));
    let mut components = path.components();
    let is_below = components.all(|part| matches!(part, Component::Normal(_)));
    let plain: usize = path.iter().map(|name| name.len() + 1).sum();
    let is_plain = plain.saturating_sub(1) == bytes.len() && !bytes.contains(&0);
    (is_below && is_plain).then_some(path)
}

/// Returns the totals of a folder's files if their names are sorted, and each could be the name of a file.
pub(super) fn checked_totals(manifest: ManifestRef<'_>) -> Option<FileTotals> {
    let (mut totals, mut before) = (FileTotals::default(), Vec::new());
    let mut files = manifest.files();
    while let Some(file) = files.next() {
        if !is_possible_name(file.name) || *before >= *file.name {
            return None;
        }
        before.clear();
        before.extend_from_slice(file.name);
        totals.add(&file);
    }
    Some(totals)
}

/// Returns the path of a row if a scan could have found it.
pub(super) fn checked_path(bytes: &[u8]) -> rusqlite::Result<&Path> {
    possible_path(bytes).ok_or_else(|| corruption_error("the path of a folder is impossible"))
}

/// Returns the error of a file that no scan could have found.
pub(super) fn impossible_name() -> rusqlite::Error {
    corruption_error("the name of a file is impossible")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::snapshot::manifest::{ManifestBuilder, ManifestFile};

    #[test]
    fn only_paths_that_lead_down_pass() {
        for good in ["", "a", "a/b", "a b/\u{fc}", "..a", "{client}/x"] {
            assert!(possible_path(good.as_bytes()).is_some(), "{good}");
        }
        for bad in [
            "/", "/a", "a/", "a//b", ".", "./a", "a/./b", "a/..", "../a", "a\0",
        ] {
            assert!(possible_path(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn only_sorted_names_pass() {
        let totals = |names: &[&str]| {
            let mut builder = ManifestBuilder::default();
            for name in names {
                let file = ManifestFile::regular(name.as_bytes(), 1, Timestamp::default());
                builder.add(&file);
            }
            checked_totals(builder.finish().as_ref()).map(|totals| totals.files)
        };
        assert_eq!(totals(&["a", "b"]), Some(2));
        assert_eq!(totals(&[]), Some(0));
        for bad in [["b", "a"], ["a", "a"], ["a", "b/c"], [".", "a"], ["", "a"]] {
            assert_eq!(totals(&bad), None, "{bad:?}");
        }
    }
}
