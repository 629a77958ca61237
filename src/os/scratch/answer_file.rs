//! A file that a person named, written under a temporary name beside it until it is whole.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::base::error::{IoResultExt as _, Result};

/// Permissions of a new file, which the umask reduces.
const NEW_FILE_MODE: u32 = 0o666;

/// A file that is being written. It is removed if it is dropped before it is whole.
#[derive(Debug)]
pub struct AnswerFile {
    file: NamedTempFile,
    target: PathBuf,
}

impl AnswerFile {
    /// Begins the file beside its target. A link is followed, so that the file it leads to is replaced.
    pub fn create(target: &Path) -> Result<Self> {
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let folder = target.parent().unwrap_or(Path::new("/"));
        let known = fs::metadata(&target).map(|found| found.permissions());
        let permissions = known.unwrap_or_else(|_| Permissions::from_mode(NEW_FILE_MODE));
        let made = tempfile::Builder::new()
            .prefix(".auto-backup-")
            .suffix(".tmp")
            .permissions(permissions)
            .tempfile_in(folder);
        Ok(Self {
            file: made.at("create a file in", folder)?,
            target,
        })
    }

    /// Returns a handle to write to.
    pub fn writer(&self) -> Result<File> {
        let handle = self.file.as_file().try_clone();
        handle.at("write", &self.target)
    }

    /// Gives the file its name, and replaces what had the name before. Returns its size.
    pub fn persist(self) -> Result<u64> {
        let target = self.target;
        let written = self.file.as_file().sync_all();
        written.at("write", &target)?;
        let size = self.file.as_file().metadata().at("read", &target)?.len();
        let kept = self.file.persist(&target).map_err(|error| error.error);
        kept.at("write", &target)?;
        Ok(size)
    }

    /// Adds the file to the end of its target, without its first line if `is_first_line_shared` and the target begins with
    /// that line. Returns the number of bytes added; `None` if the first lines differ, and then changes nothing.
    pub fn append(mut self, is_first_line_shared: bool) -> Result<Option<u64>> {
        let added = self.try_append(is_first_line_shared);
        added.at("add to", &self.target)
    }

    fn try_append(&mut self, is_first_line_shared: bool) -> io::Result<Option<u64>> {
        let own = self.file.as_file_mut();
        own.rewind()?;
        let mut own = BufReader::new(own);
        let mut target = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&self.target)?;
        let length = target.metadata()?.len();
        if is_first_line_shared && length > 0 {
            let (mut first, mut known) = (Vec::new(), Vec::new());
            own.read_until(b'\n', &mut first)?;
            BufReader::new(&target).read_until(b'\n', &mut known)?;
            if known.trim_ascii_end() != first.trim_ascii_end() {
                return Ok(None);
            }
        }
        if length > 0 {
            target.seek(io::SeekFrom::End(-1))?;
            let mut last = [0];
            target.read_exact(&mut last)?;
            if last != *b"\n" {
                target.write_all(b"\n")?;
            }
        }
        let added = io::copy(&mut own, &mut target)?;
        target.sync_all()?;
        Ok(Some(added))
    }
}
