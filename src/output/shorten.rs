//! Shortening of names and paths for a column: `…` replaces the middle.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Replacement of the omitted part, one column wide.
const ELLIPSIS: &str = "…";

/// Shortens the text to `limit` columns. Keeps the last part of a path whole if it fits.
pub fn shorten(text: &str, limit: usize) -> String {
    if text.width() <= limit {
        return text.to_owned();
    }
    let Some(room) = limit.checked_sub(ELLIPSIS.width()) else {
        return String::new();
    };
    let letters = clusters(text);
    let tail_room = tail_width(text, room);
    let end = count_fitting(letters.iter().rev().copied(), tail_room);
    // If a wide character did not fit at the end, the beginning gets its room.
    let left = room - width(&letters[letters.len() - end..]);
    let mut start = count_fitting(letters.iter().copied(), left).min(letters.len() - end);
    loop {
        let (head, tail) = (&letters[..start], &letters[letters.len() - end..]);
        let short = [head, &[ELLIPSIS], tail].concat().concat();
        // Characters may have another width next to each other.
        if short.width() <= limit || start == 0 {
            return short;
        }
        start -= 1;
    }
}

/// Returns the width of the end: half of the room, or the last part of a path.
fn tail_width(text: &str, room: usize) -> usize {
    let half = room.div_ceil(2);
    let trimmed = text.trim_end_matches('/');
    let last = trimmed.rfind('/').map_or(0, |slash| text[slash..].width());
    if last <= room { last.max(half) } else { half }
}

/// Returns the characters with their combining marks.
fn clusters(text: &str) -> Vec<&str> {
    let mut letters = Vec::new();
    let mut start = 0;
    for (place, character) in text.char_indices().skip(1) {
        let is_mark = character.width().unwrap_or_default() == 0;
        if !is_mark {
            letters.push(&text[start..place]);
            start = place;
        }
    }
    letters.push(&text[start..]);
    letters
}

/// Returns the number of letters that fit.
fn count_fitting<'a>(letters: impl Iterator<Item = &'a str>, room: usize) -> usize {
    let widths = letters.scan(0, |sum, letter| {
        *sum += letter.width();
        Some(*sum)
    });
    widths.take_while(|sum| *sum <= room).count()
}

fn width(letters: &[&str]) -> usize {
    letters.iter().map(|letter| letter.width()).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fitting_text_is_unchanged() {
        assert_eq!(shorten("", 0), "");
        assert_eq!(shorten("reel.mov", 8), "reel.mov");
        assert_eq!(shorten("東京", 4), "東京");
    }

    #[test]
    fn both_ends_are_kept() {
        assert_eq!(shorten("abcdefghij", 7), "abc…hij");
        assert_eq!(shorten("abcdefghij", 6), "ab…hij");
        assert_eq!(shorten("abcdefghij", 2), "…j");
        assert_eq!(shorten("abcdefghij", 1), "…");
        assert_eq!(shorten("abcdefghij", 0), "");
    }

    #[test]
    fn last_part_of_path_stays_whole() {
        let path = "/mnt/studio/work/projects/spot/sh010_final.mov";
        assert_eq!(shorten(path, 24), "/mnt/st…/sh010_final.mov");
        assert_eq!(shorten(path, 17), "…/sh010_final.mov");
        assert_eq!(shorten(path, 12), "/mnt/…al.mov");
        assert_eq!(shorten("/mnt/studio/acme/spot/", 12), "/mnt/…/spot/");
    }

    #[test]
    fn combining_marks_stay_with_their_letter() {
        // Half of a wide character cannot be shown.
        assert_eq!(shorten("東京東京東京", 6), "東…京");
        assert_eq!(shorten("東京東京東京", 7), "東京…京");
        // Combining marks stay with their letter or are dropped with it.
        let marked = "e\u{301}".repeat(10);
        assert_eq!(shorten(&marked, 4), "e\u{301}…e\u{301}e\u{301}");
        // A character that a selector makes wide counts as wide.
        let heart = "\u{2764}\u{fe0f}";
        assert_eq!(shorten(&heart.repeat(5), 5), format!("{heart}…{heart}"));
    }

    proptest! {
        #[test]
        fn no_result_exceeds_limit(text in "\\PC{0,60}", limit in 0_usize..80) {
            prop_assert!(shorten(&text, limit).width() <= limit);
        }

        #[test]
        fn joined_characters_do_not_exceed_limit(
            text in "[a/é東\u{301}\u{200d}\u{fe0f}\u{fe0e}\u{20e3}1❤😀\u{1f1e6}\u{1f3fb}لا]{0,30}",
            limit in 0_usize..40,
        ) {
            let short = shorten(&text, limit);
            prop_assert!(short.width() <= limit);
            prop_assert!(text.width() > limit || short == text);
        }
    }
}
