//! The rows of this benchmark in order, with their targets.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use auto_backup::base::unit;

use crate::commands::{cp, ocopy, offload, ours, ours_in};
use crate::common::outcome::Outcome;
use crate::common::row::Row;
use crate::common::spread::Spread;
use crate::duel::{Around, Run, Side, against, duel, first_line, wall};
use crate::race::{self, INTO};
use crate::settle::{settle, warm};
use crate::side::{check, empty};
use crate::studio::Studio;
use crate::{known, reads, room};

/// Number of small files for which the targets apply.
pub(crate) const FULL: u64 = 100_000;

const MIB: u64 = 1 << 20;

/// Target of the bytes read, as a ratio to the size of the source.
const READ_ONCE: f64 = 1.001;

/// Places and size of the benchmark.
pub(crate) struct Measuring {
    pub(crate) memory: PathBuf,
    pub(crate) disk: PathBuf,
    pub(crate) files: u64,
    pub(crate) runs: u64,
}

impl Measuring {
    /// Runs the whole benchmark.
    pub(crate) fn all(&self) -> Outcome<Vec<Row>> {
        let mut rows = self.large()?;
        rows.extend(self.many()?);
        rows.extend(self.race()?);
        rows.extend(known::rows(&self.memory, self.files, self.runs)?);
        Ok(rows)
    }

    /// Measures four large files to three storages in memory.
    fn large(&self) -> Outcome<Vec<Row>> {
        const STORAGES: &[&str] = &["NAS", "SHELF", "VAULT"];
        let size = room::fitting(&self.memory, self.part(1024) * MIB, 4 * (1 + 3))?;
        let source = card(&self.memory, 4, size)?;
        let studio = Studio::new(&self.memory, STORAGES)?;
        let folder = source.path("CARD");
        let size_in_mib = size / MIB;
        let title = format!("`offload`, 4 files of {size_in_mib} MiB to 3 storages in memory");
        let command = ours(&studio, &[&offload(&folder, STORAGES)]);
        empty(&studio)?;
        let read = reads::row(
            &title,
            &command,
            (&folder, &source.path("reads")),
            READ_ONCE,
        )?;
        let before = || {
            empty(&studio)?;
            settle(&self.memory)?;
            warm(&studio.path(""), 3 * 4 * size)
        };
        let results = self.contest(
            &title,
            (&folder, &studio),
            &before,
            [Some(command), Some(cp(&folder, &studio))],
        )?;
        let took = Spread::of(results[1].iter().map(wall));
        let peer = ("three `cp -a`, unverified", took);
        let row = against(&title, &results[0], peer, Some(1.2));
        studio.remove()?;
        source.remove()?;
        Ok(row.into_iter().chain([read]).collect())
    }

    /// Measures many files of 1 MiB to two storages on the disk, with histories.
    fn many(&self) -> Outcome<Vec<Row>> {
        const STORAGES: &[&str] = &["NAS", "SHELF"];
        let files = self.part(2000);
        let source = card(&self.memory, files, MIB)?;
        let studio = Studio::new(&self.disk, STORAGES)?;
        let folder = source.path("CARD");
        let files = unit::format_counted(files, "file");
        let title = format!("`offload`, {files} of 1 MiB to 2 storages on the disk");
        let line = offload(&folder, STORAGES);
        let command = ours_in(&studio, "footage footage --mhl", &[&line]);
        empty(&studio)?;
        let read = reads::row(
            &title,
            &command,
            (&folder, &source.path("reads")),
            READ_ONCE,
        )?;
        let before = || {
            empty(&studio)?;
            settle(&self.disk)
        };
        let results = self.contest(
            &title,
            (&folder, &studio),
            &before,
            [Some(command), ocopy(&folder, &studio)],
        )?;
        let rows = beside_ocopy(&title, &results);
        studio.remove()?;
        source.remove()?;
        Ok(rows.into_iter().chain([read]).collect())
    }

    /// Runs our command and a peer's in turn, each with a check of all its copies.
    fn contest(
        &self,
        title: &str,
        (card, studio): (&Path, &Studio),
        before: Around<'_>,
        [ours, peer]: [Option<Vec<OsString>>; 2],
    ) -> Outcome<Vec<Vec<Run>>> {
        let files = card.join("footage");
        let sides = [
            Side {
                before,
                command: ours,
                after: &|| check(&files, studio, INTO),
            },
            Side {
                before,
                command: peer,
                after: &|| check(&files, studio, "CARD"),
            },
        ];
        duel(title, &sides, self.runs)
    }

    /// Measures a fast storage beside a slow one.
    fn race(&self) -> Outcome<Vec<Row>> {
        let files = self.part(2048);
        let source = card(&self.memory, files, MIB)?;
        let counted = unit::format_counted(files, "file");
        let mut rows = Vec::new();
        for (at, place) in [(&self.memory, "in memory"), (&self.disk, "on the disk")] {
            let title = format!(
                "`offload`, {counted} of 1 MiB, until the faster of 2 storages, {place}, is complete"
            );
            let place = (at.as_path(), files * MIB);
            rows.push(race::row(&title, &source.path("CARD"), place, self.runs)?);
        }
        source.remove()?;
        Ok(rows)
    }

    /// Returns a number in proportion to the files, but never more than the number itself.
    fn part(&self, number: u64) -> u64 {
        (number * self.files.min(FULL) / FULL).max(1)
    }
}

/// Creates the folder `CARD` with files of this size.
fn card(at: &Path, files: u64, size: u64) -> Outcome<Studio> {
    let card = Studio::new(at, &["CARD"])?;
    card.fill(files, usize::try_from(size)?)?;
    Ok(card)
}

/// Returns the rows beside ocopy. It flushes nothing, so the target is for its own time, and a second row adds a flush.
fn beside_ocopy(title: &str, results: &[Vec<Run>]) -> Vec<Row> {
    let times = [
        ("`ocopy`", first_line as fn(&Run) -> Duration, Some(0.5)),
        ("`ocopy`, then `sync -f`", wall, None),
    ];
    let rows = times.map(|(peer, time, asked)| {
        let took = Spread::of(results[1].iter().map(time));
        against(title, &results[0], (peer, took), asked)
    });
    rows.into_iter().flatten().collect()
}
