//! The databases, categories and exclusions that are tracked, and the rules for adding them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Serialize;

use super::address;
use super::exclusion::ExclusionRules;
use super::place::{check_name, overlap, parse_category_path, resolve_root};
use super::project::{ProjectId, Replica, replica_path};
use crate::base::error::{Error, Result};
use crate::base::suggest::suggest;

/// A named storage.
#[derive(Clone, Debug)]
pub struct Database {
    /// What people call it.
    pub name: String,
    /// Its root: a folder, absolute, or the address of a remote.
    pub root: PathBuf,
    /// Where that really is, once somebody asked.
    resolved: OnceLock<PathBuf>,
}

/// Two are the same by name and root, whatever was asked of them so far.
impl PartialEq for Database {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.root) == (&other.name, &other.root)
    }
}

impl Eq for Database {}

impl Database {
    fn new(name: &str, root: &Path) -> Self {
        Self {
            name: name.to_owned(),
            root: root.to_owned(),
            resolved: OnceLock::new(),
        }
    }

    /// Whether it lies behind rclone.
    pub fn is_remote(&self) -> bool {
        address::is_remote(&self.root)
    }

    /// The path of something below its root.
    pub fn path(&self, below: &Path) -> PathBuf {
        address::join(&self.root, below)
    }

    /// Where its root really is, as it was when that was asked first.
    fn resolved_root(&self, resolved: impl FnOnce(&Path) -> PathBuf) -> &Path {
        self.resolved.get_or_init(|| resolved(&self.root))
    }
}

/// A named folder below every root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// What people call it.
    pub name: String,
    /// Its folder, relative to a root, without `.` and `..`.
    pub path: PathBuf,
}

impl Category {
    /// Its path as it is typed and shown: `.` for the root itself.
    pub fn display_path(&self) -> &Path {
        if self.path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &self.path
        }
    }
}

/// What adding or removing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryChange {
    /// It is new.
    Added,
    /// The same was there already.
    Unchanged,
    /// It stands in the place of another.
    Replaced,
}

impl RegistryChange {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Unchanged => "unchanged",
            Self::Replaced => "replaced",
        }
    }
}

/// The kinds of things that are tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryKind {
    /// A storage.
    Database,
    /// A folder below every root.
    Category,
    /// A pattern of files that are left alone.
    Exclusion,
}

impl RegistryKind {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Database, Self::Category, Self::Exclusion];

    /// The word for it.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Category => "category",
            Self::Exclusion => "exclusion",
        }
    }
}

/// What one thing that is tracked is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegistryKey {
    /// Its kind.
    pub kind: RegistryKind,
    /// Its name; an exclusion's is its pattern.
    pub name: String,
}

/// One thing that is tracked, whatever its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryEntry {
    /// Its kind and name.
    pub key: RegistryKey,
    /// Its root or path; an exclusion has none.
    pub location: PathBuf,
}

/// Everything that is tracked, in the order in which it was added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    databases: Vec<Database>,
    categories: Vec<Category>,
    exclusions: ExclusionRules,
}

impl Registry {
    /// All databases.
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// All categories.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// The patterns of files that are left alone, in gitignore syntax.
    pub fn exclusions(&self) -> &[String] {
        &self.exclusions.patterns
    }

    /// Everything that decides which entries are left alone.
    pub const fn exclusion_rules(&self) -> &ExclusionRules {
        &self.exclusions
    }

    /// Sets whether what storages and desktops keep for themselves is left alone.
    pub const fn exclude_housekeeping(&mut self, exclude: bool) {
        self.exclusions.include_housekeeping = !exclude;
    }

    /// Everything that is tracked, one after the other.
    pub fn entries(&self) -> Vec<RegistryEntry> {
        let entry = |kind, name: &str, place: &Path| RegistryEntry {
            key: RegistryKey {
                kind,
                name: name.to_owned(),
            },
            location: place.to_owned(),
        };
        let databases = self.databases.iter();
        let databases =
            databases.map(|known| entry(RegistryKind::Database, &known.name, &known.root));
        let categories = self.categories.iter();
        let categories =
            categories.map(|known| entry(RegistryKind::Category, &known.name, &known.path));
        let exclusions = self.exclusions.patterns.iter();
        let exclusions =
            exclusions.map(|known| entry(RegistryKind::Exclusion, known, Path::new("")));
        databases.chain(categories).chain(exclusions).collect()
    }

    /// What has to be added before there can be any project; `None` once there is enough.
    pub fn setup_hint(&self) -> Option<&'static str> {
        if self.databases.is_empty() {
            Some("no databases yet: `add database NAME ROOT`")
        } else if self.categories.is_empty() {
            Some("no categories yet: `add category NAME PATH`")
        } else {
            None
        }
    }

    /// The database of this name.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the nearest names.
    pub fn database(&self, name: &str) -> Result<&Database> {
        find("database", name, &self.databases, |database| &database.name)
    }

    /// The category of this name.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the nearest names.
    pub fn category(&self, name: &str) -> Result<&Category> {
        find("category", name, &self.categories, |category| {
            &category.name
        })
    }

    /// The category of this name, or every one for `all`.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the nearest names.
    pub fn select_categories(&self, name: &str) -> Result<Vec<&Category>> {
        if name == "all" {
            return Ok(self.categories.iter().collect());
        }
        Ok(vec![self.category(name)?])
    }

    /// Tracks a database; `root` is absolute or an address.
    ///
    /// # Errors
    /// `Error::MalformedManifest` for an impossible name, [`Error::NameTaken`] for a name with another root unless `replace`,
    /// [`Error::Overlap`] where two databases would hold the same files.
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

    /// The same for one of many that are added in one go: where each of them really is, is asked once and not every time.
    ///
    /// # Errors
    /// As for [`Self::add_database`].
    pub fn add_database_with(
        &mut self,
        name: &str,
        root: &Path,
        replace: bool,
        mut resolved: impl FnMut(&Path) -> PathBuf,
    ) -> Result<RegistryChange> {
        check_name("database", name)?;
        let existing = self
            .databases
            .iter()
            .position(|database| database.name == name);
        if let Some(at) = existing {
            if self.databases[at].root == root {
                return Ok(RegistryChange::Unchanged);
            }
            if !replace {
                return Err(taken_error(
                    "database",
                    name,
                    &self.databases[at].root,
                    root,
                ));
            }
        }
        let database = Database::new(name, root);
        for other in self.databases.iter().filter(|other| other.name != name) {
            if let Some(relation) = overlap(
                database.resolved_root(&mut resolved),
                other.resolved_root(&mut resolved),
            ) {
                return Err(overlap_error(
                    "database",
                    root,
                    relation,
                    &other.name,
                    &other.root,
                ));
            }
        }
        Ok(insert_or_replace(&mut self.databases, existing, database))
    }

    /// Tracks a category; `path` is as typed, relative to every root.
    ///
    /// # Errors
    /// `Error::MalformedManifest` for an impossible name or a path that leaves the root, [`Error::NameTaken`] for a name with
    /// another path, [`Error::Overlap`] for a path that another category has.
    pub fn add_category(
        &mut self,
        name: &str,
        path: &Path,
        replace: bool,
    ) -> Result<RegistryChange> {
        check_name("category", name)?;
        let path = parse_category_path(path)?;
        let existing = self
            .categories
            .iter()
            .position(|category| category.name == name);
        if let Some(at) = existing {
            if self.categories[at].path == path {
                return Ok(RegistryChange::Unchanged);
            }
            if !replace {
                return Err(taken_error(
                    "category",
                    name,
                    &self.categories[at].path,
                    &path,
                ));
            }
        }
        // One category inside another is allowed: the inner folder is left out of the outer one.
        if let Some(other) = self
            .categories
            .iter()
            .find(|other| other.name != name && other.path == path)
        {
            return Err(overlap_error(
                "category",
                &path,
                "is already",
                &other.name,
                &other.path,
            ));
        }
        Ok(insert_or_replace(
            &mut self.categories,
            existing,
            Category {
                name: name.to_owned(),
                path,
            },
        ))
    }

    /// Leaves files that match a pattern alone.
    pub fn add_exclusion(&mut self, pattern: &str) -> RegistryChange {
        let patterns = &mut self.exclusions.patterns;
        if patterns.iter().any(|known| known == pattern) {
            return RegistryChange::Unchanged;
        }
        patterns.push(pattern.to_owned());
        RegistryChange::Added
    }

    /// Stops tracking a database; touches no file.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the nearest names.
    pub fn remove_database(&mut self, name: &str) -> Result<Database> {
        self.database(name)?;
        let at = self
            .databases
            .iter()
            .position(|database| database.name == name)
            .unwrap_or_default();
        Ok(self.databases.remove(at))
    }

    /// Stops tracking a category; touches no file.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the nearest names.
    pub fn remove_category(&mut self, name: &str) -> Result<Category> {
        self.category(name)?;
        let at = self
            .categories
            .iter()
            .position(|category| category.name == name)
            .unwrap_or_default();
        Ok(self.categories.remove(at))
    }

    /// Stops excluding a pattern.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the nearest patterns.
    pub fn remove_exclusion(&mut self, pattern: &str) -> Result<()> {
        let patterns = &mut self.exclusions.patterns;
        find("exclusion", pattern, patterns, |known| known)?;
        patterns.retain(|known| known != pattern);
        Ok(())
    }

    /// The folder of a project in a category on a database.
    pub fn replica(database: &Database, category: &Category, project: &ProjectId) -> Replica {
        Replica {
            database: database.name.clone(),
            category: category.name.clone(),
            project: project.clone(),
            root: database.root.clone(),
            relative: replica_path(&category.path, project),
        }
    }

    /// The innermost category around this one, which leaves this one's folder out.
    pub fn outer_category(&self, category: &Category) -> Option<&Category> {
        let outer = self
            .categories
            .iter()
            .filter(|other| other.path != category.path && category.path.starts_with(&other.path));
        outer.max_by_key(|other| other.path.components().count())
    }

    /// Folders of other categories inside this one's, relative to a root: they are not part of this one.
    pub fn inner_categories(&self, category: &Category) -> Vec<PathBuf> {
        let inner = self
            .categories
            .iter()
            .filter(|other| other.path != category.path);
        inner
            .filter(|other| other.path.starts_with(&category.path))
            .map(|other| other.path.clone())
            .collect()
    }
}

/// Finds by exact name, or says which names come near.
fn find<'a, T>(
    noun: &'static str,
    name: &str,
    items: &'a [T],
    name_of: impl Fn(&T) -> &String,
) -> Result<&'a T> {
    items
        .iter()
        .find(|item| name_of(item) == name)
        .ok_or_else(|| {
            let names: Vec<&str> = items.iter().map(|item| name_of(item).as_str()).collect();
            let near = suggest(name, names.iter().copied())
                .into_iter()
                .map(str::to_owned)
                .collect();
            let known = names.into_iter().map(str::to_owned).collect();
            Error::UnknownName {
                noun,
                name: name.into(),
                suggestions: near,
                known,
            }
        })
}

/// Puts an item in the place of an older one, or at the end.
fn insert_or_replace<T>(items: &mut Vec<T>, existing: Option<usize>, item: T) -> RegistryChange {
    if let Some(at) = existing {
        items[at] = item;
        return RegistryChange::Replaced;
    }
    items.push(item);
    RegistryChange::Added
}

fn taken_error(noun: &'static str, name: &str, existing: &Path, wanted: &Path) -> Error {
    Error::NameTaken {
        noun,
        name: name.to_owned(),
        existing: existing.to_owned(),
        requested: wanted.to_owned(),
    }
}

fn overlap_error(
    noun: &'static str,
    path: &Path,
    relation: &'static str,
    other: &str,
    existing: &Path,
) -> Error {
    Error::Overlap {
        noun,
        path: path.to_owned(),
        relation,
        other: other.to_owned(),
        existing: existing.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        let mut registry = Registry::default();
        registry
            .add_database("WORK", Path::new("/mnt/work"), false)
            .unwrap();
        registry
            .add_category("footage", Path::new("footage/"), false)
            .unwrap();
        registry
    }

    #[test]
    fn adding_the_same_again_changes_nothing() {
        let mut registry = registry();
        let before = registry.clone();
        assert_eq!(
            registry
                .add_database("WORK", Path::new("/mnt/work"), false)
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
    fn another_root_needs_replace() {
        let mut registry = registry();
        let taken = registry
            .add_database("WORK", Path::new("/mnt/w2"), false)
            .unwrap_err();
        assert_eq!(
            taken.to_string(),
            "database `WORK` is already at `/mnt/work`, not at `/mnt/w2`"
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
        for root in ["/mnt/work", "/mnt/work/inner", "/mnt", "/"] {
            let refused = registry().add_database("B", Path::new(root), false);
            assert!(matches!(refused, Err(Error::Overlap { .. })), "{root}");
        }
        assert!(
            registry()
                .add_database("B", Path::new("/mnt/work2"), false)
                .is_ok()
        );
    }

    #[test]
    fn of_many_databases_each_is_asked_once_where_it_is() {
        let mut registry = Registry::default();
        let mut asked = Vec::new();
        let mut resolved = |root: &Path| {
            asked.push(root.to_owned());
            root.to_owned()
        };
        for name in ["A", "B", "C"] {
            let root = Path::new("/mnt").join(name);
            let added = registry.add_database_with(name, &root, false, &mut resolved);
            assert_eq!(added.unwrap(), RegistryChange::Added);
        }
        let inside = Path::new("/mnt/A/inner");
        let refused = registry.add_database_with("D", inside, false, &mut resolved);
        assert!(matches!(refused, Err(Error::Overlap { .. })));
        asked.sort();
        let each = ["/mnt/A", "/mnt/A/inner", "/mnt/B", "/mnt/C"].map(PathBuf::from);
        assert_eq!(asked, each);
    }

    #[test]
    fn a_root_that_came_to_lead_elsewhere_is_seen() {
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
    fn a_category_stays_below_the_root() {
        for path in ["..", "a/../../b", "/etc", "", ".auto-backup/versions"] {
            let refused = registry().add_category("x", Path::new(path), false);
            assert!(matches!(refused, Err(Error::InvalidWord { .. })), "{path}");
        }
    }

    #[test]
    fn names_that_the_grammar_needs_are_refused() {
        for name in ["", "all", "a,b", "a/b", "-x", "a\nb"] {
            let refused = registry().add_database(name, Path::new("/x"), false);
            assert!(
                matches!(refused, Err(Error::InvalidWord { .. })),
                "{name:?}"
            );
        }
    }

    #[test]
    fn an_inner_category_is_left_out_of_the_outer_one() {
        let mut registry = registry();
        registry
            .add_category("scratch", Path::new("scratch"), false)
            .unwrap();
        registry
            .add_category("render", Path::new("scratch/render/"), false)
            .unwrap();
        let scratch = registry.category("scratch").unwrap().clone();
        assert_eq!(
            registry.inner_categories(&scratch),
            [PathBuf::from("scratch/render")]
        );
        let render = registry.category("render").unwrap();
        assert_eq!(registry.outer_category(render), Some(&scratch));
        assert_eq!(registry.outer_category(&scratch), None);
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        let error = registry().database("WROK").unwrap_err();
        assert_eq!(error.hint().as_deref(), Some("did you mean `WORK`?"));
    }
}
