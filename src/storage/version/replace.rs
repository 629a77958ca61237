//! Giving a whole copy the name of what it replaces.
//!
//! The copy goes among the versions first, and is then exchanged with what it replaces: one step, in which neither is ever
//! without a name, and whatever had the name at that moment is kept. Where a file system cannot exchange, the old version gets
//! a second name, or is moved or copied, before its own is given to the new.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use super::check::{is_io_error, is_same_file_at, raced_error, require_kept, require_unchanged};
use super::{EntryRef, PathInReplica, Versions, flush_if_needed};
use crate::base::error::{IoResultExt as _, Result};
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::Stat;
use crate::snapshot::diff::DiffEntry;
use crate::storage::copy_file::TempCopy;

/// Errors of file systems that have no hard links, or no more for a file.
const NO_HARD_LINK_ERRORS: [ErrorKind; 3] = [
    ErrorKind::PermissionDenied,
    ErrorKind::Unsupported,
    ErrorKind::TooManyLinks,
];

impl Versions<'_> {
    /// Gives a whole copy the name of what it replaces, and keeps that.
    ///
    /// # Errors
    /// [`crate::base::error::Error::ConcurrentChange`] if what has the name is no longer what the plan saw; or the old version could not be kept. It is
    /// where it was then.
    pub fn replace(
        &self,
        mut temp: TempCopy,
        (folder, name): (&Arc<Folder>, &OsStr),
        relative: PathInReplica<'_>,
        old: &DiffEntry,
    ) -> Result<()> {
        let place: EntryRef<'_> = (folder, name);
        require_unchanged(folder, name, old)?;
        let kept = self.mirror_folder(relative)?;
        if !folder.features().exchange {
            return self.replace_without_exchange(temp, place, &kept, old);
        }
        let (temporary_folder, temporary) = temp.location();
        let copy = temporary_folder.stat(temporary)?;
        match temp.move_to(&kept, name) {
            Ok(()) => {}
            Err(error) if is_io_error(&error, ErrorKind::CrossesDevices) => {
                return self.replace_across_devices(temp, place, &kept, old);
            }
            Err(error) => return Err(error),
        }
        // From the exchange on its name stands for the old version, which must never be removed.
        temp.disarm();
        let exchanged = kept.exchange(name, folder, name);
        match exchanged {
            Ok(true) => {
                finish_exchange(&kept, place, old, &copy)?;
                flush_if_needed(&kept)
            }
            Ok(false) => {
                temp.rearm();
                temp.move_back(folder)?;
                self.replace_without_exchange(temp, place, &kept, old)
            }
            Err(error) => {
                if is_not_found(&error) {
                    return temp.persist_noclobber_in(folder, name);
                }
                // A network may have lost no more than the answer.
                if is_same_file_at(&kept, name, &copy) {
                    temp.rearm();
                }
                Err(error)
            }
        }
    }

    /// Replaces where names cannot be exchanged: the old version gets a second name among the versions, or is moved there.
    /// That reaches stable storage before its own name is given away, for such a file system may not keep the order.
    fn replace_without_exchange(
        &self,
        temp: TempCopy,
        place: EntryRef<'_>,
        kept: &Arc<Folder>,
        old: &DiffEntry,
    ) -> Result<()> {
        let (folder, name) = place;
        let linked = if folder.features().hard_links {
            folder.hard_link(name, kept, name)
        } else {
            Err(io::Error::from(ErrorKind::Unsupported)).at("link", kept.path())
        };
        match linked {
            Ok(()) => {
                kept.flush()?;
                require_kept(place, kept, old)?;
                let copy = folder.stat(temp.location().1)?;
                temp.persist(name)?;
                require_replaced(place, kept, old, &copy)
            }
            Err(error)
                if NO_HARD_LINK_ERRORS
                    .iter()
                    .any(|kind| is_io_error(&error, *kind)) =>
            {
                match folder.rename_no_replace(name, kept, name) {
                    Err(error) if is_io_error(&error, ErrorKind::CrossesDevices) => {
                        self.replace_across_devices(temp, place, kept, old)
                    }
                    moved => moved.and_then(|()| persist_or_restore(temp, place, kept, old)),
                }
            }
            Err(error) if is_io_error(&error, ErrorKind::CrossesDevices) => {
                self.replace_across_devices(temp, place, kept, old)
            }
            Err(error) => Err(error),
        }
    }
}

/// Gives a copy the name of a file that was moved among the versions. Where that fails, or something else came there, it
/// goes back.
fn persist_or_restore(
    temp: TempCopy,
    (folder, name): EntryRef<'_>,
    kept: &Folder,
    old: &DiffEntry,
) -> Result<()> {
    let placed = match require_unchanged(kept, name, old) {
        Ok(()) => kept.flush().and_then(|()| temp.persist_noclobber(name)),
        Err(_) => Err(raced_error(folder, name)),
    };
    placed.map_err(|error| match kept.rename_no_replace(name, folder, name) {
        Ok(()) => error,
        // Both failed: the second says where the old version is.
        Err(lost) => lost,
    })
}

/// Fails where a file system reported that a copy was renamed, and something else is to be seen.
fn require_replaced(
    (folder, name): EntryRef<'_>,
    kept: &Folder,
    old: &DiffEntry,
    copy: &Stat,
) -> Result<()> {
    if folder.features().is_reliable {
        return Ok(());
    }
    require_unchanged(kept, name, old)?;
    if is_same_file_at(folder, name, copy) {
        return Ok(());
    }
    let why = "the file system reported success, but its name stands for something else";
    Err(io::Error::other(why)).at("replace", folder.path().join(name))
}

/// After an exchange: what came among the versions must be what the plan saw, else both go back, for somebody saved a
/// newer version meanwhile. What comes back is removed only if it is the copy still: somebody may have saved over that
/// too.
fn finish_exchange(
    kept: &Folder,
    (folder, name): EntryRef<'_>,
    old: &DiffEntry,
    copy: &Stat,
) -> Result<()> {
    match require_unchanged(kept, name, old) {
        Ok(()) => return require_replaced((folder, name), kept, old, copy),
        Err(error) if is_not_found(&error) => {
            let why = "the file system reported an exchange of two names, but replaced one: the old version is lost";
            return Err(io::Error::other(why))
                .at("keep the old version of", folder.path().join(name));
        }
        Err(_) => {}
    }
    kept.exchange(name, folder, name)?;
    if is_same_file_at(kept, name, copy) {
        kept.remove_temporary(name)?;
    }
    Err(raced_error(folder, name))
}
