//! One folder of a layout.

use std::ffi::{OsStr, OsString};

/// One folder of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutPart {
    /// A folder with this name.
    Fixed(OsString),
    /// The folder of a client.
    Client,
    /// The folder of a project.
    Project,
}

impl LayoutPart {
    /// True for a placeholder.
    pub const fn is_placeholder(&self) -> bool {
        !matches!(self, Self::Fixed(_))
    }

    pub(super) fn parse(name: &OsStr) -> Self {
        match name.as_encoded_bytes() {
            b"{client}" => Self::Client,
            b"{project}" => Self::Project,
            _ => Self::Fixed(name.to_owned()),
        }
    }

    /// True if a folder of this name can stand here.
    pub(super) fn accepts(&self, name: &OsStr) -> bool {
        match self {
            Self::Fixed(fixed) => fixed == name,
            Self::Client | Self::Project => true,
        }
    }

    /// The name as it is typed.
    pub(super) fn as_os_str(&self) -> &OsStr {
        match self {
            Self::Fixed(name) => name,
            Self::Client => OsStr::new("{client}"),
            Self::Project => OsStr::new("{project}"),
        }
    }
}
