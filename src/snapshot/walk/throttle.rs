//! The pauses of a polite walk: long while other programs use the disk, none while it is free.
//!
//! Two measurements show that it is in use: the disk reads more than this walker requested, or answers later than it does
//! at other times. The share of time in which the walker may work is then halved again and again, and grows in small
//! steps once the disk is free. It never falls below a floor, so that the walk ends.

use std::thread;
use std::time::{Duration, Instant};

use super::lap::{Lap, LapTimer};
use crate::os::disk_traffic::{DiskTraffic, TrafficCount};

/// Work between two pauses.
const STRETCH: Duration = Duration::from_millis(2);

/// Longest pause: one answer that took very long is no reason for a much longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Shortest time between two decisions. It holds at least two frames of a film.
const WINDOW: Duration = Duration::from_millis(100);

/// Time after which a decision needs no minimum of waits.
const LONGEST_WINDOW: Duration = Duration::from_secs(4);

/// Smallest share of time for work.
const FLOOR: f64 = 1.0 / 16.0;

/// Share of time for work at first, when nothing is measured yet.
const FIRST_SHARE: f64 = 1.0 / 4.0;

/// Growth of the share while the disk is free.
const STEP: f64 = 1.0 / 16.0;

/// Bytes per second that others must read until a disk counts as used.
const FOREIGN_RATE: f64 = 500_000.0;

/// Growth of the time of an answer that shows that others use the disk.
const LATE: f64 = 2.0;

/// Seconds that this growth must have at least: the times of a fast disk vary with what is read.
const MIN_DELAY: f64 = 0.001;

/// Waits in a window that make the time of an answer certain.
const MIN_WAITS: u64 = 4;

/// Growth of the shortest time of an answer with each window in which the disk is free, so that one lucky window is forgotten.
const DRIFT: f64 = 1.005;

/// Pauses of the thread that created it.
#[derive(Debug)]
pub(super) struct Throttle {
    policy: SharePolicy,
    traffic: Option<DiskTraffic>,
    counted: Option<TrafficCount>,
    window: Instant,
    sum: Lap,
    /// Begin of the current stretch of work.
    work: Instant,
}

impl Throttle {
    pub(super) fn begin(traffic: Option<DiskTraffic>) -> Self {
        let now = Instant::now();
        Self {
            policy: SharePolicy::default(),
            counted: traffic.as_ref().and_then(DiskTraffic::read),
            traffic,
            window: now,
            sum: Lap::default(),
            work: now,
        }
    }

    /// Pauses if this thread has worked long enough. `timer` measures its waits.
    pub(super) fn pace(&mut self, timer: &mut Option<LapTimer>) {
        let now = Instant::now();
        let mut worked = now.saturating_duration_since(self.work);
        if worked < STRETCH {
            return;
        }
        if let Some(lap) = timer.as_mut().and_then(LapTimer::lap) {
            self.sum.add(&lap);
            // The time in the queue for a processor costs others nothing.
            worked = worked.saturating_sub(lap.queued);
        }
        if now.duration_since(self.window) >= WINDOW {
            self.decide(now, timer.is_some());
        }
        let pause = self.policy.pause_after(worked);
        if !pause.is_zero() {
            LapTimer::idle(timer, || thread::sleep(pause));
        }
        self.work = Instant::now();
    }

    /// Leaves a time without work, which just ended, out of the current stretch.
    pub(super) fn leave_out(&mut self, idle: Duration) {
        self.work += idle;
    }

    /// Adapts the share of work, once enough is measured.
    fn decide(&mut self, now: Instant, is_timed: bool) {
        let counted = self.traffic.as_ref().and_then(DiskTraffic::read);
        if !is_timed && counted.is_none() {
            // Nothing is measured here: the first share stays.
            return;
        }
        let foreign = match (counted, self.counted) {
            (Some(now), Some(before)) => now.foreign_since(&before),
            _ => 0,
        };
        let window = now.duration_since(self.window);
        if self.policy.adapt(&self.sum, foreign, window) {
            (self.counted, self.window, self.sum) = (counted, now, Lap::default());
        }
    }
}

/// Share of time in which a walker may work.
#[derive(Debug)]
struct SharePolicy {
    share: f64,
    /// Shortest mean time of an answer in seconds, measured in a window.
    shortest: Option<f64>,
}

impl Default for SharePolicy {
    fn default() -> Self {
        Self {
            share: FIRST_SHARE,
            shortest: None,
        }
    }
}

impl SharePolicy {
    /// Adapts the share to what a window measured: the times of the walker, and the bytes that others read. Returns false if
    /// too few answers were measured: then the window goes on.
    fn adapt(&mut self, lap: &Lap, foreign: u64, window: Duration) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no 52 bits")]
        let rate = foreign as f64 / window.as_secs_f64();
        let is_used = rate > FOREIGN_RATE;
        let has_few = (1..MIN_WAITS).contains(&lap.waits);
        if has_few && !is_used && window < LONGEST_WINDOW {
            return false;
        }
        // Both are evaluated: the time of an answer is remembered in any case.
        let is_late = self.is_late(lap);
        self.share = if is_late || is_used {
            (self.share / 2.0).max(FLOOR)
        } else {
            (self.share + STEP).min(1.0)
        };
        true
    }

    /// True if the disk answers later than at other times.
    fn is_late(&mut self, lap: &Lap) -> bool {
        if lap.waits == 0 {
            return false;
        }
        #[expect(clippy::cast_precision_loss, reason = "a mean needs no 52 bits")]
        let mean = lap.waiting.as_secs_f64() / lap.waits as f64;
        let shortest = self.shortest.map_or(mean, |shortest| mean.min(shortest));
        let is_late = mean > shortest * LATE && mean - shortest > MIN_DELAY;
        // While others use the disk, nothing is learned about the free one.
        let drift = if is_late { 1.0 } else { DRIFT };
        self.shortest = Some(shortest * drift);
        is_late
    }

    /// Returns the pause after work of this length.
    fn pause_after(&self, worked: Duration) -> Duration {
        worked.mul_f64(1.0 / self.share - 1.0).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUNDRED: Duration = Duration::from_millis(100);

    /// A window of ten waits of this many milliseconds each.
    fn waits_of(milliseconds: u64) -> Lap {
        Lap {
            waiting: Duration::from_millis(10 * milliseconds),
            waits: 10,
            ..Lap::default()
        }
    }

    #[test]
    fn free_disk_is_read_without_pauses() {
        let mut policy = SharePolicy::default();
        assert_eq!(policy.pause_after(HUNDRED / 10), HUNDRED * 3 / 10);
        for _ in 0..12 {
            policy.adapt(&waits_of(1), 0, HUNDRED);
        }
        assert_eq!(policy.pause_after(HUNDRED), Duration::ZERO);
    }

    #[test]
    fn late_answers_shrink_the_share() {
        let mut policy = SharePolicy::default();
        policy.adapt(&waits_of(1), 0, HUNDRED);
        let before = policy.share;
        policy.adapt(&waits_of(3), 0, HUNDRED);
        assert!(policy.share <= before / 2.0);
        let before = policy.share;
        policy.adapt(&waits_of(1), 0, HUNDRED);
        assert!(policy.share > before);
    }

    #[test]
    fn other_readers_shrink_the_share() {
        let mut policy = SharePolicy::default();
        let before = policy.share;
        policy.adapt(&Lap::default(), 1_000_000, HUNDRED);
        assert!(policy.share <= before / 2.0);
    }

    #[test]
    fn busy_disk_leaves_a_floor() {
        let mut policy = SharePolicy::default();
        for _ in 0..100 {
            policy.adapt(&Lap::default(), 1 << 30, HUNDRED);
        }
        assert_eq!(policy.share.to_bits(), FLOOR.to_bits());
        let millisecond = Duration::from_millis(1);
        assert_eq!(policy.pause_after(millisecond), millisecond * 15);
        assert_eq!(policy.pause_after(HUNDRED / 2), HUNDRED * 15 / 2);
        assert_eq!(policy.pause_after(HUNDRED), LONGEST_PAUSE);
    }

    #[test]
    fn disk_in_long_use_stays_late() {
        let mut policy = SharePolicy::default();
        policy.adapt(&waits_of(1), 0, HUNDRED);
        for _ in 0..10_000 {
            policy.adapt(&waits_of(3), 0, HUNDRED);
        }
        assert_eq!(policy.share.to_bits(), FLOOR.to_bits());
    }

    #[test]
    fn few_waits_prove_nothing() {
        let mut policy = SharePolicy::default();
        policy.adapt(&waits_of(1), 0, HUNDRED);
        let before = policy.share;
        let lap = Lap {
            waits: MIN_WAITS - 1,
            ..waits_of(100)
        };
        assert!(!policy.adapt(&lap, 0, HUNDRED));
        assert_eq!(policy.share.to_bits(), before.to_bits());
        // A very slow disk gives no more of them.
        assert!(policy.adapt(&lap, 0, LONGEST_WINDOW));
        assert!(policy.share <= before / 2.0);
    }
}
