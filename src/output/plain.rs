//! Lines of tab-separated values without a heading, for `cut`, `sort` and `while read`.
//!
//! A tab, line feed, carriage return or backslash within a value is written `\t`, `\n`, `\r`, `\\`; all other bytes stand
//! as they are.

use super::answer::Records;
use super::cell::Cell;

/// Appends the records as lines.
pub(super) fn lines(records: &Records, text: &mut Vec<u8>) {
    for row in &records.rows {
        line(row, text);
    }
}

/// Appends one row.
pub(super) fn line(row: &[Cell], text: &mut Vec<u8>) {
    for (place, cell) in row.iter().enumerate() {
        if place > 0 {
            text.push(b'\t');
        }
        for byte in cell.exact() {
            match byte {
                b'\t' => text.extend_from_slice(b"\\t"),
                b'\n' => text.extend_from_slice(b"\\n"),
                b'\r' => text.extend_from_slice(b"\\r"),
                b'\\' => text.extend_from_slice(b"\\\\"),
                byte => text.push(byte),
            }
        }
    }
    text.push(b'\n');
}
