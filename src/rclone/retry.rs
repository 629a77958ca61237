//! Repetition of requests that the storage refused because there were too many: after 1, 2, 4 and 8 s.

use std::time::{Duration, Instant};

use crate::base::error::Result;
use crate::base::interrupt;

const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Greatest number of repetitions of one request.
const MAX_WAITS: u32 = 4;

/// The waits before the repetitions of one request.
#[derive(Debug)]
pub(super) struct Backoff {
    /// Number of waits so far.
    pub(super) waits: u32,
    /// Time after which no repetition begins.
    deadline: Option<Instant>,
}

impl Backoff {
    /// Waits of a request without a time limit of its own.
    pub(super) const fn until(deadline: Option<Instant>) -> Self {
        Self { waits: 0, deadline }
    }

    /// Waits of a request that must end within this time: half of it is left for the last repetition.
    pub(super) fn within(timeout: Option<Duration>) -> Self {
        Self::until(timeout.map(|timeout| Instant::now() + timeout / 2))
    }

    /// Waits before a repetition; returns false if there is none left.
    ///
    /// # Errors
    /// Interruption.
    pub(super) fn wait(&mut self) -> Result<bool> {
        let Some(wait) = self.next_wait(Instant::now()) else {
            return Ok(false);
        };
        interrupt::sleep(wait)?;
        Ok(true)
    }

    fn next_wait(&mut self, now: Instant) -> Option<Duration> {
        let wait = FIRST_WAIT * 2_u32.pow(self.waits);
        let is_late = self.deadline.is_some_and(|deadline| now + wait > deadline);
        if self.waits == MAX_WAITS || is_late {
            return None;
        }
        self.waits += 1;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the waits in seconds if each repetition is refused at once.
    fn waits(deadline: Option<u64>) -> Vec<u64> {
        let mut now = Instant::now();
        let deadline = deadline.map(|seconds| now + Duration::from_secs(seconds));
        let mut backoff = Backoff::until(deadline);
        let mut waits = Vec::new();
        while let Some(wait) = backoff.next_wait(now) {
            now += wait;
            waits.push(wait.as_secs());
        }
        waits
    }

    #[test]
    fn waits_double_until_the_deadline() {
        assert_eq!(waits(None), [1, 2, 4, 8]);
        assert_eq!(waits(Some(10)), [1, 2, 4]);
        assert_eq!(waits(Some(3)), [1, 2]);
        assert_eq!(waits(Some(0)), [0; 0]);
    }
}
