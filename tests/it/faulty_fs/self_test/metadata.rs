//! Faults of times, inode numbers, sizes, permissions and free space.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::StatVfs;

use super::{content, set_modified, with};
use crate::faulty_fs::{BlockFault, FAT_YEARS, InodeFault, ReportedSpace, TimeFaults, UNIX_32_BIT};

#[test]
fn times_are_rounded_and_shifted() {
    let times = |times: TimeFaults, (seconds, nanoseconds), seen: (i64, i64)| {
        with(
            |lies| lies.times = times,
            |folder, _| {
                let path = folder.join("a");
                assert_eq!(set_modified(&path, seconds, nanoseconds), seen, "{times:?}");
            },
        );
    };
    let step = |step| TimeFaults {
        step,
        ..TimeFaults::default()
    };
    let given = (1_700_000_001, 123_456_789);
    times(step(Duration::from_secs(2)), given, (1_700_000_000, 0));
    times(step(Duration::from_secs(1)), given, (1_700_000_001, 0));
    times(
        step(Duration::from_millis(1)),
        given,
        (1_700_000_001, 123_000_000),
    );
    times(
        step(Duration::from_micros(1)),
        given,
        (1_700_000_001, 123_456_000),
    );
    let up = TimeFaults {
        up: true,
        ..step(Duration::from_secs(2))
    };
    times(up, given, (1_700_000_002, 0));
    let range = |range| TimeFaults {
        range: Some(range),
        ..TimeFaults::default()
    };
    times(range(FAT_YEARS), (5, 0), (315_532_800, 0));
    times(range(UNIX_32_BIT), (1 << 32, 0), (0x7fff_ffff, 0));
    let shift = TimeFaults {
        shift: 3600,
        ..TimeFaults::default()
    };
    times(shift, given, (1_700_003_601, 123_456_789));
}

#[test]
fn set_time_can_be_ignored() {
    let times = TimeFaults {
        ignored: true,
        ..TimeFaults::default()
    };
    with(
        |lies| lies.times = times,
        |folder, _| {
            let path = folder.join("a");
            assert_eq!(
                set_modified(&path, 1_600_000_000, 0).0,
                i64::try_from(crate::studio::CHANGED).unwrap()
            );
        },
    );
}

#[test]
fn inode_numbers_change() {
    let inode = |folder: &Path, name: &str| folder.join(name).metadata().unwrap().ino();
    with(
        |lies| lies.inodes = InodeFault::PerName,
        |folder, _| {
            fs::hard_link(folder.join("a"), folder.join("c")).unwrap();
            let (a, c) = (inode(folder, "a"), inode(folder, "c"));
            assert_ne!(a, c);
            fs::rename(folder.join("c"), folder.join("d")).unwrap();
            assert_eq!(c, inode(folder, "d"));
            fs::write(folder.join("d"), "changed").unwrap();
            assert_eq!(content(folder, "a").unwrap(), "changed");
        },
    );
    with(
        |lies| lies.inodes = InodeFault::PerPath,
        |folder, _| {
            let before = inode(folder, "a");
            assert_eq!(before, inode(folder, "a"));
            fs::rename(folder.join("a"), folder.join("c")).unwrap();
            assert_ne!(before, inode(folder, "c"));
        },
    );
    with(
        |lies| lies.inodes = InodeFault::PerLook,
        |folder, _| {
            assert_ne!(inode(folder, "a"), inode(folder, "a"));
            let file = File::open(folder.join("a")).unwrap();
            assert_ne!(
                file.metadata().unwrap().ino(),
                file.metadata().unwrap().ino()
            );
        },
    );
    with(
        |lies| lies.inodes = InodeFault::Same,
        |folder, _| {
            assert_eq!(inode(folder, "a"), inode(folder, "b"));
        },
    );
}

#[test]
fn free_space_can_be_nonsense() {
    let space = |space| {
        let mut seen: Option<StatVfs> = None;
        with(
            |lies| lies.space = Some(space),
            |folder, _| {
                seen = rustix::fs::statvfs(folder).ok();
            },
        );
        seen.map(|seen| (seen.f_blocks, seen.f_bavail, seen.f_files, seen.f_favail))
    };
    let blocks = ReportedSpace::HONEST.blocks;
    let is = |space: Option<_>, seen| assert!(space.is_none_or(|space| space == seen));
    is(
        space(ReportedSpace::NO_FREE_FILES),
        (blocks, blocks, 1_000_000_000, 0),
    );
    is(
        space(ReportedSpace::NO_FREE_BYTES),
        (blocks, 0, blocks, blocks),
    );
    is(space(ReportedSpace::ALL_ZERO), (0, 0, 0, 0));
    is(
        space(ReportedSpace::ENDLESS),
        (blocks, u64::MAX, blocks, u64::MAX),
    );
}

#[test]
fn block_counts_can_be_wrong() {
    for (blocks, expected) in [
        (BlockFault::Half, 4),
        (BlockFault::Zero, 0),
        (BlockFault::Many, 5096),
        (BlockFault::Honest, 8),
    ] {
        with(
            |lies| lies.blocks = blocks,
            |folder, _| {
                fs::write(folder.join("a"), [1; 4096]).unwrap();
                assert_eq!(folder.join("a").metadata().unwrap().blocks(), expected);
            },
        );
    }
}

#[test]
fn sizes_can_lag() {
    with(
        |lies| lies.size_lag = 3,
        |folder, _| {
            let path = folder.join("a");
            let mut file = File::options().append(true).open(&path).unwrap();
            file.write_all(b" and more").unwrap();
            let sizes: Vec<u64> = (0..6).map(|_| file.metadata().unwrap().len()).collect();
            assert!(
                sizes.starts_with(&[5]) && sizes.ends_with(&[14]),
                "{sizes:?}"
            );
        },
    );
}

#[test]
fn reads_can_be_short() {
    with(
        |lies| lies.short_reads = Some(3),
        |folder, _| {
            let mut buffer = [0; 10];
            let read = File::open(folder.join("b"))
                .unwrap()
                .read(&mut buffer)
                .unwrap();
            assert_eq!(read, 3);
            let read = File::open(folder.join("b"))
                .unwrap()
                .read_at(&mut buffer, 8)
                .unwrap();
            assert_eq!(read, 2);
            assert_eq!(content(folder, "b").unwrap(), "second one");
        },
    );
}

#[test]
fn permission_changes_can_be_ignored() {
    with(
        |lies| lies.modes = Some((0o755, 0o777)),
        |folder, _| {
            let path = folder.join("a");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o755);
            assert_eq!(folder.metadata().unwrap().mode() & 0o7777, 0o777);
        },
    );
}
