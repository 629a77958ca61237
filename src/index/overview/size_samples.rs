//! Sizes over time, added up at some times.

use std::collections::BTreeMap;

use super::size_history::{ReplicaSizes, SizeHistory};
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::SizePoint;

/// Sizes of the projects in a scope at some times.
#[derive(Debug, Default)]
pub struct SampledSizes {
    /// One line for each database and category, in the order of the registry.
    pub lines: Vec<SampledLine>,
    /// The largest copy of each project and category at each time, added up; `None` before any was known.
    pub total: Vec<Option<SizeSum>>,
    /// Number of changes within the period, after the first size of each replica.
    pub changes: u64,
}

/// Sizes of all replicas in one category of one database.
#[derive(Debug)]
pub struct SampledLine {
    /// Name of the database.
    pub database: String,
    /// Name of the category.
    pub category: String,
    /// Time of the first change, or the beginning of the period.
    pub first_at: Timestamp,
    /// The size at `first_at`.
    pub first: SizeSum,
    /// The size at each time; `None` before the first change.
    pub sizes: Vec<Option<SizeSum>>,
}

/// Sum of sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SizeSum {
    /// Number of replicas that were not missing.
    pub replicas: u64,
    /// Number of files.
    pub files: u64,
    /// Apparent bytes.
    pub bytes: u64,
}

impl SizeSum {
    const fn add(&mut self, point: SizePoint) {
        if point.present {
            self.replicas += 1;
            self.files = self.files.saturating_add(point.files);
            self.bytes = self.bytes.saturating_add(point.bytes);
        }
    }
}

impl SizeHistory<'_> {
    /// Adds the sizes up at these times. The first one is the beginning of the period, as [`Self::start`] returns it.
    pub fn sample(&self, times: &[Timestamp]) -> Result<SampledSizes> {
        let start = times.first().copied().unwrap_or(self.now());
        let mut lines: BTreeMap<(usize, usize), SampledLine> = BTreeMap::new();
        let mut sampled = SampledSizes {
            total: vec![None; times.len()],
            ..SampledSizes::default()
        };
        self.visit_copies(&mut |places, copies| {
            for (place, copy) in places.iter().zip(copies) {
                let line = lines
                    .entry(*place)
                    .or_insert_with(|| SampledLine::new(copy, times.len()));
                line.add(copy, times, start);
                let later = copy.points.iter().skip(1);
                sampled.changes += later.filter(|point| point.at > start).count() as u64;
            }
            for (total, time) in sampled.total.iter_mut().zip(times) {
                let known = copies.iter().filter_map(|copy| copy.at(*time));
                let largest = known.max_by_key(|point| (point.present, point.bytes, point.files));
                if let Some(point) = largest {
                    total.get_or_insert_default().add(point);
                }
            }
            Ok(())
        })?;
        sampled.lines = lines.into_values().collect();
        Ok(sampled)
    }
}

impl SampledLine {
    fn new(copy: &ReplicaSizes<'_>, samples: usize) -> Self {
        Self {
            database: copy.database.name.clone(),
            category: copy.category.name.clone(),
            first_at: Timestamp {
                seconds: i64::MAX,
                nanoseconds: 0,
            },
            first: SizeSum::default(),
            sizes: vec![None; samples],
        }
    }

    fn add(&mut self, copy: &ReplicaSizes<'_>, times: &[Timestamp], start: Timestamp) {
        let Some(first_at) = copy.points.first().map(|first| first.at.max(start)) else {
            return;
        };
        if first_at < self.first_at {
            self.first_at = first_at;
            self.first = SizeSum::default();
        }
        if first_at == self.first_at
            && let Some(first) = copy.at(first_at)
        {
            self.first.add(first);
        }
        for (sum, time) in self.sizes.iter_mut().zip(times) {
            if let Some(point) = copy.at(*time) {
                sum.get_or_insert_default().add(point);
            }
        }
    }
}

/// Returns the beginning of a period and `count` times at equal distances up to its end.
pub fn sample_times(start: Timestamp, end: Timestamp, count: i64) -> Vec<Timestamp> {
    let length = i128::from(end.seconds) - i128::from(start.seconds);
    let times = (0..=count).map(|number| {
        let passed = length * i128::from(number) / i128::from(count.max(1));
        let seconds = i128::from(start.seconds) + passed;
        Timestamp {
            seconds: i64::try_from(seconds).unwrap_or(end.seconds),
            nanoseconds: 0,
        }
    });
    let mut times: Vec<_> = times.collect();
    // A change in the last second counts.
    if let Some(last) = times.last_mut() {
        *last = end;
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp {
            seconds,
            nanoseconds: 0,
        }
    }

    #[test]
    fn times_divide_the_period() {
        let end = Timestamp {
            seconds: 110,
            nanoseconds: 5,
        };
        let times = sample_times(at(10), end, 4);
        assert_eq!(times, [at(10), at(35), at(60), at(85), end]);
        assert_eq!(sample_times(at(10), at(10), 2), [at(10); 3]);
        let whole = sample_times(at(i64::MIN), at(i64::MAX), 2);
        assert_eq!(whole[1], at(-1));
    }
}
