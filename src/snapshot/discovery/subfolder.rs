//! Folders on the way to projects, each of which is listed once for all categories.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::base::error::Result;
use crate::base::name::Name;
use crate::model::exclusion::is_housekeeping_folder;
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::EntryKind;

/// Entries of one folder on the way to projects.
#[derive(Debug, Default)]
pub struct ListedEntries {
    /// Folders, sorted: clients, projects or others.
    pub folders: Vec<Name>,
    /// Symbolic links, sorted.
    pub links: Vec<Name>,
    /// Entries whose stat failed.
    pub unreadable: Vec<Name>,
    /// Files with their sizes, as far as these are known.
    pub files: Vec<(Name, Option<u64>)>,
    /// Sockets, pipes and devices.
    pub specials: Vec<Name>,
}

/// Lists folders below a root. A folder that several categories share is listed once.
#[derive(Debug)]
pub struct FolderLister<'r> {
    pub(super) root: &'r Folder,
    listed: BTreeMap<PathBuf, Rc<ListedEntries>>,
    /// Folders that were opened, in this order.
    #[cfg(test)]
    pub(super) opened: Vec<PathBuf>,
}

impl<'r> FolderLister<'r> {
    pub const fn new(root: &'r Folder) -> Self {
        Self {
            root,
            listed: BTreeMap::new(),
            #[cfg(test)]
            opened: Vec::new(),
        }
    }

    /// Lists a folder below the root; a missing folder is empty.
    pub fn list(&mut self, path: &Path) -> Result<Rc<ListedEntries>> {
        if let Some(listed) = self.listed.get(path) {
            return Ok(Rc::clone(listed));
        }
        #[cfg(test)]
        self.opened.push(path.to_owned());
        let opened = self.root.open_descendant(path);
        let listed = match opened.and_then(|folder| list_entries(&folder)) {
            Err(error) if is_not_found(&error) => ListedEntries::default(),
            listed => listed?,
        };
        let listed = Rc::new(listed);
        self.listed.insert(path.to_owned(), Rc::clone(&listed));
        Ok(listed)
    }
}

/// Lists a folder without the housekeeping folders of systems. Exclusion patterns do not apply: they
/// are for the content of projects, not for clients and projects.
fn list_entries(folder: &Folder) -> Result<ListedEntries> {
    let mut found = ListedEntries::default();
    for name in folder.entry_names()? {
        if is_housekeeping_folder(&name) {
            continue;
        }
        match folder.stat(&name) {
            Ok(stat) => match stat.kind {
                EntryKind::Folder => found.folders.push(name.into()),
                EntryKind::Link => found.links.push(name.into()),
                EntryKind::File => found.files.push((name.into(), Some(stat.bytes))),
                EntryKind::Special => found.specials.push(name.into()),
            },
            Err(error) if is_not_found(&error) => {}
            Err(_) => found.unreadable.push(name.into()),
        }
    }
    found.folders.sort_unstable();
    found.links.sort_unstable();
    Ok(found)
}
