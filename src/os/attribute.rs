//! Extended attributes, as far as they belong to the file and not to the machine: what people and programs attach
//! (`user.`), and who may read and write (POSIX access control lists).

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

/// The longest list of names, and the longest value, that Linux knows: bytes.
const LONGEST: usize = 64 * 1024;

/// Room for the names that files usually have: bytes.
const USUAL: usize = 512;

/// The access control lists of a file, and of what will be made in a folder.
const LISTS: [&str; 2] = ["system.posix_acl_access", "system.posix_acl_default"];

/// What became of the attributes of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are all there; most files have none.
    Kept,
    /// The destination's file system keeps none of this kind.
    Unsupported,
    /// One was refused, and why.
    Refused(String),
}

/// Copies attributes; its memory is used again for the next file.
#[derive(Debug, Default)]
pub struct Attributes {
    names: Vec<u8>,
    value: Vec<u8>,
}

impl Attributes {
    /// Copies those of an open file or folder. What the source's file system does not tell is not there.
    pub fn copy(&mut self, source: &impl AsFd, target: &impl AsFd) -> Outcome {
        let Some(length) = self.list(source) else {
            return Outcome::Kept;
        };
        let mut outcome = Outcome::Kept;
        let names = std::mem::take(&mut self.names);
        let all = names[..length].split_inclusive(|byte| *byte == 0);
        let all = all.filter_map(|name| CStr::from_bytes_with_nul(name).ok());
        let (lists, others): (Vec<_>, Vec<_>) = all
            .filter(|name| is_portable(name.to_bytes()))
            .partition(|name| is_list(name.to_bytes()));
        // The lists last: with one the owner may have no right to set the others any more.
        for name in others.into_iter().chain(lists) {
            match self.copy_one(source, target, name) {
                Ok(()) => {}
                Err(Errno::NOTSUP | Errno::NOSYS) if outcome != Outcome::Kept => {}
                Err(Errno::NOTSUP | Errno::NOSYS) => outcome = Outcome::Unsupported,
                Err(error) => outcome = refused(name, error),
            }
        }
        self.names = names;
        outcome
    }

    /// Reads the names; gives how many bytes they are.
    fn list(&mut self, source: &impl AsFd) -> Option<usize> {
        // The system makes room for as much as is asked for, at every call.
        self.names.resize(USUAL, 0);
        match flistxattr(source, &mut self.names[..]) {
            Err(Errno::RANGE) => {
                self.names.resize(LONGEST, 0);
                flistxattr(source, &mut self.names[..]).ok()
            }
            listed => listed.ok(),
        }
    }

    fn copy_one(
        &mut self,
        source: &impl AsFd,
        target: &impl AsFd,
        name: &CStr,
    ) -> Result<(), Errno> {
        self.value.resize(LONGEST, 0);
        match fgetxattr(source, name, &mut self.value[..]) {
            Ok(length) => fsetxattr(target, name, &self.value[..length], XattrFlags::empty()),
            // It was taken away meanwhile.
            Err(Errno::NODATA) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The outcome of an attribute that the target's file system knows, and refused.
fn refused(name: &CStr, error: Errno) -> Outcome {
    let shown = OsStr::from_bytes(name.to_bytes()).to_string_lossy();
    Outcome::Refused(format!("`{shown}`: {}", io::Error::from(error)))
}

fn is_list(name: &[u8]) -> bool {
    LISTS.iter().any(|list| name == list.as_bytes())
}

/// Whether an attribute means the same on another file system and machine.
fn is_portable(name: &[u8]) -> bool {
    cfg!(not(target_os = "linux")) || name.starts_with(b"user.") || is_list(name)
}

/// What the owning group may do with a file or folder that has an access control list: its permission bits show what anybody in
/// that list may. `None` without a list.
pub fn group_mode(file: &impl AsFd) -> Option<u32> {
    const HEADER: usize = 4;
    const OWNING_GROUP: u16 = 4;
    let mut list = [0; 4096];
    let length = fgetxattr(file, LISTS[0], &mut list[..]).ok()?;
    let (entries, _) = list.get(HEADER..length)?.as_chunks::<8>();
    let entry = entries
        .iter()
        .find(|entry| u16::from_le_bytes([entry[0], entry[1]]) == OWNING_GROUP)?;
    Some(u32::from(u16::from_le_bytes([entry[2], entry[3]]) & 7) << 3)
}
