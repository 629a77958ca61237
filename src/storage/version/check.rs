//! Checks that entries are still as planned, and that two names belong to one file.

use std::ffi::OsStr;
use std::io::ErrorKind;

use super::EntryRef;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::os::folder::Folder;
use crate::os::stat::{EntryKind, Stat};
use crate::snapshot::diff::DiffEntry;
use crate::snapshot::digest::Digest;

/// Fails unless the entry of this name is still as planned.
pub(super) fn require_unchanged(folder: &Folder, name: &OsStr, planned: &DiffEntry) -> Result<()> {
    let now = folder.stat(name)?;
    let is_same = match planned.kind {
        EntryKind::File => now.bytes == planned.bytes && now.modified == planned.modified,
        EntryKind::Link => now.modified == planned.modified,
        EntryKind::Folder | EntryKind::Special => true,
    };
    if is_same && now.kind == planned.kind {
        return Ok(());
    }
    Err(raced_error(folder, name))
}

/// Fails unless the kept name has the content that the original name has.
///
/// Equal file ids prove it on a file system with stable ids. Elsewhere the names of one file may have different ids, or a
/// hard link may be made as a copy; so both are read.
pub(super) fn require_kept(
    (folder, name): EntryRef<'_>,
    kept: &Folder,
    old: &DiffEntry,
) -> Result<()> {
    let (original, copy) = (folder.stat(name)?, kept.stat(name)?);
    let same_id = original.file_id() == copy.file_id();
    let is_kept = (same_id && folder.features().stable_ids)
        || (original.has_same_size_and_time(&copy)
            && has_same_content(folder, kept, name, original.kind)?);
    if !is_kept {
        return Err(raced_error(folder, name));
    }
    require_unchanged(kept, name, old)
}

/// True if a name has the same bytes, or the same link target, in two folders.
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

/// True if a name belongs to this unchanged file.
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::storage::version::tests::{CLIP, Destination, is_raced, planned};

    const TIME: Timestamp = Timestamp {
        seconds: 1_000_000_000,
        nanoseconds: 0,
    };

    #[test]
    fn any_change_of_a_planned_file_counts() {
        let destination = Destination::new();
        let (folder, name) = destination.place();
        folder.set_modified(name, TIME).unwrap();
        let old = planned(destination.place());
        require_unchanged(folder, name, &old).unwrap();
        let modified = Timestamp {
            nanoseconds: 1,
            ..TIME
        };
        let (bytes, kind) = (old.bytes + 1, EntryKind::Link);
        for other in [
            DiffEntry { modified, ..old },
            DiffEntry { bytes, ..old },
            DiffEntry { kind, ..old },
        ] {
            assert!(
                is_raced(&require_unchanged(folder, name, &other)),
                "{other:?}"
            );
        }
        fs::remove_file(folder.path().join(CLIP)).unwrap();
        fs::create_dir(folder.path().join(CLIP)).unwrap();
        assert!(is_raced(&require_unchanged(folder, name, &old)));
        let any_folder = DiffEntry::of_kind(EntryKind::Folder);
        require_unchanged(folder, name, &any_folder).unwrap();
    }

    #[test]
    fn link_is_unchanged_by_its_time() {
        let destination = Destination::new();
        let (folder, name) = (&destination.replica, OsStr::new("link"));
        folder.create_symlink(name, CLIP.as_ref()).unwrap();
        let old = DiffEntry {
            bytes: 0,
            ..planned((folder, name))
        };
        require_unchanged(folder, name, &old).unwrap();
        folder.set_modified(name, TIME).unwrap();
        assert!(is_raced(&require_unchanged(folder, name, &old)));
    }

    #[test]
    fn kept_name_needs_the_same_content() {
        let destination = Destination::new();
        let (kept, name) = (&destination.kept, OsStr::new(CLIP));
        destination.replica.set_modified(name, TIME).unwrap();
        let old = planned(destination.place());
        let require = || require_kept(destination.place(), kept, &old);
        let permit = destination.permit();
        destination
            .replica
            .hard_link(name, kept, name, &permit)
            .unwrap();
        require().unwrap();
        for (content, is_kept) in [("old", true), ("odd", false), ("older", false)] {
            fs::remove_file(kept.path().join(CLIP)).unwrap();
            fs::write(kept.path().join(CLIP), content).unwrap();
            kept.set_modified(name, TIME).unwrap();
            assert_eq!(require().is_ok(), is_kept, "{content}");
        }
        require().unwrap_err();
    }

    #[test]
    fn kept_link_needs_the_same_target() {
        let destination = Destination::new();
        let (folder, kept, name) = (&destination.replica, &destination.kept, OsStr::new("link"));
        folder.create_symlink(name, "there".as_ref()).unwrap();
        folder.set_modified(name, TIME).unwrap();
        for (target, is_kept) in [("there", true), ("other", false)] {
            kept.create_symlink(name, target.as_ref()).unwrap();
            kept.set_modified(name, TIME).unwrap();
            let old = planned((folder, name));
            let require = require_kept((folder, name), kept, &old);
            assert_eq!(require.is_ok(), is_kept, "{target}");
            kept.remove_temporary(name).unwrap();
        }
    }
}
