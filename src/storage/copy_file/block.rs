//! A file read once, piece by piece, with the digest of its bytes. Holes are skipped, and hashed as zeros.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;

use super::size::ends_at;
use crate::base::interrupt;
use crate::os::file;
use crate::os::stat::Stat;
use crate::snapshot::content_hash::{HashFormatSet, MultiHasher};
use crate::snapshot::digest::Digest;

/// Largest piece that is read at once: 1 MiB.
pub const BLOCK_BYTES: usize = 1 << 20;

/// Reads the data of one file from beginning to end.
#[derive(Debug)]
pub struct BlockReader {
    /// Size by the metadata.
    size: u64,
    /// Offset of the next byte.
    offset: u64,
    /// End of the range of data that contains the offset.
    range_end: u64,
    is_sparse: bool,
    hash: Option<MultiHasher>,
}

/// The end of a file that was read.
#[derive(Debug)]
pub struct ReadEnd {
    /// False if the file is shorter or longer than its metadata said.
    pub is_whole: bool,
    /// The digest of its bytes, if it was requested.
    pub digest: Option<Digest>,
}

impl BlockReader {
    /// Begins a file with this metadata.
    pub fn new(stat: &Stat, with_digest: bool) -> Self {
        let is_sparse = stat.allocated_bytes < stat.bytes;
        Self {
            size: stat.bytes,
            offset: 0,
            range_end: if is_sparse { 0 } else { stat.bytes },
            is_sparse,
            hash: with_digest.then(|| MultiHasher::new(HashFormatSet::EMPTY)),
        }
    }

    /// Reads the next piece into the buffer, and returns its offset in the file and its length; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or interruption: then [`ErrorKind::Interrupted`].
    pub fn read(&mut self, file: &File, buffer: &mut [u8]) -> io::Result<Option<(u64, usize)>> {
        if self.is_sparse && self.offset == self.range_end {
            self.skip_hole(file)?;
        }
        let left = usize::try_from(self.range_end - self.offset).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let mut filled = 0;
        while filled < wanted {
            interrupt::check().map_err(|_| ErrorKind::Interrupted)?;
            let at = self.offset + filled as u64;
            match file.read_at(&mut buffer[filled..wanted], at) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if filled == 0 {
            return Ok(None);
        }
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..filled]);
        }
        let begin = self.offset;
        self.offset += filled as u64;
        Ok(Some((begin, filled)))
    }

    /// Moves to the next range of data, or to the end of the file.
    fn skip_hole(&mut self, file: &File) -> io::Result<()> {
        let data = file::next_data_range(file, self.offset, self.size)?;
        let (begin, end) = data.unwrap_or((self.size, self.size));
        if let Some(hash) = &mut self.hash {
            let mut left = begin - self.offset;
            while left > 0 {
                static ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];
                interrupt::check().map_err(|_| ErrorKind::Interrupted)?;
                let zeros = usize::try_from(left).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
                hash.update(&ZEROS[..zeros]);
                left -= zeros as u64;
            }
        }
        (self.offset, self.range_end) = (begin, end);
        Ok(())
    }

    /// Ends the file. No reported size is trusted without a read at its end.
    pub fn finish(self, file: &File) -> io::Result<ReadEnd> {
        Ok(ReadEnd {
            is_whole: self.offset == self.size && ends_at(file, self.size)?,
            digest: self.hash.map(|hash| hash.finish().digest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the pieces of a file, and its end.
    fn read(file: &File, piece: usize) -> (Vec<(u64, Vec<u8>)>, ReadEnd) {
        let mut reader = BlockReader::new(&file::stat(file).unwrap(), true);
        let (mut pieces, mut buffer) = (Vec::new(), vec![0; piece]);
        while let Some((at, length)) = reader.read(file, &mut buffer).unwrap() {
            pieces.push((at, buffer[..length].to_vec()));
        }
        (pieces, reader.finish(file).unwrap())
    }

    #[test]
    fn pieces_are_the_file() {
        for (length, piece) in [(0, 4), (7, 4), (8, 4), (70_000, 4096)] {
            let content: Vec<u8> = (0..=250).cycle().take(length).collect();
            let file = tempfile::tempfile().unwrap();
            file.write_all_at(&content, 0).unwrap();
            let (pieces, end) = read(&file, piece);
            let bytes: Vec<u8> = pieces.into_iter().flat_map(|(_, bytes)| bytes).collect();
            assert_eq!(bytes, content);
            assert!(end.is_whole);
            assert_eq!(end.digest, Some(Digest::of_bytes(&content)));
        }
    }

    #[test]
    fn holes_are_skipped_and_hashed() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(8 << 20).unwrap();
        file.write_all_at(b"middle", 4 << 20).unwrap();
        let (pieces, end) = read(&file, BLOCK_BYTES);
        let read: usize = pieces.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(read < 1 << 20, "{read}");
        let mut content = vec![0; 8 << 20];
        content[4 << 20..][..6].copy_from_slice(b"middle");
        assert!(end.is_whole);
        assert_eq!(end.digest, Some(Digest::of_bytes(&content)));
    }

    #[test]
    fn other_size_is_not_whole() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"content", 0).unwrap();
        let stat = file::stat(&file).unwrap();
        for (bytes, is_whole) in [(7, true), (6, false), (8, false)] {
            let stat = Stat { bytes, ..stat };
            let mut reader = BlockReader::new(&stat, false);
            while reader.read(&file, &mut [0; 4]).unwrap().is_some() {}
            assert_eq!(reader.finish(&file).unwrap().is_whole, is_whole, "{bytes}");
        }
    }
}
