//! What rclone writes of the things in a folder: entries in JSON, each on a line of its own between brackets.
//!
//! Names come from outside. They are checked here, where they enter: what is made of them lies below the folder that was
//! asked for, whatever they say.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::name;

/// An entry as rclone writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entry<'a> {
    /// Its path below what was listed, in rclone's alphabet.
    #[serde(borrow)]
    pub(super) path: Cow<'a, str>,
    /// Its size, negative where the storage does not know it.
    pub(super) size: i64,
    /// Its time, as rclone writes times.
    #[serde(default, borrow)]
    pub(super) mod_time: Cow<'a, str>,
    /// Whether it is a folder.
    pub(super) is_dir: bool,
}

/// The path below a folder that a path in rclone's alphabet stands for.
///
/// # Errors
/// The longest path that its beginning stands for, where a name in it is none that a file can have: empty, `.`, `..`, or
/// with a slash or NUL in it.
pub(super) fn path_below(base: &Path, written: &str) -> Result<PathBuf, PathBuf> {
    let mut path = base.to_owned();
    for part in written.split('/') {
        let name = name::real(part);
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

/// How far a list was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Nothing of it came.
    #[default]
    Before,
    /// Behind the opening bracket, or a comma.
    Wanting,
    /// Behind an entry without a comma.
    Ended,
    /// Behind the closing bracket.
    Closed,
    /// Something came that is no part of a list.
    Broken,
}

/// A list that is being read.
#[derive(Debug, Default)]
pub(super) struct List {
    place: Place,
    /// Number of entries.
    pub(super) entries: u64,
}

impl List {
    /// Takes a line; gives the entry in it.
    pub(super) fn take<'a>(&mut self, line: &'a [u8]) -> Option<Entry<'a>> {
        let is_entry = !matches!(line, b"" | b"[" | b"]" | b",");
        let (place, entry) = match (self.place, line) {
            (Place::Before, b"[") => (Place::Wanting, None),
            (Place::Wanting, b"]") if self.entries == 0 => (Place::Closed, None),
            (Place::Ended, b"]") => (Place::Closed, None),
            (Place::Wanting, _) if is_entry => {
                let (text, place) = match line.strip_suffix(b",") {
                    Some(text) => (text, Place::Wanting),
                    None => (line, Place::Ended),
                };
                match serde_json::from_slice(text) {
                    Ok(entry) => (place, Some(entry)),
                    Err(_) => (Place::Broken, None),
                }
            }
            (place, b"") => (place, None),
            _ => (Place::Broken, None),
        };
        self.place = place;
        self.entries += u64::from(entry.is_some());
        entry
    }

    /// Whether it can still become whole.
    pub(super) fn is_going_on(&self) -> bool {
        self.place != Place::Broken
    }

    /// Whether it came to its end, and all of it was understood.
    pub(super) fn is_whole(&self) -> bool {
        self.place == Place::Closed
    }

    /// Whether all that came was understood, and no entry was begun and not ended.
    pub(super) fn is_understood(&self) -> bool {
        match self.place {
            Place::Before | Place::Ended | Place::Closed => true,
            Place::Wanting => self.entries == 0,
            Place::Broken => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> List {
        let mut list = List::default();
        for line in text.split('\n') {
            list.take(line.as_bytes());
        }
        list
    }

    const ONE: &str = r#"{"Path":"a","Name":"a","Size":1,"ModTime":"","IsDir":false}"#;

    #[test]
    fn whole_lists_are_told_from_parts() {
        assert!(read("[\n]\n").is_whole());
        assert!(read(&format!("[\n{ONE}\n]\n")).is_whole());
        let two = read(&format!("[\n{ONE},\n{ONE}\n]\n"));
        assert!(two.is_whole() && two.entries == 2);
        for part in [
            String::new(),
            "[\n".to_owned(),
            format!("[\n{ONE}"),
            format!("[\n{ONE}\n"),
        ] {
            let list = read(&part);
            assert!(!list.is_whole() && list.is_understood(), "{part}");
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
            assert!(!list.is_whole() && !list.is_understood(), "{wrong}");
        }
    }

    #[test]
    fn no_name_climbs() {
        let base = Path::new("footage");
        assert_eq!(path_below(base, "a/b"), Ok("footage/a/b".into()));
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
            assert_eq!(path_below(base, written), Err(at.into()), "{written}");
        }
    }
}
