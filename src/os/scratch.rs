//! Files and folders in the folder for temporary files that only we can read, gone with us.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use tempfile::{NamedTempFile, TempDir};

use crate::error::{At as _, Result};

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
        let made = tempfile::Builder::new().prefix("auto-backup-").tempfile();
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
        let made = tempfile::Builder::new().prefix("auto-backup-").tempdir();
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
