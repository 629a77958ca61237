//! CSV as RFC 4180 has it, with a heading line.

use super::answer::Records;

/// The records as CSV.
pub(super) fn lines(records: &Records) -> std::io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(records.headings)?;
    for row in &records.rows {
        writer.write_byte_record(&row.iter().map(super::cell::Cell::exact).collect())?;
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}
