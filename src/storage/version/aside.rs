//! Moving an entry among the old versions, so that its name is free.

use std::ffi::OsStr;
use std::io::ErrorKind;

use super::check::{is_io_error, raced_error, require_unchanged};
use super::{EntryRef, PathInReplica, Versions, flush_if_needed};
use crate::base::error::Result;
use crate::os::folder::Folder;
use crate::snapshot::diff::DiffEntry;

impl Versions<'_> {
    /// Moves a file or link among the old versions; its name is free then. Where those are on another file system it is copied
    /// there, and removed once the copy was proven.
    ///
    /// # Errors
    /// As for [`Self::replace`].
    pub fn move_to_versions(
        &self,
        place: EntryRef<'_>,
        relative: PathInReplica<'_>,
        old: &DiffEntry,
    ) -> Result<()> {
        let (folder, name) = place;
        require_unchanged(folder, name, old)?;
        let kept = self.mirror_folder(relative)?;
        match folder.rename_no_replace(name, &kept, name) {
            Err(error) if is_io_error(&error, ErrorKind::CrossesDevices) => {
                let copied = self.copy_across_devices(place, &kept, old)?;
                let displaced = super::across::DisplacedFile::displace(folder, name, &copied)?;
                displaced.remove()?;
            }
            moved => {
                moved?;
                restore_if_unexpected(&kept, folder, name, old)?;
            }
        }
        flush_if_needed(&kept)?;
        folder.flush()
    }

    /// Makes a folder in the place of a file, link or special file, and keeps that.
    ///
    /// # Errors
    /// As for [`Self::replace`].
    pub fn replace_with_folder(
        &self,
        (parent, name): (&Folder, &OsStr),
        relative: PathInReplica<'_>,
        old: &DiffEntry,
        mode: u32,
    ) -> Result<()> {
        require_unchanged(parent, name, old)?;
        let kept = self.mirror_folder(relative)?;
        match parent.rename_no_replace(name, &kept, name) {
            Err(error) if is_io_error(&error, ErrorKind::CrossesDevices) => {
                let copied = self.copy_across_devices((parent, name), &kept, old)?;
                let displaced = super::across::DisplacedFile::displace(parent, name, &copied)?;
                return match parent.ensure_folder(name, mode) {
                    Ok(()) => displaced.remove(),
                    Err(error) => displaced.restore().and(Err(error)),
                };
            }
            moved => moved?,
        }
        let replaced = require_unchanged(&kept, name, old).and_then(|()| {
            flush_if_needed(&kept)?;
            parent.ensure_folder(name, mode)
        });
        if replaced.is_err() {
            kept.rename_no_replace(name, parent, name)?;
        }
        replaced
    }
}

/// Fails unless what came among the versions is what the plan saw. Somebody saved another version meanwhile then, which goes
/// back to its name.
fn restore_if_unexpected(
    kept: &Folder,
    folder: &Folder,
    name: &OsStr,
    old: &DiffEntry,
) -> Result<()> {
    if require_unchanged(kept, name, old).is_ok() {
        return Ok(());
    }
    kept.rename_no_replace(name, folder, name)?;
    Err(raced_error(folder, name))
}
