//! Sections of the page: words, a picture, tables.

use super::table::{MoreRows, TableView};
use crate::report::picture::Picture;

/// A section with a heading.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) leads: Vec<String>,
    pub(super) picture: Option<Picture>,
    pub(super) tables: Vec<TableView>,
    /// The parts left out after the last table, and the line that shows them.
    pub(super) note: Option<MoreRows>,
}

impl Section {
    pub(super) const fn new(id: &'static str, title: &'static str) -> Self {
        Self {
            id,
            title,
            leads: Vec::new(),
            picture: None,
            tables: Vec::new(),
            note: None,
        }
    }

    pub(super) fn lead(mut self, words: impl Into<String>) -> Self {
        self.leads.push(words.into());
        self
    }

    pub(super) fn picture(mut self, picture: Option<Picture>) -> Self {
        self.picture = picture;
        self
    }

    pub(super) fn table(mut self, table: TableView) -> Self {
        self.tables.push(table);
        self
    }

    pub(super) fn note(mut self, words: String, command: String) -> Self {
        self.note = Some(MoreRows {
            count: words,
            command,
        });
        self
    }
}
