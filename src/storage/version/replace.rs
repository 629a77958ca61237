//! Giving a complete copy the name of the file it replaces (decision 6).
//!
//! The copy moves into the folder of old versions and is exchanged with the old file. This is one step: neither file is
//! ever without a name, and the file that has the name at that moment is kept. On a file system that cannot exchange names,
//! the old version gets a second name, or is moved or copied, before the copy gets its name.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use super::check::{is_io_error, is_same_file_at, raced_error, require_kept, require_unchanged};
use super::{EntryRef, PathInReplica, Versions, flush_if_needed};
use crate::base::error::{IoResultExt as _, Result};
use crate::base::lease::WritePermit;
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::Stat;
use crate::snapshot::diff::DiffEntry;
use crate::storage::copy_file::TempCopy;

/// Errors of file systems without hard links, or for a file with too many.
const NO_HARD_LINK_ERRORS: [ErrorKind; 3] = [
    ErrorKind::PermissionDenied,
    ErrorKind::Unsupported,
    ErrorKind::TooManyLinks,
];

impl Versions<'_> {
    /// Gives a copy the name of the file it replaces, and keeps that file.
    ///
    /// # Errors
    /// [`crate::base::error::Error::ConcurrentChange`] if the old file is no longer as planned. It then keeps its name.
    pub fn replace(
        &self,
        mut temp: TempCopy,
        (folder, name): (&Arc<Folder>, &OsStr),
        relative: PathInReplica<'_>,
        old: &DiffEntry,
    ) -> Result<()> {
        let place: EntryRef<'_> = (folder, name);
        require_unchanged(folder, name, old)?;
        let permit = self.root.permit()?;
        let kept = self.mirror_folder(relative, &permit)?;
        if !folder.features().exchange {
            return self.replace_without_exchange(temp, place, &kept, old, &permit);
        }
        let (temporary_folder, temporary) = temp.location();
        let copy = temporary_folder.stat(temporary)?;
        match temp.move_to(&kept, name, &permit) {
            Ok(()) => {}
            Err(error) if is_io_error(&error, ErrorKind::CrossesDevices) => {
                return self.replace_across_devices(temp, place, &kept, old);
            }
            Err(error) => return Err(error),
        }
        // After the exchange the name belongs to the old version, which must never be removed.
        temp.disarm();
        let exchanged = kept.exchange(name, folder, name, &permit);
        match exchanged {
            Ok(true) => {
                finish_exchange(&kept, place, old, &copy, &permit)?;
                flush_if_needed(&kept)
            }
            Ok(false) => {
                temp.rearm();
                temp.move_back(folder, &permit)?;
                self.replace_without_exchange(temp, place, &kept, old, &permit)
            }
            Err(error) => {
                if is_not_found(&error) {
                    return temp.persist_noclobber_in(folder, name, &permit);
                }
                // On a network file system only the answer may have been lost.
                if is_same_file_at(&kept, name, &copy) {
                    temp.rearm();
                }
                Err(error)
            }
        }
    }

    /// Replaces a file without an exchange: the old version gets a second name in the folder of old versions, or is moved
    /// there. It is flushed before its name is reused, because such a file system may reorder the steps.
    fn replace_without_exchange(
        &self,
        temp: TempCopy,
        place: EntryRef<'_>,
        kept: &Arc<Folder>,
        old: &DiffEntry,
        permit: &WritePermit,
    ) -> Result<()> {
        let (folder, name) = place;
        let linked = if folder.features().hard_links {
            folder.hard_link(name, kept, name, permit)
        } else {
            Err(io::Error::from(ErrorKind::Unsupported)).at("link", kept.path())
        };
        match linked {
            Ok(()) => {
                kept.flush()?;
                require_kept(place, kept, old)?;
                let copy = folder.stat(temp.location().1)?;
                temp.persist(name, permit)?;
                require_replaced(place, kept, old, &copy)
            }
            Err(error)
                if NO_HARD_LINK_ERRORS
                    .iter()
                    .any(|kind| is_io_error(&error, *kind)) =>
            {
                match folder.rename_no_replace(name, kept, name, permit) {
                    Err(error) if is_io_error(&error, ErrorKind::CrossesDevices) => {
                        self.replace_across_devices(temp, place, kept, old)
                    }
                    moved => {
                        moved.and_then(|()| persist_or_restore(temp, place, kept, old, permit))
                    }
                }
            }
            Err(error) if is_io_error(&error, ErrorKind::CrossesDevices) => {
                self.replace_across_devices(temp, place, kept, old)
            }
            Err(error) => Err(error),
        }
    }
}

/// Gives a copy the name of a file that was moved to the old versions. If that fails or the moved file is not the planned
/// one, the file goes back.
fn persist_or_restore(
    temp: TempCopy,
    (folder, name): EntryRef<'_>,
    kept: &Folder,
    old: &DiffEntry,
    permit: &WritePermit,
) -> Result<()> {
    let placed = match require_unchanged(kept, name, old) {
        Ok(()) => kept
            .flush()
            .and_then(|()| temp.persist_noclobber(name, permit)),
        Err(_) => Err(raced_error(folder, name)),
    };
    placed.map_err(
        |error| match kept.rename_no_replace(name, folder, name, permit) {
            Ok(()) => error,
            // The second error names the place of the old version.
            Err(lost) => lost,
        },
    )
}

/// Fails if a file system reported success but the name does not belong to the copy.
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
    let why = "the file system reported success, but its name belongs to another file";
    Err(io::Error::other(why)).at("replace", folder.path().join(name))
}

/// Checks an exchange. If the kept file is not the planned one, a newer version was saved meanwhile, and both go back. The
/// returned copy is removed only if it is unchanged, because another program may have saved over it.
fn finish_exchange(
    kept: &Folder,
    (folder, name): EntryRef<'_>,
    old: &DiffEntry,
    copy: &Stat,
    permit: &WritePermit,
) -> Result<()> {
    match require_unchanged(kept, name, old) {
        Ok(()) => return require_replaced((folder, name), kept, old, copy),
        Err(error) if is_not_found(&error) => {
            let why = "the file system reported an exchange of two files but replaced one: the old version is lost";
            return Err(io::Error::other(why))
                .at("keep the old version of", folder.path().join(name));
        }
        Err(_) => {}
    }
    kept.exchange(name, folder, name, permit)?;
    if is_same_file_at(kept, name, copy) {
        kept.erase_file(name, permit)?;
    }
    Err(raced_error(folder, name))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::snapshot::diff::DiffEntry;
    use crate::storage::version::tests::{
        CLIP, Destination, clip, contents, is_raced, planned, unplanned,
    };

    #[test]
    fn replaced_file_is_kept() {
        let destination = Destination::new();
        let (versions, old) = (destination.versions(), planned(destination.place()));
        let place = (&destination.replica, CLIP.as_ref());
        let replaced = versions.replace(
            destination.copy("new"),
            place,
            Destination::relative(),
            &old,
        );
        replaced.unwrap();
        assert_eq!(destination.contents(), clip("new"));
        assert_eq!(destination.old_versions(&versions), clip("old"));
    }

    #[test]
    fn changed_file_is_not_replaced() {
        let destination = Destination::new();
        let (versions, place) = (
            destination.versions(),
            (&destination.replica, CLIP.as_ref()),
        );
        let replace = |old: DiffEntry| {
            let copy = destination.copy("new");
            versions.replace(copy, place, Destination::relative(), &old)
        };
        assert!(is_raced(&replace(unplanned())));
        assert_eq!(destination.contents(), clip("old"));
        let old = planned(destination.place());
        fs::remove_file(destination.replica.path().join(CLIP)).unwrap();
        fs::create_dir(destination.replica.path().join(CLIP)).unwrap();
        assert!(is_raced(&replace(old)));
        assert!(destination.replica.path().join(CLIP).is_dir());
        assert_eq!(versions.run_path(), None);
    }

    /// The state after an exchange: the copy has the name, and another content is kept.
    fn exchanged(kept: Option<&str>) -> (Destination, Stat) {
        let destination = Destination::new();
        destination.write("new");
        if let Some(kept) = kept {
            fs::write(destination.kept.path().join(CLIP), kept).unwrap();
        }
        let copy = destination.replica.stat(CLIP.as_ref()).unwrap();
        (destination, copy)
    }

    #[test]
    fn version_saved_before_the_exchange_goes_back() {
        let (destination, copy) = exchanged(Some("saved"));
        let (kept, place) = (&destination.kept, destination.place());
        assert!(is_raced(&finish_exchange(
            kept,
            place,
            &unplanned(),
            &copy,
            &destination.permit()
        )));
        assert_eq!(destination.contents(), clip("saved"));
        assert_eq!(contents(kept), []);
    }

    #[test]
    fn copy_that_was_saved_over_stays() {
        let (destination, copy) = exchanged(Some("saved"));
        destination.write("saved over the copy");
        let (kept, place) = (&destination.kept, destination.place());
        assert!(is_raced(&finish_exchange(
            kept,
            place,
            &unplanned(),
            &copy,
            &destination.permit()
        )));
        assert_eq!(destination.contents(), clip("saved"));
        assert_eq!(contents(kept), clip("saved over the copy"));
    }

    #[test]
    fn exchange_is_verified_on_both_names() {
        let (destination, copy) = exchanged(Some("old"));
        let (kept, place) = (&destination.kept, destination.place());
        let old = planned((kept, CLIP.as_ref()));
        finish_exchange(kept, place, &old, &copy, &destination.permit()).unwrap();
        let (destination, copy) = exchanged(None);
        let lost = finish_exchange(
            &destination.kept,
            destination.place(),
            &old,
            &copy,
            &destination.permit(),
        );
        let message = lost.unwrap_err().full_message();
        assert!(message.contains("the old version is lost"), "{message}");
        assert_eq!(destination.contents(), clip("new"));
    }

    #[test]
    fn old_version_gets_a_second_name_without_exchange() {
        let destination = Destination::new();
        let (kept, place) = (&destination.kept, destination.place());
        let replace = |old: DiffEntry| {
            let versions = destination.versions();
            versions.replace_without_exchange(
                destination.copy("new"),
                place,
                kept,
                &old,
                &destination.permit(),
            )
        };
        assert!(is_raced(&replace(unplanned())));
        assert_eq!(destination.contents(), clip("old"));
        fs::remove_file(kept.path().join(CLIP)).unwrap();
        replace(planned(place)).unwrap();
        assert_eq!(destination.contents(), clip("new"));
        assert_eq!(contents(kept), clip("old"));
        // The name among the old versions is taken now.
        replace(planned(place)).unwrap_err();
        assert_eq!(contents(kept), clip("old"));
        assert_eq!(destination.contents(), clip("new"));
    }

    #[test]
    fn failed_replacement_restores_the_moved_file() {
        let destination = Destination::new();
        let (kept, place) = (&destination.kept, destination.place());
        let (folder, name) = place;
        let old = planned(place);
        let move_old = || {
            folder
                .rename_no_replace(name, kept, name, &destination.permit())
                .unwrap();
        };
        move_old();
        let unexpected = persist_or_restore(
            destination.copy("new"),
            place,
            kept,
            &unplanned(),
            &destination.permit(),
        );
        assert!(is_raced(&unexpected));
        assert_eq!(destination.contents(), clip("old"));
        move_old();
        let missing = destination.copy("new");
        folder.remove_temporary(missing.location().1).unwrap();
        persist_or_restore(missing, place, kept, &old, &destination.permit()).unwrap_err();
        assert_eq!(destination.contents(), clip("old"));
        move_old();
        destination.write("taken");
        let taken = persist_or_restore(
            destination.copy("new"),
            place,
            kept,
            &old,
            &destination.permit(),
        );
        assert!(is_raced(&taken));
        assert_eq!(destination.contents(), clip("taken"));
        assert_eq!(contents(kept), clip("old"));
    }
}
