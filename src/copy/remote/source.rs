//! What the files of a source are, looked at just before they are sent and again afterwards.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Outgoing;
use crate::base::error::Result;
use crate::index::SentFile;
use crate::os::folder::{Folder, is_missing};
use crate::os::stat::Kind;
use crate::snapshot::digest::Digest;
use crate::storage::Side;

/// Looking at files of a source one after the other; neighbours through one handle of their folder.
pub(crate) struct Looking<'a> {
    root: Option<&'a Folder>,
    folder: Option<(PathBuf, Result<Folder>)>,
}

/// What is at the source.
pub(crate) enum Seen {
    /// This file.
    File(SentFile),
    /// Nothing of the name.
    Gone,
    /// Something else.
    Other(String),
    /// It could not be looked at.
    Unknown,
}

impl<'a> Looking<'a> {
    pub(crate) fn at(source: &'a Side) -> Self {
        Self {
            root: source.folder().map(AsRef::as_ref),
            folder: None,
        }
    }

    /// What a file of a replica is; it is gone only where the replica is still there, for a whole one that is not may be on
    /// a disk that is not mounted.
    pub(super) fn file(&mut self, file: &Outgoing) -> Seen {
        match self.path(&file.whole()) {
            Seen::Gone if !self.is_there(&file.replica) => Seen::Unknown,
            seen => seen,
        }
    }

    fn is_there(&self, replica: &Path) -> bool {
        self.root.is_some_and(|root| root.beneath(replica).is_ok())
    }

    /// What has this path below the root.
    pub(crate) fn path(&mut self, whole: &Path) -> Seen {
        let Some(root) = self.root else {
            return Seen::Unknown;
        };
        let (above, name) = (
            whole.parent().unwrap_or(Path::new("")),
            whole.file_name().unwrap_or_default(),
        );
        if self.folder.as_ref().is_none_or(|(path, _)| path != above) {
            self.folder = Some((above.to_owned(), root.beneath(above)));
        }
        let folder = match &self.folder {
            Some((_, Ok(folder))) => folder,
            Some((_, Err(error))) if is_missing(error) => return Seen::Gone,
            _ => return Seen::Unknown,
        };
        match folder.stat(name) {
            Ok(stat) if stat.kind == Kind::File => Seen::File(SentFile {
                bytes: stat.bytes,
                modified: stat.modified,
                number: number(folder, name),
                mark: 0,
                link: 0,
            }),
            Ok(stat) => Seen::Other(format!("it is {} now", stat.kind.noun())),
            Err(error) if is_missing(&error) => Seen::Gone,
            Err(_) => Seen::Unknown,
        }
    }
}

/// What tells a file from every other on its file system, whatever its name; 0 where that is not kept. Its number alone
/// would not do: that is given to another file once this one is gone.
fn number(folder: &Folder, name: &OsStr) -> u64 {
    folder
        .birth_of(name)
        .map_or(0, |(inode, seconds, nanoseconds)| {
            let birth = format!("{inode} {seconds}.{nanoseconds:09}");
            Digest::of_bytes(birth.as_bytes()).half()
        })
}
