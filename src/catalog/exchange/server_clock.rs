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
    /// Compares the clock of this workstation with a time that the server has just stated.
    pub(super) fn new(now: i64) -> Self {
        Self {
            offset: now.saturating_sub(Timestamp::now().seconds),
            now,
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
