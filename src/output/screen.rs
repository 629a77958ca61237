//! What standard output leads to.

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
