//! Unicode normal forms and case folding of names, to find names that differ in spelling only.

use std::borrow::Cow;
use std::path::Path;

use unicode_normalization::char::is_combining_mark;
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

/// True if two paths differ in case or Unicode form only, or are equal.
pub fn is_respelled(a: &Path, b: &Path) -> bool {
    let [a, b] = [a, b].map(|path| fold_case(path.as_os_str().as_encoded_bytes()));
    a == b
}

#[cfg(test)]
mod tests {
    use super::*;

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
