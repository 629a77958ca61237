//! CSV as RFC 4180 has it, with a heading line.

use super::answer::Records;
use super::cell::Cell;
use super::sink::failed;
use crate::base::error::Result;

/// Appends the records as CSV.
pub(super) fn lines(records: &Records, text: &mut Vec<u8>) -> Result<()> {
    headings(records.headings, text)?;
    records.rows.iter().try_for_each(|row| line(row, text))
}

/// Appends the heading line.
pub(super) fn headings(headings: &[&str], text: &mut Vec<u8>) -> Result<()> {
    append(&headings.iter().collect(), text)
}

/// Appends one row.
pub(super) fn line(row: &[Cell], text: &mut Vec<u8>) -> Result<()> {
    append(&row.iter().map(Cell::exact).collect(), text)
}

fn append(record: &csv::ByteRecord, text: &mut Vec<u8>) -> Result<()> {
    // A row at a time: the usual buffer would take longer to make than the row.
    let mut writer = csv::WriterBuilder::new()
        .buffer_capacity(1024)
        .from_writer(text);
    let written = writer.write_byte_record(record);
    written.map_err(|error| failed(error.into()))?;
    writer.flush().map_err(failed)
}
