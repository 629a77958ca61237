//! Lines of a process's streams, read in bounded memory whatever it writes: pieces of at most 64 kB, of which few wait, and
//! lines that are cut where they are longer than any of rclone's.

use std::io::{self, Read};
use std::process::Child;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

/// Length from which a line is cut, in bytes; rclone's own are far shorter.
const LONGEST: usize = 256 << 10;

/// Bytes that are read at once: as much as a pipe holds.
pub(super) const PIECE: usize = 64 << 10;

/// Number of pieces that may wait to be heard.
const WAITING: usize = 16;

/// A line, by the stream that it was written to.
#[derive(Debug)]
pub(super) enum Line {
    /// Standard output: answers.
    Out(Vec<u8>),
    /// Standard error: the log.
    Log(Vec<u8>),
}

/// Lines that were read at once.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) lines: Vec<Line>,
    /// Number of bytes that were read for it.
    pub(super) bytes: u64,
    /// Whether it was read from standard error.
    pub(super) is_log: bool,
    /// Whether a line was cut.
    pub(super) is_endless: bool,
}

/// Reads both streams of a process, each on a thread of its own.
///
/// # Errors
/// A thread could not be started.
pub(super) fn of(child: &mut Child) -> io::Result<Receiver<Piece>> {
    let (sender, pieces) = mpsc::sync_channel(WAITING);
    if let Some(out) = child.stdout.take() {
        read(out, false, sender.clone())?;
    }
    if let Some(log) = child.stderr.take() {
        read(log, true, sender)?;
    }
    Ok(pieces)
}

fn read(
    mut stream: impl Read + Send + 'static,
    is_log: bool,
    sender: SyncSender<Piece>,
) -> io::Result<()> {
    let begun = thread::Builder::new().spawn(move || {
        let mut splitter = Splitter::default();
        let mut buffer = vec![0; PIECE];
        loop {
            let read = match stream.read(&mut buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            let whole = splitter.take(&buffer[..read]);
            let rest = (read == 0).then(|| splitter.rest()).flatten();
            let of = if is_log { Line::Log } else { Line::Out };
            let piece = Piece {
                lines: whole.into_iter().chain(rest).map(of).collect(),
                bytes: read as u64,
                is_log,
                is_endless: splitter.is_cut,
            };
            if sender.send(piece).is_err() || read == 0 {
                return;
            }
        }
    });
    begun.map(drop)
}

/// Splits bytes into lines as they come.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    begun: Vec<u8>,
    /// Whether the line that is being read was cut.
    is_cut: bool,
}

impl Splitter {
    /// The lines that end in these bytes. A line that is too long ends where it was cut, and the rest of it is left out.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let is_whole = parts.peek().is_some();
            if !self.is_cut {
                let room = LONGEST - self.begun.len();
                self.begun.extend_from_slice(&part[..part.len().min(room)]);
                if part.len() > room {
                    self.is_cut = true;
                    lines.push(std::mem::take(&mut self.begun));
                }
            }
            if is_whole {
                if !self.is_cut {
                    lines.push(std::mem::take(&mut self.begun));
                }
                self.is_cut = false;
            }
        }
        lines
    }

    /// The line that was not ended.
    pub(super) fn rest(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.begun)).filter(|rest| !rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_wherever_pieces_end() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.take(b"ab\nc"), [b"ab".to_vec()]);
        assert_eq!(splitter.take(b"d\n\n"), [b"cd".to_vec(), Vec::new()]);
        assert_eq!(splitter.take(b"e"), [[0; 0]; 0]);
        assert_eq!(splitter.rest(), Some(b"e".to_vec()));
        assert_eq!(splitter.rest(), None);
    }

    #[test]
    fn endless_lines_are_cut() {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        let piece = vec![b'x'; PIECE];
        for _ in 0..64 {
            lines.extend(splitter.take(&piece));
        }
        assert!(splitter.is_cut);
        lines.extend(splitter.take(b"y\nz\n"));
        let lengths: Vec<_> = lines.iter().map(Vec::len).collect();
        assert_eq!(lengths, [LONGEST, 1]);
    }
}
