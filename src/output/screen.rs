//! What standard output leads to, and what may be done there.

use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal as _};

use super::color::ColorChoice;
use crate::os::terminal;

/// On a terminal with fewer columns there are no tables.
const NARROWEST_TABLE: u16 = 60;

/// What answers are written on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// Whether it is a terminal, which control characters would steer.
    pub is_terminal: bool,
    /// Columns, where there are any.
    pub width: Option<u16>,
    /// Rows, where it is known how many there are.
    pub height: Option<u16>,
    /// Whether there is colour.
    pub has_color: bool,
    /// Whether it is read aloud or felt: no boxes, no colour, and nothing is painted over what was written.
    pub is_accessible: bool,
}

impl Screen {
    /// The screen behind standard output.
    pub fn stdout(color: ColorChoice, accessible: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            is_terminal: terminal,
            width: terminal::stdout_width(),
            height: terminal::stdout_height(),
            has_color: color.is_enabled(terminal) && !accessible,
            is_accessible: accessible,
        }
    }

    /// Whether rows may stand in tables; else they are records.
    pub fn fits_tables(self) -> bool {
        let is_wide = self.width.is_none_or(|width| width >= NARROWEST_TABLE);
        is_wide && !self.is_accessible
    }
}

/// Whether all output is to be accessible: it was asked for, or the environment says so.
pub fn is_accessible(is_requested: bool) -> bool {
    is_requested || is_switched_on(env::var_os("ACCESSIBLE").as_deref())
}

/// Whether a variable of the environment switches something on.
fn is_switched_on(value: Option<&OsStr>) -> bool {
    value.is_some_and(|value| !value.is_empty() && value != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_empty_or_0_says_no() {
        let said = |value: &'static str| is_switched_on(Some(OsStr::new(value)));
        assert!(said("1") && said("yes"));
        assert!(!said("") && !said("0") && !is_switched_on(None));
    }

    #[test]
    fn tables_need_room_and_eyes() {
        let screen = |width, accessible| Screen {
            width,
            is_accessible: accessible,
            ..Screen::default()
        };
        assert!(screen(None, false).fits_tables() && screen(Some(60), false).fits_tables());
        assert!(!screen(Some(59), false).fits_tables());
        assert!(!screen(None, true).fits_tables() && !screen(Some(200), true).fits_tables());
    }
}
