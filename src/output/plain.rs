//! Tab-separated lines without a heading, for `cut`, `sort` and `while read`.
//!
//! A tab, line feed, carriage return or backslash in a value is written `\t`, `\n`, `\r` or `\\`; all other bytes are
//! unchanged.

use super::cell::Cell;

pub(super) fn append_row(row: &[Cell], text: &mut Vec<u8>) {
    for (column, cell) in row.iter().enumerate() {
        if column > 0 {
            text.push(b'\t');
        }
        for byte in cell.to_bytes() {
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
