//! The scopes of commands: one project, several, the projects of one client, or all.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::address;
pub use super::project_id::{ProjectId, composed_name};
pub use super::project_set::ProjectSet;
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::noun::Noun;
use crate::base::own_name::is_own;

/// The projects that a command works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every project of every client.
    All,
    /// The projects of one client.
    Client(Name),
    /// One project.
    Project(ProjectId),
    /// Several projects.
    Projects(ProjectSet),
}

impl Scope {
    /// Parses `all`, `CLIENT` or `CLIENT/PROJECT`.
    ///
    /// # Errors
    /// [`Error::InvalidWord`] for `..`, an absolute path, an empty part or more than two parts.
    pub fn parse(word: &OsStr) -> Result<Self> {
        if word == "all" {
            return Ok(Self::All);
        }
        let bytes = without_final_slash(word.as_bytes());
        if bytes.first() == Some(&b'/') {
            return Err(malformed_error(
                word,
                "it is an absolute path; a project is written CLIENT/PROJECT",
            ));
        }
        let mut parts = bytes.split(|byte| *byte == b'/').map(OsStr::from_bytes);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(client), None, _) => Ok(Self::Client(parse_folder_name(word, client)?)),
            (Some(client), Some(project), None) => Ok(Self::Project(ProjectId {
                client: parse_folder_name(word, client)?,
                project: parse_folder_name(word, project)?,
            })),
            _ => Err(malformed_error(
                word,
                "it has more than two parts; a project is written CLIENT/PROJECT",
            )),
        }
    }

    /// Parses a client's name.
    ///
    /// # Errors
    /// [`Error::InvalidWord`] unless it is one folder name.
    pub fn parse_client(word: &OsStr) -> Result<Name> {
        let why = match word.as_bytes() {
            b"" => "it is empty",
            b"." | b".." => "`.` and `..` would leave the storage",
            bytes if bytes.contains(&b'/') => "a client is one folder, without `/`",
            _ => return parse_folder_name(word, word),
        };
        Err(Error::InvalidWord {
            noun: Noun::Client,
            word: word.into(),
            why,
        })
    }

    /// True if the scope includes a project, in any Unicode form.
    pub fn contains(&self, project: &ProjectId) -> bool {
        match self {
            Self::All => true,
            Self::Client(client) => {
                *client == project.client || composed_name(client) == composed_name(&project.client)
            }
            Self::Project(one) => one == project || one.composed() == project.composed(),
            Self::Projects(several) => several.contains(project),
        }
    }

    /// True if the scope may include a project of a client, in any Unicode form.
    pub fn has_client(&self, client: &Name) -> bool {
        match self {
            Self::All => true,
            Self::Client(name) => name == client || composed_name(name) == composed_name(client),
            Self::Project(project) => composed_name(&project.client) == composed_name(client),
            Self::Projects(several) => several.has_client(client),
        }
    }

    /// Returns the projects that the scope names one by one; `None` if they must be looked up.
    pub fn named_projects(&self) -> Option<Vec<&ProjectId>> {
        match self {
            Self::All | Self::Client(_) => None,
            Self::Project(project) => Some(vec![project]),
            Self::Projects(several) => Some(several.iter().collect()),
        }
    }

    /// The scope as typed. Several projects are described.
    pub fn name(&self) -> Name {
        match self {
            Self::All => "all".into(),
            Self::Client(client) => client.clone(),
            Self::Project(project) => project.name(),
            Self::Projects(several) => several.description(),
        }
    }
}

/// Returns `CLIENT/PROJECT` for `CLIENT/PROJECT/`, which shells complete. `CLIENT/` stays as it is: it may be an unfinished
/// project, and must not select all projects of the client.
fn without_final_slash(word: &[u8]) -> &[u8] {
    match word.strip_suffix(b"/") {
        Some(project) if project.contains(&b'/') => project,
        _ => word,
    }
}

fn parse_folder_name(word: &OsStr, part: &OsStr) -> Result<Name> {
    let why = match part.as_bytes() {
        b"" => "a part of it is empty; a project is written CLIENT/PROJECT",
        b"." | b".." => "`.` and `..` would leave the storage",
        bytes if bytes.contains(&0) => "it contains a NUL byte",
        _ if is_own(part) => "it is where auto-backup keeps its own files",
        _ => return Ok(part.into()),
    };
    Err(malformed_error(word, why))
}

fn malformed_error(word: &OsStr, why: &'static str) -> Error {
    Error::InvalidWord {
        noun: Noun::Project,
        word: word.into(),
        why,
    }
}

/// One project's folder in one category on one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    pub database: String,
    pub category: String,
    pub project: ProjectId,
    pub root: PathBuf,
    /// The folder below the root.
    pub relative: PathBuf,
}

impl Replica {
    /// The full path of the folder.
    pub fn path(&self) -> PathBuf {
        address::join(&self.root, &self.relative)
    }
}

/// The path of an entry of a replica; the replica's own folder has no slash at its end.
pub fn path_within(replica: &Path, path: &Path) -> PathBuf {
    if path == Path::new("") {
        replica.to_owned()
    } else {
        replica.join(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(word: &str) -> Result<Scope> {
        Scope::parse(OsStr::new(word))
    }

    #[test]
    fn words_select_scopes() {
        assert_eq!(parse("all").unwrap(), Scope::All);
        assert_eq!(parse("acme").unwrap(), Scope::Client("acme".into()));
        let spot = ProjectId {
            client: "acme".into(),
            project: "a spot".into(),
        };
        assert_eq!(parse("acme/a spot").unwrap(), Scope::Project(spot.clone()));
        assert_eq!(parse("acme/a spot/").unwrap(), Scope::Project(spot));
    }

    #[test]
    fn projects_stay_inside_a_database() {
        for word in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/..",
            "a//b",
            "a/",
            "/a",
            "./a",
            "a/b/c",
            "a\0/b",
        ] {
            assert!(
                matches!(parse(word), Err(Error::InvalidWord { .. })),
                "{word}"
            );
        }
    }
}
