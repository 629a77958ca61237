//! The bytes of an XML file: read in pieces, counted, and hashed on the way.

use std::fmt;
use std::io::{self, BufRead, ErrorKind, Read};

use crate::base::interrupt;
use crate::snapshot::content_hash::{HashFormat, HashFormatSet, HashValue, MultiHasher};

/// Bytes read at once: 64 KiB.
const CHUNK_BYTES: usize = 64 << 10;

/// Longest tag, comment or piece of text in bytes: 64 KiB. The longest path of a system has 4 KiB.
const MAX_EVENT_BYTES: usize = 64 << 10;

/// Largest file in bytes: 1 GiB, which lists about four million files.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Passes the bytes of a file to the parser, which would otherwise keep a tag or text of any length in memory.
pub(super) struct ByteSource<R> {
    inner: R,
    buffer: Vec<u8>,
    /// The part of the buffer that the parser has not consumed.
    begin: usize,
    end: usize,
    /// Bytes of the file so far.
    total: u64,
    /// Bytes that the parser consumed for the current tag or text.
    event: usize,
    hash: MultiHasher,
}

impl<R> fmt::Debug for ByteSource<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ByteSource").finish_non_exhaustive()
    }
}

impl<R: Read> ByteSource<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            buffer: vec![0; CHUNK_BYTES],
            begin: 0,
            end: 0,
            total: 0,
            event: 0,
            hash: MultiHasher::new(HashFormatSet::EMPTY.with(HashFormat::C4)),
        }
    }

    /// Marks the begin of the next tag or text.
    pub(super) const fn begin_event(&mut self) {
        self.event = 0;
    }

    /// Reads the rest of the file and returns the C4 of all of its bytes; `None` cannot occur.
    pub(super) fn finish(mut self) -> io::Result<Option<HashValue>> {
        loop {
            let rest = self.fill_buf()?.len();
            if rest == 0 {
                return Ok(self.hash.finish().value(HashFormat::C4));
            }
            self.consume(rest);
            self.begin_event();
        }
    }
}

impl<R: Read> Read for ByteSource<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(target)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for ByteSource<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let refused = |why: &str| Err(io::Error::new(ErrorKind::InvalidData, why.to_owned()));
        if self.event > MAX_EVENT_BYTES {
            return refused("a tag or text is longer than 64 KiB");
        }
        if self.begin == self.end {
            // The parser would repeat a call that reports an interruption.
            interrupt::check().map_err(|_| io::Error::other("interrupted"))?;
            let read = loop {
                match self.inner.read(&mut self.buffer) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    read => break read?,
                }
            };
            (self.begin, self.end) = (0, read);
            self.total += read as u64;
            if self.total > MAX_FILE_BYTES {
                return refused("it is larger than 1 GiB");
            }
            self.hash.update(&self.buffer[..read]);
        }
        Ok(&self.buffer[self.begin..self.end])
    }

    fn consume(&mut self, bytes: usize) {
        self.begin += bytes;
        self.event += bytes;
    }
}
