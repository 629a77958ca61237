//! The digest by which content is compared: XXH3-128, as its author's reference program `xxh128sum` prints it.
//!
//! It finds every accident. It is not made against somebody who forges content on purpose.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::base::interrupt;
use crate::os::file;

/// How much is read at once: 1 MiB.
const CHUNK_SIZE: usize = 1 << 20;

/// 128 bits of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub u128);

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl Digest {
    /// Of bytes in memory.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }

    /// Half of it, where what is told apart was not made to be alike.
    pub fn low_64(self) -> u64 {
        let [half, _] = *self.0.to_le_bytes().as_chunks().0 else {
            return 0;
        };
        u64::from_le_bytes(half)
    }

    /// Of a whole open file, wherever it was read to before; `told` hears of every piece's bytes. Holes are not read.
    ///
    /// # Errors
    /// It cannot be read, or work should stop: then [`io::ErrorKind::Interrupted`].
    pub fn of_file(
        file: &File,
        buffer: &mut Vec<u8>,
        on_progress: &dyn Fn(u64),
    ) -> io::Result<Self> {
        let stat = file::stat(file)?;
        let mut hasher = FileHasher {
            file,
            buffer,
            on_progress,
            hash: Xxh3::new(),
            offset: 0,
            size: stat.bytes,
        };
        if stat.allocated_bytes < stat.bytes {
            hasher.read_around_holes(stat.bytes)?;
        }
        hasher.read_to(u64::MAX)?;
        Ok(Self(hasher.hash.digest128()))
    }
}

/// A file as it is read from its beginning to its end.
struct FileHasher<'a> {
    file: &'a File,
    buffer: &'a mut Vec<u8>,
    on_progress: &'a dyn Fn(u64),
    hash: Xxh3,
    offset: u64,
    /// What the file system says it is.
    size: u64,
}

impl FileHasher<'_> {
    /// Reads on to this place, or to the end.
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
                    // More was asked for than there is: that was the end.
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

    /// Reads what holds data, and takes what does not for the zeros that it is.
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

/// Fails once work should stop.
fn check_interrupt() -> io::Result<()> {
    interrupt::check().map_err(|_| io::ErrorKind::Interrupted.into())
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom, Write as _};

    use super::*;

    #[test]
    fn it_is_what_the_reference_program_prints() {
        // xxh128sum of nothing and of three bytes.
        assert_eq!(
            Digest::of_bytes(b"").to_string(),
            "99aa06d3014798d86001c324468d497f"
        );
        assert_eq!(
            Digest::of_bytes(b"abc").to_string(),
            "06b05ab6733a618578af5f94892f3950"
        );
    }

    #[test]
    fn holes_count_as_zeros_and_the_place_read_to_does_not_matter() {
        let mut file = tempfile::tempfile().unwrap();
        let mut content = vec![0; 5 << 20];
        content[3_000_000..3_000_007].copy_from_slice(b"content");
        file.seek(SeekFrom::Start(3_000_000)).unwrap();
        file.write_all(b"content").unwrap();
        file.set_len(5 << 20).unwrap();
        let digest = Digest::of_file(&file, &mut Vec::new(), &|_| {}).unwrap();
        assert_eq!(digest, Digest::of_bytes(&content));
    }
}
