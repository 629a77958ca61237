//! Values of rows: text that `PostgreSQL` can hold, and numbers that are never negative.

/// Longest text of a row, in bytes.
const MAX_TEXT: usize = 2000;

/// Returns a text that `PostgreSQL` can hold: without NUL, and not too long.
pub(super) fn storable(text: &str) -> String {
    let end = (0..=MAX_TEXT.min(text.len())).rfind(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or_default()].replace('\0', "\u{fffd}")
}

/// Returns a number of a row, at most what a row can hold.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Returns a number from a row, which another program may have made negative.
pub(super) fn read(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_no_nul_and_an_end() {
        assert_eq!(storable("a\0b"), "a\u{fffd}b");
        assert_eq!(storable(""), "");
        let long = format!("{}é", "x".repeat(MAX_TEXT - 1));
        assert_eq!(storable(&long), "x".repeat(MAX_TEXT - 1));
    }
}
