//! Text in XML: the characters that it can hold, and the ones that must be written as references.

use std::io::{self, Write};

/// True for a character that XML 1.0 can represent.
const fn is_valid(character: char) -> bool {
    matches!(
        character,
        '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}'
    )
}

/// True if XML 1.0 can represent each character of a text.
pub(crate) fn is_representable(text: &str) -> bool {
    text.chars().all(is_valid)
}

/// Writes a text or the value of an attribute. Line ends and tabs become references, because a reader replaces them by
/// blanks or other line ends otherwise.
pub(crate) fn write_escaped(out: &mut impl Write, text: &str) -> io::Result<()> {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\n', '\r', '\t']) {
        let (plain, special) = rest.split_at(at);
        out.write_all(plain.as_bytes())?;
        let reference = match special.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\n' => "&#10;",
            b'\r' => "&#13;",
            _ => "&#9;",
        };
        out.write_all(reference.as_bytes())?;
        rest = &special[1..];
    }
    out.write_all(rest.as_bytes())
}
