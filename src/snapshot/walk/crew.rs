//! Number of walkers, fitted to the storage: a walker that waits for a disk needs no processor, so more of them keep
//! more requests in flight. What a storage gains by that is measured, not known.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::lap::Lap;
use crate::os::disk::WalkPace;

/// Shortest time between two decisions.
const SHORTEST_WINDOW: Duration = Duration::from_millis(8);

/// Time after which a decision needs no minimum of waits.
const LONGEST_WINDOW: Duration = Duration::from_millis(250);

/// Waits of each walker that make a decision certain enough.
const WAITS_PER_WALKER: u64 = 8;

/// Growth of the number of waits per second that makes twice as many walkers worthwhile.
const WORTHWHILE_GROWTH: f64 = 1.1;

/// Growth that is worthwhile on a disk that seems to have a head: it gains a little by the choice of the nearest request, and
/// loses its way between readers. A disk that only claims a head gains more.
const ROTATIONAL_GROWTH: f64 = 1.4;

/// Time until more walkers are tried again after they brought nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// The walkers of a walk.
#[derive(Debug)]
pub(super) struct Crew {
    pace: WalkPace,
    processors: usize,
    /// Number of walkers that take folders.
    wanted: AtomicUsize,
    fit: Mutex<Fit>,
}

/// State of the measurement.
#[derive(Debug)]
struct Fit {
    /// Number of threads, which never falls.
    started: usize,
    begin: Instant,
    /// Sum of the laps since then.
    sum: Lap,
    /// Number of walkers, and their waits per second, before the last step.
    before: Option<(usize, f64)>,
    pause: Duration,
    paused_until: Option<Instant>,
}

impl Crew {
    pub(super) fn new(pace: WalkPace) -> Self {
        let first = pace.first;
        Self {
            pace,
            processors: thread::available_parallelism().map_or(1, NonZero::get),
            wanted: AtomicUsize::new(first),
            fit: Mutex::new(Fit {
                started: first,
                begin: Instant::now(),
                sum: Lap::default(),
                before: None,
                pause: FIRST_PAUSE,
                paused_until: None,
            }),
        }
    }

    /// True if the number of walkers can change.
    pub(super) const fn is_fitted(&self) -> bool {
        self.pace.first < self.pace.most
    }

    pub(super) const fn pace(&self) -> &WalkPace {
        &self.pace
    }

    pub(super) fn wanted(&self) -> usize {
        self.wanted.load(Ordering::Relaxed)
    }

    /// True if this walker takes no folder for now.
    pub(super) fn is_surplus(&self, number: usize) -> bool {
        number >= self.wanted()
    }

    fn fit(&self) -> MutexGuard<'_, Fit> {
        self.fit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the measurement of one walker. Returns the numbers of the walkers to start, if more are wanted now, and
    /// `None` if the walkers stay as they are.
    pub(super) fn report(&self, lap: &Lap) -> Option<Range<usize>> {
        self.report_at(Instant::now(), lap)
    }

    fn report_at(&self, now: Instant, lap: &Lap) -> Option<Range<usize>> {
        let mut fit = self.fit();
        let window = now.saturating_duration_since(fit.begin);
        if lap.length() > window {
            // It began before the last decision, and measured fewer walkers or more.
            return None;
        }
        fit.sum.add(lap);
        let wanted = self.wanted();
        let is_certain = fit.sum.waits >= WAITS_PER_WALKER * wanted as u64;
        if window < SHORTEST_WINDOW || (!is_certain && window < LONGEST_WINDOW) {
            return None;
        }
        let next = fit.decide(&self.pace, wanted, now, window, self.processors);
        fit.begin = now;
        fit.sum = Lap::default();
        if next == wanted {
            return None;
        }
        self.wanted.store(next, Ordering::Relaxed);
        let start = fit.started;
        fit.started = start.max(next);
        (next > wanted).then_some(start..fit.started)
    }
}

impl Fit {
    /// Returns the number of walkers that suits the measurement of a window.
    fn decide(
        &mut self,
        pace: &WalkPace,
        wanted: usize,
        now: Instant,
        window: Duration,
        processors: usize,
    ) -> usize {
        let before = self.before.take();
        if !self.sum.is_waiting() {
            let rests = self.sum.is_hardly_waiting();
            return if rests {
                (wanted / 2).max(pace.first)
            } else {
                wanted
            };
        }
        if wanted >= self.sum.needed_walkers(processors) {
            return wanted;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no 52 bits")]
        let rate = self.sum.waits as f64 / window.as_secs_f64();
        let worthwhile = if pace.is_rotational {
            ROTATIONAL_GROWTH
        } else {
            WORTHWHILE_GROWTH
        };
        if let Some((fewer, slower)) = before
            && rate < slower * worthwhile
            && !self.sum.lacks_processors()
        {
            self.paused_until = Some(now + self.pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            return fewer;
        }
        if wanted >= pace.most || self.paused_until.is_some_and(|until| now < until) {
            return wanted;
        }
        self.before = Some((wanted, rate));
        (wanted * 2).min(pace.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_millis(10);

    fn pace() -> WalkPace {
        WalkPace {
            most: 16,
            ..WalkPace::fixed(2)
        }
    }

    fn fit() -> Fit {
        Crew::new(pace()).fit.into_inner().unwrap()
    }

    /// Decides after a window with this number of waits, all of whose time was waiting.
    fn decide(fit: &mut Fit, pace: &WalkPace, wanted: usize, waits: u64) -> usize {
        fit.sum = Lap {
            waiting: WINDOW,
            waits,
            ..Lap::default()
        };
        fit.decide(pace, wanted, Instant::now(), WINDOW, 2)
    }

    #[test]
    fn waiting_walkers_double_while_that_helps() {
        let (mut fit, pace) = (fit(), pace());
        let mut wanted = 2;
        for (waits, expected) in [(100, 4), (180, 8), (300, 16), (500, 16)] {
            wanted = decide(&mut fit, &pace, wanted, waits);
            assert_eq!(wanted, expected);
        }
    }

    #[test]
    fn useless_walkers_are_taken_back() {
        let (mut fit, pace) = (fit(), pace());
        assert_eq!(decide(&mut fit, &pace, 2, 100), 4);
        assert_eq!(decide(&mut fit, &pace, 4, 105), 2);
        // Not tried again at once.
        assert_eq!(decide(&mut fit, &pace, 2, 100), 2);
    }

    #[test]
    fn disk_with_a_head_must_gain_more() {
        let pace = WalkPace {
            is_rotational: true,
            ..pace()
        };
        let (mut moving, mut claimed) = (fit(), fit());
        assert_eq!(decide(&mut moving, &pace, 2, 100), 4);
        assert_eq!(decide(&mut moving, &pace, 4, 120), 2);
        assert_eq!(decide(&mut claimed, &pace, 2, 100), 4);
        assert_eq!(decide(&mut claimed, &pace, 4, 190), 8);
    }

    /// Decides after a window with these times in milliseconds.
    fn decide_by_times(wanted: usize, running: u64, waiting: u64) -> usize {
        let mut fit = fit();
        fit.sum = Lap {
            running: Duration::from_millis(running),
            queued: Duration::from_millis(100),
            waiting: Duration::from_millis(waiting),
            waits: 100,
        };
        fit.decide(&pace(), wanted, Instant::now(), WINDOW, 2)
    }

    #[test]
    fn processors_are_kept_busy() {
        assert_eq!(decide_by_times(2, 20, 0), 2);
        assert_eq!(decide_by_times(2, 20, 10), 4);
        assert_eq!(decide_by_times(8, 20, 10), 16);
        // With three of them for each processor and wait, some are always ready.
        assert_eq!(decide_by_times(10, 20, 10), 10);
    }

    #[test]
    fn surplus_walkers_rest_once_nothing_waits() {
        assert_eq!(decide_by_times(16, 20, 0), 8);
        assert_eq!(decide_by_times(8, 20, 0), 4);
    }

    #[test]
    fn report_names_the_walkers_to_start() {
        let crew = Crew::new(pace());
        let lap = Lap {
            waiting: WINDOW,
            waits: 100,
            ..Lap::default()
        };
        let begin = crew.fit().begin;
        assert_eq!(crew.report_at(begin + SHORTEST_WINDOW / 2, &lap), None);
        assert_eq!(crew.report_at(begin + 2 * WINDOW, &lap), Some(2..4));
        assert!(!crew.is_surplus(3) && crew.is_surplus(4));
    }

    #[test]
    fn lap_from_before_the_last_decision_is_left_out() {
        let crew = Crew::new(pace());
        let long = Lap {
            waiting: 10 * WINDOW,
            waits: 10_000,
            ..Lap::default()
        };
        let begin = crew.fit().begin;
        assert_eq!(crew.report_at(begin + WINDOW, &long), None);
        assert_eq!(crew.fit().sum, Lap::default());
    }
}
