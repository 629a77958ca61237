//! What a replica amounts to: counts, bytes, newest change, and fingerprints that tell whether two replicas agree.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

use super::manifest::{MalformedManifest, ManifestFile, ManifestFiles};
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::base::unicode::to_nfc;
use crate::os::stat::EntryKind;

/// A sum over all entries of a replica; the order in which they are added does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// Regular files and symbolic links, each name counted.
    pub files: u64,
    /// Apparent bytes of the files; one with several names counts once.
    pub bytes: u64,
    /// Folders.
    pub folders: u64,
    /// The newest modification time of a file or link.
    pub newest: Option<Timestamp>,
    /// Files and folders that could not be looked at.
    pub unreadable: u64,
    /// The step in which the file system keeps times.
    pub precision: TimePrecision,
    /// Of all files, links and folders.
    pub fingerprints: Fingerprints,
}

impl Aggregate {
    /// Of nothing, on a file system with this step.
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

    /// Adds a folder below the replica's own and the files in it, whose fingerprints these are.
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

    /// Whether both replicas hold the same entries, sizes and times, as far as their file systems keep times.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let precision = self.precision.max(other.precision) as usize;
        self.fingerprints[precision] == other.fingerprints[precision]
    }
}

/// For each step of `Step::ALL` a sum of hashes of path, kind, size, time (cut to that step) or link target.
pub type Fingerprints = [u128; 4];

/// Adds to sums; their order does not matter.
pub fn add_fingerprints(sums: &mut Fingerprints, more: &Fingerprints) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.wrapping_add(*more);
    }
}

/// Takes back what was added to sums.
pub fn subtract_fingerprints(sums: &mut Fingerprints, less: &Fingerprints) {
    for (sum, less) in sums.iter_mut().zip(less) {
        *sum = sum.wrapping_sub(*less);
    }
}

/// What the files of one folder amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileTotals {
    /// Regular files and symbolic links.
    pub files: u64,
    /// Apparent bytes of the files.
    pub bytes: u64,
    /// The newest modification time.
    pub newest: Option<Timestamp>,
}

impl FileTotals {
    /// Adds a file or link.
    pub fn add(&mut self, bytes: u64, modified: Timestamp) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.newest = self.newest.max(Some(modified));
    }

    /// Of the files of a manifest.
    ///
    /// # Errors
    /// [`MalformedManifest`]: they are none.
    pub fn of(mut files: ManifestFiles<'_>) -> Result<Self, MalformedManifest> {
        let mut totals = Self::default();
        while let Some(file) = files.next()? {
            totals.add(file.bytes, file.modified);
        }
        Ok(totals)
    }
}

/// The fingerprints of the files of the folder with this path.
///
/// # Errors
/// [`MalformedManifest`]: they are none.
pub fn folder_fingerprints(
    folder: &Path,
    mut files: ManifestFiles<'_>,
) -> Result<Fingerprints, MalformedManifest> {
    let mut sums = Fingerprints::default();
    let mut prints = FileFingerprinter::of(folder);
    while let Some(file) = files.next()? {
        add_fingerprints(&mut sums, &prints.fingerprints(&file));
    }
    Ok(sums)
}

/// Takes the fingerprints of single files of one folder.
#[derive(Debug)]
pub struct FileFingerprinter {
    path: Vec<u8>,
    /// How much of the path is the folder's.
    folder_length: usize,
}

impl FileFingerprinter {
    /// For the files of the folder with this path.
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

    /// The fingerprints of a file.
    pub fn fingerprints(&mut self, file: &ManifestFile<'_>) -> Fingerprints {
        self.path.truncate(self.folder_length);
        self.path.extend_from_slice(file.name);
        FingerprintInput::file(&self.path, file).fingerprints()
    }
}

/// What of an entry goes into a fingerprint.
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

    /// Its hash with the time as each step keeps it.
    fn fingerprints(&self) -> Fingerprints {
        let base = self.hash();
        TimePrecision::ALL.map(|step| self.fingerprint(base, step))
    }

    /// The hash of everything but the time.
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

    /// The hash with the time of a file; a link and a folder are the same whenever they were made.
    fn fingerprint(&self, base: u128, step: TimePrecision) -> u128 {
        if self.kind != EntryKind::File {
            return base;
        }
        let time = self.modified.truncate_to(step);
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
        let mut packer = ManifestBuilder::default();
        for (name, bytes, nanoseconds) in files {
            packer.add(&ManifestFile {
                name: name.as_bytes(),
                bytes: *bytes,
                modified: Timestamp {
                    seconds: 5,
                    nanoseconds: *nanoseconds,
                },
                target: None,
            });
        }
        packer.finish()
    }

    fn aggregate(step: TimePrecision, folders: &[(&str, &[Row])]) -> Aggregate {
        let mut sum = Aggregate::new(step);
        for (path, files) in folders {
            let (path, manifest) = (Path::new(path), manifest(files));
            let tally = FileTotals::of(manifest.files()).unwrap();
            sum.add_folder(
                path,
                &tally,
                &folder_fingerprints(path, manifest.files()).unwrap(),
            );
        }
        sum
    }

    #[test]
    fn replicas_agree_in_the_coarser_step_of_the_two() {
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
