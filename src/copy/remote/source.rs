//! Stat of source files just before they are sent, and again afterwards.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::upload::OutgoingFile;
use crate::base::error::Result;
use crate::index::SentFile;
use crate::model::path::split_path;
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::EntryKind;
use crate::snapshot::digest::Digest;
use crate::storage::Storage;

/// Stats files of a source one by one. Files of one folder share its handle.
pub(crate) struct SourceProbe<'a> {
    root: Option<&'a Folder>,
    folder: Option<(PathBuf, Result<Folder>)>,
}

/// State of a path at the source.
pub(crate) enum SourceState {
    /// A file.
    File(SentFile),
    /// No entry of this name.
    Missing,
    /// An entry of another kind, described for a message.
    NotAFile(String),
    /// Not accessible.
    Unknown,
}

impl<'a> SourceProbe<'a> {
    pub(crate) fn new(source: &'a Storage) -> Self {
        Self {
            root: source.root_folder().map(AsRef::as_ref),
            folder: None,
        }
    }

    /// Stats a file of a replica. A file is missing only if its replica exists: a missing replica may be on a disk that is
    /// not mounted.
    pub(super) fn stat_file(&mut self, file: &OutgoingFile) -> SourceState {
        match self.stat_path(&file.path_below_root()) {
            SourceState::Missing if !self.has_replica(&file.replica) => SourceState::Unknown,
            state => state,
        }
    }

    fn has_replica(&self, replica: &Path) -> bool {
        self.root
            .is_some_and(|root| root.open_descendant(replica).is_ok())
    }

    /// Stats a path relative to the root.
    pub(crate) fn stat_path(&mut self, path: &Path) -> SourceState {
        let Some(root) = self.root else {
            return SourceState::Unknown;
        };
        let (parent, name) = split_path(path);
        if self.folder.as_ref().is_none_or(|(path, _)| path != parent) {
            self.folder = Some((parent.to_owned(), root.open_descendant(parent)));
        }
        let folder = match &self.folder {
            Some((_, Ok(folder))) => folder,
            Some((_, Err(error))) if is_not_found(error) => return SourceState::Missing,
            _ => return SourceState::Unknown,
        };
        match folder.stat(name) {
            Ok(stat) if stat.kind == EntryKind::File => SourceState::File(SentFile {
                bytes: stat.bytes,
                modified: stat.modified,
                file_id: file_id(folder, name),
                tag: 0,
                link_digest: 0,
            }),
            Ok(stat) => {
                SourceState::NotAFile(format!("it is now {}", stat.kind.noun_with_article()))
            }
            Err(error) if is_not_found(&error) => SourceState::Missing,
            Err(_) => SourceState::Unknown,
        }
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
