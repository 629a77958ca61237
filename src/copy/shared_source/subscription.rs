//! The part of one destination in a shared read.

use std::sync::Arc;

use super::batch::BatchContent;
use super::file_states::FileState;
use super::job::{UnionFile, UnionFiles};
use super::reader;
use super::seat::{SeatStatus, Unit};
use super::state::{SharedSource, SharedState};
use super::stream::StreamContent;
use super::union::{FileNumber, FileUnion, Share, wanted_folders};
use super::wait_count::Counted;
use crate::base::error::Error;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::copy::plan::{Plan, PlannedFile};
use crate::os::folder::Folder;
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::ManifestFile;
use crate::storage::copy_file::{ContentError, SourceContent, SourceMetadata};

/// A destination's place in a shared read, from before its plan is made. Dropping it leaves the read.
#[derive(Debug)]
pub(crate) struct SeatGuard {
    shared: Arc<SharedSource>,
    seat: usize,
}

/// A destination that has joined a shared read.
#[derive(Debug)]
pub(crate) struct Subscription<'s> {
    shared: &'s SharedSource,
    seat: usize,
    union: Arc<FileUnion>,
    share: Share,
}

/// The next thing to copy, if there is one.
#[derive(Debug)]
pub(crate) enum Next<T> {
    Ready(T),
    NotReady,
    Ended,
}

/// Files that were read, and that one destination copies now.
#[derive(Debug)]
pub(crate) struct Delivery {
    unit: Unit,
    /// Index of the plan, and of the folder in it.
    pub(crate) position: (usize, usize),
}

/// A file of a delivery.
#[derive(Debug)]
pub(crate) struct SharedFile<'d> {
    pub(crate) item: PlannedFile,
    file: UnionFile,
    /// The content, or the reason why it could not be read.
    pub(crate) content: Result<SharedContent<'d>, Arc<Error>>,
}

/// The content of a file of a delivery.
#[derive(Debug)]
pub(crate) enum SharedContent<'d> {
    Batch(BatchContent<'d>),
    FileStream(StreamContent<'d>),
}

/// A file that the destination could not take from memory.
#[derive(Debug)]
pub(crate) struct MissedFile {
    pub(crate) item: PlannedFile,
    /// Index of the plan, and of the folder in it.
    pub(crate) position: (usize, usize),
    pub(crate) origin: Origin,
}

/// Place from which a missed file is copied.
#[derive(Debug)]
pub(crate) enum Origin {
    /// The source: no other destination holds the file.
    Source,
    /// A destination where the file is verified.
    Peer {
        root: Arc<Folder>,
        /// Name of the database.
        name: String,
        /// The digest of the source.
        digest: Digest,
    },
}

impl SeatGuard {
    pub(crate) const fn new(shared: Arc<SharedSource>, seat: usize) -> Self {
        Self { shared, seat }
    }

    /// Says whether the destination waits for the answer to a question.
    pub(crate) fn set_asking(&self, is_asking: bool) {
        let status = if is_asking {
            SeatStatus::Asking
        } else {
            SeatStatus::Planning
        };
        self.shared.set_status(self.seat, status);
    }

    /// Joins the read with the files of these plans that `is_shared` accepts, and waits for the other destinations.
    pub(crate) fn join(
        &self,
        root: &Arc<Folder>,
        plans: &[&Plan],
        is_shared: &dyn Fn(usize, &ManifestFile<'_>) -> bool,
    ) -> Subscription<'_> {
        let wanted = wanted_folders(plans, is_shared);
        let (union, must_start) = self.shared.join(self.seat, root, wanted);
        if must_start {
            reader::start(&self.shared, &union);
        }
        let state = self.shared.lock();
        let share = union.share(plans, &state.seats[self.seat].wanted);
        drop(state);
        Subscription {
            shared: &self.shared,
            seat: self.seat,
            union,
            share,
        }
    }
}

impl Drop for SeatGuard {
    fn drop(&mut self) {
        self.shared.set_status(self.seat, SeatStatus::Left);
    }
}

impl Subscription<'_> {
    /// Plans of the files that the destination copies by itself.
    pub(crate) fn own_plans(&self) -> Vec<&Plan> {
        self.share.own_plans.iter().collect()
    }

    /// Counts the calling thread as one that copies for this destination.
    pub(crate) fn add_thread(&self) -> Counted<'_> {
        self.shared.waiting[self.seat].add_thread()
    }

    /// Returns the next files. With `wait`, some are ready or all were read.
    pub(crate) fn next(&self, wait: bool) -> Next<Delivery> {
        let mut waiting = None;
        let mut state = self.shared.lock();
        loop {
            if let Some(unit) = state.seats[self.seat].pending.pop_front() {
                let position = self.take(&mut state, &unit);
                drop(state);
                // Every unit has a folder that the destination wants.
                let position = position.unwrap_or_default();
                return Next::Ready(Delivery { unit, position });
            }
            if !state.is_reading || interrupt::check().is_err() {
                return Next::Ended;
            }
            if !wait {
                return Next::NotReady;
            }
            waiting.get_or_insert_with(|| self.shared.waiting[self.seat].begin());
            state = self.shared.wait(state);
        }
    }

    /// Marks the files of a unit as taken, and returns the position of their folder.
    fn take(&self, state: &mut SharedState, unit: &Unit) -> Option<(usize, usize)> {
        let seat = &mut state.seats[self.seat];
        let files = unit.files();
        for file in &files {
            if seat.files.state(file.number) == FileState::Waiting {
                seat.files.set(file.number, FileState::Taken);
            }
        }
        let folder = files.first()?.folder;
        self.share.positions[folder]
    }

    /// Passes the files of a delivery that the destination wants to `copy`, one after the other.
    pub(crate) fn visit(&self, delivery: &Delivery, copy: &mut dyn FnMut(SharedFile<'_>)) {
        match &delivery.unit {
            Unit::FileStream(stream) => {
                let waiting = &self.shared.waiting[self.seat];
                let content = StreamContent::new(stream, self.seat, waiting);
                copy(SharedFile {
                    item: self.planned_file(&stream.file, delivery.position),
                    file: stream.file.clone(),
                    content: Ok(SharedContent::FileStream(content)),
                });
            }
            Unit::Batch(batch) => {
                for file in &batch.files {
                    if self.state(file.file.number) != FileState::Taken {
                        continue;
                    }
                    copy(SharedFile {
                        item: self.planned_file(&file.file, delivery.position),
                        file: file.file.clone(),
                        content: batch.content(file).map(SharedContent::Batch),
                    });
                }
            }
        }
    }

    fn state(&self, number: FileNumber) -> FileState {
        self.shared.lock().seats[self.seat].files.state(number)
    }

    fn planned_file(&self, file: &UnionFile, position: (usize, usize)) -> PlannedFile {
        let replaced = self.share.replaced.get(&position);
        PlannedFile {
            name: file.name.clone(),
            bytes: file.bytes,
            modified: file.modified,
            is_link: false,
            replaced: replaced
                .and_then(|replaced| replaced.get(&file.name))
                .copied(),
            shared: Some(file.number),
        }
    }

    /// Records that a file of a delivery was no longer in memory.
    pub(crate) fn miss(&self, file: &SharedFile<'_>) {
        let mut state = self.shared.lock();
        let seat = &mut state.seats[self.seat];
        seat.files.set(file.file.number, FileState::Waiting);
        seat.miss(&file.file);
    }

    /// Records the outcome of a file, so that other destinations may copy it from this one.
    pub(crate) fn record(&self, number: FileNumber, is_verified: bool) {
        let mut state = self.shared.lock();
        let result = if is_verified {
            FileState::Verified
        } else {
            FileState::Failed
        };
        state.seats[self.seat].files.set(number, result);
        drop(state);
        self.shared.notify();
    }

    /// Returns the next file that was missed, with its origin. It is not ready while other destinations must finish it first;
    /// with `wait`, one is ready or none is left.
    pub(crate) fn next_missed(&self, wait: bool) -> Next<MissedFile> {
        let mut state = self.shared.lock();
        loop {
            if state.seats[self.seat].missed.is_empty() || interrupt::check().is_err() {
                return Next::Ended;
            }
            if let Some((file, origin)) = state.take_missed(self.seat) {
                drop(state);
                let folder = file.folder;
                let position = self.share.positions[folder].unwrap_or_default();
                return Next::Ready(MissedFile {
                    item: self.planned_file(&file, position),
                    position,
                    origin,
                });
            }
            if !wait {
                return Next::NotReady;
            }
            state = self.shared.wait(state);
        }
    }

    /// Returns the files that were not copied because the copy was stopped, each with the position of its folder.
    pub(crate) fn unreached(&self) -> Vec<((usize, usize), Name)> {
        let state = self.shared.lock();
        let seat = &state.seats[self.seat];
        let files = UnionFiles::new(&self.union).filter(|file| {
            matches!(
                seat.files.state(file.number),
                FileState::Waiting | FileState::Missed
            )
        });
        let files = files.filter_map(|file| {
            let position = self.share.positions[file.folder]?;
            Some((position, file.name))
        });
        files.collect()
    }
}

impl SharedState {
    /// Takes a missed file whose origin is decided, if any.
    fn take_missed(&mut self, own: usize) -> Option<(UnionFile, Origin)> {
        /// Number of missed files that are looked at; all of them would cost too much each time.
        const LOOK_AHEAD: usize = 256;
        let mut missed = self.seats[own].missed.iter().take(LOOK_AHEAD).enumerate();
        let (place, origin) =
            missed.find_map(|(place, file)| Some((place, self.origin(own, file.number)?)))?;
        let file = self.seats[own].missed.remove(place)?;
        self.seats[own].files.set(file.number, FileState::Taken);
        Some((file, origin))
    }

    /// Returns the place from which a missed file can be copied; `None` while other destinations are copying it.
    fn origin(&self, own: usize, number: FileNumber) -> Option<Origin> {
        let others = || {
            let seats = self.seats.iter().enumerate();
            seats
                .filter(move |(seat, _)| *seat != own)
                .map(|(_, seat)| seat)
        };
        let digest = self.digests.get(number as usize).copied().flatten();
        let verified = others().find(|seat| seat.files.state(number) == FileState::Verified);
        if let (Some(seat), Some(digest)) = (verified, digest)
            && let Some(root) = &seat.root
        {
            return Some(Origin::Peer {
                root: Arc::clone(root),
                name: seat.name.clone(),
                digest,
            });
        }
        let may_arrive = others().any(|seat| seat.is_undecided(number));
        (!may_arrive).then_some(Origin::Source)
    }
}

impl SourceContent for SharedContent<'_> {
    fn metadata(&self) -> &SourceMetadata {
        match self {
            Self::Batch(content) => content.metadata(),
            Self::FileStream(content) => content.metadata(),
        }
    }

    fn next(&mut self) -> Result<Option<(u64, &[u8])>, ContentError> {
        match self {
            Self::Batch(content) => content.next(),
            Self::FileStream(content) => content.next(),
        }
    }

    fn digest(&self) -> Option<Digest> {
        match self {
            Self::Batch(content) => content.digest(),
            Self::FileStream(content) => content.digest(),
        }
    }
}
