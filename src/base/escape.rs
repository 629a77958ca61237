//! Escapes for control characters, direction marks and invalid UTF-8, so that a file name can never control a terminal.

use std::fmt::Write as _;

/// True for characters that move the cursor, begin an escape sequence or reorder the text around them.
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200e}' | '\u{200f}' | '\u{061c}'          // direction marks
            | '\u{202a}'..='\u{202e}'                      // embeddings and overrides
            | '\u{2066}'..='\u{2069}'                      // isolates
            | '\u{2028}' | '\u{2029}'                      // line and paragraph separators
            | '\u{feff}'                                    // zero-width no-break space
        )
}

/// Appends one unsafe character as a quoted word spells it: `\n`, `\x1b`, `\u{202e}`.
fn escape_character(character: char, text: &mut String) {
    match character {
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        c if u32::from(c) < 0x80 => push(text, format_args!("\\x{:02x}", u32::from(c))),
        c => push(text, format_args!("\\u{{{:x}}}", u32::from(c))),
    }
}

/// Appends formatted text. Writing to a `String` cannot fail.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    if text.write_fmt(arguments).is_err() {
        text.push('\u{fffd}');
    }
}

/// Returns a name as one line of safe text: unsafe characters and invalid UTF-8 are escaped.
pub fn visible(bytes: &[u8]) -> String {
    escape_where(bytes, is_unsafe)
}

/// Returns a name in which line breaks, tabs and invalid UTF-8 are escaped, for tables in a file or pipe.
pub fn single_line(bytes: &[u8]) -> String {
    escape_where(bytes, |character| matches!(character, '\n' | '\r' | '\t'))
}

fn escape_where(bytes: &[u8], is_escaped: impl Fn(char) -> bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_escaped(character) {
                escape_character(character, &mut text);
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            push(&mut text, format_args!("\\x{byte:02x}"));
        }
    }
    text
}

/// Escapes lines for programs that are printed on a terminal: only tabs and line feeds stay as they are.
pub fn escape_lines(lines: &[u8]) -> String {
    let is_kept = |byte: &u8| matches!(byte, b'\t' | b'\n');
    lines
        .split_inclusive(is_kept)
        .fold(String::with_capacity(lines.len()), |mut text, part| {
            let end = part.len() - usize::from(part.last().is_some_and(is_kept));
            text.push_str(&visible(&part[..end]));
            text.extend(part[end..].iter().map(|byte| char::from(*byte)));
            text
        })
}

/// Escapes every unsafe character of a JSON document as JSON does; the value of the document stays the same.
pub fn escape_json(document: &str) -> String {
    let mut text = String::with_capacity(document.len());
    for character in document.chars() {
        if is_unsafe(character) && character != '\n' {
            push(&mut text, format_args!("\\u{:04x}", u32::from(character)));
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_direction_marks_become_visible() {
        assert_eq!(visible(b"a\x1b[31mb"), "a\\x1b[31mb");
        assert_eq!(visible("x\u{202e}y".as_bytes()), "x\\u{202e}y");
        assert_eq!(visible(b"one\ntwo\tthree"), "one\\ntwo\\tthree");
        assert_eq!(visible(b"caf\xe9"), "caf\\xe9");
        assert_eq!(visible("東京 é".as_bytes()), "東京 é");
    }

    #[test]
    fn single_line_keeps_other_control_characters() {
        assert_eq!(single_line(b"a\x1b[31m\nb"), "a\x1b[31m\\nb");
    }

    #[test]
    fn terminal_output_escapes_control_characters() {
        let lines = "a\x1b[1m\tb\u{202e}\r\nc\n".as_bytes();
        assert_eq!(escape_lines(lines), "a\\x1b[1m\tb\\u{202e}\\r\nc\n");
        assert_eq!(escape_json("[\"\u{202e}\"]\n"), "[\"\\u202e\"]\n");
    }
}
