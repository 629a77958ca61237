//! Bytes by the month of their last change, and sizes over time as the scans recorded them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::source::ReportSource;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::overview::{SizeHistory, sample_times};

/// Bytes by the month in which their files were changed last.
#[derive(Debug, Default, Serialize)]
pub struct Growth {
    /// The months with files, in ascending order.
    pub months: Vec<MonthTotals>,
    /// Files without a time.
    pub undated_files: u64,
    pub undated_bytes: u64,
    /// Sizes over time, if they changed since they are recorded.
    pub recorded: Option<RecordedGrowth>,
}

/// Sizes over time: the largest copy of each project and category, added up, at equal distances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedGrowth {
    /// Number of changes of replicas.
    pub changes: u64,
    /// The sizes in ascending order of time: when the record begins, and at the end of each part of the time up to the last
    /// change.
    pub points: Vec<RecordedSize>,
}

/// A size at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedSize {
    pub at: Timestamp,
    pub files: u64,
    pub bytes: u64,
}

/// Number of parts that the recorded time is divided into.
const PARTS: i64 = 60;

/// Reads the sizes over time. Returns `None` if they never changed.
pub(super) fn recorded_growth(source: &ReportSource<'_>) -> Result<Option<RecordedGrowth>> {
    let request = source.request;
    let history = SizeHistory::find(
        source.index,
        source.registry,
        &request.scope,
        None,
        request.now,
    )?;
    // The end is in the index: the same index gives the same report, whatever the time.
    let mut times = sample_times(history.start()?, history.last_change()?, PARTS);
    times.dedup();
    let sampled = history.sample(&times)?;
    let points = times.into_iter().zip(&sampled.total).map(|(at, size)| {
        let size = size.unwrap_or_default();
        RecordedSize {
            at,
            files: size.files,
            bytes: size.bytes,
        }
    });
    let points: Vec<_> = points.collect();
    let size = |point: &RecordedSize| (point.files, point.bytes);
    let is_changed = points
        .windows(2)
        .any(|pair| size(&pair[0]) != size(&pair[1]));
    Ok(is_changed.then_some(RecordedGrowth {
        changes: sampled.changes,
        points,
    }))
}

/// The files that were changed last in one month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MonthTotals {
    pub year: i16,
    pub month: i8,
    pub files: u64,
    pub bytes: u64,
}

/// Adds up files by month.
#[derive(Debug, Default)]
pub(super) struct GrowthBuilder {
    months: BTreeMap<(i16, i8), (u64, u64)>,
    undated: (u64, u64),
    /// The month of the last file. Files of one folder are mostly of one month.
    latest: Option<(i64, (i16, i8))>,
}

/// Seconds of a day.
const DAY: i64 = 86_400;

impl GrowthBuilder {
    pub(super) fn add(&mut self, modified: Timestamp, bytes: u64) {
        let day = modified.seconds.div_euclid(DAY);
        let month = match self.latest {
            Some((latest, month)) if latest == day => Some(month),
            _ => modified.month(),
        };
        self.latest = month.map(|month| (day, month));
        let totals = match month {
            Some(month) => self.months.entry(month).or_default(),
            None => &mut self.undated,
        };
        totals.0 += 1;
        totals.1 = totals.1.saturating_add(bytes);
    }

    pub(super) fn finish(self) -> Growth {
        let months = self.months.into_iter();
        Growth {
            months: months
                .map(|((year, month), (files, bytes))| MonthTotals {
                    year,
                    month,
                    files,
                    bytes,
                })
                .collect(),
            undated_files: self.undated.0,
            undated_bytes: self.undated.1,
            recorded: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_added_to_their_month() {
        let mut builder = GrowthBuilder::default();
        let at = |seconds| Timestamp {
            seconds,
            nanoseconds: 0,
        };
        // The end of January 2026, the begin of February, and a day in 1969.
        for (seconds, bytes) in [
            (1_769_903_999, 1),
            (1_769_904_000, 2),
            (1_769_904_001, 4),
            (-1, 8),
        ] {
            builder.add(at(seconds), bytes);
        }
        builder.add(Timestamp::UNKNOWN, 16);
        let growth = builder.finish();
        let months = growth.months.iter();
        let months: Vec<_> = months
            .map(|month| (month.year, month.month, month.files, month.bytes))
            .collect();
        assert_eq!(months, [(1969, 12, 1, 8), (2026, 1, 1, 1), (2026, 2, 2, 6)]);
        assert_eq!((growth.undated_files, growth.undated_bytes), (1, 16));
    }
}
