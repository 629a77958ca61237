//! The results of a copy at each of its destinations.

use serde::Serialize;

use super::answer::{CopyAnswer, count_cells};
use crate::base::error::Result;
use crate::base::unit;
use crate::copy::report::DestinationResult;
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::PageWriter;

/// The result at one destination, as JSON.
#[derive(Debug, Serialize)]
struct DestinationItem<'a> {
    name: &'a str,
    files: u64,
    bytes: u64,
    same_files: u64,
    conflict_files: u64,
    failed_files: u64,
    refused_files: u64,
    copied_from: Vec<RelayItem<'a>>,
    error: Option<&'a str>,
}

/// The copies that were made from another destination, as JSON.
#[derive(Debug, Serialize)]
struct RelayItem<'a> {
    database: &'a str,
    files: u64,
    bytes: u64,
}

impl<'a> From<&'a DestinationResult> for DestinationItem<'a> {
    fn from(result: &'a DestinationResult) -> Self {
        Self {
            name: &result.name,
            files: result.files,
            bytes: result.bytes,
            same_files: result.same_files,
            conflict_files: result.conflict_files,
            failed_files: result.failed_files,
            refused_files: result.refused_files,
            copied_from: relays(result).collect(),
            error: result.error.as_deref(),
        }
    }
}

fn relays(result: &DestinationResult) -> impl Iterator<Item = RelayItem<'_>> {
    let relayed = result.relayed.iter();
    relayed.map(|(database, &(files, bytes))| RelayItem {
        database,
        files,
        bytes,
    })
}

/// Writes how much was copied from other destinations instead of the source.
fn write_relays(result: &DestinationResult, lines: &mut PageWriter<'_>) -> Result<()> {
    relays(result).try_for_each(|relay| {
        let files = unit::format_counted(relay.files, "file");
        let bytes = unit::format_bytes(relay.bytes);
        let (name, from) = (&result.name, relay.database);
        lines.line(format!(
            "of these, {name} got {files}, {bytes} from {from}, where they are verified: the source is read once"
        ))
    })
}

impl CopyAnswer {
    /// Writes a line for each of several destinations.
    pub(super) fn write_destinations(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let destinations = &self.finished.report.destinations;
        if destinations.len() < 2 {
            return Ok(());
        }
        destinations.iter().try_for_each(|result| {
            let mut cells = vec![Cell::from(&*result.name), Cell::text(": ")];
            if result.error.is_some() && result.files == 0 {
                cells.push(Cell::Styled("failed".to_owned(), Tone::Bad));
                return lines.cells(cells);
            }
            let files = unit::format_counted(result.files, "file");
            let bytes = unit::format_bytes(result.bytes);
            cells.push(Cell::text(format!("{files}, {bytes}")));
            for (number, words, tone) in [
                (result.same_files, "already there", Tone::Good),
                (result.conflict_files, "in conflict", Tone::Warning),
                (result.failed_files, "failed", Tone::Bad),
                (result.refused_files, "refused", Tone::Warning),
            ] {
                cells.extend(count_cells(number, words, tone));
            }
            lines.cells(cells)?;
            write_relays(result, lines)
        })
    }

    /// Writes what was left in place at each destination.
    pub(super) fn write_conflicts(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        for result in &self.finished.report.destinations {
            let files = match result.conflict_files {
                0 => continue,
                1 => "1 file that is not older there; `--overwrite` replaces it and keeps the old one"
                    .to_owned(),
                many => format!(
                    "{} files that are not older there; `--overwrite` replaces them and keeps the old ones",
                    unit::format_count(many)
                ),
            };
            lines.line(format!("left as they are on {}: {files}", result.name))?;
        }
        Ok(())
    }

    /// Writes the result at each destination as a JSON list.
    pub(super) fn write_json_destinations(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        json.list("destinations", |json| {
            let mut results = self.finished.report.destinations.iter();
            results.try_for_each(|result| json.item(&DestinationItem::from(result)))
        })
    }
}
