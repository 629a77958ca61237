//! The answer of `history RUN`: the files of one run.

use std::path::{Path, PathBuf};

use super::row::RunRow;
use crate::base::error::Result;
use crate::base::unit;
use crate::commands::outcome_item::{HEADINGS, OutcomeList, split_item, write_line};
use crate::commands::outcome_sequence::{FolderItem, ItemVisitor};
use crate::index::{Index, OutcomeKind, ReadTransaction, RunFiles, RunId};
use crate::model::address;
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};

/// A run. Its items are read from the index while they are printed.
#[derive(Debug)]
pub(crate) struct RunItemsAnswer<'a> {
    index: &'a Index,
    /// Keeps the answer consistent while the run is still in progress.
    _snapshot: ReadTransaction<'a>,
    run: RunRow,
    group_sequences: bool,
}

impl<'a> RunItemsAnswer<'a> {
    pub(super) fn new(index: &'a Index, number: RunId, group_sequences: bool) -> Result<Self> {
        // Before the transaction: this may write that the run was interrupted.
        let run = index.run(number)?.into();
        Ok(Self {
            index,
            _snapshot: index.read_transaction()?,
            run,
            group_sequences,
        })
    }
}

/// Items of one folder that are held to be visited twice.
const MAX_HELD_ITEMS: usize = 10_000;

/// An item that was read from the index.
struct HeldItem {
    path: PathBuf,
    outcome: OutcomeKind,
    reason: Option<String>,
}

impl OutcomeList for RunItemsAnswer<'_> {
    /// Visits the folders of the listed items, then those of the copied files. A folder with many listed items is visited in
    /// parts.
    fn visit_folders(
        &self,
        on_folder: &mut dyn FnMut(&Path, &ItemVisitor<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut held: Vec<HeldItem> = Vec::new();
        self.index.visit_run_items(self.run.run, &mut |item| {
            let ends_folder = held.first().is_some_and(|first| {
                held.len() >= MAX_HELD_ITEMS || first.path.parent() != item.path.parent()
            });
            if ends_folder {
                visit_held(&held, on_folder)?;
                held.clear();
            }
            held.push(HeldItem {
                path: item.path.to_owned(),
                outcome: item.outcome,
                reason: item.reason.map(str::to_owned),
            });
            Ok(true)
        })?;
        visit_held(&held, on_folder)?;
        // What `heal` copied is listed as healed.
        if self.run.command == "heal" {
            return Ok(());
        }
        self.index.visit_run_files(self.run.run, &mut |folder| {
            let base = address::join(folder.root, folder.folder);
            on_folder(&base, &|on_item| visit_copied(folder, on_item))?;
            Ok(true)
        })
    }
}

fn visit_held(
    items: &[HeldItem],
    on_folder: &mut dyn FnMut(&Path, &ItemVisitor<'_>) -> Result<()>,
) -> Result<()> {
    let Some(first) = items.first() else {
        return Ok(());
    };
    on_folder(split_item(&first.path).0, &|on_item| {
        items.iter().try_for_each(|item| {
            on_item(&FolderItem {
                name: split_item(&item.path).1,
                outcome: item.outcome,
                reason: item.reason.as_deref(),
                bytes: None,
            })
        })
    })
}

fn visit_copied(
    folder: &RunFiles<'_>,
    on_item: &mut dyn FnMut(&FolderItem<'_>) -> Result<()>,
) -> Result<()> {
    let mut files = folder.files();
    while let Some(file) = files.next() {
        on_item(&FolderItem {
            name: file.name,
            outcome: OutcomeKind::Copied,
            reason: None,
            bytes: Some(file.bytes),
        })?;
    }
    Ok(())
}

impl Stream for RunItemsAnswer<'_> {
    const COMMAND: &'static str = "history";

    const HEADINGS: &'static [&'static str] = HEADINGS;

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        lines.cells(self.run.line(0))?;
        let (mut listed, mut unreached) = (0_u64, 0);
        self.visit_items(self.group_sequences, &mut |folder, item| {
            // Counted only, as in the answer of the run itself.
            if item.item.outcome == OutcomeKind::Unreached {
                unreached += 1;
                return Ok(());
            }
            listed += 1;
            if item.has_own_line() {
                write_line(lines, folder, item)
            } else {
                Ok(())
            }
        })?;
        match (listed, unreached) {
            (0, 0) => lines.line("no files were recorded for this run"),
            (_, 0) => Ok(()),
            _ => lines.line(format!(
                "not reached: {}",
                unit::format_counted(unreached, "item")
            )),
        }
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.write_item_rows(rows)
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        json.list("runs", |json| json.item(&self.run))?;
        self.write_item_lists(json, self.group_sequences)
    }
}
