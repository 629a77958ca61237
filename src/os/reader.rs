//! Reads an open folder: every name in it, with the metadata of the entry.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::AtFlags;

use super::folder::Folder;
use super::stat::Stat;
use crate::base::error::{IoResultExt as _, Result};

/// Reads folders one after the other, with one buffer.
#[derive(Default)]
pub struct FolderReader {
    #[cfg(target_os = "linux")]
    buffer: Vec<std::mem::MaybeUninit<u8>>,
}

impl FolderReader {
    /// Reads a folder that was just opened. Passes each entry but `.` and `..` to `visit`, in the order of the file
    /// system, until that breaks. An entry whose metadata cannot be read comes with the error; a link is not followed.
    ///
    /// # Errors
    /// The folder cannot be read to its end.
    #[cfg(target_os = "linux")]
    pub fn read(
        &mut self,
        folder: &Folder,
        mut visit: impl FnMut(&OsStr, Result<Stat>) -> ControlFlow<()>,
    ) -> Result<()> {
        use std::mem::MaybeUninit;

        use rustix::fs::RawDir;

        /// Size for some hundred names at a time: few system calls, and the buffer stays in the cache of the processor.
        const BUFFER: usize = 32 * 1024;
        self.buffer.resize(BUFFER, MaybeUninit::uninit());
        let mut entries = RawDir::new(folder.handle(), &mut self.buffer);
        while let Some(entry) = entries.next() {
            let entry = entry.at("read", folder.path())?;
            if entry.file_name() != c"." && entry.file_name() != c".." {
                let name = OsStr::from_bytes(entry.file_name().to_bytes());
                let stat = stat_entry(folder, entry.file_name());
                if visit(name, stat).is_break() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reads a folder in the way of the Linux version, by the standard library.
    ///
    /// # Errors
    /// The folder cannot be read to its end.
    #[cfg(not(target_os = "linux"))]
    pub fn read(
        &mut self,
        folder: &Folder,
        mut visit: impl FnMut(&OsStr, Result<Stat>) -> ControlFlow<()>,
    ) -> Result<()> {
        for entry in rustix::fs::Dir::read_from(folder.handle()).at("read", folder.path())? {
            let entry = entry.at("read", folder.path())?;
            if entry.file_name() != c"." && entry.file_name() != c".." {
                let name = OsStr::from_bytes(entry.file_name().to_bytes());
                let stat = stat_entry(folder, entry.file_name());
                if visit(name, stat).is_break() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Returns the metadata of an entry.
#[inline]
fn stat_entry(folder: &Folder, name: &std::ffi::CStr) -> Result<Stat> {
    match rustix::fs::statat(folder.handle(), name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Stat::from_raw(&stat)),
        Err(error) => Err(error).at(
            "read the metadata of",
            folder.path().join(OsStr::from_bytes(name.to_bytes())),
        ),
    }
}
