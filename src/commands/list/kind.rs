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
    /// The noun in the plural, as in the command.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Projects => "projects",
            Self::Clients => "clients",
            Self::Categories => "categories",
            Self::Databases => "databases",
        }
    }

    /// The noun in the singular.
    pub(super) const fn heading(self) -> &'static str {
        match self {
            Self::Projects => "project",
            Self::Clients => "client",
            Self::Categories => "category",
            Self::Databases => "database",
        }
    }
}
