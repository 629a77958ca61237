//! Names as rclone writes them.
//!
//! rclone has one alphabet for all storages, in which control characters are pictures (`␊` for a line feed) and `‛` quotes
//! a character that is a picture itself (rclone's `lib/encoder`, "standard" encoding). A list of files in that alphabet
//! needs no line breaks within names, and listings come in it.

use std::path::Path;

use crate::base::name::Name;

/// The picture of NUL; those of the other control characters follow it.
const CONTROL_PICTURES: u32 = 0x2400;
/// The picture of DEL.
const DEL_PICTURE: char = '\u{2421}';
/// What quotes a picture that is meant as itself.
const QUOTE: char = '\u{201B}';
/// Stands for a slash within a name on some storages, and for a dot in names that are nothing else.
const FULLWIDTH: [char; 2] = ['\u{FF0F}', '\u{FF0E}'];

/// Why a path cannot be handed to rclone without being taken for another; `None` if it can.
pub fn unsupported_reason(path: &Path) -> Option<&'static str> {
    let Some(text) = path.to_str() else {
        return Some("its name is not UTF-8, which remotes cannot hold");
    };
    text.chars().any(is_encoder_char).then_some(
        "its name holds a character that rclone uses to write others, which remotes give back as another name",
    )
}

/// Whether a character means something else in rclone's alphabet.
const fn is_encoder_char(character: char) -> bool {
    matches!(character, '\u{2400}'..='\u{2421}' | QUOTE)
        || character == FULLWIDTH[0]
        || character == FULLWIDTH[1]
}

/// A path as rclone writes it.
pub(super) fn encode_path(path: &Path) -> Result<String, &'static str> {
    if let Some(why) = unsupported_reason(path) {
        return Err(why);
    }
    let text = path.to_str().unwrap_or_default();
    Ok(text.chars().map(encode_char).collect())
}

/// A control character as its picture.
fn encode_char(character: char) -> char {
    match character {
        '\0'..='\u{1f}' => {
            char::from_u32(CONTROL_PICTURES + u32::from(character)).unwrap_or(character)
        }
        '\u{7f}' => DEL_PICTURE,
        other => other,
    }
}

/// The name that rclone wrote, as a file system holds it; names with a quote in them stay as they were written.
pub(super) fn decode_name(encoded: &str) -> Name {
    if encoded.contains(QUOTE) {
        return encoded.into();
    }
    let decoded: String = encoded.chars().map(decode_char).collect();
    decoded.as_str().into()
}

/// A picture as the control character that it stands for.
fn decode_char(character: char) -> char {
    match character {
        '\u{2400}'..='\u{241f}' => {
            char::from_u32(u32::from(character) - CONTROL_PICTURES).unwrap_or(character)
        }
        DEL_PICTURE => '\u{7f}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_become_pictures_and_come_back() {
        for (name, written) in [
            ("new\nline", "new\u{240a}line"),
            ("cr\r", "cr\u{240d}"),
            ("del\u{7f}", "del\u{2421}"),
            ("# plain; ' \"", "# plain; ' \""),
        ] {
            assert_eq!(encode_path(Path::new(name)).unwrap(), written);
            assert_eq!(decode_name(written), Name::from(name));
        }
    }

    #[test]
    fn names_in_rclones_own_alphabet_are_refused() {
        for name in ["a\u{240a}b", "\u{201b}", "wide\u{ff0f}slash", "\u{ff0e}"] {
            assert!(unsupported_reason(Path::new(name)).is_some(), "{name}");
        }
        let bytes = Name::from_bytes(b"caf\xe9".to_vec());
        assert!(unsupported_reason(bytes.as_path()).is_some());
    }

    proptest! {
        #[test]
        fn every_name_that_is_sent_comes_back(name in "[^/\0]{1,20}") {
            let path = Path::new(&name);
            if unsupported_reason(path).is_none() {
                let written = encode_path(path).unwrap();
                let is_plain = |c: char| c >= ' ' && c != char::from(0x7f);
                prop_assert!(written.chars().all(is_plain));
                prop_assert_eq!(decode_name(&written), Name::from(name.as_str()));
            }
        }
    }
}
