//! The rows of this benchmark in order, with their targets.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::annex;
use crate::bound::{self, Bound};
use crate::commands::{cat, index, last_run, ours, xxh128sum};
use crate::common::measure::measure;
use crate::common::outcome::Outcome;
use crate::common::row::Row;
use crate::contest::{Before, Contest, Results, Run};
use crate::studio::Studio;

const EIGHT: &[&str] = &["WORK", "NAS", "SHELF", "CLOUD", "D", "E", "F", "G"];
const THREE: &[&str] = &["WORK", "NAS", "SHELF"];
const ONE: &[&str] = &["WORK"];

const NOTHING: Before<'static> = &|_| Ok(());

/// Bytes of evidence for a file: digest, kind, time and tag.
const EVIDENCE_BYTES: f64 = 30.0;

/// Runs the whole benchmark below `at`.
pub(crate) fn all(at: &Path, files: u64, runs: u64) -> Outcome<Vec<Row>> {
    let mut rows = questions(at, files, runs)?;
    rows.extend(large_files(at, files, runs)?);
    rows.extend(small_files(at, files, runs)?);
    rows.extend(removals(at, files * 11 / 100, runs)?);
    rows.extend(beside_annex(at, files / 100)?);
    Ok(rows)
}

/// Measures what is known of eight storages with all files, and the memory of proofs there.
fn questions(at: &Path, files: u64, runs: u64) -> Outcome<Vec<Row>> {
    let studio = studio(at, EIGHT, files.div_ceil(EIGHT.len() as u64), 16)?;
    let mut rows = Vec::new();
    for (title, command, limit) in [
        ("`safe all on WORK`, 8 storages", "safe all on WORK", 1000),
        ("`status`, 8 storages", "status", 500),
    ] {
        let contest = alone(title, NOTHING, ours(&studio, &[command]));
        rows.extend(contest.rows(
            &contest.run(runs)?,
            wall,
            Bound::Time(Duration::from_millis(limit)),
        ));
    }
    rows.push(evidence(&studio)?);
    for (title, command) in [
        ("`verify all`, 8 storages", "verify all"),
        ("`free`, one of 8 storages", "free all footage WORK --yes"),
    ] {
        let contest = alone(title, NOTHING, ours(&studio, &[command]));
        let results = Results {
            ours: vec![measure(&contest.ours)?],
            peers: Vec::new(),
        };
        rows.extend(contest.rows(&results, wall, Bound::None));
    }
    studio.remove()?;
    Ok(rows)
}

/// Measures `verify` of four large files.
fn large_files(at: &Path, files: u64, runs: u64) -> Outcome<Vec<Row>> {
    /// Bytes of a file for the number of files of which the targets speak.
    const BYTES: u64 = 1 << 30;
    let bytes = BYTES * files / crate::ASKED_WITH;
    let studio = Studio::new(at, ONE)?;
    studio.fill(4, usize::try_from(bytes)?)?;
    let contest = Contest {
        title: "`verify`, 4 large files",
        before: NOTHING,
        ours: ours(&studio, &["load", "verify"]),
        peers: vec![("`xxh128sum`", xxh128sum(&studio))],
    };
    let rows = contest.rows(&contest.run(runs)?, wall, Bound::Ratio(1.1));
    studio.remove()?;
    Ok(rows)
}

/// Measures `verify` of many small files.
fn small_files(at: &Path, files: u64, runs: u64) -> Outcome<Vec<Row>> {
    let studio = Studio::new(at, ONE)?;
    studio.fill(files / 10, 4096)?;
    measure(&ours(&studio, &["load"]))?;
    let contest = Contest {
        title: "`verify`, small files",
        before: NOTHING,
        ours: ours(&studio, &["verify"]),
        peers: vec![("`cat`", Some(cat(&studio)))],
    };
    let rows = contest.rows(&contest.run(runs)?, wall, Bound::Ratio(1.3));
    studio.remove()?;
    Ok(rows)
}

/// Measures `free` of a copy that two other storages have. `undo` brings it back before the next round.
fn removals(at: &Path, files: u64, runs: u64) -> Outcome<Vec<Row>> {
    let studio = studio(at, THREE, files, 1024)?;
    let undo = |round: u64| {
        if round > 0 {
            let line = format!("undo {} --yes", last_run(&studio)?);
            measure(&ours(&studio, &[&line]))?;
        }
        Ok(())
    };
    let contest = alone(
        "`free`, two witnesses",
        &undo,
        ours(&studio, &["free all footage WORK --yes"]),
    );
    let limit = Bound::Time(Duration::from_secs(10));
    let rows = contest.rows(&contest.run(runs)?, wall, limit);
    studio.remove()?;
    Ok(rows)
}

/// Measures `free` once beside `git annex drop` of fewer files: git-annex needs minutes to be prepared.
fn beside_annex(at: &Path, files: u64) -> Outcome<Vec<Row>> {
    let theirs = Studio::new(at, ONE)?;
    theirs.fill(files, 1024)?;
    writeln!(io::stderr(), "preparing git-annex")?;
    let drop = annex::prepare(&theirs)?;
    let studio = studio(at, THREE, files, 1024)?;
    let contest = Contest {
        peers: vec![("`git annex drop`", drop)],
        ..alone(
            "`free`, fewer files",
            NOTHING,
            ours(&studio, &["free all footage WORK --yes"]),
        )
    };
    let peers = contest.peers.iter();
    let peers = peers.map(|(_, drop)| drop.iter().map(|drop| measure(drop)).collect());
    let results = Results {
        ours: vec![measure(&contest.ours)?],
        peers: peers.collect::<Outcome<_>>()?,
    };
    let rows = contest.rows(&results, wall, Bound::None);
    studio.remove()?;
    theirs.remove()?;
    Ok(rows)
}

fn studio(at: &Path, names: &'static [&'static str], files: u64, bytes: usize) -> Outcome<Studio> {
    let storages = names.len();
    writeln!(io::stderr(), "making {storages} storages of {files} files")?;
    let studio = Studio::new(at, names)?;
    studio.fill(files, bytes)?;
    studio.copy()?;
    Ok(studio)
}

fn alone<'a>(title: &'a str, before: Before<'a>, ours: Vec<OsString>) -> Contest<'a> {
    Contest {
        title,
        before,
        ours,
        peers: Vec::new(),
    }
}

/// Returns the bytes of digests and proofs in the index, for each file that has them.
fn evidence(studio: &Studio) -> Outcome<Row> {
    let index = Connection::open_with_flags(index(studio), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let sql = "SELECT sum(length(digests) + length(proofs) + length(checksum)) / (sum(length(digests)) / 16.0) FROM digests";
    let each = index.query_row(sql, [], |row| row.get(0))?;
    Ok(bound::size("evidence in the index", each, EVIDENCE_BYTES))
}

const fn wall((sample, _): &Run) -> Duration {
    sample.wall
}
