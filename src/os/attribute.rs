//! Extended attributes, as far as they belong to the file and not to the machine: what people and programs attach
//! (`user.`), and who may read and write (POSIX access control lists).

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

/// The longest list of names, and the longest value, that Linux knows: bytes.
const MAX_XATTR_SIZE: usize = 64 * 1024;

/// Room for the names that files usually have: bytes.
const USUAL_NAMES_SIZE: usize = 512;

/// The access control lists of a file, and of what will be made in a folder.
const ACL_NAMES: [&str; 2] = ["system.posix_acl_access", "system.posix_acl_default"];

/// What became of the attributes of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum XattrOutcome {
    /// They are all there; most files have none.
    Copied,
    /// The destination's file system keeps none of this kind.
    Unsupported,
    /// One was refused, and why.
    Failed(String),
}

/// Copies attributes; its memory is used again for the next file.
#[derive(Debug, Default)]
pub struct XattrCopier {
    names: Vec<u8>,
    value: Vec<u8>,
}

impl XattrCopier {
    /// Copies those of an open file or folder. What the source's file system does not tell is not there.
    pub fn copy(&mut self, source: &impl AsFd, target: &impl AsFd) -> XattrOutcome {
        let Some(length) = self.read_names(source) else {
            return XattrOutcome::Copied;
        };
        let mut outcome = XattrOutcome::Copied;
        let names = std::mem::take(&mut self.names);
        let attribute_names = names[..length].split_inclusive(|byte| *byte == 0);
        let attribute_names =
            attribute_names.filter_map(|name| CStr::from_bytes_with_nul(name).ok());
        let (acls, others): (Vec<_>, Vec<_>) = attribute_names
            .filter(|name| is_portable(name.to_bytes()))
            .partition(|name| is_acl(name.to_bytes()));
        // The lists last: with one the owner may have no right to set the others any more.
        for name in others.into_iter().chain(acls) {
            match self.copy_one(source, target, name) {
                Ok(()) => {}
                Err(Errno::NOTSUP | Errno::NOSYS) if outcome != XattrOutcome::Copied => {}
                Err(Errno::NOTSUP | Errno::NOSYS) => outcome = XattrOutcome::Unsupported,
                Err(error) => outcome = failed_outcome(name, error),
            }
        }
        self.names = names;
        outcome
    }

    /// Reads the names; gives how many bytes they are.
    fn read_names(&mut self, source: &impl AsFd) -> Option<usize> {
        // The system makes room for as much as is asked for, at every call.
        self.names.resize(USUAL_NAMES_SIZE, 0);
        match flistxattr(source, &mut self.names[..]) {
            Err(Errno::RANGE) => {
                self.names.resize(MAX_XATTR_SIZE, 0);
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
        self.value.resize(MAX_XATTR_SIZE, 0);
        match fgetxattr(source, name, &mut self.value[..]) {
            Ok(length) => fsetxattr(target, name, &self.value[..length], XattrFlags::empty()),
            // It was taken away meanwhile.
            Err(Errno::NODATA) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The outcome of an attribute that the target's file system knows, and refused.
fn failed_outcome(name: &CStr, error: Errno) -> XattrOutcome {
    let shown = OsStr::from_bytes(name.to_bytes()).to_string_lossy();
    XattrOutcome::Failed(format!("`{shown}`: {}", io::Error::from(error)))
}

fn is_acl(name: &[u8]) -> bool {
    ACL_NAMES.iter().any(|list| name == list.as_bytes())
}

/// Whether an attribute means the same on another file system and machine.
fn is_portable(name: &[u8]) -> bool {
    cfg!(not(target_os = "linux")) || name.starts_with(b"user.") || is_acl(name)
}

/// What the owning group may do with a file or folder that has an access control list: its permission bits show what anybody in
/// that list may. `None` without a list.
pub fn acl_group_mode(file: &impl AsFd) -> Option<u32> {
    const HEADER: usize = 4;
    const OWNING_GROUP: u16 = 4;
    let mut list = [0; 4096];
    let length = fgetxattr(file, ACL_NAMES[0], &mut list[..]).ok()?;
    let (entries, _) = list.get(HEADER..length)?.as_chunks::<8>();
    let entry = entries
        .iter()
        .find(|entry| u16::from_le_bytes([entry[0], entry[1]]) == OWNING_GROUP)?;
    Some(u32::from(u16::from_le_bytes([entry[2], entry[3]]) & 7) << 3)
}
