//! The hashes of a whole open file, computed from one read. Holes are hashed as zeros and not read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::content_hash::{ContentHashes, HashFormatSet, MultiHasher};
use super::digest::Digest;
use crate::base::interrupt;
use crate::os::file;

/// Bytes read at once: 1 MiB.
const CHUNK_SIZE: usize = 1 << 20;

impl Digest {
    /// Returns the digest of a whole open file, whatever its read position. Holes are not read.
    ///
    /// # Errors
    /// The file cannot be read, or interruption: then [`io::ErrorKind::Interrupted`].
    pub fn of_file(
        file: &File,
        buffer: &mut Vec<u8>,
        on_progress: &dyn Fn(u64),
    ) -> io::Result<Self> {
        let hashes = ContentHashes::of_file(file, HashFormatSet::EMPTY, buffer, on_progress)?;
        Ok(hashes.digest)
    }
}

impl ContentHashes {
    /// Returns the digest of a whole open file, and its hashes in these formats, from one read. Holes are not read.
    ///
    /// # Errors
    /// The file cannot be read, or interruption: then [`io::ErrorKind::Interrupted`].
    pub fn of_file(
        file: &File,
        formats: HashFormatSet,
        buffer: &mut Vec<u8>,
        on_progress: &dyn Fn(u64),
    ) -> io::Result<Self> {
        let stat = file::stat(file)?;
        let mut hasher = FileHasher {
            file,
            buffer,
            on_progress,
            hash: MultiHasher::new(formats),
            offset: 0,
            size: stat.bytes,
        };
        if stat.allocated_bytes < stat.bytes {
            hasher.read_around_holes(stat.bytes)?;
        }
        hasher.read_to(u64::MAX)?;
        Ok(hasher.hash.finish())
    }
}

/// State of one file being hashed from beginning to end.
struct FileHasher<'a> {
    file: &'a File,
    buffer: &'a mut Vec<u8>,
    on_progress: &'a dyn Fn(u64),
    hash: MultiHasher,
    offset: u64,
    /// Size according to the file system.
    size: u64,
}

impl FileHasher<'_> {
    /// Reads up to this offset, or to the end of the file.
    fn read_to(&mut self, end: u64) -> io::Result<()> {
        self.buffer.resize(CHUNK_SIZE, 0);
        while self.offset < end {
            check_interrupt()?;
            let wanted =
                usize::try_from(end - self.offset).map_or(CHUNK_SIZE, |left| left.min(CHUNK_SIZE));
            match self.file.read_at(&mut self.buffer[..wanted], self.offset) {
                Ok(0) => break,
                Ok(read) => {
                    self.hash.update(&self.buffer[..read]);
                    self.offset += read as u64;
                    (self.on_progress)(read as u64);
                    // A short read at the expected size is the end; another read would only confirm it.
                    if read < wanted && self.offset == self.size {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads the ranges with data and hashes zeros for the holes between them.
    fn read_around_holes(&mut self, size: u64) -> io::Result<()> {
        while let Some((begin, end)) = file::next_data_range(self.file, self.offset, size)? {
            self.hash_zeros_to(begin)?;
            self.read_to(end)?;
            if self.offset < end {
                return Ok(());
            }
        }
        self.hash_zeros_to(size)
    }

    fn hash_zeros_to(&mut self, end: u64) -> io::Result<()> {
        static ZEROS: [u8; CHUNK_SIZE] = [0; CHUNK_SIZE];
        while self.offset < end {
            check_interrupt()?;
            let left =
                usize::try_from(end - self.offset).map_or(CHUNK_SIZE, |left| left.min(CHUNK_SIZE));
            self.hash.update(&ZEROS[..left]);
            self.offset += left as u64;
            (self.on_progress)(left as u64);
        }
        Ok(())
    }
}

fn check_interrupt() -> io::Result<()> {
    interrupt::check().map_err(|_| io::ErrorKind::Interrupted.into())
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom, Write as _};

    use super::*;
    use crate::snapshot::content_hash::{HashFormat, hash_bytes};

    #[test]
    fn holes_are_hashed_as_zeros() {
        let mut file = tempfile::tempfile().unwrap();
        let mut content = vec![0; 5 << 20];
        content[3_000_000..3_000_007].copy_from_slice(b"content");
        file.seek(SeekFrom::Start(3_000_000)).unwrap();
        file.write_all(b"content").unwrap();
        file.set_len(5 << 20).unwrap();
        let digest = Digest::of_file(&file, &mut Vec::new(), &|_| {}).unwrap();
        assert_eq!(digest, Digest::of_bytes(&content));
        let formats = HashFormat::ALL.into_iter().collect();
        let hashes = ContentHashes::of_file(&file, formats, &mut Vec::new(), &|_| {}).unwrap();
        for format in HashFormat::ALL {
            assert_eq!(hashes.value(format), Some(hash_bytes(format, &content)));
        }
    }
}
