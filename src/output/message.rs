//! The one writer of standard error: errors, warnings, notices and hints.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use super::cell::Tone;
use super::color::{ColorChoice, paint};
use super::wrap::wrap;
use crate::base::error::Error;
use crate::base::ignore::ignore;
use crate::base::name::Name;
use crate::os::terminal;

/// Writer of messages. A message that cannot be written is lost: no other channel could report it.
#[derive(Clone, Copy, Debug)]
pub struct Messages {
    has_color: bool,
    is_quiet: bool,
}

impl Messages {
    /// Returns a writer. `quiet` leaves out notices.
    pub fn new(choice: ColorChoice, quiet: bool) -> Self {
        Self {
            has_color: choice.is_enabled(io::stderr().is_terminal()),
            is_quiet: quiet,
        }
    }

    /// Sets the color and returns true if that changes the output.
    pub fn set_color(&mut self, choice: ColorChoice) -> bool {
        let before = self.has_color;
        *self = Self::new(choice, self.is_quiet);
        before != self.has_color
    }

    /// True if only messages that need attention are written.
    pub const fn is_quiet(self) -> bool {
        self.is_quiet
    }

    /// Reports a failure outside of any line: `error: ...` and its hint.
    pub fn error(self, error: &Error) {
        self.write_labeled("error", Tone::Bad, &error.full_message());
        if let Some(hint) = error.hint() {
            self.hint(&hint);
        }
    }

    /// Reports one failed item of a run that continues.
    pub fn problem(self, error: &Error) {
        self.write_labeled("problem", Tone::Warning, &error.full_message());
        // An offline database needs no hint, unless another disk may be mounted in its place.
        if matches!(error, Error::Offline { cause, .. } if cause.may_be_right_disk())
            && let Some(hint) = error.hint()
        {
            self.hint(&hint);
        }
    }

    /// Writes `hint: ...`.
    pub fn hint(self, text: &str) {
        self.write_labeled("hint", Tone::Good, text);
    }

    /// Writes a message that `--quiet` leaves out.
    pub fn notice(self, text: &str) {
        if !self.is_quiet {
            write_text(text);
        }
    }

    /// Writes `warning: ...`, also under `--quiet`.
    pub fn warning(self, text: &str) {
        self.write_labeled("warning", Tone::Warning, text);
    }

    fn write_labeled(self, label: &str, tone: Tone, text: &str) {
        write_text(&format!("{}: {text}", self.painted(label, tone)));
    }

    /// Reports a damaged index and the path it was moved to.
    pub fn index_damaged(self, kept: &Path) {
        self.index_set_aside("was damaged", kept);
    }

    /// Reports an index of an older development version and the path it was moved to.
    pub fn index_outdated(self, kept: &Path) {
        self.index_set_aside("was written by an older development version", kept);
    }

    fn index_set_aside(self, why: &str, kept: &Path) {
        let moved_to = Name::from(kept);
        self.warning(&format!(
            "the index {why} and is set aside as `{moved_to}`; a new one was started, run `load` to fill it from the disks"
        ));
    }

    /// Returns the word, colored if standard error is.
    pub fn painted(self, word: &str, tone: Tone) -> String {
        if self.has_color {
            paint(word, tone)
        } else {
            word.to_owned()
        }
    }
}

/// Writes one line to standard error unchanged.
pub fn write_line(text: &str) {
    let mut line = text.to_owned();
    line.push('\n');
    ignore(
        io::stderr().write_all(line.as_bytes()),
        "a failure of standard error can be reported nowhere",
    );
}

/// Writes text to standard error. On a terminal its lines are broken between words.
pub fn write_text(text: &str) {
    match terminal::stderr_width() {
        Some(width) => write_line(&wrap(text, usize::from(width))),
        None => write_line(text),
    }
}
