//! Files and folders in the folder for temporary files that only we can read, gone with us. Where a process was killed at
//! once, what it left is swept by a later one.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process;

use tempfile::{NamedTempFile, TempDir};

use super::host;
use crate::error::{At as _, Result};

/// How the names begin of what is ours; the number of the process follows.
const OURS: &str = "auto-backup-";

/// How the names begin of what is this process's.
fn prefix() -> String {
    format!("{OURS}{}-", process::id())
}

/// Removes what processes of this user left that are no more.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let of = name.to_str().and_then(|name| name.strip_prefix(OURS));
        let of = of.and_then(|rest| rest.split_once('-')?.0.parse().ok());
        let is_left = of.is_some_and(|process| !host::is_alive(process));
        let own = entry
            .metadata()
            .is_ok_and(|found| found.uid() == host::user());
        if is_left && own {
            // What cannot be removed is left to the next.
            let path = entry.path();
            fs::remove_dir_all(&path)
                .or_else(|_| fs::remove_file(&path))
                .unwrap_or_default();
        }
    }
}

/// The file.
#[derive(Debug)]
pub struct Scratch {
    file: NamedTempFile,
}

impl Scratch {
    /// One with these lines.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn list(lines: impl Iterator<Item = String>) -> Result<Self> {
        let folder = std::env::temp_dir();
        let made = tempfile::Builder::new().prefix(&prefix()).tempfile();
        let mut file = made.at("create a file in", &folder)?;
        let mut writer = BufWriter::new(&mut file);
        let write = || -> std::io::Result<()> {
            for line in lines {
                writer.write_all(line.as_bytes())?;
                writer.write_all(b"\n")?;
            }
            writer.flush()
        };
        write().at("write a file in", &folder)?;
        drop(writer);
        Ok(Self { file })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

/// A folder there that only we can look into, gone with us.
#[derive(Debug)]
pub struct ScratchFolder {
    folder: TempDir,
}

impl ScratchFolder {
    /// An empty one.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new() -> Result<Self> {
        sweep(&std::env::temp_dir());
        let made = tempfile::Builder::new().prefix(&prefix()).tempdir();
        Ok(Self {
            folder: made.at("create a folder in", std::env::temp_dir())?,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_left_is_swept_and_nothing_else() {
        let temporary = tempfile::tempdir().unwrap();
        let mut child = process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let dead = format!("{OURS}{}-x", child.id());
        let own = format!("{OURS}{}-x", process::id());
        for name in [dead.as_str(), &own, "auto-backup-notes", "other-1-x"] {
            fs::create_dir(temporary.path().join(name)).unwrap();
            fs::write(temporary.path().join(name).join("s"), "").unwrap();
        }
        fs::write(temporary.path().join(format!("{dead}y")), "").unwrap();
        sweep(temporary.path());
        let left = fs::read_dir(temporary.path()).unwrap();
        let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [own.as_str(), "auto-backup-notes", "other-1-x"]);
    }
}
