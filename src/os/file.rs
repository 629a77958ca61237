//! Open files: cloning and copying inside the kernel, where their data is, what of them stays cached, flushing.

use std::fs::File;
use std::io;

use rustix::io::Errno;

use super::folder::Folder;
use super::space;
use super::stat::Stat;
use crate::base::error::{IoResultExt as _, Result};
use crate::base::timestamp::Timestamp;

/// Errors of systems for times that a file system cannot represent.
pub(super) const NOT_REPRESENTABLE: [Errno; 4] =
    [Errno::INVAL, Errno::RANGE, Errno::OVERFLOW, Errno::NOTSUP];

/// What the file system says of an open file.
///
/// # Errors
/// The system refused.
pub fn stat(file: &File) -> io::Result<Stat> {
    Ok(Stat::from_raw(&rustix::fs::fstat(file)?))
}

/// Whether an open file is what it was at an earlier look. On a file system where the time of the status is another at every
/// look, size and modification time decide; those that do what they say are none of these.
pub fn is_unchanged(file: &File, earlier: &Stat) -> bool {
    let Ok(now) = stat(file) else {
        return false;
    };
    if now.is_unchanged_since(earlier) {
        return true;
    }
    if space::is_on_reliable_file_system(file) {
        return false;
    }
    (now.bytes, now.modified) == (earlier.bytes, earlier.modified)
        && stat(file).is_ok_and(|again| again.status_changed != now.status_changed)
}

/// Closes a file, and reports what dropping it would not: some network file systems write only then.
///
/// # Errors
/// Something that was written could not be kept.
pub fn close(file: File) -> io::Result<()> {
    Ok(nix::unistd::close(file)?)
}

/// Sets the modification time of an open file; a file system that cannot represent it keeps another.
///
/// # Errors
/// The system refused.
pub fn set_modified(file: &File, modified: Timestamp) -> io::Result<()> {
    let timespec = rustix::fs::Timespec {
        tv_sec: modified.seconds,
        tv_nsec: modified.nanoseconds.into(),
    };
    let times = rustix::fs::Timestamps {
        last_access: timespec,
        last_modification: timespec,
    };
    match rustix::fs::futimens(file, &times) {
        Err(error) if NOT_REPRESENTABLE.contains(&error) => Ok(()),
        set => Ok(set?),
    }
}

/// Sets the permissions of an open file, but never setuid or setgid; a file system without permissions keeps its own.
///
/// # Errors
/// The system refused.
pub fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    let bits = rustix::fs::Mode::from_raw_mode((mode & 0o777) as rustix::fs::RawMode);
    match rustix::fs::fchmod(file, bits) {
        Err(Errno::PERM | Errno::NOTSUP | Errno::ACCESS | Errno::NOSYS) => Ok(()),
        set => Ok(set?),
    }
}

/// Makes an empty file share the blocks of another; says `false` where the two cannot.
///
/// # Errors
/// They could, but the disk refused.
#[cfg(target_os = "linux")]
pub fn reflink(source: &File, target: &File) -> io::Result<bool> {
    match rustix::fs::ioctl_ficlone(target, source) {
        Err(
            Errno::NOTSUP
            | Errno::NOTTY
            | Errno::XDEV
            | Errno::INVAL
            | Errno::NOSYS
            | Errno::PERM
            | Errno::ACCESS
            | Errno::TXTBSY,
        ) => Ok(false),
        cloned => Ok(cloned.map(|()| true)?),
    }
}

/// The same, where the system has no such call.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn reflink(_source: &File, _target: &File) -> io::Result<bool> {
    Ok(false)
}

/// Copies bytes from one file to the same place of another without leaving the kernel; gives how many, 0 at the end, or
/// `None` where it cannot be done between these two.
///
/// # Errors
/// A disk refused.
#[cfg(target_os = "linux")]
pub fn copy_in_kernel(
    source: &File,
    target: &File,
    offset: u64,
    bytes: u64,
) -> io::Result<Option<u64>> {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    let (mut from, mut to) = (offset, offset);
    let copied = rustix::io::retry_on_intr(|| {
        rustix::fs::copy_file_range(source, Some(&mut from), target, Some(&mut to), bytes)
    });
    match copied {
        Err(
            Errno::XDEV
            | Errno::NOSYS
            | Errno::INVAL
            | Errno::NOTSUP
            | Errno::PERM
            | Errno::BADF
            | Errno::OVERFLOW
            | Errno::TXTBSY,
        ) => Ok(None),
        copied => Ok(Some(copied? as u64)),
    }
}

/// The same, where the system has no such call.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn copy_in_kernel(
    _source: &File,
    _target: &File,
    _offset: u64,
    _bytes: u64,
) -> io::Result<Option<u64>> {
    Ok(None)
}

/// The next stretch of a file that holds data, from this place on: where it begins and ends. `None` if only a hole is
/// left. Where the file system does not tell, everything is data.
///
/// # Errors
/// The system refused.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub fn next_data_range(file: &File, from: u64, size: u64) -> io::Result<Option<(u64, u64)>> {
    use rustix::fs::{SeekFrom, seek};
    if from >= size {
        return Ok(None);
    }
    let begin = match seek(file, SeekFrom::Data(from)) {
        Ok(begin) => begin.min(size),
        Err(Errno::NXIO) => return Ok(None),
        Err(Errno::INVAL | Errno::NOTSUP) => return Ok(Some((from, size))),
        Err(error) => return Err(error.into()),
    };
    let end = seek(file, SeekFrom::Hole(begin))?.min(size);
    Ok((begin < end).then_some((begin, end)))
}

/// The same, where the system does not tell: everything is data.
///
/// # Errors
/// None.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub fn next_data_range(_file: &File, from: u64, size: u64) -> io::Result<Option<(u64, u64)>> {
    Ok((from < size).then_some((from, size)))
}

/// Asks the system to forget what it has of a flushed file in memory, so that the next read asks the disk. It need not
/// obey: a file system in memory has nothing else.
pub fn drop_from_cache(file: &File) {
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed).unwrap_or_default();
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Tells the system that the beginning of a file is read soon, so that the disk gets several questions at once.
pub fn prefetch(file: &File) {
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::WillNeed).unwrap_or_default();
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

impl Folder {
    /// Whether one call flushes everything that was written to this folder's file system. It does nothing where that is a
    /// program behind FUSE, and reports success.
    pub fn can_flush_file_system(&self) -> bool {
        cfg!(target_os = "linux") && !self.is_fuse()
    }

    /// Makes everything that was written to this folder's file system so far survive a loss of power; says `false` where
    /// the system can do that only file by file.
    ///
    /// # Errors
    /// Something that was written, by anybody, could not be kept.
    pub fn flush_file_system(&self) -> Result<bool> {
        if !self.can_flush_file_system() {
            return Ok(false);
        }
        #[cfg(target_os = "linux")]
        {
            match rustix::io::retry_on_intr(|| rustix::fs::syncfs(self.handle())) {
                Err(Errno::NOSYS | Errno::NOTSUP | Errno::INVAL) => Ok(false),
                flushed => flushed.map(|()| true).at("flush", self.path()),
            }
        }
        #[cfg(not(target_os = "linux"))]
        Ok(false)
    }
}
