//! Reading a copy back, past what the system still has of it in memory, and setting it beside its source.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;
use std::thread;

use super::TempCopy;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::interrupt;
use crate::os::file;
use crate::snapshot::digest::Digest;

/// Digests of both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestPair {
    /// Of the source.
    pub source: Digest,
    /// Of the copy as it was read back.
    pub copy: Digest,
}

impl TempCopy {
    /// Asks the system to forget what it has of the flushed copy in memory.
    pub fn drop_cache(&self) {
        if let Some(file) = self.file_to_read_back() {
            file::drop_from_cache(file);
        }
    }

    /// Tells the system that the copy will be read soon.
    pub fn prefetch(&self) {
        if let Some(file) = self.file_to_read_back() {
            file::prefetch(file);
        }
    }

    /// The copy's file, unless there is nothing to be read back: a link has none, and a clone's bytes are the source's own.
    pub fn file_to_read_back(&self) -> Option<&File> {
        self.file.as_ref().filter(|_| !self.is_cloned)
    }

    /// Reads the flushed copy back, and at the same time the source if it was not hashed on its way; `None` if there is
    /// nothing to be read back. `told` hears of the bytes of the copy; the source has this path, for messages.
    ///
    /// # Errors
    /// One of them cannot be read, the source changed meanwhile, or work should stop.
    pub fn verify(
        &self,
        buffer: &mut Vec<u8>,
        on_progress: &(dyn Fn(u64) + Sync),
        source_path: &Path,
    ) -> Result<Option<DigestPair>> {
        let (folder, name) = self.location();
        if let Some(target) = &self.link_target {
            let of = |target: &OsStr| Digest::of_bytes(target.as_encoded_bytes());
            let (source, copy) = (of(target), of(&folder.read_link(name)?));
            return Ok(Some(DigestPair { source, copy }));
        }
        let Some(file) = self.file_to_read_back() else {
            return Ok(None);
        };
        let path = folder.path();
        let (source, copy) = match (&self.digest, &self.source_file) {
            (Some(digest), _) => (Ok(*digest), Digest::of_file(file, buffer, on_progress)),
            (None, Some(source_file)) => read_concurrently(source_file, file, buffer, on_progress),
            (None, None) => return Ok(None),
        };
        let copy = check_stopped(copy)?.at("read back a copy in", path)?;
        let source = check_stopped(source)?.at("read again", source_path)?;
        if let Some(source_file) = &self.source_file
            && !file::is_unchanged(source_file, &self.source_stat)
        {
            return Err(Error::SourceChanged {
                path: source_path.to_owned(),
            });
        }
        Ok(Some(DigestPair { source, copy }))
    }
}

/// Reads two files at the same time: they are on two disks mostly.
fn read_concurrently(
    source_file: &File,
    copy: &File,
    buffer: &mut Vec<u8>,
    on_progress: &(dyn Fn(u64) + Sync),
) -> (io::Result<Digest>, io::Result<Digest>) {
    thread::scope(|scope| {
        let read = || Digest::of_file(source_file, &mut Vec::new(), &|_| {});
        let source = thread::Builder::new().spawn_scoped(scope, read);
        let copy = Digest::of_file(copy, buffer, on_progress);
        let source = match source {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("reading it failed"))),
            // The system gives no more threads.
            Err(_) => read(),
        };
        (source, copy)
    })
}

/// Tells an interruption from a failure.
fn check_stopped(read: io::Result<Digest>) -> Result<io::Result<Digest>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            interrupt::check().map(|()| Err(error))
        }
        read => Ok(read),
    }
}
