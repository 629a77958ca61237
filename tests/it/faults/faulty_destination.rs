//! Copies and syncs to file systems that lie: nothing is lost, reports add up, and a second run copies nothing.

use std::collections::BTreeSet;
use std::fs;

use super::{FROM, LINE, TO, assert_accounted};
use crate::faulty_fs::{
    BlockFault, Faults, FaultyMount, FuseOperation, InjectedFailure, InodeFault, RenameFlagFault,
    ReportedSpace,
};
use crate::studio::{CHANGED, Studio};
use fuser::Errno;

/// Lies about names and file IDs that permit every operation.
fn about_names() -> Vec<Faults> {
    let mut all = Vec::new();
    for flag in [
        RenameFlagFault::Ignored,
        RenameFlagFault::Skipped,
        RenameFlagFault::Refused(Errno::EINVAL),
    ] {
        let flags = Faults::only(|lies| (lies.exchange, lies.no_replace) = (flag, flag));
        let mut without_links = flags.clone();
        without_links.fail(FuseOperation::HardLink, Errno::EPERM);
        all.extend([flags, without_links]);
    }
    for inodes in [
        InodeFault::PerName,
        InodeFault::PerPath,
        InodeFault::PerLook,
        InodeFault::Same,
    ] {
        all.push(Faults::only(|lies| {
            lies.inodes = inodes;
            lies.exchange = RenameFlagFault::Refused(Errno::EINVAL);
            lies.no_replace = RenameFlagFault::Refused(Errno::EINVAL);
        }));
    }
    all.push(Faults::only(|lies| lies.inodes = InodeFault::PerLook));
    all
}

/// Lies about sizes and free space, and rules for reading, that permit every copy.
fn about_contents() -> Vec<Faults> {
    let mut all = vec![
        Faults::only(|lies| {
            lies.blocks = BlockFault::Half;
            lies.space = Some(ReportedSpace::NO_FREE_FILES);
        }),
        Faults::only(|lies| {
            lies.blocks = BlockFault::Zero;
            lies.space = Some(ReportedSpace::NO_FREE_BYTES);
            lies.short_reads = Some(1000);
        }),
        Faults::only(|lies| {
            lies.size_lag = 1;
            lies.space = Some(ReportedSpace::ENDLESS);
        }),
        Faults::only(|lies| lies.uploads_on_close = true),
    ];
    all.push(Faults::only(|lies| {
        for operation in [
            FuseOperation::CopyRange,
            FuseOperation::Seek,
            FuseOperation::SyncFolder,
        ] {
            lies.fail(operation, Errno::EOPNOTSUPP);
        }
    }));
    all
}

/// Returns every content of a lying file system outside our own folder.
fn held(mount: &FaultyMount) -> BTreeSet<String> {
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
fn old_versions_survive_every_false_reply() {
    for lies in about_names().into_iter().chain(about_contents()) {
        let studio = Studio::new();
        let reported = format!("{lies:?}");
        let Some(mount) = FaultyMount::new(&studio, "NAS", lies) else {
            return;
        };
        studio.folder("NAS/footage");
        for version in 0..2 {
            write_all(&studio, version);
            let run = studio.json(&[LINE]);
            assert_eq!(run.status, 0, "{reported}: {run}");
            assert_eq!(
                assert_accounted(&run)["copied_files"],
                3,
                "{reported}: {run}"
            );
        }
        let run = studio.json(&[LINE]);
        assert_eq!(
            (run.status, &assert_accounted(&run)["same_files"]),
            (0, &3.into()),
            "{reported}: {run}"
        );
        let held = held(&mount);
        for version in 0..2 {
            for name in NAMES {
                assert!(
                    held.contains(&content(name, version)),
                    "{reported}: {name} {version}"
                );
            }
        }
        for path in mount.contents().keys() {
            assert!(
                !path.to_string_lossy().ends_with(".part"),
                "{reported}: {path:?}"
            );
        }
    }
}

#[test]
fn deleted_files_survive_every_false_reply() {
    const SYNC: &str = "sync acme/spot footage WORK NAS --delete";
    for lies in about_names() {
        let studio = Studio::new();
        let reported = format!("{lies:?}");
        let Some(mount) = FaultyMount::new(&studio, "NAS", lies) else {
            return;
        };
        studio.folder("NAS/footage");
        write_all(&studio, 0);
        studio.lines(&[SYNC]).ok();
        fs::rename(studio.path(FROM).join("a"), studio.path(FROM).join("c")).unwrap();
        let run = studio.json(&[SYNC]);
        assert_eq!(run.status, 0, "{reported}: {run}");
        assert!(!studio.path(TO).join("a").exists(), "{reported}: {run}");
        assert_eq!(
            studio.read(format!("{TO}/c")),
            content("a", 0),
            "{reported}"
        );
        let kept = mount.contents().into_iter();
        let kept = kept.filter(|(path, _)| path.to_string_lossy().contains("versions/"));
        let kept: Vec<_> = kept.map(|(_, content)| content).collect();
        assert_eq!(kept, [content("a", 0).into_bytes()], "{reported}");
        assert_eq!(studio.json(&[SYNC]).ok().document()["deleted_files"], 0);
    }
}

/// The source lies: its real content is copied.
#[test]
fn false_source_metadata_is_copied_whole() {
    for lies in about_contents()
        .into_iter()
        .chain([Faults::only(|lies| lies.inodes = InodeFault::PerLook)])
    {
        let studio = Studio::new();
        let reported = format!("{lies:?}");
        let Some(mount) = FaultyMount::new(&studio, "WORK", Faults::default()) else {
            return;
        };
        write_all(&studio, 0);
        mount.set_faults(Faults {
            size_lag: 0,
            ..lies
        });
        let run = studio.json(&[LINE]);
        assert_eq!(run.status, 0, "{reported}: {run}");
        for name in NAMES {
            assert_eq!(
                studio.read(format!("{TO}/{name}")),
                content(name, 0),
                "{reported}"
            );
        }
    }
}

/// Another machine takes the name at the last moment.
#[test]
fn concurrent_file_of_other_machine_is_kept() {
    for flag in [RenameFlagFault::Honoured, RenameFlagFault::Ignored] {
        let studio = Studio::new();
        let Some(mount) = FaultyMount::new(&studio, "NAS", Faults::default()) else {
            return;
        };
        studio.folder(TO).file(format!("{FROM}/a"), "ours");
        studio.folder("NAS/.auto-backup");
        mount.set_faults(Faults::only(|lies| {
            lies.no_replace = flag;
            lies.rival = Some(b"the rival's");
        }));
        let run = studio.json(&[LINE]).status(3);
        assert_eq!(studio.read(format!("{TO}/a")), "the rival's", "{run}");
    }
}

/// A flush or close that fails late fails only its own file.
#[test]
fn late_error_fails_only_its_file() {
    for operation in [
        FuseOperation::SyncFile,
        FuseOperation::Flush,
        FuseOperation::Write,
    ] {
        let studio = Studio::new();
        let Some(mount) = FaultyMount::new(&studio, "NAS", Faults::default()) else {
            return;
        };
        write_all(&studio, 0);
        studio.lines(&[LINE]).ok();
        write_all(&studio, 1);
        mount.set_faults(Faults::only(|lies| {
            let failure = InjectedFailure {
                errno: Errno::EIO,
                after: 3,
                count: 1,
            };
            lies.failures.insert(operation, failure);
            lies.loses_what_failed = true;
        }));
        let run = studio.json(&[LINE]);
        let document = assert_accounted(&run);
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
        mount.set_faults(Faults::default());
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

/// Copies to a storage that refuses every file, and checks that no name is left there.
fn assert_leaves_no_name(lies: Faults) {
    let studio = Studio::new();
    let Some(mount) = FaultyMount::new(&studio, "NAS", Faults::default()) else {
        return;
    };
    studio.folder(TO).folder("NAS/.auto-backup");
    write_all(&studio, 0);
    mount.set_faults(lies);
    let run = studio.json(&[LINE]).status(3);
    assert_eq!(assert_accounted(&run)["copied_files"], 0, "{run}");
    assert_eq!(fs::read_dir(studio.path(TO)).unwrap().count(), 0, "{run}");
}

/// Some network file systems write, or fail, only at close.
#[test]
fn failing_close_leaves_no_name() {
    assert_leaves_no_name(Faults::only(|lies| {
        lies.fail(FuseOperation::Flush, Errno::EIO);
    }));
}

/// A mounted cloud storage creates a name again when a file is closed after it was removed.
#[test]
fn failed_copy_leaves_no_name_on_a_cloud_mount() {
    assert_leaves_no_name(Faults::only(|lies| {
        lies.uploads_on_close = true;
        lies.fail(FuseOperation::SetTimes, Errno::EIO);
    }));
}
