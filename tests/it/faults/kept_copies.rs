//! Verify, heal, free, prune, undo and restore, killed at any system call: no content has fewer copies than before, unless
//! the command had proven that it may; and the same line then finishes the work.
//!
//! A short list always runs. `AUTO_BACKUP_FAULTS=all` kills at every call.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use super::read_files;
use super::tracer::Tracer;
use crate::studio::{ProgramRun, Studio};
use crate::trust::{flip_bit, three_media};

/// System calls that change something, or come before a change.
const CALLS: [&str; 8] = [
    "renameat2",
    "unlinkat",
    "fsync",
    "mkdirat",
    "pwrite64",
    "openat",
    "flock",
    "fdatasync",
];

const STORAGES: [&str; 3] = ["WORK", "NAS", "SHELF"];

/// A command, the lines that set its scene, and whether it may remove copies for good.
struct Attack {
    line: &'static str,
    setup: &'static [&'static str],
    damages: bool,
    /// Heals the damage before the attack, as run 4.
    heals: bool,
    removes: bool,
}

/// The files of the project.
const FILES: [&str; 3] = ["s0/f0", "s1/f1", "s0/f2"];

const COPIES: &[&str] = &[
    "copy acme/spot footage WORK NAS",
    "copy acme/spot footage WORK SHELF",
];

const ATTACKS: [Attack; 7] = [
    Attack {
        line: "verify all",
        setup: COPIES,
        damages: true,
        heals: false,
        removes: false,
    },
    Attack {
        line: "heal acme/spot footage NAS",
        setup: COPIES,
        damages: true,
        heals: false,
        removes: false,
    },
    Attack {
        line: "free acme/spot footage WORK --yes",
        setup: COPIES,
        damages: false,
        heals: false,
        removes: false,
    },
    Attack {
        line: "free acme/spot footage WORK --erase --yes",
        setup: COPIES,
        damages: false,
        heals: false,
        removes: true,
    },
    Attack {
        line: "prune WORK --keep 0d --yes",
        setup: &[
            "copy acme/spot footage WORK NAS",
            "copy acme/spot footage WORK SHELF",
            "free acme/spot footage WORK --yes",
        ],
        damages: false,
        heals: false,
        removes: true,
    },
    Attack {
        line: "undo 3 --yes",
        setup: &[
            "copy acme/spot footage WORK NAS",
            "copy acme/spot footage WORK SHELF",
            "free acme/spot footage WORK --yes",
        ],
        damages: false,
        heals: false,
        removes: false,
    },
    Attack {
        line: "undo 4 --yes",
        setup: COPIES,
        damages: true,
        heals: true,
        removes: false,
    },
];

/// A studio at which an attack begins.
fn scene(attack: &Attack) -> Studio {
    let studio = three_media();
    for (number, name) in FILES.into_iter().enumerate() {
        let path = format!("WORK/footage/acme/spot/{name}");
        studio.file(path, format!("content of frame {number}"));
    }
    studio.lines(attack.setup).ok();
    if attack.damages {
        for name in if attack.heals {
            &FILES[..]
        } else {
            &FILES[..1]
        } {
            flip_bit(&studio.path("NAS/footage/acme/spot").join(name), 3);
        }
        studio.lines(&["verify all in NAS"]).status(3);
    }
    if attack.heals {
        studio.lines(&["heal acme/spot footage NAS"]).ok();
    }
    studio
}

/// Number of copies of each content on all storages, old versions included.
fn contents(studio: &Studio) -> BTreeMap<Vec<u8>, usize> {
    let mut contents = BTreeMap::new();
    for storage in STORAGES {
        for (path, content) in read_files(&studio.path(storage)) {
            let path = path.display().to_string();
            let is_program_file = path.ends_with(super::PART)
                || path.starts_with(".auto-backup") && !path.starts_with(".auto-backup/versions");
            if !is_program_file {
                *contents.entry(content).or_default() += 1;
            }
        }
    }
    contents
}

/// Copies a studio's folders aside, or back.
fn mirror(studio: &Studio, from: &str, to: &str) {
    let mut rsync = studio.other_program("rsync");
    rsync.args([
        "-aI",
        "--delete",
        "--exclude=/aside",
        "--exclude=strace.log",
    ]);
    rsync.arg(format!("{}/", studio.path(from).display()));
    rsync.arg(format!("{}/", studio.path(to).display()));
    assert!(rsync.stdout(Stdio::null()).status().unwrap().success());
}

#[test]
fn killed_commands_lose_no_copy() {
    let tests_all = std::env::var("AUTO_BACKUP_FAULTS").is_ok_and(|which| which == "all");
    for attack in &ATTACKS {
        let studio = scene(attack);
        let before = contents(&studio);
        fs::create_dir(studio.path("aside")).unwrap();
        mirror(&studio, "", "aside");
        for (place, call) in CALLS.into_iter().enumerate() {
            let (first, step) = match (tests_all, call) {
                (true, _) => (1, 1),
                (false, "openat") => (60, 90),
                (false, "pwrite64") => (3, 14),
                (false, _) => (1 + place % 2, 4),
            };
            let mut when = first;
            loop {
                let fault = format!("signal=SIGKILL:when={when}");
                let Some(tracer) = Tracer::new(&studio) else {
                    return;
                };
                let run = tracer.inject(call, &fault).json(attack.line);
                let what = format!("{}: {call} {when}: {run}", attack.line);
                let after = contents(&studio);
                for (content, copies) in &before {
                    let left = after.get(content).copied().unwrap_or_default();
                    let least = if attack.removes {
                        2.min(*copies)
                    } else {
                        *copies
                    };
                    assert!(left >= least, "{what}: {left} of {copies} copies");
                }
                let was_killed = run.status != 0 && run.status != 3;
                finish(&studio, attack, &what);
                mirror(&studio, "aside", "");
                when += step;
                if !was_killed || when > 2_000 {
                    break;
                }
            }
        }
    }
}

#[test]
fn full_disk_leaves_no_intent() {
    let attack = &ATTACKS[2];
    for call in ["fsync", "openat", "mkdirat"] {
        for when in [1, 2, 3, 5, 70] {
            let studio = scene(attack);
            let Some(tracer) = Tracer::new(&studio) else {
                return;
            };
            let before = contents(&studio);
            let fault = format!("error=ENOSPC:when={when}..{}", when + 1);
            let run = tracer.inject(call, &fault).json(attack.line);
            let what = format!("{call} {when}: {run}");
            assert_eq!(contents(&studio), before, "{what}");
            let left = studio.path("WORK/.auto-backup/freeing");
            let left = fs::read_dir(left).map_or(0, Iterator::count);
            assert_eq!(left, 0, "{what}");
        }
    }
}

/// Interrupts an attack at the first file that is moved: its folder is finished, the other one stays. `None` if calls cannot
/// be traced here.
fn interrupted(attack: &Attack) -> Option<(Studio, ProgramRun)> {
    let studio = scene(attack);
    let before = contents(&studio);
    let tracer = Tracer::new(&studio)?;
    let run = tracer
        .inject("renameat2", "signal=SIGINT:when=1")
        .json(attack.line);
    assert_eq!(run.status, 130, "{run}");
    assert_eq!(contents(&studio), before, "{run}");
    Some((studio, run))
}

#[test]
fn interrupted_free_counts_what_it_moved() {
    let attack = &ATTACKS[2];
    let Some((studio, run)) = interrupted(attack) else {
        return;
    };
    let answer = run.document();
    let moved = answer["files"].as_u64().unwrap();
    assert!((1..3).contains(&moved), "{run}");
    let kept = studio.json(&["versions in WORK"]).ok().document();
    assert_eq!(kept["versions"].as_array().unwrap().len() as u64, moved);
    // What stayed is still proven: nothing is read again.
    let left = studio.json(&["verify acme/spot in WORK --older-than 1h"]);
    assert_eq!(left.ok().document()["files"], 0);
    studio.lines(&[attack.line]).ok();
    assert_eq!(read_files(&studio.path("WORK/footage")).len(), 0);
}

#[test]
fn interrupted_undo_keeps_every_proof() {
    let attack = &ATTACKS[5];
    let Some((studio, _)) = interrupted(attack) else {
        return;
    };
    studio.lines(&[attack.line]).ok();
    assert_eq!(read_files(&studio.path("WORK/footage")).len(), 3);
    // Nothing is read again, neither what came back first nor what came back last.
    let left = studio.json(&["verify acme/spot in WORK --older-than 1h"]);
    assert_eq!(left.ok().document()["files"], 0);
}

/// The same line finishes what a killed one left.
fn finish(studio: &Studio, attack: &Attack, what: &str) {
    let again = studio.json(&[attack.line]);
    let is_undone = attack.line.starts_with("undo");
    let allowed: &[i32] = match () {
        // All files may be back already, and then nothing is left to undo.
        () if is_undone => &[0, 1],
        () if attack.line.starts_with("verify") => &[3],
        // The killed run may have removed all: then there is nothing to free.
        () => &[0, 3],
    };
    assert!(allowed.contains(&again.status), "{what}, then {again}");
    let in_place = |storage: &str| read_files(&studio.path(storage).join("footage")).len();
    if attack.line.starts_with("free") {
        assert_eq!(in_place("WORK"), 0, "{what}, then {again}");
        let left = studio.path("WORK/.auto-backup/freeing");
        assert!(
            fs::read_dir(left).map_or(0, Iterator::count) == 0,
            "{what}, then {again}"
        );
    }
    if is_undone {
        assert_eq!(in_place("WORK"), 3, "{what}, then {again}");
        let content = |name: &&str| {
            let found = fs::read(studio.path("NAS/footage/acme/spot").join(name)).unwrap();
            found.starts_with(b"content")
        };
        // What a heal had replaced is back: a flipped bit.
        let intact = FILES.iter().filter(|name| content(name)).count();
        let expected = if attack.heals { 0 } else { 3 };
        assert_eq!(intact, expected, "{what}, then {again}");
    }
    if attack.line.starts_with("heal") {
        let healed = fs::read(studio.path("NAS/footage/acme/spot/s0/f0")).unwrap();
        assert_eq!(healed, b"content of frame 0", "{what}, then {again}");
    }
}
