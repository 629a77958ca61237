//! Hostile histories: refused in bounded memory, with the reason.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use super::{MHL, SPOT, card_studio, edit, hash_lists};
use crate::studio::{ProgramRun, Studio};

/// Most memory that a refused file may take, in KiB: 60 MiB.
const MAX_RESIDENT: u64 = 60 << 10;

/// A studio whose history has one generation, and the path of its hash list.
fn sealed_studio() -> (Studio, PathBuf) {
    let studio = card_studio();
    studio.lines(&[MHL]).ok();
    let list = hash_lists(&studio, SPOT).remove(0);
    (studio, list)
}

/// Runs the line, checks that it refuses the history with these words, and returns the largest resident size in KiB.
#[track_caller]
fn refuse(studio: &Studio, words: &str) -> u64 {
    let mut command = studio.other_program("python3");
    let code = "import os, resource, subprocess, sys\n\
                status = subprocess.run(sys.argv[1:]).returncode\n\
                sys.stderr.write('RSS=%d\\n' % resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n\
                sys.exit(status)";
    command.args(["-c", code, crate::studio::PROGRAM, "-c", MHL]);
    let run: ProgramRun = studio.finish(&mut command).status(3);
    assert!(run.stdout.contains(words), "{words}: {run}");
    let resident = run.stderr.split("RSS=").nth(1).unwrap();
    resident.trim().parse().unwrap()
}

#[test]
fn path_out_of_the_folder_is_refused() {
    let (studio, list) = sealed_studio();
    edit(&list, ">notes.txt<", ">../../notes.txt<");
    refuse(&studio, "leads out of its folder");
}

#[test]
fn entities_are_refused() {
    let (studio, list) = sealed_studio();
    let bomb =
        "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;'>]>\n<hashlist";
    edit(&list, "<hashlist", bomb);
    edit(&list, ">notes.txt<", ">&b;<");
    refuse(&studio, "document type declaration");
}

#[test]
fn wrong_namespace_is_refused() {
    let (studio, list) = sealed_studio();
    edit(&list, "urn:ASC:MHL:v2.0", "urn:ASC:MHL:v1.0");
    refuse(&studio, "namespace");
}

#[test]
fn hundred_megabytes_take_bounded_memory() {
    let (studio, list) = sealed_studio();
    let write = |head: &str, part: &[u8]| {
        let mut file = fs::File::create(&list).unwrap();
        file.write_all(head.as_bytes()).unwrap();
        for _ in 0..100 {
            file.write_all(&part.repeat((1 << 20) / part.len()))
                .unwrap();
        }
    };
    let long = [&b"<x a='"[..], &b"x".repeat(8000), b"'/>"].concat();
    let head = "<hashlist version='2.0' xmlns='urn:ASC:MHL:v2.0'>";
    for (head, part, words) in [
        (head.to_owned(), &b"x"[..], "64 KiB"),
        (format!("{head}<!--"), b"x", "64 KiB"),
        (format!("{head}<creatorinfo><hostname>"), b"&#97;", "64 KiB"),
        (format!("{head}<metadata>"), b"<x>", "nested too deeply"),
        (format!("{head}<metadata>"), &long, "ends early"),
    ] {
        write(&head, part);
        let resident = refuse(&studio, words);
        assert!(resident < MAX_RESIDENT, "{resident} KiB for {words}");
    }
}
