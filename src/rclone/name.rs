//! Names in rclone's encoding.
//!
//! rclone writes the names of all storages in one encoding (its `lib/encoder`, "standard"): control characters become control
//! pictures (`␊` for a line feed), and `‛` quotes a character that is a picture itself. Listings use it, and in a list of
//! files no encoded name contains a line break.

use std::path::{Path, PathBuf};

use crate::base::name::Name;

/// Picture of NUL. The pictures of the other control characters follow it.
const CONTROL_PICTURES: u32 = 0x2400;
const DEL_PICTURE: char = '\u{2421}';
/// Quotes a picture that is part of the name.
const QUOTE: char = '\u{201B}';
/// Encoded slash within a name on some storages, and encoded dot in the names `.` and `..`.
const FULLWIDTH: [char; 2] = ['\u{FF0F}', '\u{FF0E}'];

/// Returns the reason why rclone would take this path for another one; `None` if it would not.
pub fn unsupported_reason(path: &Path) -> Option<String> {
    let Some(text) = path.to_str() else {
        let why =
            "its name is not UTF-8, which this storage cannot keep: rename it or `exclude` it";
        return Some(why.to_owned());
    };
    let character = text.chars().find(|character| is_encoder_char(*character))?;
    Some(format!(
        "its name holds `{character}`, which this storage cannot keep: rename it or `exclude` it"
    ))
}

const fn is_encoder_char(character: char) -> bool {
    matches!(character, '\u{2400}'..='\u{2421}' | QUOTE)
        || character == FULLWIDTH[0]
        || character == FULLWIDTH[1]
}

/// Encoded paths of files. A path that cannot be encoded is left out, and so found missing.
pub(super) fn encoded_paths(files: &[PathBuf]) -> impl Iterator<Item = String> {
    files.iter().filter_map(|file| encode_path(file).ok())
}

pub(super) fn encode_path(path: &Path) -> Result<String, String> {
    if let Some(why) = unsupported_reason(path) {
        return Err(why);
    }
    let text = path.to_str().unwrap_or_default();
    Ok(text.chars().map(encode_char).collect())
}

fn encode_char(character: char) -> char {
    match character {
        '\0'..='\u{1f}' => {
            char::from_u32(CONTROL_PICTURES + u32::from(character)).unwrap_or(character)
        }
        '\u{7f}' => DEL_PICTURE,
        other => other,
    }
}

/// Decodes a name. A name with a quote stays encoded.
pub(super) fn decode_name(encoded: &str) -> Name {
    if encoded.contains(QUOTE) {
        return encoded.into();
    }
    let decoded: String = encoded.chars().map(decode_char).collect();
    decoded.as_str().into()
}

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
    fn control_characters_survive_encoding() {
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
    fn names_with_encoding_characters_are_refused() {
        for name in ["a\u{240a}b", "\u{201b}", "wide\u{ff0f}slash", "\u{ff0e}"] {
            assert!(unsupported_reason(Path::new(name)).is_some(), "{name}");
        }
        let bytes = Name::from_bytes(b"caf\xe9".to_vec());
        assert!(unsupported_reason(bytes.as_path()).is_some());
    }

    proptest! {
        #[test]
        fn every_supported_name_survives_encoding(name in "[^/\0]{1,20}") {
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
