//! Every kind of file system: files share blocks where possible, and holes stay holes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;

use super::{
    FROM, LINE, TO, assert_accounted, assert_mirrored, differences_between, has_programs,
    leftovers, write_sparse,
};
use crate::disks::MountedDisk;
use crate::studio::{ProgramRun, Studio, report_skip};

/// Mounts a disk image of this format.
pub(super) fn formatted(studio: &Studio, path: &str, format: &[&str]) -> Option<MountedDisk> {
    const SIZE: u64 = 400 << 20;
    let image = studio.path(format!("{}.image", path.replace('/', "-")));
    fs::File::create(&image).unwrap().set_len(SIZE).unwrap();
    let mut mkfs = studio.other_program(format[0]);
    mkfs.args(&format[1..])
        .arg(&image)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !has_programs(&[format[0]]) || !mkfs.status().is_ok_and(|status| status.success()) {
        return None;
    }
    MountedDisk::try_mount(
        studio,
        path,
        &["-o".as_ref(), "loop".as_ref(), image.as_os_str()],
    )
}

/// Formats whose files can share blocks.
const SHARING: [&[&str]; 2] = [&["mkfs.btrfs", "-q"], &["mkfs.xfs", "-q"]];

/// A studio with two databases on one disk of this format.
fn on_one_disk(format: &[&str]) -> Option<(Studio, MountedDisk)> {
    let studio = Studio::new();
    let disk = formatted(&studio, "disk", format);
    if disk.is_none() {
        report_skip(&format!("a disk by {} cannot be mounted here", format[0]));
    }
    studio.folder("disk/A").folder("disk/B");
    Some((studio, disk?))
}

fn copy(studio: &Studio, format: &str) -> ProgramRun {
    let lines = [
        "add database A disk/A",
        "add database B disk/B",
        "copy acme/spot footage A B",
    ];
    let lines = lines.iter().flat_map(|line| ["-c", line]);
    studio
        .run(["--format", format].into_iter().chain(lines))
        .ok()
}

/// Returns the free bytes of a disk after a sync.
fn free(studio: &Studio) -> u64 {
    let disk = fs::File::open(studio.path("disk")).unwrap();
    rustix::fs::syncfs(&disk).unwrap();
    let seen = rustix::fs::fstatvfs(&disk).unwrap();
    seen.f_bfree * seen.f_frsize
}

/// Returns bytes that no compression shrinks.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..length / 8).flat_map(|_| next().to_le_bytes()).collect()
}

#[test]
fn cloned_copy_takes_no_space() {
    const LARGE: usize = 64 << 20;
    for format in SHARING {
        let Some((studio, _disk)) = on_one_disk(format) else {
            return;
        };
        studio
            .file("disk/A/footage/acme/spot/large", noise(LARGE))
            .file("disk/A/footage/acme/spot/small", "small");
        let before = free(&studio);
        let run = copy(&studio, "table");
        assert!(
            run.stdout
                .contains("1 of these cloned, sharing their blocks"),
            "{format:?} {run}"
        );
        let taken = before.saturating_sub(free(&studio));
        assert!(taken < LARGE as u64 / 8, "{format:?} took {taken} bytes");
        assert_eq!(
            differences_between(&studio, "disk/A/footage", "disk/B/footage"),
            [""; 0]
        );
        assert_eq!(leftovers(&studio, "disk"), [""; 0]);
        // A copy with shared blocks is independent of its source.
        studio.file("disk/A/footage/acme/spot/large", "other");
        assert!(fs::read(studio.path("disk/B/footage/acme/spot/large")).unwrap() == noise(LARGE));
    }
}

#[test]
fn sparse_file_is_cloned_sparse() {
    for format in SHARING {
        let Some((studio, _disk)) = on_one_disk(format) else {
            return;
        };
        sparse(&studio, "disk/A/footage/acme/spot");
        let run = copy(&studio, "json");
        assert_eq!(assert_accounted(&run)["copied_files"], 4, "{run}");
        assert_eq!(
            differences_between(&studio, "disk/A/footage", "disk/B/footage"),
            [""; 0]
        );
        is_sparse(&studio, "disk/B/footage/acme/spot", format[0]);
    }
}

/// Positions of data in sparse files: every place of a hole.
const STRETCHES: [(&str, &[usize]); 4] = [
    ("middle", &[0, 16, 31]),
    ("ends with a hole", &[3, 4]),
    ("begins with a hole", &[31]),
    ("nothing but a hole", &[]),
];

const MIB: usize = 1 << 20;

fn sparse(studio: &Studio, folder: &str) {
    for (name, stretches) in STRETCHES {
        let mut content = vec![0; 32 * MIB];
        for stretch in stretches {
            content[stretch * MIB..][..64 << 10].fill(7);
        }
        studio.file(Path::new(folder).join(name), "");
        write_sparse(&studio.path(folder).join(name), &content);
    }
}

#[track_caller]
fn is_sparse(studio: &Studio, folder: &str, kind: &str) {
    for (name, stretches) in STRETCHES {
        let metadata = fs::metadata(studio.path(folder).join(name)).unwrap();
        let most = (stretches.len() as u64 + 1) * 256 * 1024;
        let taken = metadata.blocks() * 512;
        assert!(taken <= most, "{name:?} takes {taken} bytes by {kind}");
        assert_eq!(metadata.len(), 32 * MIB as u64);
    }
}

#[test]
fn holes_are_kept_on_every_file_system() {
    let formats: [&[&str]; 3] = [&["mkfs.ext4", "-q", "-F"], SHARING[0], SHARING[1]];
    let formatted = |format: &&'static [&'static str]| Some(*format);
    for format in formats.iter().map(formatted).chain([None]) {
        let studio = Studio::new();
        let disk = match format {
            Some(format) => self::formatted(&studio, "NAS", format),
            None => MountedDisk::try_mount(
                &studio,
                "NAS",
                &["-t", "tmpfs", "-o", "size=64m", "tmpfs"].map(OsStr::new),
            ),
        };
        let kind = format.map_or("tmpfs", |format| format[0]);
        let Some(_disk) = disk.filter(|_| has_programs(&["rsync"])) else {
            return report_skip(&format!("a disk by {kind} cannot be mounted here"));
        };
        sparse(&studio, FROM);
        assert_eq!(
            assert_accounted(&studio.json(&[LINE]).ok())["verified_files"],
            4,
            "{kind}"
        );
        assert_mirrored(&studio);
        is_sparse(&studio, TO, kind);
    }
}

#[test]
fn destination_that_can_clone_still_does_beside_others() {
    const LARGE: usize = 32 << 20;
    for format in SHARING {
        let Some((studio, _disk)) = on_one_disk(format) else {
            return;
        };
        studio
            .file("disk/A/footage/acme/spot/large", noise(LARGE))
            .file("disk/A/footage/acme/spot/small", noise(1000))
            .folder("C")
            .folder("D");
        let before = free(&studio);
        let lines = [
            "add database A disk/A",
            "add database B disk/B",
            "add database C C",
            "add database D D",
            "copy acme/spot footage A B,C,D",
        ];
        let lines = lines.iter().flat_map(|line| ["-c", line]);
        let run = studio
            .run(["--format", "json"].into_iter().chain(lines))
            .ok();
        let document = run.document();
        // The large file shares its blocks on B; everything else was read back.
        assert_eq!(
            (&document["copied_files"], &document["verified_files"]),
            (&6.into(), &5.into()),
            "{run}"
        );
        assert!(
            before.saturating_sub(free(&studio)) < LARGE as u64 / 2,
            "{format:?}"
        );
        let source = "disk/A/footage/acme/spot";
        for copy in ["disk/B", "C", "D"] {
            let copy = format!("{copy}/footage/acme/spot");
            assert_eq!(differences_between(&studio, source, &copy), [""; 0]);
        }
    }
}
