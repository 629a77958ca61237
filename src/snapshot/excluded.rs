//! Files of a stored folder that are excluded now: its scan is older than the rule.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::manifest::{FileTotals, Manifest, ManifestRef};
use crate::model::exclusion::Exclusions;

/// Returns the files of a folder without those that are excluded, and the totals of the excluded ones. `None` if no file of
/// the folder is excluded. `folder` is relative to the project's folder.
pub fn without_excluded(
    files: ManifestRef<'_>,
    folder: &Path,
    exclusions: &Exclusions,
) -> Option<(Manifest, FileTotals)> {
    let is_folder_excluded = exclusions.excludes_folder(folder);
    let is_excluded = |name: &[u8]| {
        is_folder_excluded || exclusions.excludes(folder, OsStr::from_bytes(name), false)
    };
    let mut entries = files.files();
    let mut has_excluded = false;
    while let Some(file) = entries.next() {
        has_excluded = has_excluded || is_excluded(file.name);
    }
    has_excluded.then(|| {
        let mut totals = FileTotals::default();
        let (included, _) = files.to_owned().edited(|file| {
            if !is_excluded(file.name) {
                return Some(file);
            }
            totals.add(&file);
            None
        });
        (included, totals)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::model::exclusion::ExclusionRules;
    use crate::snapshot::manifest::ManifestFile;

    #[test]
    fn only_included_files_remain() {
        let rules = ExclusionRules {
            patterns: vec!["*.tmp".to_owned(), "cache/".to_owned()],
            ..ExclusionRules::default()
        };
        let exclusions = Exclusions::new(&rules).unwrap();
        let time = Timestamp::UNKNOWN;
        let files = [("a.mov", 2), ("b.tmp", 3)];
        let files = files.map(|(name, bytes)| ManifestFile::regular(name.as_bytes(), bytes, time));
        let (folder, _) = Manifest::of_files(files);
        let filter = |path: &str, folder: &Manifest| {
            let filtered = without_excluded(folder.as_ref(), Path::new(path), &exclusions)?;
            Some((FileTotals::of(filtered.0.files()).bytes, filtered.1.bytes))
        };
        assert_eq!(filter("shots", &folder), Some((2, 3)));
        assert_eq!(filter("shots/cache/x", &folder), Some((0, 5)));
        let (kept, _) = Manifest::of_files([ManifestFile::regular(b"a.mov", 2, time)]);
        assert_eq!(filter("shots", &kept), None);
    }
}
