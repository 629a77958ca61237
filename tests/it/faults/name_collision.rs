//! Disks that treat different names as one: other case, or another Unicode form.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::clones::formatted;
use super::{
    FROM, LINE, TO, assert_accounted, has_programs, leftovers, read_files,
    report_missing_kernel_feature,
};
use crate::disks::MountedDisk;
use crate::studio::{CHANGED, Studio, report_skip};

/// Returns a studio with a case-insensitive NAS for each kind of disk that this machine can mount.
fn folding() -> Vec<(&'static str, Studio, MountedDisk)> {
    let mut found = Vec::new();
    for (kind, mount) in [
        ("xfs", xfs as fn(&Studio) -> Option<MountedDisk>),
        ("ext4", ext4),
        ("exfat", exfat),
    ] {
        let studio = Studio::new();
        if let Some(disk) = mount(&studio) {
            found.push((kind, studio, disk));
        }
    }
    if found.is_empty() {
        report_skip("no disk that folds case can be mounted here");
    }
    found
}

fn xfs(studio: &Studio) -> Option<MountedDisk> {
    let disk = formatted(studio, "NAS", &["mkfs.xfs", "-q", "-n", "version=ci"]);
    if disk.is_none() {
        report_missing_kernel_feature("XFS that folds case");
    }
    disk
}

/// Folds the case of every alphabet and the Unicode forms.
fn ext4(studio: &Studio) -> Option<MountedDisk> {
    let disk = formatted(studio, "NAS", &["mkfs.ext4", "-q", "-F", "-O", "casefold"]);
    let mut chattr = studio.other_program("chattr");
    let folds = chattr
        .arg("+F")
        .arg(studio.folder("NAS/footage").path("NAS/footage"));
    let folds = disk.is_some() && folds.status().is_ok_and(|status| status.success());
    if !folds {
        report_missing_kernel_feature("ext4 that folds case");
    }
    disk.filter(|_| folds)
}

/// The format of cameras and portable disks; it has neither hard links nor an exchange of names.
fn exfat(studio: &Studio) -> Option<MountedDisk> {
    let image = studio.path("exfat.image");
    fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
    let made = has_programs(&["mkfs.exfat"])
        && studio
            .other_program("mkfs.exfat")
            .arg(&image)
            .output()
            .is_ok_and(|output| output.status.success());
    let mount = |kind: &str| {
        let words = [
            "-t".as_ref(),
            kind.as_ref(),
            "-o".as_ref(),
            "loop".as_ref(),
            image.as_os_str(),
        ];
        MountedDisk::try_mount(studio, "NAS", &words)
    };
    let disk = made
        .then(|| mount("exfat").or_else(|| mount("exfat-fuse")))
        .flatten();
    if disk.is_none() {
        report_skip("no exFAT disk can be mounted here");
    }
    disk
}

/// Returns the reasons of the refused names by the last part of the paths.
#[track_caller]
fn refused(studio: &Studio, line: &str) -> Vec<(String, String)> {
    let document = assert_accounted(&studio.json(&[line]).status(3));
    let items = document["items"].as_array().unwrap().iter();
    let reported = items.map(|item| {
        assert_eq!(item["outcome"], "refused", "{document}");
        let name = Path::new(item["path"].as_str().unwrap())
            .file_name()
            .unwrap();
        (
            name.to_str().unwrap().to_owned(),
            item["reason"].as_str().unwrap().to_owned(),
        )
    });
    reported.collect()
}

fn cannot_tell(name: &str, other: &str) -> (String, String) {
    let why = format!("this storage cannot distinguish its name from `{other}` in the same folder");
    (name.to_owned(), why)
}

#[test]
fn case_colliding_files_are_both_refused() {
    for (kind, studio, _disk) in folding() {
        studio
            .file(format!("{FROM}/Take"), "upper")
            .file(format!("{FROM}/take"), "lower")
            .file(format!("{FROM}/other"), "other");
        assert_eq!(
            refused(&studio, LINE),
            [cannot_tell("Take", "take"), cannot_tell("take", "Take")],
            "{kind}"
        );
        let there: Vec<_> = read_files(&studio.path(TO)).into_keys().collect();
        assert_eq!(there, [Path::new("other")], "{kind}");
        assert_eq!(leftovers(&studio, "NAS"), [""; 0], "{kind}");
        studio.remove(format!("{FROM}/Take"));
        studio.lines(&[LINE]).ok();
        assert_eq!(studio.read(format!("{TO}/take")), "lower");
    }
}

#[test]
fn existing_name_in_other_case_is_refused() {
    for (kind, studio, _disk) in folding() {
        studio
            .file_at(format!("{TO}/A.txt"), "theirs", CHANGED - 9)
            .file(format!("{FROM}/a.txt"), "ours")
            .file(format!("{FROM}/b.txt"), "other");
        for line in [LINE.to_owned(), format!("{LINE} --overwrite")] {
            assert_eq!(
                refused(&studio, &line),
                [cannot_tell("a.txt", "A.txt")],
                "{kind}"
            );
            assert_eq!(studio.read(format!("{TO}/A.txt")), "theirs", "{kind}");
        }
        assert_eq!(studio.read(format!("{TO}/b.txt")), "other", "{kind}");
    }
}

#[test]
fn case_colliding_folders_are_refused_with_contents() {
    for (kind, studio, _disk) in folding() {
        studio
            .file(format!("{FROM}/Shots/a"), "upper")
            .file(format!("{FROM}/shots/a"), "lower")
            .file(format!("{FROM}/b"), "b");
        let names: Vec<_> = refused(&studio, LINE)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["Shots", "a", "shots", "a"], "{kind}");
        let there: Vec<_> = read_files(&studio.path(TO)).into_keys().collect();
        assert_eq!(there, [Path::new("b")], "{kind}");
    }
}

#[test]
fn case_colliding_clients_are_not_merged() {
    for (kind, studio, _disk) in folding() {
        studio
            .file("WORK/footage/Acme/spot/upper", "upper")
            .file("WORK/footage/acme/spot/lower", "lower");
        let run = studio.json(&["copy all footage WORK NAS"]);
        assert_accounted(&run);
        let mixed = studio.path("NAS/footage/acme/spot/upper").exists()
            && studio.path("NAS/footage/acme/spot/lower").exists();
        assert!(!mixed, "{kind}: {run}{}", studio.tree("NAS"));
    }
}

#[test]
fn copy_to_case_insensitive_disk_is_complete() {
    for (kind, studio, _disk) in folding() {
        studio
            .file(format!("{FROM}/Reel.mov"), "reel")
            .file(format!("{FROM}/Plates/P1.exr"), vec![7; 2 << 20])
            .file_at(format!("{FROM}/Odd.Second"), "odd", CHANGED + 1);
        assert_eq!(
            assert_accounted(&studio.json(&[LINE]).ok())["verified_files"],
            3,
            "{kind}"
        );
        assert_eq!(
            assert_accounted(&studio.json(&[LINE]).ok())["same_files"],
            3,
            "{kind}"
        );
        let (from, to) = (read_files(&studio.path(FROM)), read_files(&studio.path(TO)));
        assert!(from == to, "{kind}");
        studio.file_at(format!("{FROM}/Reel.mov"), "newer reel", CHANGED + 60);
        let run = studio.json(&[LINE]).ok();
        assert_eq!(assert_accounted(&run)["copied_files"], 1, "{kind}");
        assert_eq!(
            studio.read(format!("{TO}/Reel.mov")),
            "newer reel",
            "{kind}"
        );
        assert_eq!(super::kept_versions(&studio, "NAS"), [b"reel"], "{kind}");
        assert_eq!(leftovers(&studio, "NAS"), [""; 0], "{kind}");
    }
}

#[test]
fn unsupported_names_are_refused_with_reason() {
    let studio = Studio::new();
    let Some(_disk) = exfat(&studio) else { return };
    for name in ["a:b", "what?", "tab\there", "plain"] {
        studio.file(format!("{FROM}/{name}"), name);
    }
    studio.file(
        Path::new(FROM).join(OsStr::from_bytes(b"caf\xe9")),
        "not UTF-8",
    );
    let run = studio.lines(&[LINE]).status(3);
    insta::assert_snapshot!(run, @r"
    exit 3
    --- stdout
    copied and verified 1 file, 5 B in N s; 4 refused
    refused $STUDIO/NAS/footage/acme/spot/a:b: this storage does not support names with `:`
    refused $STUDIO/NAS/footage/acme/spot/caf\xe9: its name is not UTF-8, and this storage does not support such names
    refused $STUDIO/NAS/footage/acme/spot/tab\there: this storage does not support names with control characters
    refused $STUDIO/NAS/footage/acme/spot/what?: this storage does not support names with `?`
    ");
    assert_eq!(read_files(&studio.path(TO)).len(), 1);
}

#[test]
fn normalization_collision_is_refused() {
    let studio = Studio::new();
    let Some(_disk) = ext4(&studio) else { return };
    let (composed, apart) = ("caf\u{e9}", "cafe\u{301}");
    studio
        .file(format!("{FROM}/{composed}"), "composed")
        .file(format!("{FROM}/{apart}"), "apart");
    assert_eq!(
        refused(&studio, LINE),
        [cannot_tell(apart, composed), cannot_tell(composed, apart)]
    );
    assert_eq!(read_files(&studio.path(TO)).len(), 0);
}
