//! The one writer of standard error: problems, notices, and what is wrong with a line.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use super::cell::Tone;
use super::color::{ColorChoice, paint};
use super::wrap::wrap;
use crate::base::error::Error;
use crate::base::ignore::ignore;
use crate::base::name::Name;
use crate::os::terminal;

/// Writes messages. A message that cannot be written is lost: there is nowhere to say so.
#[derive(Clone, Copy, Debug)]
pub struct Messages {
    has_color: bool,
    is_quiet: bool,
}

impl Messages {
    /// Messages in the colours of the choice; `quiet` leaves out what needs no attention.
    pub fn new(choice: ColorChoice, quiet: bool) -> Self {
        Self {
            has_color: choice.is_enabled(io::stderr().is_terminal()),
            is_quiet: quiet,
        }
    }

    /// Takes another choice of colours; whether that changes anything.
    pub fn set_color(&mut self, choice: ColorChoice) -> bool {
        let before = self.has_color;
        *self = Self::new(choice, self.is_quiet);
        before != self.has_color
    }

    /// Whether only what needs attention is told.
    pub const fn is_quiet(self) -> bool {
        self.is_quiet
    }

    /// A failure that ends a command that stands in no line: `error: ...` and its hint.
    pub fn error(self, error: &Error) {
        write_text(&format!(
            "{}: {}",
            self.painted("error", Tone::Bad),
            error.full_message()
        ));
        if let Some(hint) = error.hint() {
            self.hint(&hint);
        }
    }

    /// One bad item of a run that goes on.
    pub fn problem(self, error: &Error) {
        write_text(&format!(
            "{}: {}",
            self.painted("problem", Tone::Warning),
            error.full_message()
        ));
        // Of a database that is not plugged in everybody knows what to do; of one that looks like another not.
        if matches!(
            error,
            Error::Offline {
                may_be_right_disk: true,
                ..
            }
        ) && let Some(hint) = error.hint()
        {
            self.hint(&hint);
        }
    }

    /// What to do instead.
    pub fn hint(self, text: &str) {
        write_text(&format!("{}: {text}", self.painted("hint", Tone::Good)));
    }

    /// Something a person should know; left out where it is quiet.
    pub fn notice(self, text: &str) {
        if !self.is_quiet {
            write_text(text);
        }
    }

    /// Something a person must know that is no failure.
    pub fn warning(self, text: &str) {
        write_text(&format!(
            "{}: {text}",
            self.painted("warning", Tone::Warning)
        ));
    }

    /// The index was damaged, and where it is now.
    pub fn index_damaged(self, kept: &Path) {
        let moved_to = Name::from(kept);
        self.warning(&format!(
            "the index was damaged and is set aside as `{moved_to}`; a new one is begun: `load` fills it from the disks"
        ));
    }

    /// Warns that the index of an older development version was set aside.
    pub fn index_outdated(self, kept: &Path) {
        let moved_to = Name::from(kept);
        self.warning(&format!(
            "the index was written by an older development version and is set aside as `{moved_to}`; a new one was started, run `load` to fill it from the disks"
        ));
    }

    /// A word in its colour, if there is any.
    pub fn painted(self, word: &str, tone: Tone) -> String {
        if self.has_color {
            paint(word, tone)
        } else {
            word.to_owned()
        }
    }
}

/// Writes one line to standard error as it is.
pub fn write_line(text: &str) {
    let mut line = text.to_owned();
    line.push('\n');
    ignore(
        io::stderr().write_all(line.as_bytes()),
        "a failure of standard error can be reported nowhere",
    );
}

/// Writes a text to standard error; on a terminal its lines are broken between words.
pub fn write_text(text: &str) {
    match terminal::stderr_width() {
        Some(width) => write_line(&wrap(text, usize::from(width))),
        None => write_line(text),
    }
}
