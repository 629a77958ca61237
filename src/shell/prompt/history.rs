//! Prompt history: one file per start-up file, to which every prompt appends its lines as they are typed.
//!
//! The format is rustyline's `#V2`: one entry per line, with `\n` and `\\` for line feeds and backslashes. Each entry is
//! appended by a single write, so that concurrent prompts do not lose entries.

use std::fs::{File, Permissions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Command;

use crate::base::error::{IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::language::lexer::lex;
use crate::model::path;
use crate::os::host;
use crate::os::own_file::OwnFile;
use crate::os::stat::FileId;
use crate::shell::position::{Position, Role};
use crate::snapshot::digest::Digest;

/// Minimum number of entries kept.
pub(super) const MAX_ENTRIES: usize = 10_000;

/// Maximum size that is read: 64 MiB.
const MAX_BYTES: u64 = 64 << 20;

/// First line of the file.
const HEADER: &str = "#V2";

/// Options left out of the history: a recalled line must ask again.
const OMITTED_OPTIONS: [&str; 4] = ["yes", "force", "delete", "overwrite"];

/// Returns the history file of a start-up file: named by a digest of its path, or plain `history` for the user's own start-up
/// file. `None` if the state folder is unknown.
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

#[derive(Debug)]
pub(super) struct HistoryFile {
    own_file: OwnFile,
}

impl HistoryFile {
    /// Opens the file, makes it private (mode 0600) and returns its entries, oldest first.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<String>)> {
        let own = OwnFile::find_or_make_folder(path)?;
        let history = Self { own_file: own };
        let mut file = history.open_to_append()?;
        // Only the owner can change the mode. A user who may only append leaves it.
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

    /// Appends an entry.
    pub(super) fn append(&self, entry: &str) -> Result<()> {
        let line = format!("{}\n", escape(entry));
        let mut file = self.open_to_append()?;
        let mut is_locked = lock(&file);
        // Another prompt may have replaced the file while shortening it.
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
            let rolled_back = file.set_len(before);
            ignore(
                rolled_back,
                "half a line would begin the next entry; the write error is reported",
            );
        }
        written.at("write the history", self.own_file.path())
    }

    /// Opens the file for appending; a new file gets its first line.
    fn open_to_append(&self) -> Result<File> {
        let mut file = self.own_file.open_to_append()?;
        if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            let header = format!("{HEADER}\n");
            file.write_all(header.as_bytes())
                .at("write the history", self.own_file.path())?;
        }
        Ok(file)
    }

    /// Replaces a long file by one with its newest entries.
    fn truncate(&self) -> Result<()> {
        let mut file = self.open_to_append()?;
        if !lock(&file) || !self.is_current(&file) {
            // Another prompt is shortening it.
            return Ok(());
        }
        // Read after locking: other prompts may have appended entries.
        let entries = self.read_entries(&mut file)?;
        let newest = entries
            .iter()
            .skip(entries.len().saturating_sub(MAX_ENTRIES));
        let lines = newest.map(|entry| format!("{}\n", escape(entry)));
        let text = format!("{HEADER}\n{}", lines.collect::<String>());
        let like = self.own_file.stat()?;
        self.own_file.replace(text.as_bytes(), like.as_ref())
    }

    /// True if the path still leads to this file.
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

/// Tries to lock a file for up to one second and returns true on success. Some file systems have no locks.
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

/// Removes the options that must be typed again each time, including abbreviations.
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
    fn history_omits_dangerous_options() {
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
    fn any_entry_is_read_back() {
        for entry in ["", "a", "a \\\n  b", r"C:\new\\x", "\\n"] {
            assert_eq!(unescape(&escape(entry)), entry);
            assert!(!escape(entry).contains('\n'));
        }
    }

    #[test]
    fn concurrent_prompts_lose_no_entry() {
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
