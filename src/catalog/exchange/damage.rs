//! Rows of the catalog that another program or a damaged disk changed. They are left out, and nothing else is.

use std::fmt;
use std::path::{Path, PathBuf};

use postgres::Row;

use super::replica_key::{path_of, read_key};
use crate::index::SharedReplicaKey;
use crate::model::layout::CategoryLayout;

/// What is damaged of a storage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CatalogDamage {
    /// The row of a replica, or the rows of its folders.
    Replica(SharedReplicaKey),
    /// The evidence of a folder below the root.
    Evidence(PathBuf),
    /// A row whose name no scan could have found. The text says what it is.
    Nameless(&'static str),
}

/// A storage whose rows were checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedStorage {
    /// Number of replicas that are whole.
    pub sound_replicas: u64,
    /// What is damaged, sorted.
    pub damaged: Vec<CatalogDamage>,
}

impl CatalogDamage {
    pub(super) fn of_replica_row(row: &Row) -> Self {
        read_key(row, 1).map_or(Self::Nameless("project"), Self::Replica)
    }
}

impl fmt::Display for CatalogDamage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replica(key) => {
                write!(formatter, "{} in {}", key.project, key.category.display())
            }
            Self::Evidence(folder) => write!(formatter, "the evidence of {}", folder.display()),
            Self::Nameless(what) => write!(formatter, "a {what} without a possible name"),
        }
    }
}

/// Returns the folder of a row of evidence, below the root; `None` if no scan could have found it.
pub(super) fn evidence_folder(row: &Row) -> Option<PathBuf> {
    let (key, path) = (read_key(row, 0)?, path_of(row.get(3))?);
    let replica = CategoryLayout::from_key(&key.category).replica_path(&key.project);
    Some(if path == Path::new("") {
        replica
    } else {
        replica.join(path)
    })
}
