//! Putting old versions back, and removing them.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Versions;
use super::check::is_io_error;
use super::emptied::remove_emptied;
use super::run_folder::VersionFolder;
use crate::base::error::{Error, Result};
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::{EntryKind, Stat};
use crate::snapshot::diff::DiffEntry;
use crate::storage::LocalStorage;
use crate::storage::copy_file::{Copier, copy_file, copy_link};

/// The open folders of old versions and their originals.
#[derive(Debug)]
pub struct PutBackFolders {
    /// With the old versions.
    pub kept: Folder,
    /// The original folder.
    pub place: Arc<Folder>,
}

/// Returns the entry of a name as a plan sees it; `None` if there is none.
pub fn entry_at(folder: &Folder, name: &OsStr) -> Result<Option<DiffEntry>> {
    match folder.stat(name) {
        Ok(stat) => Ok(Some(entry_of(&stat))),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

const fn entry_of(stat: &Stat) -> DiffEntry {
    DiffEntry {
        kind: stat.kind,
        bytes: stat.bytes,
        modified: stat.modified,
    }
}

impl Versions<'_> {
    /// Opens the folder of a version and the original folder, which is created with the same permissions if it is missing.
    pub fn open_to_put_back(
        root: &Folder,
        versions: &VersionFolder,
        folder: &Path,
    ) -> Result<PutBackFolders> {
        let mut kept = root.open_descendant(&versions.path())?;
        let mut place = root.open_descendant(Path::new(""))?;
        let permit = root.permit()?;
        for component in folder {
            kept = kept.open_child(component)?;
            place = place.open_or_create_child(component, &kept, &permit)?;
        }
        Ok(PutBackFolders {
            kept,
            place: Arc::new(place),
        })
    }

    /// Puts a version back. The file that has its name becomes a version of this run. Returns true if there was one.
    ///
    /// # Errors
    /// [`Error::ConcurrentChange`] if the entry there is not the expected one; both then keep their names.
    pub fn put_back(
        &self,
        folders: &PutBackFolders,
        (folder, name): (&Path, &OsStr),
        expected: Option<&DiffEntry>,
    ) -> Result<bool> {
        let PutBackFolders { kept, place } = folders;
        let path = folder.join(name);
        let permit = place.permit()?;
        let moved_to = match expected {
            Some(old) if old.kind == EntryKind::Folder => {
                return Err(Error::ConcurrentChange {
                    path: place.path().join(name),
                });
            }
            Some(old) => Some(self.move_unflushed((place, name), (Path::new(""), &path), old)?),
            None => None,
        };
        let put = match kept.rename_no_replace(name, place, name, &permit) {
            Err(error) if is_io_error(&error, ErrorKind::CrossesDevices) => {
                put_across_devices(kept, place, name)
            }
            put => put,
        };
        if let (Err(error), Some(moved_to)) = (&put, &moved_to) {
            // The second error names the place of the version.
            // A copy to another file system may have taken long.
            moved_to.rename_no_replace(name, place, name, &place.permit()?)?;
            return Err(Error::Io {
                action: "put back",
                path: place.path().join(name),
                source: std::io::Error::other(error.full_message()),
            });
        }
        put?;
        if let Some(moved_to) = moved_to {
            moved_to.flush()?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Flushes both folders after versions were put back.
    pub fn flush_put_back(folders: &PutBackFolders) -> Result<()> {
        folders.place.flush()?;
        folders.kept.flush()
    }
}

/// Copies a version to another file system, reads the copy back, and removes the version.
fn put_across_devices(kept: &Folder, place: &Arc<Folder>, name: &OsStr) -> Result<()> {
    let mut copier = Copier::default();
    copier.with_digests = true;
    let stat = kept.stat(name)?;
    let mut temp = if stat.kind == EntryKind::Link {
        copy_link(kept, name, place)?
    } else {
        copy_file(kept, name, place, &mut copier, &|_| {})?
    };
    temp.flush()?;
    temp.drop_cache();
    let pair = temp.verify(copier.buffer(), &|_| {}, &kept.path().join(name))?;
    if let Some(pair) = pair.filter(|pair| pair.source != pair.copy) {
        return Err(Error::VerificationFailed {
            path: place.path().join(name),
            source_digest: pair.source.to_string(),
            copy_digest: pair.copy.to_string(),
        });
    }
    temp.close()?;
    let permit = place.permit()?;
    temp.persist_noclobber(name, &permit)?;
    place.flush()?;
    kept.erase_file(name, &permit)
}

/// Removes versions of one folder for good, and then the folders that are empty. Returns the names that could not be
/// removed, with the reasons.
pub fn remove_versions(
    root: &Folder,
    versions: &VersionFolder,
    folder: &Path,
    names: &[OsString],
) -> Vec<(OsString, String)> {
    let opened = root.open_descendant(&versions.path().join(folder));
    let kept = match opened {
        Ok(kept) => kept,
        Err(error) => {
            let why = error.full_message();
            return names
                .iter()
                .map(|name| (name.clone(), why.clone()))
                .collect();
        }
    };
    let mut failed = Vec::new();
    for name in names {
        let removed = kept
            .permit()
            .and_then(|permit| kept.erase_file(name, &permit));
        match removed {
            Ok(()) => {}
            Err(error) if is_not_found(&error) => {}
            Err(error) => failed.push((name.clone(), error.full_message())),
        }
    }
    failed
}

/// Removes the folders of old versions that are empty, with that of the run.
pub fn remove_empty_version_folders(
    storage: &LocalStorage,
    versions: &VersionFolder,
    folders: &[PathBuf],
) {
    let above = folders.iter().flat_map(|folder| folder.ancestors());
    let paths = above.map(|folder| versions.path().join(folder).components().collect());
    remove_emptied(storage, &paths.chain([versions.path()]).collect());
}
