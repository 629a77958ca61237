//! The identity of a project: its client and its own name.

use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::base::name::Name;
use crate::base::unicode::to_nfc;

/// `CLIENT/PROJECT`: one project's folder below every category of every database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectId {
    pub client: Name,
    pub project: Name,
}

impl ProjectId {
    /// The folder below a category's folder: `CLIENT/PROJECT`.
    pub fn path(&self) -> PathBuf {
        self.client.as_path().join(self.project.as_path())
    }

    /// The project with its names in composed form (NFC). All spellings of one project are equal in this form.
    pub fn composed(&self) -> Self {
        let [client, project] = [&self.client, &self.project].map(composed_name);
        Self { client, project }
    }

    /// True if both names are ASCII, so that they have one Unicode form only.
    pub fn is_ascii(&self) -> bool {
        let names = [&self.client, &self.project];
        names.iter().all(|name| name.as_bytes().is_ascii())
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

/// The name in composed form (NFC).
pub fn composed_name(name: &Name) -> Name {
    Name::from_bytes(to_nfc(name.as_bytes()).into_owned())
}
