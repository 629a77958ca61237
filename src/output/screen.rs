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
    pub terminal: bool,
    /// Columns, where there are any.
    pub width: Option<u16>,
    /// Rows, where it is known how many there are.
    pub height: Option<u16>,
    /// Whether there is colour.
    pub color: bool,
    /// Whether it is read aloud or felt: no boxes, no colour, and nothing is painted over what was written.
    pub accessible: bool,
}

impl Screen {
    /// The screen behind standard output.
    pub fn standard_output(color: ColorChoice, accessible: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            terminal,
            width: terminal::width(),
            height: terminal::height(),
            color: color.applies(terminal) && !accessible,
            accessible,
        }
    }

    /// Whether rows may stand in tables; else they are records.
    pub fn has_tables(self) -> bool {
        let is_wide = self.width.is_none_or(|width| width >= NARROWEST_TABLE);
        is_wide && !self.accessible
    }
}

/// Whether all output is to be accessible: it was asked for, or the environment says so.
pub fn is_accessible(asked: bool) -> bool {
    asked || says_yes(env::var_os("ACCESSIBLE").as_deref())
}

/// Whether a variable of the environment switches something on.
fn says_yes(value: Option<&OsStr>) -> bool {
    value.is_some_and(|value| !value.is_empty() && value != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_empty_or_0_says_no() {
        let said = |value: &'static str| says_yes(Some(OsStr::new(value)));
        assert!(said("1") && said("yes"));
        assert!(!said("") && !said("0") && !says_yes(None));
    }

    #[test]
    fn tables_need_room_and_eyes() {
        let screen = |width, accessible| Screen {
            width,
            accessible,
            ..Screen::default()
        };
        assert!(screen(None, false).has_tables() && screen(Some(60), false).has_tables());
        assert!(!screen(Some(59), false).has_tables());
        assert!(!screen(None, true).has_tables() && !screen(Some(200), true).has_tables());
    }
}
