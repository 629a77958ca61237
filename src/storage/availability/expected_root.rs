//! The facts that prove a root to be the expected database.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::root_problem::{RootProblem, check_identity};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::own_name::is_own;
use crate::index::{Index, KnownDatabase};
use crate::model::identity;
use crate::model::identity::Identity;
use crate::model::registry::Database;
use crate::os::folder::{Folder, is_not_found};

/// The values that identify a root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootIds {
    /// The identity, which the first copy creates.
    pub identity: Option<String>,
    /// Ids of the root's file system and folder, and its creation time; `None` if the file system does not store that.
    pub root_id: Option<String>,
}

impl RootIds {
    /// The values of an open root. An identity file that became unreadable counts as none.
    pub fn of_folder(root: &Folder) -> Self {
        Self {
            identity: identity::read(root).ok().flatten(),
            root_id: root.root_id(),
        }
    }
}

/// The facts that a root must match.
pub(super) struct ExpectedRoot {
    /// The database's name, for messages.
    name: String,
    root: PathBuf,
    known: KnownDatabase,
    /// Folders of projects with files; empty if an identity is known, which proves more.
    projects: Vec<PathBuf>,
}

impl ExpectedRoot {
    pub(super) fn load(index: &Index, database: &Database, known: &KnownDatabase) -> Result<Self> {
        let projects = match (known.id, &known.identity) {
            (Some(id), None) => index.project_folders(id)?,
            _ => Vec::new(),
        };
        Ok(Self {
            name: database.name.clone(),
            root: database.root.clone(),
            known: known.clone(),
            projects,
        })
    }

    /// Opens the root and checks it.
    pub(super) fn open_and_check(&self) -> Result<Folder, RootProblem> {
        let unopened = |error| RootProblem::unopened(&error);
        let root = Folder::open(&self.root).map_err(unopened)?;
        let entries = root.entry_names().map_err(unopened)?;
        let known = &self.known;
        if known.files > 0 && entries.iter().all(|name| name == OsStr::new("lost+found")) {
            return Err(RootProblem::empty(known.files));
        }
        self.check_identity(&root)?;
        if known.files == 0 {
            return Ok(root);
        }
        let has_files = |name: &OsString| !is_own(name) && name != OsStr::new("lost+found");
        if !entries.iter().any(has_files) {
            return Err(RootProblem::empty(known.files));
        }
        let mut categories = known.category_folders();
        if !known.categories.is_empty() && categories.all(|path| is_folder_missing(&root, &path)) {
            return Err(RootProblem::no_categories(known.files));
        }
        self.check_root_id(&root)?;
        Ok(root)
    }

    /// Fails if the identity is not the known one.
    fn check_identity(&self, root: &Folder) -> Result<(), RootProblem> {
        let found = identity::read_file(root).map_err(|error| {
            RootProblem::unexpected(format!("cannot be identified: {}", error.full_message()))
        })?;
        check_identity(
            &self.name,
            self.known.identity.as_deref(),
            found.as_ref(),
            "drive",
        )
    }

    /// Fails if nothing proves that a root without a known identity is the database. The known root id proves it. With
    /// another root id, as after moving to a larger disk, half of the known projects must exist; without one, a single
    /// project.
    fn check_root_id(&self, root: &Folder) -> Result<(), RootProblem> {
        let (known, found) = (&self.known.root_id, root.root_id());
        let needed = match found {
            Some(_) if found == *known => return Ok(()),
            Some(_) if known.is_some() => self.projects.len().div_ceil(2),
            _ => self.projects.len().min(1),
        };
        let present = self
            .projects
            .iter()
            .filter(|path| !is_folder_missing(root, path));
        match present.take(needed).count() {
            count if count == needed => Ok(()),
            0 => Err(RootProblem::unexpected(
                "contains none of the projects in the index: it may be another disk",
            )),
            count => Err(RootProblem::unexpected(format!(
                "contains only {count} of {} project folders in the index: it may be another disk",
                self.projects.len()
            ))),
        }
    }
}

/// True if a folder does not exist; false if that cannot be decided.
pub(super) fn is_folder_missing(root: &Folder, path: &Path) -> bool {
    root.open_descendant(path)
        .is_err_and(|error| is_not_found(&error))
}

/// Fails if a remote with this identity and these names at its root is not the known database.
pub(super) fn check_remote(
    database: &Database,
    known: &KnownDatabase,
    identity: Option<&Identity>,
    names: Option<&[Name]>,
) -> Result<(), RootProblem> {
    if known.identity.is_some() {
        let known = known.identity.as_deref();
        return check_identity(&database.name, known, identity, "bucket or folder");
    }
    let names = names.unwrap_or_default();
    let first = |path: &PathBuf| path.iter().next().map(Name::from);
    let is_present = |path: PathBuf| first(&path).is_none_or(|name| names.contains(&name));
    if known.files > 0 && !known.category_folders().any(is_present) {
        return Err(RootProblem::no_categories(known.files));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::model::registry::Registry;

    /// A database with files in this category, according to the index.
    fn known() -> KnownDatabase {
        KnownDatabase {
            files: 3,
            categories: vec!["footage".into()],
            ..KnownDatabase::default()
        }
    }

    /// Creates these folders below a root, opens it, and returns the reason if it is refused.
    fn refusal(folders: &[&str], known: KnownDatabase, projects: &[&str]) -> Option<String> {
        let temporary = tempfile::tempdir().unwrap();
        for folder in folders {
            fs::create_dir_all(temporary.path().join(folder)).unwrap();
        }
        let expected = ExpectedRoot {
            name: "NAS".to_owned(),
            root: temporary.path().to_owned(),
            known,
            projects: projects.iter().map(PathBuf::from).collect(),
        };
        why(expected.open_and_check())
    }

    fn why<T>(checked: Result<T, RootProblem>) -> Option<String> {
        checked.err().map(|problem| problem.why)
    }

    fn is_refused(reason: Option<String>, part: &str) -> bool {
        reason.is_some_and(|reason| reason.contains(part))
    }

    #[test]
    fn missing_root_is_offline() {
        let temporary = tempfile::tempdir().unwrap();
        fs::write(temporary.path().join("file"), "").unwrap();
        for (name, part) in [("gone", "does not exist"), ("file", "is not a folder")] {
            let expected = ExpectedRoot {
                name: "NAS".to_owned(),
                root: temporary.path().join(name),
                known: KnownDatabase::default(),
                projects: Vec::new(),
            };
            let problem = expected.open_and_check().unwrap_err();
            assert!(!problem.cause.may_be_right_disk());
            assert_eq!(problem.why, part);
        }
    }

    #[test]
    fn empty_root_is_offline_once_files_are_known() {
        let own = ["lost+found", ".auto-backup"];
        assert_eq!(refusal(&own, KnownDatabase::default(), &[]), None);
        assert!(is_refused(refusal(&own, known(), &[]), "is empty"));
        let mut without_category = known();
        without_category.categories.clear();
        assert!(is_refused(refusal(&[], without_category, &[]), "is empty"));
    }

    #[test]
    fn root_without_known_categories_is_offline() {
        let none = refusal(&["other"], known(), &[]);
        assert!(is_refused(none, "holds none of the category folders"));
        assert_eq!(refusal(&["footage"], known(), &[]), None);
        let mut two = known();
        two.categories.push("grades".into());
        assert_eq!(refusal(&["grades"], two, &[]), None);
    }

    #[test]
    fn identity_file_decides() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Folder::open(temporary.path()).unwrap();
        let check = |identity: Option<&str>| {
            let known = KnownDatabase {
                identity: identity.map(str::to_owned),
                ..KnownDatabase::default()
            };
            let root = temporary.path().to_owned();
            let projects = Vec::new();
            why(ExpectedRoot {
                name: "SHELF".to_owned(),
                root,
                known,
                projects,
            }
            .open_and_check())
        };
        assert!(is_refused(
            check(Some("abc")),
            "is not the drive that was `SHELF`, or is empty"
        ));
        let identity = identity::read_or_create(&root, "NAS").unwrap();
        assert_eq!(check(Some(&identity)), None);
        assert_eq!(check(None), None);
        assert!(is_refused(
            check(Some("abc")),
            "is the drive `NAS`, not `SHELF`"
        ));
        assert_eq!(RootIds::of_folder(&root).identity, Some(identity));
        fs::write(temporary.path().join(identity::relative_path()), "?").unwrap();
        assert!(is_refused(check(None), "cannot be identified"));
        assert_eq!(RootIds::of_folder(&root).identity, None);
    }

    #[test]
    fn known_root_id_proves_the_root() {
        let temporary = tempfile::tempdir().unwrap();
        fs::create_dir(temporary.path().join("footage")).unwrap();
        let root = Folder::open(temporary.path()).unwrap();
        // A file system without creation times has no root ids.
        let Some(root_id) = root.root_id() else {
            return;
        };
        let mut expected = ExpectedRoot {
            name: "NAS".to_owned(),
            root: temporary.path().to_owned(),
            known: known(),
            projects: vec!["footage/acme/spot".into()],
        };
        expected.known.root_id = Some(root_id);
        assert_eq!(why(expected.open_and_check()), None);
        expected.known.root_id = Some("other".to_owned());
        let reason = why(expected.open_and_check());
        assert!(is_refused(reason, "contains none of the projects"));
    }

    #[test]
    fn other_root_id_needs_half_of_the_projects() {
        let projects = ["footage/a/1", "footage/a/2", "footage/b/3"];
        let other = || KnownDatabase {
            root_id: Some("other".to_owned()),
            ..known()
        };
        let reason = refusal(&projects[..1], other(), &projects);
        assert!(is_refused(reason, "contains only 1 of 3 project folders"));
        assert_eq!(refusal(&projects[..2], other(), &projects), None);
    }

    #[test]
    fn unknown_root_id_needs_one_project() {
        let projects = ["footage/a/1", "footage/a/2", "footage/b/3"];
        assert_eq!(refusal(&projects[2..], known(), &projects), None);
        let reason = refusal(&["footage"], known(), &projects);
        assert!(is_refused(reason, "contains none of the projects"));
    }

    #[test]
    fn remote_is_proven_by_identity_or_category() {
        let mut registry = Registry::default();
        registry
            .add_database("CLOUD", Path::new("s3:b"), false)
            .unwrap();
        let check = |known: &KnownDatabase, identity: Option<&str>, names: Option<&[Name]>| {
            let file = identity.map(|id| format!(r#"{{"id": "{id}", "name": "B"}}"#));
            let found = file.map(|file| identity::parse(&file, Path::new("x")).unwrap());
            why(check_remote(
                &registry.databases()[0],
                known,
                found.as_ref(),
                names,
            ))
        };
        let names = ["footage", "readme"].map(Name::from);
        assert_eq!(check(&known(), None, Some(&names)), None);
        for without in [Some(&names[1..]), None] {
            let reason = check(&known(), None, without);
            assert!(is_refused(reason, "holds none of the category folders"));
        }
        let new = KnownDatabase::default();
        assert_eq!(check(&new, Some("any"), None), None);
        let identified = KnownDatabase {
            identity: Some("abc".to_owned()),
            ..known()
        };
        assert_eq!(check(&identified, Some("abc"), None), None);
        let lost = check(&identified, None, Some(&names));
        assert!(is_refused(
            lost,
            "is not the bucket or folder that was `CLOUD`"
        ));
        let other = check(&identified, Some("abd"), Some(&names));
        assert!(is_refused(
            other,
            "is the bucket or folder `B`, not `CLOUD`"
        ));
    }
}
