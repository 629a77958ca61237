//! Entries of `rclone lsjson`: JSON objects, each on its own line, between brackets.
//!
//! Names come from outside and are checked here. A decoded path always lies below the requested folder.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::name;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListEntry<'a> {
    /// Path relative to the listed folder, in rclone's encoding.
    #[serde(borrow)]
    pub(super) path: Cow<'a, str>,
    /// Negative if the storage does not know the size.
    pub(super) size: i64,
    #[serde(default, borrow)]
    pub(super) mod_time: Cow<'a, str>,
    pub(super) is_dir: bool,
    /// The stated digests by their kinds, if they were requested.
    #[serde(default)]
    pub(super) hashes: BTreeMap<String, String>,
}

/// Decodes a path that is relative to `base`.
///
/// # Errors
/// A name in the path is empty, `.`, `..`, or contains a slash or NUL. The error is the decoded path before that name.
pub(super) fn decode_path_below(base: &Path, encoded: &str) -> Result<PathBuf, PathBuf> {
    let mut path = base.to_owned();
    for part in encoded.split('/') {
        let name = name::decode_name(part);
        let bytes = name.as_bytes();
        let is_wrong = matches!(bytes, b"" | b"." | b"..")
            || bytes.iter().any(|byte| matches!(byte, b'/' | b'\0'));
        if is_wrong {
            return Err(path);
        }
        path.push(name.as_path());
    }
    Ok(path)
}

/// Position in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ListPosition {
    #[default]
    Start,
    /// After the opening bracket or a comma.
    ExpectsEntry,
    /// After an entry without a comma.
    AfterEntry,
    /// After the closing bracket.
    End,
    /// After a line that is not part of a list.
    Invalid,
}

/// Parser of a list, line by line.
#[derive(Debug, Default)]
pub(super) struct ListParser {
    position: ListPosition,
    pub(super) entry_count: u64,
}

impl ListParser {
    /// Reads a line; returns the entry in it, if any.
    pub(super) fn parse_line<'a>(&mut self, line: &'a [u8]) -> Option<ListEntry<'a>> {
        let is_entry = !matches!(line, b"" | b"[" | b"]" | b",");
        let (position, entry) = match (self.position, line) {
            (ListPosition::Start, b"[") => (ListPosition::ExpectsEntry, None),
            (ListPosition::ExpectsEntry, b"]") if self.entry_count == 0 => {
                (ListPosition::End, None)
            }
            (ListPosition::AfterEntry, b"]") => (ListPosition::End, None),
            (ListPosition::ExpectsEntry, _) if is_entry => {
                let (text, position) = match line.strip_suffix(b",") {
                    Some(text) => (text, ListPosition::ExpectsEntry),
                    None => (line, ListPosition::AfterEntry),
                };
                match serde_json::from_slice(text) {
                    Ok(entry) => (position, Some(entry)),
                    Err(_) => (ListPosition::Invalid, None),
                }
            }
            (position, b"") => (position, None),
            _ => (ListPosition::Invalid, None),
        };
        self.position = position;
        self.entry_count += u64::from(entry.is_some());
        entry
    }

    /// True if the list can still become complete.
    pub(super) fn is_valid(&self) -> bool {
        self.position != ListPosition::Invalid
    }

    /// True if every line was readable and the closing bracket was seen.
    pub(super) fn is_complete(&self) -> bool {
        self.position == ListPosition::End
    }

    /// True if every line was readable and no comma announces a further entry.
    pub(super) fn is_well_formed(&self) -> bool {
        match self.position {
            ListPosition::Start | ListPosition::AfterEntry | ListPosition::End => true,
            ListPosition::ExpectsEntry => self.entry_count == 0,
            ListPosition::Invalid => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ListParser {
        let mut list = ListParser::default();
        for line in text.split('\n') {
            list.parse_line(line.as_bytes());
        }
        list
    }

    const ONE: &str = r#"{"Path":"a","Name":"a","Size":1,"ModTime":"","IsDir":false}"#;

    #[test]
    fn partial_lists_are_not_complete() {
        assert!(read("[\n]\n").is_complete());
        assert!(read(&format!("[\n{ONE}\n]\n")).is_complete());
        let two = read(&format!("[\n{ONE},\n{ONE}\n]\n"));
        assert!(two.is_complete() && two.entry_count == 2);
        for part in [
            String::new(),
            "[\n".to_owned(),
            format!("[\n{ONE}"),
            format!("[\n{ONE}\n"),
        ] {
            let list = read(&part);
            assert!(!list.is_complete() && list.is_well_formed(), "{part}");
        }
        for wrong in [
            "]".to_owned(),
            "garbage\n]\n".to_owned(),
            "[\ngarbage\n]\n".to_owned(),
            format!("{ONE}\n]\n"),
            format!("[\n{ONE},\n]\n"),
            format!("[\n{ONE},\n"),
            format!("[\n{ONE}\n{ONE}\n]\n"),
            format!("[\n{ONE}\n]\n]\n"),
            format!("[\n{}", &ONE[..30]),
            format!("[\n{ONE},\n{{\"Path\":\"a\"}}\n]\n"),
            format!("[\n{ONE},\n,\n{ONE}\n]\n"),
        ] {
            let list = read(&wrong);
            assert!(!list.is_complete() && !list.is_well_formed(), "{wrong}");
        }
    }

    #[test]
    fn no_name_leaves_its_folder() {
        let base = Path::new("footage");
        assert_eq!(decode_path_below(base, "a/b"), Ok("footage/a/b".into()));
        for (written, at) in [
            ("..", "footage"),
            ("../x", "footage"),
            ("a/../../x", "footage/a"),
            ("a/./b", "footage/a"),
            ("/etc/x", "footage"),
            ("a//b", "footage/a"),
            ("a/", "footage/a"),
            ("", "footage"),
            ("a\0b", "footage"),
            ("a/\u{2400}", "footage/a"),
        ] {
            assert_eq!(
                decode_path_below(base, written),
                Err(at.into()),
                "{written}"
            );
        }
    }
}
