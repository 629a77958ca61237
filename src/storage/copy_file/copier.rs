//! Copying the bytes of one file, by the method that is safest and fastest for it.
//!
//! | file | method |
//! |---|---|
//! | larger than 64 KiB, if the file system supports clones | a clone |
//! | with holes | only the data between the holes |
//! | up to 64 KiB, or up to 1 MiB if a digest is needed | one read and one write; the digest comes from the buffer |
//! | larger | the kernel, in pieces of 8 MiB |
//! | larger, if the kernel refuses, and below 64 MiB | `fs_extra`, which copies the file in one call |
//! | larger still | a buffer of 1 MiB, again and again |
//!
//! Copying in pieces reports progress and stops on request between two pieces; a call of `fs_extra` does neither, which is why
//! it ends at 64 MiB. `fs_extra` only ever writes to the temporary copy. Reasons and measurements: decision 12.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use fs_extra::file::CopyOptions;

use super::block::{BLOCK_BYTES, BlockReader};
use super::size::{ends_at, has_size};
use crate::base::error::Error;
use crate::base::interrupt;
use crate::os::attribute::{Attributes, XattrCopier};
use crate::os::file;
use crate::os::folder::Folder;
use crate::os::stat::Stat;
use crate::snapshot::digest::Digest;

/// Size above which a clone is tried: 64 KiB. Smaller files share too little to pay for the system call.
pub const MIN_CLONE_BYTES: u64 = 64 << 10;

/// Largest file that is read into memory as a whole: 1 MiB.
const SMALL_FILE_BYTES: u64 = 1 << 20;

/// Size from which a file is always copied in pieces: 64 MiB.
const LARGE_FILE_BYTES: u64 = 64 << 20;

/// Size of the pieces that pass through memory: 1 MiB.
const BUFFER_BYTES: usize = 1 << 20;

/// Size of the pieces that the kernel copies: 8 MiB, which take less than a second at 10 MB/s.
const KERNEL_CHUNK_BYTES: u64 = 8 << 20;

/// The method that copied the bytes of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CopyMethod {
    /// Source and copy share their blocks.
    Cloned,
    /// The bytes passed through memory. Holds their digest, if one was requested.
    Buffered(Option<Digest>),
    /// The bytes were copied without computing a digest.
    Unhashed,
    /// The source's size differs from its metadata: it changed while it was copied.
    SizeChanged,
}

/// Buffers, and facts about the disks, that are reused from file to file.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own"
)]
pub struct Copier {
    buffer: Vec<u8>,
    attributes: XattrCopier,
    /// The destination's device.
    destination_device: u64,
    /// True if the destination is a file system in memory.
    destination_in_memory: bool,
    /// Pairs of devices between which no file can be cloned.
    uncloneable: Vec<(u64, u64)>,
    /// Pairs of devices between which the kernel does not copy.
    no_kernel_copy: Vec<(u64, u64)>,
    /// True if a copy needs the digest of its source.
    pub with_digests: bool,
    /// True if this process reads and writes every byte itself. Set for a second attempt, because a clone, a copy by the kernel
    /// or a wrong report of holes may have caused the first failure.
    pub buffered_only: bool,
    /// True if no byte of a source is read twice: a file that cannot be cloned passes through memory, which gives its digest.
    pub reads_once: bool,
}

impl Copier {
    /// Sets the folder, and its device, that the next files are copied to.
    pub fn set_destination(&mut self, folder: &Folder, device: u64) {
        if self.destination_device != device {
            self.destination_device = device;
            self.destination_in_memory = folder.is_in_memory();
        }
    }

    /// Memory for reading files.
    pub const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Copies a source with this metadata into an empty file. No reported size is trusted without a read at its end.
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
        if self.reads_once {
            return self.copy_once((from, stat), to, on_progress);
        }
        // A compressed file has fewer blocks than bytes too, but no hole.
        if stat.allocated_bytes < size && file::next_data_range(from, 0, size)? != Some((0, size)) {
            let end = self.copy_around_holes(from, size, to, on_progress)?;
            return check_size((from, to), size, end);
        }
        if size <= MIN_CLONE_BYTES || (self.with_digests && size <= SMALL_FILE_BYTES) {
            return self.copy_small(from, size, to, on_progress);
        }
        // Some file systems start a copy in the kernel and cannot finish it, or report the end too early.
        let copied = match self.try_copy_in_kernel(from, stat, to, on_progress)? {
            Some(end) => end,
            None if size < LARGE_FILE_BYTES && copy_with_fs_extra(from, stat, to)? => {
                on_progress(size);
                size
            }
            None => 0,
        };
        let end = self.copy_buffered(from, (copied, size), to, on_progress)?;
        check_size((from, to), size, end)
    }

    /// Copies a file with one read of each byte.
    fn copy_once(
        &mut self,
        (from, stat): (&File, &Stat),
        to: &File,
        on_progress: &dyn Fn(u64),
    ) -> io::Result<CopyMethod> {
        let mut reader = BlockReader::new(stat, self.with_digests);
        self.buffer.resize(BLOCK_BYTES, 0);
        let mut written = 0;
        while let Some((offset, length)) = reader.read(from, &mut self.buffer[..BLOCK_BYTES])? {
            to.write_all_at(&self.buffer[..length], offset)?;
            on_progress(offset + length as u64 - written);
            written = offset + length as u64;
        }
        if written < stat.bytes {
            to.set_len(stat.bytes)?;
            on_progress(stat.bytes - written);
        }
        let end = reader.finish(from)?;
        Ok(if end.is_whole && has_size(to, stat.bytes)? {
            CopyMethod::Buffered(end.digest)
        } else {
            CopyMethod::SizeChanged
        })
    }

    /// Clones a file; returns false if the file systems cannot.
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

    /// Copies a file in the kernel and returns the offset it reached; `None` if it cannot copy between these file systems.
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
            // On tmpfs this saves the kernel work for every page: 5 % of the time.
            to.set_len(stat.bytes)?;
        }
        let end = copy_range_in_kernel(from, (0, stat.bytes), to, on_progress)?;
        if end.is_none() {
            self.no_kernel_copy.push(devices);
        }
        Ok(end)
    }

    /// Copies a small file with one read and one write. Reads by offset, because the search for holes moves the file position.
    fn copy_small(
        &mut self,
        from: &File,
        size: u64,
        mut to: &File,
        on_progress: &dyn Fn(u64),
    ) -> io::Result<CopyMethod> {
        // One byte more than the size shows that the file grew.
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

    /// Copies the data of a file and keeps its holes; returns the offset at which the source ended.
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

    /// Copies a range of a file through memory; returns its end, or the offset at which the source ended before.
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

    /// Reads the extended attributes of a source.
    pub fn read_attributes(&mut self, from: &File) -> Attributes {
        self.attributes.read(from)
    }
}

/// Copies a range in the kernel and returns the offset it reached; `None` if it cannot copy between these two files.
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

/// Copies a file with one call of `fs_extra`; returns false if it must be copied otherwise.
///
/// Both files are open, and `/proc/self/fd` names exactly these two, even if they are renamed meanwhile. Elsewhere such names
/// share the file position, so only Linux uses them. A file with setuid, setgid or the sticky bit is left out, because
/// `fs_extra` would set that bit on the copy for a moment; so is a file system that accepts no permissions.
fn copy_with_fs_extra(from: &File, stat: &Stat, to: &File) -> io::Result<bool> {
    if !cfg!(target_os = "linux") || stat.mode & 0o7000 != 0 {
        return Ok(false);
    }
    let path = |file: &File| format!("/proc/self/fd/{}", file.as_raw_fd());
    let options = CopyOptions::new().overwrite(true);
    match fs_extra::file::copy(path(from), path(to), &options).map_err(into_io_error) {
        Ok(_) => Ok(true),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::Unsupported
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Returns the system's error within an error of `fs_extra`.
fn into_io_error(error: fs_extra::error::Error) -> io::Error {
    use fs_extra::error::ErrorKind as Kind;
    match error.kind {
        Kind::Io(source) => source,
        Kind::NotFound => ErrorKind::NotFound.into(),
        Kind::PermissionDenied => ErrorKind::PermissionDenied.into(),
        Kind::AlreadyExists => ErrorKind::AlreadyExists.into(),
        Kind::Interrupted => ErrorKind::Interrupted.into(),
        _ => io::Error::other(error.to_string()),
    }
}

/// Checks that a copy which reached this offset is complete: both files must end at the size, whatever the file systems
/// report.
fn check_size((from, to): (&File, &File), size: u64, end: u64) -> io::Result<CopyMethod> {
    let is_complete = end == size && ends_at(from, size)? && has_size(to, size)?;
    Ok(if is_complete {
        CopyMethod::Unhashed
    } else {
        CopyMethod::SizeChanged
    })
}

/// Fails after a request to stop.
fn check_interrupt() -> io::Result<()> {
    interrupt::check().map_err(|_| ErrorKind::Interrupted.into())
}

/// Names the side that failed, as far as the error shows it.
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
