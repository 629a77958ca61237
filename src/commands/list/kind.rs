//! The kinds of rows that a list can have.

/// The kind of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    Projects,
    Clients,
    Categories,
    Databases,
}

impl ListKind {
    /// The keyword in the command, and the key of the rows in JSON.
    pub(super) const fn keyword(self) -> &'static str {
        match self {
            Self::Projects => "projects",
            Self::Clients => "clients",
            Self::Categories => "categories",
            Self::Databases => "databases",
        }
    }

    /// The noun for users in the plural.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Databases => "storages",
            kind => kind.keyword(),
        }
    }

    /// The noun for users in the singular.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Projects => "project",
            Self::Clients => "client",
            Self::Categories => "category",
            Self::Databases => "storage",
        }
    }
}
