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

use self::copier::Passed;
pub use self::temp_name::temporary_name_with;
use self::temp_name::{create, temporary_name};
use crate::base::error::{At as _, Error, Result};
use crate::os::attribute;
use crate::os::attribute::Attributes;
use crate::os::file;
use crate::os::folder::Folder;
use crate::os::stat::{Kind, Stat};
use crate::snapshot::digest::Digest;

/// What copying files one after the other uses again: memory, and what was found out about the disks.
#[derive(Debug, Default)]
pub struct Mover {
    buffer: Vec<u8>,
    attributes: Attributes,
    /// The device that is copied to.
    device: u64,
    /// Whether that is memory.
    is_memory: bool,
    /// Pairs of devices between which nothing can be cloned.
    no_clones: Vec<(u64, u64)>,
    /// Pairs of devices between which the kernel copies nothing.
    no_kernel: Vec<(u64, u64)>,
    /// Whether digests are wanted of what passes through memory.
    pub digests: bool,
    /// Whether every byte is read and written by this process: for a second attempt, where a clone, the kernel's copying or
    /// what a file system tells of holes may have been what went wrong.
    pub careful: bool,
}

impl Mover {
    /// Says where the next files go to: a folder, and the device that it is on.
    pub fn enter(&mut self, folder: &Folder, device: u64) {
        if self.device != device {
            self.device = device;
            self.is_memory = folder.is_in_memory();
        }
    }
}

/// A whole copy under a temporary name. Dropping it removes it; giving it a final name consumes it.
#[derive(Debug)]
pub struct Part {
    folder: Arc<Folder>,
    name: OsString,
    /// The copy; a link has none.
    file: Option<File>,
    /// Where a link points.
    target: Option<OsString>,
    /// The source, where it must be read again to know its digest.
    origin: Option<File>,
    /// Whether the temporary name no longer stands for it.
    settled: bool,
    /// What the source was when it was copied.
    pub source: Stat,
    /// What the storage shows of the copy; `None` for a link.
    pub copy: Option<Stat>,
    /// The digest of the source's bytes, if they passed through memory.
    pub digest: Option<Digest>,
    /// Whether it shares the source's blocks, so that there is nothing to be read back.
    pub cloned: bool,
    /// What became of its extended attributes.
    pub attributes: attribute::Outcome,
}

impl Part {
    /// Its temporary name, and the folder this is in.
    pub fn place(&self) -> (&Arc<Folder>, &OsStr) {
        (&self.folder, &self.name)
    }

    /// Gives the copy a name that must be free.
    ///
    /// # Errors
    /// The name is taken by now, or the system refused.
    pub fn place_new(mut self, name: &OsStr) -> Result<()> {
        self.folder.rename_new(&self.name, &self.folder, name)?;
        self.settled = true;
        Ok(())
    }

    /// Gives the copy the name of the file it replaces, whose old version is kept elsewhere by now.
    ///
    /// # Errors
    /// The system refused.
    pub fn place_over(mut self, name: &OsStr) -> Result<()> {
        self.folder.rename(&self.name, &self.folder, name)?;
        self.settled = true;
        Ok(())
    }

    /// Moves the copy into another folder of the same file system, under a name that must be free there.
    ///
    /// # Errors
    /// The name is taken, the folder is on another file system, or the system refused; it is where it was then.
    pub fn move_to(&mut self, folder: &Arc<Folder>, name: &OsStr) -> Result<()> {
        self.folder.rename_new(&self.name, folder, name)?;
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
    /// As for [`Self::place_new`].
    pub fn place_in(mut self, folder: &Folder, name: &OsStr) -> Result<()> {
        self.folder.rename_new(&self.name, folder, name)?;
        self.settled = true;
        Ok(())
    }

    /// Lets go of it: its name stands for something else from now on, which must not be removed.
    pub const fn settle(&mut self) {
        self.settled = true;
    }

    /// Its name stands for it after all.
    pub const fn unsettle(&mut self) {
        self.settled = false;
    }

    /// Closes the copy where its file system may write or fail only then. Nothing can be read back any more.
    ///
    /// # Errors
    /// Its bytes could not be kept.
    pub fn close(&mut self) -> Result<()> {
        if self.folder.features().is_honest {
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

impl Drop for Part {
    fn drop(&mut self) {
        if !self.settled {
            // What cannot be removed is swept by the next run.
            self.folder.remove_temporary(&self.name).unwrap_or_default();
        }
    }
}

/// Makes a symbolic link under a temporary name, with the time of the one it copies.
///
/// # Errors
/// The file system has no links, or the system refused.
pub fn make_link(source: &Folder, name: &OsStr, destination: &Arc<Folder>) -> Result<Part> {
    let (target, stat) = (source.read_link(name)?, source.stat(name)?);
    let (temporary, ()) = create(destination, |temporary| {
        destination.make_link(temporary, &target)
    })
    .map_err(without_links)?;
    let part = Part {
        folder: Arc::clone(destination),
        name: temporary,
        file: None,
        target: Some(target),
        origin: None,
        settled: false,
        source: Stat { bytes: 0, ..stat },
        copy: None,
        digest: None,
        cloned: false,
        attributes: attribute::Outcome::Kept,
    };
    destination.set_modified(&part.name, stat.modified)?;
    Ok(part)
}

/// Copies a file to a temporary file in `destination`, whole, with its time, permissions and extended attributes, but not
/// flushed yet; `told` hears of the bytes while they are moved.
///
/// # Errors
/// [`Error::Changed`] if the source was not the same before and after, [`Error::Interrupted`], or what the disks refused.
pub fn copy_file(
    source: &Folder,
    name: &OsStr,
    destination: &Arc<Folder>,
    mover: &mut Mover,
    told: &dyn Fn(u64),
) -> Result<Part> {
    let (from, stat) = source.open_file(name)?;
    let (temporary, to) = create(destination, |temporary| destination.create_file(temporary))?;
    let mut part = Part {
        folder: Arc::clone(destination),
        name: temporary,
        file: None,
        target: None,
        origin: None,
        settled: false,
        source: stat,
        copy: None,
        digest: None,
        cloned: false,
        attributes: attribute::Outcome::Kept,
    };
    let passed = mover.move_bytes((&from, &stat), &to, told);
    let changed = || Error::Changed {
        path: source.path().join(name),
    };
    if !file::is_unchanged(&from, &stat) {
        return Err(changed());
    }
    let passed =
        passed.map_err(|error| copier::explain(error, &source.path().join(name), destination))?;
    if passed == Passed::Short {
        return Err(changed());
    }
    mover.dress(&from, &to, &mut part).at(
        "set the time or permissions of a file in",
        destination.path(),
    )?;
    match passed {
        Passed::Short => {}
        Passed::Cloned => part.cloned = true,
        Passed::Hashed(digest) => part.digest = digest,
        // Its source must be read again.
        Passed::Unseen => part.origin = mover.digests.then_some(from),
    }
    part.file = Some(to);
    Ok(part)
}

/// Moves a file that nobody else needs to a temporary name in `destination`, as it is; `None` where that is on another
/// file system. The digest, where one is wanted, is of what the file holds now.
///
/// # Errors
/// [`Error::Interrupted`], or what the disk refused.
pub fn take_file(
    source: &Folder,
    name: &OsStr,
    destination: &Arc<Folder>,
    kit: &mut Mover,
) -> Result<Option<Part>> {
    let (file, stat) = source.open_file(name)?;
    let digest = if kit.digests {
        let read = Digest::of_file(&file, &mut kit.buffer, &|_| {});
        Some(read.at("read", source.path().join(name))?)
    } else {
        None
    };
    let moved = create(destination, |temporary| {
        source.rename_new(name, destination, temporary)
    });
    let temporary = match moved {
        Err(Error::Io { source: error, .. }) if error.kind() == ErrorKind::CrossesDevices => {
            return Ok(None);
        }
        moved => moved?.0,
    };
    Ok(Some(Part {
        folder: Arc::clone(destination),
        name: temporary,
        file: Some(file),
        target: None,
        origin: None,
        settled: false,
        source: stat,
        copy: Some(stat),
        digest,
        cloned: false,
        attributes: attribute::Outcome::Kept,
    }))
}

impl Mover {
    /// Memory to read into.
    pub const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Gives a copy its extended attributes, permissions and time. In this order: the owner of a file may give it attributes
    /// only while it may be written.
    fn dress(&mut self, from: &File, to: &File, part: &mut Part) -> std::io::Result<()> {
        let mode = part.source.mode;
        part.attributes = self.attributes.copy(from, to);
        if part.attributes != attribute::Outcome::Kept
            && let Some(group) = attribute::group_mode(from)
        {
            // Without the list the bits of the group would let in more than the list does.
            file::set_mode(to, mode & !0o070 | mode & group)?;
        } else {
            file::set_mode(to, mode)?;
        }
        file::set_modified(to, part.source.modified)?;
        part.copy = Some(file::stat(to)?);
        Ok(())
    }
}

/// Says of a file system that has no symbolic links that this is why.
fn without_links(error: Error) -> Error {
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
pub fn sweep(folder: &Folder, name: &OsStr) -> bool {
    let is_ours = folder
        .stat(name)
        .is_ok_and(|stat| matches!(stat.kind, Kind::File | Kind::Link));
    is_ours && folder.remove_temporary(name).is_ok()
}
