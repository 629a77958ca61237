//! Names of all bytes, and folders deeper than the longest path.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

use super::{FROM, LINE, TO, assert_accounted, assert_mirrored, has_programs, read_files};
use crate::studio::Studio;

/// Returns a name of this length that cycles through all possible bytes, beginning at this one. It never begins with
/// `._`, because such files are excluded.
fn name(first: usize, length: usize) -> Vec<u8> {
    let bytes = (0..length).map(|place| u8::try_from((first + place) % 256).unwrap());
    bytes
        .map(|byte| {
            if byte == b'/' || byte == 0 {
                b'-'
            } else {
                byte
            }
        })
        .collect()
}

#[test]
fn names_of_every_byte_are_copied() {
    const LONGEST: usize = 255;
    let studio = Studio::new();
    let folder = studio.folder(FROM).path(FROM);
    let mut names: Vec<Vec<u8>> = (0..256).map(|first| name(first, LONGEST)).collect();
    // The leading number distinguishes names with equal beginnings.
    names.extend((256..4000).map(|number| {
        let mut name = name(number, LONGEST);
        name[..4].copy_from_slice(format!("{number:04}").as_bytes());
        name
    }));
    for odd in [
        "-rf", "--", "-", "~", "*", "$HOME", "a\nb", "'", "\"", "\\", " ", "...", "#", "é",
        "e\u{301}", "\u{202e}",
    ] {
        names.push(odd.as_bytes().to_vec());
    }
    for (number, name) in names.iter().enumerate() {
        let place = folder.join(format!("f{}", number % 40));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(OsStr::from_bytes(name)), number.to_string()).unwrap();
    }
    let copied = assert_accounted(&studio.json(&[LINE]).ok());
    assert_eq!(copied["copied_files"], names.len());
    assert!(read_files(&studio.path(FROM)) == read_files(&studio.path(TO)));
    if has_programs(&["rsync"]) {
        assert_mirrored(&studio);
    }
    let again = assert_accounted(&studio.json(&[LINE]).ok());
    assert_eq!(again["same_files"], names.len());
    assert_eq!(again["items"].as_array().unwrap().len(), 0);
}

#[test]
fn temporary_names_are_skipped_at_the_source() {
    let studio = Studio::new();
    let theirs = [
        ".auto-backup-notes.txt",
        "x.part",
        ".auto-backup.part",
        "auto-backup-1.part",
    ];
    for name in theirs {
        studio.file(format!("{FROM}/{name}"), name);
    }
    let ours = [".auto-backup-host-1-0.part", ".auto-backup-.part"];
    for name in ours {
        studio.file(format!("{FROM}/{name}"), "half");
    }
    let copied = assert_accounted(&studio.json(&[LINE]).ok());
    assert_eq!(copied["planned_files"], theirs.len());
    let there: Vec<_> = read_files(&studio.path(TO)).into_keys().collect();
    let mut expected = theirs.map(PathBuf::from);
    expected.sort();
    assert_eq!(there, expected);
    // At the source nothing is removed, whatever its name is.
    for name in ours {
        assert_eq!(studio.read(format!("{FROM}/{name}")), "half");
    }
}

#[test]
fn dashed_and_quoted_projects_are_copied() {
    let studio = Studio::new();
    studio.file("WORK/footage/-odd-/it's \"so\"/a", "a");
    let line = r#"copy -- "-odd-/it's \"so\"" footage WORK NAS"#;
    assert_accounted(&studio.json(&[line]).ok());
    assert_eq!(studio.read("NAS/footage/-odd-/it's \"so\"/a"), "a");
}

/// Creates nested folders beyond the longest path of the system, and a file in the last one. Returns the depth.
fn dig(top: &Path) -> usize {
    const LEVELS: usize = 40;
    let mut folder: OwnedFd = openat(CWD, top, OFlags::DIRECTORY, Mode::empty()).unwrap();
    for level in 0..LEVELS {
        let name = format!("{level:02}{}", "d".repeat(150));
        mkdirat(&folder, &name, Mode::RWXU).unwrap();
        folder = openat(&folder, &name, OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    let file = openat(&folder, "deep", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
    rustix::io::write(&file, b"deep down").unwrap();
    LEVELS
}

/// Returns the content of the file in the last of such folders.
fn fetch_up(top: &Path) -> Vec<u8> {
    let mut folder: OwnedFd = openat(CWD, top, OFlags::DIRECTORY, Mode::empty()).unwrap();
    let mut level = 0;
    while let Ok(next) = openat(
        &folder,
        format!("{level:02}{}", "d".repeat(150)),
        OFlags::DIRECTORY,
        Mode::empty(),
    ) {
        folder = next;
        level += 1;
    }
    let file = openat(&folder, "deep", OFlags::RDONLY, Mode::empty()).unwrap();
    let mut content = vec![0; 100];
    let length = rustix::io::read(&file, &mut content[..]).unwrap();
    content.truncate(length);
    content
}

#[test]
fn path_longer_than_path_max_is_copied() {
    let studio = Studio::new();
    let top = studio.folder(FROM).path(FROM);
    let levels = dig(&top);
    assert!(levels * 152 > 4096);
    assert_accounted(&studio.json(&[LINE]).ok());
    assert_eq!(fetch_up(&studio.path(TO)), b"deep down");
    assert_eq!(
        assert_accounted(&studio.json(&[LINE]).ok())["same_files"],
        1
    );
}
