//! What standard output leads to.

/// On a terminal with fewer columns there are no tables.
const NARROWEST_TABLE: u16 = 60;

/// What answers are written on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// Whether it is a terminal, which control characters would steer.
    pub terminal: bool,
    /// Columns, where there are any.
    pub width: Option<u16>,
    /// Whether there is colour.
    pub color: bool,
}

impl Screen {
    /// Whether rows may stand in tables; else they are records.
    #[must_use]
    pub fn has_tables(self) -> bool {
        self.width.is_none_or(|width| width >= NARROWEST_TABLE)
    }
}
