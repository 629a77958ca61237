//! The pace of one walker, adapted while it works: its waits are reported to the crew, and a polite walk pauses.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::lap::LapTimer;
use super::queue::FolderQueue;
use super::throttle::Throttle;
use crate::os::io_priority;

/// Number of entries between two looks at the clock.
const ENTRIES_PER_LOOK: u32 = 16;

/// Starts the walker of this number.
pub(super) type StartFn = dyn Fn(usize) -> io::Result<()>;

/// The pace of the walker in whose thread it was created.
pub(super) struct Pacer {
    queue: Arc<FolderQueue>,
    start: Box<StartFn>,
    timer: Option<LapTimer>,
    /// Pauses of a polite walk.
    throttle: Option<Throttle>,
    /// Number of entries since the last look at the clock.
    entries: u32,
}

impl Pacer {
    /// Begins to measure, and lowers the priority of a polite walk. `start` adds a walker to the walk.
    pub(super) fn begin(queue: &Arc<FolderQueue>, start: Box<StartFn>) -> Self {
        let crew = &queue.crew;
        let polite = crew.pace().polite.as_ref();
        let throttle = polite.map(|disk| {
            // The command has checked before whether the system has this priority.
            io_priority::set_idle_for_this_thread();
            io_priority::set_lowest_for_this_thread();
            Throttle::begin(disk.traffic())
        });
        let is_measured = crew.is_fitted() || throttle.is_some();
        Self {
            queue: Arc::clone(queue),
            start,
            timer: if is_measured { LapTimer::begin() } else { None },
            throttle,
            entries: 0,
        }
    }

    /// Counts an entry that was read. Returns false once the walk is stopped.
    pub(super) fn proceed(&mut self) -> bool {
        self.entries += 1;
        if self.throttle.is_some() || self.entries >= ENTRIES_PER_LOOK {
            self.adapt();
        }
        !self.queue.is_stopped()
    }

    /// Adapts the pace to what was measured.
    pub(super) fn adapt(&mut self) {
        self.entries = 0;
        if let Some(throttle) = &mut self.throttle {
            throttle.pace(&mut self.timer);
        } else if self.queue.crew.is_fitted() {
            self.fit_crew();
        }
    }

    /// Reports the time that this walker waited for the storage, and starts more walkers if that is worthwhile.
    fn fit_crew(&mut self) {
        let Some(lap) = self.timer.as_mut().and_then(LapTimer::lap) else {
            return;
        };
        let Some(numbers) = self.queue.crew.report(&lap) else {
            return;
        };
        for number in numbers {
            // If the system starts no further thread, the existing ones do the work.
            if (self.start)(number).is_err() {
                break;
            }
        }
        self.queue.wake();
    }

    /// Does something that waits for other threads of this program, which counts as no work.
    pub(super) fn idle<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        let begin = Instant::now();
        let result = LapTimer::idle(&mut self.timer, wait);
        if let Some(throttle) = &mut self.throttle {
            throttle.leave_out(begin.elapsed());
        }
        result
    }
}
