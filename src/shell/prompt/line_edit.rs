//! A changed line and its cursor.

use rustyline::Changeset;
use rustyline::line_buffer::LineBuffer;

/// A line as it should become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LineEdit {
    pub(super) text: String,
    /// Position of the cursor in bytes.
    pub(super) cursor: usize,
}

impl LineEdit {
    pub(super) fn new(text: impl Into<String>, cursor: usize) -> Self {
        let text = text.into();
        Self { text, cursor }
    }

    /// Returns a line with its cursor at the end.
    pub(super) fn whole(text: impl Into<String>) -> Self {
        let text = text.into();
        let cursor = text.len();
        Self { text, cursor }
    }

    /// Returns the line with the text between `start` and the cursor replaced.
    pub(super) fn replace(line: &str, (start, cursor): (usize, usize), text: &str) -> Self {
        let before = line.get(..start).unwrap_or_default();
        let after = line.get(cursor..).unwrap_or_default();
        // The next word already has its blank.
        let text = match text.strip_suffix(' ') {
            Some(shorter) if after.starts_with(' ') => shorter,
            _ => text,
        };
        Self::new(format!("{before}{text}{after}"), start + text.len())
    }

    /// Changes the line as one step that can be undone.
    pub(super) fn apply(&self, line: &mut LineBuffer, changes: &mut Changeset) {
        if line.as_str() != self.text {
            line.replace(0..line.len(), &self.text, changes);
        }
        line.set_pos(self.cursor.min(line.len()));
    }
}
