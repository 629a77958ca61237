//! One system call of a copy fails or is interrupted, and the outcome of its file.

use insta::assert_snapshot;

use super::tracer::Tracer;
use super::{
    FROM, LINE, TO, assert_accounted, assert_mirrored, assert_next_copy_completes, differing_files,
    kept_versions, leftovers,
};
use crate::studio::{CHANGED, ProgramRun, Studio};

/// A studio with three small files and one for the kernel, in the order in which one thread copies them.
fn studio() -> Studio {
    let studio = Studio::new();
    for name in ["a", "b", "c"] {
        studio.file(format!("{FROM}/{name}"), name);
    }
    studio.file(format!("{FROM}/large"), vec![7; 2 << 20]);
    studio
}

/// A studio after its first copy, with every file changed since.
fn changed() -> Studio {
    let studio = studio();
    studio.lines(&[LINE]).ok();
    for name in ["a", "b", "c"] {
        studio.file_at(format!("{FROM}/{name}"), format!("{name}!"), CHANGED + 9);
    }
    studio.file_at(format!("{FROM}/large"), vec![8; 3 << 20], CHANGED + 9);
    studio
}

/// Returns the failure reason of one file and checks that all others were copied.
#[track_caller]
fn reason(studio: &Studio, run: ProgramRun, name: &str) -> String {
    let run = run.status(3);
    let document = assert_accounted(&run);
    assert_eq!(document["failed_files"], 1, "{run}");
    let item = &document["items"][0];
    assert_eq!(
        item["path"],
        studio.path(TO).join(name).to_str().unwrap(),
        "{run}"
    );
    assert_eq!(differing_files(studio), [name], "{run}");
    assert!(!studio.path(TO).join(name).exists(), "{run}");
    assert_eq!(leftovers(studio, "NAS"), [""; 0]);
    let item = &run.stdout[run.stdout.find("\"reason\":").unwrap()..];
    assert_next_copy_completes(studio);
    item.trim_start_matches("\"reason\":")
        .trim_end_matches("}]}\n")
        .to_owned()
}

/// Returns the failure reason of `b` if this call on its temporary file fails.
fn fails(call: &str, error: &str) -> String {
    let studio = studio();
    let Some(tracer) = Tracer::new(&studio) else {
        return String::new();
    };
    let tracer = tracer.inject(call, &format!("error={error}"));
    reason(&studio, tracer.on_temp_copies(1..2).json(LINE), "b")
}

#[test]
fn failing_call_is_reported_with_its_file() {
    if Tracer::new(&Studio::bare()).is_none() {
        return;
    }
    let calls = [
        ("openat", "EIO"),
        ("write", "EIO"),
        ("write", "EDQUOT"),
        ("fchmod", "EIO"),
        ("utimensat", "EIO"),
        ("pread64", "EIO"),
        ("renameat2", "EIO"),
    ];
    let reported: Vec<_> = calls
        .map(|(call, error)| format!("{call}: {}", fails(call, error)))
        .into();
    assert_snapshot!(reported.join("\n"), @r#"
    openat: "cannot create a file in `$STUDIO/NAS/footage/acme/spot`: Input/output error (os error 5)","sequence":null}],"sequences":[]}

    write: "cannot copy `$STUDIO/WORK/footage/acme/spot/b` to `$STUDIO/NAS/footage/acme/spot`: Input/output error (os error 5)","sequence":null}],"sequences":[]}

    write: "cannot write to `$STUDIO/NAS/footage/acme/spot`: Disk quota exceeded (os error 122)","sequence":null}],"sequences":[]}

    fchmod: "cannot set the time or permissions of a file in `$STUDIO/NAS/footage/acme/spot`: Input/output error (os error 5)","sequence":null}],"sequences":[]}

    utimensat: "cannot set the time or permissions of a file in `$STUDIO/NAS/footage/acme/spot`: Input/output error (os error 5)","sequence":null}],"sequences":[]}

    pread64: "cannot read back a copy in `$STUDIO/NAS/footage/acme/spot`: Input/output error (os error 5)","sequence":null}],"sequences":[]}

    renameat2: "cannot create `$STUDIO/NAS/footage/acme/spot/b`: Input/output error (os error 5)","sequence":null}],"sequences":[]}
    "#);
}

#[test]
fn unreadable_source_fails_alone() {
    for (call, error, name) in [
        ("openat", "EIO", "b"),
        ("pread64", "EIO", "b"),
        ("copy_file_range", "EIO", "large"),
        ("pread64", "EIO", "large"),
    ] {
        let studio = studio();
        let Some(tracer) = Tracer::new(&studio) else {
            return;
        };
        let tracer = tracer.inject(call, &format!("error={error}"));
        let run = tracer
            .on_path(name)
            .on_path(format!("{FROM}/{name}"))
            .json(LINE);
        let reason = reason(&studio, run, name);
        assert!(reason.contains("Input/output error"), "{call}: {reason}");
        assert!(reason.contains(FROM), "{call}: {reason}");
    }
}

#[test]
fn failing_syncfs_falls_back_to_fsync() {
    let studio = changed();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let tracer = tracer.inject("syncfs", "error=EIO").record("fsync");
    assert_eq!(assert_accounted(&tracer.json(LINE).ok())["copied_files"], 4);
    assert_mirrored(&studio);
    let log = Tracer::log(&studio);
    assert!(log.contains("(INJECTED)"), "{log}");
    // Four files, and the folder with their names.
    let flushes = log.lines().filter(|line| line.contains("fsync(")).count();
    assert!(flushes >= 5, "{log}");
}

#[test]
fn unflushed_file_never_gets_final_name() {
    let studio = studio();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    // `syncfs` is called on a folder, `fsync` on the temporary file.
    let tracer = tracer
        .inject("syncfs", "error=EIO")
        .inject("fsync", "error=EIO");
    let run = tracer.on_path(TO).on_temp_copies(1..2).json(LINE);
    // The names of the other files are flushed with their folder, which fails too: none counts as copied.
    let document = assert_accounted(&run.status(3));
    assert_eq!(
        (&document["copied_files"], &document["failed_files"]),
        (&0.into(), &4.into())
    );
    assert_eq!(differing_files(&studio), ["b"]);
    assert_next_copy_completes(&studio);
}

#[test]
fn old_version_stays_when_flush_fails() {
    let studio = changed();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let tracer = tracer
        .inject("syncfs", "error=EIO")
        .inject("fsync", "error=EIO");
    let run = tracer.on_path(TO).on_temp_copies(0..9).json(LINE);
    assert_eq!(assert_accounted(&run.status(3))["failed_files"], 4);
    for name in ["a", "b", "c"] {
        assert_eq!(studio.read(format!("{TO}/{name}")), name);
    }
    assert_eq!(kept_versions(&studio, "NAS").len(), 0);
    assert_next_copy_completes(&studio);
    assert_eq!(kept_versions(&studio, "NAS").len(), 4);
}

#[test]
fn interrupted_call_is_retried() {
    for call in ["write", "pread64", "copy_file_range", "syncfs", "fsync"] {
        // The library retries its own call once; all other calls are retried without limit.
        for when in if call == "copy_file_range" {
            ["1", "1"]
        } else {
            ["1", "1..3"]
        } {
            let studio = changed();
            let Some(mut tracer) = Tracer::new(&studio) else {
                return;
            };
            if call == "fsync" {
                tracer = tracer.inject("syncfs", "error=ENOSYS");
            }
            let tracer = tracer.inject(call, &format!("error=EINTR:when={when}"));
            let sources = ["a", "b", "c", "large"].map(|name| format!("{FROM}/{name}"));
            let tracer = sources.into_iter().fold(tracer, Tracer::on_path);
            let run = tracer.on_path(TO).on_temp_copies(0..9).json(LINE).ok();
            assert_eq!(assert_accounted(&run)["copied_files"], 4, "{call} {when}");
            assert_mirrored(&studio);
            assert!(Tracer::log(&studio).contains("EINTR"), "{call} {when}");
        }
    }
}
