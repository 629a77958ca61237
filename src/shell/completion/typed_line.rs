//! The line that is being typed, up to the cursor.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use crate::language::lexer::{Word, lex};

/// A line up to the cursor: the words before the one that is being typed, where that one starts, and what it is so far.
#[derive(Debug)]
pub(in crate::shell) struct TypedLine {
    pub(in crate::shell) words: Vec<OsString>,
    pub(in crate::shell) word_start: usize,
    pub(in crate::shell) word: OsString,
}

impl TypedLine {
    pub(in crate::shell) fn parse(line: &str) -> Self {
        // A word whose quote is still open ends at the cursor.
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

    /// The part that is completed: of `--project=ac` what follows the `=`, of `NAS,AR` what follows the comma. Such a list
    /// is one word, so that all of it is quoted anew.
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

/// What of a word is completed.
#[derive(Debug)]
pub(super) struct WordPart {
    /// Where what is replaced begins.
    pub(super) start: usize,
    /// What stays in front of it.
    pub(super) prefix: OsString,
    /// What is completed.
    pub(super) word: OsString,
}
