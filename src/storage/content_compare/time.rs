//! Files whose times differ only because a storage returns other times than it was given: rounded, out of its range, or
//! shifted by a change of time zone.
//!
//! If two times differ in such a way, content decides. If many files are shifted by the same whole number of quarter hours,
//! only three are read: then the whole disk is shifted, and the other files count as the same if their sizes are (decision
//! 3).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::comparison::ContentComparison;
use super::pair::pairs_of_two_times;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::base::unit;
use crate::snapshot::time_alias::{AlteredTime, AlteredTimesByFolder};
use crate::snapshot::tree::Tree;

/// Number of files with one shift from which the whole disk counts as shifted.
const MIN_SHIFTED_FILES: usize = 3;

/// Number of shifted files that are read.
const SAMPLE_FILES: usize = 3;

/// Files with the same size and content but different times.
#[derive(Debug, Default)]
pub struct TimeReconciliation {
    /// The times that the second side reports instead of those of the first, by folder below the replica's.
    pub altered: AlteredTimesByFolder,
    /// The shifts of the second side in seconds, with the number of files of each.
    pub shifts: BTreeMap<i64, u64>,
    /// Number of files that were read on either side.
    pub files_read: u64,
}

/// A file with one size and two times.
struct TimeDifference {
    path: PathBuf,
    folder: PathBuf,
    name: Name,
    bytes: u64,
    /// The time on the first side.
    original: Timestamp,
    /// The time on the second side.
    other: Timestamp,
    /// The time that the storage of the second side reports.
    reported: Timestamp,
}

impl TimeReconciliation {
    /// True if the times of any file differ in the way of a storage that returns other times.
    pub fn has_candidates(trees: [&Tree; 2]) -> bool {
        time_differences(trees).any(|file| file.original.may_be_stored_as(file.other))
    }

    /// Finds files that are the same although their times differ in the way of a storage that returns other times.
    /// `compare` compares the contents of files, by their paths below the replica's folder.
    pub fn detect(
        trees: [&Tree; 2],
        compare: &mut dyn FnMut(&BTreeSet<PathBuf>) -> Result<ContentComparison>,
    ) -> Result<Self> {
        let precision = trees[0].precision().max(trees[1].precision());
        let mut reconciliation = Self::default();
        let (mut shifted, mut single) = (BTreeMap::<i64, Vec<TimeDifference>>::new(), Vec::new());
        for candidate in time_differences(trees) {
            match time_zone_shift(candidate.original, candidate.other, precision) {
                Some(seconds) => shifted.entry(seconds).or_default().push(candidate),
                None if candidate.original.may_be_stored_as(candidate.other) => {
                    single.push(candidate);
                }
                None => {}
            }
        }
        let mut shifted_disks = Vec::new();
        for (seconds, mut files) in shifted {
            if files.len() < MIN_SHIFTED_FILES {
                single.append(&mut files);
            } else {
                // An empty file proves nothing, so it is read last.
                files.sort_by_key(|file| (file.bytes == 0, file.bytes));
                shifted_disks.push((seconds, files));
            }
        }
        let samples = shifted_disks
            .iter()
            .flat_map(|(_, files)| files.iter().take(SAMPLE_FILES));
        let selected = samples.chain(&single).map(|file| file.path.clone());
        let selected: BTreeSet<PathBuf> = selected.collect();
        if selected.is_empty() {
            return Ok(reconciliation);
        }
        let found = compare(&selected)?;
        reconciliation.files_read = found.files_read;
        let same = |file: &TimeDifference| found.is_same(&file.path);
        for file in single.iter().filter(|file| same(file)) {
            reconciliation.add(file);
        }
        for (seconds, files) in shifted_disks {
            if files.iter().take(SAMPLE_FILES).all(same) {
                reconciliation.shifts.insert(seconds, files.len() as u64);
                for file in &files {
                    reconciliation.add(file);
                }
            }
        }
        Ok(reconciliation)
    }

    /// Returns the files with the same content but different times, after a comparison of contents.
    pub fn from_comparison(a: &Tree, b: &Tree, found: &ContentComparison) -> Self {
        let mut reconciliation = Self::default();
        for file in time_differences([a, b]) {
            if found.is_same(&file.path) {
                reconciliation.add(&file);
            }
        }
        reconciliation
    }

    fn add(&mut self, file: &TimeDifference) {
        let time = AlteredTime {
            bytes: file.bytes,
            reported: file.reported,
            original: file.original,
        };
        let folder = self.altered.entry(file.folder.clone()).or_default();
        folder.insert(file.name.clone(), time);
    }

    pub fn add_shifts(&mut self, other: &Self) {
        for (seconds, files) in &other.shifts {
            *self.shifts.entry(*seconds).or_default() += files;
        }
    }

    /// Returns a notice for each shift; the second side is the database of this name.
    pub fn notices(&self, database: &str) -> impl Iterator<Item = String> {
        self.shifts.iter().map(move |(seconds, files)| {
            let (files, hours) = (unit::format_counted(*files, "file"), describe_shift(*seconds));
            format!(
                "{files} on `{database}` have the same sizes and times {hours}: treated as the same; `--checksum` compares their contents"
            )
        })
    }
}

fn describe_shift(seconds: i64) -> String {
    const QUARTER: u64 = 900;
    let quarters = seconds.unsigned_abs() / QUARTER;
    let word = if seconds < 0 { "earlier" } else { "later" };
    let part = [" h", ".25 h", ".5 h", ".75 h"];
    let part = part[usize::try_from(quarters % 4).unwrap_or_default()];
    format!("exactly {}{part} {word}", quarters / 4)
}

/// The files with one size and two known times.
fn time_differences(trees: [&Tree; 2]) -> impl Iterator<Item = TimeDifference> {
    pairs_of_two_times(trees).filter_map(|(folder, pair)| {
        let [original, other] = pair.entries.map(|entry| entry.modified);
        let is_known = original != Timestamp::UNKNOWN && other != Timestamp::UNKNOWN;
        is_known.then(|| TimeDifference {
            path: folder.join(pair.name.as_path()),
            folder: folder.to_owned(),
            bytes: pair.entries[0].bytes,
            original,
            other,
            reported: pair.reported_times[1],
            name: pair.name,
        })
    })
}

/// The difference of two times in seconds, if it is a whole number of quarter hours as between two time zones.
fn time_zone_shift(a: Timestamp, b: Timestamp, precision: TimePrecision) -> Option<i64> {
    const QUARTER: i64 = 900;
    const MOST: i64 = 26 * 3600;
    let (a, b) = (a.truncate_to(precision), b.truncate_to(precision));
    let seconds = b.seconds.checked_sub(a.seconds)?;
    let is_whole = a.nanoseconds == b.nanoseconds && seconds % QUARTER == 0;
    (is_whole && seconds != 0 && seconds.abs() <= MOST).then_some(seconds)
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
    fn clock_shifts_are_whole_quarter_hours() {
        let (a, step) = (at(1_782_907_260, 5), TimePrecision::Nanosecond);
        assert_eq!(time_zone_shift(a, at(1_782_910_860, 5), step), Some(3600));
        assert_eq!(
            time_zone_shift(a, at(1_782_887_460, 5), step),
            Some(-19_800)
        );
        assert_eq!(time_zone_shift(a, at(1_782_910_860, 6), step), None);
        assert_eq!(
            time_zone_shift(a, at(1_782_910_860, 6), TimePrecision::Second),
            Some(3600)
        );
        assert_eq!(
            time_zone_shift(a, at(1_782_910_861, 5), TimePrecision::Second),
            None
        );
        assert_eq!(time_zone_shift(a, at(1_783_910_860, 5), step), None);
        assert_eq!(time_zone_shift(a, a, step), None);
        assert_eq!(describe_shift(3600), "exactly 1 h later");
        assert_eq!(describe_shift(-20_700), "exactly 5.75 h earlier");
    }
}
