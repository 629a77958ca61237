//! The time that fast destinations wait for slow ones.

use std::time::{Duration, Instant};

/// Time that a destination may be held up at the start.
const GRACE: Duration = Duration::from_millis(50);

/// Destinations wait for at most one of this number of equal parts of the time.
const WAIT_SHARE: u32 = 8;

/// Longest time between two checks that counts as one wait.
const LONGEST_STEP: Duration = Duration::from_millis(50);

/// Measures how long destinations had nothing to write because others held the memory.
///
/// They wait an eighth of the time at most: a destination that is slower by more than that is left behind, and copies from
/// one that is verified.
#[derive(Debug)]
pub(super) struct Patience {
    begun: Instant,
    waited: Duration,
    last: Option<Instant>,
}

impl Patience {
    pub(super) const fn new(begun: Instant) -> Self {
        Self {
            begun,
            waited: Duration::ZERO,
            last: None,
        }
    }

    /// True if it is early to judge a destination.
    pub(super) fn is_early(&self, now: Instant) -> bool {
        now.duration_since(self.begun) < GRACE
    }

    /// Counts the time since the last check. Returns true once the destinations have waited enough.
    pub(super) fn is_over(&mut self, now: Instant, is_held_up: bool) -> bool {
        let since = self
            .last
            .map_or(Duration::ZERO, |last| now.duration_since(last));
        self.last = is_held_up.then_some(now);
        if is_held_up {
            self.waited += since.min(LONGEST_STEP);
        }
        is_held_up && self.waited > GRACE + now.duration_since(self.begun) / WAIT_SHARE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the time after which a destination that is held up for this share of the time waits no longer.
    fn patience(held_up: u32, of: u32) -> Option<u64> {
        let begun = Instant::now();
        let mut patience = Patience::new(begun);
        (0..6000_u64).map(|step| step * 10).find(|milliseconds| {
            let now = begun + Duration::from_millis(*milliseconds);
            let step = u32::try_from(milliseconds / 10).unwrap();
            patience.is_over(now, step % of < held_up)
        })
    }

    #[test]
    fn nearly_equal_destinations_wait_for_each_other() {
        assert_eq!(patience(0, 10), None);
        assert_eq!(patience(1, 10), None);
        let much = patience(9, 10).unwrap();
        assert!((50..200).contains(&much), "{much}");
    }
}
