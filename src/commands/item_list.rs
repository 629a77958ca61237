//! The files that a run handled, held in memory and listed folder by folder.

use std::path::{Path, PathBuf};

use super::outcome_item::{OutcomeList, split_item, write_line};
use super::outcome_sequence::{FolderItem, ItemVisitor};
use crate::base::error::Result;
use crate::index::OutcomeKind;
use crate::output::stream::PageWriter;

/// A file with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ListedItem {
    pub(super) path: PathBuf,
    pub(super) outcome: OutcomeKind,
    pub(super) reason: Option<String>,
    pub(super) bytes: Option<u64>,
}

/// Files with their outcomes, sorted by path.
#[derive(Clone, Debug, Default)]
pub(super) struct ItemList {
    items: Vec<ListedItem>,
    group_sequences: bool,
}

impl ItemList {
    pub(super) fn new(mut items: Vec<ListedItem>, group_sequences: bool) -> Self {
        items.sort();
        Self {
            items,
            group_sequences,
        }
    }

    /// Writes a line for each file or sequence.
    pub(super) fn write_lines(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        self.visit_items(self.group_sequences, &mut |folder, item| {
            if item.has_own_line() {
                write_line(lines, folder, item)
            } else {
                Ok(())
            }
        })
    }
}

impl OutcomeList for ItemList {
    fn visit_folders(
        &self,
        on_folder: &mut dyn FnMut(&Path, &ItemVisitor<'_>) -> Result<()>,
    ) -> Result<()> {
        let same_folder =
            |a: &ListedItem, b: &ListedItem| split_item(&a.path).0 == split_item(&b.path).0;
        for items in self.items.chunk_by(same_folder) {
            on_folder(split_item(&items[0].path).0, &|on_item| {
                items.iter().try_for_each(|item| {
                    on_item(&FolderItem {
                        name: split_item(&item.path).1,
                        outcome: item.outcome,
                        reason: item.reason.as_deref(),
                        bytes: item.bytes,
                    })
                })
            })?;
        }
        Ok(())
    }
}
