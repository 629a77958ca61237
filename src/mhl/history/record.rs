//! The files that a history records: the merged entries of its generations.

use std::collections::BTreeMap;

use crate::base::timestamp::Timestamp;
use crate::mhl::hash_list::{HashAction, HashListVisitor, HashedFile};
use crate::snapshot::content_hash::{HashFormat, HashValue};

/// A file of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileRecord {
    /// The first hash in each format that did not fail.
    pub hashes: Vec<HashValue>,
    /// The size in the latest generation that states one.
    pub bytes: Option<u64>,
    /// The latest time at which a hash was found as recorded.
    pub proven_at: Option<Timestamp>,
    /// The latest time at which a hash was computed, whatever the result.
    pub checked_at: Option<Timestamp>,
    /// The last list, counted from 1, that names the file.
    list: u64,
}

impl FileRecord {
    /// Returns the recorded hash in a format.
    pub fn hash(&self, format: HashFormat) -> Option<HashValue> {
        let mut hashes = self.hashes.iter();
        hashes.find(|hash| hash.format() == format).copied()
    }

    /// The format in which the file is verified: the preferred one if it is recorded.
    pub fn format_to_verify(&self, preferred: HashFormat) -> Option<HashFormat> {
        let order = [preferred, HashFormat::Xxh128];
        let mut usable = order
            .into_iter()
            .filter(|format| self.hash(*format).is_some());
        let first = || self.hashes.first().map(HashValue::format);
        usable.next().or_else(first)
    }

    fn add(&mut self, file: &HashedFile) {
        self.bytes = file.bytes.or(self.bytes);
        for entry in &file.hashes {
            self.checked_at = self.checked_at.max(entry.at);
            if entry.action == HashAction::Failed {
                continue;
            }
            self.proven_at = self.proven_at.max(entry.at);
            if self.hash(entry.value.format()).is_none() {
                self.hashes.push(entry.value);
            }
        }
    }
}

/// The records of a history by path, and the folders that the list being read names.
#[derive(Debug, Default)]
pub(super) struct RecordMerger {
    pub(super) files: BTreeMap<Box<str>, FileRecord>,
    folders: BTreeMap<Box<str>, u64>,
    /// The number of the list that is read.
    list: u64,
    /// The number of its files.
    pub(super) list_files: u64,
}

impl RecordMerger {
    /// Begins with the next list.
    pub(super) const fn begin_list(&mut self) {
        self.list += 1;
        self.list_files = 0;
    }

    /// Returns the records without those of folders.
    pub(super) fn into_files(self) -> BTreeMap<Box<str>, FileRecord> {
        self.files
    }
}

impl HashListVisitor for RecordMerger {
    fn file(&mut self, file: HashedFile) -> Result<(), String> {
        let twice = |path: &str| {
            let path: String = path.chars().take(80).flat_map(char::escape_debug).collect();
            Err(format!("it names `{path}` twice"))
        };
        if self.folders.get(file.path.as_str()) == Some(&self.list) {
            return twice(&file.path);
        }
        let path = file.path.as_str();
        let earlier = match &file.previous_path {
            Some(previous) if previous != path => self.files.remove(previous.as_str()),
            _ => None,
        };
        let known = self.files.entry(path.into());
        let record = known.or_insert_with(|| earlier.unwrap_or_default());
        if record.list == self.list {
            return twice(path);
        }
        record.list = self.list;
        record.add(&file);
        self.list_files += 1;
        Ok(())
    }

    fn folder(&mut self, path: &str) -> Result<(), String> {
        let is_file = self
            .files
            .get(path)
            .is_some_and(|file| file.list == self.list);
        let before = self.folders.insert(path.into(), self.list);
        if is_file || before == Some(self.list) {
            let path: String = path.chars().take(80).flat_map(char::escape_debug).collect();
            return Err(format!("it names `{path}` twice"));
        }
        Ok(())
    }
}
