//! A large file on its way from its reader to several destinations: blocks, and the place of each destination.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::job::UnionFile;
use super::pool::SharedBlock;
use super::wait_count::{POLL_INTERVAL, WaitCount};
use crate::base::error::Error;
use crate::base::interrupt;
use crate::snapshot::digest::Digest;
use crate::storage::copy_file::{ContentError, SourceContent, SourceMetadata};

/// A file that is being read.
#[derive(Debug)]
pub(super) struct FileStream {
    pub(super) file: UnionFile,
    metadata: SourceMetadata,
    state: Mutex<StreamState>,
    changed: Condvar,
}

#[derive(Debug)]
struct StreamState {
    /// Blocks that at least one destination has not taken.
    blocks: VecDeque<StreamBlock>,
    /// Index of the first of them in the file.
    first: usize,
    /// By number of the destination.
    cursors: Vec<Cursor>,
    end: Option<StreamEnd>,
}

#[derive(Clone, Debug)]
struct StreamBlock {
    offset: u64,
    length: usize,
    block: Arc<SharedBlock>,
}

/// Place of a destination in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cursor {
    /// Index of the next block.
    At(usize),
    /// It does not want the file, or not any longer.
    Left,
    /// It was too slow.
    Cut,
}

/// How far a destination has come in a stream, in blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamPlace {
    pub(super) taken: usize,
    pub(super) read: usize,
    /// True if more blocks will follow.
    pub(super) is_open: bool,
}

/// The end of a stream.
#[derive(Clone, Debug)]
pub(super) enum StreamEnd {
    /// The whole file was read. Holds its digest, if one was requested.
    Whole(Option<Digest>),
    /// The source could not be read, or changed.
    Failed(Arc<Error>),
}

impl FileStream {
    /// Begins a file; `takers` says for each destination whether it wants the file.
    pub(super) fn new(file: UnionFile, metadata: SourceMetadata, takers: &[bool]) -> Self {
        let cursor = |taker: &bool| if *taker { Cursor::At(0) } else { Cursor::Left };
        Self {
            file,
            metadata,
            state: Mutex::new(StreamState {
                blocks: VecDeque::new(),
                first: 0,
                cursors: takers.iter().map(cursor).collect(),
                end: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// Adds the next piece. Returns false if no destination wants the rest of the file.
    pub(super) fn push(&self, offset: u64, length: usize, block: SharedBlock) -> bool {
        let mut state = self.lock();
        state.blocks.push_back(StreamBlock {
            offset,
            length,
            block: Arc::new(block),
        });
        let is_wanted = state.is_wanted();
        state.drop_taken();
        drop(state);
        self.changed.notify_all();
        is_wanted
    }

    pub(super) fn finish(&self, end: StreamEnd) {
        self.lock().end = Some(end);
        self.changed.notify_all();
    }

    /// Lets a destination leave the stream.
    pub(super) fn leave(&self, destination: usize) {
        self.set_cursor(destination, Cursor::Left);
    }

    /// Returns the place of a destination, unless it does not want the file.
    pub(super) fn place(&self, destination: usize) -> Option<StreamPlace> {
        let state = self.lock();
        let Cursor::At(taken) = state.cursors[destination] else {
            return None;
        };
        Some(StreamPlace {
            taken,
            read: state.first + state.blocks.len(),
            is_open: state.end.is_none(),
        })
    }

    /// Ends the stream for a destination that holds memory others wait for. Returns false if it holds none.
    pub(super) fn cut(&self, destination: usize) -> bool {
        let lags = self
            .place(destination)
            .is_some_and(|place| place.taken < place.read);
        if lags {
            self.set_cursor(destination, Cursor::Cut);
        }
        lags
    }

    fn set_cursor(&self, destination: usize, cursor: Cursor) {
        let mut state = self.lock();
        if matches!(state.cursors[destination], Cursor::At(_)) {
            state.cursors[destination] = cursor;
        }
        state.drop_taken();
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, StreamState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StreamState {
    fn is_wanted(&self) -> bool {
        let mut cursors = self.cursors.iter();
        cursors.any(|cursor| matches!(cursor, Cursor::At(_)))
    }

    /// Drops the blocks that every destination has taken.
    fn drop_taken(&mut self) {
        let places = self.cursors.iter().filter_map(|cursor| match cursor {
            Cursor::At(at) => Some(*at),
            Cursor::Left | Cursor::Cut => None,
        });
        let needed = places.min().unwrap_or(usize::MAX);
        while self.first < needed && self.blocks.pop_front().is_some() {
            self.first += 1;
        }
    }
}

/// The content of a stream, as one destination takes it. Dropping it leaves the stream.
#[derive(Debug)]
pub(crate) struct StreamContent<'s> {
    stream: &'s FileStream,
    destination: usize,
    waiting: &'s WaitCount,
    current: Option<StreamBlock>,
    digest: Option<Digest>,
}

impl<'s> StreamContent<'s> {
    pub(super) const fn new(
        stream: &'s FileStream,
        destination: usize,
        waiting: &'s WaitCount,
    ) -> Self {
        Self {
            stream,
            destination,
            waiting,
            current: None,
            digest: None,
        }
    }
}

impl SourceContent for StreamContent<'_> {
    fn metadata(&self) -> &SourceMetadata {
        &self.stream.metadata
    }

    fn next(&mut self) -> Result<Option<(u64, &[u8])>, ContentError> {
        self.current = None;
        let mut state = self.stream.lock();
        let mut waiting = None;
        loop {
            let Cursor::At(at) = state.cursors[self.destination] else {
                return Err(ContentError::Missed);
            };
            if let Some(block) = state.blocks.get(at - state.first) {
                self.current = Some(block.clone());
                state.cursors[self.destination] = Cursor::At(at + 1);
                state.drop_taken();
                break;
            }
            match &state.end {
                Some(StreamEnd::Whole(digest)) => {
                    self.digest = *digest;
                    return Ok(None);
                }
                Some(StreamEnd::Failed(error)) => {
                    return Err(ContentError::Source(Arc::clone(error)));
                }
                None => interrupt::check()?,
            }
            waiting.get_or_insert_with(|| self.waiting.begin());
            let waited = self.stream.changed.wait_timeout(state, POLL_INTERVAL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        let current = self.current.as_ref();
        Ok(current.map(|block| (block.offset, &block.block.bytes[..block.length])))
    }

    fn digest(&self) -> Option<Digest> {
        self.digest
    }
}

impl Drop for StreamContent<'_> {
    fn drop(&mut self) {
        self.stream.leave(self.destination);
    }
}
