//! Databases, categories and exclusions, and the rules that they share: unique names, one location for each name.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::attributes::{CategoryAttributes, DatabaseAttributes};
use super::entry::{RegistryChange, RegistryEntry, RegistryKey, RegistryKind};
use crate::base::error::{Error, Result};
use crate::base::suggest::suggest;
use crate::model::access::Access;
use crate::model::address;
use crate::model::layout::{CategoryLayout, InnerFolders};
use crate::model::project::ProjectId;

/// A named root: a folder of this machine, or a remote.
#[derive(Clone, Debug)]
pub struct Database {
    pub name: String,
    /// An absolute path, or the address of a remote.
    pub root: PathBuf,
    pub attributes: DatabaseAttributes,
    pub access: Arc<Access>,
    /// The root with links resolved, once it was needed.
    pub(super) resolved: OnceLock<PathBuf>,
}

/// Compares names and roots only.
impl PartialEq for Database {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.root) == (&other.name, &other.root)
    }
}

impl Eq for Database {}

impl Database {
    pub(super) fn new(name: &str, root: &Path, access: &Arc<Access>) -> Self {
        Self {
            name: name.to_owned(),
            root: root.to_owned(),
            attributes: DatabaseAttributes::default(),
            access: Arc::clone(access),
            resolved: OnceLock::new(),
        }
    }

    /// Returns a database that no registry has, which stands for an offloaded folder.
    pub fn unregistered(name: &str, root: &Path, access: &Access) -> Self {
        Self::new(name, root, &Arc::new(access.clone()))
    }

    /// True if it is behind rclone.
    pub fn is_remote(&self) -> bool {
        address::is_remote(&self.root)
    }

    /// The path of an entry below the root.
    pub fn path(&self, below: &Path) -> PathBuf {
        address::join(&self.root, below)
    }

    /// The root with links resolved, as it was when this was first called.
    pub(super) fn resolved_root(&self, resolve: impl FnOnce(&Path) -> PathBuf) -> &Path {
        self.resolved.get_or_init(|| resolve(&self.root))
    }
}

/// A kind of folder that every project may have below every root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    pub name: String,
    pub layout: CategoryLayout,
    /// Folders of other categories that it leaves out.
    pub inner: Arc<InnerFolders>,
    pub attributes: CategoryAttributes,
}

impl Category {
    /// A category that leaves out no folder.
    pub fn new(name: &str, layout: CategoryLayout) -> Self {
        Self {
            name: name.to_owned(),
            layout,
            inner: Arc::default(),
            attributes: CategoryAttributes::default(),
        }
    }

    /// The key of the category in the index.
    pub fn key(&self) -> &Path {
        self.layout.text()
    }

    /// The path as it is typed and shown: `.` for the root itself.
    pub fn display_path(&self) -> &Path {
        if self.key().as_os_str().is_empty() {
            Path::new(".")
        } else {
            self.key()
        }
    }

    /// The folder below a root that contains the whole category; empty for the root itself.
    pub fn base(&self) -> PathBuf {
        self.layout.base()
    }

    /// The folder of a project below a root.
    pub fn replica_path(&self, project: &ProjectId) -> PathBuf {
        self.layout.replica_path(project)
    }

    /// Returns the project whose folder holds a path below a root, or is that path, and the project's folder. Paths of other
    /// categories are in no project.
    pub fn locate(&self, path: &Path) -> Option<(ProjectId, PathBuf)> {
        let located = self.layout.locate(path);
        located.filter(|_| self.inner.is_empty() || !self.inner.covers(path))
    }

    /// True if a project cannot have a folder here, or if its folder belongs to another category.
    pub fn leaves_out(&self, project: &ProjectId) -> bool {
        !self.layout.can_hold(project)
            || !self.inner.is_empty() && self.inner.covers(&self.replica_path(project))
    }
}

/// Items of one kind with unique names.
pub(super) trait Named {
    const KIND: RegistryKind;

    fn name(&self) -> &str;

    fn location(&self) -> &Path;

    /// The attributes of a database.
    fn attributes(&self) -> DatabaseAttributes {
        DatabaseAttributes::default()
    }

    /// The attributes of a category.
    fn category_attributes(&self) -> CategoryAttributes {
        CategoryAttributes::default()
    }
}

impl Named for Database {
    const KIND: RegistryKind = RegistryKind::Database;

    fn name(&self) -> &str {
        &self.name
    }

    fn location(&self) -> &Path {
        &self.root
    }

    fn attributes(&self) -> DatabaseAttributes {
        self.attributes.clone()
    }
}

impl Named for Category {
    const KIND: RegistryKind = RegistryKind::Category;

    fn name(&self) -> &str {
        &self.name
    }

    fn location(&self) -> &Path {
        self.key()
    }

    fn category_attributes(&self) -> CategoryAttributes {
        self.attributes
    }
}

/// The pattern of an exclusion, which is its name.
impl Named for String {
    const KIND: RegistryKind = RegistryKind::Exclusion;

    fn name(&self) -> &str {
        self
    }

    fn location(&self) -> &Path {
        Path::new("")
    }
}

/// Returns the position of the item with this exact name.
///
/// # Errors
/// [`Error::UnknownName`] with the nearest names.
pub(super) fn position<T: Named>(items: &[T], name: &str) -> Result<usize> {
    let found = items.iter().position(|item| item.name() == name);
    found.ok_or_else(|| {
        let known = items.iter().map(Named::name);
        Error::UnknownName {
            noun: T::KIND.noun(),
            name: name.into(),
            suggestions: suggest(name, known.clone())
                .into_iter()
                .map(str::to_owned)
                .collect(),
            known: known.map(str::to_owned).collect(),
        }
    })
}

/// Adds an item, or replaces the one of its name; `overlap` names the relation of two items that hold the same files.
///
/// # Errors
/// [`Error::NameTaken`] if the name has another location and `replace` is false; [`Error::Overlap`].
pub(super) fn add<T: Named>(
    items: &mut Vec<T>,
    item: T,
    replace: bool,
    mut overlap: impl FnMut(&T, &T) -> Option<&'static str>,
) -> Result<RegistryChange> {
    let same_name = items.iter().position(|known| known.name() == item.name());
    if let Some(existing) = same_name.map(|at| &items[at]) {
        if existing.location() == item.location() {
            return Ok(RegistryChange::Unchanged);
        }
        if !replace {
            return Err(Error::NameTaken {
                noun: T::KIND.noun(),
                name: item.name().to_owned(),
                existing: existing.location().to_owned(),
                requested: item.location().to_owned(),
            });
        }
    }
    for other in items.iter().filter(|other| other.name() != item.name()) {
        if let Some(relation) = overlap(&item, other) {
            return Err(Error::Overlap {
                noun: T::KIND.noun(),
                path: item.location().to_owned(),
                relation,
                other: other.name().to_owned(),
                existing: other.location().to_owned(),
            });
        }
    }
    if let Some(at) = same_name {
        items[at] = item;
        return Ok(RegistryChange::Replaced);
    }
    items.push(item);
    Ok(RegistryChange::Added)
}

/// The entries of items of one kind.
pub(super) fn entries<T: Named>(items: &[T]) -> impl Iterator<Item = RegistryEntry> {
    items.iter().map(|item| RegistryEntry {
        key: RegistryKey {
            kind: T::KIND,
            name: item.name().to_owned(),
        },
        location: item.location().to_owned(),
        attributes: item.attributes(),
        category: item.category_attributes(),
    })
}
