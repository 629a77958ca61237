//! Open files: reflinks, copies inside the kernel, ranges of data, caching, flushing.

use std::fs::File;
use std::io;

use rustix::io::Errno;

use super::folder::Folder;
use super::space;
use super::stat::Stat;
use crate::base::error::{IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::timestamp::Timestamp;

/// Errors for times that a file system cannot represent.
pub(super) const NOT_REPRESENTABLE: [Errno; 4] =
    [Errno::INVAL, Errno::RANGE, Errno::OVERFLOW, Errno::NOTSUP];

/// Returns the metadata of an open file.
pub fn stat(file: &File) -> io::Result<Stat> {
    Ok(Stat::from_raw(&rustix::fs::fstat(file)?))
}

/// True if an open file is unchanged since an earlier call. File systems that report another status time at every call
/// are compared by size and modification time; none of them is a reliable one.
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

/// Closes a file and returns the error that dropping it would hide: some network file systems write only now.
pub fn close(file: File) -> io::Result<()> {
    Ok(nix::unistd::close(file)?)
}

/// Sets the modification time of an open file. A file system that cannot represent it stores another.
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

/// Sets the permissions of an open file, but never setuid or setgid. A file system without permissions keeps its own.
pub fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    let bits = rustix::fs::Mode::from_raw_mode((mode & 0o777) as rustix::fs::RawMode);
    match rustix::fs::fchmod(file, bits) {
        Err(Errno::PERM | Errno::NOTSUP | Errno::ACCESS | Errno::NOSYS) => Ok(()),
        set => Ok(set?),
    }
}

/// True if the file system refuses to read a file that is open for reading and writing.
pub fn refuses_to_be_read(file: &File) -> bool {
    let read = rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut [0_u8], 0));
    matches!(
        read,
        Err(Errno::PERM | Errno::ACCESS | Errno::BADF | Errno::NOTSUP)
    )
}

/// Makes an empty file share the blocks of another; returns `false` if the two cannot share blocks.
///
/// # Errors
/// They could share blocks, but the disk refused.
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

/// Returns `false`: the system has no such call.
#[cfg(not(target_os = "linux"))]
pub fn reflink(_source: &File, _target: &File) -> io::Result<bool> {
    Ok(false)
}

/// Copies bytes to the same position of another file inside the kernel. Returns their number, 0 at the end, or `None`
/// if the kernel cannot copy between these two files.
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

/// Returns `None`: the system has no such call.
#[cfg(not(target_os = "linux"))]
pub fn copy_in_kernel(
    _source: &File,
    _target: &File,
    _offset: u64,
    _bytes: u64,
) -> io::Result<Option<u64>> {
    Ok(None)
}

/// Returns begin and end of the next range of data from this position on; `None` if only a hole is left. If the file
/// system reports no holes, the whole file is data.
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

/// Returns the rest of the file: the system reports no holes.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub fn next_data_range(_file: &File, from: u64, size: u64) -> io::Result<Option<(u64, u64)>> {
    Ok((from < size).then_some((from, size)))
}

/// Lets the system begin to write a file to the disk, and returns at once: later flushes wait for less. The system may
/// ignore it.
pub fn begin_write_out(file: &File) {
    // Linux begins to write the pages that it cannot drop yet.
    drop_from_cache(file);
}

/// Drops a flushed file from the cache of the kernel, so that the next read comes from the disk. The kernel may ignore
/// it, and a file system in memory always does.
pub fn drop_from_cache(file: &File) {
    #[cfg(target_os = "linux")]
    ignore(
        rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed),
        "advice may be ignored",
    );
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Announces a read of the beginning of a file, so that the disk can serve several requests at once.
pub fn prefetch(file: &File) {
    #[cfg(target_os = "linux")]
    ignore(
        rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::WillNeed),
        "advice may be ignored",
    );
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

impl Folder {
    /// True if one call flushes everything written to this folder's file system. FUSE file systems report success
    /// without doing so.
    pub fn can_flush_file_system(&self) -> bool {
        cfg!(target_os = "linux") && !self.is_fuse()
    }

    /// Flushes everything written to this folder's file system to the disk; returns `false` if the system can flush
    /// only single files.
    ///
    /// # Errors
    /// Data of any process could not be written.
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
