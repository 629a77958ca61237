//! The typed line up to the cursor.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use crate::language::lexer::{Word, lex};

/// Words before the cursor, and the start and text of the word at the cursor.
#[derive(Debug)]
pub(in crate::shell) struct TypedLine {
    pub(in crate::shell) words: Vec<OsString>,
    pub(in crate::shell) word_start: usize,
    pub(in crate::shell) word: OsString,
}

impl TypedLine {
    pub(in crate::shell) fn parse(line: &str) -> Self {
        // A word with an open quote ends at the cursor.
        let mut closed = ["", "'", "\""].into_iter();
        let lexed = closed.find_map(|quote| lex(&format!("{line}{quote}")).ok());
        let mut words: Vec<Word> = lexed.unwrap_or_default();
        let current = words.pop_if(|word| word.span.end >= line.len());
        Self {
            word_start: current.as_ref().map_or(line.len(), |word| word.span.start),
            word: current.map(|word| word.text).unwrap_or_default(),
            words: words.into_iter().map(|word| word.text).collect(),
        }
    }

    /// Returns the part to complete: the text after the `=` of `--project=ac`, the text after the comma of `NAS,AR`. A
    /// comma-separated list is one word and is requoted as a whole.
    pub(super) fn completed_part(self, line: &str, delimited: bool) -> WordPart {
        let raw = line.get(self.word_start..).unwrap_or_default();
        if let Some(at) = raw.find('=').filter(|_| raw.starts_with("--")) {
            return WordPart {
                start: self.word_start + at + 1,
                prefix: OsString::new(),
                word: Self::parse(&raw[at + 1..]).word,
            };
        }
        let bytes = self.word.as_bytes();
        let comma = bytes
            .iter()
            .rposition(|byte| *byte == b',')
            .filter(|_| delimited);
        let (kept, word) = bytes.split_at(comma.map_or(0, |at| at + 1));
        WordPart {
            start: self.word_start,
            prefix: OsStr::from_bytes(kept).to_owned(),
            word: OsStr::from_bytes(word).to_owned(),
        }
    }
}

/// Part of a word to complete.
#[derive(Debug)]
pub(super) struct WordPart {
    /// Start of the replaced text.
    pub(super) start: usize,
    /// Text kept before it.
    pub(super) prefix: OsString,
    /// Text to complete.
    pub(super) word: OsString,
}
