//! Records: files with all that is compared of them, the content if that is known, the size and the time.

use crate::base::timestamp::Timestamp;
use crate::snapshot::digest::Digest;

/// A file of a place, on the databases that hold it in this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlaceRecord<'a> {
    pub(super) name: &'a [u8],
    pub(super) bytes: u64,
    /// The digest of its content, if that is proven.
    pub(super) digest: Option<Digest>,
    /// Hash of size and time; equal for files that may be equal.
    pub(super) class: u64,
    /// Positions of the databases in the registry.
    pub(super) databases: Vec<u16>,
}

/// A file of one database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ComparedFile {
    /// The name in the composed Unicode form.
    pub(super) name: Vec<u8>,
    pub(super) bytes: u64,
    /// The modification time at the coarsest precision of the databases.
    pub(super) modified: Timestamp,
    /// The proven digest.
    pub(super) digest: Option<u128>,
    /// Position of the database in the registry.
    pub(super) database: u16,
}

/// Turns the files of one folder on all databases into records, sorted by name.
pub(super) fn records(files: &mut [ComparedFile]) -> Vec<PlaceRecord<'_>> {
    files.sort_unstable();
    let crowded = crowded_patterns(files);
    let mut records = Vec::new();
    let version = |file: &ComparedFile| (file.bytes, file.modified);
    for copies in files.chunk_by(|a, b| a.name == b.name && version(a) == version(b)) {
        let first = &copies[0];
        let class = class(first, crowded.binary_search(&pattern_hash(first)).is_ok());
        // Sorted: unknown contents come first, then each known one.
        let known = copies.partition_point(|file| file.digest.is_none());
        let (unknown, known) = copies.split_at(known);
        let is_one = known.first().map(|file| file.digest) == known.last().map(|file| file.digest);
        let record = |copies: &[ComparedFile], digest: Option<u128>| PlaceRecord {
            name: &first.name,
            bytes: first.bytes,
            digest: digest.map(Digest),
            class,
            databases: copies.iter().map(|file| file.database).collect(),
        };
        match known.first() {
            // Copies by listing: a storage that holds this version holds this content, as everywhere.
            Some(one) if is_one => records.push(record(copies, one.digest)),
            _ => {
                if !unknown.is_empty() {
                    records.push(record(unknown, None));
                }
                for same in known.chunk_by(|a, b| a.digest == b.digest) {
                    records.push(record(same, same[0].digest));
                }
            }
        }
    }
    for record in &mut records {
        record.databases.sort_unstable();
        record.databases.dedup();
    }
    records
}

/// Hash of size and time, and of the name for frames whose times do not tell them apart.
fn class(file: &ComparedFile, is_crowded: bool) -> u64 {
    let name: &[u8] = if is_crowded { &file.name } else { b"" };
    hash(file, name)
}

/// Returns the hashes of the patterns that several files of one size and time have, sorted: those of the frames of a
/// sequence that were written within the precision of the times.
fn crowded_patterns(files: &[ComparedFile]) -> Vec<u64> {
    // The databases that hold one version of a name hold copies.
    let version = |file: &ComparedFile| (file.bytes, file.modified);
    let versions = files.chunk_by(|a, b| a.name == b.name && version(a) == version(b));
    let mut patterns: Vec<u64> = versions.map(|copies| pattern_hash(&copies[0])).collect();
    patterns.sort_unstable();
    let several = patterns.chunk_by(|a, b| a == b);
    several
        .filter(|same| same.len() > 1)
        .map(|same| same[0])
        .collect()
}

/// Hash of size, time, and the name with each number replaced by one digit.
fn pattern_hash(file: &ComparedFile) -> u64 {
    let mut pattern = file.name.clone();
    pattern.dedup_by(|next, digit| next.is_ascii_digit() && digit.is_ascii_digit());
    for byte in &mut pattern {
        if byte.is_ascii_digit() {
            *byte = b'0';
        }
    }
    hash(file, &pattern)
}

fn hash(file: &ComparedFile, name: &[u8]) -> u64 {
    let mut bytes = Vec::with_capacity(20 + name.len());
    bytes.extend_from_slice(&file.bytes.to_le_bytes());
    bytes.extend_from_slice(&file.modified.seconds.to_le_bytes());
    bytes.extend_from_slice(&file.modified.nanoseconds.to_le_bytes());
    bytes.extend_from_slice(name);
    Digest::of_bytes(&bytes).low_64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, seconds: i64, digest: Option<u128>, database: u16) -> ComparedFile {
        ComparedFile {
            name: name.into(),
            bytes: 7,
            modified: Timestamp {
                seconds,
                nanoseconds: 0,
            },
            digest,
            database,
        }
    }

    /// Returns name, digest and databases of each record.
    fn made(mut files: Vec<ComparedFile>) -> Vec<(String, Option<u128>, Vec<u16>)> {
        let records = records(&mut files).into_iter();
        let made = records.map(|record| {
            let name = String::from_utf8_lossy(record.name).into_owned();
            let digest = record.digest.map(|digest| digest.0);
            (name, digest, record.databases)
        });
        made.collect()
    }

    #[test]
    fn copies_of_a_version_are_one_record() {
        let files = vec![
            file("a", 1, None, 2),
            file("a", 1, Some(5), 0),
            file("b", 1, None, 0),
        ];
        let all = [
            ("a".to_owned(), Some(5), vec![0, 2]),
            ("b".to_owned(), None, vec![0]),
        ];
        assert_eq!(made(files), all);
    }

    #[test]
    fn different_contents_are_different_records() {
        let files = vec![
            file("a", 1, None, 0),
            file("a", 1, Some(5), 1),
            file("a", 1, Some(6), 2),
            file("a", 9, None, 3),
        ];
        let made = made(files);
        let digests: Vec<_> = made.iter().map(|record| record.1).collect();
        assert_eq!(digests, [None, Some(5), Some(6), None]);
    }

    #[test]
    fn frames_of_one_second_differ() {
        let names = ["sh.0001.exr", "sh.0002.exr", "other.mov", "last.mov"];
        let mut files: Vec<_> = names.iter().map(|name| file(name, 1, None, 0)).collect();
        let mut classes: Vec<u64> = records(&mut files).iter().map(|made| made.class).collect();
        classes.sort_unstable();
        classes.dedup();
        // The two that are no frames may be equal.
        assert_eq!(classes.len(), 3);
        // The later one of two versions is a frame like the first.
        let rendered = [
            ("sh.1", 1, 0),
            ("sh.2", 1, 0),
            ("sh.1", 9, 1),
            ("sh.2", 9, 1),
        ];
        let mut files = rendered.map(|(name, time, database)| file(name, time, None, database));
        let mut classes: Vec<u64> = records(&mut files).iter().map(|made| made.class).collect();
        classes.sort_unstable();
        classes.dedup();
        assert_eq!(classes.len(), 4);
        // A copy of the same name is no second frame.
        let mut files = vec![file("sh.1", 1, None, 0), file("sh.1", 1, None, 1)];
        let alone = records(&mut files)[0].class;
        assert_eq!(alone, records(&mut [file("x", 1, None, 0)])[0].class);
    }
}
