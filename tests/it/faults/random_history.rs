//! Laws for every history of both sides: users change source and destination in every way between copies.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::{FROM, LINE, TO, leftovers, read_files};
use crate::studio::{CHANGED, ProgramRun, Studio};

/// One edit below one of the two replicas. Names are few, so that later edits meet earlier ones.
#[derive(Clone, Debug)]
enum ReplicaEdit {
    /// New content of this size and second.
    Write(&'static str, usize, u64),
    /// Another time only.
    Touch(&'static str, u64),
    Delete(&'static str),
    Rename(&'static str, &'static str),
    /// The entry becomes a link, or a folder with a file inside.
    Link(&'static str, &'static str),
    Folder(&'static str, u64),
    Mode(&'static str, u32),
}

const PATHS: [&str; 8] = ["a", "b", "d", "d/a", "d/e", "d/e/a", "x y", "\u{fc}"];

fn path() -> impl Strategy<Value = &'static str> {
    prop::sample::select(PATHS.to_vec())
}

fn change() -> impl Strategy<Value = ReplicaEdit> {
    let second = || 0..6_u64;
    prop_oneof![
        6 => (path(), 0..4_usize, second()).prop_map(|(path, size, second)| ReplicaEdit::Write(path, size, second)),
        2 => (path(), second()).prop_map(|(path, second)| ReplicaEdit::Touch(path, second)),
        2 => path().prop_map(ReplicaEdit::Delete),
        2 => (path(), path()).prop_map(|(from, to)| ReplicaEdit::Rename(from, to)),
        1 => (path(), path()).prop_map(|(path, target)| ReplicaEdit::Link(path, target)),
        1 => (path(), second()).prop_map(|(path, second)| ReplicaEdit::Folder(path, second)),
        1 => (path(), prop::sample::select(vec![0o600, 0o640, 0o755, 0o444])).prop_map(|(path, mode)| ReplicaEdit::Mode(path, mode)),
    ]
}

/// Edits at source and destination, and the copy that follows.
#[derive(Clone, Debug)]
struct CopyStep {
    source: Vec<ReplicaEdit>,
    destination: Vec<ReplicaEdit>,
    options: &'static str,
}

fn step() -> impl Strategy<Value = CopyStep> {
    let options = vec![
        "",
        "",
        " --overwrite",
        " --no-update",
        " --checksum",
        " --no-verify",
        " --checksum --overwrite",
        " --dry-run",
    ];
    let changes = |most| prop::collection::vec(change(), 0..most);
    (changes(6), changes(3), prop::sample::select(options)).prop_map(
        |(source, destination, options)| CopyStep {
            source,
            destination,
            options,
        },
    )
}

/// Frees a name as far as possible.
fn clear(path: &Path) {
    let _gone = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
    if let Some(above) = path.parent() {
        let _made = fs::create_dir_all(above);
    }
}

/// Applies the edit as far as the tree permits. All contents of a history differ, except the empty one.
fn do_it(studio: &Studio, top: &str, change: &ReplicaEdit, number: &mut usize) {
    *number += 1;
    let at = |path: &str| studio.path(top).join(path);
    let set_time = |path: &Path, second: u64| {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(CHANGED + second);
        let file = fs::File::open(path);
        file.and_then(|file| file.set_times(fs::FileTimes::new().set_modified(time)))
            .unwrap_or_default();
    };
    match *change {
        ReplicaEdit::Write(path, size, second) => {
            let content = if size == 0 {
                String::new()
            } else {
                format!("{number:04}").repeat(size)
            };
            let is_folder = at(path)
                .symlink_metadata()
                .is_ok_and(|found| !found.is_file());
            if is_folder {
                clear(&at(path));
            }
            let _made = at(path).parent().map(fs::create_dir_all);
            if fs::write(at(path), content).is_ok() {
                set_time(&at(path), second);
            }
        }
        ReplicaEdit::Touch(path, second) => {
            if at(path)
                .symlink_metadata()
                .is_ok_and(|found| found.is_file())
            {
                set_time(&at(path), second);
            }
        }
        ReplicaEdit::Delete(path) => clear(&at(path)),
        ReplicaEdit::Rename(from, to) => {
            let _renamed = fs::rename(at(from), at(to));
        }
        ReplicaEdit::Link(path, target) => {
            clear(&at(path));
            let _made = std::os::unix::fs::symlink(target, at(path));
        }
        ReplicaEdit::Folder(path, second) => {
            clear(&at(path));
            let _made = fs::create_dir_all(at(path));
            let _made = fs::write(at(path).join("inner"), format!("{number:04}"));
            set_time(&at(path).join("inner"), second);
        }
        ReplicaEdit::Mode(path, mode) => {
            if at(path)
                .symlink_metadata()
                .is_ok_and(|found| found.is_file())
            {
                fs::set_permissions(at(path), fs::Permissions::from_mode(mode)).unwrap();
            }
        }
    }
}

/// Returns everything visible of a folder without reading files. A copy that copies nothing must leave it unchanged.
/// Our own folder is excluded.
fn seen(studio: &Studio, top: &str) -> Vec<String> {
    let top = studio.path(top);
    let mut lines = Vec::new();
    let mut pending = vec![top.clone()];
    while let Some(path) = pending.pop() {
        let found = path.symlink_metadata().unwrap();
        lines.push(format!(
            "{} {} {:o} {} {}.{} {}.{}",
            path.strip_prefix(&top).unwrap().display(),
            found.ino(),
            found.mode(),
            found.size(),
            found.mtime(),
            found.mtime_nsec(),
            found.ctime(),
            found.ctime_nsec(),
        ));
        if found.is_dir() && !path.ends_with(".auto-backup") {
            pending.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
    }
    // Creating our own folder changes the root.
    lines.retain(|line| !line.starts_with(' ') && !line.starts_with(".auto-backup"));
    lines.sort();
    lines
}

/// Counts each content below a folder.
fn contents(studio: &Studio, top: &str) -> BTreeMap<Vec<u8>, usize> {
    let mut counted = BTreeMap::new();
    for (path, content) in read_files(&studio.path(top)) {
        let is_ours = ["database.json", "lock"]
            .iter()
            .any(|name| path == Path::new(".auto-backup").join(name));
        if !is_ours {
            *counted.entry(content).or_default() += 1;
        }
    }
    counted
}

/// True if every planned item has one outcome; in a dry run, or is among the planned copies.
fn adds_up(run: &ProgramRun) -> bool {
    let document = run.document();
    let ends = [
        "copied_files",
        "same_files",
        "conflict_files",
        "failed_files",
        "refused_files",
        "skipped_files",
    ];
    let ended: u64 = ends
        .map(|name| document[name].as_u64().unwrap())
        .iter()
        .sum();
    let items = document["items"].as_array().unwrap().iter();
    let planned = items.filter(|item| item["outcome"] == "planned").count() as u64;
    document["planned_files"] == ended + planned
        && document["failed_files"] == 0
        && document["refused_files"] == 0
}

/// Checks that copied and equal entries equal their sources.
fn arrived(studio: &Studio, run: &ProgramRun, by_content: bool) -> Result<(), TestCaseError> {
    let document = run.document();
    let items = document["items"].as_array().unwrap();
    let left: Vec<&Path> = items
        .iter()
        .map(|item| Path::new(item["path"].as_str().unwrap()))
        .collect();
    let there = read_files(&studio.path(TO));
    for (path, content) in read_files(&studio.path(FROM)) {
        let place = studio.path(TO).join(&path);
        if left.contains(&place.as_path()) {
            continue;
        }
        let stat_of = |path: PathBuf| {
            path.symlink_metadata()
                .map(|found| (found.len(), found.mtime()))
        };
        let same = |at: Option<&Vec<u8>>| at == Some(&content);
        // Equal size and time count as equal, unless contents are compared.
        let trusted =
            !by_content && stat_of(place).ok() == stat_of(studio.path(FROM).join(&path)).ok();
        prop_assert!(
            same(there.get(&path)) || trusted,
            "{}: {run}",
            path.display()
        );
    }
    Ok(())
}

/// Number of histories: `AUTO_BACKUP_HISTORIES` sets it for long campaigns.
fn cases() -> u32 {
    std::env::var("AUTO_BACKUP_HISTORIES").map_or(24, |count| count.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn copy_is_lossless_after_any_history(
        history in prop::collection::vec(step(), 1..5),
    ) {
        let studio = Studio::new();
        studio.folder(FROM).file("NAS/footage/acme/other/f", "other").file("elsewhere/f", "elsewhere");
        let mut number = 0;
        for CopyStep { source, destination, options } in history {
            for change in &source {
                do_it(&studio, FROM, change, &mut number);
            }
            for change in &destination {
                do_it(&studio, TO, change, &mut number);
            }
            let (work, before) = (seen(&studio, "WORK"), contents(&studio, "NAS"));
            let nas = seen(&studio, "NAS");
            let line = format!("{LINE}{options}");

            let run = studio.json(&[&line]);
            prop_assert!(run.status == 0 || run.status == 3, "{}", run);
            prop_assert!(adds_up(&run), "{}", run);
            prop_assert_eq!(seen(&studio, "WORK"), work, "the source was written to");
            prop_assert_eq!(studio.read("NAS/footage/acme/other/f"), "other");
            let after = contents(&studio, "NAS");
            for (content, times) in &before {
                let now = after.get(content).copied().unwrap_or_default();
                prop_assert!(now >= *times, "{:?} is lost: {}", String::from_utf8_lossy(content), run);
            }
            prop_assert_eq!(leftovers(&studio, "NAS"), [""; 0]);
            if options.contains("dry-run") {
                prop_assert_eq!(seen(&studio, "NAS"), nas, "a dry run wrote");
                continue;
            }
            arrived(&studio, &run, options.contains("checksum"))?;

            let settled = seen(&studio, "NAS");
            let again = studio.json(&[&line]);
            prop_assert_eq!(again.document()["copied_files"].as_u64(), Some(0), "{}", again);
            prop_assert_eq!(seen(&studio, "NAS"), settled, "copying again wrote");
        }
        let last = studio.json(&[&format!("{LINE} --checksum --overwrite")]);
        prop_assert_eq!(last.status, 0, "{}", last);
        arrived(&studio, &last, true)?;
        let compared = studio.json(&["compare acme/spot footage WORK NAS --checksum --anew"]);
        let document = compared.document();
        prop_assert_eq!(document["only_a"].as_u64(), Some(0), "{}", compared);
        prop_assert_eq!(document["differs"].as_u64(), Some(0), "{}", compared);
        prop_assert_eq!(studio.read("elsewhere/f"), "elsewhere");
    }
}
