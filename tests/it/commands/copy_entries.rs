//! `copy`: every kind of file, folder and link, and entries that cannot be copied.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;

use insta::assert_snapshot;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::copy_answer;
use crate::studio::Studio;

const LINE: &str = "copy acme/spot footage WORK NAS";
const FROM: &str = "WORK/footage/acme/spot";
const TO: &str = "NAS/footage/acme/spot";

#[test]
fn symlinks_are_copied_as_symlinks() {
    let studio = Studio::new();
    studio
        .file("elsewhere/secret", "x")
        .link(format!("{FROM}/outside"), studio.path("elsewhere"))
        .link(format!("{FROM}/dangling"), "no/where")
        .link(format!("{FROM}/loop"), "loop");
    assert_eq!(copy_answer(&studio, LINE)["copied_files"], 3);
    assert_snapshot!(studio.tree(TO), @"
    dangling -> no/where
    loop -> loop
    outside -> $STUDIO/elsewhere
    ");
    assert_eq!(copy_answer(&studio, LINE)["same_files"], 3);
}

#[test]
fn pipes_and_sockets_are_reported_as_skipped() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/a"), "a");
    mknodat(
        CWD,
        studio.path(FROM).join("pipe"),
        FileType::Fifo,
        Mode::RUSR,
        0,
    )
    .unwrap();
    let _socket = UnixListener::bind(studio.path(FROM).join("socket")).unwrap();
    assert_snapshot!(studio.lines(&[LINE]).status(0), @"
    exit 0
    --- stdout
    copied and verified 1 file, 1 B in N s; 2 skipped
    skipped $STUDIO/NAS/footage/acme/spot/pipe: it is a socket, pipe or device
    skipped $STUDIO/NAS/footage/acme/spot/socket: it is a socket, pipe or device
    ");
    assert_eq!(copy_answer(&studio, LINE)["skipped_files"], 2);
    assert_eq!(studio.tree(TO), "a 1");
}

#[test]
fn unreadable_file_fails_alone() {
    let studio = Studio::new();
    for name in ["a", "b", "c"] {
        studio.file(format!("{FROM}/{name}"), name);
    }
    studio
        .file(format!("{FROM}/closed/d"), "d")
        .mode(format!("{FROM}/b"), 0)
        .mode(format!("{FROM}/closed"), 0);
    let run = studio.lines_as_user(&[LINE]);
    studio.mode(format!("{FROM}/closed"), 0o755);
    assert_snapshot!(run.status(3), @"
    exit 3
    --- stdout
    copied and verified 2 files, 2 B in N s; 2 failed
    failed $STUDIO/NAS/footage/acme/spot/b: cannot read `$STUDIO/WORK/footage/acme/spot/b`: Permission denied (os error 13)
    failed $STUDIO/NAS/footage/acme/spot/closed: cannot open `$STUDIO/WORK/footage/acme/spot/closed`: Permission denied (os error 13)
    ");
    assert_eq!(studio.read(format!("{TO}/c")), "c");
    assert!(!studio.path(TO).join("b").exists());
}

#[test]
fn unwritable_folder_fails_each_file() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/sub/a"), "a")
        .file(format!("{FROM}/b"), "b")
        .folder(format!("{TO}/sub"));
    if !rustix::process::geteuid().is_root() {
        return crate::studio::report_skip("only root can give a folder to another user");
    }
    let mut command = studio.command_as_user();
    // The owner can always write to their own folder again, whatever its mode is.
    std::os::unix::fs::chown(studio.path(TO).join("sub"), Some(0), Some(0)).unwrap();
    let run = studio.finish(command.args(["-c", LINE]));
    assert_snapshot!(run.status(3), @"
    exit 3
    --- stdout
    copied and verified 1 file, 1 B in N s; 1 failed
    failed $STUDIO/NAS/footage/acme/spot/sub/a: cannot create a file in `$STUDIO/NAS/footage/acme/spot/sub`: Permission denied (os error 13)
    ");
    assert_eq!(studio.read(format!("{TO}/b")), "b");
}

#[test]
fn non_utf8_names_are_copied() {
    let studio = Studio::new();
    let name = super::path_from_bytes(b"caf\xe9\n \"q\"");
    studio.file(Path::new(FROM).join(&name), "x");
    assert_eq!(copy_answer(&studio, LINE)["copied_files"], 1);
    assert_eq!(studio.read(Path::new(TO).join(&name)), "x");
    studio.file(Path::new(FROM).join(&name), "longer");
    let document = studio.json(&[LINE]).status(3).document();
    assert!(
        document["items"][0]["path"]["bytes_base64"].is_string(),
        "{document}"
    );
    assert_snapshot!(studio.lines(&[LINE]).status(3), @r#"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 1 in conflict
    conflict $STUDIO/NAS/footage/acme/spot/caf\xe9\n "q": it differs in size, and both have the same time
    left as they are on NAS: 1 file that is not older there; `--overwrite` replaces it and keeps the old one
    "#);
}

#[test]
fn empty_project_is_copied() {
    let studio = Studio::new();
    studio.folder(format!("{FROM}/empty/inner"));
    assert_snapshot!(studio.lines(&[LINE]).ok(), @"
    exit 0
    --- stdout
    copied 0 files, 0 B in N s
    ");
    assert_snapshot!(studio.tree("NAS"), @"
    .auto-backup/
    .auto-backup/database.json N
    .auto-backup/lock 0
    footage/
    footage/acme/
    footage/acme/spot/
    footage/acme/spot/empty/
    footage/acme/spot/empty/inner/
    ");
}

#[test]
fn multi_buffer_file_is_copied_whole() {
    let studio = Studio::new();
    let content: Vec<u8> = (0..65_u64 << 17).flat_map(u64::to_le_bytes).collect();
    studio.file(format!("{FROM}/large"), &content);
    assert_eq!(copy_answer(&studio, LINE)["copied_bytes"], content.len());
    assert!(fs::read(studio.path(TO).join("large")).unwrap() == content);
}
