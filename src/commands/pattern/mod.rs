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
use crate::base::unicode::{search_key_of_bytes, to_nfc};
use crate::index::NameQuery;
use crate::model::exclusion::nests_too_deep;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    matcher: Matcher,
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

/// A pattern in each spelling.
struct Spellings {
    exact: String,
    folded: String,
}

impl Spellings {
    fn new(typed: &str) -> Self {
        let to_text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            exact: to_text(&to_nfc(typed.as_bytes())),
            folded: to_text(&search_key_of_bytes(typed.as_bytes())),
        }
    }

    /// Returns the spelling in which texts are compared first.
    fn main(&self, case_sensitive: bool) -> Spelling {
        // Nothing is left of a pattern of accents alone.
        if case_sensitive || self.folded.is_empty() {
            Spelling::Exact
        } else {
            Spelling::Folded
        }
    }

    fn of(&self, spelling: Spelling) -> &str {
        match spelling {
            Spelling::Exact => &self.exact,
            Spelling::Folded => &self.folded,
        }
    }
}

#[derive(Clone, Debug)]
enum Matcher {
    /// A part of the text. Three times as fast as a glob.
    Substring(Spelling, Regex),
    /// The whole text, in one of several forms.
    Glob(Vec<GlobForm>),
}

/// A glob as one spelling writes it.
#[derive(Clone, Debug)]
struct GlobForm {
    spelling: Spelling,
    /// False if another form is equal for texts in ASCII.
    is_for_ascii: bool,
    /// Matches UTF-8 with letters outside ASCII.
    unicode: Regex,
    /// Matches all else.
    bytes: Regex,
}

impl Matcher {
    /// Compiles a part of a name or path; `None` if it is too large.
    fn of_part(text: &Spellings, case_sensitive: bool) -> Option<Self> {
        let spelling = text.main(case_sensitive);
        let mut builder = RegexBuilder::new(&regex::escape(text.of(spelling)));
        builder.case_insensitive(!case_sensitive);
        builder
            .build()
            .ok()
            .map(|regex| Self::Substring(spelling, regex))
    }

    /// Compiles a glob; `None` if it is malformed or too large.
    ///
    /// Folding changes what wildcards mean: a search key has two letters for `ß`, where `?` stands for one, and `[a-å]` becomes
    /// `[a-a]`. Then the exact form matches too.
    fn of_glob(text: &Spellings, case_sensitive: bool, matches_paths: bool) -> Option<Self> {
        let main = text.main(case_sensitive);
        let compile = |spelling| {
            GlobForm::compile(text.of(spelling), spelling, matches_paths, case_sensitive)
        };
        let mut forms: Vec<GlobForm> = compile(main).into_iter().collect();
        let differs_in_ascii = !text.exact.is_ascii() || text.exact.contains('[');
        if main == Spelling::Folded && (differs_in_ascii || text.exact.contains('?')) {
            forms.extend(compile(Spelling::Exact).map(|form| GlobForm {
                is_for_ascii: differs_in_ascii,
                ..form
            }));
        }
        (!forms.is_empty()).then(|| Self::Glob(forms))
    }

    fn is_match(&self, text: &[u8]) -> bool {
        match self {
            // The expressions ignore case by themselves.
            Self::Substring(_, part) if text.is_ascii() => part.is_match(text),
            Self::Substring(spelling, part) => part.is_match(&spelling.of(text)),
            Self::Glob(forms) => forms.iter().any(|form| form.is_match(text)),
        }
    }
}

impl GlobForm {
    /// Compiles a glob; `None` if it is malformed or too large. `Glob::compile_matcher` would panic.
    fn compile(
        text: &str,
        spelling: Spelling,
        matches_paths: bool,
        case_sensitive: bool,
    ) -> Option<Self> {
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
        Some(Self {
            spelling,
            is_for_ascii: true,
            unicode: build(&unicode_expression(glob.regex()))?,
            bytes: build(glob.regex())?,
        })
    }

    fn is_match(&self, text: &[u8]) -> bool {
        if text.is_ascii() {
            return self.is_for_ascii && self.bytes.is_match(text);
        }
        let text = self.spelling.of(text);
        // A search key may be ASCII.
        if !text.is_ascii() && from_utf8(&text).is_ok() {
            self.unicode.is_match(&text)
        } else {
            self.bytes.is_match(&text)
        }
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
        let text = Spellings::new(typed);
        let matches_paths = typed.contains('/');
        let is_glob = typed.contains(['*', '?', '[', '{']);
        let (matcher, texts): (_, fn(&str, bool) -> _) = if is_glob {
            (
                Matcher::of_glob(&text, case_sensitive, matches_paths),
                text::glob_texts,
            )
        } else {
            (Matcher::of_part(&text, case_sensitive), |part, _| {
                Some(text::part_texts(part))
            })
        };
        let not_a_glob = "it is not a glob like `*.mov` or `sh0[12]*`; to find a sequence, use only the part of its name before the `[`";
        Ok(Self {
            matcher: matcher.ok_or_else(|| malformed(not_a_glob))?,
            query: texts(&text.exact, matches_paths).and_then(|texts| NameQuery::new(&texts)),
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

    /// True if a name, or a path below the category's folder, matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        self.matcher.is_match(text)
    }
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
    fn class_up_to_an_accent_has_the_letters_between() {
        for (pattern, name) in [
            ("[A-\u{c5}]*", "bil.mov"),
            ("shot_[a-\u{f6}].exr", "shot_z.exr"),
            ("[z-\u{e4}]*", "\u{e4}pple"),
            ("[Z-_]*", "_tmp"),
            ("caf[\u{e9}]*", "Cafe.mov"),
        ] {
            assert!(matches(pattern, name), "{pattern}");
        }
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
        for pattern in ["?", "[a-z]", "\u{e9}*", "{a}", "{a,b}"] {
            let _compiled = Pattern::parse(&pattern.repeat(20_000), false);
        }
    }
}
