//! Storages with equal files: the first is filled, the others are copies of it that auto-backup made and proved.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use auto_backup::base::error::IoResultExt as _;
use tempfile::TempDir;

use crate::commands::ours;
use crate::common::interrupted;
use crate::common::measure::measure;
use crate::common::outcome::Outcome;

const PROJECTS: u64 = 40;
const FRAMES_OF_A_SHOT: u64 = 125;

/// Time of the first frames: 2023-11-14, in seconds since 1970.
const SHOT_AT: u64 = 1_700_000_000;

/// Storages on disk, removed when dropped.
#[derive(Debug)]
pub(crate) struct Studio {
    folder: TempDir,
    names: &'static [&'static str],
}

impl Studio {
    /// Creates the folders of storages in a new folder below `at`.
    pub(crate) fn new(at: &Path, names: &'static [&'static str]) -> Outcome<Self> {
        let mut folder = tempfile::Builder::new();
        let folder = folder
            .prefix("auto-backup-bench-")
            .tempdir_in(at)
            .at("create a folder in", at)?;
        let studio = Self { folder, names };
        for root in studio.roots() {
            fs::create_dir(&root).at("create the folder", &root)?;
        }
        Ok(studio)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn names(&self) -> &'static [&'static str] {
        self.names
    }

    pub(crate) fn roots(&self) -> Vec<PathBuf> {
        self.names.iter().map(|name| self.path(name)).collect()
    }

    /// Creates files of one size in the first storage, as sequences of many projects. No two files are equal.
    pub(crate) fn fill(&self, files: u64, bytes: usize) -> Outcome<()> {
        let root = &self.roots()[0];
        let shots = files.div_ceil(FRAMES_OF_A_SHOT);
        for shot in 0..shots {
            interrupted::check()?;
            let project = shot % PROJECTS;
            let folder = format!(
                "footage/client{}/spot{}/sh{shot:05}",
                project % 8,
                project / 8
            );
            let folder = root.join(folder);
            fs::create_dir_all(&folder).at("create the folder", &folder)?;
            let first = shot * FRAMES_OF_A_SHOT;
            for number in first..files.min(first + FRAMES_OF_A_SHOT) {
                write_frame(&folder, number, bytes)?;
            }
        }
        Ok(())
    }

    /// Copies all files from the first storage to the others; that reads every copy back.
    pub(crate) fn copy(&self) -> Outcome<()> {
        measure(&ours(self, &["load"]))?;
        for other in &self.names[1..] {
            let line = format!("copy all footage {} {other}", self.names[0]);
            measure(&ours(self, &[&line]))?;
        }
        Ok(())
    }

    /// Removes it, and reports a failure.
    pub(crate) fn remove(self) -> Outcome<()> {
        let path = self.folder.path().to_owned();
        Ok(self.folder.close().at("remove", path)?)
    }
}

fn write_frame(folder: &Path, number: u64, bytes: usize) -> Outcome<()> {
    /// Bytes that are made at once.
    const CHUNK: usize = 1 << 20;
    let path = folder.join(format!("comp.{:06}.exr", 1001 + number));
    let mut file = File::create(&path).at("create", &path)?;
    let mut written = 0;
    while written < bytes {
        let length = CHUNK.min(bytes - written);
        let seed = number << 20 | (written / CHUNK) as u64;
        let words = (0..length.div_ceil(8) as u64).map(|word| seed << 17 | word);
        let chunk: Vec<u8> = words.flat_map(u64::to_le_bytes).take(length).collect();
        file.write_all(&chunk).at("write", &path)?;
        written += length;
    }
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(SHOT_AT + number);
    Ok(file.set_modified(time).at("set the time of", &path)?)
}
