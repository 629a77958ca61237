//! The terminal or file behind standard output.

use std::env;
use std::io::{self, IsTerminal as _};

use super::color::{ColorChoice, is_switched_on};
use crate::os::terminal;

/// Minimum terminal width for tables whose cells have one form, in columns.
const NARROWEST_TABLE: u16 = 60;

/// Properties of standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// True for a terminal, where control characters must be escaped.
    pub is_terminal: bool,
    /// Columns, if known.
    pub width: Option<u16>,
    /// Rows, if known.
    pub height: Option<u16>,
    pub has_color: bool,
    /// True for accessible output: no boxes, no color, no repainting.
    pub is_accessible: bool,
}

impl Screen {
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

    /// True if a table may fit; else each row is written as a record. A flexible table has no borders, or short forms of its
    /// cells.
    pub fn fits_table(self, is_flexible: bool) -> bool {
        let is_wide = self.width.is_none_or(|width| width >= NARROWEST_TABLE);
        (is_wide || is_flexible) && !self.is_accessible
    }
}

/// True if accessible output was requested by option or environment.
pub fn is_accessible(is_requested: bool) -> bool {
    is_requested || is_switched_on(env::var_os("ACCESSIBLE").as_deref())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn empty_or_zero_variable_is_off() {
        let said = |value: &'static str| is_switched_on(Some(OsStr::new(value)));
        assert!(said("1") && said("yes"));
        assert!(!said("") && !said("0") && !is_switched_on(None));
    }

    #[test]
    fn narrow_or_accessible_screen_gets_no_tables() {
        let screen = |width, accessible| Screen {
            width,
            is_accessible: accessible,
            ..Screen::default()
        };
        let fits = |width, accessible| screen(width, accessible).fits_table(false);
        assert!(fits(None, false) && fits(Some(60), false) && !fits(Some(59), false));
        assert!(!fits(None, true) && !fits(Some(200), true));
        assert!(screen(Some(40), false).fits_table(true));
        assert!(!screen(Some(40), true).fits_table(true));
    }
}
