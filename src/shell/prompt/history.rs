//! The lines of earlier sessions: a file for each start-up file, to which every prompt adds its lines as they are typed.
//!
//! The form is rustyline's `#V2`: an entry a line, with `\n` and `\\` for line feeds and backslashes in it. A line is
//! added by one write to the end of the file, so that prompts side by side do not lose each other's.

use std::fs::{File, Permissions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Command;

use crate::base::error::{IoResultExt as _, Result};
use crate::language::lexer::lex;
use crate::model::path;
use crate::os::file_id::FileId;
use crate::os::host;
use crate::os::own_file::OwnFile;
use crate::shell::position::{Position, Role};
use crate::snapshot::digest::Digest;

/// So many entries are kept at least.
pub(super) const MAX_ENTRIES: usize = 10_000;

/// More than this is read of no history: 64 MiB.
const MAX_BYTES: u64 = 64 << 20;

/// The file's first line.
const HEADER: &str = "#V2";

/// Options that are left out of what is kept: a line that is called back must ask again.
const OMITTED_OPTIONS: [&str; 4] = ["yes", "force", "delete", "overwrite"];

/// The file for a start-up file, if there is a place for it: named after a digest of that file's path; that of the user's
/// own start-up file has the plain name.
pub(super) fn history_path(startup: Option<&Path>) -> Option<PathBuf> {
    let folder = path::state_folder()?;
    let whole = |path: &Path| {
        path.canonicalize()
            .or_else(|_| std::path::absolute(path))
            .ok()
    };
    let own = path::configuration_file().as_deref().and_then(whole);
    match startup
        .and_then(whole)
        .filter(|path| Some(path) != own.as_ref())
    {
        Some(path) => {
            let digest = Digest::of_bytes(path.as_os_str().as_bytes());
            Some(folder.join(format!("history-{digest}")))
        }
        None => Some(folder.join("history")),
    }
}

/// The file.
#[derive(Debug)]
pub(super) struct HistoryFile {
    own_file: OwnFile,
}

impl HistoryFile {
    /// Opens the file, and gives its entries, oldest first. It is readable by nobody else.
    ///
    /// # Errors
    /// It can be neither read nor made.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<String>)> {
        let own = OwnFile::find_or_make_folder(path)?;
        let history = Self { own_file: own };
        let mut file = history.open_to_append()?;
        // Only its owner can do that; whoever else may add lines leaves it as it is.
        file.set_permissions(Permissions::from_mode(0o600))
            .or_else(|error| {
                if Self::is_owned_by_user(&file) {
                    Err(error)
                } else {
                    Ok(())
                }
            })
            .at("make private", history.own_file.path())?;
        let mut entries = history.read_entries(&mut file)?;
        if entries.len() > 2 * MAX_ENTRIES {
            history.truncate()?;
            entries.drain(..entries.len() - MAX_ENTRIES);
        }
        Ok((history, entries))
    }

    /// The entries of an open file.
    fn read_entries(&self, file: &mut File) -> Result<Vec<String>> {
        let mut bytes = Vec::new();
        file.rewind()
            .and_then(|()| file.take(MAX_BYTES).read_to_end(&mut bytes))
            .at("read the history", self.own_file.path())?;
        let text = String::from_utf8_lossy(&bytes);
        let lines = text
            .lines()
            .filter(|line| *line != HEADER && !line.is_empty());
        Ok(lines.map(unescape).collect())
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn append(&self, entry: &str) -> Result<()> {
        let line = format!("{}\n", escape(entry));
        let mut file = self.open_to_append()?;
        let mut is_locked = lock(&file);
        // A prompt that shortened the file has put another in its place meanwhile.
        for _ in 0..3 {
            if self.is_current(&file) {
                break;
            }
            file = self.open_to_append()?;
            is_locked = lock(&file);
        }
        let before = file.metadata().map(|metadata| metadata.len());
        let written = file.write_all(line.as_bytes());
        if let (Err(_), Ok(before), true) = (&written, before, is_locked) {
            // Half a line would become the beginning of the next.
            file.set_len(before).unwrap_or_default();
        }
        written.at("write the history", self.own_file.path())
    }

    /// The file, opened for adding; made with its first line if there is none.
    fn open_to_append(&self) -> Result<File> {
        let mut file = self.own_file.open_to_append()?;
        if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            let header = format!("{HEADER}\n");
            file.write_all(header.as_bytes())
                .at("write the history", self.own_file.path())?;
        }
        Ok(file)
    }

    /// Puts a file with just the newest entries in the place of a long one.
    fn truncate(&self) -> Result<()> {
        let mut file = self.open_to_append()?;
        if !lock(&file) || !self.is_current(&file) {
            // Somebody else is at it.
            return Ok(());
        }
        // Only now: others may have added some.
        let entries = self.read_entries(&mut file)?;
        let newest = entries
            .iter()
            .skip(entries.len().saturating_sub(MAX_ENTRIES));
        let lines = newest.map(|entry| format!("{}\n", escape(entry)));
        let text = format!("{HEADER}\n{}", lines.collect::<String>());
        let like = self.own_file.stat()?;
        self.own_file.replace(text.as_bytes(), like.as_ref())
    }

    /// Whether the file's path still leads to this one.
    fn is_current(&self, file: &File) -> bool {
        let open = file.metadata().map(|found| FileId::of(&found));
        let there = self.own_file.stat();
        matches!((open, there), (Ok(open), Ok(Some(there))) if open == there.file_id())
    }

    fn is_owned_by_user(file: &File) -> bool {
        file.metadata()
            .is_ok_and(|found| found.uid() == host::user_id())
    }
}

/// Locks a file for a moment, where its file system knows locks and nobody keeps it; whether it is locked.
fn lock(file: &File) -> bool {
    for _ in 0..100 {
        match file.try_lock() {
            Ok(()) => return true,
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(_)) => return false,
        }
    }
    false
}

fn escape(entry: &str) -> String {
    entry.replace('\\', "\\\\").replace('\n', "\\n")
}

fn unescape(line: &str) -> String {
    let mut entry = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => entry.push('\n'),
                Some(other) => entry.push(other),
                None => entry.push('\\'),
            },
            letter => entry.push(letter),
        }
    }
    entry
}

/// A line as it is kept: without the options that must be typed anew each time, however they are written.
pub(super) fn omit_options(grammar: &Command, text: &str) -> String {
    text.split('\n')
        .map(|line| omit_options_in_line(grammar, line))
        .collect::<Vec<_>>()
        .join("\n")
}

fn omit_options_in_line(grammar: &Command, line: &str) -> String {
    let Ok(words) = lex(line) else {
        return line.to_owned();
    };
    let mut position = Position::start(grammar);
    let mut kept = String::with_capacity(line.len());
    let mut done = 0;
    for word in words {
        let role = position.advance(&word.text);
        let text = word.text.to_string_lossy();
        let long = match role {
            Role::Option(option) => option.get_long(),
            _ => text.strip_prefix("--"),
        };
        if long.is_some_and(|name| OMITTED_OPTIONS.contains(&name)) {
            kept.push_str(line[done..word.span.start].trim_end());
            done = word.span.end;
        }
    }
    kept.push_str(&line[done..]);
    kept.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::commands::built_grammar;

    #[test]
    fn dangerous_options_are_left_out_however_they_are_written() {
        let grammar = built_grammar();
        for (typed, stored) in [
            (
                "copy a/b all W N --overwrite --checksum",
                "copy a/b all W N --checksum",
            ),
            ("copy --overwrite a/b all W N", "copy a/b all W N"),
            ("copy a/b all W N --over # why", "copy a/b all W N # why"),
            ("load --forget OLD --yes", "load --forget OLD"),
            ("load --y --forget OLD", "load --forget OLD"),
            ("sync a b --delete --force", "sync a b"),
            ("copy a/b all W N '--overwrite'", "copy a/b all W N"),
            ("find '--yes' x", "find x"),
            ("echo \"open --yes", "echo \"open --yes"),
            (
                "copy a/b all W N \\\n  --overwrite",
                "copy a/b all W N \\\n",
            ),
            ("find yes", "find yes"),
        ] {
            assert_eq!(omit_options(&grammar, typed), stored);
        }
    }

    #[test]
    fn entries_of_any_letters_are_read_back() {
        for entry in ["", "a", "a \\\n  b", r"C:\new\\x", "\\n"] {
            assert_eq!(unescape(&escape(entry)), entry);
            assert!(!escape(entry).contains('\n'));
        }
    }

    #[test]
    fn prompts_side_by_side_lose_no_line_also_while_the_file_is_shortened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own/history");
        let (history, entries) = HistoryFile::open(&path).unwrap();
        assert!(entries.is_empty());
        for number in 0..=2 * MAX_ENTRIES {
            if number % 5000 == 0 {
                history.append(&format!("old {number}")).unwrap();
            }
        }
        let long: Vec<String> = (0..=2 * MAX_ENTRIES)
            .map(|number| format!("line {number}"))
            .collect();
        let long = long.join("\n") + "\n";
        fs::write(&path, format!("{HEADER}\n{long}")).unwrap();
        thread::scope(|scope| {
            for prompt in 0..4 {
                let path = path.clone();
                scope.spawn(move || {
                    let (history, _) = HistoryFile::open(&path).unwrap();
                    for number in 0..50 {
                        history.append(&format!("new {prompt} {number}")).unwrap();
                    }
                });
            }
        });
        let (_, entries) = HistoryFile::open(&path).unwrap();
        let new = entries
            .iter()
            .filter(|entry| entry.starts_with("new "))
            .count();
        assert_eq!(new, 200);
        assert!(entries.len() <= 2 * MAX_ENTRIES + 200);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
