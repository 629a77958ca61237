//! Comparing what is there with what the plan saw, and one name with another.

use std::ffi::OsStr;
use std::io::ErrorKind;

use super::EntryRef;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::os::folder::Folder;
use crate::os::stat::{EntryKind, Stat};
use crate::snapshot::diff::DiffEntry;
use crate::snapshot::digest::Digest;

/// Fails unless what has the name is still what the plan saw.
pub(super) fn require_unchanged(folder: &Folder, name: &OsStr, planned: &DiffEntry) -> Result<()> {
    let now = folder.stat(name)?;
    let same = match planned.kind {
        EntryKind::File => now.bytes == planned.bytes && now.modified == planned.modified,
        EntryKind::Link => now.modified == planned.modified,
        EntryKind::Folder | EntryKind::Special => true,
    };
    if same && now.kind == planned.kind {
        return Ok(());
    }
    Err(raced_error(folder, name))
}

/// Fails unless the second name, among the versions, is for the very content that has the first.
///
/// One number for both proves it where numbers are stable. On other file systems, where the names of one file have different
/// numbers or a link is made as a copy, both are read.
pub(super) fn require_kept(
    (folder, name): EntryRef<'_>,
    kept: &Folder,
    old: &DiffEntry,
) -> Result<()> {
    let (there, second) = (folder.stat(name)?, kept.stat(name)?);
    let same_id = (there.device, there.inode) == (second.device, second.inode);
    let is_kept = (same_id && folder.features().stable_ids)
        || (there.has_same_size_and_time(&second)
            && has_same_content(folder, kept, name, there.kind)?);
    if !is_kept {
        return Err(raced_error(folder, name));
    }
    require_unchanged(kept, name, old)
}

/// Whether a name in two folders is for the same bytes, or for links to the same target.
fn has_same_content(a: &Folder, b: &Folder, name: &OsStr, kind: EntryKind) -> Result<bool> {
    match kind {
        EntryKind::File => Ok(digest(a, name)? == digest(b, name)?),
        EntryKind::Link => Ok(a.read_link(name)? == b.read_link(name)?),
        EntryKind::Folder | EntryKind::Special => Ok(false),
    }
}

fn digest(folder: &Folder, name: &OsStr) -> Result<Digest> {
    let (file, _) = folder.open_file(name)?;
    Digest::of_file(&file, &mut Vec::new(), &|_| {}).at("read", folder.path().join(name))
}

/// Whether a name stands for this file, as it was.
pub(super) fn is_same_file_at(folder: &Folder, name: &OsStr, file: &Stat) -> bool {
    folder
        .stat(name)
        .is_ok_and(|found| folder.is_same_file(&found, file))
}

pub(super) fn raced_error(folder: &Folder, name: &OsStr) -> Error {
    Error::ConcurrentChange {
        path: folder.path().join(name),
    }
}

pub(super) fn is_io_error(error: &Error, kind: ErrorKind) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == kind)
}
