//! Items in the answers of `copy`, `sync` and `history RUN`: files with their outcomes, folded into image sequences for
//! people.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Serialize;

use super::outcome_sequence::{
    FolderItem, GroupedItem, ItemVisitor, SequenceNumbers, visit_grouped,
};
use crate::base::error::Result;
use crate::base::escape::visible;
use crate::base::name::Name;
use crate::base::unit;
use crate::index::OutcomeKind;
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter};
use crate::snapshot::sequence::Sequence;

/// Headings of the columns in rows of items.
pub(super) const HEADINGS: &[&str] = &["path", "outcome", "reason"];

/// A file with its outcome, as JSON.
#[derive(Debug, Serialize)]
struct OutcomeItem<'a> {
    path: Name,
    outcome: OutcomeKind,
    reason: Option<&'a str>,
    /// The sequence that the file is a frame of, if any.
    sequence: Option<Name>,
}

/// A sequence of files with one outcome, as JSON.
#[derive(Debug, Serialize)]
struct OutcomeSequence<'a> {
    path: Name,
    outcome: OutcomeKind,
    reason: Option<String>,
    #[serde(flatten)]
    numbers: SequenceNumbers<'a>,
}

/// An answer that lists items, folder by folder.
pub(super) trait OutcomeList {
    /// Passes each folder and its items to `on_folder`.
    fn visit_folders(
        &self,
        on_folder: &mut dyn FnMut(&Path, &ItemVisitor<'_>) -> Result<()>,
    ) -> Result<()>;

    /// Visits each item, with the sequence that it belongs to if sequences are grouped.
    fn visit_items(
        &self,
        group_sequences: bool,
        on_item: &mut dyn FnMut(&Path, &GroupedItem<'_>) -> Result<()>,
    ) -> Result<()> {
        self.visit_folders(&mut |folder, items| {
            if group_sequences {
                return visit_grouped(items, &mut |item| on_item(folder, item));
            }
            items(&mut |item| on_item(folder, &GroupedItem::single(*item)))
        })
    }

    /// Writes a row for each file.
    fn write_item_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.visit_items(false, &mut |folder, item| {
            rows.row(&[
                Cell::Name(item.line_path(folder)),
                Cell::text(item.item.outcome.as_str()),
                Cell::optional(item.item.reason, Cell::text),
            ])
        })
    }

    /// Writes the files, and the sequences that they belong to, as JSON lists.
    fn write_item_lists(&self, json: &mut JsonWriter<'_>, group_sequences: bool) -> Result<()> {
        json.list("items", |json| {
            self.visit_items(group_sequences, &mut |folder, item| {
                json.item(&OutcomeItem {
                    path: GroupedItem::single(item.item).line_path(folder),
                    outcome: item.item.outcome,
                    reason: item.item.reason,
                    sequence: item.sequence.map(Sequence::pattern),
                })
            })
        })?;
        json.list("sequences", |json| {
            if !group_sequences {
                return Ok(());
            }
            self.visit_items(true, &mut |folder, item| {
                item.numbers().map_or(Ok(()), |numbers| {
                    json.item(&OutcomeSequence {
                        path: item.line_path(folder),
                        outcome: item.item.outcome,
                        reason: item.line_reason(),
                        numbers,
                    })
                })
            })
        })
    }
}

/// Splits a path into the folder and the name of an item.
pub(super) fn split_item(path: &Path) -> (&Path, &[u8]) {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => (folder, name.as_bytes()),
        _ => (Path::new(""), path.as_os_str().as_bytes()),
    }
}

/// Writes the line of an item or of its sequence: `planned /nas/sh.[1001-1240].exr  240 files  2.40 GB: add`.
pub(super) fn write_line(
    lines: &mut PageWriter<'_>,
    folder: &Path,
    item: &GroupedItem<'_>,
) -> Result<()> {
    let outcome = item.item.outcome;
    let mut cells = vec![
        Cell::Styled(label(outcome).to_owned(), tone(&item.item)),
        Cell::text(" "),
        Cell::Name(item.line_path(folder)),
    ];
    if let Some(sequence) = item.sequence {
        let files = unit::format_counted(sequence.files, "file");
        cells.push(Cell::text(format!("  {files}")));
        if let Some(bytes) = item.sequence_bytes() {
            cells.extend([Cell::text("  "), Cell::Bytes(bytes)]);
        }
        let gaps = sequence.describe_gaps("without");
        cells.extend(gaps.map(|words| Cell::Styled(format!("  {words}"), Tone::Warning)));
    }
    cells.push(Cell::optional(item.line_reason(), |reason| {
        // The text may come from another program and contain control characters.
        Cell::text(format!(": {}", visible(reason.as_bytes())))
    }));
    lines.cells(cells)
}

/// Returns the words for people.
const fn label(outcome: OutcomeKind) -> &'static str {
    match outcome {
        OutcomeKind::Moved => "renamed",
        OutcomeKind::Deleted => "moved to old versions",
        other => other.as_str(),
    }
}

const fn tone(item: &FolderItem<'_>) -> Tone {
    match item.outcome {
        OutcomeKind::Failed
        | OutcomeKind::Damaged
        | OutcomeKind::Missing
        | OutcomeKind::Unreadable => Tone::Bad,
        OutcomeKind::Healed | OutcomeKind::Planned | OutcomeKind::Restored => Tone::Good,
        OutcomeKind::Copied if item.reason.is_none() => Tone::Good,
        _ => Tone::Warning,
    }
}
