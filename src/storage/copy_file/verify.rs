//! Reading a copy back from its disk and computing the digests of source and copy.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::TempCopy;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::interrupt;
use crate::os::file;
use crate::snapshot::content_hash::{ContentHashes, HashFormatSet};
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
        &mut self,
        buffer: &mut Vec<u8>,
        on_progress: &(dyn Fn(u64) + Sync),
        source_path: &Path,
    ) -> Result<Option<DigestPair>> {
        let formats = HashFormatSet::EMPTY;
        let verified = self.verify_with_hashes(formats, buffer, on_progress, source_path)?;
        Ok(verified.map(|(pair, _)| pair))
    }

    /// Reads the flushed copy back like [`Self::verify`], and computes its hashes in these formats from the same read.
    ///
    /// # Errors
    /// The conditions of [`Self::verify`].
    pub fn verify_with_hashes(
        &mut self,
        formats: HashFormatSet,
        buffer: &mut Vec<u8>,
        on_progress: &(dyn Fn(u64) + Sync),
        source_path: &Path,
    ) -> Result<Option<(DigestPair, ContentHashes)>> {
        self.make_readable()?;
        let (folder, name) = self.location();
        if let Some(target) = &self.link_target {
            let of = |target: &OsStr| Digest::of_bytes(target.as_encoded_bytes());
            let (source, copy) = (of(target), of(&folder.read_link(name)?));
            return Ok(Some((DigestPair { source, copy }, copy.into())));
        }
        let Some(file) = self.file_to_read_back() else {
            return Ok(None);
        };
        let path = folder.path();
        let mut read_copy = || ContentHashes::of_file(file, formats, buffer, on_progress);
        let (copy, source) = match (&self.digest, &self.source_file) {
            (Some(digest), _) => (read_copy(), Ok(*digest)),
            (None, Some(source_file)) => run_both(&mut read_copy, || {
                Digest::of_file(source_file, &mut Vec::new(), &|_| {})
            }),
            (None, None) => return Ok(None),
        };
        let hashes = check_stopped(copy)?.at("read back a copy in", path)?;
        let copy = hashes.digest;
        let source = check_stopped(source)?.at("read again", source_path)?;
        if let Some(source_file) = &self.source_file
            && !file::is_unchanged(source_file, &self.source_stat)
        {
            return Err(Error::SourceChanged {
                path: source_path.to_owned(),
            });
        }
        Ok(Some((DigestPair { source, copy }, hashes)))
    }

    /// Opens the copy anew if the file system refuses to read what is open for writing, as a mounted cloud storage does.
    fn make_readable(&mut self) -> Result<()> {
        let Some(file) = self.file_to_read_back() else {
            return Ok(());
        };
        let (folder, name) = self.location();
        if folder.features().is_reliable || !file::refuses_to_be_read(file) {
            return Ok(());
        }
        let (folder, name) = (Arc::clone(folder), name.to_owned());
        // Only a closed file is whole there.
        self.close()?;
        let file = folder.open_file(&name)?.0;
        file::drop_from_cache(&file);
        self.file = Some(file);
        Ok(())
    }
}

/// Separates a request to stop from a failure to read.
fn check_stopped<T>(read: io::Result<T>) -> Result<io::Result<T>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            interrupt::check().map(|()| Err(error))
        }
        read => Ok(read),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::storage::copy_file::tests::{copy_of, folders};
    use crate::storage::copy_file::{Copier, copy_link};

    fn with_digests() -> Copier {
        let mut copier = Copier::default();
        copier.with_digests = true;
        copier
    }

    fn verify(copy: &mut TempCopy) -> Result<Option<DigestPair>> {
        copy.verify(&mut Vec::new(), &|_| {}, Path::new("source"))
    }

    /// Overwrites the copy below its temporary name.
    fn damage(copy: &TempCopy) {
        let (folder, name) = copy.location();
        fs::write(folder.path().join(name), "bad").unwrap();
    }

    #[test]
    fn damaged_copy_has_another_digest() {
        let (_temporary, source, folder) = folders();
        let mut copy = copy_of(b"abc", &source, &folder, &mut with_digests());
        let pair = verify(&mut copy).unwrap().unwrap();
        assert_eq!([pair.source, pair.copy], [Digest::of_bytes(b"abc"); 2]);
        damage(&copy);
        let pair = verify(&mut copy).unwrap().unwrap();
        assert_eq!(pair.source, Digest::of_bytes(b"abc"));
        assert_eq!(pair.copy, Digest::of_bytes(b"bad"));
    }

    #[test]
    fn clone_proves_nothing() {
        let (_temporary, source, folder) = folders();
        let mut copy = copy_of(b"abc", &source, &folder, &mut with_digests());
        copy.is_cloned = true;
        assert_eq!(verify(&mut copy).unwrap(), None);
        let mut unread = copy_of(b"abc", &source, &folder, &mut Copier::default());
        assert_eq!(verify(&mut unread).unwrap(), None);
    }

    #[test]
    fn source_is_read_again_and_unchanged() {
        let (_temporary, source, folder) = folders();
        let mut copy = copy_of(b"abc", &source, &folder, &mut with_digests());
        // As a larger file is copied: without a digest of its source.
        copy.digest = None;
        let name = source.entry_names().unwrap().remove(0);
        copy.source_file = Some(source.open_file(&name).unwrap().0);
        let pair = verify(&mut copy).unwrap().unwrap();
        assert_eq!(pair.source, pair.copy);
        fs::write(source.path().join(name), "longer").unwrap();
        assert!(matches!(
            verify(&mut copy),
            Err(Error::SourceChanged { .. })
        ));
    }

    #[test]
    fn link_is_verified_by_its_target() {
        let (_temporary, source, folder) = folders();
        let name = OsStr::new("link");
        source.create_symlink(name, "there".as_ref()).unwrap();
        let mut copy = copy_link(&source, name, &folder).unwrap();
        let pair = verify(&mut copy).unwrap().unwrap();
        assert_eq!(pair.source, pair.copy);
        let path = folder.path().join(copy.location().1);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        let pair = verify(&mut copy).unwrap().unwrap();
        assert_ne!(pair.source, pair.copy);
    }
}
