//! The one writer of standard error: errors, warnings, notices and hints.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use super::cell::Tone;
use super::color::{ColorChoice, paint};
use super::json::document_line;
use super::message_document::MessageDocument;
pub use super::message_document::MessagePlace;
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
    /// Writes one JSON document for each message.
    is_json: bool,
}

impl Messages {
    /// Returns a writer. `quiet` leaves out notices.
    pub fn new(choice: ColorChoice, quiet: bool) -> Self {
        Self {
            has_color: choice.is_enabled(io::stderr().is_terminal()),
            is_quiet: quiet,
            is_json: false,
        }
    }

    /// Returns the same writer, for people or for programs.
    #[must_use]
    pub const fn with_json(mut self, json: bool) -> Self {
        self.is_json = json;
        self
    }

    /// True if messages are JSON documents.
    pub const fn is_json(self) -> bool {
        self.is_json
    }

    /// Sets color and format, and returns true if that changes the output.
    pub fn set_style(&mut self, choice: ColorChoice, json: bool) -> bool {
        let before = (self.has_color, self.is_json);
        *self = Self::new(choice, self.is_quiet).with_json(json);
        before != (self.has_color, self.is_json)
    }

    /// True if only messages that need attention are written.
    pub const fn is_quiet(self) -> bool {
        self.is_quiet
    }

    /// Reports a failure outside of any line: `error: ...` and its hint.
    pub fn error(self, error: &Error) {
        if self.is_json {
            return write_error_document(error, error.hint().as_deref(), None);
        }
        self.write_labeled("error", Tone::Bad, &error.full_message());
        if let Some(hint) = error.hint() {
            self.hint(&hint);
        }
    }

    /// Reports one failed item of a run that continues.
    pub fn problem(self, error: &Error) {
        if self.is_json {
            let (message, hint) = (error.full_message(), error.hint());
            let hint = hint.as_deref();
            let document = MessageDocument::of_error("problem", error, &message, hint, None);
            return write_line(&document_line(&document));
        }
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
            self.note(text);
        }
    }

    /// Writes a message that `--quiet` does not leave out, without a label.
    pub fn note(self, text: &str) {
        if self.is_json {
            write_document("notice", text);
        } else {
            write_text(text);
        }
    }

    /// Writes `warning: ...`, also under `--quiet`.
    pub fn warning(self, text: &str) {
        self.write_labeled("warning", Tone::Warning, text);
    }

    fn write_labeled(self, label: &'static str, tone: Tone, text: &str) {
        if self.is_json {
            return write_document(label, text);
        }
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

/// Reports an error as a JSON document.
pub fn write_error_document(error: &Error, hint: Option<&str>, place: Option<MessagePlace<'_>>) {
    let message = error.full_message();
    let document = MessageDocument::of_error("error", error, &message, hint, place);
    write_line(&document_line(&document));
}

fn write_document(level: &'static str, text: &str) {
    write_line(&document_line(&MessageDocument::plain(level, text)));
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
