//! Timestamps of file systems, and their comparison at the precision of a file system.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

/// Seconds since 1970-01-01 UTC (negative before) and the nanoseconds after them.
///
/// The range is wider than that of calendar libraries, because disks hold times outside it. In JSON it is RFC 3339 in UTC,
/// or null for a year that RFC 3339 cannot express.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Whole seconds since the epoch, rounded down.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

impl Timestamp {
    /// Time of a file on a storage that keeps no times: older than any other.
    pub const UNKNOWN: Self = Self {
        seconds: i64::MIN,
        nanoseconds: 0,
    };

    /// Returns the time of the system's clock.
    pub fn now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: since.subsec_nanos(),
        }
    }

    /// Returns the time that is this long ago, in whole seconds.
    pub fn at_age(age: Duration) -> Self {
        let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        Self {
            seconds: Self::now().seconds.saturating_sub(age),
            nanoseconds: 0,
        }
    }

    /// Returns the time since then; zero for a time in the future.
    pub fn age(self) -> Duration {
        let seconds = Self::now().seconds.saturating_sub(self.seconds);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }

    /// Formats the age: `just now`, `5 min ago`, `3 h ago`, `12 days ago`; the date for a time in the future.
    pub fn ago(self) -> String {
        /// Maximum difference between the clocks of two machines, in seconds.
        const CLOCK_TOLERANCE: i64 = 60;
        if self.seconds.saturating_sub(Self::now().seconds) >= CLOCK_TOLERANCE {
            return self.date();
        }
        let minutes = self.age().as_secs() / 60;
        match minutes {
            0 => "just now".to_owned(),
            1..60 => format!("{minutes} min ago"),
            60..2880 => format!("{} h ago", minutes / 60),
            _ => format!("{} days ago", minutes / 1440),
        }
    }

    /// Formats the date in UTC: `2026-11-22`; words for a year outside the calendar.
    pub fn date(self) -> String {
        match jiff::Timestamp::new(self.seconds, 0) {
            Ok(stamp) => stamp.strftime("%Y-%m-%d").to_string(),
            Err(_) if self.seconds < 0 => "before all calendars".to_owned(),
            Err(_) => "after the year 9999".to_owned(),
        }
    }

    /// Formats date and time of day in UTC: `2026-11-22 04:28`.
    pub fn minute(self) -> String {
        match jiff::Timestamp::new(self.seconds, 0) {
            Ok(stamp) => stamp.strftime("%Y-%m-%d %H:%M").to_string(),
            Err(_) => self.date(),
        }
    }

    /// Returns the year and the month in UTC, from 1; `None` outside the calendar.
    pub fn month(self) -> Option<(i16, i8)> {
        let stamp = jiff::Timestamp::new(self.seconds, 0).ok()?;
        let date = stamp.to_zoned(jiff::tz::TimeZone::UTC).date();
        Some((date.year(), date.month()))
    }

    /// Formats the time of day in UTC: `04:28:55 UTC`.
    pub fn clock_time(self) -> String {
        let stamp = jiff::Timestamp::new(self.seconds, 0).unwrap_or_default();
        stamp.strftime("%H:%M:%S UTC").to_string()
    }

    /// Formats as `2026-11-22T04:28:55Z`, with the decimals that are needed; `None` outside the years of RFC 3339.
    pub fn rfc3339(self) -> Option<String> {
        let nanoseconds = i32::try_from(self.nanoseconds).ok()?;
        let stamp = jiff::Timestamp::new(self.seconds, nanoseconds).ok()?;
        (jiff::Timestamp::UNIX_EPOCH.as_second() - 62_135_596_800 <= self.seconds)
            .then(|| stamp.to_string())
    }

    /// Parses `2026-11-22T04:28:55.5Z`, with any offset.
    pub fn parse(text: &str) -> Option<Self> {
        let stamp: jiff::Timestamp = text.parse().ok()?;
        let (seconds, nanoseconds) = (stamp.as_second(), stamp.subsec_nanosecond());
        // jiff gives both fields one sign; here the nanoseconds are never negative.
        Some(match u32::try_from(nanoseconds) {
            Ok(nanoseconds) => Self {
                seconds,
                nanoseconds,
            },
            Err(_) => Self {
                seconds: seconds - 1,
                nanoseconds: (1_000_000_000 + nanoseconds).unsigned_abs(),
            },
        })
    }

    /// Returns the time as the names of ASC MHL hash lists have it: `2020-01-16_091500Z`, in UTC.
    pub fn to_mhl_name(self) -> String {
        let stamp = jiff::Timestamp::new(self.seconds, 0).unwrap_or_default();
        stamp.strftime("%Y-%m-%d_%H%M%SZ").to_string()
    }

    /// Formats as `20261122T042855Z`: sortable, and a valid file name on every file system.
    pub fn to_file_name(self) -> String {
        match jiff::Timestamp::new(self.seconds, 0) {
            Ok(stamp) => stamp.strftime("%Y%m%dT%H%M%SZ").to_string(),
            Err(_) => format!("{}", self.seconds),
        }
    }

    /// Parses the form of [`Self::to_file_name`].
    pub fn parse_file_name(text: &str) -> Option<Self> {
        let parsed = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", text).ok()?;
        let time = parsed.to_datetime().ok()?;
        let stamp = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(Self {
            seconds: stamp.as_second(),
            nanoseconds: 0,
        })
    }

    /// True if two modification times are equal at this precision, the coarser one of their file systems.
    pub fn equals_at(self, other: Self, precision: TimePrecision) -> bool {
        self.truncate_to(precision) == other.truncate_to(precision)
    }

    /// Returns this time as a file system of this precision stores it: truncated, not rounded.
    #[must_use]
    pub const fn truncate_to(self, precision: TimePrecision) -> Self {
        let (seconds, nanoseconds) = (self.seconds, self.nanoseconds);
        match precision {
            TimePrecision::Nanosecond => self,
            TimePrecision::HundredNanoseconds => Self {
                seconds,
                nanoseconds: nanoseconds - nanoseconds % 100,
            },
            TimePrecision::Second => Self {
                seconds,
                nanoseconds: 0,
            },
            TimePrecision::TwoSeconds => Self {
                seconds: seconds - seconds.rem_euclid(2),
                nanoseconds: 0,
            },
        }
    }

    /// True if a storage may report `other` for a file that was set to this time: rounded, shifted by a time zone, or outside
    /// its range.
    ///
    /// Only times that are nearly equal, and times that some file systems cannot represent, qualify. Changes that people make
    /// to a file do not.
    pub fn may_be_stored_as(self, other: Self) -> bool {
        /// Range that every file system represents, in any time zone: 1980-01-02 to 2038-01-18.
        const COMMON_RANGE: RangeInclusive<i64> = 315_619_200..=2_147_385_600;
        const MINUTE: i64 = 60;
        const MAX_ZONE_SHIFT: i64 = 26 * 3600;
        let difference = other.seconds.saturating_sub(self.seconds);
        let is_minute = other.nanoseconds == 0 && other.seconds % MINUTE == 0;
        let is_zone_shift = difference % (15 * MINUTE) == 0 && difference.abs() <= MAX_ZONE_SHIFT;
        difference.abs() <= 2
            || is_zone_shift
            || (is_minute && difference.abs() < MINUTE)
            || !COMMON_RANGE.contains(&self.seconds)
    }

    /// Returns the coarsest precision of a file system that can have produced this time.
    ///
    /// Meant for status-change times, which no program can set: a fraction of a second proves a finer precision.
    pub const fn coarsest_precision(self) -> TimePrecision {
        if self.nanoseconds == 0 && self.seconds % 2 == 0 {
            TimePrecision::TwoSeconds
        } else if self.nanoseconds.is_multiple_of(1_000_000) {
            TimePrecision::Second
        } else if self.nanoseconds.is_multiple_of(100) {
            TimePrecision::HundredNanoseconds
        } else {
            TimePrecision::Nanosecond
        }
    }
}

/// Precision of the times of a file system, finest first: most Unix file systems; NTFS and SMB; HFS+ and ext3; FAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimePrecision {
    /// 1 ns.
    Nanosecond,
    /// 100 ns.
    HundredNanoseconds,
    /// 1 s.
    Second,
    /// 2 s.
    TwoSeconds,
}

impl TimePrecision {
    /// All precisions, finest first.
    pub const ALL: [Self; 4] = [
        Self::Nanosecond,
        Self::HundredNanoseconds,
        Self::Second,
        Self::TwoSeconds,
    ];
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rfc3339().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64, nanoseconds: u32) -> Timestamp {
        Timestamp {
            seconds,
            nanoseconds,
        }
    }

    #[test]
    fn coarser_precision_keeps_times_equal() {
        let exact = at(1_700_000_001, 123_456_789);
        assert!(exact.equals_at(
            at(1_700_000_001, 123_456_700),
            TimePrecision::HundredNanoseconds
        ));
        assert!(exact.equals_at(at(1_700_000_001, 0), TimePrecision::Second));
        assert!(exact.equals_at(at(1_700_000_000, 0), TimePrecision::TwoSeconds));
        assert!(at(-1, 5).equals_at(at(-2, 0), TimePrecision::TwoSeconds));
        assert!(!exact.equals_at(at(1_700_000_001, 123_456_788), TimePrecision::Nanosecond));
        assert!(!exact.equals_at(at(1_700_000_002, 123_456_789), TimePrecision::TwoSeconds));
    }

    #[test]
    fn future_times_are_shown_as_dates() {
        let ahead = |seconds| Timestamp {
            seconds: Timestamp::now().seconds + seconds,
            nanoseconds: 0,
        };
        assert_eq!(at(3_786_912_000, 0).ago(), "2090-01-01");
        assert_eq!(at(i64::MAX, 0).ago(), "after the year 9999");
        assert!(ahead(7200).ago().starts_with("20"));
        assert_eq!(ahead(20).ago(), "just now");
        assert_eq!(ahead(-7200).ago(), "2 h ago");
    }

    #[test]
    fn time_implies_precision_of_file_system() {
        assert_eq!(at(2, 0).coarsest_precision(), TimePrecision::TwoSeconds);
        assert_eq!(at(3, 0).coarsest_precision(), TimePrecision::Second);
        assert_eq!(
            at(2, 123_456_700).coarsest_precision(),
            TimePrecision::HundredNanoseconds
        );
        assert_eq!(
            at(2, 123_456_789).coarsest_precision(),
            TimePrecision::Nanosecond
        );
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(
            at(1_763_785_735, 0).rfc3339().as_deref(),
            Some("2025-11-22T04:28:55Z")
        );
        assert_eq!(
            at(-1, 500_000_000).rfc3339().as_deref(),
            Some("1969-12-31T23:59:59.5Z")
        );
        for time in [at(1_763_785_735, 0), at(-1, 500_000_000), at(7, 1)] {
            assert_eq!(Timestamp::parse(&time.rfc3339().unwrap()), Some(time));
        }
        assert_eq!(
            Timestamp::parse("2026-11-27T01:24:49.100+01:00"),
            Timestamp::parse("2026-11-27T00:24:49.1Z")
        );
        assert_eq!(at(i64::MAX, 0).rfc3339(), None);
        assert_eq!(at(-80_000_000_000, 0).rfc3339(), None);
        assert_eq!(at(1_763_785_735, 0).minute(), "2025-11-22 04:28");
        assert_eq!(at(-1, 0).month(), Some((1969, 12)));
        assert_eq!(Timestamp::UNKNOWN.month(), None);
        assert_eq!(Timestamp::UNKNOWN.minute(), "before all calendars");
        assert_eq!(at(1_763_785_735, 0).to_file_name(), "20251122T042855Z");
    }
}
