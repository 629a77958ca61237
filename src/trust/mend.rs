//! Lines to type that mend what falls short.

use std::ffi::OsStr;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::language::lexer::quote;
use crate::model::project::ProjectId;

/// A line that mends something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mend {
    /// Replace damaged files.
    Heal {
        project: ProjectId,
        category: String,
        database: String,
    },
    /// Copy from one storage to another.
    Copy {
        project: ProjectId,
        category: String,
        from: String,
        to: String,
    },
    /// Read the files on these storages.
    Verify {
        project: ProjectId,
        category: String,
        databases: Vec<String>,
    },
    /// Scan a storage.
    Load { database: String },
    /// Add a storage on another medium.
    AddDatabase { is_offsite: bool },
}

fn word(text: &str) -> String {
    quote(OsStr::new(text))
}

impl fmt::Display for Mend {
    /// Writes the line as it is typed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = |project: &ProjectId, category: &str| {
            format!("{} {}", quote(project.name().as_os_str()), word(category))
        };
        match self {
            Self::Heal {
                project,
                category,
                database,
            } => write!(
                formatter,
                "heal {} {}",
                scope(project, category),
                word(database)
            ),
            Self::Copy {
                project,
                category,
                from,
                to,
            } => write!(
                formatter,
                "copy {} {} {}",
                scope(project, category),
                word(from),
                word(to)
            ),
            Self::Verify {
                project,
                category,
                databases,
            } => {
                let databases: Vec<_> = databases.iter().map(|name| word(name)).collect();
                let scope = scope(project, category);
                write!(formatter, "verify {scope} in {}", databases.join(","))
            }
            Self::Load { database } => write!(formatter, "load {}", word(database)),
            Self::AddDatabase { is_offsite: true } => {
                formatter.write_str("add database NAME FOLDER --offsite")
            }
            Self::AddDatabase { is_offsite: false } => {
                formatter.write_str("add database NAME FOLDER")
            }
        }
    }
}

impl Serialize for Mend {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
