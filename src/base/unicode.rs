//! Unicode normal forms and case folding of names, to find names that differ in spelling only.

use std::borrow::Cow;
use std::path::Path;

use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// Returns a name in composed form (NFC); one that is not UTF-8 stays as it is.
pub fn to_nfc(name: &[u8]) -> Cow<'_, [u8]> {
    if name.is_ascii() {
        return Cow::Borrowed(name);
    }
    match std::str::from_utf8(name) {
        Ok(text) if is_nfc_quick(text.chars()) != IsNormalized::Yes => {
            Cow::Owned(text.nfc().collect::<String>().into_bytes())
        }
        _ => Cow::Borrowed(name),
    }
}

/// Returns a name in decomposed form (NFD).
pub fn to_nfd(name: &str) -> String {
    name.nfd().collect()
}

/// Returns a name without its accents.
pub fn without_accents(name: &str) -> String {
    name.nfd()
        .filter(|letter| !is_combining_mark(*letter))
        .collect()
}

/// Returns a name in composed form and lower case.
pub fn fold_case(name: &[u8]) -> Cow<'_, [u8]> {
    let name = to_nfc(name);
    let lower = std::str::from_utf8(&name).map(str::to_lowercase);
    match lower {
        Ok(lower) if lower.as_bytes() != &*name => {
            // Lower case can produce letters that compose again.
            Cow::Owned(to_nfc(lower.as_bytes()).into_owned())
        }
        _ => name,
    }
}

/// Returns the key under which a name is found: without accents, in lower case.
pub fn search_key(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
    }
    let base_letters = name.nfd().filter(|letter| !is_accent(*letter));
    let mut key = String::with_capacity(name.len());
    // By way of the upper case, letters that ignoring case makes equal get one form: `ſ` and `s`, both kinds of `μ`.
    let folded = base_letters
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase);
    for letter in folded {
        match letter {
            'æ' => key.push_str("ae"),
            'œ' => key.push_str("oe"),
            'þ' => key.push_str("th"),
            'ø' => key.push('o'),
            'đ' | 'ð' => key.push('d'),
            'ł' => key.push('l'),
            _ if is_accent(letter) => {}
            _ => key.push(letter),
        }
    }
    Cow::Owned(key)
}

/// Returns the key under which a name of any bytes is found. Bytes that are not UTF-8 stay as they are.
pub fn search_key_of_bytes(name: &[u8]) -> Cow<'_, [u8]> {
    if name.is_ascii() && !name.iter().any(u8::is_ascii_uppercase) {
        return Cow::Borrowed(name);
    }
    let mut key = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        key.extend_from_slice(search_key(chunk.valid()).as_bytes());
        key.extend_from_slice(chunk.invalid());
    }
    Cow::Owned(key)
}

/// True for a mark of a search key that a normal form may exchange with its neighbors.
pub fn has_movable_mark(letter: char) -> bool {
    canonical_combining_class(letter) != 0 && !is_accent(letter)
}

/// True for combining diacritical marks and for variation selectors, but not for vowel signs, which are letters.
const fn is_accent(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}')
}

/// True if two paths differ in case or Unicode form only, or are equal.
pub fn is_respelled(a: &Path, b: &Path) -> bool {
    let [a, b] = [a, b].map(|path| fold_case(path.as_os_str().as_encoded_bytes()));
    a == b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_key_omits_accents_and_case() {
        for (name, key) in [
            ("acme/Spot", "acme/spot"),
            ("M\u{fc}ller", "muller"),
            ("Mu\u{308}ller", "muller"),
            ("CAFE\u{301}", "cafe"),
            ("Stra\u{df}e \u{141}\u{f3}d\u{17a}", "strasse lodz"),
            ("\u{130}zm\u{131}r \u{3c2}", "izmir \u{3c3}"),
            ("5\u{b5}m \u{17f}pot", "5\u{3bc}m spot"),
            ("\u{6771}\u{4eac}", "\u{6771}\u{4eac}"),
            ("\u{1f3ac} Reel", "\u{1f3ac} reel"),
            ("\u{2764}\u{fe0f}", "\u{2764}"),
            // A vowel sign is a letter of its own.
            ("\u{915}\u{93f}", "\u{915}\u{93f}"),
        ] {
            assert_eq!(search_key(name), key, "{name}");
        }
    }

    #[test]
    fn spellings_of_one_name_are_equal() {
        let (nfc, nfd) = ("Caf\u{e9}".as_bytes(), "Cafe\u{301}".as_bytes());
        assert_eq!(to_nfc(nfd), to_nfc(nfc));
        assert_eq!(&*to_nfc(nfc), nfc);
        assert_eq!(fold_case("CAFE\u{301}".as_bytes()), fold_case(nfc));
        assert_ne!(to_nfc(b"Plates"), to_nfc(b"plates"));
        assert_eq!(fold_case(b"Plates"), fold_case(b"plates"));
        for odd in [&b"\xff\xcc"[..], b"", b"plain"] {
            assert_eq!(&*to_nfc(odd), odd);
        }
        assert_eq!(to_nfd("\u{fc}"), "u\u{308}");
    }
}
