//! Changes one file in a hundred, as a day's work would: the same files in the same way in every benchmark.

use std::fs::{self, DirEntry, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use auto_backup::base::error::IoResultExt as _;

use crate::common::dice::mix;
use crate::common::interrupted;
use crate::common::outcome::Outcome;
use crate::studio::CATEGORIES;

const ONE_IN: u64 = 100;
const LATER: Duration = Duration::from_secs(3600);

/// Changes files below a root; every round chooses others.
pub(crate) fn change(root: &Path, round: u64) -> Outcome<()> {
    below(root, &root.join(CATEGORIES[0].1), round)?;
    below(root, &root.join(CATEGORIES[1].1), round)
}

fn below(root: &Path, folder: &Path, round: u64) -> Outcome<()> {
    interrupted::check()?;
    // All entries are read before the first change, so that new ones are not chosen at once.
    let entries: Vec<DirEntry> = fs::read_dir(folder)
        .and_then(Iterator::collect)
        .at("read", folder)?;
    for entry in entries {
        let path = entry.path();
        if entry.file_type().at("read", &path)?.is_dir() {
            below(root, &path, round)?;
            continue;
        }
        // Not the whole path: it begins with a folder whose name differs in every benchmark.
        let place = path.strip_prefix(root)?;
        let pick = fold(round, place.as_os_str().as_bytes());
        if pick.is_multiple_of(ONE_IN) {
            one(&path, pick / ONE_IN, round).at("change", &path)?;
        }
    }
    Ok(())
}

/// Of ten files four grow, four are touched, one is deleted, and one gets a new neighbor.
fn one(path: &Path, pick: u64, round: u64) -> io::Result<()> {
    match pick % 10 {
        0..4 => {
            let file = File::options().write(true).open(path)?;
            file.set_len(file.metadata()?.len() + 1 + pick % 1_000_000)?;
            later(&file)
        }
        4..8 => later(&File::options().write(true).open(path)?),
        8 => fs::remove_file(path),
        _ => {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{round}.bak"));
            File::create(path.with_file_name(name))?.set_len(pick % 1_000_000)
        }
    }
}

fn later(file: &File) -> io::Result<()> {
    file.set_modified(file.metadata()?.modified()? + LATER)
}

/// Returns a hash of these bytes without collisions among the names of the studio.
fn fold(seed: u64, bytes: &[u8]) -> u64 {
    let folded = bytes
        .iter()
        .fold(seed ^ 0xcbf2_9ce4_8422_2325, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    mix(folded)
}
