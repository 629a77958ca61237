//! Extended attributes that belong to the file and not to the machine: attributes of people and programs (`user.`) and
//! POSIX access control lists.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

/// Greatest size in bytes of a list of names and of a value; the limit of Linux.
const MAX_XATTR_SIZE: usize = 64 * 1024;

/// Size in bytes of a usual list of names.
const USUAL_NAMES_SIZE: usize = 512;

/// The access control list of an entry, and the one that a folder hands down to new entries.
const ACL_NAMES: [&str; 2] = ["system.posix_acl_access", "system.posix_acl_default"];

/// Outcome of copying the attributes of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum XattrOutcome {
    /// All attributes were copied; most files have none.
    Copied,
    /// The destination's file system stores no attributes of this kind.
    Unsupported,
    /// One attribute was refused, with the reason.
    Failed(String),
}

/// The attributes of one file or folder, in the order in which they are set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    values: Vec<(CString, Vec<u8>)>,
    /// The reason why one of them could not be read, if so.
    failure: Option<String>,
}

/// Reads and copies attributes, and reuses its buffers for the next file.
#[derive(Debug, Default)]
pub struct XattrCopier {
    names: Vec<u8>,
    value: Vec<u8>,
}

impl XattrCopier {
    /// Copies the attributes of an open file or folder. Attributes that the source cannot list count as missing.
    pub fn copy(&mut self, source: &impl AsFd, target: &impl AsFd) -> XattrOutcome {
        self.read(source).apply(target)
    }

    /// Reads the attributes of an open file or folder. Attributes that it cannot list count as missing.
    pub fn read(&mut self, source: &impl AsFd) -> Attributes {
        let mut attributes = Attributes::default();
        let Some(length) = self.read_names(source) else {
            return attributes;
        };
        let names = self.names[..length].split_inclusive(|byte| *byte == 0);
        let names = names.filter_map(|name| CStr::from_bytes_with_nul(name).ok());
        let names = names.filter(|name| is_portable(name.to_bytes()));
        // Access control lists go last: they may take the right to set the others from the owner.
        let (acls, others): (Vec<_>, Vec<_>) = names.partition(|name| is_acl(name.to_bytes()));
        for name in others.into_iter().chain(acls) {
            self.value.resize(MAX_XATTR_SIZE, 0);
            match fgetxattr(source, name, &mut self.value[..]) {
                Ok(length) => {
                    let value = self.value[..length].to_vec();
                    attributes.values.push((name.to_owned(), value));
                }
                // Another process removed it meanwhile.
                Err(Errno::NODATA) => {}
                Err(error) => attributes.failure = Some(failure_text(name, error)),
            }
        }
        attributes
    }

    /// Reads the names and returns their size in bytes.
    fn read_names(&mut self, source: &impl AsFd) -> Option<usize> {
        // The kernel allocates a buffer of the requested size at every call.
        self.names.resize(USUAL_NAMES_SIZE, 0);
        match flistxattr(source, &mut self.names[..]) {
            Err(Errno::RANGE) => {
                self.names.resize(MAX_XATTR_SIZE, 0);
                flistxattr(source, &mut self.names[..]).ok()
            }
            listed => listed.ok(),
        }
    }
}

impl Attributes {
    /// Sets the attributes of an open file or folder.
    pub fn apply(&self, target: &impl AsFd) -> XattrOutcome {
        let failure = self.failure.clone();
        let mut outcome = failure.map_or(XattrOutcome::Copied, XattrOutcome::Failed);
        for (name, value) in &self.values {
            match fsetxattr(target, name, value, XattrFlags::empty()) {
                Ok(()) => {}
                Err(Errno::NOTSUP | Errno::NOSYS) if outcome != XattrOutcome::Copied => {}
                Err(Errno::NOTSUP | Errno::NOSYS) => outcome = XattrOutcome::Unsupported,
                Err(error) => outcome = XattrOutcome::Failed(failure_text(name, error)),
            }
        }
        outcome
    }

    /// Returns the permissions of the owning group by the access control list; `None` without a list.
    pub fn acl_group_mode(&self) -> Option<u32> {
        let mut values = self.values.iter();
        let list = values.find(|(name, _)| name.to_bytes() == ACL_NAMES[0].as_bytes());
        group_mode_of_list(&list?.1)
    }
}

/// Returns the reason why an attribute could not be copied.
fn failure_text(name: &CStr, error: Errno) -> String {
    let shown = OsStr::from_bytes(name.to_bytes()).to_string_lossy();
    format!("`{shown}`: {}", io::Error::from(error))
}

fn is_acl(name: &[u8]) -> bool {
    ACL_NAMES.iter().any(|list| name == list.as_bytes())
}

/// True if the attribute has the same meaning on another file system and machine.
fn is_portable(name: &[u8]) -> bool {
    cfg!(not(target_os = "linux")) || name.starts_with(b"user.") || is_acl(name)
}

/// Returns the permissions of the owning group of an entry with an access control list; `None` without a list. The
/// group bits of such an entry's mode are the mask of the list.
pub fn acl_group_mode(file: &impl AsFd) -> Option<u32> {
    let mut list = [0; 4096];
    let length = fgetxattr(file, ACL_NAMES[0], &mut list[..]).ok()?;
    group_mode_of_list(list.get(..length)?)
}

/// Returns the permissions of the owning group in the binary form of an access control list.
fn group_mode_of_list(list: &[u8]) -> Option<u32> {
    const HEADER: usize = 4;
    const OWNING_GROUP: u16 = 4;
    let (entries, _) = list.get(HEADER..)?.as_chunks::<8>();
    let entry = entries
        .iter()
        .find(|entry| u16::from_le_bytes([entry[0], entry[1]]) == OWNING_GROUP)?;
    Some(u32::from(u16::from_le_bytes([entry[2], entry[3]]) & 7) << 3)
}
