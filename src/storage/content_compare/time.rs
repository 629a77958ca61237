//! Files whose times differ because a storage returns other times than were set: out of its range, rounded, or shifted by a
//! change of clocks.
//!
//! Where a difference of two times looks like that, content decides. Of many files that are off by one and the same whole
//! number of quarter hours only a few are read: the whole disk is off then, and the rest is taken for the same by its size.

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

/// So many files must be off by the same time before that is taken for a shift of the whole disk.
const MIN_SHIFTED_FILES: usize = 3;

/// So many of them are read.
const SAMPLE_FILES: usize = 3;

/// Files of one size and content on two sides whose times differ.
#[derive(Debug, Default)]
pub struct TimeReconciliation {
    /// What the second side shows for the times of the first, by folder below the replica's.
    pub altered: AlteredTimesByFolder,
    /// By how many seconds all times of the second side are off, and of how many files.
    pub shifts: BTreeMap<i64, u64>,
    /// How many files were read on either side.
    pub files_read: u64,
}

/// A file of one size on both sides with two times.
struct TimeDifference {
    path: PathBuf,
    folder: PathBuf,
    name: Name,
    bytes: u64,
    /// The time of the first side.
    original: Timestamp,
    /// The time of the second side.
    other: Timestamp,
    /// The time that the storage of the second side shows.
    reported: Timestamp,
}

impl TimeReconciliation {
    /// Whether two times of any file differ as they do where a storage returns another time than was set.
    pub fn has_candidates(trees: [&Tree; 2]) -> bool {
        time_differences(trees).any(|file| file.original.may_be_stored_as(file.other))
    }

    /// Finds files whose times differ as they do where a storage returns another time than was set, and that are the same.
    /// `compare` compares the contents of files, by their paths below the replica's folder.
    ///
    /// # Errors
    /// The index cannot be read, or an interruption.
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
        let mut whole = Vec::new();
        for (seconds, mut files) in shifted {
            if files.len() < MIN_SHIFTED_FILES {
                single.append(&mut files);
            } else {
                // An empty file proves nothing.
                files.sort_by_key(|file| (file.bytes == 0, file.bytes));
                whole.push((seconds, files));
            }
        }
        let samples = whole
            .iter()
            .flat_map(|(_, files)| files.iter().take(SAMPLE_FILES));
        let wanted = samples.chain(&single).map(|file| file.path.clone());
        let wanted: BTreeSet<PathBuf> = wanted.collect();
        if wanted.is_empty() {
            return Ok(reconciliation);
        }
        let found = compare(&wanted)?;
        reconciliation.files_read = found.files_read;
        let same = |file: &TimeDifference| found.is_same(&file.path);
        for file in single.iter().filter(|file| same(file)) {
            reconciliation.add(file);
        }
        for (seconds, files) in whole {
            if files.iter().take(SAMPLE_FILES).all(same) {
                reconciliation.shifts.insert(seconds, files.len() as u64);
                for file in &files {
                    reconciliation.add(file);
                }
            }
        }
        Ok(reconciliation)
    }

    /// Of files whose content was compared, those of another time that hold the same.
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

    /// Adds the shifts of another replica.
    pub fn add_shifts(&mut self, other: &Self) {
        for (seconds, files) in &other.shifts {
            *self.shifts.entry(*seconds).or_default() += files;
        }
    }

    /// For each shift a sentence for people, where the second side is the database of this name.
    pub fn notices(&self, database: &str) -> impl Iterator<Item = String> {
        self.shifts.iter().map(move |(seconds, files)| {
            let (files, hours) = (unit::format_counted(*files, "file"), describe_shift(*seconds));
            format!(
                "{files} on `{database}` have times that are {hours}, and the same sizes: taken for the same; `--checksum` reads them all"
            )
        })
    }
}

/// A shift in words: `1 h later`, `5.75 h earlier`.
fn describe_shift(seconds: i64) -> String {
    const QUARTER: u64 = 900;
    let quarters = seconds.unsigned_abs() / QUARTER;
    let word = if seconds < 0 { "earlier" } else { "later" };
    let part = [" h", ".25 h", ".5 h", ".75 h"];
    let part = part[usize::try_from(quarters % 4).unwrap_or_default()];
    format!("exactly {}{part} {word}", quarters / 4)
}

/// The files of one size on both sides whose times differ and are known.
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

/// By how many seconds the second time is off, if that is a whole number of quarter hours as between two time zones.
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
    fn shifts_are_whole_quarter_hours() {
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
