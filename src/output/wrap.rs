//! Line breaks between words, for answers and messages on a terminal.

use unicode_width::UnicodeWidthStr;

/// Breaks lines longer than `limit` columns between words. A longer word keeps its own line.
pub fn wrap(text: &str, limit: usize) -> String {
    let lines = text.split('\n').map(|line| wrap_line(line, limit));
    lines.collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, limit: usize) -> String {
    if display_width(line) <= limit {
        return line.to_owned();
    }
    let mut wrapped = String::with_capacity(line.len() + 8);
    let mut column = 0;
    // Leading blanks are indentation and stay.
    for (place, part) in unbreakable_parts(line).into_iter().enumerate() {
        let width = display_width(part);
        let is_break = column > 0 && !part.is_empty() && column + 1 + width > limit;
        if is_break {
            // A blank before the break could start another row.
            wrapped.truncate(wrapped.trim_end_matches(' ').len());
            wrapped.push('\n');
        } else if place > 0 {
            wrapped.push(' ');
        }
        column = if is_break {
            width
        } else {
            column + usize::from(place > 0) + width
        };
        wrapped.push_str(part);
    }
    wrapped
}

/// Splits a line into words. A number and its unit form one part.
fn unbreakable_parts(line: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    let mut start = 0;
    for (at, _) in line.match_indices(' ').chain([(line.len(), "")]) {
        let ends_in_digit = line[start..at].ends_with(|letter: char| letter.is_ascii_digit());
        let unit = line[at..].split_whitespace().next().unwrap_or_default();
        // An age is one part too: `5 days ago`.
        let ends_age = unit.starts_with("ago") && is_number_with_unit(&line[start..at]);
        if !(ends_in_digit && is_unit(unit) || ends_age) {
            parts.push(&line[start..at]);
            start = at + 1;
        }
    }
    parts
}

/// True for a number with its unit.
fn is_number_with_unit(part: &str) -> bool {
    let unit = part.split_once(' ').map(|(_, unit)| unit);
    unit.is_some_and(is_unit)
}

/// True for a unit, with or without punctuation after it.
fn is_unit(word: &str) -> bool {
    const UNITS: [&str; 15] = [
        "B", "kB", "MB", "GB", "TB", "PB", "EB", "s", "min", "h", "d", "day", "days", "%", "files",
    ];
    let letters = word.split(|letter: char| !letter.is_ascii_alphabetic() && letter != '%');
    letters
        .into_iter()
        .next()
        .is_some_and(|word| UNITS.contains(&word))
}

/// Returns the number of rows that a text takes on a terminal of this many columns.
pub(super) fn rows_needed(text: &str, columns: u16) -> usize {
    let columns = usize::from(columns.max(1));
    let rows = |line: &str| display_width(line).div_ceil(columns).max(1);
    text.lines().map(rows).sum()
}

/// Returns the number of columns that a text takes. Color codes take none.
pub fn display_width(text: &str) -> usize {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().map_or(0, UnicodeWidthStr::width);
    let after = |part: &str| part.split_once('m').map_or(0, |(_, rest)| rest.width());
    first + parts.map(after).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::output::cell::Tone;
    use crate::output::color::paint;

    #[test]
    fn wide_lines_take_several_rows() {
        assert_eq!(rows_needed("", 10), 0);
        assert_eq!(rows_needed("a\n\nb\n", 10), 3);
        assert_eq!(rows_needed("0123456789\n0123456789a\n", 10), 3);
        assert_eq!(rows_needed("東京東京東京\n", 10), 2);
    }

    #[test]
    fn color_codes_take_no_columns() {
        let text = paint("0123456789", Tone::Good) + "\n";
        assert_eq!(rows_needed(&text.repeat(3), 10), 3);
    }

    #[test]
    fn lines_break_between_words() {
        for (text, limit, lines) in [
            ("one two three", 7, "one two\nthree"),
            ("one two three", 13, "one two three"),
            ("  indented text here", 12, "  indented\ntext here"),
            ("a /very/long/path b", 6, "a\n/very/long/path\nb"),
            ("first line\nx y", 5, "first\nline\nx y"),
            (
                "\u{1b}[31merror\u{1b}[0m: no name",
                9,
                "\u{1b}[31merror\u{1b}[0m: no\nname",
            ),
            ("東京 東京", 5, "東京\n東京"),
            ("shot.exr  24 files", 9, "shot.exr\n24 files"),
            ("size: 2 B in WORK", 7, "size:\n2 B in\nWORK"),
            (
                "took 3 min 5 s, at 1.20 GB/s",
                12,
                "took 3 min\n5 s, at\n1.20 GB/s",
            ),
        ] {
            assert_eq!(wrap(text, limit), lines);
        }
    }

    proptest! {
        #[test]
        fn wrapping_loses_no_text(text in "[ a-c\n]{0,40}", limit in 1..20_usize) {
            let wrapped = wrap(&text, limit);
            prop_assert!(wrapped.split_whitespace().eq(text.split_whitespace()));
            let is_long = |line: &&str| line.trim_end().len() > limit;
            // Only a single word may be longer.
            for line in wrapped.split('\n').filter(is_long) {
                prop_assert!(line.split_whitespace().count() < 2, "{:?}", line);
            }
        }
    }
}
