//! The storage that carries a published index: its file is looked at, fetched and replaced, on disks and remotes alike.

use std::path::{Path, PathBuf};

use super::published_file::relative_path;
use super::{local_file, remote_file};
use crate::base::error::Result;
use crate::index::FileSignature;
use crate::model::identity;
use crate::storage::Storage;

/// A storage as the carrier of a published index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carrier<'a> {
    storage: &'a Storage,
}

impl<'a> Carrier<'a> {
    pub(super) const fn of(storage: &'a Storage) -> Self {
        Self { storage }
    }

    /// Returns the state of the file; `None` if there is none.
    pub(super) fn signature(self) -> Result<Option<FileSignature>> {
        match self.storage {
            Storage::Local(local) => local_file::signature(&local.root),
            Storage::Remote(remote) => remote_file::signature(remote),
        }
    }

    /// Fetches the file of this size to a new private file.
    ///
    /// # Errors
    /// It cannot be read, or changes meanwhile.
    pub(super) fn fetch(self, copy: &Path, bytes: u64) -> Result<()> {
        match self.storage {
            Storage::Local(local) => local_file::fetch(&local.root, copy, bytes),
            Storage::Remote(remote) => remote_file::fetch(remote, copy, bytes),
        }
    }

    /// Puts a file in place of an earlier one, whole, and returns its state there.
    ///
    /// # Errors
    /// The storage cannot be written, or does not hold the file afterwards.
    pub(super) fn put(self, file: &Path, bytes: u64) -> Result<FileSignature> {
        match self.storage {
            Storage::Local(local) => local_file::put(&local.root, file),
            Storage::Remote(remote) => remote_file::put(remote, file, bytes),
        }
    }

    /// Returns the identity of the storage; `None` if it has no identity file.
    pub(super) fn identity(self) -> Result<Option<String>> {
        match self.storage {
            Storage::Local(local) => identity::read(&local.root),
            Storage::Remote(remote) => Ok(remote.identity().map(str::to_owned)),
        }
    }

    /// The root id of the storage's folder, if it has one.
    pub(super) fn root_id(self) -> Option<String> {
        self.storage.root_folder().and_then(|root| root.root_id())
    }

    /// True if the recorded state of a file is the same for all workstations: a remote states digests, but a disk has other
    /// numbers of files wherever it is mounted.
    pub(super) const fn keeps_tags(self) -> bool {
        matches!(self.storage, Storage::Remote(_))
    }

    /// The path of the file, for messages.
    pub(super) fn shown_path(self) -> PathBuf {
        let file = relative_path();
        match self.storage {
            Storage::Local(local) => local.root.path().join(file),
            Storage::Remote(remote) => remote.remote.path(&file),
        }
    }
}
