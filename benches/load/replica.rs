//! The files of one replica: shots with versions and image sequences, and single files around them.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use auto_backup::base::error::IoResultExt as _;

use crate::common::dice::Dice;
use crate::common::interrupted;
use crate::common::outcome::Outcome;

const MEGABYTE: u64 = 1_000_000;

/// First frames of sequences. The first sequence of a replica begins shortly before frame 70, so that `*.007*.exr`
/// matches in a small studio too.
const FIRST_FRAMES: [u64; 4] = [65, 1001, 1, 1001];

/// 14 November 2023; sequences are rendered within two years from then, one frame after the other.
const BEGINNING: Duration = Duration::from_secs(1_700_000_000);
const TWO_YEARS: u64 = 2 * 365 * 24 * 3600;
const A_FRAME: u64 = 90;

/// Content of a shot in a category.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Footage,
    Render,
}

impl Kind {
    /// Returns the sequences of a shot.
    const fn tasks(self) -> &'static [&'static str] {
        match self {
            Self::Footage => &["plate", "clean"],
            Self::Render => &["comp", "light", "fx"],
        }
    }

    /// Returns the small folders of a shot, each with one or two files.
    const fn asides(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Footage => &[("audio", "wav"), ("reels", "mov")],
            Self::Render => &[("scripts", "nk"), ("previews", "mov")],
        }
    }
}

/// A replica that is being filled.
#[derive(Debug)]
pub(crate) struct Replica {
    folder: PathBuf,
    kind: Kind,
    /// Number of files still to create.
    left: usize,
    /// Start of the present sequence in seconds after the beginning.
    began: u64,
    /// The same for all replicas of a project, so that these agree.
    dice: Dice,
    /// Selects the files that this replica lacks, if it is an incomplete one.
    gaps: Option<Dice>,
}

impl Replica {
    pub(crate) const fn new(
        folder: PathBuf,
        kind: Kind,
        files: usize,
        seed: u64,
        has_gaps: bool,
    ) -> Self {
        let gaps = if has_gaps {
            Some(Dice::new(!seed))
        } else {
            None
        };
        Self {
            folder,
            kind,
            left: files,
            began: 0,
            dice: Dice::new(seed),
            gaps,
        }
    }

    /// Creates exactly the requested number of files.
    pub(crate) fn fill(mut self) -> Outcome<()> {
        fs::create_dir_all(&self.folder).at("create the folder", &self.folder)?;
        let mut shot = 0;
        while self.left > 0 {
            shot += 10;
            self.shot(&format!("sh{shot:03}"))?;
        }
        Ok(())
    }

    fn shot(&mut self, shot: &str) -> Outcome<()> {
        for task in self.kind.tasks() {
            for version in 1..=self.dice.between(1, 4) {
                self.sequence(shot, task, version)?;
            }
        }
        for (folder, extension) in self.kind.asides() {
            let below = self.folder.join(folder).join(shot);
            for take in 1..=self.dice.between(1, 3) {
                self.file(&below, &format!("{shot}_v{take:03}.{extension}"), take)?;
            }
        }
        Ok(())
    }

    /// Creates one version of a task: 24 to 500 frames, a few of them missing.
    fn sequence(&mut self, shot: &str, task: &str, version: u64) -> Outcome<()> {
        self.began = self.dice.between(0, TWO_YEARS);
        let begins = self.dice.roll() % 4;
        let first = if shot == "sh010" {
            FIRST_FRAMES[0]
        } else {
            FIRST_FRAMES[usize::try_from(begins)?]
        };
        let below = self.folder.join(format!("{shot}/{task}/v{version:03}"));
        for frame in first..first + self.dice.between(24, 501) {
            let name = format!("{shot}_{task}_v{version:03}.{frame:04}.exr");
            self.file(&below, &name, frame)?;
        }
        Ok(())
    }

    /// Creates one sparse file with a size and a time; some are left out.
    fn file(&mut self, folder: &PathBuf, name: &str, number: u64) -> Outcome<()> {
        // All rolls come first: leaving a file out must not change the following ones.
        let size = self.size(name);
        let modified = self.modified(number);
        let lost = one_in(&mut self.dice, 300);
        let not_here = self.gaps.as_mut().is_some_and(|gaps| one_in(gaps, 500));
        if self.left == 0 || lost || not_here {
            return Ok(());
        }
        interrupted::check()?;
        let path = folder.join(name);
        let file = match File::create(&path) {
            Err(_) => {
                fs::create_dir_all(folder).at("create the folder", folder)?;
                File::create(&path)
            }
            made => made,
        };
        file.and_then(|file| {
            file.set_len(size)
                .and_then(|()| file.set_modified(modified))
        })
        .at("create", &path)?;
        self.left -= 1;
        Ok(())
    }

    /// Returns a usual size; one file in a hundred is empty, as after a broken render.
    fn size(&mut self, name: &str) -> u64 {
        let (low, high) = match name.rsplit('.').next() {
            Some("exr") => (4 * MEGABYTE, 60 * MEGABYTE),
            Some("mov") => (50 * MEGABYTE, 4000 * MEGABYTE),
            Some("wav") => (MEGABYTE, 200 * MEGABYTE),
            _ => (10_000, 2 * MEGABYTE),
        };
        let size = self.dice.between(low, high);
        if one_in(&mut self.dice, 100) { 0 } else { size }
    }

    fn modified(&mut self, number: u64) -> SystemTime {
        let nanoseconds = self.dice.roll() % 1_000_000_000;
        let seconds = self.began + number * A_FRAME + self.dice.roll() % A_FRAME;
        SystemTime::UNIX_EPOCH
            + BEGINNING
            + Duration::from_secs(seconds)
            + Duration::from_nanos(nanoseconds)
    }
}

const fn one_in(dice: &mut Dice, chances: u64) -> bool {
    dice.roll().is_multiple_of(chances)
}
