//! Lines of a process's streams, read in bounded memory whatever it writes: pieces of at most 64 kB, of which few wait, and
//! lines that are cut where they are longer than any of rclone's.

use std::io::{self, Read};
use std::process::Child;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

/// Length from which a line is cut, in bytes; rclone's own are far shorter.
const MAX_LINE_BYTES: usize = 256 << 10;

/// Bytes that are read at once: as much as a pipe holds.
pub(super) const CHUNK_BYTES: usize = 64 << 10;

/// Number of pieces that may wait to be heard.
const MAX_QUEUED_CHUNKS: usize = 16;

/// A line, by the stream that it was written to.
#[derive(Debug)]
pub(super) enum OutputLine {
    /// Standard output: answers.
    Stdout(Vec<u8>),
    /// Standard error: the log.
    Log(Vec<u8>),
}

/// Lines that were read at once.
#[derive(Debug)]
pub(super) struct OutputChunk {
    pub(super) lines: Vec<OutputLine>,
    /// Number of bytes that were read for it.
    pub(super) bytes: u64,
    /// Whether it was read from standard error.
    pub(super) is_log: bool,
    /// Whether a line was cut.
    pub(super) has_cut_line: bool,
}

/// Reads both streams of a process, each on a thread of its own.
///
/// # Errors
/// A thread could not be started.
pub(super) fn read_streams(child: &mut Child) -> io::Result<Receiver<OutputChunk>> {
    let (sender, chunks) = mpsc::sync_channel(MAX_QUEUED_CHUNKS);
    if let Some(out) = child.stdout.take() {
        spawn_reader(out, false, sender.clone())?;
    }
    if let Some(log) = child.stderr.take() {
        spawn_reader(log, true, sender)?;
    }
    Ok(chunks)
}

fn spawn_reader(
    mut stream: impl Read + Send + 'static,
    is_log: bool,
    sender: SyncSender<OutputChunk>,
) -> io::Result<()> {
    let spawned = thread::Builder::new().spawn(move || {
        let mut splitter = LineSplitter::default();
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let read = match stream.read(&mut buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            let whole = splitter.push(&buffer[..read]);
            let rest = (read == 0).then(|| splitter.finish()).flatten();
            let to_line = if is_log {
                OutputLine::Log
            } else {
                OutputLine::Stdout
            };
            let chunk = OutputChunk {
                lines: whole.into_iter().chain(rest).map(to_line).collect(),
                bytes: read as u64,
                is_log,
                has_cut_line: splitter.is_cut,
            };
            if sender.send(chunk).is_err() || read == 0 {
                return;
            }
        }
    });
    spawned.map(drop)
}

/// Splits bytes into lines as they come.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    partial: Vec<u8>,
    /// Whether the line that is being read was cut.
    is_cut: bool,
}

impl LineSplitter {
    /// The lines that end in these bytes. A line that is too long ends where it was cut, and the rest of it is left out.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let is_whole = parts.peek().is_some();
            if !self.is_cut {
                let room = MAX_LINE_BYTES - self.partial.len();
                self.partial
                    .extend_from_slice(&part[..part.len().min(room)]);
                if part.len() > room {
                    self.is_cut = true;
                    lines.push(std::mem::take(&mut self.partial));
                }
            }
            if is_whole {
                if !self.is_cut {
                    lines.push(std::mem::take(&mut self.partial));
                }
                self.is_cut = false;
            }
        }
        lines
    }

    /// The line that was not ended.
    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.partial)).filter(|rest| !rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_wherever_pieces_end() {
        let mut splitter = LineSplitter::default();
        assert_eq!(splitter.push(b"ab\nc"), [b"ab".to_vec()]);
        assert_eq!(splitter.push(b"d\n\n"), [b"cd".to_vec(), Vec::new()]);
        assert_eq!(splitter.push(b"e"), [[0; 0]; 0]);
        assert_eq!(splitter.finish(), Some(b"e".to_vec()));
        assert_eq!(splitter.finish(), None);
    }

    #[test]
    fn endless_lines_are_cut() {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        let piece = vec![b'x'; CHUNK_BYTES];
        for _ in 0..64 {
            lines.extend(splitter.push(&piece));
        }
        assert!(splitter.is_cut);
        lines.extend(splitter.push(b"y\nz\n"));
        let lengths: Vec<_> = lines.iter().map(Vec::len).collect();
        assert_eq!(lengths, [MAX_LINE_BYTES, 1]);
    }
}
