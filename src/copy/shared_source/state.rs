//! The state that readers and destinations of a shared read have in common.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::file_states::{FileState, FileStates};
use super::job::{UnionFile, UnionFiles};
use super::patience::Patience;
use super::pool::BlockPool;
use super::seat::{Seat, SeatStatus, Unit};
use super::stream::FileStream;
use super::union::{FileUnion, WantedFolder};
use super::wait_count::{POLL_INTERVAL, WaitCount};
use crate::base::interrupt;
use crate::copy::source_root::SourceRoot;
use crate::os::folder::Folder;
use crate::snapshot::digest::Digest;

/// Least time that destinations wait for the plans of the others, which may be slow.
const PLAN_PATIENCE: Duration = Duration::from_millis(250);

/// Time that destinations wait for the answer to a question about another one.
const QUESTION_PATIENCE: Duration = Duration::from_secs(60);

/// Number of destinations from which a file is read for all of them.
const MIN_READERS: usize = 2;

/// The source of a shared read.
#[derive(Debug)]
pub(crate) struct ReadFrom {
    pub(crate) root: Arc<Folder>,
    pub(crate) kind: SourceRoot,
    /// Computes digests.
    pub(crate) verify: bool,
    /// Number of reading threads.
    pub(crate) threads: usize,
}

/// One read of a source for several destinations.
#[derive(Debug)]
pub(crate) struct SharedSource {
    pub(super) from: ReadFrom,
    pub(super) pool: Arc<BlockPool>,
    /// By number of the destination.
    pub(super) waiting: Vec<WaitCount>,
    begun: Instant,
    state: Mutex<SharedState>,
    changed: Condvar,
}

#[derive(Debug)]
pub(super) struct SharedState {
    pub(super) seats: Vec<Seat>,
    /// The files to read, once the read has begun.
    pub(super) union: Option<Arc<FileUnion>>,
    /// True until the readers have ended.
    pub(super) is_reading: bool,
    /// By number of the file, once it was read.
    pub(super) digests: Vec<Option<Digest>>,
    /// By number of the file, true once it was handed out.
    published: Vec<bool>,
    /// Large files that are being read.
    pub(super) streams: Vec<Weak<FileStream>>,
    pub(super) patience: Patience,
}

impl SharedSource {
    /// Prepares a read for destinations of these names.
    pub(crate) fn new(from: ReadFrom, names: impl Iterator<Item = String>) -> Arc<Self> {
        let seats = names.map(|name| Seat {
            name,
            ..Seat::default()
        });
        let seats: Vec<Seat> = seats.collect();
        let now = Instant::now();
        Arc::new(Self {
            from,
            pool: BlockPool::for_host(),
            waiting: seats.iter().map(|_| WaitCount::default()).collect(),
            begun: now,
            state: Mutex::new(SharedState {
                seats,
                union: None,
                is_reading: false,
                digests: Vec::new(),
                published: Vec::new(),
                streams: Vec::new(),
                patience: Patience::new(now),
            }),
            changed: Condvar::new(),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, SharedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something changes, or for a moment.
    pub(super) fn wait<'s>(
        &self,
        state: MutexGuard<'s, SharedState>,
    ) -> MutexGuard<'s, SharedState> {
        let waited = self.changed.wait_timeout(state, POLL_INTERVAL);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    pub(super) fn notify(&self) {
        self.changed.notify_all();
    }

    pub(super) fn set_status(&self, seat: usize, status: SeatStatus) {
        let mut state = self.lock();
        let seat = &mut state.seats[seat];
        let mut dropped = VecDeque::new();
        if seat.status != SeatStatus::Left {
            seat.status = status;
        }
        if status == SeatStatus::Left {
            dropped = std::mem::take(&mut seat.pending);
        }
        drop(state);
        // Blocks return to the pool, which must not wait for this lock.
        drop(dropped);
        self.notify();
    }

    /// Joins with the files that a destination wants, and waits for the others. Returns the files of all, and true if the
    /// caller must start the readers.
    pub(super) fn join(
        &self,
        seat: usize,
        root: &Arc<Folder>,
        wanted: Vec<WantedFolder>,
    ) -> (Arc<FileUnion>, bool) {
        let joined = Instant::now();
        let planned = joined.duration_since(self.begun).max(PLAN_PATIENCE);
        let mut state = self.lock();
        state.seats[seat].root = Some(Arc::clone(root));
        state.seats[seat].wanted = wanted;
        state.seats[seat].status = SeatStatus::Joined;
        self.notify();
        if let Some(union) = state.union.clone() {
            state.seat_late(seat, &union);
            return (union, false);
        }
        loop {
            if let Some(union) = &state.union {
                return (Arc::clone(union), false);
            }
            let patience = if state.has_seat(SeatStatus::Asking) {
                QUESTION_PATIENCE
            } else {
                planned
            };
            let is_settled =
                !state.has_seat(SeatStatus::Planning) && !state.has_seat(SeatStatus::Asking);
            if is_settled || joined.elapsed() >= patience || interrupt::check().is_err() {
                break;
            }
            state = self.wait(state);
        }
        let union = state.begin();
        drop(state);
        self.notify();
        (union, true)
    }

    /// Hands files to the destinations that expect them. Returns false if none does.
    pub(super) fn publish(&self, unit: &Unit) -> bool {
        let mut state = self.lock();
        if let Unit::FileStream(stream) = unit {
            state.streams.retain(|stream| stream.strong_count() > 0);
            state.streams.push(Arc::downgrade(stream));
        }
        if let Unit::Batch(batch) = unit {
            for file in &batch.files {
                let content = file.content.as_ref().ok();
                let digest = content.and_then(|content| content.digest);
                state.digests[file.file.number as usize] = digest;
            }
        }
        state.serve_again();
        let files = unit.files();
        for file in &files {
            state.published[file.number as usize] = true;
        }
        let mut is_wanted = false;
        for number in 0..state.seats.len() {
            let expects = |file: &&UnionFile| state.seats[number].expects(file.number);
            if files.iter().any(expects) && !state.passes_over(number, unit) {
                state.seats[number].hand(unit.clone());
                is_wanted = true;
            }
        }
        drop(state);
        self.notify();
        is_wanted
    }

    /// Returns for each destination whether it expects a file.
    pub(super) fn takers(&self, file: &UnionFile) -> Vec<bool> {
        let state = self.lock();
        let seats = state.seats.iter();
        seats.map(|seat| seat.expects(file.number)).collect()
    }

    pub(super) fn set_digest(&self, file: &UnionFile, digest: Option<Digest>) {
        self.lock().digests[file.number as usize] = digest;
    }

    /// Ends the read.
    pub(super) fn end_reading(&self) {
        self.lock().is_reading = false;
        self.notify();
    }
}

impl SharedState {
    fn has_seat(&self, status: SeatStatus) -> bool {
        self.seats.iter().any(|seat| seat.status == status)
    }

    /// Begins the read for all destinations that have joined.
    fn begin(&mut self) -> Arc<FileUnion> {
        let joined = self
            .seats
            .iter()
            .filter(|seat| seat.status == SeatStatus::Joined);
        let wanted: Vec<&[WantedFolder]> = joined.map(|seat| seat.wanted.as_slice()).collect();
        // A destination that is not planned yet may want any file.
        let may_join = self.has_seat(SeatStatus::Planning) || self.has_seat(SeatStatus::Asking);
        let readers = if may_join { 1 } else { MIN_READERS };
        let union = Arc::new(FileUnion::of(&wanted, readers));
        for seat in &mut self.seats {
            if seat.status == SeatStatus::Joined {
                seat.set_wants(&union, FileState::Waiting);
            }
        }
        self.digests = vec![None; union.files];
        self.published = vec![false; union.files];
        self.is_reading = true;
        self.patience = Patience::new(Instant::now());
        self.union = Some(Arc::clone(&union));
        union
    }

    /// Lets a destination join whose plan was made after the read had begun: it misses the files that were handed out.
    fn seat_late(&mut self, seat: usize, union: &FileUnion) {
        let seat = &mut self.seats[seat];
        seat.set_wants(union, FileState::Waiting);
        let files = UnionFiles::new(union);
        for file in files.filter(|file| self.published[file.number as usize]) {
            seat.miss(&file);
        }
    }
}

impl Seat {
    /// Sets the state of the files that the destination wants.
    fn set_wants(&mut self, union: &FileUnion, state: FileState) {
        let wants = union.wants(&self.wanted).into_iter();
        let states = wants.map(|wants| if wants { state } else { FileState::Unwanted });
        self.files = FileStates::new(states.collect());
    }
}
