//! Times of the server and of this workstation, whose clocks may differ.

use crate::base::timestamp::Timestamp;

/// The clock of the server, as it was read in a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerClock {
    /// Seconds of the server's clock minus those of this workstation.
    offset: i64,
    /// The time, in seconds UTC.
    pub(super) now: i64,
}

impl ServerClock {
    /// Compares the clock of the server, in milliseconds UTC, with that of this workstation when a transaction began: the
    /// server states that time, however long it waited for a lock since.
    pub(super) fn new(milliseconds: i64, began: Timestamp) -> Self {
        let here = began.seconds.saturating_mul(1000) + i64::from(began.nanoseconds / 1_000_000);
        let offset = milliseconds.saturating_sub(here);
        Self {
            offset: offset.saturating_add(500).div_euclid(1000),
            now: milliseconds.div_euclid(1000),
        }
    }

    /// Returns a time of this workstation by the server's clock.
    pub(super) const fn server_seconds(self, at: Timestamp) -> i64 {
        at.seconds.saturating_add(self.offset)
    }

    /// Returns the time of something that has happened here by the server's clock, which it is not ahead of.
    pub(super) fn past_seconds(self, at: Timestamp) -> i64 {
        self.server_seconds(at).min(self.now)
    }

    /// Returns a time of the server by the clock of this workstation.
    pub(super) const fn local_time(self, seconds: i64) -> Timestamp {
        Timestamp {
            seconds: seconds.saturating_sub(self.offset),
            nanoseconds: 0,
        }
    }

    /// Returns the time of something that has happened elsewhere by the clock of this workstation, which it is not ahead of.
    pub(super) fn past_time(self, seconds: i64) -> Timestamp {
        self.local_time(seconds).min(Timestamp::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp {
            seconds: milliseconds.div_euclid(1000),
            nanoseconds: u32::try_from(milliseconds.rem_euclid(1000)).unwrap() * 1_000_000,
        }
    }

    #[test]
    fn clocks_that_agree_have_no_offset() {
        for begin in [0, 1, 499, 500, 999] {
            // An answer takes a part of a second, whichever second it begins in.
            for delay in [-400, -1, 0, 1, 400] {
                let clock = ServerClock::new(100_000 + begin, at(100_000 + begin + delay));
                assert_eq!(clock.server_seconds(at(90_000)), 90, "{begin} {delay}");
                assert_eq!(clock.local_time(90), at(90_000), "{begin} {delay}");
            }
        }
    }

    #[test]
    fn times_come_back_the_same() {
        for offset in [-86_400_250, -1_700, -3, 0, 3, 1_700, 86_400_250] {
            let clock = ServerClock::new(100_000_000 + offset, at(100_000_000));
            let seconds = clock.server_seconds(at(50_000_000));
            assert!((seconds * 1000 - 50_000_000 - offset).abs() <= 500);
            assert_eq!(clock.local_time(seconds), at(50_000_000));
        }
    }
}
