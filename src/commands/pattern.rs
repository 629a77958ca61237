//! The pattern of `find`: a glob for a whole name or path, or a part of one.

use std::str::from_utf8;

use globset::{Glob, GlobBuilder};
use regex::bytes::{Regex, RegexBuilder};

use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::base::unicode::to_nfc;
use crate::model::exclusion::nests_too_deep;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    matcher: Matcher,
    is_glob: bool,
    matches_paths: bool,
}

#[derive(Clone, Debug)]
enum Matcher {
    /// A part of the text. Three times as fast as a glob, and ignores case in every script.
    Substring(Regex),
    /// The whole text. `unicode` matches UTF-8 with letters outside ASCII, `bytes` matches all else.
    Glob { bytes: Regex, unicode: Regex },
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
        let composed = to_nfc(typed.as_bytes());
        let typed = &*String::from_utf8_lossy(&composed);
        let matches_paths = typed.contains('/');
        let is_glob = typed.contains(['*', '?', '[', '{']);
        let matcher = if is_glob {
            let mut builder = GlobBuilder::new(typed);
            builder
                .case_insensitive(!case_sensitive)
                // In a path pattern, `*` stops at a slash.
                .literal_separator(matches_paths)
                .backslash_escape(true);
            let glob = if nests_too_deep(typed) {
                None
            } else {
                builder.build().ok()
            };
            glob.and_then(|glob| compile_glob(&glob))
        } else {
            let mut builder = RegexBuilder::new(&regex::escape(typed));
            builder.case_insensitive(!case_sensitive);
            builder.build().ok().map(Matcher::Substring)
        };
        let not_a_glob = "it is not a glob like `*.mov` or `sh0[12]*`; to find a sequence, use only the part of its name before the `[`";
        Ok(Self {
            matcher: matcher.ok_or_else(|| malformed(not_a_glob))?,
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

    pub fn matches(&self, text: &[u8]) -> bool {
        let text = to_nfc(text);
        match &self.matcher {
            Matcher::Substring(pattern) => pattern.is_match(&text),
            Matcher::Glob {
                unicode: letters, ..
            } if !text.is_ascii() && from_utf8(&text).is_ok() => letters.is_match(&text),
            Matcher::Glob { bytes, .. } => bytes.is_match(&text),
        }
    }
}

/// Compiles a glob; `None` if it is too large. `Glob::compile_matcher` would panic.
fn compile_glob(glob: &Glob) -> Option<Matcher> {
    let build = |pattern: &str| {
        let mut builder = RegexBuilder::new(pattern);
        builder.dot_matches_new_line(true).build().ok()
    };
    let letters = build(&unicode_expression(glob.regex()));
    Some(Matcher::Glob {
        bytes: build(glob.regex())?,
        unicode: letters?,
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
