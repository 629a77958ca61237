//! The state of one destination of a shared read.

use std::collections::VecDeque;
use std::sync::Arc;

use super::batch::Batch;
use super::file_states::{FileState, FileStates};
use super::job::UnionFile;
use super::stream::FileStream;
use super::union::{FileNumber, WantedFolder};
use crate::os::folder::Folder;

/// Files that were read together, on their way to a destination.
#[derive(Clone, Debug)]
pub(super) enum Unit {
    Batch(Arc<Batch>),
    FileStream(Arc<FileStream>),
}

/// A destination of the shared read.
#[derive(Debug, Default)]
pub(super) struct Seat {
    pub(super) status: SeatStatus,
    /// Name of the database.
    pub(super) name: String,
    /// Root of the destination, once it has joined.
    pub(super) root: Option<Arc<Folder>>,
    /// Files that it wants.
    pub(super) wanted: Vec<WantedFolder>,
    /// Files read and not taken yet.
    pub(super) pending: VecDeque<Unit>,
    /// Number of units that were handed to it since it was last served again.
    pub(super) handed: usize,
    pub(super) files: FileStates,
    /// Files that were no longer in memory when the destination came to them.
    pub(super) missed: VecDeque<UnionFile>,
    /// True while the others do not wait for it.
    pub(super) is_slow: bool,
}

/// A destination's way through a shared read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SeatStatus {
    /// Its plan is being made.
    #[default]
    Planning,
    /// Its user is asked.
    Asking,
    Joined,
    Left,
}

impl Unit {
    pub(super) fn files(&self) -> Vec<&UnionFile> {
        match self {
            Self::Batch(batch) => batch.files.iter().map(|file| &file.file).collect(),
            Self::FileStream(stream) => vec![&stream.file],
        }
    }
}

impl Seat {
    /// True if the destination still expects this file.
    pub(super) fn expects(&self, number: FileNumber) -> bool {
        self.status == SeatStatus::Joined && self.files.state(number) == FileState::Waiting
    }

    /// True if the destination has taken all files that were read for it.
    pub(super) fn has_nothing_left(&self) -> bool {
        self.pending.is_empty() && self.missed.is_empty()
    }

    /// Hands files to the destination.
    pub(super) fn hand(&mut self, unit: Unit) {
        self.pending.push_back(unit);
        self.handed += 1;
    }

    /// Lets the destination miss all files that it has not taken. Returns them, to be dropped without the lock.
    pub(super) fn miss_pending(&mut self) -> Vec<Unit> {
        let units: Vec<Unit> = self.pending.drain(..).collect();
        self.handed -= units.len();
        for file in units.iter().flat_map(Unit::files) {
            self.miss(file);
        }
        units
    }

    /// Marks a file as missed, unless another thread of the destination has taken it.
    pub(super) fn miss(&mut self, file: &UnionFile) {
        if self.files.state(file.number) == FileState::Waiting {
            self.files.set(file.number, FileState::Missed);
            self.missed.push_back(file.clone());
        }
    }

    /// True if the file may still arrive at the destination.
    pub(super) fn is_undecided(&self, number: FileNumber) -> bool {
        self.status == SeatStatus::Joined
            && matches!(
                self.files.state(number),
                FileState::Waiting | FileState::Taken
            )
    }
}
