//! The facts that prove a root to be the expected database.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::own_name::is_own;
use crate::base::unit;
use crate::index::{Index, KnownDatabase};
use crate::model::identity;
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

/// The reason why a root is not the expected one.
pub(super) struct RootProblem {
    why: String,
    /// True if another root was found at this path, so that `load --forget` may accept it.
    is_other_root: bool,
}

impl RootProblem {
    /// No root was found that could be the database.
    pub(super) const fn missing(why: String) -> Self {
        Self {
            why,
            is_other_root: false,
        }
    }

    /// Another root was found.
    fn unexpected(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            is_other_root: true,
        }
    }

    /// The root contains no category folder, although the index knows files there.
    fn no_categories(known_files: u64) -> Self {
        let files = unit::format_counted(known_files, "file");
        Self::unexpected(format!(
            "holds none of the category folders, though the index knows {files} there"
        ))
    }

    pub(super) fn into_error(self, database: &Database) -> Error {
        Error::Offline {
            database: database.name.clone(),
            root: database.root.clone(),
            why: self.why,
            may_be_right_disk: self.is_other_root,
        }
    }
}

/// The facts that a root must match.
pub(super) struct ExpectedRoot {
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
            root: database.root.clone(),
            known: known.clone(),
            projects,
        })
    }

    /// Opens the root and checks it.
    pub(super) fn open_and_check(&self) -> Result<Folder, RootProblem> {
        let absent = |error| RootProblem::missing(open_failure(&error));
        let root = Folder::open(&self.root).map_err(absent)?;
        let entries = root.entry_names().map_err(absent)?;
        self.check_identity(&root)?;
        let known = &self.known;
        if known.files == 0 {
            return Ok(root);
        }
        let files = unit::format_counted(known.files, "file");
        let empty = entries
            .iter()
            .all(|name| is_own(name) || name == OsStr::new("lost+found"));
        if empty {
            return Err(RootProblem::unexpected(format!(
                "is empty, though the index knows {files} there: is it mounted?"
            )));
        }
        let mut categories = known.categories.iter();
        if categories.len() > 0 && categories.all(|path| is_folder_missing(&root, path)) {
            return Err(RootProblem::no_categories(known.files));
        }
        self.check_root_id(&root)?;
        Ok(root)
    }

    /// Fails if the identity is not the known one.
    fn check_identity(&self, root: &Folder) -> Result<(), RootProblem> {
        let found = identity::read(root).map_err(|error| {
            RootProblem::unexpected(format!("cannot be identified: {}", error.full_message()))
        })?;
        check_identity(
            self.known.identity.as_deref(),
            found.as_deref(),
            "it may be another disk or not mounted",
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
fn is_folder_missing(root: &Folder, path: &Path) -> bool {
    root.open_descendant(path)
        .is_err_and(|error| is_not_found(&error))
}

/// The reason why a root could not be opened.
fn open_failure(error: &Error) -> String {
    match error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotADirectory => {
            "is not a folder".to_owned()
        }
        error if is_not_found(error) => "does not exist".to_owned(),
        Error::Io { source, .. } => format!("cannot be read: {source}"),
        error => error.to_string(),
    }
}

/// Fails if a remote with this identity and these names at its root is not the known database.
pub(super) fn check_remote(
    known: &KnownDatabase,
    identity: Option<&str>,
    names: Option<&[Name]>,
) -> Result<(), RootProblem> {
    if known.identity.is_some() {
        let suspicion = "it may be another bucket or folder";
        return check_identity(known.identity.as_deref(), identity, suspicion);
    }
    let names = names.unwrap_or_default();
    let first = |path: &PathBuf| path.iter().next().map(Name::from);
    let is_present = |path: &PathBuf| first(path).is_none_or(|name| names.contains(&name));
    if known.files > 0 && !known.categories.iter().any(is_present) {
        return Err(RootProblem::no_categories(known.files));
    }
    Ok(())
}

/// Fails if the identity of a root is not the known one; `suspicion` is added if it has none.
fn check_identity(
    known: Option<&str>,
    found: Option<&str>,
    suspicion: &str,
) -> Result<(), RootProblem> {
    match found {
        _ if known.is_none() || known == found => Ok(()),
        Some(_) => Err(RootProblem::unexpected(
            "is another database by its identity file",
        )),
        None => Err(RootProblem::unexpected(format!(
            "has lost its identity file `.auto-backup/database.json`: {suspicion}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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
                root: temporary.path().join(name),
                known: KnownDatabase::default(),
                projects: Vec::new(),
            };
            let problem = expected.open_and_check().unwrap_err();
            assert!(!problem.is_other_root);
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
                root,
                known,
                projects,
            }
            .open_and_check())
        };
        assert!(is_refused(check(Some("abc")), "has lost its identity file"));
        let identity = identity::read_or_create(&root, "NAS").unwrap();
        assert_eq!(check(Some(&identity)), None);
        assert_eq!(check(None), None);
        assert!(is_refused(check(Some("abc")), "is another database"));
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
        let names = ["footage", "readme"].map(Name::from);
        assert_eq!(why(check_remote(&known(), None, Some(&names))), None);
        for without in [Some(&names[1..]), None] {
            let reason = why(check_remote(&known(), None, without));
            assert!(is_refused(reason, "holds none of the category folders"));
        }
        let new = KnownDatabase::default();
        assert_eq!(why(check_remote(&new, Some("any"), None)), None);
        let identified = KnownDatabase {
            identity: Some("abc".to_owned()),
            ..known()
        };
        assert_eq!(why(check_remote(&identified, Some("abc"), None)), None);
        let lost = why(check_remote(&identified, None, Some(&names)));
        assert!(is_refused(lost, "another bucket or folder"));
        let other = why(check_remote(&identified, Some("abd"), Some(&names)));
        assert!(is_refused(other, "is another database"));
    }
}
