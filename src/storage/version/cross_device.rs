//! Keeping an old version on another file system: it is copied and the copy verified before the original, if still
//! unchanged, is removed or replaced.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::sync::Arc;

use super::check::{is_io_error, is_same_file_at, raced_error};
use super::{EntryRef, Versions};
use crate::base::error::{Error, Result};
use crate::base::lease::WritePermit;
use crate::model::own_folder;
use crate::os::folder::Folder;
use crate::os::stat::{EntryKind, Stat};
use crate::snapshot::diff::DiffEntry;
use crate::storage::copy_file::{Copier, TempCopy, copy_file, copy_link, temporary_name_with};

impl Versions<'_> {
    /// Copies an old version to its folder and returns the original's metadata. The copy is flushed and verified.
    pub(super) fn copy_across_devices(
        &self,
        (folder, name): EntryRef<'_>,
        kept: &Arc<Folder>,
        old: &DiffEntry,
    ) -> Result<Stat> {
        if !matches!(old.kind, EntryKind::File | EntryKind::Link) {
            let why = "it is on another file system than the old versions and is no file or link; move it away yourself";
            return Err(Error::Io {
                action: "replace",
                path: folder.path().join(name),
                source: std::io::Error::other(why),
            });
        }
        // The next run removes leftovers from the program's folder, so the copy starts there. Some file systems cannot move
        // it from there.
        let own = Arc::new(own_folder::open(self.root)?);
        match copy_verified((folder, name), &own, kept, old.kind) {
            Err(error) if is_io_error(&error, ErrorKind::CrossesDevices) => {
                copy_verified((folder, name), kept, kept, old.kind)
            }
            original => original,
        }
    }

    /// Replaces a file whose old versions are on another file system: the old version is copied there first.
    pub(super) fn replace_across_devices(
        &self,
        mut temp: TempCopy,
        place: EntryRef<'_>,
        kept: &Arc<Folder>,
        old: &DiffEntry,
    ) -> Result<()> {
        let (folder, name) = place;
        let copied = self.copy_across_devices(place, kept, old)?;
        let temporary = temp.location().1.to_owned();
        let new = folder.stat(&temporary)?;
        let permit = self.root.permit()?;
        // After the exchange the temporary name belongs to the old version.
        temp.disarm();
        let exchanged = folder.exchange(&temporary, folder, name, &permit);
        if !matches!(exchanged, Ok(true)) && is_same_file_at(folder, &temporary, &new) {
            temp.rearm();
        }
        if exchanged? {
            if is_same_file_at(folder, &temporary, &copied) {
                // Its copy is kept among the old versions.
                return folder.remove_temporary(&temporary);
            }
            folder.exchange(&temporary, folder, name, &permit)?;
            keep_concurrent_save(folder, name, &temporary, &new, &permit)?;
            return Err(raced_error(folder, name));
        }
        let current = folder.stat(name)?;
        let is_unchanged = current.kind == EntryKind::Link
            || current.status_changed == copied.status_changed
            || !folder.features().is_reliable;
        if !(is_unchanged && folder.is_same_file(&current, &copied)) {
            return Err(raced_error(folder, name));
        }
        temp.persist(name, &permit)
    }
}

/// Copies a file or symbolic link to a temporary name in a folder, verifies the copy, and moves it into the folder of old
/// versions.
fn copy_verified(
    (folder, name): EntryRef<'_>,
    within: &Arc<Folder>,
    kept: &Folder,
    kind: EntryKind,
) -> Result<Stat> {
    let mut copier = Copier::default();
    copier.with_digests = true;
    let mut copy = if kind == EntryKind::File {
        copy_file(folder, name, within, &mut copier, &|_| {})?
    } else {
        copy_link(folder, name, within)?
    };
    copy.flush()?;
    copy.drop_cache();
    let verdict = copy.verify(copier.buffer(), &|_| {}, &folder.path().join(name))?;
    if let Some(verdict) = verdict.filter(|verdict| verdict.source != verdict.copy) {
        return Err(Error::VerificationFailed {
            path: kept.path().join(name),
            source_digest: verdict.source.to_string(),
            copy_digest: verdict.copy.to_string(),
        });
    }
    copy.close()?;
    let original = copy.source_stat;
    copy.persist_noclobber_in(kept, name, &kept.permit()?)?;
    kept.flush()?;
    Ok(original)
}

/// An original under a temporary name, whose copy is kept among the old versions.
pub(super) struct DisplacedFile<'a> {
    folder: &'a Folder,
    name: &'a OsStr,
    temporary: OsString,
}

impl<'a> DisplacedFile<'a> {
    /// Renames a file that is unchanged since it was copied. A file that was saved meanwhile keeps its name.
    pub(super) fn displace(
        folder: &'a Folder,
        name: &'a OsStr,
        copied: &Stat,
        permit: &WritePermit,
    ) -> Result<Self> {
        if !is_same_file_at(folder, name, copied) {
            return Err(raced_error(folder, name));
        }
        let displaced = Self {
            folder,
            name,
            temporary: temporary_name_with(b""),
        };
        folder.rename_no_replace(name, folder, &displaced.temporary, permit)?;
        if is_same_file_at(folder, &displaced.temporary, copied) {
            return Ok(displaced);
        }
        displaced.restore(permit)?;
        Err(raced_error(folder, name))
    }

    /// Removes the original. Its copy remains.
    pub(super) fn remove(self) -> Result<()> {
        self.folder.remove_temporary(&self.temporary)
    }

    /// Gives the original its name back, or a name beside it if that is taken.
    pub(super) fn restore(self, permit: &WritePermit) -> Result<()> {
        let Self {
            folder,
            name,
            temporary,
        } = self;
        match folder.rename_no_replace(&temporary, folder, name, permit) {
            Err(Error::ConcurrentChange { .. }) => {
                folder.rename_no_replace(&temporary, folder, &concurrent_save_name(name), permit)
            }
            renamed => renamed,
        }
    }
}

/// Cleans up after an exchange that was undone: removes the copy, or, if another program saved over it, gives the saved
/// file a name that stays.
fn keep_concurrent_save(
    folder: &Folder,
    name: &OsStr,
    temporary: &OsStr,
    copy: &Stat,
    permit: &WritePermit,
) -> Result<()> {
    if is_same_file_at(folder, temporary, copy) {
        return folder.remove_temporary(temporary);
    }
    folder.rename_no_replace(temporary, folder, &concurrent_save_name(name), permit)
}

fn concurrent_save_name(name: &OsStr) -> OsString {
    let mut saved = name.to_owned();
    saved.push(".saved-meanwhile");
    saved
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::storage::version::tests::{CLIP, Destination, clip, contents, is_raced, planned};

    fn saved_meanwhile(clip: &str, saved: &str) -> Vec<(String, String)> {
        let name = |name: &str| name.to_owned();
        let saved_name = format!("{CLIP}.saved-meanwhile");
        vec![(name(CLIP), name(clip)), (saved_name, name(saved))]
    }

    #[test]
    fn version_is_copied_before_the_original_goes() {
        let destination = Destination::new();
        let (versions, place, kept) = (
            destination.versions(),
            destination.place(),
            &destination.kept,
        );
        let old = planned(place);
        let copied = versions.copy_across_devices(place, kept, &old).unwrap();
        assert_eq!(copied.file_id(), place.0.stat(place.1).unwrap().file_id());
        assert_eq!(destination.contents(), clip("old"));
        assert_eq!(contents(kept), clip("old"));
        destination.write("other");
        assert!(is_raced(&versions.copy_across_devices(place, kept, &old)));
        assert_eq!(contents(kept), clip("old"));
        let special = DiffEntry::of_kind(EntryKind::Special);
        let refused = versions.copy_across_devices(place, kept, &special);
        assert!(
            refused
                .unwrap_err()
                .full_message()
                .contains("no file or link")
        );
    }

    #[test]
    fn link_is_kept_as_a_link() {
        let destination = Destination::new();
        let (folder, kept, name) = (&*destination.replica, &destination.kept, OsStr::new("link"));
        folder.create_symlink(name, CLIP.as_ref()).unwrap();
        let old = planned((folder, name));
        let versions = destination.versions();
        versions
            .copy_across_devices((folder, name), kept, &old)
            .unwrap();
        assert_eq!(kept.read_link(name).unwrap(), CLIP);
    }

    #[test]
    fn replacement_leaves_new_and_kept_file() {
        let destination = Destination::new();
        let (versions, place, kept) = (
            destination.versions(),
            destination.place(),
            &destination.kept,
        );
        let old = planned(place);
        let copy = destination.copy("new");
        versions
            .replace_across_devices(copy, place, kept, &old)
            .unwrap();
        assert_eq!(destination.contents(), clip("new"));
        assert_eq!(contents(kept), clip("old"));
        // The second version of the name is refused, and the file stays.
        let copy = destination.copy("newer");
        let refused = versions.replace_across_devices(copy, place, kept, &planned(place));
        assert!(is_raced(&refused));
        assert_eq!(destination.contents(), clip("new"));
        assert_eq!(contents(kept), clip("old"));
    }

    #[test]
    fn only_the_copied_file_is_displaced() {
        let destination = Destination::new();
        let (folder, name) = destination.place();
        let copied = folder.stat(name).unwrap();
        DisplacedFile::displace(folder, name, &copied, &destination.permit())
            .unwrap()
            .remove()
            .unwrap();
        assert_eq!(destination.contents(), []);
        destination.write("saved");
        assert!(is_raced(&DisplacedFile::displace(
            folder,
            name,
            &copied,
            &destination.permit()
        )));
        assert_eq!(destination.contents(), clip("saved"));
    }

    #[test]
    fn restored_file_replaces_nothing() {
        let destination = Destination::new();
        let (folder, name) = destination.place();
        let displace = || {
            let copied = folder.stat(name).unwrap();
            DisplacedFile::displace(folder, name, &copied, &destination.permit()).unwrap()
        };
        displace().restore(&destination.permit()).unwrap();
        assert_eq!(destination.contents(), clip("old"));
        let displaced = displace();
        destination.write("taken");
        displaced.restore(&destination.permit()).unwrap();
        assert_eq!(destination.contents(), saved_meanwhile("taken", "old"));
    }

    #[test]
    fn file_saved_over_a_copy_gets_a_name() {
        let destination = Destination::new();
        let (folder, name) = destination.place();
        let temporary = OsStr::new(".auto-backup-x.part");
        let write = |content: &str| fs::write(folder.path().join(temporary), content).unwrap();
        write("copy");
        let copy = folder.stat(temporary).unwrap();
        keep_concurrent_save(folder, name, temporary, &copy, &destination.permit()).unwrap();
        assert_eq!(destination.contents(), clip("old"));
        write("saved later");
        keep_concurrent_save(folder, name, temporary, &copy, &destination.permit()).unwrap();
        assert_eq!(
            destination.contents(),
            saved_meanwhile("old", "saved later")
        );
    }
}
