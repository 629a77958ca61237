//! Changes of one folder between two scans.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::folder::StoredFolder;
use crate::model::exclusion::Exclusions;
use crate::snapshot::aggregate::{
    FileFingerprinter, Fingerprints, add_fingerprints, subtract_fingerprints,
};
use crate::snapshot::manifest::Manifest;
use crate::snapshot::manifest_join::join_by_name;

/// Numbers of files and links that differ from the previous scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanChanges {
    /// New ones.
    pub added: u64,
    /// Those with another size, time or target.
    pub changed: u64,
    /// Those that no longer exist.
    pub missing: u64,
}

impl std::ops::AddAssign for ScanChanges {
    fn add_assign(&mut self, other: Self) {
        self.added += other.added;
        self.changed += other.changed;
        self.missing += other.missing;
    }
}

/// Returns the changes of a folder and its new fingerprints. Only changed files are hashed.
pub(super) fn folder_changes(
    before: &StoredFolder,
    now: &Manifest,
    exclusions: Option<&Exclusions>,
) -> (ScanChanges, Fingerprints) {
    let mut changes = ScanChanges::default();
    let mut sums = before.fingerprints;
    let folder = &before.path;
    let mut prints = FileFingerprinter::of(folder);
    join_by_name(
        before.manifest.as_ref(),
        now.as_ref(),
        &mut |before, now| {
            if before == now {
                return;
            }
            match (before, now) {
                (None, _) => changes.added += 1,
                (Some(file), None) => {
                    let is_excluded = is_excluded(exclusions, folder, file.name);
                    changes.missing += u64::from(!is_excluded);
                }
                _ => changes.changed += 1,
            }
            if let Some(file) = before {
                subtract_fingerprints(&mut sums, &prints.fingerprints(&file));
            }
            if let Some(file) = now {
                add_fingerprints(&mut sums, &prints.fingerprints(&file));
            }
        },
    );
    (changes, sums)
}

/// Returns the number of files of a missing folder, without those that are excluded now.
pub(super) fn count_missing(folder: &StoredFolder, exclusions: Option<&Exclusions>) -> u64 {
    if exclusions.is_some_and(|rules| rules.excludes_folder(&folder.path)) {
        return 0;
    }
    let mut files = folder.manifest.files();
    let mut missing = 0;
    while let Some(file) = files.next() {
        missing += u64::from(!is_excluded(exclusions, &folder.path, file.name));
    }
    missing
}

fn is_excluded(exclusions: Option<&Exclusions>, folder: &Path, name: &[u8]) -> bool {
    exclusions.is_some_and(|rules| rules.excludes(folder, OsStr::from_bytes(name), false))
}
