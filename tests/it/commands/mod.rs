//! The commands, one file each.

mod add;
mod add_roots;
mod cards;
mod catalog;
mod compare;
mod compare_known;
mod copy;
mod copy_attributes;
mod copy_clashes;
mod copy_entries;
mod copy_refused;
mod copy_scope;
mod duplicates;
mod echo;
mod endpoints;
mod exclude;
mod exit;
mod explore;
mod failures;
mod fetch;
mod fetch_files;
mod fetch_live;
mod find;
mod find_conditions;
mod free;
mod free_witness;
mod heal;
mod help;
mod history;
mod history_sizes;
mod list;
mod load;
mod load_offline;
mod load_shelf;
mod mhl;
mod offload;
mod policy;
mod prune;
mod remove;
mod report;
mod restore;
mod safe;
mod save;
mod sequences;
mod set;
mod source;
mod status;
mod sync;
mod undo;
mod verify;
mod versions;
mod watch;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::SystemTime;

use regex::Regex;
use serde_json::Value;

use crate::studio::{ProgramRun, Studio};

/// The start-up file of a studio.
const STARTUP: &str = "home/.config/auto-backup/.config";

/// A studio with these databases, each on a medium of its own, and the categories `footage` and `render`.
fn studio_on_media(databases: &[&str]) -> Studio {
    let studio = Studio::bare();
    let mut lines = String::new();
    for name in databases {
        studio.folder(name);
        let line = format!("add database {name} ../../../{name} --medium {name}\n");
        lines.push_str(&line);
    }
    lines += "add category footage footage/\nadd category render scratch/render/\n";
    studio.file(STARTUP, lines);
    studio
}

/// A studio whose databases WORK and NAS, on two media, hold the same two files of one project, both read.
fn copied_studio() -> Studio {
    let studio = studio_on_media(&["WORK", "NAS"]);
    studio
        .file("WORK/footage/acme/spot/reel.mov", "reel")
        .file("WORK/footage/acme/spot/plates/p1.exr", "plate one");
    let lines = ["load", "copy acme/spot footage WORK NAS", "load", "verify"];
    studio.lines(&lines).ok();
    studio
}

/// Adds lines to the start-up file.
fn add_startup_lines(studio: &Studio, lines: &str) {
    studio.file(STARTUP, studio.read(STARTUP) + lines);
}

/// Moves a storage out of sight.
fn unplug(studio: &Studio, database: &str) {
    let away = studio.path(format!("{database} away"));
    fs::rename(studio.path(database), away).unwrap();
}

/// Moves a storage back.
fn plug_in(studio: &Studio, database: &str) {
    let away = studio.path(format!("{database} away"));
    fs::rename(away, studio.path(database)).unwrap();
}

/// Returns the number of the last run.
#[track_caller]
fn last_run(studio: &Studio) -> i64 {
    let history = studio.json(&["history --all"]).status(0).document();
    history["runs"][0]["run"].as_i64().unwrap()
}

/// Returns the outcomes and paths of the items of the last run.
#[track_caller]
fn last_items(studio: &Studio) -> Vec<(String, String)> {
    let line = format!("history {}", last_run(studio));
    let history = studio.json(&[&line]).status(0).document();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let root = studio.path("");
    let items = history["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            let path = text(&item["path"]).replace(&*root.to_string_lossy(), "");
            (text(&item["outcome"]), path)
        })
        .collect()
}

/// Returns this number of hours and a half ago, in seconds since 1970. The half hour keeps the age in words constant
/// during a test.
fn hours_ago(hours: u64) -> u64 {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    now.as_secs() - hours * 3600 - 1800
}

pub(crate) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    OsStr::from_bytes(bytes).into()
}

/// A studio whose client and project have names that break careless formats.
fn studio_with_odd_names() -> Studio {
    let studio = Studio::new();
    studio
        .file(
            path_from_bytes(b"WORK/footage/a,b \"c\"/tab\there/new\nline"),
            "12345",
        )
        .file(
            path_from_bytes(b"WORK/footage/back\\slash/caf\xe9/it's"),
            "123",
        );
    studio.lines(&["load"]).ok();
    studio
}

/// Returns standard output as bytes, with all values that vary between runs replaced.
fn exact_stdout(studio: &Studio, run: &ProgramRun) -> String {
    let text = run.bytes.escape_ascii().to_string();
    let text = text.replace(&*studio.path("").to_string_lossy(), "$STUDIO/");
    let moment = Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+Z").unwrap();
    let now = |found: &regex::Captures<'_>| match &found[0] {
        changed @ "2026-01-02T03:04:05Z" => changed.to_owned(),
        _ => "NOW".to_owned(),
    };
    moment.replace_all(&text, now).replace("\\n", "\\n\n")
}

fn run_with_format(studio: &Studio, format: &str, line: &str) -> ProgramRun {
    studio.run(["--format", format, "-c", line])
}

/// Runs a copy and returns its JSON answer. Every planned item must have exactly one outcome.
#[track_caller]
fn copy_answer(studio: &Studio, line: &str) -> Value {
    let document = studio.json(&[line]).document();
    let items = document["items"].as_array().unwrap().iter();
    let would_copy = items.filter(|item| item["outcome"] == "planned").count() as u64;
    let ends = [
        "copied_files",
        "same_files",
        "conflict_files",
        "failed_files",
        "refused_files",
        "skipped_files",
    ];
    let ended: u64 = ends
        .iter()
        .map(|name| document[name].as_u64().unwrap())
        .sum();
    assert_eq!(document["planned_files"], ended + would_copy, "{document}");
    if let Some(run) = document["run"].as_i64() {
        assert_in_history(studio, run, &document);
    }
    document
}

/// Checks that the history of a copy lists the items of its answer, and the same number of copied files.
#[track_caller]
pub(crate) fn assert_in_history(studio: &Studio, run: i64, document: &Value) {
    let history = studio.json(&[&format!("history {run}")]).document();
    let mut items = history["items"].as_array().unwrap().clone();
    let reported = document["items"].as_array().unwrap();
    let plain = items.split_off(reported.len());
    assert_eq!(items, *reported, "{document}");
    let remarked = reported
        .iter()
        .filter(|item| item["outcome"] == "copied")
        .count();
    let copied = (plain.len() + remarked) as u64;
    assert_eq!(document["copied_files"], copied, "{document}, {history}");
    assert!(plain.iter().all(|item| item["outcome"] == "copied"));
}

/// Fields of a scan, for [`scan_fields`].
const SCAN_FIELDS: [&str; 4] = ["state", "added", "changed", "gone"];

/// Returns these fields of the first database of a scan.
#[track_caller]
fn scan_fields(studio: &Studio, line: &str, names: &[&str]) -> Vec<Value> {
    let document = studio.json(&[line]).document();
    let database = &document["databases"][0];
    names.iter().map(|name| database[name].clone()).collect()
}
