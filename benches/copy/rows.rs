//! The rows of this benchmark in order, with their targets.

use std::path::PathBuf;

use crate::common::outcome::Outcome;
use crate::common::row::Row;
use crate::comparison::{Comparison, asked, shown};
use crate::contest::{Contest, Course};
use crate::memory;
use crate::places::{Place, Places};
use crate::set::{GIB, KIB, MIB, Set};
use crate::tool::{
    CP, CP_BYTES, CPZ, RCLONE, RCP, RSYNC, RSYNC_CHECKED, UNVERIFIED, VERIFIED, XCP,
};
use crate::volume::{BTRFS, Kind, Volume, XFS};

/// Number of small files for which the targets apply.
pub(crate) const FULL: u64 = 100_000;

const SMALL: &[Comparison] = &[
    asked(UNVERIFIED, &[CP, XCP, CPZ, RCP], 1.05),
    shown(UNVERIFIED, &[RSYNC, RCLONE]),
    asked(VERIFIED, &[RSYNC], 0.7),
];
const SMALL_ON_DISK: &[Comparison] = &[
    asked(VERIFIED, &[CP, RSYNC, XCP, CPZ, RCP], 1.0),
    shown(VERIFIED, &[RCLONE]),
    shown(UNVERIFIED, &[CP, RSYNC, XCP, CPZ, RCP]),
];
const SMALL_AGAIN: &[Comparison] = &[asked(VERIFIED, &[RSYNC], 0.4), shown(VERIFIED, &[RCLONE])];
const SMALL_CHANGED: &[Comparison] = &[asked(VERIFIED, &[RSYNC], 0.5)];
const MIDDLING: &[Comparison] = &[
    asked(UNVERIFIED, &[CP, RSYNC, XCP, CPZ, RCP], 1.1),
    shown(VERIFIED, &[CP, RSYNC, XCP]),
];
const LARGE: &[Comparison] = &[
    asked(UNVERIFIED, &[CP, XCP, CPZ, RCP], 1.05),
    shown(UNVERIFIED, &[RSYNC]),
    asked(VERIFIED, &[RSYNC_CHECKED], 0.7),
];
const LARGE_ON_DISK: &[Comparison] = &[
    asked(UNVERIFIED, &[CP, XCP, CPZ, RCP], 1.05),
    shown(UNVERIFIED, &[RSYNC]),
    shown(VERIFIED, &[RSYNC_CHECKED]),
];
const CLONED: &[Comparison] = &[
    asked(VERIFIED, &[CP_BYTES], 0.1),
    shown(UNVERIFIED, &[CP_BYTES, CP]),
];

/// Places and size of the benchmark.
struct Measuring<'a> {
    places: &'a Places,
    files: u64,
    runs: u64,
}

/// Runs the whole benchmark with this number of small files, all other rows in proportion, and this number of runs.
pub(crate) fn all(places: &Places, files: u64, runs: u64) -> Outcome<Vec<Row>> {
    let measuring = Measuring {
        places,
        files,
        runs,
    };
    let mut rows = measuring.small()?;
    rows.extend(measuring.middling()?);
    rows.extend(measuring.large()?);
    for kind in [BTRFS, XFS] {
        rows.extend(measuring.cloned(kind)?);
    }
    rows.extend(measuring.many()?);
    Ok(rows)
}

impl Measuring<'_> {
    fn small(&self) -> Outcome<Vec<Row>> {
        let set = Set::make(self.work(), self.files, 4 * KIB)?;
        let mut rows = self.fresh(&set, self.places.memory(), SMALL)?;
        rows.extend(self.fresh(&set, self.places.disk(), SMALL_ON_DISK)?);
        let change = |round| set.change(round);
        let unchanged = Course::Again(&|_| Ok(()));
        for (what, course, comparisons) in [
            ("nothing changed", unchanged, SMALL_AGAIN),
            ("1 % changed", Course::Again(&change), SMALL_CHANGED),
        ] {
            let again = Contest {
                title: format!("{}, {what}, in memory", set.title()),
                set: &set,
                place: self.places.memory(),
                course,
                comparisons,
            };
            rows.extend(again.rows(self.runs)?);
        }
        set.remove()?;
        Ok(rows)
    }

    fn middling(&self) -> Outcome<Vec<Row>> {
        let set = Set::make(self.work(), self.part(2000), MIB)?;
        let rows = self.fresh(&set, self.places.memory(), MIDDLING)?;
        set.remove()?;
        Ok(rows)
    }

    fn large(&self) -> Outcome<Vec<Row>> {
        let set = Set::make(self.work(), 4, self.gibibyte())?;
        let mut rows = self.fresh(&set, self.places.memory(), LARGE)?;
        rows.extend(self.fresh(&set, self.places.disk(), LARGE_ON_DISK)?);
        set.remove()?;
        Ok(rows)
    }

    /// Measures a copy between two folders of a file system that can share blocks.
    fn cloned(&self, kind: Kind) -> Outcome<Vec<Row>> {
        let size = self.gibibyte();
        let name = format!("within one {}", kind.name);
        // Space for the set, a copy, and a removed copy that is not freed yet.
        let volume = match Volume::new(kind, self.places.memory().folder, 3 * size)? {
            Ok(volume) => volume,
            Err(reason) => {
                let title = format!("{}, {name}", Set::title_of(1, size));
                let skipped = CLONED.iter().flat_map(|row| row.skipped(&title, &reason));
                return Ok(skipped.collect());
            }
        };
        let place = Place {
            folder: &volume.folder,
            name: &name,
            is_flushed: false,
            is_memory: false,
        };
        let set = Set::make(volume.folder.join("WORK"), 1, size);
        let rows = set.and_then(|set| self.fresh(&set, place, CLONED));
        volume.remove()?;
        rows
    }

    fn many(&self) -> Outcome<Vec<Row>> {
        let set = Set::make(self.work(), self.part(10 * FULL), 0)?;
        let rows = memory::rows(&set, self.places.memory())?;
        set.remove()?;
        Ok(rows)
    }

    /// Measures copies to an empty destination.
    fn fresh(&self, set: &Set, place: Place<'_>, who: &'static [Comparison]) -> Outcome<Vec<Row>> {
        let contest = Contest {
            title: format!("{}, {}", set.title(), place.name),
            set,
            place,
            course: Course::Fresh,
            comparisons: who,
        };
        contest.rows(self.runs)
    }

    /// Returns the root of the source database.
    fn work(&self) -> PathBuf {
        self.places.memory().folder.join("WORK")
    }

    /// Returns a number in proportion to the small files, but never more than the number itself.
    fn part(&self, number: u64) -> u64 {
        (number * self.files.min(FULL) / FULL).max(1)
    }

    /// Returns the size of the largest files.
    fn gibibyte(&self) -> u64 {
        self.part(GIB / MIB) * MIB
    }
}
