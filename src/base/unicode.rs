//! Names that are the same in another spelling: in another Unicode normal form, or in other cases.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// Returns a name in composed form (NFC); one that is not UTF-8 stays as it is.
pub fn composed(name: &[u8]) -> Cow<'_, [u8]> {
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
pub fn decomposed(name: &str) -> String {
    name.nfd().collect()
}

/// Returns a name in composed form and lower case.
pub fn folded(name: &[u8]) -> Cow<'_, [u8]> {
    let name = composed(name);
    let lower = std::str::from_utf8(&name).map(str::to_lowercase);
    match lower {
        Ok(lower) if lower.as_bytes() != &*name => {
            // A letter in lower case may be composed anew.
            Cow::Owned(composed(lower.as_bytes()).into_owned())
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal() {
        let (nfc, nfd) = ("Caf\u{e9}".as_bytes(), "Cafe\u{301}".as_bytes());
        assert_eq!(composed(nfd), composed(nfc));
        assert_eq!(&*composed(nfc), nfc);
        assert_eq!(folded("CAFE\u{301}".as_bytes()), folded(nfc));
        assert_ne!(composed(b"Plates"), composed(b"plates"));
        assert_eq!(folded(b"Plates"), folded(b"plates"));
        for odd in [&b"\xff\xcc"[..], b"", b"plain"] {
            assert_eq!(&*composed(odd), odd);
        }
        assert_eq!(decomposed("\u{fc}"), "u\u{308}");
    }
}
