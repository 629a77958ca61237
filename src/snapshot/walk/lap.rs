//! Measurement of one walker: how long it worked, and how long it waited for the storage.

use std::time::{Duration, Instant};

use crate::os::thread_time::{ThreadClock, ThreadTime};

/// Shortest lap: reading the counters takes a system call.
const SHORTEST_LAP: Duration = Duration::from_millis(2);

/// Times of one or more walkers in a piece of their work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lap {
    /// On a processor.
    pub(super) running: Duration,
    /// In the queue for a processor.
    pub(super) queued: Duration,
    /// Waiting for the storage.
    pub(super) waiting: Duration,
    /// Number of times that a walker waited for the storage.
    pub(super) waits: u64,
}

impl Lap {
    pub(super) fn add(&mut self, other: &Self) {
        self.running += other.running;
        self.queued += other.queued;
        self.waiting += other.waiting;
        self.waits += other.waits;
    }

    /// Time of the work of one walker.
    pub(super) fn length(&self) -> Duration {
        self.running + self.queued + self.waiting
    }

    /// True if the storage makes walkers wait for more than a moment.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting * 8 > self.running
    }

    /// True if waiting takes no time that counts.
    pub(super) fn is_hardly_waiting(&self) -> bool {
        self.waiting * 32 < self.running
    }

    /// Returns the number of walkers that keep this number of processors busy: while one works, the others wait. Waits
    /// come in bursts, so this is three times the number that would do if each wait were the mean.
    pub(super) fn needed_walkers(&self, processors: usize) -> usize {
        const BURST: u32 = 3;
        let cycle = (self.running + self.waiting) * BURST;
        let running = self.running.max(Duration::from_micros(1));
        let each = cycle.as_nanos().div_ceil(running.as_nanos());
        usize::try_from(each).map_or(usize::MAX, |each| each.saturating_mul(processors))
    }

    /// True if walkers lack processors more than answers of the storage.
    pub(super) fn lacks_processors(&self) -> bool {
        self.queued > self.waiting
    }
}

/// Stopwatch of the thread that created it.
#[derive(Debug)]
pub(super) struct LapTimer {
    clock: ThreadClock,
    begin: Instant,
    counted: ThreadTime,
    /// Time and number of waits for other threads.
    idle: (Duration, u64),
}

impl LapTimer {
    /// Returns `None` if the system does not count the times of threads.
    pub(super) fn begin() -> Option<Self> {
        let clock = ThreadClock::of_this_thread();
        Some(Self {
            begin: Instant::now(),
            counted: clock.read()?,
            clock,
            idle: (Duration::ZERO, 0),
        })
    }

    /// Does something that waits for other threads of this program, which counts as no work.
    pub(super) fn idle<T>(timer: &mut Option<Self>, wait: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let result = wait();
        if let Some(timer) = timer {
            timer.idle.0 += begin.elapsed();
            timer.idle.1 += 1;
        }
        result
    }

    /// Returns the work since the last lap, unless that was just now.
    pub(super) fn lap(&mut self) -> Option<Lap> {
        let now = Instant::now();
        let wall = now.duration_since(self.begin);
        if wall < SHORTEST_LAP {
            return None;
        }
        let counted = self.clock.read()?;
        let spent = counted.since(&self.counted);
        let (idle, idle_waits) = std::mem::take(&mut self.idle);
        (self.begin, self.counted) = (now, counted);
        let busy = spent.running + spent.queued;
        Some(Lap {
            running: spent.running,
            queued: spent.queued,
            waiting: wall.saturating_sub(busy).saturating_sub(idle),
            waits: spent.turns.saturating_sub(idle_waits),
        })
    }
}
