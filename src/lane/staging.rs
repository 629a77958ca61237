//! The private folder at the destination in which files of a remote wait for their names. Its name is random and noted before
//! anything is in it, and it is used by its handle alone: no link that somebody puts on the way leads elsewhere.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::index::{Index, StagingFolder};
use crate::moment::Moment;
use crate::os::folder::{Folder, is_missing};
use crate::os::stat::Kind;

/// Beginning of its name; earlier versions of this program used a folder of just this name.
const INCOMING: &str = "incoming";

/// A private folder for fetched files.
#[derive(Debug)]
pub(super) struct Staging {
    /// The folder.
    pub(super) folder: Arc<Folder>,
    /// Whether a run that died left files in it.
    pub(super) has_leftovers: bool,
    own: Folder,
    name: String,
    root: PathBuf,
    /// Path by which another program reaches it.
    path: PathBuf,
}

impl Staging {
    /// Opens the folder that a run which died left with files of this source, or makes a new one. What runs left with files
    /// of other sources is removed. Only for who holds the database's lock.
    ///
    /// # Errors
    /// It cannot be made, or the index cannot be written.
    pub(super) fn open(index: &mut Index, root: &Folder, source: &Path) -> Result<Self> {
        let own = root.own_folder()?;
        if own.private(OsStr::new(INCOMING)).is_ok() {
            own.remove_tree(OsStr::new(INCOMING))?;
        }
        let mut left = None;
        for noted in index.staging(root.path())? {
            let opened = own.private(OsStr::new(&noted.name));
            match opened {
                Ok(folder) if left.is_none() && noted.source == source => {
                    left = Some((folder, noted.name));
                }
                Ok(_) => {
                    own.remove_tree(OsStr::new(&noted.name))?;
                    index.end_staging(root.path(), &noted.name)?;
                }
                Err(error) if is_missing(&error) => index.end_staging(root.path(), &noted.name)?,
                // Something else has the name by now, which is not ours to remove.
                Err(_) => {}
            }
        }
        let has_leftovers = left.is_some();
        let (folder, name) = match left {
            Some(left) => left,
            None => make(index, root, &own, source)?,
        };
        Ok(Self {
            path: folder.handle_path(),
            folder: Arc::new(folder),
            has_leftovers,
            own,
            name,
            root: root.path().to_owned(),
        })
    }

    /// Path by which another program reaches the folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A message of another program, with the folder by its name.
    pub(super) fn plain(&self, message: &str) -> String {
        let shown = self.folder.path().to_string_lossy();
        message.replace(&*self.path.to_string_lossy(), &shown)
    }

    /// Makes a folder in it, and those above.
    pub(super) fn make_folder(&self, relative: &Path) -> Result<()> {
        let mut folder = self.folder.beneath(Path::new(""))?;
        for component in relative.components() {
            if let Component::Normal(name) = component {
                folder.make(name, 0o700)?;
                folder = folder.child(name)?;
            }
        }
        Ok(())
    }

    /// Size of a file in it; nothing where there is none.
    pub(super) fn bytes_of(&self, path: &Path) -> Option<u64> {
        let (folder, name) = self.place(path).ok()?;
        let found = folder.stat(name).ok()?;
        (found.kind == Kind::File).then_some(found.bytes)
    }

    /// Gives a file in it the time that it has at its source, which its storage may keep coarsely.
    pub(super) fn set_time(&self, path: &Path, modified: Moment) -> Result<()> {
        if modified.seconds < 0 {
            // It has none there, or one before 1970 that rclone has set.
            return Ok(());
        }
        let (folder, name) = self.place(path)?;
        folder.set_modified(name, modified)
    }

    fn place<'p>(&self, path: &'p Path) -> Result<(Folder, &'p OsStr)> {
        let folder = self
            .folder
            .beneath(path.parent().unwrap_or(Path::new("")))?;
        Ok((folder, path.file_name().unwrap_or_default()))
    }

    /// Removes it with what is left in it.
    pub(super) fn remove(self, index: &mut Index) -> Result<()> {
        self.own.remove_tree(OsStr::new(&self.name))?;
        index.end_staging(&self.root, &self.name)
    }
}

/// Makes a new folder, and notes it before anything is in it.
fn make(index: &mut Index, root: &Folder, own: &Folder, source: &Path) -> Result<(Folder, String)> {
    let (name, folder) = own.make_private(INCOMING)?;
    let name = name.to_string_lossy().into_owned();
    let noted = StagingFolder {
        name: name.clone(),
        source: source.to_owned(),
    };
    index.begin_staging(root.path(), &noted)?;
    Ok((folder, name))
}
