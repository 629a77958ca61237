//! Copies that are killed repeatedly at arbitrary moments.
//!
//! `AUTO_BACKUP_KILL_ROUNDS` sets the number of rounds; a hundred take less than a minute.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::tracer::Tracer;
use super::{
    FROM, LINE, PART, TO, assert_accounted, assert_mirrored, assert_next_copy_completes,
    differing_files, has_programs, kept_versions, leftovers, read_files, write_sparse,
};
use crate::studio::{CHANGED, Studio};

const ROUNDS: u64 = 100;

/// Number of kills after which a copy runs to its end.
const CYCLE: u64 = 6;

/// Number of small files; every third replaces an older one.
const SMALL: usize = 60;

/// Returns numbers that vary between rounds and repeat in every campaign.
fn scatter(seed: u64) -> u64 {
    let mut value = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    value ^= value >> 31;
    value = value.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value ^ value >> 29
}

/// A studio with small files, files that the kernel copies, and a large sparse file.
fn filled() -> Studio {
    let studio = Studio::new();
    for number in 0..SMALL {
        let content = format!("content of {number}").repeat(1 + number * 20);
        studio.file(format!("{FROM}/s{}/f{number:02}", number % 5), content);
    }
    for number in 0..3 {
        studio.file(format!("{FROM}/kernel{number}"), vec![number; 2 << 20]);
    }
    let mut large = vec![0; 100 << 20];
    for place in 0..20 {
        let begin = usize::try_from(scatter(place) % (99 << 20)).unwrap() & !0xffff;
        for (offset, byte) in large[begin..begin + 0x1_0000].iter_mut().enumerate() {
            *byte = scatter(offset as u64).to_le_bytes()[0];
        }
    }
    studio.file(format!("{FROM}/large"), "");
    write_sparse(&studio.path(FROM).join("large"), &large);
    studio
}

/// Begins a new cycle: the destination has only older versions with new contents. In two of three cycles the copy of
/// the large file stays.
fn begin(studio: &Studio, round: u64) -> BTreeMap<PathBuf, Vec<u8>> {
    let (large, aside) = (studio.path(TO).join("large"), studio.path("aside"));
    let keeps_large = !(round / CYCLE).is_multiple_of(3) && large.exists();
    if keeps_large {
        fs::rename(&large, &aside).unwrap();
    }
    if studio.path(TO).exists() {
        studio.remove(TO);
    }
    for number in (0..SMALL).step_by(3) {
        let path = format!("{TO}/s{}/f{number:02}", number % 5);
        studio.file_at(path, format!("older {round} {number}"), CHANGED - 9);
    }
    let path = format!("{TO}/kernel1");
    studio.file_at(path, format!("older {round}"), CHANGED - 9);
    let old = read_files(&studio.path(TO));
    if keeps_large {
        fs::rename(&aside, &large).unwrap();
    }
    old
}

/// Checks that every final name has the whole new or the whole old version, and that no old version is lost.
#[track_caller]
fn check(
    studio: &Studio,
    new: &BTreeMap<PathBuf, Vec<u8>>,
    old: &BTreeMap<PathBuf, Vec<u8>>,
    round: u64,
) {
    let there = read_files(&studio.path(TO));
    for (path, content) in &there {
        let is_temporary = path.to_string_lossy().ends_with(PART);
        let is_whole =
            is_temporary || new.get(path) == Some(content) || old.get(path) == Some(content);
        assert!(is_whole, "round {round}: {} is not whole", path.display());
    }
    let kept = kept_versions(studio, "NAS");
    for (path, content) in old {
        let is_kept = there.get(path) == Some(content) || kept.contains(content);
        assert!(is_kept, "round {round}: {} is lost", path.display());
    }
}

/// Kills a copy after this time; returns its duration if it ended before.
fn kill_after(studio: &Studio, moment: Duration) -> Option<Duration> {
    let mut command = studio.command();
    command
        .args(["-c", LINE])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    while start.elapsed() < moment {
        if child.try_wait().unwrap().is_some() {
            return Some(start.elapsed());
        }
        thread::sleep(Duration::from_millis(1));
    }
    let ended = child.try_wait().unwrap().map(|_| start.elapsed());
    child.kill().unwrap();
    child.wait().unwrap();
    ended
}

#[test]
fn repeatedly_killed_copy_resumes_without_loss() {
    if !has_programs(&["rsync"]) {
        return;
    }
    let rounds =
        std::env::var("AUTO_BACKUP_KILL_ROUNDS").map_or(ROUNDS, |count| count.parse().unwrap());
    let studio = filled();
    let new = read_files(&studio.path(FROM));
    begin(&studio, rounds);
    let start = Instant::now();
    studio.lines(&[LINE]).ok();
    let whole = start.elapsed();
    let (mut old, mut left, mut killed) = (BTreeMap::new(), whole, 0);
    for round in 0..rounds {
        if round % CYCLE == 0 {
            old = begin(&studio, round);
            left = whole;
        }
        let thousandths = u32::try_from(scatter(round) % 1000).unwrap();
        match kill_after(&studio, left * thousandths / 1000) {
            None => killed += 1,
            // Less work was left than before, or the machine is faster now.
            Some(took) => left = took,
        }
        check(&studio, &new, &old, round);
        if round % CYCLE == CYCLE - 1 || round == rounds - 1 {
            // A file with its final name is not copied again.
            let missing = differing_files(&studio).len();
            let finished = assert_accounted(&studio.json(&[LINE]).ok());
            assert_eq!(finished["copied_files"], missing, "round {round}");
            check(&studio, &new, &old, round);
            assert_mirrored(&studio);
        }
    }
    assert!(killed > rounds / 3, "only {killed} of {rounds} were killed");
}

#[test]
fn killed_name_probe_leaves_nothing_after_resume() {
    // The replica's folder is missing, then the client's, then the category's.
    for there in ["NAS", "NAS/footage", "NAS/footage/acme"] {
        let studio = Studio::new();
        studio
            .file(format!("{FROM}/Take"), "upper")
            .file(format!("{FROM}/take"), "lower")
            .folder(there);
        let Some(tracer) = Tracer::new(&studio) else {
            return;
        };
        let run = tracer.inject("unlinkat", "signal=SIGKILL").json(LINE);
        assert_eq!(run.status, -1, "{run}");
        assert_eq!(leftovers(&studio, "NAS").len(), 1);
        assert_next_copy_completes(&studio);
    }
}
