//! The time for which a lease surely holds, by a clock of this machine that nobody sets.
//!
//! The server counts the term from when it executes a request, this machine from before it sends it: what counts here ends
//! first, by the margin at least. A term that once ended never begins again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Time after which the server gives a lease that was not renewed to another.
pub(super) const TERM: Duration = Duration::from_secs(60);

/// Time by which the holder stops earlier: clocks differ in pace, and a write takes its time after the check.
const MARGIN: Duration = Duration::from_secs(10);

/// Nanoseconds of the clock for a lease that is lost.
const LOST: u64 = 0;

/// The time until which a lease surely holds.
#[derive(Debug)]
pub struct LeaseTerm {
    /// Nanoseconds of the clock, or [`LOST`].
    until: AtomicU64,
}

impl LeaseTerm {
    /// Returns the term of a lease that was requested at this time, and then granted.
    pub fn new(requested: Duration) -> Self {
        Self {
            until: AtomicU64::new(end(requested)),
        }
    }

    /// True if the lease surely holds.
    pub fn holds(&self, now: Duration) -> bool {
        nanoseconds(now) < self.until.load(Ordering::Acquire)
    }

    /// Records that the server renewed the lease by a request that was sent at this time. A term that has ended meanwhile
    /// stays ended: others may have stopped because of it.
    pub fn renew(&self, requested: Duration, now: Duration) {
        let extend = |until| (nanoseconds(now) < until).then(|| end(requested).max(until));
        // Nothing is to be done for a term that has ended.
        let _is_extended = self
            .until
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, extend)
            .is_ok();
    }

    /// Records that another has the lease.
    pub fn lose(&self) {
        self.until.store(LOST, Ordering::Release);
    }
}

/// Returns the end of a term that was requested at this time.
fn end(requested: Duration) -> u64 {
    nanoseconds(requested + TERM.saturating_sub(MARGIN))
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "lease_law.rs"]
mod law;

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn term_ends_before_that_of_the_server() {
        let term = LeaseTerm::new(seconds(100));
        assert!(term.holds(seconds(149)));
        assert!(!term.holds(seconds(150)));
        term.renew(seconds(110), seconds(120));
        assert!(term.holds(seconds(159)) && !term.holds(seconds(160)));
    }

    #[test]
    fn ended_term_never_begins_again() {
        let term = LeaseTerm::new(seconds(0));
        term.renew(seconds(49), seconds(50));
        assert!(!term.holds(seconds(50)));
        let term = LeaseTerm::new(seconds(0));
        term.lose();
        term.renew(seconds(1), seconds(2));
        assert!(!term.holds(seconds(3)));
    }

    #[test]
    fn late_answers_do_not_shorten_a_term() {
        let term = LeaseTerm::new(seconds(0));
        term.renew(seconds(20), seconds(21));
        term.renew(seconds(10), seconds(22));
        assert!(term.holds(seconds(69)));
    }
}
