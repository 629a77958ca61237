//! Copies between disks that fail, fill up, change or fold names, by programs that are held, stopped and killed.

mod altered_time;
mod any_call;
mod attributes;
mod calls;
mod clones;
mod concurrency;
mod faulty_destination;
mod folders;
mod full_disk;
mod index_only;
mod interruption;
mod kept_copies;
mod kills;
mod limits;
mod name_collision;
mod name_form;
mod odd_names;
mod open_files;
mod own_folder;
mod race;
mod random_history;
mod read_back;
mod read_only;
mod same_files;
mod source_change;
mod threads;
pub(crate) mod tracer;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::studio::{CHANGED, ProgramRun, Studio, report_skip};

const LINE: &str = "copy acme/spot footage WORK NAS";
const FROM: &str = "WORK/footage/acme/spot";
const TO: &str = "NAS/footage/acme/spot";

/// Suffix of temporary files.
const PART: &str = ".part";

/// Returns the changes by which `rsync` would make the second folder equal to the first, one per line. It compares
/// every byte, times and permissions, except times of folders: a copy without work in them leaves these alone. Our own
/// folder is excluded.
#[track_caller]
fn differences_between(studio: &Studio, from: &str, to: &str) -> Vec<String> {
    let slash = |path: &str| format!("{}/", studio.path(path).display());
    let mut rsync = studio.other_program("rsync");
    rsync
        .args(["-rlptOcni", "--delete", "--exclude=/.auto-backup"])
        .args([slash(from), slash(to)]);
    let output = rsync.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().map(str::to_owned).collect()
}

/// Returns the files at the usual destination that are missing or differ from the source.
#[track_caller]
fn differing_files(studio: &Studio) -> Vec<String> {
    let lines = differences_between(studio, FROM, TO);
    let names = lines.iter().filter_map(|line| {
        let (what, name) = line.split_once(' ')?;
        let is_folder = what.as_bytes().get(1) == Some(&b'd');
        let name = name.split(" -> ").next().unwrap_or(name);
        (!is_folder).then(|| name.to_owned())
    });
    names.collect()
}

/// Fails unless the destination equals the source to the last byte and no temporary file is left.
#[track_caller]
fn assert_mirrored(studio: &Studio) {
    assert_eq!(differences_between(studio, FROM, TO), [""; 0]);
    assert_eq!(leftovers(studio, "NAS"), [""; 0]);
}

/// Returns the temporary files below a folder.
fn leftovers(studio: &Studio, folder: &str) -> Vec<String> {
    let files = read_files(&studio.path(folder));
    let names = files.keys().map(|path| path.display().to_string());
    names.filter(|name| name.ends_with(PART)).collect()
}

/// Fails unless a plain copy completes the work.
#[track_caller]
fn assert_next_copy_completes(studio: &Studio) -> Value {
    let document = assert_accounted(&studio.json(&[LINE]).ok());
    assert_mirrored(studio);
    document
}

/// Returns every file and link below a folder by its path, with its content or target.
pub(crate) fn read_files(top: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![top.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            // The file may have got its final name meanwhile.
            let Ok(metadata) = path.symlink_metadata() else {
                continue;
            };
            let content = if metadata.is_dir() {
                pending.push(path);
                continue;
            } else if metadata.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                target.into_os_string().into_encoded_bytes()
            } else if metadata.is_file() {
                fs::read(&path).unwrap_or_default()
            } else {
                Vec::new()
            };
            found.insert(path.strip_prefix(top).unwrap().to_owned(), content);
        }
    }
    found
}

/// Returns the contents of the old versions of a database, by the last part of their paths.
fn kept_versions(studio: &Studio, database: &str) -> Vec<Vec<u8>> {
    let versions = studio.path(database).join(".auto-backup/versions");
    read_files(&versions).into_values().collect()
}

/// Fails unless every planned item of a copy has exactly one outcome and the exit status agrees with the answer.
#[track_caller]
fn assert_accounted(run: &ProgramRun) -> Value {
    let document = run.document();
    let number = |name: &str| document[name].as_u64().unwrap();
    let ends = [
        "copied_files",
        "same_files",
        "conflict_files",
        "failed_files",
        "refused_files",
        "skipped_files",
    ];
    let ended: u64 = ends.map(number).iter().sum();
    assert_eq!(number("planned_files"), ended, "{run}");
    assert!(number("verified_files") <= number("copied_files"), "{run}");
    let went_wrong =
        number("failed_files") + number("refused_files") + number("conflict_files") > 0;
    match run.status {
        0 => assert!(document["state"] == "complete" && !went_wrong, "{run}"),
        3 => assert_eq!(document["state"], "partial", "{run}"),
        130 | 143 => assert_eq!(document["state"], "interrupted", "{run}"),
        status => panic!("an answer and exit {status}: {run}"),
    }
    document
}

/// True if these programs are installed; reports a skip otherwise.
fn has_programs(programs: &[&str]) -> bool {
    let folders = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
    let is_there = |program: &str| {
        folders
            .iter()
            .any(|folder| Path::new(folder).join(program).exists())
    };
    let missing: Vec<_> = programs
        .iter()
        .filter(|program| !is_there(program))
        .collect();
    if !missing.is_empty() {
        report_skip(&format!("not installed: {missing:?}"));
    }
    missing.is_empty()
}

/// Reports that this machine's kernel lacks a feature. No package provides it, so this is no failure even in CI.
fn report_missing_kernel_feature(what: &str) {
    use std::io::Write as _;
    // Not by a macro: the test harness hides the output of passing tests.
    let line = format!("\nSKIPPED: this kernel has no {what}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Writes a sparse file with holes for its zeros, and sets the usual time.
fn write_sparse(path: &Path, content: &[u8]) {
    use std::os::unix::fs::FileExt as _;
    const BLOCK: usize = 4096;
    let file = fs::File::create(path).unwrap();
    file.set_len(content.len() as u64).unwrap();
    for (number, block) in content.chunks(BLOCK).enumerate() {
        if block.iter().any(|byte| *byte != 0) {
            file.write_all_at(block, (number * BLOCK) as u64).unwrap();
        }
    }
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(CHANGED);
    file.set_times(fs::FileTimes::new().set_modified(time))
        .unwrap();
}
