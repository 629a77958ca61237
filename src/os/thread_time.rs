//! The time of a thread as the scheduler counts it: on a processor, in the queue for one, and the rest, in which the
//! thread waited for something else, such as a disk.

use std::time::Duration;

/// Counters of one thread since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadTime {
    /// Time on a processor.
    pub running: Duration,
    /// Time in the queue for a processor.
    pub queued: Duration,
    /// Number of times that the thread got a processor: about one for each wait.
    pub turns: u64,
}

impl ThreadTime {
    /// Returns the difference to an earlier count of the same thread.
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            running: self.running.saturating_sub(earlier.running),
            queued: self.queued.saturating_sub(earlier.queued),
            turns: self.turns.saturating_sub(earlier.turns),
        }
    }
}

/// Reads the counters of the thread that created it.
#[derive(Debug)]
pub struct ThreadClock {
    #[cfg(target_os = "linux")]
    counters: Option<std::fs::File>,
}

#[cfg(target_os = "linux")]
impl ThreadClock {
    pub fn of_this_thread() -> Self {
        Self {
            counters: std::fs::File::open("/proc/thread-self/schedstat").ok(),
        }
    }

    /// Returns the counters; `None` if the system does not count.
    pub fn read(&self) -> Option<ThreadTime> {
        use std::os::unix::fs::FileExt as _;

        let mut text = [0; 96];
        let length = self.counters.as_ref()?.read_at(&mut text, 0).ok()?;
        let (queued, turns) = parse(&text[..length])?;
        Some(ThreadTime {
            running: running(),
            queued,
            turns,
        })
    }
}

#[cfg(not(target_os = "linux"))]
impl ThreadClock {
    pub const fn of_this_thread() -> Self {
        Self {}
    }

    /// Returns `None`: the system does not count.
    pub const fn read(&self) -> Option<ThreadTime> {
        None
    }
}

/// Returns the time on a processor. The file has it too, but up to a tick of the system late.
#[cfg(target_os = "linux")]
fn running() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Parses the time in the queue in nanoseconds, and the number of turns, which follow the time on a processor.
#[cfg(target_os = "linux")]
fn parse(text: &[u8]) -> Option<(Duration, u64)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut numbers = text.split_ascii_whitespace().skip(1);
    let queued = Duration::from_nanos(numbers.next()?.parse().ok()?);
    let turns = numbers.next()?.parse().ok()?;
    // A kernel without these statistics has the file, with zeros.
    (turns > 0).then_some((queued, turns))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn sleep_is_no_work() {
        let clock = ThreadClock::of_this_thread();
        let before = clock.read().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let spent = clock.read().unwrap().since(&before);
        assert!(spent.turns >= 1);
        assert!(spent.running < Duration::from_millis(20), "{spent:?}");
    }

    #[test]
    fn counters_are_parsed() {
        assert_eq!(parse(b"5 7 9\n"), Some((Duration::from_nanos(7), 9)));
        for wrong in [&b""[..], b"5 7", b"5 b c", b"0 0 0"] {
            assert_eq!(parse(wrong), None);
        }
    }
}
