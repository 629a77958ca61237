//! Reading a copy back from its disk and computing the digests of source and copy.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use super::TempCopy;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::interrupt;
use crate::os::file;
use crate::snapshot::digest::Digest;
use crate::storage::concurrent::run_both;

/// The digests of a source and its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestPair {
    /// The source's digest.
    pub source: Digest,
    /// The digest of the copy as it was read back.
    pub copy: Digest,
}

impl TempCopy {
    /// Requests that the system drop the flushed copy from memory, so that reading it back reaches the disk.
    pub fn drop_cache(&self) {
        if let Some(file) = self.file_to_read_back() {
            file::drop_from_cache(file);
        }
    }

    /// Announces to the system that the copy will be read soon.
    pub fn prefetch(&self) {
        if let Some(file) = self.file_to_read_back() {
            file::prefetch(file);
        }
    }

    /// The copy's open file; `None` for a symbolic link, and for a clone, which shares its source's blocks.
    pub fn file_to_read_back(&self) -> Option<&File> {
        self.file.as_ref().filter(|_| !self.is_cloned)
    }

    /// Reads the flushed copy back and returns both digests; `None` if the copy has nothing to read. Reads the source at the
    /// same time if copying did not compute its digest. `on_progress` receives the copy's bytes; `source_path` is for
    /// messages.
    ///
    /// # Errors
    /// [`Error::SourceChanged`] if the source changed while it was read again; [`Error::Interrupted`].
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
        let mut read_copy = || Digest::of_file(file, buffer, on_progress);
        let (copy, source) = match (&self.digest, &self.source_file) {
            (Some(digest), _) => (read_copy(), Ok(*digest)),
            (None, Some(source_file)) => run_both(&mut read_copy, || {
                Digest::of_file(source_file, &mut Vec::new(), &|_| {})
            }),
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

/// Separates a request to stop from a failure to read.
fn check_stopped(read: io::Result<Digest>) -> Result<io::Result<Digest>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            interrupt::check().map(|()| Err(error))
        }
        read => Ok(read),
    }
}
