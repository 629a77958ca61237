//! Lines of a process's output, read in bounded memory: chunks of at most 64 KiB in a short queue, and lines cut at a length
//! that rclone never reaches.

use std::io::{self, Read};
use std::process::Child;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

/// Length at which a line is cut, in bytes. rclone's own lines are far shorter.
const MAX_LINE_BYTES: usize = 256 << 10;

/// Bytes read at once: the capacity of a pipe.
pub(super) const CHUNK_BYTES: usize = 64 << 10;

/// Capacity of the queue of chunks.
const MAX_QUEUED_CHUNKS: usize = 16;

/// A line and the stream it came from.
#[derive(Debug)]
pub(super) enum OutputLine {
    /// Standard output, the answer.
    Stdout(Vec<u8>),
    /// Standard error, the log.
    Log(Vec<u8>),
}

/// Lines of one read.
#[derive(Debug)]
pub(super) struct OutputChunk {
    pub(super) lines: Vec<OutputLine>,
    /// Number of bytes read.
    pub(super) bytes: u64,
    pub(super) is_log: bool,
    pub(super) has_cut_line: bool,
}

/// Reads both streams of a process, each on a thread of its own.
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
            let lines = splitter.push(&buffer[..read]);
            let rest = (read == 0).then(|| splitter.finish()).flatten();
            let to_line = if is_log {
                OutputLine::Log
            } else {
                OutputLine::Stdout
            };
            let chunk = OutputChunk {
                lines: lines.into_iter().chain(rest).map(to_line).collect(),
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

/// Splits arriving bytes into lines.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    partial: Vec<u8>,
    /// True if the current line was cut.
    is_cut: bool,
}

impl LineSplitter {
    /// Returns the lines that end in these bytes. The rest of a cut line is dropped.
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

    /// Returns the last line if it has no line feed.
    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.partial)).filter(|rest| !rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_across_chunks() {
        let mut splitter = LineSplitter::default();
        assert_eq!(splitter.push(b"ab\nc"), [b"ab".to_vec()]);
        assert_eq!(splitter.push(b"d\n\n"), [b"cd".to_vec(), Vec::new()]);
        assert_eq!(splitter.push(b"e"), [[0; 0]; 0]);
        assert_eq!(splitter.finish(), Some(b"e".to_vec()));
        assert_eq!(splitter.finish(), None);
    }

    #[test]
    fn overlong_lines_are_cut() {
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
