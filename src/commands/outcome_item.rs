//! An item in the answer of `copy`, `sync` or `history RUN`: a file with its outcome.

use serde::Serialize;

use crate::base::error::Result;
use crate::base::escape::visible;
use crate::base::name::Name;
use crate::index::OutcomeKind;
use crate::output::cell::{Cell, Tone};
use crate::output::stream::{PageWriter, RowWriter};

/// Headings of the columns in rows of items.
pub(super) const HEADINGS: &[&str] = &["path", "outcome", "reason"];

/// A file with its outcome, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct OutcomeItem<'a> {
    pub(super) path: Name,
    pub(super) outcome: OutcomeKind,
    pub(super) reason: Option<&'a str>,
}

impl OutcomeItem<'_> {
    pub(super) fn write_line(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        lines.cells(vec![
            Cell::Styled(self.outcome.as_str().to_owned(), self.tone()),
            Cell::text(" "),
            Cell::from(&self.path),
            Cell::optional(self.reason, |reason| {
                // The text may come from another program and contain control characters.
                Cell::text(format!(": {}", visible(reason.as_bytes())))
            }),
        ])
    }

    pub(super) fn write_row(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        rows.row(&[
            Cell::from(&self.path),
            Cell::text(self.outcome.as_str()),
            Cell::optional(self.reason, Cell::text),
        ])
    }

    fn tone(&self) -> Tone {
        match self.outcome {
            OutcomeKind::Failed => Tone::Bad,
            OutcomeKind::Planned => Tone::Good,
            OutcomeKind::Copied if self.reason.is_none() => Tone::Good,
            _ => Tone::Warning,
        }
    }
}
