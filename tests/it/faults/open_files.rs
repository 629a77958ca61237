//! Copies of many folders with a small limit of open files.

use std::process::Command;

use super::tracer::Tracer;
use super::{FROM, LINE, assert_accounted, assert_mirrored, read_files};
use crate::studio::{PROGRAM, Studio};

const FOLDERS: usize = 150;

/// A project of many folders with one file each.
fn studio() -> Studio {
    let studio = Studio::new();
    studio.folder("SHELF").folder("CARD");
    for number in 0..FOLDERS {
        studio.file(format!("{FROM}/{number}/file"), number.to_string());
    }
    studio
}

/// Returns the program with this limit of open files.
fn limited(studio: &Studio, files: u32, lines: &[&str]) -> Command {
    let mut command = studio.other_program("sh");
    let script = format!("ulimit -n {files}; exec \"$@\"");
    command.args(["-c", &script, "sh", PROGRAM, "--format", "json"]);
    for line in lines {
        command.args(["-c", line]);
    }
    command
}

#[test]
fn many_folders_fit_low_handle_limit() {
    for limit in [256, 64] {
        let studio = studio();
        let lines = ["set jobs 8", LINE];
        let run = studio.finish(&mut limited(&studio, limit, &lines)).ok();
        assert!(run.stdout.contains("\"copied_files\":150"), "{run}");
        assert_mirrored(&studio);
    }
}

#[test]
fn several_destinations_share_low_handle_limit() {
    let studio = studio();
    let lines = [
        "add database SHELF SHELF",
        "add database CARD CARD",
        "copy acme/spot footage WORK NAS,SHELF,CARD",
    ];
    let run = studio.finish(&mut limited(&studio, 80, &lines)).ok();
    assert!(run.stdout.contains("\"copied_files\":450"), "{run}");
    for name in ["SHELF", "CARD"] {
        let there = read_files(&studio.path(name).join("footage"));
        assert_eq!(there.len(), FOLDERS);
    }
    assert_mirrored(&studio);
}

#[test]
fn handle_shortage_is_retried() {
    for when in ["when=60..62", "when=100+40"] {
        let studio = studio();
        let Some(tracer) = Tracer::new(&studio) else {
            return;
        };
        let what = format!("error=EMFILE:{when}");
        let run = tracer.inject("openat", &what).json(LINE).ok();
        assert_eq!(assert_accounted(&run)["copied_files"], FOLDERS);
        assert!(Tracer::log(&studio).contains("EMFILE"));
        assert_mirrored(&studio);
    }
}
