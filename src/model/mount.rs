//! File systems mounted at a category, a client's or project's folder, or inside a project.
//!
//! The index remembers these mounts. A folder that was one and is an ordinary folder now is unmounted: its files are unread,
//! never deleted. Only this file decides that.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::layout::InnerFolders;
use crate::base::error::{Error, Result};
use crate::os::folder::{Folder, is_not_found};
use crate::os::mount_table;

/// A remembered mount that is not mounted now.
#[derive(Debug)]
pub struct MissingMount {
    /// Its folder below the root.
    pub path: PathBuf,
    /// The error for everything below that folder.
    pub error: Error,
}

/// The mount points below a root, as the system lists them.
pub fn list_below(root: &Path) -> BTreeSet<PathBuf> {
    mount_table::mount_points_below(root).into_iter().collect()
}

/// True if a folder below a root is a mount point. A folder that cannot be opened is not: the index must not remember it.
pub fn is_mounted(root: &Folder, path: &Path) -> bool {
    is_mount_point(root, path).unwrap_or(false)
}

/// True if a category's folder is on another file system than the root. The mount may be above the category's folder. A
/// folder that cannot be opened is not: the index must not remember it.
pub fn is_category_mounted(root: &Folder, category: &Path) -> bool {
    is_on_other_file_system(root, root.open_descendant(category)).unwrap_or(false)
}

/// Fails if a category was on another file system than the root, according to the remembered mounts, and is not now.
pub fn require_category_mounted(
    root: &Folder,
    category: &Path,
    remembered: &BTreeSet<PathBuf>,
) -> Result<()> {
    if remembered.contains(category)
        && !is_on_other_file_system(root, root.open_descendant(category))?
    {
        return Err(unmounted_error(root, category, NOT_MOUNTED.to_owned()));
    }
    Ok(())
}

/// True if a mount is in a replica's folder, or above it within its category.
pub fn affects(mount: &Path, category: &Path, replica: &Path) -> bool {
    let is_inside = mount != category && mount.starts_with(category);
    is_inside && (mount.starts_with(replica) || replica.starts_with(mount))
}

/// Returns the remembered mounts that affect a replica and are not mounted now. Leaves out those below another missing mount
/// and those of inner categories.
pub fn find_missing(
    root: &Folder,
    category: &Path,
    replica: &Path,
    inner_folders: &InnerFolders,
    remembered: &BTreeSet<PathBuf>,
) -> Vec<MissingMount> {
    let mut missing: Vec<MissingMount> = Vec::new();
    for path in remembered {
        if inner_folders.covers(path) || !affects(path, category, replica) {
            continue;
        }
        if !missing.iter().any(|above| path.starts_with(&above.path)) {
            missing.extend(check_missing(root, path));
        }
    }
    missing
}

/// Returns the error for a remembered mount that is not mounted now.
pub fn check_missing(root: &Folder, path: &Path) -> Option<MissingMount> {
    let why = match is_mount_point(root, path) {
        Ok(true) => return None,
        Ok(false) => NOT_MOUNTED.to_owned(),
        Err(error) => error.full_message(),
    };
    Some(MissingMount {
        path: path.to_owned(),
        error: unmounted_error(root, path, why),
    })
}

const NOT_MOUNTED: &str = "it was a mounted file system and is not mounted now; mount it, or `load --forget` the storage if it is an ordinary folder now";

fn unmounted_error(root: &Folder, path: &Path, why: String) -> Error {
    Error::Io {
        action: "read",
        path: root.path().join(path),
        source: io::Error::other(why),
    }
}

/// True if a folder exists and is on another file system than its parent folder.
fn is_mount_point(root: &Folder, path: &Path) -> Result<bool> {
    let above = match root.open_descendant(path.parent().unwrap_or(Path::new(""))) {
        Err(error) if is_not_found(&error) => return Ok(false),
        above => above?,
    };
    is_on_other_file_system(
        &above,
        above.open_child(path.file_name().unwrap_or_default()),
    )
}

/// True if a folder exists and is on another file system than the folder above it.
fn is_on_other_file_system(above: &Folder, folder: Result<Folder>) -> Result<bool> {
    match folder {
        Err(error) if is_not_found(&error) => Ok(false),
        folder => Ok(folder?.mount_id()? != above.mount_id()?),
    }
}
