//! CSV as RFC 4180 has it, with a heading line.

use super::cell::Cell;
use super::sink::output_error;
use crate::base::error::Result;

/// Appends the heading line.
pub(super) fn append_headings(headings: &[&str], text: &mut Vec<u8>) -> Result<()> {
    append_record(&headings.iter().collect(), text)
}

/// Appends one row.
pub(super) fn append_row(row: &[Cell], text: &mut Vec<u8>) -> Result<()> {
    append_record(&row.iter().map(Cell::to_bytes).collect(), text)
}

fn append_record(record: &csv::ByteRecord, text: &mut Vec<u8>) -> Result<()> {
    // A row at a time: the usual buffer would take longer to make than the row.
    let mut writer = csv::WriterBuilder::new()
        .buffer_capacity(1024)
        .from_writer(text);
    let written = writer.write_byte_record(record);
    written.map_err(|error| output_error(error.into()))?;
    writer.flush().map_err(output_error)
}
