//! Color of the output.

use std::env;
use std::ffi::OsStr;

use super::cell::Tone;
use crate::os::terminal;

/// Value of `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// Color on a terminal that supports it, unless the environment disables it.
    #[default]
    Auto,
    /// Color everywhere.
    Always,
    /// No color.
    Never,
}

impl ColorChoice {
    /// Returns `Never` for accessible output, else the choice itself.
    pub const fn unless_accessible(self, accessible: bool) -> Self {
        if accessible { Self::Never } else { self }
    }

    /// True if a stream is colored. `--color` takes precedence over `NO_COLOR` and `CLICOLOR_FORCE`.
    pub fn is_enabled(self, terminal: bool) -> bool {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if is_set("NO_COLOR") => false,
            Self::Auto if is_switched_on(env::var_os("CLICOLOR_FORCE").as_deref()) => true,
            Self::Auto => terminal && terminal::can_move_cursor(),
        }
    }
}

/// True if the value of an environment variable is set, not empty and not `0`.
pub(super) fn is_switched_on(value: Option<&OsStr>) -> bool {
    value.is_some_and(|value| !value.is_empty() && value != "0")
}

/// Returns the text in the color of the tone.
pub fn paint(text: &str, tone: Tone) -> String {
    let code = match tone {
        Tone::Good => "32",
        Tone::Warning => "33",
        Tone::Bad => "31",
        Tone::Faint => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
