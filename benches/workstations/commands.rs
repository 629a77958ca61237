//! The measured command lines of one workstation.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use auto_backup::base::error::IoResultExt as _;
use auto_backup::language::lexer::quote;

use crate::common::outcome::Outcome;

/// The measured release build.
const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-backup");

/// A workstation with an index and a start-up file of its own.
#[derive(Clone, Debug)]
pub(crate) struct Workstation {
    /// The file of its index; those of its start-up files have this name and an ending.
    index: PathBuf,
    /// The lines that name storages, categories and the catalog.
    lines: String,
}

impl Workstation {
    /// A workstation with these storages and categories.
    pub(crate) fn new(
        index: PathBuf,
        storages: &[(&str, PathBuf)],
        categories: &[(&str, &str)],
    ) -> Self {
        let storages = storages
            .iter()
            .map(|(name, root)| format!("add database {name} {}\n", quote(root.as_os_str())));
        let categories = categories
            .iter()
            .map(|(name, path)| format!("add category {name} {path}\n"));
        Self {
            index,
            lines: storages.chain(categories).collect(),
        }
    }

    /// Returns the same workstation with another line in its start-up file.
    pub(crate) fn with(&self, line: &str) -> Self {
        Self {
            index: self.index.clone(),
            lines: format!("{}{line}\n", self.lines),
        }
    }

    /// Returns the same workstation with a catalog.
    pub(crate) fn at_catalog(&self, address: &str) -> Self {
        self.with(&format!("set catalog '{address}'"))
    }

    /// Writes its start-up file, and returns auto-backup with a command, as one process.
    pub(crate) fn command(&self, command: &str) -> Outcome<Vec<OsString>> {
        let number = self.lines.lines().count();
        let startup = self.index.with_extension(format!("{number}.config"));
        fs::write(&startup, &self.lines).at("write", &startup)?;
        let line = [
            PROGRAM.into(),
            "--quiet".into(),
            "--config".into(),
            startup.into(),
            "--index".into(),
            self.index.clone().into(),
            "-c".into(),
            command.into(),
        ];
        Ok(line.into())
    }

    /// Returns the file of its index.
    pub(crate) fn index(&self) -> &Path {
        &self.index
    }

    /// Removes its index, so that it knows nothing.
    pub(crate) fn forget(&self) -> Outcome<()> {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.index.clone().into_os_string();
            path.push(end);
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.at("remove", PathBuf::from(path))?,
            }
        }
        Ok(())
    }
}

/// Returns one process that runs two commands, one after the other.
pub(crate) fn one_after_the_other(first: &[OsString], second: &[OsString]) -> Vec<OsString> {
    let mut script = String::new();
    for number in 1..=first.len() {
        // Writing to a string cannot fail.
        write!(script, "\"${{{number}}}\" ").unwrap_or_default();
    }
    script.push_str(">/dev/null && shift ");
    write!(script, "{} && exec \"$@\"", first.len()).unwrap_or_default();
    let words = ["sh".into(), "-c".into(), script.into(), "sh".into()];
    words
        .into_iter()
        .chain(first.iter().cloned())
        .chain(second.iter().cloned())
        .collect()
}
