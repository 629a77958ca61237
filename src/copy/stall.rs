//! Destinations that show no progress while others are complete: a disk that hangs, or a cable that came off.

use std::time::{Duration, Instant};

/// Time without progress after which the user is shown a destination.
const STALL: Duration = Duration::from_secs(60);

/// The last progress of each destination.
#[derive(Debug)]
pub(super) struct StallTimers {
    timers: Vec<StallTimer>,
}

#[derive(Clone, Copy, Debug)]
struct StallTimer {
    /// Files and bytes so far.
    done: (u64, u64),
    since: Instant,
    is_reported: bool,
}

impl StallTimers {
    pub(super) fn new(destinations: usize, now: Instant) -> Self {
        let timer = StallTimer {
            done: (0, 0),
            since: now,
            is_reported: false,
        };
        Self {
            timers: vec![timer; destinations],
        }
    }

    /// Returns the destinations that are still running, have shown no progress for [`STALL`], and were not returned since their
    /// last progress. As long as no destination is complete, all may be slow, and none is returned.
    pub(super) fn find(
        &mut self,
        now: Instant,
        done: &[(u64, u64)],
        is_running: &[bool],
    ) -> Vec<usize> {
        let is_any_complete = is_running.contains(&false);
        let mut stalled = Vec::new();
        for (number, timer) in self.timers.iter_mut().enumerate() {
            if timer.done != done[number] {
                *timer = StallTimer {
                    done: done[number],
                    since: now,
                    is_reported: false,
                };
            }
            let is_stalled = is_running[number] && now.duration_since(timer.since) >= STALL;
            if is_stalled && is_any_complete && !timer.is_reported {
                timer.is_reported = true;
                stalled.push(number);
            }
        }
        stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stalled_destination_is_returned_and_once() {
        let begun = Instant::now();
        let mut timers = StallTimers::new(2, begun);
        let mut find = |seconds, bytes, is_running| {
            let now = begun + Duration::from_secs(seconds);
            timers.find(now, &[(1, 9), (0, bytes)], is_running)
        };
        // Both run, and one of them may be waiting for the other.
        assert!(find(70, 5, &[true, true]).is_empty());
        assert!(find(120, 5, &[false, true]).is_empty());
        assert_eq!(find(131, 5, &[false, true]), [1]);
        assert!(find(200, 5, &[false, true]).is_empty());
        assert!(find(201, 6, &[false, true]).is_empty());
        assert_eq!(find(300, 6, &[false, true]), [1]);
        assert!(find(400, 6, &[false, false]).is_empty());
    }
}
