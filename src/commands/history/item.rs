//! The answer of `history RUN`: the files of one run.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::row::{RunRow, TABLE_HEADINGS};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::unit;
use crate::commands::outcome_item::{HEADINGS, OutcomeItem};
use crate::index::{Index, OutcomeKind, ReadTransaction, RunId};
use crate::model::address;
use crate::output::json::JsonWriter;
use crate::output::page::Page;
use crate::output::stream::{PageWriter, RowWriter, Stream};

/// A run. Its items are read from the index while they are printed.
#[derive(Debug)]
pub(crate) struct RunItemsAnswer<'a> {
    index: &'a Index,
    /// Keeps the answer consistent while the run is still in progress.
    _snapshot: ReadTransaction<'a>,
    run: RunRow,
}

impl<'a> RunItemsAnswer<'a> {
    pub(super) fn new(index: &'a Index, number: RunId) -> Result<Self> {
        // Before the transaction: this may write that the run was interrupted.
        let run = index.run(number)?.into();
        Ok(Self {
            index,
            _snapshot: index.read_transaction()?,
            run,
        })
    }

    /// Visits all files: first the listed items, then the copied files.
    fn visit_items(&self, on_item: &mut dyn FnMut(&OutcomeItem<'_>) -> Result<()>) -> Result<()> {
        self.index.visit_run_items(self.run.run, &mut |item| {
            on_item(&OutcomeItem {
                path: Name::from(item.path),
                outcome: item.outcome,
                reason: item.reason,
            })?;
            Ok(true)
        })?;
        self.index.visit_run_files(self.run.run, &mut |folder| {
            let base = address::join(folder.root, folder.folder);
            let mut files = folder.files();
            while let Some(file) = files.next() {
                on_item(&OutcomeItem {
                    path: base.join(Path::new(OsStr::from_bytes(file.name))).into(),
                    outcome: OutcomeKind::Copied,
                    reason: None,
                })?;
            }
            Ok(true)
        })
    }
}

impl Stream for RunItemsAnswer<'_> {
    const COMMAND: &'static str = "history";

    const HEADINGS: &'static [&'static str] = HEADINGS;

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let mut page = Page::default();
        page.table(TABLE_HEADINGS, vec![self.run.table_row()]);
        lines.page(&page)?;
        let (mut listed, mut unreached) = (0_u64, 0);
        self.visit_items(&mut |item| {
            // Counted only, as in the answer of the run itself.
            if item.outcome == OutcomeKind::Unreached {
                unreached += 1;
                return Ok(());
            }
            listed += 1;
            item.write_line(lines)
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
        self.visit_items(&mut |item| item.write_row(rows))
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        json.list("runs", |json| json.item(&self.run))?;
        json.list("items", |json| {
            self.visit_items(&mut |item| json.item(item))
        })
    }
}
