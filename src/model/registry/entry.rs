//! The registered things, whatever their kind, for lists and for the start-up file.

use std::path::PathBuf;

/// The effect of adding to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryChange {
    /// It is new.
    Added,
    /// It was registered already.
    Unchanged,
    /// It replaced another of its name.
    Replaced,
}

/// The kinds of registered things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RegistryKind {
    /// A database.
    Database,
    /// A folder below every root.
    Category,
    /// A pattern of excluded files.
    Exclusion,
}

impl RegistryKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Database, Self::Category, Self::Exclusion];

    /// The word for users.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Category => "category",
            Self::Exclusion => "exclusion",
        }
    }
}

/// Kind and name, which identify a registered thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegistryKey {
    pub kind: RegistryKind,
    /// Its name; for an exclusion the pattern.
    pub name: String,
}

/// One registered thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryEntry {
    pub key: RegistryKey,
    /// Its root or path; empty for an exclusion.
    pub location: PathBuf,
}
