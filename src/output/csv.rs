//! CSV with a heading line (RFC 4180).

use super::cell::Cell;
use super::sink::output_error;
use crate::base::error::Result;

pub(super) fn append_headings(headings: &[&str], text: &mut Vec<u8>) -> Result<()> {
    append_record(&headings.iter().collect(), text)
}

pub(super) fn append_row(row: &[Cell], text: &mut Vec<u8>) -> Result<()> {
    append_record(&row.iter().map(Cell::to_bytes).collect(), text)
}

fn append_record(record: &csv::ByteRecord, text: &mut Vec<u8>) -> Result<()> {
    // One row at a time: allocating the default buffer takes longer than writing the row.
    let mut writer = csv::WriterBuilder::new()
        .buffer_capacity(1024)
        .from_writer(text);
    let written = writer.write_byte_record(record);
    written.map_err(|error| output_error(error.into()))?;
    writer.flush().map_err(output_error)
}
