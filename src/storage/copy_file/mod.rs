//! Copying one file so that its final name never stands for half of it.
//!
//! The bytes go to a temporary file in the destination's folder. Only when they are whole, flushed, read back and carry
//! the source's time and permissions may that file get its final name; flushing, reading back and naming are the caller's
//! to ask for, because they are cheaper for many files at once.

mod copier;
mod temp_name;
mod verify;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::ErrorKind;
use std::sync::Arc;

use self::copier::CopyMethod;
pub use self::temp_name::temporary_name_with;
use self::temp_name::{create_temporary, temporary_name};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::os::attribute;
use crate::os::attribute::XattrCopier;
use crate::os::file;
use crate::os::folder::Folder;
use crate::os::stat::{EntryKind, Stat};
use crate::snapshot::digest::Digest;

/// What copying files one after the other uses again: memory, and what was found out about the disks.
#[derive(Debug, Default)]
pub struct Copier {
    buffer: Vec<u8>,
    attributes: XattrCopier,
    /// The device that is copied to.
    destination_device: u64,
    /// Whether that is memory.
    destination_in_memory: bool,
    /// Pairs of devices between which nothing can be cloned.
    uncloneable: Vec<(u64, u64)>,
    /// Pairs of devices between which the kernel copies nothing.
    no_kernel_copy: Vec<(u64, u64)>,
    /// Whether digests are wanted of what passes through memory.
    pub with_digests: bool,
    /// Whether every byte is read and written by this process: for a second attempt, where a clone, the kernel's copying or
    /// what a file system tells of holes may have been what went wrong.
    pub buffered_only: bool,
}

impl Copier {
    /// Says where the next files go to: a folder, and the device that it is on.
    pub fn set_destination(&mut self, folder: &Folder, device: u64) {
        if self.destination_device != device {
            self.destination_device = device;
            self.destination_in_memory = folder.is_in_memory();
        }
    }
}

/// A whole copy under a temporary name. Dropping it removes it; giving it a final name consumes it.
#[derive(Debug)]
pub struct TempCopy {
    folder: Arc<Folder>,
    name: OsString,
    /// The copy; a link has none.
    file: Option<File>,
    /// Where a link points.
    link_target: Option<OsString>,
    /// The source, where it must be read again to know its digest.
    source_file: Option<File>,
    /// Whether the temporary name no longer stands for it.
    is_disarmed: bool,
    /// What the source was when it was copied.
    pub source_stat: Stat,
    /// What the storage shows of the copy; `None` for a link.
    pub copy_stat: Option<Stat>,
    /// The digest of the source's bytes, if they passed through memory.
    pub digest: Option<Digest>,
    /// Whether it shares the source's blocks, so that there is nothing to be read back.
    pub is_cloned: bool,
    /// What became of its extended attributes.
    pub attributes: attribute::XattrOutcome,
}

impl TempCopy {
    /// Its temporary name, and the folder this is in.
    pub fn location(&self) -> (&Arc<Folder>, &OsStr) {
        (&self.folder, &self.name)
    }

    /// Gives the copy a name that must be free.
    ///
    /// # Errors
    /// The name is taken by now, or the system refused.
    pub fn persist_noclobber(mut self, name: &OsStr) -> Result<()> {
        self.folder
            .rename_no_replace(&self.name, &self.folder, name)?;
        self.is_disarmed = true;
        Ok(())
    }

    /// Gives the copy the name of the file it replaces, whose old version is kept elsewhere by now.
    ///
    /// # Errors
    /// The system refused.
    pub fn persist(mut self, name: &OsStr) -> Result<()> {
        self.folder.rename(&self.name, &self.folder, name)?;
        self.is_disarmed = true;
        Ok(())
    }

    /// Moves the copy into another folder of the same file system, under a name that must be free there.
    ///
    /// # Errors
    /// The name is taken, the folder is on another file system, or the system refused; it is where it was then.
    pub fn move_to(&mut self, folder: &Arc<Folder>, name: &OsStr) -> Result<()> {
        self.folder.rename_no_replace(&self.name, folder, name)?;
        self.folder = Arc::clone(folder);
        name.clone_into(&mut self.name);
        Ok(())
    }

    /// Moves it back into the folder of its final name, under a temporary name.
    ///
    /// # Errors
    /// As for [`Self::move_to`].
    pub fn move_back(&mut self, folder: &Arc<Folder>) -> Result<()> {
        self.move_to(folder, &temporary_name())
    }

    /// Gives the copy a name in another folder of the same file system, which must be free.
    ///
    /// # Errors
    /// As for [`Self::persist_noclobber`].
    pub fn persist_noclobber_in(mut self, folder: &Folder, name: &OsStr) -> Result<()> {
        self.folder.rename_no_replace(&self.name, folder, name)?;
        self.is_disarmed = true;
        Ok(())
    }

    /// Lets go of it: its name stands for something else from now on, which must not be removed.
    pub const fn disarm(&mut self) {
        self.is_disarmed = true;
    }

    /// Its name stands for it after all.
    pub const fn rearm(&mut self) {
        self.is_disarmed = false;
    }

    /// Closes the copy where its file system may write or fail only then. Nothing can be read back any more.
    ///
    /// # Errors
    /// Its bytes could not be kept.
    pub fn close(&mut self) -> Result<()> {
        if self.folder.features().is_reliable {
            return Ok(());
        }
        let closed = self.file.take().map_or(Ok(()), file::close);
        closed.at("close a copy in", self.folder.path())
    }

    /// Flushes this file alone.
    ///
    /// # Errors
    /// Its bytes could not be kept.
    pub fn flush(&self) -> Result<()> {
        match &self.file {
            Some(file) => file.sync_all().at("flush", self.folder.path()),
            None => Ok(()),
        }
    }
}

impl Drop for TempCopy {
    fn drop(&mut self) {
        if !self.is_disarmed {
            // What cannot be removed is swept by the next run.
            self.folder.remove_temporary(&self.name).unwrap_or_default();
        }
    }
}

/// Makes a symbolic link under a temporary name, with the time of the one it copies.
///
/// # Errors
/// The file system has no links, or the system refused.
pub fn copy_link(source: &Folder, name: &OsStr, destination: &Arc<Folder>) -> Result<TempCopy> {
    let (target, stat) = (source.read_link(name)?, source.stat(name)?);
    let (temporary, ()) = create_temporary(destination, |temporary| {
        destination.create_symlink(temporary, &target)
    })
    .map_err(explain_no_symlinks)?;
    let temp = TempCopy {
        folder: Arc::clone(destination),
        name: temporary,
        file: None,
        link_target: Some(target),
        source_file: None,
        is_disarmed: false,
        source_stat: Stat { bytes: 0, ..stat },
        copy_stat: None,
        digest: None,
        is_cloned: false,
        attributes: attribute::XattrOutcome::Copied,
    };
    destination.set_modified(&temp.name, stat.modified)?;
    Ok(temp)
}

/// Copies a file to a temporary file in `destination`, whole, with its time, permissions and extended attributes, but not
/// flushed yet; `told` hears of the bytes while they are moved.
///
/// # Errors
/// `Error::ChangedFile` if the source was not the same before and after, [`Error::Interrupted`], or what the disks refused.
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
    let mut temp = TempCopy {
        folder: Arc::clone(destination),
        name: temporary,
        file: None,
        link_target: None,
        source_file: None,
        is_disarmed: false,
        source_stat: stat,
        copy_stat: None,
        digest: None,
        is_cloned: false,
        attributes: attribute::XattrOutcome::Copied,
    };
    let method = copier.copy_bytes((&from, &stat), &to, on_progress);
    let changed = || Error::SourceChanged {
        path: source.path().join(name),
    };
    if !file::is_unchanged(&from, &stat) {
        return Err(changed());
    }
    let method = method
        .map_err(|error| copier::copy_error(error, &source.path().join(name), destination))?;
    if method == CopyMethod::SizeChanged {
        return Err(changed());
    }
    copier.apply_metadata(&from, &to, &mut temp).at(
        "set the time or permissions of a file in",
        destination.path(),
    )?;
    match method {
        CopyMethod::SizeChanged => {}
        CopyMethod::Cloned => temp.is_cloned = true,
        CopyMethod::Buffered(digest) => temp.digest = digest,
        // Its source must be read again.
        CopyMethod::Unhashed => temp.source_file = copier.with_digests.then_some(from),
    }
    temp.file = Some(to);
    Ok(temp)
}

/// Moves a file that nobody else needs to a temporary name in `destination`, as it is; `None` where that is on another
/// file system. The digest, where one is wanted, is of what the file holds now.
///
/// # Errors
/// [`Error::Interrupted`], or what the disk refused.
pub fn move_file(
    source: &Folder,
    name: &OsStr,
    destination: &Arc<Folder>,
    copier: &mut Copier,
) -> Result<Option<TempCopy>> {
    let (file, stat) = source.open_file(name)?;
    let digest = if copier.with_digests {
        let read = Digest::of_file(&file, &mut copier.buffer, &|_| {});
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
    Ok(Some(TempCopy {
        folder: Arc::clone(destination),
        name: temporary,
        file: Some(file),
        link_target: None,
        source_file: None,
        is_disarmed: false,
        source_stat: stat,
        copy_stat: Some(stat),
        digest,
        is_cloned: false,
        attributes: attribute::XattrOutcome::Copied,
    }))
}

impl Copier {
    /// Memory to read into.
    pub const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Gives a copy its extended attributes, permissions and time. In this order: the owner of a file may give it attributes
    /// only while it may be written.
    fn apply_metadata(
        &mut self,
        from: &File,
        to: &File,
        temp: &mut TempCopy,
    ) -> std::io::Result<()> {
        let mode = temp.source_stat.mode;
        temp.attributes = self.attributes.copy(from, to);
        if temp.attributes != attribute::XattrOutcome::Copied
            && let Some(group) = attribute::acl_group_mode(from)
        {
            // Without the list the bits of the group would let in more than the list does.
            file::set_mode(to, mode & !0o070 | mode & group)?;
        } else {
            file::set_mode(to, mode)?;
        }
        file::set_modified(to, temp.source_stat.modified)?;
        temp.copy_stat = Some(file::stat(to)?);
        Ok(())
    }
}

/// Says of a file system that has no symbolic links that this is why.
fn explain_no_symlinks(error: Error) -> Error {
    match error {
        Error::Io { path, source, .. }
            if matches!(
                source.kind(),
                ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) =>
        {
            Error::Io {
                action: "create a symbolic link in",
                path,
                source: std::io::Error::new(
                    source.kind(),
                    format!("this storage may hold none: {source}"),
                ),
            }
        }
        error => error,
    }
}

/// Removes a temporary file that a run left behind; says whether it is gone. Only for who holds the database's lock: no
/// other run can be using it then.
pub fn remove_leftover(folder: &Folder, name: &OsStr) -> bool {
    let is_ours = folder
        .stat(name)
        .is_ok_and(|stat| matches!(stat.kind, EntryKind::File | EntryKind::Link));
    is_ours && folder.remove_temporary(name).is_ok()
}
