//! Temporary files and folders that only this user can read, removed when dropped.
//!
//! All of a process are in one private folder with an owner record, which stays locked while the process lives. A later
//! process removes the folder of a killed one, and recognizes it by that record alone.

mod answer_file;
mod home;

use std::fs::{self, Permissions};
use std::io::{BufWriter, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::{NamedTempFile, TempDir};

pub use self::answer_file::AnswerFile;
use self::home::ProcessFolder;
use crate::base::error::{IoResultExt as _, Result};

/// Maximum length of the path of a socket in bytes: with the final NUL, systems permit 104 to 108.
const MAX_SOCKET_PATH: usize = 103;

/// Name of the socket in its folder.
const SOCKET_NAME: &str = "s";

#[derive(Debug)]
pub struct TempFile {
    file: NamedTempFile,
    /// Removed after the file.
    _process_folder: Arc<ProcessFolder>,
}

impl TempFile {
    /// Creates a file with these lines.
    pub fn with_lines(lines: impl Iterator<Item = String>) -> Result<Self> {
        let process_folder = ProcessFolder::get_or_create(&std::env::temp_dir())?;
        let made = tempfile::Builder::new().tempfile_in(process_folder.path());
        let mut file = made.at("create a file in", process_folder.path())?;
        let mut writer = BufWriter::new(&mut file);
        let write = || -> std::io::Result<()> {
            for line in lines {
                writer.write_all(line.as_bytes())?;
                writer.write_all(b"\n")?;
            }
            writer.flush()
        };
        write().at("write a file in", process_folder.path())?;
        drop(writer);
        Ok(Self {
            file,
            _process_folder: process_folder,
        })
    }

    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

#[derive(Debug)]
pub struct TempFolder {
    folder: TempDir,
    /// Removed after the folder.
    _process_folder: Option<Arc<ProcessFolder>>,
}

impl TempFolder {
    /// Creates an empty folder.
    pub fn new() -> Result<Self> {
        Self::below(&std::env::temp_dir())
    }

    /// Creates an empty folder with a short path for people to read. It stays behind if the process is killed.
    pub fn with_short_path(prefix: &str) -> Result<Self> {
        let base = std::env::temp_dir();
        let made = tempfile::Builder::new()
            .prefix(prefix)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&base);
        Ok(Self {
            folder: made.at("create a folder in", &base)?,
            _process_folder: None,
        })
    }

    fn below(base: &Path) -> Result<Self> {
        let process_folder = ProcessFolder::get_or_create(base)?;
        // Its parent is private, whatever the umask is.
        let made = tempfile::Builder::new()
            .prefix("f")
            .tempdir_in(process_folder.path());
        Ok(Self {
            folder: made.at("create a folder in", process_folder.path())?,
            _process_folder: Some(process_folder),
        })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A private folder for a socket, in the user's folder for sockets if that exists.
#[derive(Debug)]
pub struct SocketFolder {
    folder: TempFolder,
}

impl SocketFolder {
    /// Creates the folder at a place where the path of its socket is short enough.
    pub fn new() -> Result<Self> {
        let bases = [home::runtime_folder(), Some(std::env::temp_dir())];
        for base in bases.into_iter().flatten() {
            let folder = TempFolder::below(&base);
            if let Ok(folder) = folder
                && folder.path().join(SOCKET_NAME).as_os_str().as_bytes().len() <= MAX_SOCKET_PATH
            {
                return Ok(Self { folder });
            }
        }
        // A long `TMPDIR` leaves no space for the path of a socket.
        let folder = TempFolder::below(Path::new("/tmp"))?;
        Ok(Self { folder })
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET_NAME)
    }
}

/// Reads a file of at most this number of bytes; `None` if it is longer.
pub fn read_bounded(path: &Path, max_bytes: u64) -> Result<Option<Vec<u8>>> {
    use std::io::Read as _;
    let file = fs::File::open(path).at("open", path)?;
    let mut bytes = Vec::new();
    file.take(max_bytes + 1)
        .read_to_end(&mut bytes)
        .at("read", path)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= max_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_files_are_removed_on_drop() {
        let base = tempfile::tempdir().unwrap();
        let one = TempFolder::below(base.path()).unwrap();
        let two = TempFolder::below(base.path()).unwrap();
        fs::write(two.path().join("x"), "y").unwrap();
        assert_eq!(one.path().parent(), two.path().parent());
        drop(one);
        assert!(two.path().join("x").exists());
        drop(two);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn oversized_file_is_not_read() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("x");
        fs::write(&path, "1234").unwrap();
        assert_eq!(read_bounded(&path, 4).unwrap(), Some(b"1234".to_vec()));
        assert_eq!(read_bounded(&path, 3).unwrap(), None);
    }
}
