//! What `find` looks for: a part of a name or path, or a glob for all of it.

use std::str::from_utf8;

use globset::{Glob, GlobBuilder};
use regex::bytes::{Regex, RegexBuilder};

use crate::base::error::{Error, Result};
use crate::base::unicode::to_nfc;
use crate::model::exclusion::nests_too_deep;

/// What a name or path is held against.
#[derive(Clone, Debug)]
pub struct Pattern {
    matcher: Matcher,
    is_glob: bool,
    matches_paths: bool,
}

#[derive(Clone, Debug)]
enum Matcher {
    /// A part of the name, found three times as fast as by a glob, and in whatever case of every script.
    Substring(Regex),
    /// The whole name: byte by byte, and letter by letter where it is UTF-8 and not plain ASCII.
    Glob { bytes: Regex, unicode: Regex },
}

impl Pattern {
    /// Reads a pattern as typed.
    ///
    /// # Errors
    /// `Error::MalformedManifest`.
    pub fn parse(typed: &str, case_sensitive: bool) -> Result<Self> {
        let malformed = |why| Error::InvalidWord {
            noun: "pattern",
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
                // Only in a glob that spells out a path does a star stop at a slash.
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
        let not_a_glob = "it is not a glob like `*.mov` or `sh0[12]*`; of a sequence the part before the `[` will do";
        Ok(Self {
            matcher: matcher.ok_or_else(|| malformed(not_a_glob))?,
            is_glob,
            matches_paths,
        })
    }

    /// Whether it must match the whole, not just a part.
    pub const fn is_glob(&self) -> bool {
        self.is_glob
    }

    /// Whether it is held against paths below the category's folder, `CLIENT/PROJECT/...`, instead of names.
    pub const fn matches_paths(&self) -> bool {
        self.matches_paths
    }

    /// Whether a name or path matches.
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

/// Compiles a glob; `None` where it is too large. The glob's own way to do so panics then.
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

/// A glob's expression, which is one of bytes, as one of letters: what stands for the bytes of a letter becomes the letter.
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
        // What is escaped stays so, also a backslash.
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
    fn names_match_by_glob_or_part_whatever_the_case() {
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
    fn case_counts_where_it_is_asked_for() {
        for pattern in ["Reel", "Reel*"] {
            let pattern = Pattern::parse(pattern, true).unwrap();
            assert!(pattern.matches(b"Reel.mov") && !pattern.matches(b"reel.mov"));
        }
    }

    #[test]
    fn names_of_any_bytes_match() {
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
    fn patterns_too_large_are_refused() {
        for levels in [33, 200, 20_000] {
            let braces = format!("{}b{}", "{a,".repeat(levels), "}".repeat(levels));
            assert!(Pattern::parse(&braces, false).is_err(), "{levels}");
        }
        assert!(matches("{a,{b,{c,reel}}}*", "acme/spot/reel_01.mov"));
        // However long, it is compiled or refused.
        for pattern in ["?", "[a-z]", "\u{e9}*"] {
            let _compiled = Pattern::parse(&pattern.repeat(20_000), false);
        }
    }
}
