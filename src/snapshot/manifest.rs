//! Manifest: the files of one folder, packed in the order of their names.
//!
//! Equal files always pack to equal bytes, so two scans of a folder are compared without unpacking. Each file is written as
//!
//! | part | encoding |
//! |---|---|
//! | number of leading bytes shared with the previous name, times 2, plus 1 for a link | varint |
//! | length of the rest of the name, and the rest | varint, bytes |
//! | file: size; link: length of the target, and the target | varint, bytes |
//! | seconds of the time, minus those of the previous file | varint, zigzag |
//! | nanoseconds of the time | varint |

use super::varint::{read_bytes, read_varint, unzigzag, write_bytes, write_varint, zigzag};
use crate::base::timestamp::Timestamp;

/// Error for bytes that are not a manifest: the index they came from is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedManifest;

/// A file or link of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestFile<'a> {
    /// Any bytes except `/` and NUL.
    pub name: &'a [u8],
    /// Apparent size in bytes; 0 for a link.
    pub bytes: u64,
    pub modified: Timestamp,
    /// A link's target; `None` for a file.
    pub target: Option<&'a [u8]>,
}

impl<'a> ManifestFile<'a> {
    /// A regular file, not a link.
    pub const fn regular(name: &'a [u8], bytes: u64, modified: Timestamp) -> Self {
        Self {
            name,
            bytes,
            modified,
            target: None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    packed: Vec<u8>,
}

impl Manifest {
    /// Packs files that are sorted by name, and returns their totals too.
    pub fn of_files<'a>(files: impl IntoIterator<Item = ManifestFile<'a>>) -> (Self, FileTotals) {
        let mut builder = ManifestBuilder::default();
        for file in files {
            builder.add(&file);
        }
        builder.finish_with_totals()
    }

    pub fn as_ref(&self) -> ManifestRef<'_> {
        ManifestRef {
            packed: &self.packed,
        }
    }

    pub fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// The files, in the order of their names.
    pub fn files(&self) -> ManifestFiles<'_> {
        self.as_ref().files()
    }

    /// Returns a copy with each file replaced by the result of `edit`, or left out for `None`, and its totals. Names must keep
    /// their order.
    pub fn edited(
        &self,
        mut edit: impl FnMut(ManifestFile<'_>) -> Option<ManifestFile<'_>>,
    ) -> (Self, FileTotals) {
        let mut builder = ManifestBuilder::default();
        let mut files = self.files();
        while let Some(file) = files.next() {
            if let Some(file) = edit(file) {
                builder.add(&file);
            }
        }
        builder.finish_with_totals()
    }
}

/// Sums over the files of one folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileTotals {
    /// Number of regular files and symbolic links.
    pub files: u64,
    /// Number of symbolic links.
    pub links: u64,
    /// Apparent size of the files in bytes.
    pub bytes: u64,
    /// Newest modification time.
    pub newest: Option<Timestamp>,
}

impl FileTotals {
    pub fn add(&mut self, file: &ManifestFile<'_>) {
        self.files += 1;
        self.links += u64::from(file.target.is_some());
        self.bytes = self.bytes.saturating_add(file.bytes);
        self.newest = self.newest.max(Some(file.modified));
    }

    /// The totals of a manifest's files.
    pub fn of(mut files: ManifestFiles<'_>) -> Self {
        let mut totals = Self::default();
        while let Some(file) = files.next() {
            totals.add(&file);
        }
        totals
    }
}

/// Usual size of a packed frame of a sequence, in bytes.
const BYTES_PER_FILE: usize = 24;

/// Packs files that are added in the order of their names.
#[derive(Debug, Default)]
pub struct ManifestBuilder {
    packed: Vec<u8>,
    totals: FileTotals,
    name: Vec<u8>,
    seconds: i64,
}

impl ManifestBuilder {
    /// A builder with memory for this number of files.
    pub fn with_capacity(files: usize) -> Self {
        Self {
            packed: Vec::with_capacity(files * BYTES_PER_FILE),
            ..Self::default()
        }
    }

    /// Adds the file with the next name.
    pub fn add(&mut self, file: &ManifestFile<'_>) {
        self.totals.add(file);
        let shared = common_prefix(&self.name, file.name);
        let rest = &file.name[shared..];
        let head = (shared as u64) << 1 | u64::from(file.target.is_some());
        write_varint(&mut self.packed, head);
        write_bytes(&mut self.packed, rest);
        match file.target {
            Some(target) => write_bytes(&mut self.packed, target),
            None => write_varint(&mut self.packed, file.bytes),
        }
        let difference = file.modified.seconds.wrapping_sub(self.seconds);
        write_varint(&mut self.packed, zigzag(difference));
        write_varint(&mut self.packed, file.modified.nanoseconds.into());
        self.name.truncate(shared);
        self.name.extend_from_slice(rest);
        self.seconds = file.modified.seconds;
    }

    /// Returns the manifest of the added files.
    pub fn finish(self) -> Manifest {
        self.finish_with_totals().0
    }

    /// Returns the manifest of the added files and their totals.
    pub fn finish_with_totals(self) -> (Manifest, FileTotals) {
        let manifest = Manifest {
            packed: self.packed,
        };
        (manifest, self.totals)
    }
}

/// The borrowed bytes of a manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ManifestRef<'a> {
    packed: &'a [u8],
}

impl<'a> ManifestRef<'a> {
    /// Checks all of the bytes once, so that its files are read without errors.
    pub fn parse(packed: &'a [u8]) -> Result<Self, MalformedManifest> {
        let mut rest = packed;
        let (mut name_length, mut seconds) = (0, 0);
        while !rest.is_empty() {
            let row = read_row(&mut rest, name_length, &mut seconds).ok_or(MalformedManifest)?;
            name_length = row.shared + row.name_rest.len();
        }
        Ok(Self { packed })
    }

    pub fn to_owned(self) -> Manifest {
        Manifest {
            packed: self.packed.to_vec(),
        }
    }

    /// The packed bytes. Equal files have equal bytes.
    pub const fn packed(self) -> &'a [u8] {
        self.packed
    }

    pub const fn is_empty(self) -> bool {
        self.packed.is_empty()
    }

    /// The files, in the order of their names.
    pub const fn files(self) -> ManifestFiles<'a> {
        ManifestFiles {
            rest: self.packed,
            name: Vec::new(),
            row: None,
            seconds: 0,
        }
    }

    /// Returns the file of this name.
    pub fn find(self, name: &'a [u8]) -> Option<ManifestFile<'a>> {
        let mut files = self.files();
        while files.next().is_some() {
            if files.name == name {
                return files.row.map(|row| row.file(name));
            }
        }
        None
    }
}

/// Reader of a manifest's files, one after the other.
#[derive(Debug)]
pub struct ManifestFiles<'a> {
    rest: &'a [u8],
    name: Vec<u8>,
    row: Option<ManifestRow<'a>>,
    seconds: i64,
}

/// A packed file.
#[derive(Clone, Copy, Debug)]
struct ManifestRow<'a> {
    /// Number of leading bytes shared with the previous name.
    shared: usize,
    name_rest: &'a [u8],
    bytes: u64,
    modified: Timestamp,
    target: Option<&'a [u8]>,
}

impl<'a> ManifestRow<'a> {
    const fn file<'f>(self, name: &'f [u8]) -> ManifestFile<'f>
    where
        'a: 'f,
    {
        ManifestFile {
            name,
            bytes: self.bytes,
            modified: self.modified,
            target: self.target,
        }
    }
}

impl ManifestFiles<'_> {
    /// Returns the next file. Its name is borrowed until the following call.
    pub fn next(&mut self) -> Option<ManifestFile<'_>> {
        self.row = if self.rest.is_empty() {
            None
        } else {
            read_row(&mut self.rest, self.name.len(), &mut self.seconds)
        };
        let row = self.row?;
        self.name.truncate(row.shared);
        self.name.extend_from_slice(row.name_rest);
        self.current()
    }

    /// Returns the name of the next file, with the number of leading bytes that it shares with the name before it.
    pub fn next_name(&mut self) -> Option<(usize, &[u8])> {
        self.next()?;
        let shared = self.row?.shared;
        Some((shared, &self.name))
    }

    /// The file that [`Self::next`] returned last.
    pub(super) fn current(&self) -> Option<ManifestFile<'_>> {
        self.row.map(|row| row.file(&self.name))
    }
}

/// Reads the next file, given the length of the previous name and the previous seconds.
fn read_row<'a>(
    rest: &mut &'a [u8],
    name_length: usize,
    seconds: &mut i64,
) -> Option<ManifestRow<'a>> {
    let head = read_varint(rest)?;
    let shared = usize::try_from(head >> 1).ok()?;
    if shared > name_length {
        return None;
    }
    let name_rest = read_bytes(rest)?;
    let (bytes, target) = if head & 1 == 1 {
        (0, Some(read_bytes(rest)?))
    } else {
        (read_varint(rest)?, None)
    };
    *seconds = seconds.wrapping_add(unzigzag(read_varint(rest)?));
    Some(ManifestRow {
        shared,
        name_rest,
        bytes,
        modified: Timestamp {
            seconds: *seconds,
            nanoseconds: u32::try_from(read_varint(rest)?).ok()?,
        },
        target,
    })
}

/// Length of the common beginning of two names. Compares eight bytes at a time, because it runs for every packed file.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const WORD_SIZE: usize = 8;
    let (words, others) = (a.as_chunks::<WORD_SIZE>().0, b.as_chunks::<WORD_SIZE>().0);
    let whole = words.iter().zip(others).take_while(|(a, b)| a == b).count() * WORD_SIZE;
    let rest = a[whole..].iter().zip(&b[whole..]);
    whole + rest.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Row = (u64, Timestamp, Option<Vec<u8>>);

    fn pack(files: &BTreeMap<Vec<u8>, Row>) -> Manifest {
        let mut builder = ManifestBuilder::default();
        for (name, (bytes, modified, target)) in files {
            builder.add(&ManifestFile {
                name,
                bytes: if target.is_some() { 0 } else { *bytes },
                modified: *modified,
                target: target.as_deref(),
            });
        }
        builder.finish()
    }

    fn unpack(manifest: &Manifest) -> BTreeMap<Vec<u8>, Row> {
        let mut files = manifest.files();
        let mut unpacked = BTreeMap::new();
        while let Some(file) = files.next() {
            let row = (file.bytes, file.modified, file.target.map(<[u8]>::to_vec));
            unpacked.insert(file.name.to_vec(), row);
        }
        unpacked
    }

    prop_compose! {
        fn row()(bytes in any::<u64>(), seconds in any::<i64>(), nanoseconds in 0..1_000_000_000_u32,
                 target in proptest::option::weighted(0.2, proptest::collection::vec(any::<u8>(), 0..9))) -> Row {
            (if target.is_some() { 0 } else { bytes }, Timestamp { seconds, nanoseconds }, target)
        }
    }

    fn folder() -> impl Strategy<Value = BTreeMap<Vec<u8>, Row>> {
        proptest::collection::btree_map(
            "[ab]{0,3}[0-9]{1,4}".prop_map(String::into_bytes),
            row(),
            0..40,
        )
    }

    proptest! {
        #[test]
        fn packed_files_are_unpacked_unchanged(files in folder()) {
            prop_assert_eq!(unpack(&pack(&files)), files);
        }

        #[test]
        fn checked_bytes_are_read_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(manifest) = ManifestRef::parse(&bytes) {
                let mut files = manifest.files();
                while files.next().is_some() {}
                prop_assert!(files.rest.is_empty());
            }
        }

        #[test]
        fn cut_manifests_are_malformed(files in folder(), cut in 1..8_usize) {
            let manifest = pack(&files);
            let packed = manifest.packed();
            let kept = &packed[..packed.len().saturating_sub(cut)];
            // A cut between two files leaves a manifest of fewer files.
            if let Ok(manifest) = ManifestRef::parse(kept) {
                let read = unpack(&manifest.to_owned());
                prop_assert!(read.len() < files.len() || files.is_empty());
            }
        }
    }

    #[test]
    fn sequence_frames_pack_small() {
        let mut builder = ManifestBuilder::default();
        for frame in 1001..1241 {
            let name = format!("sh010_comp_v003.{frame}.exr");
            builder.add(&ManifestFile {
                name: name.as_bytes(),
                bytes: 12_345_678 + frame,
                modified: Timestamp {
                    seconds: 1_763_785_735 + i64::try_from(frame).unwrap(),
                    nanoseconds: 123_456_789,
                },
                target: None,
            });
        }
        assert!(builder.finish().packed().len() <= 240 * 20);
    }
}
