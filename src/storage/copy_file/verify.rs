//! Reading a copy back, past what the system still has of it in memory, and setting it beside its source.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;
use std::thread;

use super::Part;
use crate::base::error::{At as _, Error, Result};
use crate::base::interrupt;
use crate::os::file;
use crate::snapshot::digest::Digest;

/// Digests of both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Of the source.
    pub source: Digest,
    /// Of the copy as it was read back.
    pub copy: Digest,
}

impl Part {
    /// Asks the system to forget what it has of the flushed copy in memory.
    pub fn forget(&self) {
        if let Some(file) = self.to_read_back() {
            file::forget(file);
        }
    }

    /// Tells the system that the copy will be read soon.
    pub fn announce(&self) {
        if let Some(file) = self.to_read_back() {
            file::announce(file);
        }
    }

    /// The copy's file, unless there is nothing to be read back: a link has none, and a clone's bytes are the source's own.
    pub fn to_read_back(&self) -> Option<&File> {
        self.file.as_ref().filter(|_| !self.cloned)
    }

    /// Reads the flushed copy back, and at the same time the source if it was not hashed on its way; `None` if there is
    /// nothing to be read back. `told` hears of the bytes of the copy; the source has this path, for messages.
    ///
    /// # Errors
    /// One of them cannot be read, the source changed meanwhile, or work should stop.
    pub fn verify(
        &self,
        buffer: &mut Vec<u8>,
        told: &(dyn Fn(u64) + Sync),
        source_path: &Path,
    ) -> Result<Option<Verdict>> {
        let (folder, name) = self.place();
        if let Some(target) = &self.target {
            let of = |target: &OsStr| Digest::of_bytes(target.as_encoded_bytes());
            let (source, copy) = (of(target), of(&folder.read_link(name)?));
            return Ok(Some(Verdict { source, copy }));
        }
        let Some(file) = self.to_read_back() else {
            return Ok(None);
        };
        let path = folder.path();
        let (source, copy) = match (&self.digest, &self.origin) {
            (Some(digest), _) => (Ok(*digest), Digest::of_file(file, buffer, told)),
            (None, Some(origin)) => at_once(origin, file, buffer, told),
            (None, None) => return Ok(None),
        };
        let copy = stopped(copy)?.at("read back a copy in", path)?;
        let source = stopped(source)?.at("read again", source_path)?;
        if let Some(origin) = &self.origin
            && !file::is_unchanged(origin, &self.source)
        {
            return Err(Error::Changed {
                path: source_path.to_owned(),
            });
        }
        Ok(Some(Verdict { source, copy }))
    }
}

/// Reads two files at the same time: they are on two disks mostly.
fn at_once(
    origin: &File,
    copy: &File,
    buffer: &mut Vec<u8>,
    told: &(dyn Fn(u64) + Sync),
) -> (io::Result<Digest>, io::Result<Digest>) {
    thread::scope(|scope| {
        let read = || Digest::of_file(origin, &mut Vec::new(), &|_| {});
        let source = thread::Builder::new().spawn_scoped(scope, read);
        let copy = Digest::of_file(copy, buffer, told);
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
fn stopped(read: io::Result<Digest>) -> Result<io::Result<Digest>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            interrupt::check().map(|()| Err(error))
        }
        read => Ok(read),
    }
}
