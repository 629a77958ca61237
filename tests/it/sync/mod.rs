//! Syncs to real servers, to folders behind rclone and to disks: files that are sent, stay, fail or are kept.

mod absent_server;
mod altered_time;
mod concurrency;
mod deletion;
mod empty_folder;
mod exclusion;
mod failure;
mod interruption;
mod invariant;
mod limit;
mod local;
mod many_files;
mod mount;
mod name_case;
mod name_collision;
mod rename;
mod report;
mod same_storage;
mod source_change;
mod storage_kind;
mod unlistable_folder;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::servers::{Remotes, rclone};
use crate::studio::{ProgramRun, Studio};

/// The line of most tests.
const LINE: &str = "sync all all WORK CLOUD";

/// Maximum wait for an expected event.
const PATIENCE: Duration = Duration::from_secs(60);

/// A studio with a third database `CLOUD` behind rclone.
pub(crate) struct SyncStudio<'a> {
    pub(crate) studio: &'a Studio,
    remotes: &'a Remotes<'a>,
    rclone: &'static Path,
    root: String,
}

impl<'a> SyncStudio<'a> {
    /// Adds this remote as `CLOUD`.
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

    /// Uses another rclone.
    fn with_rclone(mut self, rclone: &'static Path) -> Self {
        self.rclone = rclone;
        self
    }

    /// Returns the program with rclone and its remotes.
    fn command(&self) -> Command {
        let mut command = self.studio.command();
        self.remotes.add_to_environment(self.rclone, &mut command);
        command
    }

    pub(crate) fn lines(&self, lines: &[&str]) -> ProgramRun {
        let words = lines.iter().flat_map(|line| ["-c", line]);
        self.studio.finish(self.command().args(words))
    }

    pub(crate) fn json(&self, line: &str) -> ProgramRun {
        let words = ["--format", "json", "-c", line];
        self.studio.finish(self.command().args(words))
    }

    #[track_caller]
    fn sync(&self, options: &str) -> CheckedSync {
        self.sync_line(&format!("{LINE} {options}"))
    }

    #[track_caller]
    fn sync_line(&self, line: &str) -> CheckedSync {
        CheckedSync::new(self.json(line), &self.root)
    }

    /// Runs a line without root's privileges.
    #[track_caller]
    fn as_user(&self, line: &str) -> CheckedSync {
        let mut command = self.studio.command_as_user();
        self.remotes.add_to_environment(self.rclone, &mut command);
        command.args(["--format", "json", "-c", line]);
        CheckedSync::new(self.studio.finish(&mut command), &self.root)
    }

    /// Starts to sync everything from WORK.
    fn start_sync(&self, options: &str) -> Child {
        let mut command = self.command();
        command
            .args(["-c", &format!("{LINE} {options}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Fails unless CLOUD equals WORK.
    #[track_caller]
    fn assert_mirrored(&self) {
        self.remotes
            .assert_mirrored(&self.studio.path("WORK"), &self.root);
    }

    /// Returns failed files with their numbers of attempts.
    #[track_caller]
    fn failures(&self) -> Vec<(String, u64)> {
        let document = self.json("failures").ok().document();
        let failures = document["failures"].as_array().unwrap().iter();
        let failure = |failure: &Value| (path_text(&failure["path"]), number(&failure["attempts"]));
        failures.map(failure).collect()
    }

    /// Returns the states of all runs, oldest first.
    #[track_caller]
    fn run_states(&self) -> Vec<String> {
        let document = self.json("history --all").ok().document();
        let runs = document["runs"].as_array().unwrap().iter().rev();
        runs.map(|run| path_text(&run["state"])).collect()
    }

    /// Fails unless the history of a run lists the items of its answer and the same number of copied files.
    #[track_caller]
    fn assert_in_history(&self, synced: &CheckedSync) {
        let run = &synced.document["run"];
        let history = self.json(&format!("history {run}")).ok().document();
        let mut items = history["items"].as_array().unwrap().clone();
        let reported = synced.document["items"].as_array().unwrap();
        let plain = items.split_off(reported.len());
        assert_eq!(items, *reported, "{synced}");
        assert_eq!(plain.len() as u64, synced.count("copied"), "{history}");
        assert!(plain.iter().all(|item| item["outcome"] == "copied"));
        // As a user types it: `cloud:footage`, not `cloud:/footage`.
        let slash = if self.root.ends_with([':', '/']) {
            ""
        } else {
            "/"
        };
        let below = format!("{}{slash}footage/", self.root);
        let elsewhere = format!("{}{slash}scratch/", self.root);
        let is_below = |path: &str| path.starts_with(&below) || path.starts_with(&elsewhere);
        let paths = plain.iter().map(|item| path_text(&item["path"]));
        assert!(paths.into_iter().all(|path| is_below(&path)), "{history}");
    }

    /// Returns the rclone processes of the program that still run.
    fn rclone_processes(&self) -> Vec<u32> {
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

/// The result of a sync.
#[derive(Debug)]
struct CheckedSync {
    run: ProgramRun,
    document: Value,
    /// Outcome of each listed item, by its path below the root.
    items: BTreeMap<String, String>,
}

impl CheckedSync {
    #[track_caller]
    fn new(run: ProgramRun, root: &str) -> Self {
        let document = if run.bytes.is_empty() {
            Value::Null
        } else {
            run.document()
        };
        let items = document["items"].as_array();
        let items = items.into_iter().flatten().map(|item| {
            let path = path_text(&item["path"]);
            let below = path.strip_prefix(root).unwrap_or(&path);
            let below = below.trim_start_matches('/').to_owned();
            (below, path_text(&item["outcome"]))
        });
        let synced = Self {
            items: items.collect(),
            document,
            run,
        };
        synced.assert_accounted();
        synced
    }

    /// Fails unless every file has exactly one outcome.
    #[track_caller]
    fn assert_accounted(&self) {
        if self.document.is_null() {
            return;
        }
        let ends = [
            "copied", "moved", "same", "conflict", "failed", "refused", "skipped",
        ];
        let ended: u64 = ends.iter().map(|end| self.count(end)).sum();
        let planned = self.items.values().filter(|outcome| *outcome == "planned");
        let planned = planned.count() as u64;
        let all = number(&self.document["planned_files"]);
        assert!(
            ended + planned == all || planned == 0 && self.document["run"].is_null(),
            "{self}"
        );
    }

    /// Returns the number of files with this outcome.
    #[track_caller]
    fn count(&self, end: &str) -> u64 {
        if end == "gone" {
            return self.paths_with(end).len() as u64;
        }
        number(&self.document[format!("{end}_files")])
    }

    #[track_caller]
    fn status(self, status: i32) -> Self {
        assert_eq!(self.run.status, status, "{self}");
        self
    }

    /// Fails unless the sync succeeded and sent exactly this number of files.
    #[track_caller]
    fn assert_sent(self, files: u64) -> Self {
        let good = self.run.status == 0 && self.document["state"] == "complete";
        assert!(good && self.count("copied") == files, "{self}");
        self
    }

    /// Returns the paths with this outcome.
    fn paths_with(&self, outcome: &str) -> Vec<&str> {
        let items = self.items.iter();
        let items = items.filter(|(_, ended)| *ended == outcome);
        items.map(|(path, _)| path.as_str()).collect()
    }
}

impl std::fmt::Display for CheckedSync {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.run.fmt(formatter)
    }
}

/// Returns a text of a document, or the replacement for a name that is no text.
fn path_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[track_caller]
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// Returns all files below a folder, except our own folder and incomplete files of rclone.
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

/// Waits until a condition is true; fails after [`PATIENCE`].
#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited too long: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for this number of complete files in a folder; fails if the run ends before.
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

/// Writes files of the project acme/spot on WORK that take some time to send.
fn write_large_files(studio: &Studio, count: usize, bytes: usize) {
    for number in 0..count {
        let content = vec![u8::try_from(number % 251).unwrap(); bytes];
        studio.file(format!("WORK/footage/acme/spot/large{number:03}"), content);
    }
}

/// Returns the old versions below a database's folder, by their paths below that of the run.
fn kept_versions(root: &Path) -> BTreeMap<PathBuf, String> {
    let versions = root.join(".auto-backup/versions");
    let old = files(&versions).into_iter().map(|path| {
        let content = fs::read(versions.join(&path)).unwrap();
        let below = path.components().skip(1).collect();
        (below, String::from_utf8_lossy(&content).into_owned())
    });
    old.collect()
}
