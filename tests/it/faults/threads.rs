//! A system that provides no threads, and durations longer than any clock.

use std::ffi::OsString;

use super::tracer::Tracer;
use super::{FROM, LINE, TO, has_programs};
use crate::studio::Studio;

#[test]
fn thread_shortage_causes_no_panic() {
    if !has_programs(&["prlimit"]) {
        return;
    }
    let studio = Studio::filled();
    for threads in ["1", "2", "3"] {
        for line in [
            "list databases",
            "load",
            "find *",
            "compare acme/spot footage WORK NAS",
            LINE,
            "sync acme/spot footage WORK NAS",
        ] {
            let user = studio.command_as_user();
            let program: OsString = user.get_program().to_owned();
            let mut command = studio.other_program("prlimit");
            if rustix::process::geteuid().is_root() {
                use std::os::unix::process::CommandExt as _;
                command
                    .uid(crate::studio::NOBODY)
                    .gid(crate::studio::NOBODY);
            }
            command.arg(format!("--nproc={threads}")).arg(program);
            let run = studio.finish(command.args(["-c", line]));
            assert!([0, 1, 3].contains(&run.status), "{line}: {run}");
            assert!(!run.stderr.contains("panicked"), "{line}: {run}");
        }
    }
}

/// Copies forty folders with this setting and returns the number of threads that were started.
fn started_threads(jobs: u32) -> Option<usize> {
    let studio = Studio::new();
    for folder in 0..40 {
        studio.file(format!("{FROM}/{folder}/file"), "content");
    }
    let startup = "home/.config/auto-backup/.config";
    let lines = format!("{}set jobs {jobs}\n", studio.read(startup));
    studio.file(startup, lines);
    Tracer::new(&studio)?.record("clone3,clone").json(LINE).ok();
    Some(Tracer::log(&studio).matches("CLONE_THREAD").count())
}

#[test]
fn jobs_setting_decides_number_of_threads() {
    let (Some(one), Some(sixteen)) = (started_threads(1), started_threads(16)) else {
        return;
    };
    assert!(sixteen >= one + 15, "{one} and {sixteen}");
}

#[test]
fn huge_duration_means_no_limit() {
    let studio = Studio::filled();
    let line = "sync acme/spot footage WORK NAS --for 99999999999999d";
    studio
        .lines(&[line, "load --older-than 99999999999999d"])
        .ok();
    assert!(studio.path(TO).exists());
}
