//! Time until the faster of two destinations is complete, while the other one is ten times slower.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use auto_backup::base::error::IoResultExt as _;

use crate::commands::{offload, ours};
use crate::common::interrupted;
use crate::common::outcome::Outcome;
use crate::common::row::Row;
use crate::common::spread::Spread;
use crate::duel::{skipped, versus};
use crate::order::shuffled;
use crate::settle::{settle, warm};
use crate::side::{check, empty};
use crate::slow_disk::SlowDisk;
use crate::studio::Studio;

/// Times that the slow destination takes longer than the fast one.
const SLOWER: f64 = 10.0;

/// Target: ratio to the fast destination alone.
const ASKED: f64 = 1.15;

/// Folder of an offloaded card on a storage.
pub(crate) const INTO: &str = "footage/acme/spot/A001";

/// A card, the fast storage `NAS`, and `SLOW`.
struct Race<'a> {
    card: &'a Path,
    bytes: u64,
    /// Folder of both storages.
    at: &'a Path,
    studio: &'a Studio,
}

/// Measures both offloads in turn.
pub(crate) fn row(title: &str, card: &Path, (at, bytes): (&Path, u64), runs: u64) -> Outcome<Row> {
    writeln!(io::stderr(), "measuring {title}")?;
    let studio = Studio::new(at, &["NAS", "SLOW"])?;
    let race = Race {
        card,
        bytes,
        at,
        studio: &studio,
    };
    let row = race.row(title, runs);
    studio.remove()?;
    row
}

impl Race<'_> {
    fn row(&self, title: &str, runs: u64) -> Outcome<Row> {
        self.alone()?;
        let pace = self.pace(self.alone()?)?;
        let slow = self.studio.path("SLOW");
        if let Err(reason) = SlowDisk::mount(&slow, pace) {
            return Ok(skipped(
                title,
                &format!("FUSE cannot be mounted: {reason}"),
                ASKED,
            ));
        }
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..=runs {
            for side in shuffled(2, round) {
                let time = match side {
                    0 => self.alone()?,
                    _ => self.beside_slow(pace)?,
                };
                times[side].extend((round > 0).then_some(time));
            }
        }
        let [alone, beside] = times.map(|times| Spread::of(times.into_iter()));
        let beside = beside.ok_or("nothing was measured")?;
        Ok(versus(
            title,
            beside,
            ("the fast one alone", alone),
            Some(ASKED),
        ))
    }

    /// Returns the time that the slow destination takes for a byte.
    fn pace(&self, fast: Duration) -> Outcome<f64> {
        let bytes = f64::from(u32::try_from(self.bytes / 1024)?) * 1024.0;
        Ok(SLOWER * fast.as_secs_f64() / bytes)
    }

    /// Returns the time until the fast destination is complete, without the other one.
    fn alone(&self) -> Outcome<Duration> {
        self.prepare()?;
        let (time, _) = self.until_complete(&["NAS"])?;
        Ok(time)
    }

    /// Returns the time until the fast destination is complete, with the slow one.
    fn beside_slow(&self, pace: f64) -> Outcome<Duration> {
        self.prepare()?;
        let disk = SlowDisk::mount(&self.studio.path("SLOW"), pace)?;
        let (time, whole) = self.until_complete(&["NAS", "SLOW"])?;
        check(&self.card.join("footage"), self.studio, INTO)?;
        drop(disk);
        let times = whole.as_secs_f64() / time.as_secs_f64();
        writeln!(io::stderr(), "the slow one took {times:.1} times as long")?;
        Ok(time)
    }

    /// Empties both storages, so that no run pays for an earlier one.
    fn prepare(&self) -> Outcome<()> {
        empty(self.studio)?;
        settle(self.at)?;
        warm(&self.studio.path(""), self.bytes)
    }

    /// Offloads, and returns the times until `NAS` has the last file under its name, and until the end.
    fn until_complete(&self, to: &[&str]) -> Outcome<(Duration, Duration)> {
        interrupted::check()?;
        let command = ours(self.studio, &[&offload(self.card, to)]);
        let mut missing = self.copies()?;
        let start = Instant::now();
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .at("run", &command[0])?;
        let mut complete = None;
        while complete.is_none() && child.try_wait()?.is_none() {
            thread::sleep(Duration::from_millis(1));
            complete = is_complete(&mut missing).then(|| start.elapsed());
        }
        let output = child.wait_with_output()?;
        let whole = start.elapsed();
        interrupted::check()?;
        let complaints = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() || !is_complete(&mut missing) {
            return Err(format!("offload ended with {}\n{complaints}", output.status).into());
        }
        Ok((complete.unwrap_or(whole), whole))
    }

    /// Returns the paths of all copies on `NAS`.
    fn copies(&self) -> Outcome<Vec<PathBuf>> {
        let mut copies = Vec::new();
        let root = self.studio.path("NAS").join(INTO);
        collect(self.card, &root, &mut copies)?;
        Ok(copies)
    }
}

/// True if all files are there. Each call asks for one missing file only, so that it disturbs no run.
fn is_complete(missing: &mut Vec<PathBuf>) -> bool {
    while missing.last().is_some_and(|path| path.exists()) {
        missing.pop();
    }
    missing.is_empty()
}

/// Collects the paths of a folder's files below another one.
fn collect(folder: &Path, below: &Path, copies: &mut Vec<PathBuf>) -> Outcome<()> {
    for entry in fs::read_dir(folder).at("read", folder)? {
        let entry = entry.at("read", folder)?;
        let (path, copy) = (entry.path(), below.join(entry.file_name()));
        if entry.file_type().at("read", &path)?.is_dir() {
            collect(&path, &copy, copies)?;
        } else {
            copies.push(copy);
        }
    }
    Ok(())
}
