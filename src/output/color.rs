//! Whether there is colour, and which.

use std::env;

use super::cell::Tone;

/// What `--color` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// Colour on a terminal that knows it, unless the environment says no.
    #[default]
    Auto,
    /// Colour everywhere.
    Always,
    /// No colour anywhere.
    Never,
}

impl ColorChoice {
    /// The same choice, or no colour at all where output is accessible.
    pub const fn unless_accessible(self, accessible: bool) -> Self {
        if accessible { Self::Never } else { self }
    }

    /// Whether a stream gets colour. `--color` wins over `NO_COLOR` and `CLICOLOR_FORCE`.
    pub fn is_enabled(self, terminal: bool) -> bool {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if is_set("NO_COLOR") => false,
            Self::Auto
                if env::var_os("CLICOLOR_FORCE")
                    .is_some_and(|value| !value.is_empty() && value != "0") =>
            {
                true
            }
            Self::Auto => terminal && env::var_os("TERM").is_some_and(|term| term != "dumb"),
        }
    }
}

/// The text in the colour of its tone.
pub fn paint(text: &str, tone: Tone) -> String {
    let code = match tone {
        Tone::Good => "32",
        Tone::Warning => "33",
        Tone::Bad => "31",
        Tone::Faint => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
