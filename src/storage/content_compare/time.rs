//! Files whose times differ because a storage returns other times than were set: out of its range, rounded, or shifted by a
//! change of clocks.
//!
//! Where a difference of two times looks like that, content decides. Of many files that are off by one and the same whole
//! number of quarter hours only a few are read: the whole disk is off then, and the rest is taken for the same by its size.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::ContentComparison;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::base::unit;
use crate::snapshot::diff;
use crate::snapshot::diff::{DiffVisitor, Difference, EntryDiff};
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
    second_time: Timestamp,
    /// The time that the storage of the second side shows.
    reported: Timestamp,
}

impl TimeReconciliation {
    /// Whether two times of any file differ as they do where a storage returns another time than was set.
    pub fn has_candidates(trees: [&Tree; 2]) -> bool {
        let files = time_differences(trees);
        let mut files = files.iter();
        files.any(|file| file.original.may_be_stored_as(file.second_time))
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
            match time_zone_shift(candidate.original, candidate.second_time, precision) {
                Some(seconds) => shifted.entry(seconds).or_default().push(candidate),
                None if candidate.original.may_be_stored_as(candidate.second_time) => {
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

/// The files of one size on both sides with two times.
fn time_differences(trees: [&Tree; 2]) -> Vec<TimeDifference> {
    let mut found = TimeDifferenceCollector {
        trees,
        folder: Path::new(""),
        files: Vec::new(),
    };
    for (path, a, b) in diff::pair_folders(trees[0], trees[1]) {
        found.folder = path;
        // A tree's own manifests are never damaged.
        diff::diff_folder_pair(trees, path, [Some(a), b], &mut found).unwrap_or_default();
    }
    found.files
}

/// Collects them folder by folder.
struct TimeDifferenceCollector<'a> {
    trees: [&'a Tree; 2],
    folder: &'a Path,
    files: Vec<TimeDifference>,
}

impl DiffVisitor for TimeDifferenceCollector<'_> {
    fn visit_unchanged(&mut self, _packed: &[u8]) {}

    fn visit_name(&mut self, name: &[u8], change: EntryDiff) {
        let EntryDiff::Differs(a, b, Difference::Time) = change else {
            return;
        };
        if [a, b]
            .iter()
            .any(|seen| seen.modified == Timestamp::UNKNOWN)
        {
            return;
        }
        let reported = self.trees[1].reported_time(self.folder, name, b.modified);
        let name = Name::from_bytes(name.to_vec());
        self.files.push(TimeDifference {
            path: self.folder.join(name.as_path()),
            folder: self.folder.to_owned(),
            bytes: a.bytes,
            original: a.modified,
            second_time: b.modified,
            reported,
            name,
        });
    }
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

impl ContentComparison {
    /// Whether the content of a file was compared and is the same on both sides.
    pub fn is_same(&self, path: &Path) -> bool {
        !self.differing.contains(path) && !self.unread.contains_key(path)
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
