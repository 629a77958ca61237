//! The need of a destination for the memory of a shared read.

use super::seat::{Seat, SeatStatus};
use super::stream::StreamPlace;

/// The state of one destination while a reader waits for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// Files will still be read for it.
    pub(super) expects_more: bool,
    /// It expects more, and has taken all that was read.
    pub(super) is_starved: bool,
    /// It has taken less than half of what was read for it.
    pub(super) lags: bool,
}

impl Need {
    /// Judges a destination with its places in the large files that are being read.
    pub(super) fn of(seat: &Seat, places: &[StreamPlace]) -> Self {
        let is_open = places.iter().any(|place| place.is_open);
        let expects_more =
            seat.status == SeatStatus::Joined && (is_open || seat.files.waiting() > 0);
        let holds_block = places.iter().any(|place| place.taken < place.read);
        Self {
            expects_more,
            is_starved: expects_more && seat.has_nothing_left() && !holds_block,
            lags: seat.pending.len() * 2 > seat.handed
                || places.iter().any(|place| place.taken * 2 < place.read),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::copy::shared_source::batch::Batch;
    use crate::copy::shared_source::file_states::{FileState, FileStates};
    use crate::copy::shared_source::pool::BlockPool;
    use crate::copy::shared_source::seat::Unit;

    /// Returns a seat that waits for a file. `handed` units were handed to it, and it has taken `taken` of them.
    fn seat(handed: usize, taken: usize) -> Seat {
        let pool = BlockPool::of_blocks(handed);
        let mut seat = Seat {
            status: SeatStatus::Joined,
            files: FileStates::new(vec![FileState::Waiting]),
            ..Seat::default()
        };
        for _ in 0..handed {
            let block = pool.take(&mut || false).unwrap();
            seat.hand(Unit::Batch(Arc::new(Batch::new(Vec::new(), block))));
        }
        seat.pending.drain(..taken);
        seat
    }

    fn need(seat: &Seat, places: &[StreamPlace]) -> (bool, bool) {
        let need = Need::of(seat, places);
        assert!(need.expects_more);
        (need.is_starved, need.lags)
    }

    #[test]
    fn destination_behind_by_half_lags() {
        assert_eq!(need(&seat(4, 4), &[]), (true, false));
        assert_eq!(need(&seat(4, 2), &[]), (false, false));
        assert_eq!(need(&seat(4, 1), &[]), (false, true));
        let place = |taken| StreamPlace {
            taken,
            read: 8,
            is_open: true,
        };
        let all_read = Seat {
            status: SeatStatus::Joined,
            ..Seat::default()
        };
        assert_eq!(need(&all_read, &[place(8)]), (true, false));
        assert_eq!(need(&all_read, &[place(4)]), (false, false));
        assert_eq!(need(&all_read, &[place(8), place(3)]), (false, true));
    }

    #[test]
    fn destination_left_behind_misses_what_it_has_not_taken() {
        let mut seat = seat(4, 1);
        assert_eq!(seat.miss_pending().len(), 3);
        assert_eq!(need(&seat, &[]), (true, false));
    }

    #[test]
    fn destination_with_all_files_expects_nothing() {
        let mut seat = seat(1, 1);
        seat.files.set(0, FileState::Taken);
        assert!(!Need::of(&seat, &[]).expects_more);
    }
}
