//! Private folder at the destination for files fetched from a remote, until they get their final names.
//!
//! Its name is random and recorded in the index before any file is in it. It is accessed through its handle only, so that
//! a symbolic link that another account puts into its path cannot redirect it.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::ignore::ignore;
use crate::base::timestamp::Timestamp;
use crate::index::{FetchFolderRecord, Index};
use crate::model::own_folder;
use crate::model::path::split_path;
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::EntryKind;

/// Prefix of the folder's name. Earlier versions of this program used this name without a suffix.
const NAME_PREFIX: &str = "incoming";

/// A private folder for fetched files.
#[derive(Debug)]
pub(super) struct FetchFolder {
    pub(super) folder: Arc<Folder>,
    /// True if an interrupted run left files in the folder.
    pub(super) has_leftovers: bool,
    /// Reason why the folder is not recorded in the index; if the run is killed, no later run removes it.
    pub(super) record_error: Option<Error>,
    own_folder: Folder,
    name: String,
    root: PathBuf,
    /// Path for other programs, through the open handle.
    path: PathBuf,
}

impl FetchFolder {
    /// Opens the folder that an interrupted run left with files of this source, or creates a new one. Folders with files of
    /// other sources are removed. The caller holds the database's lock.
    pub(super) fn open(index: &mut Index, root: &Folder, source: &Path) -> Result<Self> {
        let own = own_folder::open(root)?;
        if own.open_private(OsStr::new(NAME_PREFIX)).is_ok() {
            let removed = own.remove_private_tree(OsStr::new(NAME_PREFIX));
            ignore(removed, "the folder of an earlier version disturbs nothing");
        }
        let left = find_leftover(index, root, &own, source);
        let has_leftovers = left.is_some();
        let (folder, name, record_error) = match left {
            Some((folder, name)) => (folder, name, None),
            None => create(index, root, &own, source)?,
        };
        Ok(Self {
            path: folder.handle_path(),
            folder: Arc::new(folder),
            has_leftovers,
            record_error,
            own_folder: own,
            name,
            root: root.path().to_owned(),
        })
    }

    /// Returns the path by which another program reaches the folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the handle's path in a message of another program by the folder's real path.
    pub(super) fn with_folder_name(&self, message: &str) -> String {
        let shown = self.folder.path().to_string_lossy();
        message.replace(&*self.path.to_string_lossy(), &shown)
    }

    /// Creates a folder in it, with its parents.
    pub(super) fn make_folder(&self, relative: &Path) -> Result<()> {
        let mut folder = self.folder.open_descendant(Path::new(""))?;
        for component in relative.components() {
            if let Component::Normal(name) = component {
                folder.ensure_folder(name, 0o700, &folder.permit()?)?;
                folder = folder.open_child(name)?;
            }
        }
        Ok(())
    }

    /// Returns the size of a file in it, or `None` if there is no such file.
    pub(super) fn file_size(&self, path: &Path) -> Option<u64> {
        let (folder, name) = self.open_parent(path).ok()?;
        let found = folder.stat(name).ok()?;
        (found.kind == EntryKind::File).then_some(found.bytes)
    }

    /// Sets the source's mtime on a file in it. rclone may have set a coarser one.
    pub(super) fn set_time(&self, path: &Path, modified: Timestamp) -> Result<()> {
        if modified.seconds < 0 {
            // Either the source has no mtime, or rclone has set one before 1970.
            return Ok(());
        }
        let (folder, name) = self.open_parent(path)?;
        folder.set_modified(name, modified)
    }

    fn open_parent<'p>(&self, path: &'p Path) -> Result<(Folder, &'p OsStr)> {
        let (parent, name) = split_path(path);
        Ok((self.folder.open_descendant(parent)?, name))
    }

    /// Removes the folder with all files in it.
    pub(super) fn remove(self, index: &mut Index) -> Result<()> {
        self.own_folder
            .remove_private_tree(OsStr::new(&self.name))?;
        index.forget_fetch_folder(&self.root, &self.name)
    }
}

/// Returns a folder that an interrupted run left with files of this source, and removes those with files of others.
fn find_leftover(
    index: &mut Index,
    root: &Folder,
    own: &Folder,
    source: &Path,
) -> Option<(Folder, String)> {
    let mut left = None;
    for record in index.fetch_folders(root.path()).unwrap_or_default() {
        let name = OsStr::new(&record.name);
        let is_missing = match own.open_private(name) {
            Ok(folder) if left.is_none() && record.source == source => {
                left = Some((folder, record.name.clone()));
                false
            }
            Ok(_) => own.remove_private_tree(name).is_ok(),
            // Another entry with this name is not ours to remove.
            Err(error) => is_not_found(&error),
        };
        if is_missing {
            let forgotten = index.forget_fetch_folder(root.path(), &record.name);
            ignore(forgotten, "the next run finds that the folder is missing");
        }
    }
    left
}

/// Creates a new folder and records it in the index. A failure to record it is returned; it does not stop the copy.
fn create(
    index: &mut Index,
    root: &Folder,
    own: &Folder,
    source: &Path,
) -> Result<(Folder, String, Option<Error>)> {
    let (name, folder) = own.create_private_folder(NAME_PREFIX)?;
    let name = name.to_string_lossy().into_owned();
    let record = FetchFolderRecord {
        name: name.clone(),
        source: source.to_owned(),
    };
    let record_error = index.record_fetch_folder(root.path(), &record).err();
    Ok((folder, name, record_error))
}
