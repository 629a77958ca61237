//! The pattern of `find`: a glob for a whole name or path, or a part of one.
//!
//! Unless case matters, patterns and names are compared by their search keys, without case and accents.

mod text;

use std::borrow::Cow;
use std::str::from_utf8;

use globset::GlobBuilder;
use regex::bytes::{Regex, RegexBuilder};

use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::base::unicode::{fold_case, search_key_of_bytes, to_nfc};
use crate::index::NameQuery;
use crate::model::exclusion::nests_too_deep;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    matcher: Matcher,
    spelling: Spelling,
    query: Option<NameQuery>,
    is_glob: bool,
    matches_paths: bool,
}

/// The form in which texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// In composed form.
    Exact,
    /// As a search key, without case and accents.
    Folded,
}

impl Spelling {
    fn of(self, text: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Exact => to_nfc(text),
            Self::Folded => search_key_of_bytes(text),
        }
    }
}

#[derive(Clone, Debug)]
enum Matcher {
    /// A part of the text. Three times as fast as a glob.
    Substring(Regex),
    /// The whole text.
    Glob {
        /// Compares with texts in the spelling of the pattern.
        spelled: GlobMatcher,
        /// Compares with texts in lower case with accents: a search key has two letters for `ß`, and `?` stands for one.
        accented: Option<GlobMatcher>,
    },
}

/// `unicode` matches UTF-8 with letters outside ASCII, `bytes` matches all else.
#[derive(Clone, Debug)]
struct GlobMatcher {
    bytes: Regex,
    unicode: Regex,
}

impl GlobMatcher {
    fn is_match(&self, text: &[u8]) -> bool {
        let is_unicode = !text.is_ascii() && from_utf8(text).is_ok();
        if is_unicode {
            &self.unicode
        } else {
            &self.bytes
        }
        .is_match(text)
    }
}

impl Pattern {
    /// Parses a pattern as typed. An empty, malformed or too large one is an [`Error::InvalidWord`].
    pub fn parse(typed: &str, case_sensitive: bool) -> Result<Self> {
        let malformed = |why| Error::InvalidWord {
            noun: Noun::Pattern,
            word: typed.into(),
            why,
        };
        if typed.is_empty() {
            return Err(malformed("it is empty"));
        }
        let exact = to_text(&to_nfc(typed.as_bytes()));
        let folded = to_text(&search_key_of_bytes(typed.as_bytes()));
        // Nothing is left of a pattern of accents alone.
        let spelling = if case_sensitive || folded.is_empty() {
            Spelling::Exact
        } else {
            Spelling::Folded
        };
        let text = match spelling {
            Spelling::Exact => &exact,
            Spelling::Folded => &folded,
        };
        let matches_paths = typed.contains('/');
        let is_glob = typed.contains(['*', '?', '[', '{']);
        let matcher = if is_glob {
            let accented = to_text(&fold_case(typed.as_bytes()));
            let is_accented = spelling == Spelling::Folded && accented != *text;
            let glob = |text: &str| compile_glob(text, matches_paths, case_sensitive);
            glob(text).map(|spelled| Matcher::Glob {
                spelled,
                accented: if is_accented || text.contains('?') {
                    glob(&accented).filter(|_| spelling == Spelling::Folded)
                } else {
                    None
                },
            })
        } else {
            let mut builder = RegexBuilder::new(&regex::escape(text));
            builder.case_insensitive(!case_sensitive);
            builder.build().ok().map(Matcher::Substring)
        };
        let not_a_glob = "it is not a glob like `*.mov` or `sh0[12]*`; to find a sequence, use only the part of its name before the `[`";
        let texts = if is_glob {
            text::glob_texts(&exact, matches_paths)
        } else {
            Some(text::part_texts(&exact))
        };
        Ok(Self {
            matcher: matcher.ok_or_else(|| malformed(not_a_glob))?,
            spelling,
            query: texts.and_then(|texts| NameQuery::new(&texts)),
            is_glob,
            matches_paths,
        })
    }

    /// True if the pattern must match the whole text instead of a part.
    pub const fn is_glob(&self) -> bool {
        self.is_glob
    }

    /// True if the pattern is for paths below the category's folder, `CLIENT/PROJECT/...`, instead of names.
    pub const fn matches_paths(&self) -> bool {
        self.matches_paths
    }

    /// The letters that every match has; `None` if they are too few for the name index.
    pub const fn query(&self) -> Option<&NameQuery> {
        self.query.as_ref()
    }

    pub fn matches(&self, text: &[u8]) -> bool {
        if text.is_ascii() {
            // The expressions ignore case by themselves.
            return match &self.matcher {
                Matcher::Substring(pattern) => pattern.is_match(text),
                Matcher::Glob { spelled, .. } => spelled.bytes.is_match(text),
            };
        }
        let spelled_text = self.spelling.of(text);
        match &self.matcher {
            Matcher::Substring(pattern) => pattern.is_match(&spelled_text),
            Matcher::Glob { spelled, accented } => {
                spelled.is_match(&spelled_text)
                    || accented
                        .as_ref()
                        .is_some_and(|accented| accented.is_match(&fold_case(text)))
            }
        }
    }
}

fn to_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Compiles a glob; `None` if it is malformed or too large. `Glob::compile_matcher` would panic.
fn compile_glob(text: &str, matches_paths: bool, case_sensitive: bool) -> Option<GlobMatcher> {
    if nests_too_deep(text) {
        return None;
    }
    let mut builder = GlobBuilder::new(text);
    builder
        .case_insensitive(!case_sensitive)
        // In a path pattern, `*` stops at a slash.
        .literal_separator(matches_paths)
        .backslash_escape(true);
    let glob = builder.build().ok()?;
    let build = |pattern: &str| {
        let mut builder = RegexBuilder::new(pattern);
        builder.dot_matches_new_line(true).build().ok()
    };
    Some(GlobMatcher {
        bytes: build(glob.regex())?,
        unicode: build(&unicode_expression(glob.regex()))?,
    })
}

/// Converts a glob's regular expression from bytes to letters: the escaped bytes of a letter become the letter.
fn unicode_expression(expression: &str) -> String {
    let mut letters = String::new();
    let mut bytes = Vec::new();
    let mut rest = expression.trim_start_matches("(?-u)");
    loop {
        let byte = rest
            .strip_prefix("\\x")
            .and_then(|rest| u8::from_str_radix(rest.get(..2)?, 16).ok());
        if let Some(byte) = byte.filter(|byte| !byte.is_ascii()) {
            bytes.push(byte);
            rest = &rest[4..];
            continue;
        }
        letters.push_str(&String::from_utf8_lossy(&bytes));
        bytes.clear();
        let Some(letter) = rest.chars().next() else {
            return letters;
        };
        // Escaped letters stay escaped, backslashes too.
        let length = if letter == '\\' {
            1 + rest[1..].chars().next().map_or(0, char::len_utf8)
        } else {
            letter.len_utf8()
        };
        letters.push_str(&rest[..length]);
        rest = &rest[length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let pattern = Pattern::parse(pattern, false).unwrap();
        let name = path.rsplit('/').next().unwrap();
        pattern.matches(if pattern.matches_paths() { path } else { name }.as_bytes())
    }

    #[test]
    fn patterns_ignore_case_and_match_parts() {
        for pattern in [
            "reel",
            "REEL",
            "*.mov",
            "reel_0?.MOV",
            "{a,reel}*",
            "e/spot",
            "acme/*/plates/*",
            "acme/**/*.mov",
        ] {
            assert!(
                matches(pattern, "acme/spot/plates/reel_01.mov"),
                "{pattern}"
            );
        }
        for pattern in ["plates", "*.mo", "acme/*", "acme/*.mov", "reel.01"] {
            assert!(
                !matches(pattern, "acme/spot/plates/reel_01.mov"),
                "{pattern}"
            );
        }
        assert!(matches("ÉTÉ", "été.mov"));
        assert!(matches("É*[é]", "été") && matches("*.é?", "a.éé") && !matches("?", "éé"));
        assert!(matches("\u{e9}t?", "e\u{301}te\u{301}") && matches("e\u{301}", "\u{e9}te"));
    }

    #[test]
    fn case_sensitive_pattern_matches_case() {
        for pattern in ["Reel", "Reel*"] {
            let pattern = Pattern::parse(pattern, true).unwrap();
            assert!(pattern.matches(b"Reel.mov") && !pattern.matches(b"reel.mov"));
        }
    }

    #[test]
    fn patterns_match_non_utf8_names() {
        for pattern in ["caf", "caf*", "*.mov", "caf?.mov"] {
            let pattern = Pattern::parse(pattern, false).unwrap();
            assert!(pattern.matches(b"CAF\xe9.mov"), "{pattern:?}");
        }
        assert!(Pattern::parse("*", false).unwrap().matches(b"new\nline"));
    }

    #[test]
    fn a_broken_pattern_is_refused() {
        assert!(Pattern::parse("a[", false).is_err() && Pattern::parse("", false).is_err());
    }

    #[test]
    fn oversized_patterns_are_refused() {
        for levels in [33, 200, 20_000] {
            let braces = format!("{}b{}", "{a,".repeat(levels), "}".repeat(levels));
            assert!(Pattern::parse(&braces, false).is_err(), "{levels}");
        }
        assert!(matches("{a,{b,{c,reel}}}*", "acme/spot/reel_01.mov"));
        // A long pattern is compiled or refused, without a panic.
        for pattern in ["?", "[a-z]", "\u{e9}*"] {
            let _compiled = Pattern::parse(&pattern.repeat(20_000), false);
        }
    }
}
