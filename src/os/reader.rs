//! Reads an open folder: first every name in it, then the metadata of the entries.

use std::ffi::{CStr, OsStr};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::AtFlags;

use super::folder::Folder;
use super::stat::Stat;
use crate::base::error::{IoResultExt as _, Result};

/// Names of a folder's entries, but for `.` and `..`. Its memory is reused for the next folder.
#[derive(Debug, Default)]
pub struct EntryNames {
    /// All names, each with a final zero.
    bytes: Vec<u8>,
    names: Vec<ListedName>,
}

#[derive(Clone, Copy, Debug)]
struct ListedName {
    /// The inode number that the folder reports, without a look at the entry.
    inode: u64,
    start: usize,
}

impl EntryNames {
    pub const fn len(&self) -> usize {
        self.names.len()
    }

    /// Sorts the names by inode number. File systems keep the metadata of entries in that order on the disk.
    pub fn sort_by_inode(&mut self) {
        self.names.sort_unstable_by_key(|name| name.inode);
    }

    /// Returns some of the names, by their positions.
    pub fn names(&self, range: Range<usize>) -> impl Iterator<Item = &CStr> {
        let names = self.names.get(range).unwrap_or_default().iter();
        names.map(|name| CStr::from_bytes_until_nul(&self.bytes[name.start..]).unwrap_or_default())
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.names.clear();
    }

    #[inline]
    fn push(&mut self, name: &CStr, inode: u64) {
        if name != c"." && name != c".." {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(name.to_bytes_with_nul());
            self.names.push(ListedName { inode, start });
        }
    }
}

/// Reads folders one after the other, with one buffer.
#[derive(Default)]
pub struct FolderReader {
    #[cfg(target_os = "linux")]
    buffer: Vec<std::mem::MaybeUninit<u8>>,
}

impl FolderReader {
    /// Lists a folder that was just opened, in the order of the file system. Calls `proceed` for each entry, and ends
    /// early when that returns false.
    ///
    /// # Errors
    /// The folder cannot be read to its end.
    #[cfg(target_os = "linux")]
    pub fn list(
        &mut self,
        folder: &Folder,
        list: &mut EntryNames,
        mut proceed: impl FnMut() -> bool,
    ) -> Result<()> {
        use std::mem::MaybeUninit;

        use rustix::fs::RawDir;

        /// Size for some hundred names at a time: few system calls, and the buffer stays in the cache of the processor.
        const BUFFER: usize = 32 * 1024;
        list.clear();
        self.buffer.resize(BUFFER, MaybeUninit::uninit());
        let mut entries = RawDir::new(folder.handle(), &mut self.buffer);
        while let Some(entry) = entries.next() {
            let entry = entry.at("read", folder.path())?;
            list.push(entry.file_name(), entry.ino());
            if !proceed() {
                break;
            }
        }
        Ok(())
    }

    /// Lists a folder in the way of the Linux version, by the standard library.
    ///
    /// # Errors
    /// The folder cannot be read to its end.
    #[cfg(not(target_os = "linux"))]
    pub fn list(
        &mut self,
        folder: &Folder,
        list: &mut EntryNames,
        mut proceed: impl FnMut() -> bool,
    ) -> Result<()> {
        list.clear();
        for entry in rustix::fs::Dir::read_from(folder.handle()).at("read", folder.path())? {
            let entry = entry.at("read", folder.path())?;
            list.push(entry.file_name(), entry.ino());
            if !proceed() {
                break;
            }
        }
        Ok(())
    }
}

/// Returns the metadata of an entry that was listed; a link is not followed.
#[inline]
pub fn stat_listed(folder: &Folder, name: &CStr) -> Result<Stat> {
    match rustix::fs::statat(folder.handle(), name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Stat::from_raw(&stat)),
        Err(error) => Err(error).at(
            "read the metadata of",
            folder.path().join(OsStr::from_bytes(name.to_bytes())),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_inode() {
        let mut list = EntryNames::default();
        for (name, inode) in [(c".", 1), (c"b", 9), (c"a", 7), (c"..", 2), (c"c", 8)] {
            list.push(name, inode);
        }
        list.sort_by_inode();
        let names: Vec<_> = list.names(0..list.len()).collect();
        assert_eq!(names, [c"a", c"c", c"b"]);
        assert_eq!(list.names(1..2).count(), 1);
    }
}
