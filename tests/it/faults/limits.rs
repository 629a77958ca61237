//! Limits of the process, and files that may not be written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::attributes::{get, set};
use super::{FROM, LINE, TO, assert_accounted};
use crate::studio::{PROGRAM, Studio};

/// Runs a line with a limit of the file size, in blocks of 512 bytes.
fn limited(studio: &Studio, blocks: u32) -> crate::studio::ProgramRun {
    let mut command = studio.other_program("sh");
    let script = format!("ulimit -f {blocks} && exec \"$@\"");
    command.args(["-c", &script, "sh", PROGRAM, "--format", "json", "-c", LINE]);
    studio.finish(&mut command)
}

#[test]
fn oversized_file_fails_alone() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/large"), vec![7; 3 << 20])
        .file(format!("{FROM}/small"), "small");
    let run = limited(&studio, 4096).status(3);
    let document = assert_accounted(&run);
    assert_eq!(document["copied_files"], 1, "{run}");
    assert!(run.stdout.contains("File too large"), "{run}");
    assert_eq!(studio.read(format!("{TO}/small")), "small");
}

#[test]
fn index_size_limit_is_one_error_line() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/small"), "small");
    let run = limited(&studio, 8).status(1);
    assert!(run.stderr.contains("cannot create the index"), "{run}");
}

/// The owner of a read-only file may not set its attributes, except root.
#[test]
fn read_only_files_keep_their_attributes() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/a"), "a");
    if !set(&studio.path(FROM).join("a"), "user.t", b"value") {
        return;
    }
    studio.mode(format!("{FROM}/a"), 0o444);
    studio.lines_as_user(&[LINE]).ok();
    let copy = studio.path(TO).join("a");
    assert_eq!(get(&copy, "user.t").as_deref(), Some(&b"value"[..]));
    let mode = fs::metadata(copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o444);
}
