//! The state of one destination of a shared read.

use std::collections::VecDeque;
use std::sync::Arc;

use super::batch::Batch;
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
    /// By number of the file.
    pub(super) files: Vec<FileState>,
    /// Files that were no longer in memory when the destination came to them.
    pub(super) missed: VecDeque<UnionFile>,
    /// True once the others stopped waiting for it.
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

/// State of a file at one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileState {
    /// The destination has it already, or copies it by itself.
    Unwanted,
    /// Not taken yet.
    Waiting,
    /// Being copied.
    Taken,
    /// Not in memory any more.
    Missed,
    /// At the destination under its final name, read back and equal.
    Verified,
    /// Not at the destination, or not verified there.
    Failed,
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
        self.status == SeatStatus::Joined && self.state(number) == FileState::Waiting
    }

    pub(super) fn state(&self, number: FileNumber) -> FileState {
        let state = self.files.get(number as usize);
        state.copied().unwrap_or(FileState::Unwanted)
    }

    pub(super) fn set_state(&mut self, number: FileNumber, state: FileState) {
        if let Some(known) = self.files.get_mut(number as usize) {
            *known = state;
        }
    }

    /// Marks a file as missed, unless another thread of the destination has taken it.
    pub(super) fn miss(&mut self, file: &UnionFile) {
        if self.state(file.number) == FileState::Waiting {
            self.set_state(file.number, FileState::Missed);
            self.missed.push_back(file.clone());
        }
    }

    /// True if the file may still arrive at the destination.
    pub(super) fn is_undecided(&self, number: FileNumber) -> bool {
        self.status == SeatStatus::Joined
            && matches!(self.state(number), FileState::Waiting | FileState::Taken)
    }
}
