//! Scans of disks that change, are huge, cannot be read or are scanned by several processes, and the index afterwards.

mod churn;
mod concurrency;
mod hard_links;
mod interruption;
mod invariant;
mod large;
mod partial_scan;
mod progress;
mod regression;
mod replaced_root;
mod unchanged_row;
mod unreadable_folder;
mod walkers;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::Value;

use crate::studio::{ProgramRun, Studio};

/// Default path of the index.
const INDEX: &str = "home/.local/share/auto-backup/index.sqlite";

/// A second handle of the index.
fn index(studio: &Studio) -> Connection {
    Connection::open(studio.path(INDEX)).unwrap()
}

/// Counts files, links and bytes of a database with a plain walk. A file with several names counts its bytes once per
/// replica.
fn walk_totals(studio: &Studio, database: &str) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for category in ["footage", "scratch/render"] {
        for client in folders(&studio.path(database).join(category)) {
            for project in folders(&client) {
                let (more, larger) = replica_totals(&project);
                files += more;
                bytes += larger;
            }
        }
    }
    (files, bytes)
}

/// Returns the folders in a folder; none if it does not exist.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.symlink_metadata().unwrap().is_dir())
        .collect()
}

fn replica_totals(folder: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    let mut counted = BTreeSet::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let entry = path.symlink_metadata().unwrap();
            if entry.is_dir() {
                pending.push(path);
            } else if entry.is_symlink() {
                files += 1;
            } else if entry.is_file() {
                files += 1;
                bytes += if counted.insert((entry.dev(), entry.ino())) {
                    entry.len()
                } else {
                    0
                };
            }
        }
    }
    (files, bytes)
}

/// Returns files and bytes of one database in a load.
#[track_caller]
fn totals(load: &ProgramRun, database: &str) -> (u64, u64) {
    let row = database_row(load, database);
    (
        row["files"].as_u64().unwrap(),
        row["bytes"].as_u64().unwrap(),
    )
}

/// Returns the row of this database in a load.
#[track_caller]
fn database_row(load: &ProgramRun, database: &str) -> Value {
    let document = load.document();
    let rows = document["databases"].as_array().unwrap();
    rows.iter()
        .find(|row| row["name"] == database)
        .unwrap_or_else(|| panic!("{database} is not in: {load}"))
        .clone()
}

/// Returns the counts of added, changed and deleted files of this database.
#[track_caller]
fn change_counts(load: &ProgramRun, database: &str) -> [u64; 3] {
    let row = database_row(load, database);
    ["added", "changed", "gone"].map(|name| row[name].as_u64().unwrap())
}

/// Returns everything in the index without reading the disks: all totals and every file.
#[track_caller]
fn index_contents(studio: &Studio) -> String {
    let fetched = studio.json(&["fetch all"]).ok().stdout;
    fetched + &find_output(studio, "find '*'")
}

/// Returns the output of `find` unchanged: it can be too long to normalize.
#[track_caller]
fn find_output(studio: &Studio, line: &str) -> String {
    let mut command = studio.command();
    let output = command
        .args(["--format", "json", "-c", line])
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}");
    String::from_utf8(output.stdout).unwrap()
}

/// Counts the files in the index one by one.
#[track_caller]
fn count_found(studio: &Studio, pattern: &str) -> usize {
    let answer = find_output(studio, &format!("find {pattern}"));
    let document: Value = serde_json::from_str(&answer).unwrap();
    document["files"].as_array().unwrap().len()
}

/// Returns state and file count of a replica.
#[track_caller]
fn replica_state(studio: &Studio, project: &str, category: &str, database: &str) -> String {
    let run = studio.json(&[&format!("fetch project {project}")]).ok();
    let document = run.document();
    let replicas = document["projects"][0]["replicas"].as_array().unwrap();
    let is_meant =
        |replica: &&Value| replica["database"] == database && replica["category"] == category;
    let replica = replicas.iter().find(is_meant);
    let replica = replica.unwrap_or_else(|| panic!("no {category} on {database}: {run}"));
    match replica["files"].as_u64() {
        Some(files) => format!("{} {files}", replica["state"].as_str().unwrap()),
        None => replica["state"].as_str().unwrap().to_owned(),
    }
}
