//! The measured command lines: ours and those of the peers.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use auto_backup::base::error::IoResultExt as _;
use auto_backup::language::lexer::quote;

use crate::common::installed::is_installed;
use crate::common::outcome::Outcome;
use crate::studio::{CATEGORIES, DATABASES, Studio};

/// The measured release build.
const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-backup");

/// Tools that walk folders, with their options before and after the folders.
const PEERS: [(&str, &[&str], &[&str]); 4] = [
    ("diskus", &[], &[]),
    ("pdu", &[], &[]),
    ("dua", &[], &[]),
    ("find", &[], &["-printf", "%s %T@ %p\\n"]),
];

/// Returns auto-backup with the studio's databases and categories, and this command, as one process.
pub(crate) fn ours(studio: &Studio, index: &Index, command: &str) -> Vec<OsString> {
    let mut line = vec![PROGRAM.into(), "--quiet".into(), "--no-config".into()];
    line.extend(["--index".into(), index.path().into_os_string()]);
    let roots = studio.roots();
    let databases = DATABASES.iter().zip(&roots);
    let databases =
        databases.map(|(name, root)| format!("add database {name} {}", quote(root.as_os_str())));
    let categories = CATEGORIES
        .iter()
        .map(|(name, path)| format!("add category {name} {path}"));
    for command in databases.chain(categories).chain([command.to_owned()]) {
        line.extend(["-c".into(), command.into()]);
    }
    line
}

/// Returns the peers by name; one without a command is not installed.
pub(crate) fn peers(studio: &Studio) -> Vec<(&'static str, Option<Vec<OsString>>)> {
    let roots = studio.roots().map(PathBuf::into_os_string);
    let command = |(name, before, after): (&'static str, &[&str], &[&str])| {
        let [before, after] = [before, after].map(|words| words.iter().map(OsString::from));
        let line = [OsString::from(name)].into_iter().chain(before);
        let line = line.chain(roots.iter().cloned()).chain(after).collect();
        (name, is_installed(name).then_some(line))
    };
    PEERS.map(command).into()
}

/// Reads a program into memory, so that only the studio is read from the disk.
pub(crate) fn warm(command: &[OsString]) -> Outcome<()> {
    let (program, _) = command.split_first().ok_or("there is no command")?;
    Command::new(program)
        .arg("--version")
        .output()
        .at("run", program)?;
    Ok(())
}

/// The index of the benchmark, in memory: the disk is for the studio.
#[derive(Debug)]
pub(crate) struct Index {
    folder: tempfile::TempDir,
}

impl Index {
    pub(crate) fn new(place: &std::path::Path) -> Outcome<Self> {
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix("auto-backup-bench-").tempdir_in(place);
        Ok(Self {
            folder: folder.at("create a folder in", place)?,
        })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("index.sqlite")
    }

    /// Removes it, so that the next scan is the first.
    pub(crate) fn remove(&self) -> Outcome<()> {
        for end in ["", "-wal", "-shm"] {
            let path = self.folder.path().join(format!("index.sqlite{end}"));
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.at("remove", path)?,
            }
        }
        Ok(())
    }
}
