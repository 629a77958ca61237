//! Projects, and what a command can be asked about: one project, a client, or all.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::address;
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::own_name::is_own;
use crate::base::unicode::to_nfc;

/// `CLIENT/PROJECT`: one project's folder below every category of every database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectId {
    /// The client's folder name.
    pub client: Name,
    /// The project's folder name.
    pub project: Name,
}

impl ProjectId {
    /// Reads `CLIENT/PROJECT`.
    ///
    /// # Errors
    /// `Error::MalformedManifest` unless it is two folder names; nothing outside the databases can be named.
    pub fn parse(word: &OsStr) -> Result<Self> {
        match Scope::parse(word)? {
            Scope::Project(project) => Ok(project),
            _ => Err(malformed_error(word, "a project is written CLIENT/PROJECT")),
        }
    }

    /// The folder below a category's folder: `CLIENT/PROJECT`.
    pub fn path(&self) -> PathBuf {
        self.client.as_path().join(self.project.as_path())
    }

    /// The same project with its names in composed form (NFC), by which spellings of one project are equal.
    pub fn composed(&self) -> Self {
        let [client, project] = [&self.client, &self.project].map(composed_name);
        Self { client, project }
    }

    /// `CLIENT/PROJECT` as one name.
    pub fn name(&self) -> Name {
        self.path().into()
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(formatter)
    }
}

impl Serialize for ProjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name().serialize(serializer)
    }
}

/// A name in composed form (NFC).
pub fn composed_name(name: &Name) -> Name {
    Name::from_bytes(to_nfc(name.as_bytes()).into_owned())
}

/// Which projects a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every project of every client.
    All,
    /// The projects of one client.
    Client(Name),
    /// One project.
    Project(ProjectId),
}

impl Scope {
    /// Reads `all`, `CLIENT` or `CLIENT/PROJECT`.
    ///
    /// # Errors
    /// `Error::MalformedManifest` for `..`, an absolute path, an empty part or more than two parts.
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

    /// Reads a client's name, where nothing else can stand.
    ///
    /// # Errors
    /// `Error::MalformedManifest` unless it is one folder name.
    pub fn parse_client(word: &OsStr) -> Result<Name> {
        let why = match word.as_bytes() {
            b"" => "it is empty",
            b"." | b".." => "`.` and `..` would leave the database",
            bytes if bytes.contains(&b'/') => "a client is one folder, without `/`",
            _ => return parse_folder_name(word, word),
        };
        Err(Error::InvalidWord {
            noun: "client",
            word: word.into(),
            why,
        })
    }

    /// Whether a project is meant.
    pub fn contains(&self, project: &ProjectId) -> bool {
        match self {
            Self::All => true,
            Self::Client(client) => {
                *client == project.client || composed_name(client) == composed_name(&project.client)
            }
            Self::Project(one) => one == project || one.composed() == project.composed(),
        }
    }

    /// The name as typed.
    pub fn name(&self) -> Name {
        match self {
            Self::All => "all".into(),
            Self::Client(client) => client.clone(),
            Self::Project(project) => project.name(),
        }
    }
}

/// `CLIENT/PROJECT` from `CLIENT/PROJECT/`, as shells complete the names of folders. `CLIENT/` stays: it may be a project that
/// was not typed to its end, and must not stand for all of the client's.
fn without_final_slash(word: &[u8]) -> &[u8] {
    match word.strip_suffix(b"/") {
        Some(project) if project.contains(&b'/') => project,
        _ => word,
    }
}

/// One folder name, or what is wrong with it.
fn parse_folder_name(word: &OsStr, part: &OsStr) -> Result<Name> {
    let why = match part.as_bytes() {
        b"" => "a part of it is empty; a project is written CLIENT/PROJECT",
        b"." | b".." => "`.` and `..` would leave the database",
        bytes if bytes.contains(&0) => "it contains a NUL byte",
        _ if is_own(part) => "it is where auto-backup keeps its own files",
        _ => return Ok(part.into()),
    };
    Err(malformed_error(word, why))
}

fn malformed_error(word: &OsStr, why: &'static str) -> Error {
    Error::InvalidWord {
        noun: "project",
        word: word.into(),
        why,
    }
}

/// One project's folder in one category on one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The database's name.
    pub database: String,
    /// The category's name.
    pub category: String,
    /// The project.
    pub project: ProjectId,
    /// The database's root.
    pub root: PathBuf,
    /// The folder below the root.
    pub relative: PathBuf,
}

impl Replica {
    /// The whole path of the folder.
    pub fn path(&self) -> PathBuf {
        address::join(&self.root, &self.relative)
    }
}

/// A path below a root from the path of a category and what follows.
pub fn replica_path(category: &Path, project: &ProjectId) -> PathBuf {
    category.join(project.path())
}

/// The path of something within a replica; of the replica's own folder without a slash at its end.
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
    fn scopes_are_told_apart() {
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
    fn nothing_outside_a_database_can_be_named() {
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
        assert!(ProjectId::parse(OsStr::new("acme")).is_err());
    }
}
