//! Stats of single entries, and the proof that an entry is missing.
//!
//! Rule: an entry is missing only if the storage was asked for it and its mount is present. Everything else counts as
//! present: an unmounted disk, an unreadable folder, and a listing that is not complete.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Storage;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::SentFile;
use crate::model::path::split_path;
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::EntryKind;
use crate::snapshot::digest::Digest;

/// Stats entries one by one, by their paths below the root. Entries of one folder share its handle.
pub struct EntryProbe<'a> {
    storage: &'a Storage,
    folder: Option<(PathBuf, Result<Folder>)>,
}

/// State of a path.
pub enum EntryState {
    /// A file.
    File(SentFile),
    /// No entry of this name.
    Missing,
    /// An entry of another kind.
    NotAFile(EntryKind),
    /// Not accessible, or behind rclone.
    Unknown,
}

impl EntryState {
    /// The id of a file; 0 if it is unknown.
    pub const fn file_id(&self) -> u64 {
        match self {
            Self::File(stat) => stat.file_id,
            Self::Missing | Self::NotAFile(_) | Self::Unknown => 0,
        }
    }
}

impl<'a> EntryProbe<'a> {
    pub const fn new(storage: &'a Storage) -> Self {
        Self {
            storage,
            folder: None,
        }
    }

    /// Stats a file of a replica. A file is missing only if its replica exists: a missing replica may be on a disk that is
    /// not mounted.
    pub fn stat_in_replica(&mut self, replica: &Path, path: &Path) -> EntryState {
        let root = self.storage.root_folder();
        let has_replica = || root.is_some_and(|root| root.open_descendant(replica).is_ok());
        match self.stat(&replica.join(path)) {
            EntryState::Missing if !has_replica() => EntryState::Unknown,
            state => state,
        }
    }

    pub fn stat(&mut self, path: &Path) -> EntryState {
        let Some(root) = self.storage.root_folder() else {
            return EntryState::Unknown;
        };
        let (parent, name) = split_path(path);
        if self.folder.as_ref().is_none_or(|(path, _)| path != parent) {
            self.folder = Some((parent.to_owned(), root.open_descendant(parent)));
        }
        let folder = match &self.folder {
            Some((_, Ok(folder))) => folder,
            Some((_, Err(error))) if is_not_found(error) => return EntryState::Missing,
            _ => return EntryState::Unknown,
        };
        match folder.stat(name) {
            Ok(stat) if stat.kind == EntryKind::File => EntryState::File(SentFile {
                bytes: stat.bytes,
                modified: stat.modified,
                file_id: file_id(folder, name),
                tag: 0,
                link_digest: 0,
            }),
            Ok(stat) => EntryState::NotAFile(stat.kind),
            Err(error) if is_not_found(&error) => EntryState::Missing,
            Err(_) => EntryState::Unknown,
        }
    }

    /// True if a file is certainly missing.
    pub fn is_missing(&mut self, path: &Path) -> Result<bool> {
        match self.storage {
            Storage::Local(storage) => Ok(matches!(self.stat(path), EntryState::Missing)
                && storage.missing_mount(path).is_none()),
            Storage::Remote(storage) => {
                let listed = storage.listing_of(path.parent().unwrap_or(Path::new("")))?;
                Ok(!listed.is_unread(path) && listed.file(path).is_none())
            }
        }
    }

    /// True if a folder is certainly missing.
    pub fn is_folder_missing(&mut self, path: &Path) -> Result<bool> {
        match self.storage {
            Storage::Local(_) => self.is_missing(path),
            Storage::Remote(storage) => {
                let listed = storage.listing_of(path.parent().unwrap_or(Path::new("")))?;
                let mut folders = listed.folders.keys();
                Ok(!listed.is_unread(path)
                    && !listed.is_incomplete
                    && !folders.any(|folder| folder.starts_with(path)))
            }
        }
    }

    /// Returns size and mtime of a file; zeros if they are unknown.
    pub fn size_and_time(&mut self, path: &Path) -> Result<(u64, Timestamp)> {
        let found = match self.storage {
            Storage::Local(_) => match self.stat(path) {
                EntryState::File(stat) => Some((stat.bytes, stat.modified)),
                EntryState::Missing | EntryState::NotAFile(_) | EntryState::Unknown => None,
            },
            Storage::Remote(storage) => {
                let listed = storage.listing_of(path.parent().unwrap_or(Path::new("")))?;
                let file = listed.file(path);
                file.map(|file| (file.bytes.unwrap_or_default(), file.modified))
            }
        };
        Ok(found.unwrap_or((0, Timestamp::UNKNOWN)))
    }
}

/// Returns an id that no other file of the file system has or had, or 0 if the file system provides none. It includes the
/// birth time, because the inode number of a deleted file is reused.
fn file_id(folder: &Folder, name: &OsStr) -> u64 {
    folder
        .file_id(name)
        .map_or(0, |(inode, seconds, nanoseconds)| {
            let birth = format!("{inode} {seconds}.{nanoseconds:09}");
            Digest::of_bytes(birth.as_bytes()).low_64()
        })
}
