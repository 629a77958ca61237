//! What is there now under the names of files.

use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::model::path::split_path;
use crate::os::folder::is_not_found;
use crate::os::stat::EntryKind;
use crate::rclone::{ListTarget, RemoteListing, TimeSource};
use crate::snapshot::diff::DiffEntry;
use crate::storage::version::put_back::entry_at;
use crate::storage::{LocalStorage, RemoteStorage, Storage};

/// The entries of a storage under some names.
pub(super) enum CurrentEntries<'a> {
    Local(&'a LocalStorage),
    Remote(&'a RemoteStorage, RemoteListing),
}

/// An entry as its storage shows it.
#[derive(Clone, Debug)]
pub(super) struct CurrentEntry {
    pub(super) entry: DiffEntry,
    /// False if the storage does not know the size.
    pub(super) has_size: bool,
    /// False if the storage keeps no times.
    pub(super) has_time: bool,
}

impl<'a> CurrentEntries<'a> {
    /// Lists the files at a remote. Those on a disk are looked up one by one.
    pub(super) fn read<'f>(
        storage: &'a Storage,
        files: impl Iterator<Item = &'f PathBuf>,
    ) -> Result<Self> {
        let remote = match storage {
            Storage::Local(local) => return Ok(Self::Local(local)),
            Storage::Remote(remote) => remote,
        };
        let files: Vec<PathBuf> = files.cloned().collect();
        if files.is_empty() {
            return Ok(Self::Remote(remote, RemoteListing::default()));
        }
        let target = ListTarget::Files(&files);
        let times = TimeSource::ModTime;
        let listed = remote.remote.list(target, &remote.features, times)?;
        // A missing root proves nothing about its files.
        let listed = listed.ok_or_else(|| Error::Rclone {
            action: "list",
            path: remote.remote.path(Path::new("")),
            why: "the folder of the storage is not listed".to_owned(),
        })?;
        Ok(Self::Remote(remote, listed))
    }

    /// Returns the entry of this path below the root; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub(super) fn entry(&self, path: &Path) -> Result<Option<CurrentEntry>> {
        match self {
            Self::Local(local) => {
                if let Some(missing) = local.missing_mount(path) {
                    return Err(missing);
                }
                let (folder, name) = split_path(path);
                let entry = match local.root.open_descendant(folder) {
                    Ok(folder) => entry_at(&folder, name)?,
                    Err(error) if is_not_found(&error) => None,
                    Err(error) => return Err(error),
                };
                Ok(entry.map(|entry| CurrentEntry {
                    entry,
                    has_size: true,
                    has_time: true,
                }))
            }
            Self::Remote(remote, listed) => {
                if listed.is_unread(path) {
                    return Err(Error::Rclone {
                        action: "list",
                        path: remote.remote.path(path),
                        why: "the storage does not list its folder".to_owned(),
                    });
                }
                Ok(listed.file(path).map(|file| CurrentEntry {
                    entry: DiffEntry {
                        kind: EntryKind::File,
                        bytes: file.bytes.unwrap_or_default(),
                        modified: file.modified,
                    },
                    has_size: file.bytes.is_some(),
                    has_time: remote.features.time_precision().is_some(),
                }))
            }
        }
    }
}
