//! Attributes of a database that the options of `add database` set.

use serde::Serialize;

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
