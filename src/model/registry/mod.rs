//! The registered databases, categories and exclusions, in the order in which they were added.
//!
//! Names, roots and paths come in as typed or resolved; they go in only if they break no rule: no name twice, no two
//! databases with the same files, no two categories with one folder.

mod attributes;
mod entry;
mod named;
mod property;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::attributes::{CategoryAttributes, DatabaseAttributes};
pub use self::entry::{RegistryChange, RegistryEntry, RegistryKey, RegistryKind};
pub use self::named::{Category, Database};

use super::access::Access;
use super::exclusion::ExclusionRules;
use super::layout::{CategoryLayout, InnerFolders};
use super::place::{check_name, overlap, resolve_root};
use super::policy::{Policy, StudioPolicy};
use super::project::{ProjectId, Replica};
use crate::base::error::Result;
use crate::base::noun::Noun;

/// The registered databases, categories and exclusions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    databases: Vec<Database>,
    categories: Vec<Category>,
    exclusions: ExclusionRules,
    /// The policies that were set, by the name of the category.
    policies: BTreeMap<String, Policy>,
    /// The policies that workstations share, by the key of the category.
    studio_policies: BTreeMap<PathBuf, StudioPolicy>,
    access: Arc<Access>,
}

impl Registry {
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// The patterns of excluded files, in gitignore syntax.
    pub fn exclusions(&self) -> &[String] {
        &self.exclusions.patterns
    }

    /// All rules that decide which files are excluded.
    pub const fn exclusion_rules(&self) -> &ExclusionRules {
        &self.exclusions
    }

    /// Sets whether the files that storages and desktops create for themselves are excluded.
    pub const fn exclude_housekeeping(&mut self, exclude: bool) {
        self.exclusions.include_housekeeping = !exclude;
    }

    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Sets the access to all databases, present and future.
    pub fn set_access(&mut self, access: Access) {
        self.access = Arc::new(access);
        for database in &mut self.databases {
            database.access = Arc::clone(&self.access);
        }
    }

    /// All entries: databases, categories, exclusions, policies.
    pub fn entries(&self) -> Vec<RegistryEntry> {
        let databases = named::entries(&self.databases);
        let categories = named::entries(&self.categories);
        let exclusions = named::entries(&self.exclusions.patterns);
        let policies = self
            .policies
            .iter()
            .map(|(category, policy)| RegistryEntry {
                key: RegistryKey {
                    kind: RegistryKind::Policy,
                    name: category.clone(),
                },
                location: policy.to_string().into(),
                attributes: DatabaseAttributes::default(),
                category: CategoryAttributes::default(),
            });
        let entries = databases.chain(categories).chain(exclusions);
        entries.chain(policies).collect()
    }

    /// The next step until projects can be found; `None` if at least one database and one category are registered.
    pub fn setup_hint(&self) -> Option<&'static str> {
        if self.databases.is_empty() {
            Some("no storages yet: `add database NAME ROOT`")
        } else if self.categories.is_empty() {
            Some("no categories yet: `add category NAME PATH`")
        } else {
            None
        }
    }

    /// Returns the database of this name.
    ///
    /// # Errors
    /// [`Error::UnknownName`](crate::base::error::Error::UnknownName) with the nearest names.
    pub fn database(&self, name: &str) -> Result<&Database> {
        Ok(&self.databases[named::position(&self.databases, name)?])
    }

    /// Returns the category of this name.
    ///
    /// # Errors
    /// [`Error::UnknownName`](crate::base::error::Error::UnknownName) with the nearest names.
    pub fn category(&self, name: &str) -> Result<&Category> {
        Ok(&self.categories[named::position(&self.categories, name)?])
    }

    /// Returns the category of this name, or all categories for `all`.
    pub fn select_categories(&self, name: &str) -> Result<Vec<&Category>> {
        if name == "all" {
            return Ok(self.categories.iter().collect());
        }
        Ok(vec![self.category(name)?])
    }

    /// Registers a database; `root` is an absolute path or an address.
    ///
    /// # Errors
    /// [`Error::InvalidWord`](crate::base::error::Error::InvalidWord) for an impossible name;
    /// [`Error::NameTaken`](crate::base::error::Error::NameTaken) for a name with another root, unless `replace`;
    /// [`Error::Overlap`](crate::base::error::Error::Overlap) if two databases would hold the same files.
    pub fn add_database(
        &mut self,
        name: &str,
        root: &Path,
        replace: bool,
    ) -> Result<RegistryChange> {
        // Links and mounts may have changed since.
        for database in &mut self.databases {
            database.resolved.take();
        }
        self.add_database_with(name, root, replace, resolve_root)
    }

    /// Registers one of many databases; `resolve` is called once for each root, because a storage may be slow. Fails like
    /// [`Self::add_database`].
    pub fn add_database_with(
        &mut self,
        name: &str,
        root: &Path,
        replace: bool,
        mut resolve: impl FnMut(&Path) -> PathBuf,
    ) -> Result<RegistryChange> {
        check_name(Noun::Database, name)?;
        let database = Database::new(name, root, &self.access);
        named::add(&mut self.databases, database, replace, |new, other| {
            overlap(
                new.resolved_root(&mut resolve),
                other.resolved_root(&mut resolve),
            )
        })
    }

    /// Registers a category; `path` is as typed, relative to every root. A category inside another is allowed: the inner folder
    /// is left out of the outer category.
    ///
    /// # Errors
    /// [`Error::InvalidWord`](crate::base::error::Error::InvalidWord) for an impossible name or a path that leaves the root;
    /// [`Error::NameTaken`](crate::base::error::Error::NameTaken) for a name with another path, unless `replace`;
    /// [`Error::Overlap`](crate::base::error::Error::Overlap) for the path of another category.
    pub fn add_category(
        &mut self,
        name: &str,
        path: &Path,
        replace: bool,
    ) -> Result<RegistryChange> {
        check_name(Noun::Category, name)?;
        let category = Category::new(name, CategoryLayout::parse(name, path)?);
        let change = named::add(&mut self.categories, category, replace, |new, other| {
            new.layout.overlaps(&other.layout).then_some("is already")
        })?;
        self.set_inner_folders();
        Ok(change)
    }

    /// Excludes the files that match a pattern.
    pub fn add_exclusion(&mut self, pattern: &str) -> RegistryChange {
        let patterns = &mut self.exclusions.patterns;
        if patterns.iter().any(|known| known == pattern) {
            return RegistryChange::Unchanged;
        }
        patterns.push(pattern.to_owned());
        RegistryChange::Added
    }

    /// Removes a database from the registry. No file changes.
    pub fn remove_database(&mut self, name: &str) -> Result<Database> {
        let at = named::position(&self.databases, name)?;
        Ok(self.databases.remove(at))
    }

    /// Removes a category from the registry. No file changes.
    pub fn remove_category(&mut self, name: &str) -> Result<Category> {
        let at = named::position(&self.categories, name)?;
        let removed = self.categories.remove(at);
        self.policies.remove(name);
        self.set_inner_folders();
        Ok(removed)
    }

    /// Removes an exclusion.
    pub fn remove_exclusion(&mut self, pattern: &str) -> Result<()> {
        let at = named::position(&self.exclusions.patterns, pattern)?;
        self.exclusions.patterns.remove(at);
        Ok(())
    }

    /// The replica of a project in a category on a database.
    pub fn replica(database: &Database, category: &Category, project: &ProjectId) -> Replica {
        Replica {
            database: database.name.clone(),
            category: category.name.clone(),
            project: project.clone(),
            root: database.root.clone(),
            relative: category.replica_path(project),
        }
    }

    /// The innermost category around this one, from which this one's folder is left out.
    pub fn outer_category(&self, category: &Category) -> Option<&Category> {
        let own = [&category.layout];
        let outer = self
            .categories
            .iter()
            .filter(|other| !InnerFolders::of(&other.layout, own).is_empty());
        outer.max_by_key(|other| other.layout.parts().len())
    }

    /// Sets the folders that each category leaves out.
    fn set_inner_folders(&mut self) {
        let layouts: Vec<CategoryLayout> = self
            .categories
            .iter()
            .map(|category| category.layout.clone())
            .collect();
        for category in &mut self.categories {
            category.inner = Arc::new(InnerFolders::of(&category.layout, &layouts));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::base::error::Error;

    fn registry() -> Registry {
        let mut registry = Registry::default();
        registry
            .add_database("WORK", Path::new("/mnt/studio"), false)
            .unwrap();
        registry
            .add_category("footage", Path::new("footage/"), false)
            .unwrap();
        registry
    }

    #[test]
    fn repeated_add_changes_nothing() {
        let mut registry = registry();
        let before = registry.clone();
        assert_eq!(
            registry
                .add_database("WORK", Path::new("/mnt/studio"), false)
                .unwrap(),
            RegistryChange::Unchanged
        );
        assert_eq!(
            registry
                .add_category("footage", Path::new("./footage"), false)
                .unwrap(),
            RegistryChange::Unchanged
        );
        assert_eq!(registry, before);
    }

    #[test]
    fn new_root_requires_replace() {
        let mut registry = registry();
        let taken = registry
            .add_database("WORK", Path::new("/mnt/w2"), false)
            .unwrap_err();
        assert_eq!(
            taken.to_string(),
            "storage `WORK` is already at `/mnt/studio`, not at `/mnt/w2`"
        );
        assert_eq!(
            registry
                .add_database("WORK", Path::new("/mnt/w2"), true)
                .unwrap(),
            RegistryChange::Replaced
        );
        assert_eq!(registry.databases().len(), 1);
    }

    #[test]
    fn databases_never_share_files() {
        for root in ["/mnt/studio", "/mnt/studio/inner", "/mnt", "/"] {
            let refused = registry().add_database("B", Path::new(root), false);
            assert!(matches!(refused, Err(Error::Overlap { .. })), "{root}");
        }
        assert!(
            registry()
                .add_database("B", Path::new("/mnt/studio2"), false)
                .is_ok()
        );
    }

    #[test]
    fn each_root_is_resolved_once() {
        let mut registry = Registry::default();
        let mut asked = Vec::new();
        let mut resolve = |root: &Path| {
            asked.push(root.to_owned());
            root.to_owned()
        };
        for name in ["A", "B", "C"] {
            let root = Path::new("/mnt").join(name);
            let added = registry.add_database_with(name, &root, false, &mut resolve);
            assert_eq!(added.unwrap(), RegistryChange::Added);
        }
        let inside = Path::new("/mnt/A/inner");
        let refused = registry.add_database_with("D", inside, false, &mut resolve);
        assert!(matches!(refused, Err(Error::Overlap { .. })));
        asked.sort();
        let each = ["/mnt/A", "/mnt/A/inner", "/mnt/B", "/mnt/C"].map(PathBuf::from);
        assert_eq!(asked, each);
    }

    #[test]
    fn changed_link_of_a_root_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, link, c] = ["a", "b", "link", "a/c"].map(|name| folder.path().join(name));
        std::fs::create_dir_all(&c).unwrap();
        std::os::unix::fs::symlink(&b, &link).unwrap();
        let mut registry = Registry::default();
        registry.add_database("LINK", &link, false).unwrap();
        registry
            .add_database("B", &folder.path().join("other"), false)
            .unwrap();
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&a, &link).unwrap();
        let refused = registry.add_database("C", &c, false);
        assert!(matches!(refused, Err(Error::Overlap { .. })));
    }

    #[test]
    fn category_stays_below_the_root() {
        for path in ["..", "a/../../b", "/etc", "", ".auto-backup/versions"] {
            let refused = registry().add_category("x", Path::new(path), false);
            assert!(matches!(refused, Err(Error::InvalidWord { .. })), "{path}");
        }
    }

    #[test]
    fn reserved_names_are_refused() {
        for name in ["", "all", "a,b", "a/b", "-x", "a\nb"] {
            let refused = registry().add_database(name, Path::new("/x"), false);
            assert!(
                matches!(refused, Err(Error::InvalidWord { .. })),
                "{name:?}"
            );
        }
    }

    #[test]
    fn inner_category_is_left_out_of_the_outer() {
        let mut registry = registry();
        registry
            .add_category("scratch", Path::new("scratch"), false)
            .unwrap();
        registry
            .add_category("render", Path::new("scratch/render/"), false)
            .unwrap();
        let scratch = registry.category("scratch").unwrap().clone();
        let inner: Vec<PathBuf> = scratch.inner.paths().collect();
        assert_eq!(inner, [PathBuf::from("scratch/render")]);
        let render = registry.category("render").unwrap();
        assert_eq!(registry.outer_category(render), Some(&scratch));
        assert_eq!(registry.outer_category(&scratch), None);
    }

    #[test]
    fn unknown_name_suggests_the_nearest() {
        let error = registry().database("WROK").unwrap_err();
        assert_eq!(error.hint().as_deref(), Some("did you mean `WORK`?"));
    }

    #[test]
    fn access_reaches_all_databases() {
        let mut registry = registry();
        let access = Access::new(NonZeroUsize::new(3), Some("/opt/rclone".into()));
        registry.set_access(access.clone());
        registry
            .add_database("NAS", Path::new("/mnt/nas"), false)
            .unwrap();
        for database in registry.databases() {
            assert_eq!(*database.access, access);
        }
    }
}
