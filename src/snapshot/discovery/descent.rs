//! The descent from a root to the projects of one category, along the parts of its layout.

use std::path::{Path, PathBuf};

use super::project_list::ProjectListing;
use super::subfolder::FolderLister;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::unicode::{fold_case, to_nfc};
use crate::model::layout;
use crate::model::layout::LayoutPart;
use crate::model::mount::MissingMount;
use crate::model::project::Scope;
use crate::model::registry::Category;
use crate::os::folder::is_not_found;

/// A descent in progress.
pub(super) struct Descent<'d, 'r, 'a> {
    lister: &'d mut FolderLister<'r>,
    scope: &'d Scope,
    category: &'a Category,
    listing: ProjectListing<'a>,
    /// Folders on the way that are not mounted now.
    unmounted: Vec<PathBuf>,
}

impl<'d, 'r, 'a> Descent<'d, 'r, 'a> {
    pub(super) const fn new(
        lister: &'d mut FolderLister<'r>,
        scope: &'d Scope,
        listing: ProjectListing<'a>,
    ) -> Self {
        Self {
            lister,
            scope,
            category: listing.category,
            listing,
            unmounted: Vec::new(),
        }
    }

    /// Finds the projects in scope.
    pub(super) fn run(mut self, missing_mounts: Vec<MissingMount>) -> Result<ProjectListing<'a>> {
        self.add_missing_mounts(missing_mounts);
        self.visit(0, Path::new(""))?;
        if !self.parts().last().is_some_and(LayoutPart::is_placeholder) {
            // A folder counts as a client only if it leads to a project: beside the clients lie other folders.
            self.listing.client_count = self.listing.projects.len();
        }
        Ok(self.listing)
    }

    fn parts(&self) -> &'a [LayoutPart] {
        self.category.layout.parts()
    }

    /// Leaves out folders on the way that are not mounted now. A project that is unmounted, or holds an unmounted folder, is
    /// listed even if its folder is missing.
    ///
    /// Names are compared in composed form, as [`Scope::contains`] does: the typed client and the mount point may be in
    /// different normal forms, and an unmounted client must never look like a deleted one.
    fn add_missing_mounts(&mut self, missing_mounts: Vec<MissingMount>) {
        for mount in missing_mounts {
            if let Some((project, _)) = self.category.layout.locate(&mount.path) {
                if self.scope.contains(&project) {
                    self.listing.projects.insert(project);
                }
                continue;
            }
            if self.category.layout.is_on_the_way(&mount.path) {
                if self.is_in_scope(&mount.path) {
                    self.listing.add_unread(&mount.path, mount.error);
                }
                self.unmounted.push(mount.path);
            }
        }
    }

    /// True if a folder on the way can lead to a project in scope.
    fn is_in_scope(&self, folder: &Path) -> bool {
        let client = self.category.layout.client_of(folder);
        client.is_none_or(|client| self.scope.has_client(&client))
    }

    /// Visits a folder that the first `depth` parts of the layout lead to.
    fn visit(&mut self, depth: usize, folder: &Path) -> Result<()> {
        interrupt::check()?;
        match self.parts().get(depth) {
            Some(LayoutPart::Fixed(name)) if depth + 1 == self.parts().len() => {
                self.find_fixed(folder, &Name::from(&**name));
                Ok(())
            }
            Some(LayoutPart::Fixed(name)) => self.enter(depth, &folder.join(name)),
            Some(LayoutPart::Client | LayoutPart::Project) => self.visit_each(depth, folder),
            None => Ok(()),
        }
    }

    /// Goes on into a folder, or adds it if it is a project's.
    fn enter(&mut self, depth: usize, folder: &Path) -> Result<()> {
        if self.category.inner.contains(folder) {
            return Ok(());
        }
        if depth + 1 < self.parts().len() {
            return self.visit(depth + 1, folder);
        }
        self.add_project(folder);
        Ok(())
    }

    fn add_project(&mut self, folder: &Path) {
        let located = self.category.locate(folder);
        let located = located.filter(|(project, _)| self.scope.contains(project));
        self.listing
            .projects
            .extend(located.map(|(project, _)| project));
    }

    /// Visits the clients or projects in a folder.
    fn visit_each(&mut self, depth: usize, folder: &Path) -> Result<()> {
        let parts = self.parts();
        let is_first = !parts[..depth].iter().any(LayoutPart::is_placeholder);
        let client = match self.scope {
            Scope::Client(client) if parts[depth] == LayoutPart::Client => Some(client),
            _ => None,
        };
        if let (true, Some(client)) = (is_first, client) {
            return self.visit_client(depth, folder, client);
        }
        let found = match self.lister.list(folder) {
            Ok(found) => found,
            Err(error) => {
                self.listing.add_unread(folder, error);
                return Ok(());
            }
        };
        let is_wanted = |name: &&Name| client.is_none_or(|client| is_same_name(name, client));
        let links = found.links.iter().filter(is_wanted);
        self.listing
            .links
            .extend(links.map(|name| folder.join(name.as_path())));
        if is_first {
            self.listing.client_count += found.folders.len();
        }
        // What cannot be inspected is reported when it is listed or walked.
        let folders = found.folders.iter().chain(&found.unreadable);
        for name in folders.filter(is_wanted) {
            let path = folder.join(name.as_path());
            if !self.is_unmounted(&path) {
                self.enter(depth, &path)?;
            }
        }
        Ok(())
    }

    /// Visits the folder of one client without listing the others.
    fn visit_client(&mut self, depth: usize, folder: &Path, client: &Name) -> Result<()> {
        let name = match self.lister.root.open_descendant(folder) {
            Ok(opened) => Name::from(&*opened.existing_name(client.as_os_str())),
            Err(error) if is_not_found(&error) => return Ok(()),
            Err(error) => {
                self.listing.add_unread(folder, error);
                return Ok(());
            }
        };
        self.listing.client_count = 1;
        let path = folder.join(name.as_path());
        if self.is_unmounted(&path) {
            return Ok(());
        }
        self.enter(depth, &path)
    }

    fn is_unmounted(&self, path: &Path) -> bool {
        let mut unmounted = self.unmounted.iter();
        unmounted.any(|folder| layout::is_within(path, folder))
    }

    /// Adds the project whose folder has this fixed name, if it exists.
    fn find_fixed(&mut self, folder: &Path, name: &Name) {
        let path = folder.join(name.as_path());
        let found = match self.lister.list(folder) {
            Ok(found) => found,
            Err(error) => {
                self.listing.add_unread(folder, error);
                return;
            }
        };
        if self.category.inner.contains(&path) {
            return;
        }
        let is_unread = found.unreadable.contains(name);
        if found.links.contains(name) {
            self.listing.links.push(path);
        } else if is_unread || found.folders.contains(name) || self.resolves(&found.folders, &path)
        {
            self.add_project(&path);
        }
    }

    /// True if a folder exists though its parent lists it under another spelling.
    fn resolves(&self, listed: &[Name], path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let folded = fold_case(name);
        let mut listed = listed.iter();
        listed.any(|other| fold_case(other.as_bytes()) == folded)
            && self.lister.root.open_descendant(path).is_ok()
    }
}

/// True if two names agree, whatever their Unicode normal forms.
fn is_same_name(a: &Name, b: &Name) -> bool {
    a == b || to_nfc(a.as_bytes()) == to_nfc(b.as_bytes())
}
