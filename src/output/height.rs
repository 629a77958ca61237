//! How many rows of a terminal a text takes.

use unicode_width::UnicodeWidthStr as _;

/// Where a colour begins or ends.
const ESCAPE: char = '\u{1b}';

/// Rows of a terminal with so many columns; a line that is wider goes on in the next row.
pub(super) fn rows_needed(text: &str, columns: u16) -> usize {
    let columns = usize::from(columns.max(1));
    let rows = |line: &str| strip_color(line).width().div_ceil(columns).max(1);
    text.lines().map(rows).sum()
}

/// The line without its colours, which take no room.
fn strip_color(line: &str) -> String {
    let mut parts = line.split(ESCAPE);
    let first = parts.next().unwrap_or_default().to_owned();
    let rests = parts.map(|part| part.split_once('m').map_or(part, |(_, rest)| rest));
    rests.fold(first, |text, rest| text + rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::cell::Tone;
    use crate::output::color::paint;

    #[test]
    fn every_line_takes_a_row_and_a_wide_one_more() {
        assert_eq!(rows_needed("", 10), 0);
        assert_eq!(rows_needed("a\n\nb\n", 10), 3);
        assert_eq!(rows_needed("0123456789\n0123456789a\n", 10), 3);
        assert_eq!(rows_needed("東京東京東京\n", 10), 2);
    }

    #[test]
    fn colours_take_no_room() {
        let text = paint("0123456789", Tone::Good) + "\n";
        assert_eq!(rows_needed(&text.repeat(3), 10), 3);
    }
}
