//! The times of several runs: median and range.

use std::time::Duration;

/// Median, minimum and maximum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: Duration,
    least: Duration,
    pub(crate) most: Duration,
}

impl Spread {
    /// Returns `None` without any time.
    pub(crate) fn of(times: impl Iterator<Item = Duration>) -> Option<Self> {
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        let middle = times.len() / 2;
        let upper = *times.get(middle)?;
        let lower = if times.len().is_multiple_of(2) {
            times[middle - 1]
        } else {
            upper
        };
        Some(Self {
            median: (lower + upper) / 2,
            least: *times.first()?,
            most: *times.last()?,
        })
    }

    /// Returns the ratio of the medians.
    pub(crate) fn ratio(self, other: Self) -> f64 {
        self.median.as_secs_f64() / other.median.as_secs_f64()
    }

    /// Returns `1.20 s (1.10 to 1.35)`, all in the median's unit.
    pub(crate) fn shown(self) -> String {
        let (unit, scale) = if self.median < Duration::from_secs(1) {
            ("ms", 1000.0)
        } else {
            ("s", 1.0)
        };
        let number = |time: Duration| {
            let value = time.as_secs_f64() * scale;
            let decimals = if value < 9.995 {
                2
            } else {
                usize::from(value < 99.95)
            };
            format!("{value:.decimals$}")
        };
        let (median, least, most) = (number(self.median), number(self.least), number(self.most));
        format!("{median} {unit} ({least} to {most})")
    }
}
