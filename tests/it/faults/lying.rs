//! Copies and syncs to file systems that lie: nothing is lost, reports add up, and a second run has nothing to do.

use std::collections::BTreeSet;
use std::fs;

use super::{FROM, LINE, TO, adds_up};
use crate::lying_fs::{Blocks, Failure, Flag, Inodes, Lies, LyingMount, Operation, Space};
use crate::studio::{CHANGED, Studio};
use fuser::Errno;

/// Lies about names and numbers, under which everything can still be done.
fn about_names() -> Vec<Lies> {
    let mut all = Vec::new();
    for flag in [Flag::Ignored, Flag::Skipped, Flag::Refused(Errno::EINVAL)] {
        let flags = Lies::only(|lies| (lies.exchange, lies.no_replace) = (flag, flag));
        let mut without_links = flags.clone();
        without_links.fail(Operation::HardLink, Errno::EPERM);
        all.extend([flags, without_links]);
    }
    for inodes in [
        Inodes::PerName,
        Inodes::PerPath,
        Inodes::PerLook,
        Inodes::Same,
    ] {
        all.push(Lies::only(|lies| {
            lies.inodes = inodes;
            lies.exchange = Flag::Refused(Errno::EINVAL);
            lies.no_replace = Flag::Refused(Errno::EINVAL);
        }));
    }
    all.push(Lies::only(|lies| lies.inodes = Inodes::PerLook));
    all
}

/// Lies about sizes and room, under which everything can still be done.
fn about_sizes() -> Vec<Lies> {
    let mut all = vec![
        Lies::only(|lies| {
            lies.blocks = Blocks::Half;
            lies.space = Some(Space::NO_FREE_FILES);
        }),
        Lies::only(|lies| {
            lies.blocks = Blocks::Zero;
            lies.space = Some(Space::NO_FREE_BYTES);
            lies.short_reads = Some(1000);
        }),
        Lies::only(|lies| {
            lies.size_lag = 1;
            lies.space = Some(Space::ENDLESS);
        }),
    ];
    all.push(Lies::only(|lies| {
        for operation in [Operation::CopyRange, Operation::Seek, Operation::SyncFolder] {
            lies.fail(operation, Errno::EOPNOTSUPP);
        }
    }));
    all
}

/// Every content that a lying file system holds, without our own files.
fn held(mount: &LyingMount) -> BTreeSet<String> {
    let contents = mount.contents().into_values();
    contents
        .map(|content| String::from_utf8_lossy(&content).into_owned())
        .collect()
}

fn content(name: &str, version: u64) -> String {
    format!("{name} {version} ").repeat(if name == "large" { 20_000 } else { 3 })
}

const NAMES: [&str; 3] = ["a", "b", "large"];

fn write_all(studio: &Studio, version: u64) {
    for name in NAMES {
        let path = format!("{FROM}/{name}");
        studio.file_at(path, content(name, version), CHANGED + version);
    }
}

#[test]
fn old_versions_survive_every_lie_of_a_destination() {
    for lies in about_names().into_iter().chain(about_sizes()) {
        let studio = Studio::new();
        let told = format!("{lies:?}");
        let Some(mount) = LyingMount::new(&studio, "NAS", lies) else {
            return;
        };
        studio.folder("NAS/footage");
        for version in 0..2 {
            write_all(&studio, version);
            let run = studio.json(&[LINE]);
            assert_eq!(run.status, 0, "{told}: {run}");
            assert_eq!(adds_up(&run)["copied_files"], 3, "{told}: {run}");
        }
        let run = studio.json(&[LINE]);
        assert_eq!(
            (run.status, &adds_up(&run)["same_files"]),
            (0, &3.into()),
            "{told}: {run}"
        );
        let held = held(&mount);
        for version in 0..2 {
            for name in NAMES {
                assert!(
                    held.contains(&content(name, version)),
                    "{told}: {name} {version}"
                );
            }
        }
        for path in mount.contents().keys() {
            assert!(
                !path.to_string_lossy().ends_with(".part"),
                "{told}: {path:?}"
            );
        }
    }
}

#[test]
fn what_is_deleted_survives_every_lie_of_a_destination() {
    const SYNC: &str = "sync acme/spot footage WORK NAS --delete";
    for lies in about_names() {
        let studio = Studio::new();
        let told = format!("{lies:?}");
        let Some(mount) = LyingMount::new(&studio, "NAS", lies) else {
            return;
        };
        studio.folder("NAS/footage");
        write_all(&studio, 0);
        studio.lines(&[SYNC]).ok();
        fs::rename(studio.path(FROM).join("a"), studio.path(FROM).join("c")).unwrap();
        let run = studio.json(&[SYNC]);
        assert_eq!(run.status, 0, "{told}: {run}");
        assert!(!studio.path(TO).join("a").exists(), "{told}: {run}");
        assert_eq!(studio.read(format!("{TO}/c")), content("a", 0), "{told}");
        let kept = mount.contents().into_iter();
        let kept = kept.filter(|(path, _)| path.to_string_lossy().contains("versions/"));
        let kept: Vec<_> = kept.map(|(_, content)| content).collect();
        assert_eq!(kept, [content("a", 0).into_bytes()], "{told}");
        assert_eq!(studio.json(&[SYNC]).ok().document()["deleted_files"], 0);
    }
}

/// Lies of a source: what is copied is all the same what it holds.
#[test]
fn a_source_that_lies_is_copied_whole() {
    for lies in about_sizes()
        .into_iter()
        .chain([Lies::only(|lies| lies.inodes = Inodes::PerLook)])
    {
        let studio = Studio::new();
        let told = format!("{lies:?}");
        let Some(mount) = LyingMount::new(&studio, "WORK", Lies::default()) else {
            return;
        };
        write_all(&studio, 0);
        mount.lie(Lies {
            size_lag: 0,
            ..lies
        });
        let run = studio.json(&[LINE]);
        assert_eq!(run.status, 0, "{told}: {run}");
        for name in NAMES {
            assert_eq!(
                studio.read(format!("{TO}/{name}")),
                content(name, 0),
                "{told}"
            );
        }
    }
}

/// A name that another machine takes at the last moment.
#[test]
fn a_rival_on_another_machine_is_not_replaced() {
    for flag in [Flag::Honoured, Flag::Ignored] {
        let studio = Studio::new();
        let Some(mount) = LyingMount::new(&studio, "NAS", Lies::default()) else {
            return;
        };
        studio.folder(TO).file(format!("{FROM}/a"), "ours");
        studio.folder("NAS/.auto-backup");
        mount.lie(Lies::only(|lies| {
            lies.no_replace = flag;
            lies.rival = Some(b"the rival's");
        }));
        let run = studio.json(&[LINE]).status(3);
        assert_eq!(studio.read(format!("{TO}/a")), "the rival's", "{run}");
    }
}

/// A flush or close that fails late fails its file, and no other.
#[test]
fn a_late_error_fails_its_file_alone() {
    for operation in [Operation::SyncFile, Operation::Flush, Operation::Write] {
        let studio = Studio::new();
        let Some(mount) = LyingMount::new(&studio, "NAS", Lies::default()) else {
            return;
        };
        write_all(&studio, 0);
        studio.lines(&[LINE]).ok();
        write_all(&studio, 1);
        mount.lie(Lies::only(|lies| {
            let failure = Failure {
                errno: Errno::EIO,
                after: 3,
                count: 1,
            };
            lies.failures.insert(operation, failure);
            lies.loses_what_failed = true;
        }));
        let run = studio.json(&[LINE]);
        let document = adds_up(&run);
        assert!([0, 3].contains(&run.status), "{run}");
        let held = held(&mount);
        for name in NAMES {
            assert!(held.contains(&content(name, 0)), "{name}: {run}");
            let there = studio.read(format!("{TO}/{name}"));
            assert!(
                (0..2).any(|version| there == content(name, version)),
                "{run}"
            );
        }
        mount.lie(Lies::default());
        studio.lines(&[LINE]).ok();
        for name in NAMES {
            assert_eq!(
                studio.read(format!("{TO}/{name}")),
                content(name, 1),
                "{document}"
            );
        }
    }
}

/// Some network file systems write, or fail, only when a file is closed.
#[test]
fn a_copy_that_cannot_be_closed_gets_no_name() {
    let studio = Studio::new();
    let Some(mount) = LyingMount::new(&studio, "NAS", Lies::default()) else {
        return;
    };
    studio.folder(TO).folder("NAS/.auto-backup");
    write_all(&studio, 0);
    mount.lie(Lies::only(|lies| lies.fail(Operation::Flush, Errno::EIO)));
    let run = studio.json(&[LINE]).status(3);
    assert_eq!(adds_up(&run)["failed_files"], 3, "{run}");
    assert_eq!(fs::read_dir(studio.path(TO)).unwrap().count(), 0, "{run}");
}
