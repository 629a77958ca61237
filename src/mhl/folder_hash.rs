//! Hashes of folders: of the contents of their files, and of these together with the names.

use super::hash_list::FolderHash;
use crate::snapshot::content_hash::{HashFormat, HashFormatSet, HashValue, MultiHasher};

/// Computes the hashes of one folder in one format.
#[derive(Debug)]
pub struct FolderHasher {
    format: HashFormat,
    contents: Vec<HashValue>,
    structures: Vec<HashValue>,
}

impl FolderHasher {
    pub const fn new(format: HashFormat) -> Self {
        Self {
            format,
            contents: Vec::new(),
            structures: Vec::new(),
        }
    }

    /// Adds a file with its hash. A hash of another format is left out, and so is its name.
    pub fn add_file(&mut self, name: &str, hash: HashValue) {
        self.contents.push(hash);
        self.structures.extend(self.with_name(name, &hash));
    }

    /// Adds a folder inside with its hashes.
    pub fn add_folder(&mut self, name: &str, hash: FolderHash) {
        self.contents.push(hash.content);
        self.structures
            .extend(self.with_name(name, &hash.structure));
    }

    /// Returns the hashes of the folder.
    pub fn finish(self) -> Option<FolderHash> {
        Some(FolderHash {
            content: hash_of_all(self.format, self.contents)?,
            structure: hash_of_all(self.format, self.structures)?,
        })
    }

    fn with_name(&self, name: &str, hash: &HashValue) -> Option<HashValue> {
        let mut hasher = MultiHasher::new(HashFormatSet::EMPTY.with(self.format));
        hasher.update(name.as_bytes());
        hasher.update(hash.as_bytes());
        hasher.finish().value(self.format)
    }
}

/// Returns the hash of hashes, in the order of their texts, which is that of their bytes.
fn hash_of_all(format: HashFormat, mut parts: Vec<HashValue>) -> Option<HashValue> {
    parts.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    let mut hasher = MultiHasher::new(HashFormatSet::EMPTY.with(format));
    for part in &parts {
        hasher.update(part.as_bytes());
    }
    hasher.finish().value(format)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xxh64(text: &str) -> HashValue {
        HashValue::parse(HashFormat::Xxh64, text).unwrap()
    }

    #[test]
    fn hashes_are_those_of_the_worked_example() {
        // examples/scenarios of the reference tool, scenario 1.
        let mut clips = FolderHasher::new(HashFormat::Xxh64);
        clips.add_file("A002C007_141024_R2EC.mov", xxh64("7680e5f98f4a80fd"));
        clips.add_file("A002C006_141024_R2EC.mov", xxh64("0ea03b369a463d9d"));
        let clips = clips.finish().unwrap();
        assert_eq!(clips.content.to_string(), "4c226b42e27d7af3");
        assert_eq!(clips.structure.to_string(), "906faa843d591a9f");
        let mut root = FolderHasher::new(HashFormat::Xxh64);
        root.add_file("Sidecar.txt", xxh64("3ab5a4166b9bde44"));
        root.add_folder("Clips", clips);
        let root = root.finish().unwrap();
        assert_eq!(root.content.to_string(), "8d02114c32e28cbe");
        assert_eq!(root.structure.to_string(), "f557f8ca8e5a88ef");
    }

    #[test]
    fn empty_folder_has_the_hash_of_nothing() {
        for format in HashFormat::ALL {
            let hash = FolderHasher::new(format).finish().unwrap();
            let nothing = crate::snapshot::content_hash::hash_bytes(format, b"");
            assert_eq!([hash.content, hash.structure], [nothing; 2]);
        }
    }
}
