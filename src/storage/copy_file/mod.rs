//! Copying one file so that its final name never belongs to an incomplete copy.
//!
//! A source goes in, a [`TempCopy`] comes out: a temporary file in the destination's folder that has all bytes of the
//! source, its time, permissions and extended attributes. The caller flushes it, reads it back and gives it its final name,
//! because these steps cost less for many files at once (decision 13).

mod copier;
mod temp_copy;
mod temp_name;
mod verify;

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::sync::Arc;

pub use self::copier::Copier;
use self::copier::CopyMethod;
pub use self::temp_copy::TempCopy;
use self::temp_name::create_temporary;
pub use self::temp_name::temporary_name_with;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::os::file;
use crate::os::folder::Folder;
use crate::os::stat::{EntryKind, Stat};
use crate::snapshot::digest::Digest;

/// Copies a symbolic link and its time to a temporary name in `destination`.
pub fn copy_link(source: &Folder, name: &OsStr, destination: &Arc<Folder>) -> Result<TempCopy> {
    let (target, stat) = (source.read_link(name)?, source.stat(name)?);
    let (temporary, ()) = create_temporary(destination, |temporary| {
        destination.create_symlink(temporary, &target)
    })
    .map_err(explain_no_symlinks)?;
    let mut temp = TempCopy::new(destination, temporary, Stat { bytes: 0, ..stat });
    temp.link_target = Some(target);
    destination.set_modified(&temp.name, stat.modified)?;
    Ok(temp)
}

/// Copies a file with its time, permissions and extended attributes to a temporary name in `destination`. Does not flush it.
/// `on_progress` receives the number of bytes of each piece.
///
/// # Errors
/// [`Error::SourceChanged`] if the source changed while it was copied; [`Error::Interrupted`].
pub fn copy_file(
    source: &Folder,
    name: &OsStr,
    destination: &Arc<Folder>,
    copier: &mut Copier,
    on_progress: &dyn Fn(u64),
) -> Result<TempCopy> {
    let (from, stat) = source.open_file(name)?;
    let (temporary, to) =
        create_temporary(destination, |temporary| destination.create_file(temporary))?;
    let mut temp = TempCopy::new(destination, temporary, stat);
    let method = copier.copy_bytes((&from, &stat), &to, on_progress);
    let changed = || Error::SourceChanged {
        path: source.path().join(name),
    };
    // A change explains a failure to read, so it is reported first.
    if !file::is_unchanged(&from, &stat) {
        return Err(changed());
    }
    let method = method
        .map_err(|error| copier::copy_error(error, &source.path().join(name), destination))?;
    if method == CopyMethod::SizeChanged {
        return Err(changed());
    }
    let (attributes, copy_stat) = copier.apply_metadata((&from, &stat), &to).at(
        "set the time or permissions of a file in",
        destination.path(),
    )?;
    temp.attributes = attributes;
    temp.copy_stat = Some(copy_stat);
    match method {
        CopyMethod::SizeChanged => {}
        CopyMethod::Cloned => temp.is_cloned = true,
        CopyMethod::Buffered(digest) => temp.digest = digest,
        CopyMethod::Unhashed => temp.source_file = copier.with_digests.then_some(from),
    }
    temp.file = Some(to);
    Ok(temp)
}

/// Moves a file that is needed nowhere else to a temporary name in `destination`; returns `None` if that is on another file
/// system. The digest, if requested, is computed before the move.
pub fn move_file(
    source: &Folder,
    name: &OsStr,
    destination: &Arc<Folder>,
    copier: &mut Copier,
) -> Result<Option<TempCopy>> {
    let (file, stat) = source.open_file(name)?;
    let digest = if copier.with_digests {
        let read = Digest::of_file(&file, copier.buffer(), &|_| {});
        Some(read.at("read", source.path().join(name))?)
    } else {
        None
    };
    let moved = create_temporary(destination, |temporary| {
        source.rename_no_replace(name, destination, temporary)
    });
    let temporary = match moved {
        Err(Error::Io { source: error, .. }) if error.kind() == ErrorKind::CrossesDevices => {
            return Ok(None);
        }
        moved => moved?.0,
    };
    let mut temp = TempCopy::new(destination, temporary, stat);
    temp.file = Some(file);
    temp.copy_stat = Some(stat);
    temp.digest = digest;
    Ok(Some(temp))
}

/// Adds to a refusal that the file system may not support symbolic links.
fn explain_no_symlinks(error: Error) -> Error {
    match error {
        Error::Io { path, source, .. }
            if matches!(
                source.kind(),
                ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) =>
        {
            let why = format!("the file system may not support symbolic links: {source}");
            Error::Io {
                action: "create a symbolic link in",
                path,
                source: io::Error::new(source.kind(), why),
            }
        }
        error => error,
    }
}

/// Removes a temporary file that an earlier run left behind; returns true if it is removed.
///
/// Only the holder of the database's lock may call this: no other run has temporary copies then. A comparison or a first copy
/// may create a file without that lock; it locks the file itself, and a locked file stays.
pub fn remove_leftover(folder: &Folder, name: &OsStr) -> bool {
    let is_removable = match folder.stat(name).map(|stat| stat.kind) {
        Ok(EntryKind::Link) => true,
        Ok(EntryKind::File) => !is_locked(folder, name),
        _ => false,
    };
    is_removable && folder.remove_temporary(name).is_ok()
}

/// True if another open file holds the lock of this file. A file that cannot be opened or locked is not in use by this
/// program.
fn is_locked(folder: &Folder, name: &OsStr) -> bool {
    let opened = folder.open_file(name);
    opened.is_ok_and(|(file, _)| matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locked_leftover_stays() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path()).unwrap();
        let name = OsStr::new(".auto-backup-same-1.part");
        let file = folder.create_file(name).unwrap();
        file.try_lock().unwrap();
        assert!(!remove_leftover(&folder, name));
        assert!(folder.stat(name).is_ok());
        drop(file);
        assert!(remove_leftover(&folder, name));
        assert!(folder.stat(name).is_err());
    }
}
