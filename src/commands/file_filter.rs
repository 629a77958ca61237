//! Conditions on files, as they are written after the pattern of `find`: by size, by age, by the storages that have them, and by
//! place.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::snapshot::manifest::ManifestFile;

/// The words that begin a condition, with their help.
pub(crate) const FILTER_WORDS: [(&str, &str); 6] = [
    ("larger", "larger SIZE: more than this size"),
    ("smaller", "smaller SIZE: less than this size"),
    ("newer", "newer AGE: changed within this time"),
    ("older", "older AGE: not changed within this time"),
    ("only", "only on STORAGE: on no other storage"),
    ("in", "in WHERE: of a storage, category, client or project"),
];

/// The conditions of a line as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FilterWords {
    /// Bytes that files exceed.
    pub(super) larger: Option<u64>,
    /// Bytes that files fall below.
    pub(super) smaller: Option<u64>,
    /// Time within which files changed.
    pub(super) newer: Option<Duration>,
    /// Time within which files did not change.
    pub(super) older: Option<Duration>,
    /// Name of the storage that alone has the files.
    pub(super) only_on: Option<String>,
    /// Name of the place that the files are in.
    pub(super) place: Option<OsString>,
}

impl FilterWords {
    /// Parses the words after a pattern.
    ///
    /// # Errors
    /// A word that begins no condition; a condition without its value, with a malformed one, or given twice.
    pub(super) fn parse(words: &[OsString]) -> Result<Self> {
        let mut filter = Self::default();
        let mut rest = words;
        while let [keyword, after @ ..] = rest {
            rest = filter.add(keyword, after)?;
        }
        Ok(filter)
    }

    /// Adds the condition that begins with a word, and returns the words behind it.
    fn add<'w>(&mut self, keyword: &OsStr, after: &'w [OsString]) -> Result<&'w [OsString]> {
        let word = keyword.to_str().unwrap_or_default();
        let (value, rest) = match (word, after) {
            ("only", [on, value, rest @ ..]) if on == "on" => (value, rest),
            ("only", _) => return Err(missing_value("on STORAGE", word)),
            ("larger" | "smaller", []) => return Err(missing_value("SIZE", word)),
            ("newer" | "older", []) => return Err(missing_value("AGE", word)),
            ("in", []) => return Err(missing_value("WHERE", word)),
            ("larger" | "smaller" | "newer" | "older" | "in", [value, rest @ ..]) => (value, rest),
            _ => return Err(unexpected(keyword)),
        };
        let is_first = match word {
            "larger" => self.larger.replace(parse_size(value)?).is_none(),
            "smaller" => self.smaller.replace(parse_size(value)?).is_none(),
            "newer" => self.newer.replace(parse_age(value)?).is_none(),
            "older" => self.older.replace(parse_age(value)?).is_none(),
            "in" => self.place.replace(value.clone()).is_none(),
            _ => {
                let name = value.to_string_lossy().into_owned();
                self.only_on.replace(name).is_none()
            }
        };
        if is_first {
            Ok(rest)
        } else {
            Err(given_twice(keyword))
        }
    }

    /// Adds the conditions that were written as options.
    ///
    /// # Errors
    /// A condition that was given as a word, too.
    pub(super) fn with_options(
        mut self,
        larger: Option<u64>,
        newer: Option<Duration>,
    ) -> Result<Self> {
        if larger.is_some() && self.larger.is_some() {
            return Err(given_twice("larger".as_ref()));
        }
        if newer.is_some() && self.newer.is_some() {
            return Err(given_twice("newer".as_ref()));
        }
        self.larger = larger.or(self.larger);
        self.newer = newer.or(self.newer);
        Ok(self)
    }

    /// True if files of the place can be left out.
    pub(super) const fn has_conditions(&self) -> bool {
        self.larger.is_some()
            || self.smaller.is_some()
            || self.newer.is_some()
            || self.older.is_some()
            || self.only_on.is_some()
    }

    /// Returns the conditions on sizes and times, as of now.
    pub(super) fn file_filter(&self) -> FileFilter {
        FileFilter {
            above: self.larger,
            below: self.smaller,
            after: self.newer.map(Timestamp::at_age),
            before: self.older.map(Timestamp::at_age),
        }
    }
}

/// Conditions on size and time of a file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FileFilter {
    /// Bytes.
    above: Option<u64>,
    /// Bytes.
    below: Option<u64>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl FileFilter {
    /// True if size and time of a file match. An unknown time is neither before nor after another.
    pub(super) fn accepts(&self, file: &ManifestFile<'_>) -> bool {
        let is_known = file.modified != Timestamp::UNKNOWN;
        self.above.is_none_or(|bytes| file.bytes > bytes)
            && self.below.is_none_or(|bytes| file.bytes < bytes)
            && self.after.is_none_or(|time| file.modified > time)
            && self
                .before
                .is_none_or(|time| is_known && file.modified < time)
    }
}

fn parse_size(word: &OsStr) -> Result<u64> {
    let parsed = word.to_str().and_then(|text| unit::parse_bytes(text).ok());
    parsed.ok_or_else(|| Error::InvalidWord {
        noun: Noun::Size,
        word: word.into(),
        why: "a size is written as in `10GB` or `500k`",
    })
}

fn parse_age(word: &OsStr) -> Result<Duration> {
    let parsed = word
        .to_str()
        .and_then(|text| unit::parse_duration(text).ok());
    parsed.ok_or_else(|| Error::InvalidWord {
        noun: Noun::Age,
        word: word.into(),
        why: "an age is written as in `2d` or `12h`",
    })
}

fn given_twice(keyword: &OsStr) -> Error {
    Error::UnexpectedWord {
        word: keyword.into(),
        hint: "each condition is given once".to_owned(),
    }
}

fn missing_value(missing: &str, keyword: &str) -> Error {
    let help = FILTER_WORDS.iter().find(|(word, _)| *word == keyword);
    Error::MissingWords {
        missing: missing.to_owned(),
        hint: help.map(|(_, help)| (*help).to_owned()).unwrap_or_default(),
    }
}

fn unexpected(word: &OsStr) -> Error {
    let words = FILTER_WORDS.map(|(word, _)| format!("`{word}`"));
    Error::UnexpectedWord {
        word: word.into(),
        hint: format!(
            "quote a pattern with spaces; a condition after it begins with {}",
            words.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<FilterWords> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        FilterWords::parse(&words)
    }

    #[test]
    fn conditions_stand_in_any_order() {
        let filter = parse("older 2d in acme larger 10k only on NAS smaller 1G newer 30d").unwrap();
        assert_eq!(
            (filter.larger, filter.smaller),
            (Some(10_000), Some(1_000_000_000))
        );
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        assert_eq!((filter.older, filter.newer), (days(2), days(30)));
        assert_eq!(filter.only_on.as_deref(), Some("NAS"));
        assert_eq!(filter.place, Some("acme".into()));
        assert_eq!(parse("").unwrap(), FilterWords::default());
    }

    #[test]
    fn broken_conditions_are_refused() {
        for line in [
            "larger",
            "larger x",
            "only",
            "only NAS",
            "only on",
            "newer 1x",
            "in",
            "reel",
            "in a in b",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn condition_is_given_as_option_or_word() {
        let filter = || parse("larger 10 newer 2d").unwrap();
        let days = Some(Duration::from_secs(86_400));
        assert!(filter().with_options(Some(5), None).is_err());
        assert!(filter().with_options(None, days).is_err());
        assert_eq!(filter().with_options(None, None).unwrap(), filter());
        let filter = parse("smaller 10").unwrap();
        let filter = filter.with_options(Some(5), days).unwrap();
        assert_eq!((filter.larger, filter.newer), (Some(5), days));
    }

    #[test]
    fn files_are_compared_with_all_conditions() {
        let now = Timestamp::now();
        let file = |bytes, days: i64| {
            let modified = Timestamp {
                seconds: now.seconds - days * 86_400,
                ..now
            };
            ManifestFile::regular(b"reel", bytes, modified)
        };
        let filter = parse("larger 10 smaller 20 newer 5d older 1d")
            .unwrap()
            .file_filter();
        assert!(filter.accepts(&file(15, 3)));
        for (bytes, days) in [(10, 3), (20, 3), (15, 6), (15, 0)] {
            assert!(!filter.accepts(&file(bytes, days)), "{bytes} {days}");
        }
        let timeless = ManifestFile::regular(b"reel", 15, Timestamp::UNKNOWN);
        assert!(!parse("older 1d").unwrap().file_filter().accepts(&timeless));
    }
}
