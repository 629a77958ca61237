//! The registered things, whatever their kind, for lists and for the start-up file.

use std::ffi::OsStr;
use std::path::PathBuf;

use serde::Serialize;

use super::attributes::{CategoryAttributes, DatabaseAttributes};
use crate::base::noun::Noun;

/// The effect of adding to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryChange {
    /// It is new.
    Added,
    /// It was registered already.
    Unchanged,
    /// It replaced another of its name.
    Replaced,
    /// It was registered already, and its options changed.
    Changed,
}

impl RegistryChange {
    /// Word for it in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Unchanged => "unchanged",
            Self::Replaced => "replaced",
            Self::Changed => "changed",
        }
    }
}

/// The kinds of registered things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryKind {
    /// A database.
    Database,
    /// A folder below every root.
    Category,
    /// A pattern of excluded files.
    Exclusion,
    /// The policy of a category.
    Policy,
}

impl RegistryKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [
        Self::Database,
        Self::Category,
        Self::Exclusion,
        Self::Policy,
    ];

    /// The word of the grammar for it, as in `add database`.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Category => "category",
            Self::Exclusion => "exclusion",
            Self::Policy => "policy",
        }
    }

    /// Returns the kind that a word of the grammar names; `storage` is another word for `database`.
    pub fn from_keyword(word: &OsStr) -> Option<Self> {
        if word == "storage" {
            return Some(Self::Database);
        }
        Self::ALL.into_iter().find(|kind| word == kind.keyword())
    }

    pub const fn noun(self) -> Noun {
        match self {
            Self::Database => Noun::Database,
            Self::Category => Noun::Category,
            Self::Exclusion => Noun::Exclusion,
            Self::Policy => Noun::Policy,
        }
    }
}

/// Kind and name, which identify a registered thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegistryKey {
    pub kind: RegistryKind,
    /// Its name; for an exclusion the pattern, for a policy the category.
    pub name: String,
}

/// One registered thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryEntry {
    pub key: RegistryKey,
    /// Its root or path; empty for an exclusion. A policy as it is typed.
    pub location: PathBuf,
    /// The attributes of a database; those of other things are never set.
    pub attributes: DatabaseAttributes,
    /// The attributes of a category; those of other things are never set.
    pub category: CategoryAttributes,
}
