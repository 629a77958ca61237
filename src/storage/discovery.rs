//! The discovery of projects on an opened database. Folders that several categories share are listed once.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{RemoteStorage, Storage};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::model::exclusion::is_housekeeping_folder;
use crate::model::layout::LayoutPart;
use crate::model::outside::OutsideListing;
use crate::model::project::Scope;
use crate::model::registry::Category;
use crate::os::folder::is_not_found;
use crate::snapshot::discovery;
use crate::snapshot::discovery::{FolderLister, ListedEntries, OutsideSearch, ProjectListing};

/// A discovery in progress. It keeps what it listed, so that it must not outlive changes of the database.
pub struct Discovery<'s> {
    storage: &'s Storage,
    /// The folders on the way; `None` for a remote, which keeps its own listings.
    lister: Option<FolderLister<'s>>,
}

impl<'s> Discovery<'s> {
    pub(super) fn new(storage: &'s Storage) -> Self {
        let root = storage.root_folder();
        Self {
            storage,
            lister: root.map(|root| FolderLister::new(root)),
        }
    }

    /// Lists the projects of a scope in a category, and the folders that could not be read.
    ///
    /// # Errors
    /// A remote could not be listed at all; [`crate::base::error::Error::Interrupted`].
    pub fn list_projects<'a>(
        &mut self,
        category: &'a Category,
        scope: &Scope,
    ) -> Result<ProjectListing<'a>> {
        let (storage, lister) = match (self.storage, &mut self.lister) {
            (Storage::Local(storage), Some(lister)) => (storage, lister),
            (Storage::Remote(storage), _) => return storage.list_projects(category, scope),
            (Storage::Local(_), None) => return Ok(ProjectListing::empty(category)),
        };
        let mut listing = discovery::list(lister, category, scope, &storage.known_mounts)?;
        if scope.named_projects().is_some() {
            listing.projects.retain(|project| {
                let path = category.replica_path(project);
                let opened = storage.root.open_descendant(&path);
                !opened.is_err_and(|error| is_not_found(&error))
                    || storage.missing_mount(&path).is_some()
            });
        }
        Ok(listing)
    }

    /// True if the folder that holds a whole category does not exist, or no project has the folder that the category names.
    pub fn lacks_folder(&mut self, category: &Category) -> bool {
        let ends_in_name = !category
            .layout
            .parts()
            .last()
            .is_some_and(LayoutPart::is_placeholder);
        let base = category.base();
        if ends_in_name || base.as_os_str().is_empty() {
            return ends_in_name;
        }
        match self.storage {
            Storage::Local(storage) => {
                let opened = storage.root.open_descendant(&base);
                opened.is_err_and(|error| is_not_found(&error))
            }
            Storage::Remote(remote) => remote.is_known_missing(&base),
        }
    }

    /// The folders in a folder of a disk, as far as it can be read. A remote is not asked for them.
    pub fn subfolders(&mut self, folder: &Path) -> Vec<Name> {
        let own = self.lister.as_mut();
        let entries = own.and_then(|lister| lister.list(folder).ok());
        entries.map_or_else(Vec::new, |entries| entries.folders.clone())
    }

    /// Lists what lies in no project of these categories, which are all that are tracked. `unread` are folders that could
    /// not be read before.
    ///
    /// # Errors
    /// Interruption.
    pub fn find_outside(
        &mut self,
        categories: &[&Category],
        unread: Vec<PathBuf>,
    ) -> Result<OutsideListing> {
        let storage = self.storage;
        let mut list = |folder: &Path| match (storage, &mut self.lister) {
            (Storage::Local(_), Some(lister)) => lister.list(folder),
            (Storage::Remote(remote), _) => list_remote(remote, categories, folder),
            (Storage::Local(_), None) => Ok(Rc::default()),
        };
        let search = OutsideSearch {
            categories,
            exclusions: &storage.layout().exclusions,
            unread,
            list: &mut list,
        };
        search.run()
    }
}

/// Lists a folder of a remote: from the listing of a category, or on its own if it lies above all categories.
fn list_remote(
    remote: &RemoteStorage,
    categories: &[&Category],
    folder: &Path,
) -> Result<Rc<ListedEntries>> {
    let mut categories = categories.iter();
    let listed = if categories.any(|category| folder.starts_with(category.base())) {
        remote.listing_of(folder)?
    } else {
        remote.list_entries(folder)?
    };
    if let Some((path, why)) = listed.problems.iter().find(|(path, _)| path == folder) {
        return Err(remote.list_error(path, why));
    }
    let mut found = ListedEntries::default();
    for (name, file) in listed.folders.get(folder).into_iter().flatten() {
        found.files.push((name.clone(), file.bytes));
    }
    let below = listed.folders.range(folder.to_owned()..);
    let below = below.take_while(|(path, _)| path.starts_with(folder));
    for (path, _) in below.filter(|(path, _)| path.parent() == Some(folder)) {
        let name = path.file_name().unwrap_or_default();
        if !is_housekeeping_folder(name) {
            found.folders.push(Name::from(name));
        }
    }
    Ok(Rc::new(found))
}
