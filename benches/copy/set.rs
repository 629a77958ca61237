//! The source files: equal in size, in the project of a database.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use auto_backup::base::error::IoResultExt as _;
use auto_backup::base::unit;

use crate::common::dice::Dice;
use crate::common::interrupted;
use crate::common::outcome::Outcome;

/// Category, client and project of the files, below the root of every database.
pub(crate) const PROJECT: &str = "footage/acme/spot";

pub(crate) const KIB: u64 = 1024;
pub(crate) const MIB: u64 = 1024 * KIB;
pub(crate) const GIB: u64 = 1024 * MIB;

/// 14 November 2023; the times of the files are within two years from then.
const BEGINNING: Duration = Duration::from_secs(1_700_000_000);
const TWO_YEARS: u64 = 2 * 365 * 24 * 3600;
const SECOND: u64 = 1_000_000_000;

const FRAMES_A_FOLDER: u64 = 100;
const VERSIONS_A_SHOT: u64 = 10;

/// One of this number of files is changed.
const CHANGED_ONE_IN: usize = 100;

/// Size of the writes of large files.
const BLOCK: u64 = MIB;

/// The files below the root of a database.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) root: PathBuf,
    pub(crate) files: u64,
    /// Size of each file in bytes.
    pub(crate) size: u64,
}

impl Set {
    /// Creates this number of files of this size below a root that does not exist yet.
    pub(crate) fn make(root: PathBuf, files: u64, size: u64) -> Outcome<Self> {
        let set = Self { root, files, size };
        writeln!(io::stderr(), "making {}", set.title())?;
        for number in 0..files {
            let path = set.path(number);
            if number.is_multiple_of(FRAMES_A_FOLDER) {
                let folder = path.parent().unwrap_or(&set.root);
                fs::create_dir_all(folder).at("create the folder", folder)?;
            }
            let mut dice = Dice::new(number);
            let file = set.write(&path, &mut dice)?;
            file.set_modified(modified(&mut dice))
                .at("set the time of", &path)?;
        }
        Ok(set)
    }

    /// Changes content and time of every hundredth file; every round has content of its own.
    pub(crate) fn change(&self, round: u64) -> Outcome<()> {
        for number in (0..self.files).step_by(CHANGED_ONE_IN) {
            let seed = (round + 1) * self.files + number;
            drop(self.write(&self.path(number), &mut Dice::new(seed))?);
        }
        Ok(())
    }

    /// Returns the folder with the files.
    pub(crate) fn project(&self) -> PathBuf {
        self.root.join(PROJECT)
    }

    pub(crate) fn title(&self) -> String {
        Self::title_of(self.files, self.size)
    }

    /// Returns the name of a set in the table.
    pub(crate) fn title_of(files: u64, size: u64) -> String {
        let files = unit::format_counted(files, "file");
        match size {
            0 => format!("{files} without content"),
            _ if size.is_multiple_of(GIB) => format!("{files} of {} GiB", size / GIB),
            _ if size.is_multiple_of(MIB) => format!("{files} of {} MiB", size / MIB),
            _ => format!("{files} of {} KiB", size / KIB),
        }
    }

    /// Removes the files.
    pub(crate) fn remove(self) -> Outcome<()> {
        Ok(fs::remove_dir_all(&self.root).at("remove", self.root)?)
    }

    /// Returns a path two folders deep, a hundred files a folder: the frames of a version of a shot.
    fn path(&self, number: u64) -> PathBuf {
        let folder = number / FRAMES_A_FOLDER;
        let shot = 10 * (folder / VERSIONS_A_SHOT + 1);
        let version = folder % VERSIONS_A_SHOT + 1;
        let frame = 1001 + number % FRAMES_A_FOLDER;
        self.project().join(format!(
            "sh{shot:04}/v{version:03}/sh{shot:04}_v{version:03}.{frame}.exr"
        ))
    }

    /// Writes a file from its beginning to its end, with incompressible content.
    fn write(&self, path: &Path, dice: &mut Dice) -> Outcome<File> {
        let mut options = File::options();
        let mut file = options
            .create(true)
            .write(true)
            .truncate(false)
            .open(path)
            .at("create", path)?;
        let mut left = self.size;
        interrupted::check()?;
        while left > 0 {
            interrupted::check()?;
            let block = block(dice, left.min(BLOCK))?;
            file.write_all(&block).at("write", path)?;
            left -= left.min(BLOCK);
        }
        Ok(file)
    }
}

/// Returns this number of random bytes, rounded up to whole words.
fn block(dice: &mut Dice, bytes: u64) -> Outcome<Vec<u8>> {
    let words = bytes.div_ceil(8);
    let mut block = Vec::with_capacity(usize::try_from(8 * words)?);
    block.extend((0..words).flat_map(|_| dice.roll().to_le_bytes()));
    block.truncate(usize::try_from(bytes)?);
    Ok(block)
}

fn modified(dice: &mut Dice) -> SystemTime {
    let seconds = dice.between(0, TWO_YEARS);
    let nanoseconds = dice.between(0, SECOND);
    SystemTime::UNIX_EPOCH
        + BEGINNING
        + Duration::from_secs(seconds)
        + Duration::from_nanos(nanoseconds)
}
