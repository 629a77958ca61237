//! A studio with very many projects, a hundred databases in the start-up file and a long history, equal on every
//! machine.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::iter;
use std::path::{Path, PathBuf};
use std::thread;

use auto_backup::base::error::IoResultExt as _;
use tempfile::TempDir;

use crate::common::interrupted;
use crate::common::outcome::Outcome;
use crate::programs;

/// Number of databases in the start-up file.
pub(crate) const DATABASES: u64 = 100;

/// Categories, with folders of the same names.
const CATEGORIES: [&str; 4] = ["footage", "render", "sound", "edit"];

/// Projects of a client, except the largest.
const PROJECTS_OF_A_CLIENT: u64 = 100;

/// One of this number of projects belongs to the largest client.
const SHARE_OF_THE_LARGEST: u64 = 20;

/// The client with thousands of projects.
pub(crate) const LARGEST: &str = "largest";

/// Projects that contain almost all files; every other project has one.
const REELS: u64 = 8;

/// Files per folder of those.
const FRAMES: u64 = 1000;

/// Lines of the history, its maximum length.
const HISTORY: u64 = 10_000;

/// Threads that create files.
const THREADS: u64 = 2;

/// A studio on disk, removed when dropped.
#[derive(Debug)]
pub(crate) struct Studio {
    folder: TempDir,
    files: u64,
    projects: u64,
}

impl Studio {
    /// Returns a studio for this number of files, still empty, in a new folder below `at`.
    pub(crate) fn new(at: &Path, files: u64) -> Outcome<Self> {
        let mut folder = tempfile::Builder::new();
        let folder = folder
            .prefix("auto-backup-bench-")
            .tempdir_in(at)
            .at("create a folder in", at)?;
        let projects = files / 10;
        Ok(Self {
            folder,
            files,
            projects,
        })
    }

    /// Creates the files, the start-up file and the history.
    pub(crate) fn fill(&self) -> Outcome<()> {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let mut databases = (thread..DATABASES).step_by(2);
                    scope.spawn(move || databases.try_for_each(|number| self.fill_database(number)))
                })
                .collect();
            threads.into_iter().try_for_each(|thread| {
                let filled = thread.join();
                filled.unwrap_or_else(|_| Err("a thread that makes files panicked".into()))
            })
        })?;
        let settings = self.home().join(".config/auto-backup");
        write(&settings, ".config", &self.startup()?)?;
        let state = self.home().join(".local/state/auto-backup");
        write(&state, "history", &format!("#V2\n{}", self.history()?))?;
        write(&self.home(), ".bash_history", &self.history()?)
    }

    /// Scans it with the real program, and compares the result with the disk.
    pub(crate) fn load(&self) -> Outcome<()> {
        programs::answer(self, "load")?;
        let seen = programs::answer(self, "list projects")?.lines().count() as u64;
        let there = self.projects + REELS;
        if seen == there {
            Ok(())
        } else {
            Err(format!("auto-backup tells of {seen} projects where {there} are").into())
        }
    }

    /// Returns the home folder, for settings, index and histories.
    pub(crate) fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Returns a path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns client and name of a project in the middle.
    pub(crate) fn some_project(&self) -> (String, String) {
        let number = self.clients() / 2 * PROJECTS_OF_A_CLIENT + 42;
        (self.client(number), project(number))
    }

    /// Removes it, and reports a failure.
    pub(crate) fn remove(self) -> Outcome<()> {
        let path = self.folder.path().to_owned();
        Ok(self.folder.close().at("remove", path)?)
    }

    /// Returns the number of clients, except the largest.
    fn clients(&self) -> u64 {
        self.of_small_clients().div_ceil(PROJECTS_OF_A_CLIENT)
    }

    fn of_small_clients(&self) -> u64 {
        self.projects - self.projects / SHARE_OF_THE_LARGEST
    }

    /// Returns the client of a project.
    fn client(&self, number: u64) -> String {
        if number < self.of_small_clients() {
            format!("client{:04}", number / PROJECTS_OF_A_CLIENT)
        } else {
            LARGEST.to_owned()
        }
    }

    /// Creates every hundredth project, and possibly one of the large ones.
    fn fill_database(&self, number: u64) -> Outcome<()> {
        let root = self.path(&database(number));
        for category in CATEGORIES {
            let folder = root.join(category);
            fs::create_dir_all(&folder).at("create the folder", folder)?;
        }
        for number in (number..self.projects).step_by(usize::try_from(DATABASES)?) {
            interrupted::check()?;
            let folder = root.join("footage").join(self.client(number));
            make(&folder.join(project(number)), &["reel.mov".to_owned()])?;
        }
        if number < REELS {
            let files = self.files - self.projects;
            let first = files * number / REELS;
            let last = files * (number + 1) / REELS;
            let reel = root.join(format!("render/archive/reel{number}"));
            for begin in (first..last).step_by(usize::try_from(FRAMES)?) {
                interrupted::check()?;
                let frames = begin..last.min(begin + FRAMES);
                let names: Vec<String> = frames.map(|frame| format!("f.{frame:07}.exr")).collect();
                make(&reel.join(format!("from{begin:07}")), &names)?;
            }
        }
        Ok(())
    }

    /// Returns a line for each database and category.
    fn startup(&self) -> Outcome<String> {
        let mut text = String::new();
        for database in (0..DATABASES).map(database) {
            let root = self.path(&database);
            writeln!(text, "add database {database} {}", root.display())?;
        }
        for category in CATEGORIES {
            writeln!(text, "add category {category} {category}")?;
        }
        Ok(text)
    }

    fn history(&self) -> Outcome<String> {
        let mut text = String::new();
        let mut numbers = (0..self.projects).cycle().step_by(7);
        for number in iter::from_fn(|| numbers.next()).take(usize::try_from(HISTORY)?) {
            let (client, project) = (self.client(number), project(number));
            let (from, to) = (
                database(number % DATABASES),
                database((number + 1) % DATABASES),
            );
            writeln!(text, "copy {client}/{project} footage {from} {to}")?;
        }
        Ok(text)
    }
}

/// Returns the name of a database and of its folder.
pub(crate) fn database(number: u64) -> String {
    format!("STORE{number:02}")
}

fn project(number: u64) -> String {
    format!("film{number:05}-cut")
}

/// Creates a folder with empty files.
fn make(folder: &Path, names: &[String]) -> Outcome<()> {
    fs::create_dir_all(folder).at("create the folder", folder)?;
    for name in names {
        let path = folder.join(name);
        File::create(&path).at("create", &path)?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, text: &str) -> Outcome<()> {
    fs::create_dir_all(folder).at("create the folder", folder)?;
    let path = folder.join(name);
    Ok(fs::write(&path, text).at("write", path)?)
}
