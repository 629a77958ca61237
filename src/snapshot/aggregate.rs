//! Aggregate of a replica: counts, bytes, newest change, and fingerprints that show whether two replicas agree.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

use super::manifest::{FileTotals, ManifestFile, ManifestFiles};
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::base::unicode::to_nfc;
use crate::os::stat::EntryKind;

/// Sums over all entries of a replica. The order in which entries are added does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// Number of regular files and symbolic links, each name counted.
    pub files: u64,
    /// Apparent size of the files in bytes. A file with several names counts once.
    pub bytes: u64,
    pub folders: u64,
    /// Newest modification time of a file or link.
    pub newest: Option<Timestamp>,
    /// Number of files and folders that could not be read.
    pub unreadable: u64,
    /// Precision of the file system's times.
    pub precision: TimePrecision,
    /// Sums over all files, links and folders.
    pub fingerprints: Fingerprints,
}

impl Aggregate {
    /// The aggregate of no entries, on a file system with this precision.
    pub const fn new(precision: TimePrecision) -> Self {
        Self {
            files: 0,
            bytes: 0,
            folders: 0,
            newest: None,
            unreadable: 0,
            precision,
            fingerprints: [0; 4],
        }
    }

    /// Adds a folder and its files, by their totals and the sum of their fingerprints.
    pub fn add_folder(&mut self, path: &Path, totals: &FileTotals, fingerprints: &Fingerprints) {
        if path != Path::new("") {
            self.folders += 1;
            add_fingerprints(
                &mut self.fingerprints,
                &FingerprintInput::folder(path).fingerprints(),
            );
        }
        self.files += totals.files;
        self.bytes = self.bytes.saturating_add(totals.bytes);
        self.newest = self.newest.max(totals.newest);
        add_fingerprints(&mut self.fingerprints, fingerprints);
    }

    /// Removes a folder and its files that were added before. The newest time stays.
    pub fn remove_folder(&mut self, path: &Path, totals: &FileTotals, fingerprints: &Fingerprints) {
        if path != Path::new("") {
            self.folders = self.folders.saturating_sub(1);
            subtract_fingerprints(
                &mut self.fingerprints,
                &FingerprintInput::folder(path).fingerprints(),
            );
        }
        self.files = self.files.saturating_sub(totals.files);
        self.bytes = self.bytes.saturating_sub(totals.bytes);
        subtract_fingerprints(&mut self.fingerprints, fingerprints);
    }

    /// True if both replicas hold the same entries, sizes and times, compared at the coarser of their precisions.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let precision = self.precision.max(other.precision) as usize;
        self.fingerprints[precision] == other.fingerprints[precision]
    }
}

/// For each precision of [`TimePrecision::ALL`], a sum of hashes. A hash covers path, kind, size, and the truncated time or
/// the link target.
pub type Fingerprints = [u128; 4];

/// Adds fingerprints to sums. The order does not matter.
pub fn add_fingerprints(sums: &mut Fingerprints, more: &Fingerprints) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.wrapping_add(*more);
    }
}

/// Subtracts fingerprints that were added before.
pub fn subtract_fingerprints(sums: &mut Fingerprints, less: &Fingerprints) {
    for (sum, less) in sums.iter_mut().zip(less) {
        *sum = sum.wrapping_sub(*less);
    }
}

/// Returns the sum of the fingerprints of a folder's files.
pub fn folder_fingerprints(folder: &Path, mut files: ManifestFiles<'_>) -> Fingerprints {
    let mut sums = Fingerprints::default();
    let mut prints = FileFingerprinter::of(folder);
    while let Some(file) = files.next() {
        add_fingerprints(&mut sums, &prints.fingerprints(&file));
    }
    sums
}

/// Computes the fingerprints of single files of one folder.
#[derive(Debug)]
pub struct FileFingerprinter {
    path: Vec<u8>,
    /// Length of the folder's part of the path.
    folder_length: usize,
}

impl FileFingerprinter {
    pub fn of(folder: &Path) -> Self {
        let mut path = folder.as_os_str().as_bytes().to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        Self {
            folder_length: path.len(),
            path,
        }
    }

    pub fn fingerprints(&mut self, file: &ManifestFile<'_>) -> Fingerprints {
        self.path.truncate(self.folder_length);
        self.path.extend_from_slice(file.name);
        FingerprintInput::file(&self.path, file).fingerprints()
    }
}

/// The parts of an entry that a fingerprint covers.
struct FingerprintInput<'a> {
    path: &'a [u8],
    kind: EntryKind,
    bytes: u64,
    modified: Timestamp,
    target: Option<&'a [u8]>,
}

impl<'a> FingerprintInput<'a> {
    const fn file(path: &'a [u8], file: &ManifestFile<'a>) -> Self {
        Self {
            path,
            kind: match file.target {
                Some(_) => EntryKind::Link,
                None => EntryKind::File,
            },
            bytes: file.bytes,
            modified: file.modified,
            target: file.target,
        }
    }

    fn folder(path: &'a Path) -> Self {
        Self {
            path: path.as_os_str().as_bytes(),
            kind: EntryKind::Folder,
            bytes: 0,
            modified: Timestamp::default(),
            target: None,
        }
    }

    /// Returns one hash for each precision.
    fn fingerprints(&self) -> Fingerprints {
        let base = self.hash();
        TimePrecision::ALL.map(|precision| self.fingerprint(base, precision))
    }

    /// Hashes everything except the time.
    fn hash(&self) -> u128 {
        let path = xxh3_128(&to_nfc(self.path));
        let target = self.target.map_or(0, xxh3_128);
        let mut parts = [0; 41];
        parts[..16].copy_from_slice(&path.to_le_bytes());
        parts[16..32].copy_from_slice(&target.to_le_bytes());
        parts[32..40].copy_from_slice(&self.bytes.to_le_bytes());
        parts[40] = self.kind as u8;
        xxh3_128(&parts)
    }

    /// Adds a file's time to the hash. The times of links and folders do not count.
    fn fingerprint(&self, base: u128, precision: TimePrecision) -> u128 {
        if self.kind != EntryKind::File {
            return base;
        }
        let time = self.modified.truncate_to(precision);
        let mut parts = [0; 28];
        parts[..16].copy_from_slice(&base.to_le_bytes());
        parts[16..24].copy_from_slice(&time.seconds.to_le_bytes());
        parts[24..].copy_from_slice(&time.nanoseconds.to_le_bytes());
        xxh3_128_with_seed(&parts, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::manifest::{Manifest, ManifestBuilder};

    /// Name, size and nanoseconds of a file.
    type Row = (&'static str, u64, u32);

    /// A folder of files with these names, sizes and nanoseconds.
    fn manifest(files: &[Row]) -> Manifest {
        let mut builder = ManifestBuilder::default();
        for (name, bytes, nanoseconds) in files {
            builder.add(&ManifestFile {
                name: name.as_bytes(),
                bytes: *bytes,
                modified: Timestamp {
                    seconds: 5,
                    nanoseconds: *nanoseconds,
                },
                target: None,
            });
        }
        builder.finish()
    }

    fn aggregate(precision: TimePrecision, folders: &[(&str, &[Row])]) -> Aggregate {
        let mut sum = Aggregate::new(precision);
        for (path, files) in folders {
            let (path, manifest) = (Path::new(path), manifest(files));
            let totals = FileTotals::of(manifest.files());
            sum.add_folder(path, &totals, &folder_fingerprints(path, manifest.files()));
        }
        sum
    }

    #[test]
    fn replicas_agree_at_the_coarser_precision() {
        let exact = [("a", 10, 123_456_789), ("b", 1, 5)];
        let exact = aggregate(TimePrecision::Nanosecond, &[("x", &exact), ("", &[])]);
        let coarse = [("a", 10, 0), ("b", 1, 0)];
        let coarse = aggregate(TimePrecision::Second, &[("", &[]), ("x", &coarse)]);
        assert_eq!((exact.files, exact.bytes, exact.folders), (2, 11, 1));
        assert!(exact.agrees_with(&coarse) && coarse.agrees_with(&exact));
        for other in [
            ("a", 11, 123_456_789),
            ("c", 10, 123_456_789),
            ("a", 10, 123_456_788),
        ] {
            let other = [other, ("b", 1, 5)];
            for folder in ["x", "y", ""] {
                let other = aggregate(TimePrecision::Nanosecond, &[("", &[]), (folder, &other)]);
                assert!(!exact.agrees_with(&other));
            }
        }
        let moved = [("a", 10, 123_456_789), ("b", 1, 5)];
        assert!(!exact.agrees_with(&aggregate(TimePrecision::Nanosecond, &[("y", &moved)])));
    }
}
