//! Lines of tab-separated values without a heading, for `cut`, `sort` and `while read`.
//!
//! A tab, line feed, carriage return or backslash within a value is written `\t`, `\n`, `\r`, `\\`; all other bytes stand
//! as they are.

use super::answer::Records;

/// The records as lines.
pub(super) fn lines(records: &Records) -> Vec<u8> {
    let mut text = Vec::new();
    for row in &records.rows {
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
    text
}
