//! Attributes of databases and categories that the options of `add` set.

use serde::Serialize;

use crate::base::hash_format::HashFormat;

/// Attributes of a database besides its root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DatabaseAttributes {
    /// True if it is expected to be away at times, as a drive on a shelf is.
    #[serde(rename = "shelf")]
    pub is_shelf: bool,
    /// True if it is kept in another building than the others.
    #[serde(rename = "offsite")]
    pub is_offsite: bool,
    /// The name of the physical thing that it is on; `None` if the system is to find out. Databases on one medium are one
    /// copy.
    pub medium: Option<String>,
}

impl DatabaseAttributes {
    /// Sets the attributes that a later line states, and keeps the others.
    pub fn merge(&mut self, later: &Self) {
        self.is_shelf |= later.is_shelf;
        self.is_offsite |= later.is_offsite;
        if later.medium.is_some() {
            self.medium.clone_from(&later.medium);
        }
    }
}

/// Attributes of a category besides its path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CategoryAttributes {
    /// True if copies into it keep an ASC MHL history.
    pub keeps_history: bool,
    /// The hash format of new files in the history; `None` for the usual one.
    pub hash_format: Option<HashFormat>,
}

impl CategoryAttributes {
    /// The hash format of new files; `None` if the category keeps no history.
    pub fn history_format(self) -> Option<HashFormat> {
        self.keeps_history
            .then(|| self.hash_format.unwrap_or_default())
    }

    /// Sets the attributes that a later line states, and keeps the others.
    pub fn merge(&mut self, later: Self) {
        self.keeps_history |= later.keeps_history;
        self.hash_format = later.hash_format.or(self.hash_format);
    }
}
