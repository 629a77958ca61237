//! File systems that are mounted inside categories: at a client's or project's folder, or anywhere in a project.
//!
//! The index remembers them. A folder that was one and is none now is not mounted: what lies below it is unread, never
//! gone.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::os::folder::{Folder, is_not_found};
use crate::os::mount_table;

/// A remembered mount that is not there now.
#[derive(Debug)]
pub struct MissingMount {
    /// Its folder below the root.
    pub path: PathBuf,
    /// What is said of it.
    pub error: Error,
}

/// The folders below a root that are file systems of their own now, as the system lists them.
pub fn list_below(root: &Path) -> BTreeSet<PathBuf> {
    mount_table::mount_points_below(root).into_iter().collect()
}

/// Whether a folder below a root is a file system of its own, as far as it can be looked at.
pub fn is_mounted(root: &Folder, path: &Path) -> bool {
    is_mount_point(root, path).unwrap_or(false)
}

/// Whether a mount lies in a replica's folder, or above it within its category.
pub fn affects(mount: &Path, category: &Path, replica: &Path) -> bool {
    let is_inside = mount != category && mount.starts_with(category);
    is_inside && (mount.starts_with(replica) || replica.starts_with(mount))
}

/// Those of these mounts that concern a replica's folder and are not there now: in it, or above it within its category.
/// Those inside others of them are left out, and so are those of inner categories.
pub fn find_missing(
    root: &Folder,
    category: &Path,
    replica: &Path,
    inner: &[PathBuf],
    mounted: &BTreeSet<PathBuf>,
) -> Vec<MissingMount> {
    let mut missing: Vec<MissingMount> = Vec::new();
    for path in mounted {
        let concerns = affects(path, category, replica);
        if !concerns || inner.iter().any(|inner| path.starts_with(inner)) {
            continue;
        }
        if !missing.iter().any(|above| path.starts_with(&above.path)) {
            missing.extend(check_missing(root, path));
        }
    }
    missing
}

/// Says that a remembered mount is not there, if it is not.
pub fn check_missing(root: &Folder, path: &Path) -> Option<MissingMount> {
    let why = match is_mount_point(root, path) {
        Ok(true) => return None,
        Ok(false) => "it was a mounted file system and is none now; if it is meant to be none, `load --forget` the database".to_owned(),
        Err(error) => error.full_message(),
    };
    Some(MissingMount {
        path: path.to_owned(),
        error: Error::Io {
            action: "look at",
            path: root.path().join(path),
            source: io::Error::other(why),
        },
    })
}

/// Whether a folder is there and another file system than the one it lies in.
fn is_mount_point(root: &Folder, path: &Path) -> Result<bool> {
    let above = match root.open_descendant(path.parent().unwrap_or(Path::new(""))) {
        Err(error) if is_not_found(&error) => return Ok(false),
        above => above?,
    };
    match above.open_child(path.file_name().unwrap_or_default()) {
        Err(error) if is_not_found(&error) => Ok(false),
        folder => Ok(folder?.mount_id()? != above.mount_id()?),
    }
}
