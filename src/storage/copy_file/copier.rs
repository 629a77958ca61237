//! Moving the bytes of one file, each by what is soundest and quickest for it.
//!
//! | file | moved by |
//! |---|---|
//! | larger than 64 KiB, on a file system that can | a clone: no byte is moved |
//! | with holes | what lies between them, so that they stay holes |
//! | up to 64 KiB, and up to 1 MiB where a digest is wanted | one read and one write; its digest is taken on the way |
//! | larger, between two places of one file system | the kernel, in pieces, so that it can be watched and stopped |
//! | up to 64 MiB, between two file systems | `fs_extra` at once |
//! | larger | `fs_extra` in pieces, so that it can be watched and stopped |
//!
//! `fs_extra` is only ever pointed at the temporary file. docs/decisions/0012 says why it does not move all of them.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use fs_extra::file::{CopyOptions, TransitProcess, copy, copy_with_progress};

use super::Copier;
use crate::base::error::Error;
use crate::base::interrupt;
use crate::os::file;
use crate::os::folder::Folder;
use crate::os::stat::Stat;
use crate::snapshot::digest::Digest;

/// From this size on a clone is tried: smaller files share too little to be worth the question.
const MIN_CLONE_BYTES: u64 = 64 << 10;

/// Up to this size a file passes through memory at once: 1 MiB.
const SMALL_FILE_BYTES: u64 = 1 << 20;

/// From this size on a file is copied in pieces, so that it can be watched and stopped: 64 MiB.
pub(super) const LARGE_FILE_BYTES: u64 = 64 << 20;

/// The size of the pieces that pass through memory: 1 MiB.
const BUFFER_BYTES: usize = 1 << 20;

/// The size of the pieces that the kernel copies: at 10 MB/s still less than a second.
const KERNEL_CHUNK_BYTES: u64 = 8 << 20;

/// Stopping inside a file unwinds through `fs_extra`, which has no other way out.
const _: () = assert!(cfg!(panic = "unwind"), "a copy is stopped by unwinding");

/// How the bytes of a file went over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CopyMethod {
    /// They are shared now.
    Cloned,
    /// Through memory; with their digest if it was wanted.
    Buffered(Option<Digest>),
    /// Nobody saw them.
    Unhashed,
    /// There were fewer, or more, than the size said.
    SizeChanged,
}

impl Copier {
    /// Moves the bytes of a source, which is `stat`, into an empty file. No size is believed without a read at its end.
    pub(super) fn copy_bytes(
        &mut self,
        (from, stat): (&File, &Stat),
        to: &File,
        on_progress: &dyn Fn(u64),
    ) -> io::Result<CopyMethod> {
        let size = stat.bytes;
        if self.buffered_only {
            let end = self.copy_buffered(from, (0, size), to, on_progress)?;
            return check_size((from, to), size, end);
        }
        if size > MIN_CLONE_BYTES && self.try_clone(from, stat, to)? {
            on_progress(size);
            return Ok(CopyMethod::Cloned);
        }
        // Compression makes the blocks fewer than the bytes too, without any hole.
        if stat.allocated_bytes < size && file::next_data_range(from, 0, size)? != Some((0, size)) {
            let end = self.copy_around_holes(from, size, to, on_progress)?;
            return check_size((from, to), size, end);
        }
        if size <= MIN_CLONE_BYTES || (self.with_digests && size <= SMALL_FILE_BYTES) {
            return self.copy_small(from, size, to, on_progress);
        }
        if let Some(end) = self.try_copy_in_kernel(from, stat, to, on_progress)? {
            // Some file systems begin and cannot go on, or say that the end is reached before it is.
            let end = self.copy_buffered(from, (end, size), to, on_progress)?;
            return check_size((from, to), size, end);
        }
        // It would give the temporary file setuid, setgid and the sticky bit for a moment.
        if size < LARGE_FILE_BYTES && stat.mode & 0o7000 == 0 {
            match copy(fd_path(from), fd_path(to), &options()).map_err(into_io_error) {
                Ok(_) => on_progress(size),
                // It gives the new file the permissions of the source first, and some file systems take none.
                Err(error) if is_unsupported(&error) => {
                    let end = self.copy_buffered(from, (0, size), to, on_progress)?;
                    return check_size((from, to), size, end);
                }
                Err(error) => return Err(error),
            }
        } else {
            copy_in_pieces(from, to, on_progress)?;
        }
        check_size((from, to), size, size)
    }

    /// Lets both files share their blocks, if their file systems can.
    fn try_clone(&mut self, from: &File, stat: &Stat, to: &File) -> io::Result<bool> {
        let devices = (stat.device, self.destination_device);
        if self.uncloneable.contains(&devices) {
            return Ok(false);
        }
        let cloned = file::reflink(from, to)?;
        if !cloned {
            self.uncloneable.push(devices);
        }
        Ok(cloned)
    }

    /// Lets the kernel copy a file, if it can between the two file systems; says where that ended.
    fn try_copy_in_kernel(
        &mut self,
        from: &File,
        stat: &Stat,
        to: &File,
        on_progress: &dyn Fn(u64),
    ) -> io::Result<Option<u64>> {
        let devices = (stat.device, self.destination_device);
        if self.no_kernel_copy.contains(&devices) {
            return Ok(None);
        }
        if self.destination_in_memory && stat.device == self.destination_device {
            // In memory a size that need not grow with every page saves a twentieth of the time.
            to.set_len(stat.bytes)?;
        }
        let end = copy_range_in_kernel(from, (0, stat.bytes), to, on_progress)?;
        if end.is_none() {
            self.no_kernel_copy.push(devices);
        }
        Ok(end)
    }

    /// Reads a small file whole and writes it. It is read by offset: looking for holes moves the position of a file.
    fn copy_small(
        &mut self,
        from: &File,
        size: u64,
        mut to: &File,
        on_progress: &dyn Fn(u64),
    ) -> io::Result<CopyMethod> {
        // One byte more, so that a file that grew is seen.
        let wanted = usize::try_from(size).unwrap_or(BUFFER_BYTES) + 1;
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        let mut filled = 0;
        while filled < wanted {
            match from.read_at(&mut self.buffer[filled..wanted], filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => check_interrupt()?,
                Err(error) => return Err(error),
            }
        }
        if filled + 1 != wanted {
            return Ok(CopyMethod::SizeChanged);
        }
        let content = &self.buffer[..filled];
        if !content.is_empty() {
            to.write_all(content)?;
            on_progress(size);
        }
        let digest = self.with_digests.then(|| Digest::of_bytes(content));
        Ok(CopyMethod::Buffered(digest))
    }

    /// Copies what holds data, and leaves the rest the holes that they are; returns where the source ended.
    fn copy_around_holes(
        &mut self,
        from: &File,
        size: u64,
        to: &File,
        on_progress: &dyn Fn(u64),
    ) -> io::Result<u64> {
        let mut at = 0;
        while let Some((begin, end)) = file::next_data_range(from, at, size)? {
            on_progress(begin - at);
            let copied =
                copy_range_in_kernel(from, (begin, end), to, on_progress)?.unwrap_or(begin);
            at = self.copy_buffered(from, (copied, end), to, on_progress)?;
            if at < end {
                return Ok(at);
            }
        }
        on_progress(size - at);
        to.set_len(size)?;
        Ok(size)
    }

    /// Copies a stretch of a file to the same place of another; returns where the source ended, or the end of the stretch.
    fn copy_buffered(
        &mut self,
        from: &File,
        (mut at, end): (u64, u64),
        to: &File,
        on_progress: &dyn Fn(u64),
    ) -> io::Result<u64> {
        if at >= end {
            return Ok(at);
        }
        self.buffer.resize(BUFFER_BYTES + 1, 0);
        while at < end {
            check_interrupt()?;
            let wanted =
                usize::try_from(end - at).map_or(BUFFER_BYTES, |left| left.min(BUFFER_BYTES));
            match from.read_at(&mut self.buffer[..wanted], at) {
                Ok(0) => break,
                Ok(read) => {
                    to.write_all_at(&self.buffer[..read], at)?;
                    at += read as u64;
                    on_progress(read as u64);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(at)
    }
}

/// Copies a stretch without leaving the kernel; says where that ended, or nothing if it cannot be done between these two.
fn copy_range_in_kernel(
    from: &File,
    (begin, end): (u64, u64),
    to: &File,
    on_progress: &dyn Fn(u64),
) -> io::Result<Option<u64>> {
    let mut at = begin;
    while at < end {
        check_interrupt()?;
        match file::copy_in_kernel(from, to, at, (end - at).min(KERNEL_CHUNK_BYTES))? {
            None if at == begin => return Ok(None),
            None | Some(0) => break,
            Some(copied) => {
                at += copied;
                on_progress(copied);
            }
        }
    }
    Ok(Some(at))
}

/// Copies a large file through memory, so that it can be watched and stopped between two pieces.
fn copy_in_pieces(from: &File, to: &File, on_progress: &dyn Fn(u64)) -> io::Result<()> {
    let mut seen = 0;
    let piece = |state: TransitProcess| {
        on_progress(state.copied_bytes.saturating_sub(seen));
        seen = state.copied_bytes;
        if check_interrupt().is_err() {
            resume_unwind(Box::new(Stopped));
        }
    };
    let (from, to) = (fd_path(from), fd_path(to));
    match catch_unwind(AssertUnwindSafe(|| {
        copy_with_progress(from, to, &options(), piece)
    })) {
        Ok(copied) => copied.map(|_| ()).map_err(into_io_error),
        Err(payload) if payload.is::<Stopped>() => Err(ErrorKind::Interrupted.into()),
        Err(payload) => resume_unwind(payload),
    }
}

/// Carried by the unwinding that stops a copy.
struct Stopped;

fn options() -> CopyOptions {
    CopyOptions::new().overwrite(true).buffer_size(BUFFER_BYTES)
}

/// A path that means this open file and nothing else, whatever happens to its name.
fn fd_path(file: &File) -> PathBuf {
    let folder = if cfg!(target_os = "linux") {
        "/proc/self/fd"
    } else {
        "/dev/fd"
    };
    Path::new(folder).join(file.as_raw_fd().to_string())
}

/// Whether a copy that ended at this place is the whole source: both end at the size, whatever the file systems say of it.
fn check_size((from, to): (&File, &File), size: u64, end: u64) -> io::Result<CopyMethod> {
    let is_whole = end == size
        && ends_at(from, size)?
        && (file::stat(to)?.bytes == size || (has_byte_before(to, size)? && ends_at(to, size)?));
    Ok(if is_whole {
        CopyMethod::Unhashed
    } else {
        CopyMethod::SizeChanged
    })
}

/// Whether nothing can be read of a file from this place on.
fn ends_at(file: &File, place: u64) -> io::Result<bool> {
    read_byte(file, place).map(|read| read == 0)
}

/// Whether a file's last byte before this place can be read.
fn has_byte_before(file: &File, place: u64) -> io::Result<bool> {
    let Some(last) = place.checked_sub(1) else {
        return Ok(true);
    };
    read_byte(file, last).map(|read| read == 1)
}

fn read_byte(file: &File, place: u64) -> io::Result<usize> {
    loop {
        match file.read_at(&mut [0], place) {
            Err(error) if error.kind() == ErrorKind::Interrupted => check_interrupt()?,
            read => return read,
        }
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::Unsupported
    )
}

/// Fails once work should stop.
fn check_interrupt() -> io::Result<()> {
    interrupt::check().map_err(|_| ErrorKind::Interrupted.into())
}

/// The system's error within that of `fs_extra`.
fn into_io_error(error: fs_extra::error::Error) -> io::Error {
    use fs_extra::error::ErrorKind as Kind;
    match error.kind {
        Kind::Io(source) => source,
        Kind::NotFound => ErrorKind::NotFound.into(),
        Kind::PermissionDenied => ErrorKind::PermissionDenied.into(),
        Kind::AlreadyExists => ErrorKind::AlreadyExists.into(),
        Kind::Interrupted => ErrorKind::Interrupted.into(),
        // A short write is how a full disk first shows.
        _ if error.to_string().contains("whole buffer") => ErrorKind::StorageFull.into(),
        _ => io::Error::other(error.to_string()),
    }
}

/// Names the side that failed, as far as the error tells.
pub(super) fn copy_error(source: io::Error, from: &Path, to: &Folder) -> Error {
    if source.kind() == ErrorKind::Interrupted && interrupt::check().is_err() {
        return Error::Interrupted;
    }
    match source.kind() {
        ErrorKind::StorageFull
        | ErrorKind::QuotaExceeded
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::FileTooLarge => Error::Io {
            action: "write to",
            path: to.path().to_owned(),
            source,
        },
        _ => Error::Copy {
            from: from.to_owned(),
            to: to.path().to_owned(),
            source,
        },
    }
}
