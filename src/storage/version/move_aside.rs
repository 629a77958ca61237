//! Moving an entry into the folder of old versions, which frees its name.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::sync::Arc;

use super::check::{is_io_error, raced_error, require_unchanged};
use super::cross_device::DisplacedFile;
use super::{EntryRef, PathInReplica, Versions, flush_if_needed};
use crate::base::error::Result;
use crate::base::lease::WritePermit;
use crate::os::folder::Folder;
use crate::snapshot::diff::DiffEntry;

impl Versions<'_> {
    /// Moves a file or link into the folder of old versions, which frees its name. If that folder is on another file system,
    /// the file is copied, the copy is verified, and the original is removed.
    ///
    /// # Errors
    /// [`crate::base::error::Error::ConcurrentChange`] if the file changed since the plan; it then keeps its name.
    pub fn move_to_versions(
        &self,
        place: EntryRef<'_>,
        relative: PathInReplica<'_>,
        old: &DiffEntry,
    ) -> Result<()> {
        let kept = self.move_unflushed(place, relative, old)?;
        flush_if_needed(&kept)?;
        place.0.flush()
    }

    /// Moves a file or link as [`Self::move_to_versions`] does, and returns the folder of its old version. The caller flushes
    /// both folders, once for many files.
    pub fn move_unflushed(
        &self,
        place: EntryRef<'_>,
        relative: PathInReplica<'_>,
        old: &DiffEntry,
    ) -> Result<Arc<Folder>> {
        let (folder, name) = place;
        match self.move_aside(place, relative, old)? {
            (kept, Some(displaced), _) => {
                displaced.remove()?;
                Ok(kept)
            }
            (kept, None, permit) => {
                restore_if_unexpected(&kept, folder, name, old, &permit)?;
                Ok(kept)
            }
        }
    }

    /// Creates a folder in place of a file, symbolic link or special file, which becomes an old version.
    ///
    /// # Errors
    /// [`crate::base::error::Error::ConcurrentChange`] if the entry changed since the plan; it then keeps its name.
    pub fn replace_with_folder(
        &self,
        place: EntryRef<'_>,
        relative: PathInReplica<'_>,
        old: &DiffEntry,
        mode: u32,
    ) -> Result<()> {
        let (parent, name) = place;
        let (kept, permit) = match self.move_aside(place, relative, old)? {
            (_, Some(displaced), permit) => {
                return match parent.ensure_folder(name, mode, &permit) {
                    Ok(()) => displaced.remove(),
                    Err(error) => displaced.restore(&permit).and(Err(error)),
                };
            }
            (kept, None, permit) => (kept, permit),
        };
        let replaced = require_unchanged(&kept, name, old).and_then(|()| {
            flush_if_needed(&kept)?;
            parent.ensure_folder(name, mode, &permit)
        });
        if replaced.is_err() {
            kept.rename_no_replace(name, parent, name, &permit)?;
        }
        replaced
    }

    /// Frees the name of an entry that is still as planned. Returns the folder of its old version and, if that is a copy on
    /// another file system, the displaced original; and the permit of
    /// the operation.
    fn move_aside<'a>(
        &self,
        (folder, name): EntryRef<'a>,
        relative: PathInReplica<'_>,
        old: &DiffEntry,
    ) -> Result<(Arc<Folder>, Option<DisplacedFile<'a>>, WritePermit)> {
        require_unchanged(folder, name, old)?;
        let permit = self.root.permit()?;
        let kept = self.mirror_folder(relative, &permit)?;
        match folder.rename_no_replace(name, &kept, name, &permit) {
            Err(error) if is_io_error(&error, ErrorKind::CrossesDevices) => {
                let copied = self.copy_across_devices((folder, name), &kept, old)?;
                // The copy may have taken long.
                let permit = self.root.permit()?;
                let displaced = DisplacedFile::displace(folder, name, &copied, &permit)?;
                Ok((kept, Some(displaced), permit))
            }
            moved => moved.map(|()| (kept, None, permit)),
        }
    }
}

/// Fails unless the kept entry is the planned one. Another one was saved meanwhile, and goes back to its name.
fn restore_if_unexpected(
    kept: &Folder,
    folder: &Folder,
    name: &OsStr,
    old: &DiffEntry,
    permit: &WritePermit,
) -> Result<()> {
    if require_unchanged(kept, name, old).is_ok() {
        return Ok(());
    }
    kept.rename_no_replace(name, folder, name, permit)?;
    Err(raced_error(folder, name))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::storage::version::tests::{
        CLIP, Destination, clip, contents, is_raced, planned, unplanned,
    };

    #[test]
    fn removed_file_is_kept() {
        let destination = Destination::new();
        let (versions, place) = (destination.versions(), destination.place());
        let remove = |old| versions.move_to_versions(place, Destination::relative(), &old);
        assert!(is_raced(&remove(unplanned())));
        assert_eq!(destination.contents(), clip("old"));
        assert_eq!(versions.run_path(), None);
        remove(planned(place)).unwrap();
        assert_eq!(destination.contents(), []);
        assert_eq!(destination.old_versions(&versions), clip("old"));
        destination.write("next");
        assert!(is_raced(&remove(planned(place))));
        assert_eq!(destination.contents(), clip("next"));
        assert_eq!(destination.old_versions(&versions), clip("old"));
    }

    #[test]
    fn file_saved_meanwhile_goes_back() {
        let destination = Destination::new();
        let (folder, name) = destination.place();
        let (kept, old) = (&destination.kept, planned(destination.place()));
        let permit = destination.permit();
        folder.rename_no_replace(name, kept, name, &permit).unwrap();
        restore_if_unexpected(kept, folder, name, &old, &permit).unwrap();
        assert_eq!(contents(kept), clip("old"));
        let restored = restore_if_unexpected(kept, folder, name, &unplanned(), &permit);
        assert!(is_raced(&restored));
        assert_eq!(destination.contents(), clip("old"));
        assert_eq!(contents(kept), []);
    }

    #[test]
    fn file_in_the_place_of_a_folder_is_kept() {
        let destination = Destination::new();
        let (versions, place) = (destination.versions(), destination.place());
        let replace =
            |old| versions.replace_with_folder(place, Destination::relative(), &old, 0o750);
        assert!(is_raced(&replace(unplanned())));
        assert_eq!(destination.contents(), clip("old"));
        replace(planned(place)).unwrap();
        assert!(
            fs::metadata(destination.replica.path().join(CLIP))
                .unwrap()
                .is_dir()
        );
        assert_eq!(destination.old_versions(&versions), clip("old"));
    }
}
