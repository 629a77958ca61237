//! The program's folder `.auto-backup` at a database's root.

use std::ffi::OsStr;

use crate::base::error::Result;
use crate::base::own_name::OWN_FOLDER;
use crate::os::folder::Folder;

/// Opens the program's folder; `None` if it does not exist.
///
/// # Errors
/// [`crate::base::error::Error::Untrusted`] if another user owns it.
pub fn find(root: &Folder) -> Result<Option<Folder>> {
    root.find_trusted(OsStr::new(OWN_FOLDER))
}

/// Opens the program's folder; creates it for the root's owner and group if it does not exist.
///
/// # Errors
/// [`crate::base::error::Error::Untrusted`] if another user owns it.
pub fn open(root: &Folder) -> Result<Folder> {
    root.open_trusted(OsStr::new(OWN_FOLDER))
}
