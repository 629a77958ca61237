//! Who gives way when the memory of a shared read runs out.
//!
//! A destination that lags far behind while another has nothing to write, or that holds up the others for too long, is slow.
//! It then misses what it holds in memory, and copies that from
//! a destination which has verified it. Once it has caught up, it is served like the others again.

use std::sync::Weak;
use std::time::Instant;

use super::need::Need;
use super::patience::Patience;
use super::seat::{Seat, Unit};
use super::state::{SharedSource, SharedState};
use super::wait_count::WaitCount;
use crate::base::interrupt;

impl SharedSource {
    /// Called while a reader waits for memory. If destinations have nothing to write, takes more memory; and if they wait for
    /// too long, those that hold the memory miss their files. Returns false after cancellation.
    pub(super) fn make_room(&self) -> bool {
        if interrupt::check().is_err() {
            return false;
        }
        let mut state = self.lock();
        state.serve_again();
        let now = Instant::now();
        let needs = state.needs();
        let is_idle = |(need, waiting): (&Need, &WaitCount)| need.is_starved && waiting.all_wait();
        let idle: Vec<bool> = needs.iter().zip(&self.waiting).map(is_idle).collect();
        let is_held_up = idle.contains(&true);
        let is_starved = needs.iter().any(|need| need.is_starved);
        let is_late = is_starved && !state.patience.is_early(now);
        let is_slow = |(seat, need): (&Seat, &Need)| seat.is_slow || is_late && need.lags;
        let slow: Vec<bool> = state.seats.iter().zip(&needs).map(is_slow).collect();
        if is_held_up && !slow.contains(&true) && self.pool.grow() {
            return true;
        }
        let is_over = state.patience.is_over(now, is_held_up);
        let gives_way = |(slow, idle): (bool, bool)| slow || is_over && !idle;
        let yielding: Vec<bool> = slow.into_iter().zip(idle).map(gives_way).collect();
        let dropped = state.leave_behind(&needs, &yielding);
        drop(state);
        if !dropped.is_empty() {
            // Few blocks stay in the caches of the processor.
            self.pool.shrink();
        }
        // Blocks return to the pool, which must not wait for the lock.
        drop(dropped);
        self.notify();
        true
    }
}

impl SharedState {
    /// Serves slow destinations again that have caught up.
    pub(super) fn serve_again(&mut self) {
        for seat in &mut self.seats {
            if seat.is_slow && seat.has_nothing_left() && seat.files.taken() == 0 {
                seat.is_slow = false;
                seat.handed = 0;
                self.patience = Patience::new(Instant::now());
            }
        }
    }

    /// True if the files of a unit are not handed to a destination: it is slow, and would begin a large file in vain.
    pub(super) fn passes_over(&mut self, number: usize, unit: &Unit) -> bool {
        let Unit::FileStream(stream) = unit else {
            return false;
        };
        let mut seats = self.seats.iter();
        let is_served = seats.any(|seat| !seat.is_slow && seat.expects(stream.file.number));
        if !self.seats[number].is_slow || !is_served {
            return false;
        }
        self.seats[number].miss(&stream.file);
        stream.leave(number);
        true
    }

    /// Returns for each destination what it needs of the memory.
    fn needs(&self) -> Vec<Need> {
        let streams: Vec<_> = self.streams.iter().filter_map(Weak::upgrade).collect();
        let need = |(number, seat)| {
            let places = streams.iter().filter_map(|stream| stream.place(number));
            Need::of(seat, &places.collect::<Vec<_>>())
        };
        self.seats.iter().enumerate().map(need).collect()
    }

    /// Lets these destinations miss the files that they hold in memory, unless no other one needs it. Returns the files, to
    /// be dropped without the lock.
    fn leave_behind(&mut self, needs: &[Need], yielding: &[bool]) -> Vec<Unit> {
        let mut needs = needs.iter().zip(yielding);
        if !needs.any(|(need, gives_way)| need.expects_more && !gives_way) {
            return Vec::new();
        }
        let streams: Vec<_> = self.streams.iter().filter_map(Weak::upgrade).collect();
        let mut dropped = Vec::new();
        let numbers = yielding.iter().enumerate();
        for (number, _) in numbers.filter(|(_, gives_way)| **gives_way) {
            let seat = &mut self.seats[number];
            let units = seat.miss_pending();
            // A thread that copies one of these files at this moment finds out by itself.
            let cut = streams.iter().filter(|stream| stream.cut(number)).count();
            seat.is_slow |= cut > 0 || !units.is_empty();
            dropped.extend(units);
        }
        dropped
    }
}
