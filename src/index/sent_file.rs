//! Sent files of one folder, and their packed form: a manifest with file ids and version tags.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::{Manifest, ManifestBuilder, ManifestFile};

/// A sent version of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentFile {
    /// The size in bytes.
    pub bytes: u64,
    /// The modification time at the source.
    pub modified: Timestamp,
    /// The identity of the file at the source, which survives a rename; 0 if unknown.
    pub file_id: u64,
    /// The version tag in a listing of the destination; 0 if unknown.
    pub tag: u64,
    /// The digest of a symbolic link's target; 0 for a file.
    pub link_digest: u64,
}

impl SentFile {
    /// Returns the version of a file or symbolic link at its source.
    pub fn of(file: &ManifestFile<'_>) -> Self {
        Self {
            bytes: file.bytes,
            modified: file.modified,
            link_digest: file.target.map_or(0, link_digest),
            ..Self::default()
        }
    }

    /// True if the source still has the sent version: size and time of a file, target of a link.
    pub fn matches(&self, file: &ManifestFile<'_>) -> bool {
        match file.target {
            Some(target) => self.link_digest == link_digest(target),
            None => (self.link_digest, self.bytes, self.modified) == (0, file.bytes, file.modified),
        }
    }
}

/// Sent files of one folder, by name.
pub type SentFolder = BTreeMap<Name, SentFile>;

/// Files of one folder that one source sent, packed.
#[derive(Clone, Debug)]
pub struct SentRow {
    /// The folder below the replica's folder.
    pub folder: PathBuf,
    /// The root of the source.
    pub source: PathBuf,
    /// The files.
    pub packed: PackedSentFiles,
}

/// Sent files of one folder in little memory: a copy can send a million.
#[derive(Clone, Debug, Default)]
pub struct PackedSentFiles {
    /// Names, sizes and times.
    pub manifest: Manifest,
    /// File id of each, 8 bytes, little-endian.
    pub(super) file_ids: Vec<u8>,
    /// Version tag of each, likewise 8 bytes.
    pub(super) tags: Vec<u8>,
}

impl SentRow {
    /// Packs the files of a folder.
    pub fn pack(folder: &Path, source: &Path, files: &SentFolder) -> Self {
        Self {
            folder: folder.to_owned(),
            source: source.to_owned(),
            packed: PackedSentFiles::pack(files),
        }
    }

    /// Unpacks the files. A row that cannot be parsed has none: they are sent again.
    pub fn files(&self) -> SentFolder {
        self.packed.files()
    }
}

impl PackedSentFiles {
    /// Unpacks the files. Those of a row that cannot be parsed are missing: they are sent again.
    pub fn files(&self) -> SentFolder {
        let number = |bytes: &[u8], place: usize| {
            let number = bytes.as_chunks().0.get(place).copied();
            number.map(u64::from_le_bytes).unwrap_or_default()
        };
        let mut files = SentFolder::new();
        let mut packed = self.manifest.files();
        while let Some(file) = packed.next() {
            let place = files.len();
            let sent = SentFile {
                bytes: file.bytes,
                modified: file.modified,
                file_id: number(&self.file_ids, place),
                tag: number(&self.tags, place),
                link_digest: file.target.map_or(0, parse_link_digest),
            };
            files.insert(Name::from_bytes(file.name.to_vec()), sent);
        }
        files
    }

    /// Packs the files of a folder.
    pub fn pack(files: &SentFolder) -> Self {
        let mut manifest = ManifestBuilder::with_capacity(files.len());
        let (mut file_ids, mut tags) = (Vec::new(), Vec::new());
        for (name, file) in files {
            let link = format!("{:016x}", file.link_digest);
            manifest.add(&ManifestFile {
                name: name.as_bytes(),
                bytes: file.bytes,
                modified: file.modified,
                target: (file.link_digest != 0).then_some(link.as_bytes()),
            });
            file_ids.extend_from_slice(&file.file_id.to_le_bytes());
            tags.extend_from_slice(&file.tag.to_le_bytes());
        }
        Self {
            manifest: manifest.finish(),
            file_ids,
            tags,
        }
    }
}

/// Returns the digest of a link's target; never 0.
pub fn link_digest(target: &[u8]) -> u64 {
    Digest::of_bytes(target).low_64().max(1)
}

/// Parses a digest in hexadecimal; one that cannot be parsed equals no target.
fn parse_link_digest(text: &[u8]) -> u64 {
    let text = std::str::from_utf8(text).unwrap_or_default();
    u64::from_str_radix(text, 16).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_links_keep_their_digests() {
        let sent = SentFile {
            bytes: 1,
            file_id: 2,
            tag: 3,
            ..SentFile::default()
        };
        let mut files = SentFolder::from([(Name::from("a"), sent)]);
        let file = |target| ManifestFile {
            name: b"b",
            bytes: 0,
            modified: Timestamp::UNKNOWN,
            target,
        };
        let link = SentFile::of(&file(Some(b"../x.mov".as_slice())));
        files.insert(Name::from("b"), link);
        let row = SentRow::pack(Path::new("x"), Path::new("/work"), &files);
        assert_eq!(row.files(), files);
        assert!(link.matches(&file(Some(b"../x.mov".as_slice()))));
        assert!(!link.matches(&file(Some(b"../y.mov".as_slice()))));
        assert!(!link.matches(&file(None)));
    }
}
