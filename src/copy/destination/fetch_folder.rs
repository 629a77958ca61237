//! The private folder at the destination in which files of a remote wait for their names. Its name is random and noted before
//! anything is in it, and it is used by its handle alone: no link that somebody puts on the way leads elsewhere.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::timestamp::Timestamp;
use crate::index::{FetchFolderRecord, Index};
use crate::model::own_folder;
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::EntryKind;

/// Beginning of its name; earlier versions of this program used a folder of just this name.
const NAME_PREFIX: &str = "incoming";

/// A private folder for fetched files.
#[derive(Debug)]
pub(super) struct FetchFolder {
    /// The folder.
    pub(super) folder: Arc<Folder>,
    /// Whether a run that died left files in it.
    pub(super) has_leftovers: bool,
    /// Reason why the index does not know of it; a run that dies leaves it for good then.
    pub(super) record_error: Option<Error>,
    own_folder: Folder,
    name: String,
    root: PathBuf,
    /// Path by which another program reaches it.
    path: PathBuf,
}

impl FetchFolder {
    /// Opens the folder that a run which died left with files of this source, or makes a new one. What runs left with files
    /// of other sources is removed. Only for who holds the database's lock.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn open(index: &mut Index, root: &Folder, source: &Path) -> Result<Self> {
        let own = own_folder::open(root)?;
        if own.open_private(OsStr::new(NAME_PREFIX)).is_ok() {
            // What cannot be removed is in nobody's way.
            own.remove_tree(OsStr::new(NAME_PREFIX)).unwrap_or_default();
        }
        let left = find_leftover(index, root, &own, source);
        let has_leftovers = left.is_some();
        let (folder, name, unnoted) = match left {
            Some((folder, name)) => (folder, name, None),
            None => create(index, root, &own, source)?,
        };
        Ok(Self {
            path: folder.handle_path(),
            folder: Arc::new(folder),
            has_leftovers,
            record_error: unnoted,
            own_folder: own,
            name,
            root: root.path().to_owned(),
        })
    }

    /// Path by which another program reaches the folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A message of another program, with the folder by its name.
    pub(super) fn with_folder_name(&self, message: &str) -> String {
        let shown = self.folder.path().to_string_lossy();
        message.replace(&*self.path.to_string_lossy(), &shown)
    }

    /// Makes a folder in it, and those above.
    pub(super) fn make_folder(&self, relative: &Path) -> Result<()> {
        let mut folder = self.folder.open_descendant(Path::new(""))?;
        for component in relative.components() {
            if let Component::Normal(name) = component {
                folder.ensure_folder(name, 0o700)?;
                folder = folder.open_child(name)?;
            }
        }
        Ok(())
    }

    /// Size of a file in it; nothing where there is none.
    pub(super) fn file_size(&self, path: &Path) -> Option<u64> {
        let (folder, name) = self.open_parent(path).ok()?;
        let found = folder.stat(name).ok()?;
        (found.kind == EntryKind::File).then_some(found.bytes)
    }

    /// Gives a file in it the time that it has at its source, which its storage may keep coarsely.
    pub(super) fn set_time(&self, path: &Path, modified: Timestamp) -> Result<()> {
        if modified.seconds < 0 {
            // It has none there, or one before 1970 that rclone has set.
            return Ok(());
        }
        let (folder, name) = self.open_parent(path)?;
        folder.set_modified(name, modified)
    }

    fn open_parent<'p>(&self, path: &'p Path) -> Result<(Folder, &'p OsStr)> {
        let folder = self
            .folder
            .open_descendant(path.parent().unwrap_or(Path::new("")))?;
        Ok((folder, path.file_name().unwrap_or_default()))
    }

    /// Removes it with what is left in it.
    pub(super) fn remove(self, index: &mut Index) -> Result<()> {
        self.own_folder.remove_tree(OsStr::new(&self.name))?;
        index.forget_fetch_folder(&self.root, &self.name)
    }
}

/// Finds a folder that a run which died left with files of this source, and removes those with files of others.
fn find_leftover(
    index: &mut Index,
    root: &Folder,
    own: &Folder,
    source: &Path,
) -> Option<(Folder, String)> {
    let mut left = None;
    for noted in index.fetch_folders(root.path()).unwrap_or_default() {
        let name = OsStr::new(&noted.name);
        let is_gone = match own.open_private(name) {
            Ok(folder) if left.is_none() && noted.source == source => {
                left = Some((folder, noted.name.clone()));
                false
            }
            Ok(_) => own.remove_tree(name).is_ok(),
            // Where something else has the name by now, that is not ours to remove.
            Err(error) => is_not_found(&error),
        };
        if is_gone {
            // Noted still, it is looked for once more.
            let root = root.path();
            index
                .forget_fetch_folder(root, &noted.name)
                .unwrap_or_default();
        }
    }
    left
}

/// Makes a new folder, and notes it before anything is in it. An index that cannot be written stops no copy.
fn create(
    index: &mut Index,
    root: &Folder,
    own: &Folder,
    source: &Path,
) -> Result<(Folder, String, Option<Error>)> {
    let (name, folder) = own.create_private_folder(NAME_PREFIX)?;
    let name = name.to_string_lossy().into_owned();
    let noted = FetchFolderRecord {
        name: name.clone(),
        source: source.to_owned(),
    };
    let unnoted = index.record_fetch_folder(root.path(), &noted).err();
    Ok((folder, name, unnoted))
}
