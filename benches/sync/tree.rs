//! The source files: equal files in folders of a hundred, in ten projects of a database.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use auto_backup::base::error::IoResultExt as _;
use auto_backup::base::unit;

use crate::common::dice::Dice;
use crate::common::interrupted;
use crate::common::outcome::Outcome;

/// The category of all projects.
pub(crate) const CATEGORY: &str = "footage";

const FILES_A_FOLDER: u64 = 100;
const PROJECTS: u64 = 10;

/// 14 November 2023; the times of the files are within two years from then.
const BEGINNING: Duration = Duration::from_secs(1_700_000_000);
const TWO_YEARS: u64 = 2 * 365 * 24 * 3600;

/// The files below the root of a database.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    files: u64,
}

impl Tree {
    /// Creates this number of files of this size below a root that does not exist yet.
    pub(crate) fn make(root: PathBuf, files: u64, size: usize) -> Outcome<Self> {
        let count = unit::format_counted(files, "file");
        writeln!(io::stderr(), "making {count} of {size} bytes")?;
        let tree = Self { root, files };
        for number in 0..files {
            interrupted::check()?;
            let path = tree.path(number);
            if number.is_multiple_of(FILES_A_FOLDER) {
                let folder = path.parent().unwrap_or(&tree.root);
                fs::create_dir_all(folder).at("create the folder", folder)?;
            }
            let mut dice = Dice::new(number);
            let mut file = File::create(&path).at("create", &path)?;
            file.write_all(&content(&mut dice, size))
                .at("write", &path)?;
            let age = Duration::from_secs(dice.between(0, TWO_YEARS));
            file.set_modified(SystemTime::UNIX_EPOCH + BEGINNING + age)
                .at("set the time of", &path)?;
        }
        Ok(tree)
    }

    /// Makes this number of files grow, spread evenly: always the same files, so that a destination that missed several
    /// changes lacks no more files.
    pub(crate) fn change(&self, files: u64) -> Outcome<()> {
        for part in 0..files {
            let path = self.path(part * self.files / files);
            let file = File::options().append(true).open(&path);
            let written = file.and_then(|mut file| file.write_all(b"changed\n"));
            written.at("write", &path)?;
        }
        Ok(())
    }

    /// Returns the folder with all projects.
    pub(crate) fn category(&self) -> PathBuf {
        self.root.join(CATEGORY)
    }

    /// Removes the files.
    pub(crate) fn remove(self) -> Outcome<()> {
        Ok(fs::remove_dir_all(&self.root).at("remove", self.root)?)
    }

    fn path(&self, number: u64) -> PathBuf {
        let folder = number / FILES_A_FOLDER;
        let project = folder % PROJECTS + 1;
        let shot = 10 * (folder / PROJECTS + 1);
        let frame = 1001 + number % FILES_A_FOLDER;
        let path = format!("acme/spot{project:02}/sh{shot:04}/sh{shot:04}.{frame}.exr");
        self.category().join(Path::new(&path))
    }
}

/// Returns this number of random bytes.
fn content(dice: &mut Dice, size: usize) -> Vec<u8> {
    let words = (0..size.div_ceil(8)).map(|_| dice.roll().to_le_bytes());
    let mut content: Vec<u8> = words.flatten().collect();
    content.truncate(size);
    content
}
