//! Hash lists: the `.mhl` files of a history, one for each generation.

mod read;
mod write;

use crate::base::timestamp::Timestamp;
use crate::snapshot::content_hash::HashValue;

pub(crate) use self::read::{HashListVisitor, read_hash_list};
pub(crate) use self::write::write_hash_list;

/// The namespace of hash lists.
const NAMESPACE: &str = "urn:ASC:MHL:v2.0";

/// The version of the format.
const VERSION: &str = "2.0";

/// The name of this program in hash lists.
pub const TOOL: &str = "auto-backup";

/// The kind of work that a generation records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Files were hashed where they are.
    InPlace,
    /// Files were copied.
    Transfer,
    /// Several generations were merged into one list.
    Flatten,
}

impl Process {
    const ALL: [Self; 3] = [Self::InPlace, Self::Transfer, Self::Flatten];

    /// The word of the specification.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InPlace => "in-place",
            Self::Transfer => "transfer",
            Self::Flatten => "flatten",
        }
    }

    /// The process with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|process| process.word() == word)
    }
}

/// The result of computing a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAction {
    /// The file had no hash before.
    Original,
    /// The hash is the one that is recorded, or was computed together with such a hash.
    Verified,
    /// The hash is another than the recorded one.
    Failed,
}

impl HashAction {
    const ALL: [Self; 3] = [Self::Original, Self::Verified, Self::Failed];

    /// The word of the specification.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Verified => "verified",
            Self::Failed => "failed",
        }
    }
}

/// A hash of a file in a hash list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashEntry {
    pub value: HashValue,
    pub action: HashAction,
    /// The time at which it was computed.
    pub at: Option<Timestamp>,
}

/// A file in a hash list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedFile {
    /// The path below the folder of the history.
    pub path: String,
    /// The size; `None` in lists of programs that leave it out.
    pub bytes: Option<u64>,
    pub modified: Option<Timestamp>,
    /// One for each format, in the order of the schema.
    pub hashes: Vec<HashEntry>,
    /// The path in earlier generations, if the file was renamed.
    pub previous_path: Option<String>,
}

/// A hash of a folder: of the contents of its files, and of these and their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderHash {
    pub content: HashValue,
    pub structure: HashValue,
}

/// A folder in a hash list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedFolder {
    /// The path below the folder of the history.
    pub path: String,
    pub modified: Option<Timestamp>,
    /// One for each format, in the order of the schema.
    pub hashes: Vec<FolderHash>,
}

/// A reference to a hash list of a nested history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashListReference {
    /// The path below the folder of the history.
    pub path: String,
    /// The C4 of the file.
    pub c4: HashValue,
}

/// A hash list without its files and folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashListHead {
    /// The time at which the work began.
    pub created: Timestamp,
    pub host: String,
    /// The program that wrote it, and its version.
    pub tool: String,
    pub tool_version: String,
    pub comment: Option<String>,
    pub process: Process,
    /// Patterns of files that are not in the history, in the syntax of gitignore.
    pub ignore: Vec<String>,
    pub references: Vec<HashListReference>,
}

/// A whole hash list that is to be written.
#[derive(Clone, Debug)]
pub struct HashList {
    pub head: HashListHead,
    /// Hashes of the folder of the history itself.
    pub root: Vec<FolderHash>,
    pub files: Vec<HashedFile>,
    pub folders: Vec<HashedFolder>,
}

#[cfg(test)]
mod tests;
