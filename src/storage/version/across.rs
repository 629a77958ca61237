//! Keeping an old version on another file system than its own: it is copied, the copy is proven, and only then is the original
//! removed or replaced, if it is unchanged.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::sync::Arc;

use super::check::{is_io_error, is_same_file_at, raced_error};
use super::{EntryRef, Versions};
use crate::base::error::{Error, Result};
use crate::model::own_folder;
use crate::os::folder::Folder;
use crate::os::stat::{EntryKind, Stat};
use crate::snapshot::diff::DiffEntry;
use crate::storage::copy_file::{Copier, TempCopy, copy_file, copy_link, temporary_name_with};

impl Versions<'_> {
    /// Copies an old version among the others and returns what was copied. It was flushed and read back by then.
    pub(super) fn copy_across_devices(
        &self,
        (folder, name): EntryRef<'_>,
        kept: &Arc<Folder>,
        old: &DiffEntry,
    ) -> Result<Stat> {
        if !matches!(old.kind, EntryKind::File | EntryKind::Link) {
            let why = "it is on another file system than the kept versions; move it away by hand";
            return Err(Error::Io {
                action: "replace",
                path: folder.path().join(name),
                source: std::io::Error::other(why),
            });
        }
        // In our own folder the next run finds what one that was killed leaves. Some file systems move nothing from there.
        let own = Arc::new(own_folder::open(self.root)?);
        match copy_verified((folder, name), &own, kept, old.kind) {
            Err(error) if is_io_error(&error, ErrorKind::CrossesDevices) => {
                copy_verified((folder, name), kept, kept, old.kind)
            }
            original => original,
        }
    }

    /// Replaces on a file system other than that of the versions: the old version is copied there first.
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
        // From the exchange on the temporary name stands for the old version.
        temp.disarm();
        let exchanged = folder.exchange(&temporary, folder, name);
        if !matches!(exchanged, Ok(true)) && is_same_file_at(folder, &temporary, &new) {
            temp.rearm();
        }
        if exchanged? {
            if is_same_file_at(folder, &temporary, &copied) {
                // Its copy is kept.
                return folder.remove_temporary(&temporary);
            }
            folder.exchange(&temporary, folder, name)?;
            keep_concurrent_save(folder, name, &temporary, &new)?;
            return Err(raced_error(folder, name));
        }
        let there = folder.stat(name)?;
        let is_unchanged = there.kind == EntryKind::Link
            || there.status_changed == copied.status_changed
            || !folder.features().is_reliable;
        if !(is_unchanged && folder.is_same_file(&there, &copied)) {
            return Err(raced_error(folder, name));
        }
        temp.persist(name)
    }
}

/// Copies a file or link to a temporary name in a folder, proves the copy, and gives it its name among the versions.
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
    copy.persist_noclobber_in(kept, name)?;
    kept.flush()?;
    Ok(original)
}

/// An original whose copy is kept, under a temporary name beside its own.
pub(super) struct DisplacedFile<'a> {
    folder: &'a Folder,
    name: &'a OsStr,
    temporary: OsString,
}

impl<'a> DisplacedFile<'a> {
    /// Takes the name from a file that is still what was copied. What somebody saved meanwhile keeps it.
    pub(super) fn displace(folder: &'a Folder, name: &'a OsStr, copied: &Stat) -> Result<Self> {
        if !is_same_file_at(folder, name, copied) {
            return Err(raced_error(folder, name));
        }
        let aside = Self {
            folder,
            name,
            temporary: temporary_name_with(b""),
        };
        folder.rename_no_replace(name, folder, &aside.temporary)?;
        if is_same_file_at(folder, &aside.temporary, copied) {
            return Ok(aside);
        }
        aside.restore()?;
        Err(raced_error(folder, name))
    }

    /// Removes the original; its copy is all that is left of it.
    pub(super) fn remove(self) -> Result<()> {
        self.folder.remove_temporary(&self.temporary)
    }

    /// Gives the original its name again; where somebody else took that, one beside it.
    pub(super) fn restore(self) -> Result<()> {
        let Self {
            folder,
            name,
            temporary,
        } = self;
        match folder.rename_no_replace(&temporary, folder, name) {
            Err(Error::ConcurrentChange { .. }) => {
                folder.rename_no_replace(&temporary, folder, &concurrent_save_name(name))
            }
            renamed => renamed,
        }
    }
}

/// After an exchange that was taken back in a file's own folder: removes the copy, but if somebody saved over that too,
/// gives what they saved a name that stays.
fn keep_concurrent_save(
    folder: &Folder,
    name: &OsStr,
    temporary: &OsStr,
    copy: &Stat,
) -> Result<()> {
    if is_same_file_at(folder, temporary, copy) {
        return folder.remove_temporary(temporary);
    }
    folder.rename_no_replace(temporary, folder, &concurrent_save_name(name))
}

fn concurrent_save_name(name: &OsStr) -> OsString {
    let mut saved = name.to_owned();
    saved.push(".saved-meanwhile");
    saved
}
