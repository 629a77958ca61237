//! Moving an entry among the old versions, so that its name is free.

use std::ffi::OsStr;
use std::io::ErrorKind;

use super::check::{is, raced, require};
use super::{Place, Relative, Versions, flush_where_needed};
use crate::base::error::Result;
use crate::os::folder::Folder;
use crate::snapshot::diff::Seen;

impl Versions<'_> {
    /// Moves a file or link among the old versions; its name is free then. Where those are on another file system it is copied
    /// there, and removed once the copy was proven.
    ///
    /// # Errors
    /// As for [`Self::replace`].
    pub fn put_aside(&self, place: Place<'_>, relative: Relative<'_>, old: &Seen) -> Result<()> {
        let (folder, name) = place;
        require(folder, name, old)?;
        let kept = self.mirror(relative)?;
        match folder.rename_new(name, &kept, name) {
            Err(error) if is(&error, ErrorKind::CrossesDevices) => {
                let copied = self.copy_across(place, &kept, old)?;
                let aside = super::across::Aside::take(folder, name, &copied)?;
                aside.remove()?;
            }
            moved => {
                moved?;
                take_back_unless(&kept, folder, name, old)?;
            }
        }
        flush_where_needed(&kept)?;
        folder.flush()
    }

    /// Makes a folder in the place of a file, link or special file, and keeps that.
    ///
    /// # Errors
    /// As for [`Self::replace`].
    pub fn replace_by_folder(
        &self,
        (parent, name): (&Folder, &OsStr),
        relative: Relative<'_>,
        old: &Seen,
        mode: u32,
    ) -> Result<()> {
        require(parent, name, old)?;
        let kept = self.mirror(relative)?;
        match parent.rename_new(name, &kept, name) {
            Err(error) if is(&error, ErrorKind::CrossesDevices) => {
                let copied = self.copy_across((parent, name), &kept, old)?;
                let aside = super::across::Aside::take(parent, name, &copied)?;
                return match parent.make(name, mode) {
                    Ok(()) => aside.remove(),
                    Err(error) => aside.put_back().and(Err(error)),
                };
            }
            moved => moved?,
        }
        let replaced = require(&kept, name, old).and_then(|()| {
            flush_where_needed(&kept)?;
            parent.make(name, mode)
        });
        if replaced.is_err() {
            kept.rename_new(name, parent, name)?;
        }
        replaced
    }
}

/// Fails unless what came among the versions is what the plan saw. Somebody saved another version meanwhile then, which goes
/// back to its name.
fn take_back_unless(kept: &Folder, folder: &Folder, name: &OsStr, old: &Seen) -> Result<()> {
    if require(kept, name, old).is_ok() {
        return Ok(());
    }
    kept.rename_new(name, folder, name)?;
    Err(raced(folder, name))
}
