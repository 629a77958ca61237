//! The state of every file at one destination of a shared read.

use super::union::FileNumber;

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

/// States by number of the file, with the numbers of those that are waiting and taken.
#[derive(Debug, Default)]
pub(super) struct FileStates {
    states: Vec<FileState>,
    waiting: usize,
    taken: usize,
}

impl FileStates {
    pub(super) fn new(states: Vec<FileState>) -> Self {
        let count = |wanted| states.iter().filter(|state| **state == wanted).count();
        Self {
            waiting: count(FileState::Waiting),
            taken: count(FileState::Taken),
            states,
        }
    }

    pub(super) fn state(&self, number: FileNumber) -> FileState {
        let state = self.states.get(number as usize);
        state.copied().unwrap_or(FileState::Unwanted)
    }

    pub(super) fn set(&mut self, number: FileNumber, state: FileState) {
        let Some(known) = self.states.get_mut(number as usize) else {
            return;
        };
        let former = std::mem::replace(known, state);
        for (counted, count) in [
            (FileState::Waiting, &mut self.waiting),
            (FileState::Taken, &mut self.taken),
        ] {
            *count += usize::from(state == counted);
            *count -= usize::from(former == counted);
        }
    }

    /// Number of files that were not taken yet.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Number of files that are being copied.
    pub(super) const fn taken(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_follow_the_states() {
        use FileState::{Taken, Unwanted, Verified, Waiting};
        let mut files = FileStates::new(vec![Waiting, Unwanted, Waiting]);
        let mut counts = Vec::new();
        for (number, state) in [
            (0, Taken),
            (0, Taken),
            (2, Taken),
            (0, Verified),
            (2, Waiting),
        ] {
            files.set(number, state);
            counts.push((files.waiting(), files.taken()));
        }
        assert_eq!(counts, [(1, 1), (1, 1), (0, 2), (0, 1), (1, 0)]);
        files.set(3, Taken);
        assert_eq!(files.state(3), Unwanted);
    }
}
