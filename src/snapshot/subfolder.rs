//! Folders directly in a category's or a client's folder: its clients or projects.

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::model::exclusion::is_housekeeping_folder;
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::EntryKind;

#[derive(Debug, Default)]
pub(super) struct Subfolders {
    /// Folders, sorted.
    pub(super) folders: Vec<Name>,
    /// Symbolic links, sorted.
    pub(super) links: Vec<Name>,
    /// Entries whose stat failed.
    pub(super) unreadable: Vec<(Name, Error)>,
}

/// Lists the folders and links in a folder, without housekeeping folders of systems. Exclusion patterns do not apply: they
/// are for the content of projects, not for clients and projects.
pub(super) fn list_subfolders(folder: &Folder) -> Result<Subfolders> {
    let mut found = Subfolders::default();
    for name in folder.entry_names()? {
        if is_housekeeping_folder(&name) {
            continue;
        }
        match folder.stat(&name).map(|stat| stat.kind) {
            Ok(EntryKind::Folder) => found.folders.push(name.into()),
            Ok(EntryKind::Link) => found.links.push(name.into()),
            Err(error) if !is_not_found(&error) => found.unreadable.push((name.into(), error)),
            _ => {}
        }
    }
    found.folders.sort_unstable();
    found.links.sort_unstable();
    Ok(found)
}
