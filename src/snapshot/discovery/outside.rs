//! What lies below a root in no project: files beside clients and projects, and folders that belong to no category.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::subfolder::ListedEntries;
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::model::exclusion::{Exclusions, is_housekeeping_file};
use crate::model::layout;
use crate::model::outside::{OutsideEntry, OutsideListing};
use crate::model::registry::Category;
use crate::os::stat::EntryKind;

/// Lists a folder on the way to projects, by its path below the root.
pub(super) type ListFn<'l> = dyn FnMut(&Path) -> Result<Rc<ListedEntries>> + 'l;

/// A search for entries outside every project.
pub struct OutsideSearch<'s, 'l> {
    pub categories: &'s [&'s Category],
    pub exclusions: &'s Exclusions,
    /// Folders that could not be read. What lies in them is unknown.
    pub unread: Vec<PathBuf>,
    pub list: &'s mut ListFn<'l>,
}

impl OutsideSearch<'_, '_> {
    /// Visits every folder on the way to projects, and returns what lies beside that way.
    ///
    /// # Errors
    /// Interruption. Folders that cannot be read become part of the listing.
    pub fn run(mut self) -> Result<OutsideListing> {
        let mut found = OutsideListing::default();
        self.visit(Path::new(""), &mut found.entries)?;
        found.entries.sort_by(|a, b| a.path.cmp(&b.path));
        found.unread = self.unread;
        Ok(found)
    }

    /// Visits a folder. Returns true if it leads to a project, or if that is unknown.
    fn visit(&mut self, folder: &Path, found: &mut Vec<OutsideEntry>) -> Result<bool> {
        let listed = match (self.list)(folder) {
            Ok(listed) => listed,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(_) => {
                self.unread.push(folder.to_owned());
                return Ok(true);
            }
        };
        let start = found.len();
        // The files and folders of a project are not outside, even if another category lies in it.
        let is_project = self.holds(folder);
        if !is_project {
            self.add_files(folder, &listed, found);
        }
        let mut leads_to_project = is_project;
        for name in listed.folders.iter().chain(&listed.unreadable) {
            let path = folder.join(name.as_path());
            let mut unread = self.unread.iter();
            if unread.any(|unread| layout::is_within(&path, unread)) {
                leads_to_project = true;
            } else if self.is_on_the_way(&path) {
                leads_to_project |= self.visit(&path, found)?;
            } else if is_project || self.holds(&path) {
                leads_to_project = true;
            } else {
                self.add(folder, name, EntryKind::Folder, None, found);
            }
        }
        if !leads_to_project && !self.is_named(folder) {
            collapse(folder, start, found);
        }
        Ok(leads_to_project)
    }

    fn add_files(&self, folder: &Path, listed: &ListedEntries, found: &mut Vec<OutsideEntry>) {
        for (name, bytes) in &listed.files {
            self.add(folder, name, EntryKind::File, *bytes, found);
        }
        for name in &listed.links {
            self.add(folder, name, EntryKind::Link, None, found);
        }
        for name in &listed.specials {
            self.add(folder, name, EntryKind::Special, None, found);
        }
    }

    fn add(
        &self,
        folder: &Path,
        name: &Name,
        kind: EntryKind,
        bytes: Option<u64>,
        found: &mut Vec<OutsideEntry>,
    ) {
        let (name, is_folder) = (name.as_os_str(), kind == EntryKind::Folder);
        let is_own = !is_folder && is_housekeeping_file(name);
        if !is_own && !self.exclusions.excludes(folder, name, is_folder) {
            found.push(OutsideEntry {
                path: folder.join(name),
                kind,
                bytes,
            });
        }
    }

    /// True if a folder is a project's, or lies in one.
    fn holds(&self, folder: &Path) -> bool {
        let mut categories = self.categories.iter();
        categories.any(|category| category.locate(folder).is_some())
    }

    fn is_on_the_way(&self, folder: &Path) -> bool {
        let mut categories = self.categories.iter();
        categories.any(|category| category.layout.is_on_the_way(folder))
    }

    /// True if the path of a category names this folder.
    fn is_named(&self, folder: &Path) -> bool {
        let mut categories = self.categories.iter();
        categories.any(|category| category.layout.names(folder))
    }
}

/// Replaces the entries of a folder that leads to no project by the folder itself. Files directly in it stay, if they are
/// all that it holds: they were put beside projects that do not exist yet.
fn collapse(folder: &Path, start: usize, found: &mut Vec<OutsideEntry>) {
    let mut own = found[start..].iter();
    if own.any(|entry| entry.kind == EntryKind::Folder || entry.path.parent() != Some(folder)) {
        found.truncate(start);
        found.push(OutsideEntry {
            path: folder.to_owned(),
            kind: EntryKind::Folder,
            bytes: None,
        });
    }
}
