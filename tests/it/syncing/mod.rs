//! Syncs to real servers, to folders behind rclone and to disks: what goes, what stays, what fails, and what is kept.

mod bounds;
mod cases;
mod changing;
mod clashes;
mod closed;
mod deleting;
mod emptied;
mod failing;
mod killed;
mod kinds;
mod laws;
mod left_alone;
mod local;
mod many;
mod mounts;
mod outages;
mod renames;
mod same_place;
mod telling;
mod times;
mod together;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::servers::{Remotes, rclone};
use crate::studio::{Run, Studio};

/// The line of most tests.
const LINE: &str = "sync all all WORK CLOUD";

/// How long is waited for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A studio with a third database `CLOUD` behind rclone.
pub(crate) struct Site<'a> {
    pub(crate) studio: &'a Studio,
    remotes: &'a Remotes<'a>,
    rclone: &'static Path,
    root: String,
}

impl<'a> Site<'a> {
    /// Tracks this remote as `CLOUD`.
    pub(crate) fn new(remotes: &'a Remotes<'a>, studio: &'a Studio, root: &str) -> Self {
        let startup = "home/.config/auto-backup/.config";
        let lines = studio.read(startup);
        studio.file(startup, format!("{lines}add database CLOUD {root}\n"));
        Self {
            studio,
            remotes,
            rclone: rclone().unwrap(),
            root: root.to_owned(),
        }
    }

    /// The same with another rclone.
    fn with(mut self, rclone: &'static Path) -> Self {
        self.rclone = rclone;
        self
    }

    /// The program, which finds rclone and its remotes.
    fn command(&self) -> Command {
        let mut command = self.studio.command();
        self.remotes.lend(self.rclone, &mut command);
        command
    }

    /// Runs each line as a `-c`.
    pub(crate) fn lines(&self, lines: &[&str]) -> Run {
        let words = lines.iter().flat_map(|line| ["-c", line]);
        self.studio.finish(self.command().args(words))
    }

    /// Runs a line as a `-c` with a JSON answer.
    pub(crate) fn json(&self, line: &str) -> Run {
        let words = ["--format", "json", "-c", line];
        self.studio.finish(self.command().args(words))
    }

    /// Syncs everything from WORK.
    #[track_caller]
    fn sync(&self, options: &str) -> Synced {
        self.line(&format!("{LINE} {options}"))
    }

    /// Runs a line that syncs to CLOUD.
    #[track_caller]
    fn line(&self, line: &str) -> Synced {
        Synced::new(self.json(line), &self.root)
    }

    /// The same as a user whom permissions hold back.
    #[track_caller]
    fn as_user(&self, line: &str) -> Synced {
        let mut command = self.studio.command_as_user();
        self.remotes.lend(self.rclone, &mut command);
        command.args(["--format", "json", "-c", line]);
        Synced::new(self.studio.finish(&mut command), &self.root)
    }

    /// Begins to sync everything from WORK.
    fn begin(&self, options: &str) -> Child {
        let mut command = self.command();
        command
            .args(["-c", &format!("{LINE} {options}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Fails unless CLOUD holds just what WORK does.
    #[track_caller]
    fn agrees(&self) {
        self.remotes.agrees(&self.studio.path("WORK"), &self.root);
    }

    /// Files that failed, by their paths, and how often they were tried.
    #[track_caller]
    fn failures(&self) -> Vec<(String, u64)> {
        let document = self.json("failures").ok().document();
        let failures = document["failures"].as_array().unwrap().iter();
        let failure = |failure: &Value| (shown(&failure["path"]), number(&failure["attempts"]));
        failures.map(failure).collect()
    }

    /// The states of all runs, the first first.
    #[track_caller]
    fn states(&self) -> Vec<String> {
        let document = self.json("history --all").ok().document();
        let runs = document["runs"].as_array().unwrap().iter().rev();
        runs.map(|run| shown(&run["state"])).collect()
    }

    /// Fails unless the history of a run lists what its answer does, and then as many files as were copied.
    #[track_caller]
    fn is_in_the_history(&self, synced: &Synced) {
        let run = &synced.document["run"];
        let history = self.json(&format!("history {run}")).ok().document();
        let mut items = history["items"].as_array().unwrap().clone();
        let told = synced.document["items"].as_array().unwrap();
        let plain = items.split_off(told.len());
        assert_eq!(items, *told, "{synced}");
        assert_eq!(plain.len() as u64, synced.count("copied"), "{history}");
        assert!(plain.iter().all(|item| item["outcome"] == "copied"));
        // As they are typed: `cloud:footage`, not `cloud:/footage`.
        let slash = if self.root.ends_with([':', '/']) {
            ""
        } else {
            "/"
        };
        let below = format!("{}{slash}footage/", self.root);
        let elsewhere = format!("{}{slash}scratch/", self.root);
        let is_below = |path: &str| path.starts_with(&below) || path.starts_with(&elsewhere);
        let paths = plain.iter().map(|item| shown(&item["path"]));
        assert!(paths.into_iter().all(|path| is_below(&path)), "{history}");
    }

    /// The processes of rclone that the program has started and that are still there.
    fn processes(&self) -> Vec<u32> {
        let ours = self.remotes.config().to_str().unwrap().as_bytes();
        let processes = fs::read_dir("/proc").unwrap();
        let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let is_ours = |number: &u32| {
            let program = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
            let variables = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
            let name = program.split(|byte| *byte == 0).next().unwrap_or_default();
            name.ends_with(b"/rclone") && variables.windows(ours.len()).any(|part| part == ours)
        };
        numbers.filter(is_ours).collect()
    }
}

/// What a sync came to.
#[derive(Debug)]
struct Synced {
    run: Run,
    document: Value,
    /// How each item that is listed ended, by its path below the root.
    items: BTreeMap<String, String>,
}

impl Synced {
    #[track_caller]
    fn new(run: Run, root: &str) -> Self {
        let document = if run.bytes.is_empty() {
            Value::Null
        } else {
            run.document()
        };
        let items = document["items"].as_array();
        let items = items.into_iter().flatten().map(|item| {
            let path = shown(&item["path"]);
            let below = path.strip_prefix(root).unwrap_or(&path);
            let below = below.trim_start_matches('/').to_owned();
            (below, shown(&item["outcome"]))
        });
        let synced = Self {
            items: items.collect(),
            document,
            run,
        };
        synced.adds_up();
        synced
    }

    /// Fails unless every file ended in exactly one way.
    #[track_caller]
    fn adds_up(&self) {
        if self.document.is_null() {
            return;
        }
        let ends = ["copied", "moved", "same", "conflict", "failed", "skipped"];
        let ended: u64 = ends.iter().map(|end| self.count(end)).sum();
        let planned = self.items.values().filter(|outcome| *outcome == "planned");
        let planned = planned.count() as u64;
        let all = number(&self.document["planned_files"]);
        assert!(
            ended + planned == all || planned == 0 && self.document["run"].is_null(),
            "{self}"
        );
    }

    /// How many files ended this way.
    #[track_caller]
    fn count(&self, end: &str) -> u64 {
        if end == "gone" {
            return self.of(end).len() as u64;
        }
        number(&self.document[format!("{end}_files")])
    }

    /// Fails unless it ended with this status.
    #[track_caller]
    fn status(self, status: i32) -> Self {
        assert_eq!(self.run.status, status, "{self}");
        self
    }

    /// Fails unless all was done, and just so many files were sent.
    #[track_caller]
    fn sent(self, files: u64) -> Self {
        let good = self.run.status == 0 && self.document["state"] == "complete";
        assert!(good && self.count("copied") == files, "{self}");
        self
    }

    /// The paths that ended this way.
    fn of(&self, outcome: &str) -> Vec<&str> {
        let items = self.items.iter();
        let items = items.filter(|(_, ended)| *ended == outcome);
        items.map(|(path, _)| path.as_str()).collect()
    }
}

impl std::fmt::Display for Synced {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.run.fmt(formatter)
    }
}

/// A text of a document; of a name that is no text what stands for it.
fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[track_caller]
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// All files below a folder, by their paths below it, but for our own and those of rclone that are not whole.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut pending) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inner) = pending.pop() {
        for entry in fs::read_dir(inner).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.file_name().is_some_and(|name| name == ".auto-backup") {
                continue;
            }
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_none_or(|end| end != "partial") {
                files.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    files.sort_unstable();
    files
}

/// Waits until something holds; fails where it does not come to hold.
#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited too long: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until so many whole files are in a folder, or the run has ended, which is too soon.
#[track_caller]
fn wait_for_files(child: &mut Child, folder: &Path, count: usize) {
    wait_until("files at the destination", || {
        let there = files(folder).len() >= count;
        assert!(
            there || child.try_wait().unwrap().is_none(),
            "it ended before"
        );
        there
    });
}

/// Files of the project acme/spot on WORK that take a while to be sent.
fn large_files(studio: &Studio, count: usize, bytes: usize) {
    for number in 0..count {
        let content = vec![u8::try_from(number % 251).unwrap(); bytes];
        studio.file(format!("WORK/footage/acme/spot/large{number:03}"), content);
    }
}

/// The old versions below a database's folder: the paths below that of the run, and what they hold.
fn old_versions(root: &Path) -> BTreeMap<PathBuf, String> {
    let versions = root.join(".auto-backup/versions");
    let old = files(&versions).into_iter().map(|path| {
        let content = fs::read(versions.join(&path)).unwrap();
        let below = path.components().skip(1).collect();
        (below, String::from_utf8_lossy(&content).into_owned())
    });
    old.collect()
}
