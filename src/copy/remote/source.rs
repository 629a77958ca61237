//! What the files of a source are, looked at just before they are sent and again afterwards.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::OutgoingFile;
use crate::base::error::Result;
use crate::index::SentFile;
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::EntryKind;
use crate::snapshot::digest::Digest;
use crate::storage::Storage;

/// Looking at files of a source one after the other; neighbours through one handle of their folder.
pub(crate) struct SourceProbe<'a> {
    root: Option<&'a Folder>,
    folder: Option<(PathBuf, Result<Folder>)>,
}

/// What is at the source.
pub(crate) enum SourceState {
    /// This file.
    File(SentFile),
    /// Nothing of the name.
    Missing,
    /// Something else.
    NotAFile(String),
    /// It could not be looked at.
    Unknown,
}

impl<'a> SourceProbe<'a> {
    pub(crate) fn new(source: &'a Storage) -> Self {
        Self {
            root: source.root_folder().map(AsRef::as_ref),
            folder: None,
        }
    }

    /// What a file of a replica is; it is gone only where the replica is still there, for a whole one that is not may be on
    /// a disk that is not mounted.
    pub(super) fn stat_file(&mut self, file: &OutgoingFile) -> SourceState {
        match self.stat_path(&file.path_below_root()) {
            SourceState::Missing if !self.has_replica(&file.replica) => SourceState::Unknown,
            seen => seen,
        }
    }

    fn has_replica(&self, replica: &Path) -> bool {
        self.root
            .is_some_and(|root| root.open_descendant(replica).is_ok())
    }

    /// What has this path below the root.
    pub(crate) fn stat_path(&mut self, whole: &Path) -> SourceState {
        let Some(root) = self.root else {
            return SourceState::Unknown;
        };
        let (above, name) = (
            whole.parent().unwrap_or(Path::new("")),
            whole.file_name().unwrap_or_default(),
        );
        if self.folder.as_ref().is_none_or(|(path, _)| path != above) {
            self.folder = Some((above.to_owned(), root.open_descendant(above)));
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
                SourceState::NotAFile(format!("it is {} now", stat.kind.noun_with_article()))
            }
            Err(error) if is_not_found(&error) => SourceState::Missing,
            Err(_) => SourceState::Unknown,
        }
    }
}

/// What tells a file from every other on its file system, whatever its name; 0 where that is not kept. Its number alone
/// would not do: that is given to another file once this one is gone.
fn file_id(folder: &Folder, name: &OsStr) -> u64 {
    folder
        .file_id(name)
        .map_or(0, |(inode, seconds, nanoseconds)| {
            let birth = format!("{inode} {seconds}.{nanoseconds:09}");
            Digest::of_bytes(birth.as_bytes()).low_64()
        })
}
