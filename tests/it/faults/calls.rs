//! One system call of a copy that fails, or is interrupted, and what becomes of the file that it was for.

use insta::assert_snapshot;

use super::tracer::Tracer;
use super::{FROM, LINE, TO, adds_up, agrees, finishes, kept, leftovers, wrong_files};
use crate::studio::{CHANGED, Run, Studio};

/// Three small files and one that the kernel copies, in the order in which one thread copies them.
fn studio() -> Studio {
    let studio = Studio::new();
    for name in ["a", "b", "c"] {
        studio.file(format!("{FROM}/{name}"), name);
    }
    studio.file(format!("{FROM}/large"), vec![7; 2 << 20]);
    studio
}

/// The studio after its first copy, with every file changed since.
fn changed() -> Studio {
    let studio = studio();
    studio.lines(&[LINE]).ok();
    for name in ["a", "b", "c"] {
        studio.file_at(format!("{FROM}/{name}"), format!("{name}!"), CHANGED + 9);
    }
    studio.file_at(format!("{FROM}/large"), vec![8; 3 << 20], CHANGED + 9);
    studio
}

/// The reason that one file failed for, after a look that all the others are there.
#[track_caller]
fn reason(studio: &Studio, run: Run, name: &str) -> String {
    let run = run.status(3);
    let document = adds_up(&run);
    assert_eq!(document["failed_files"], 1, "{run}");
    let item = &document["items"][0];
    assert_eq!(
        item["path"],
        studio.path(TO).join(name).to_str().unwrap(),
        "{run}"
    );
    assert_eq!(wrong_files(studio), [name], "{run}");
    assert!(!studio.path(TO).join(name).exists(), "{run}");
    assert_eq!(leftovers(studio, "NAS"), [""; 0]);
    let item = &run.stdout[run.stdout.find("\"reason\":").unwrap()..];
    finishes(studio);
    item.trim_start_matches("\"reason\":")
        .trim_end_matches("}]}\n")
        .to_owned()
}

/// The reason that `b` failed for, once this call on its temporary file fails.
fn fails(call: &str, error: &str) -> String {
    let studio = studio();
    let Some(tracer) = Tracer::new(&studio) else {
        return String::new();
    };
    let tracer = tracer.at(call, &format!("error={error}"));
    reason(&studio, tracer.on_parts(1..2).json(LINE), "b")
}

#[test]
fn each_failing_call_is_told_with_the_file_it_was_for() {
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
    let told: Vec<_> = calls
        .map(|(call, error)| format!("{call}: {}", fails(call, error)))
        .into();
    assert_snapshot!(told.join("\n"), @r#"
    openat: "cannot create a file in `$STUDIO/NAS/footage/acme/spot`: Input/output error (os error 5)"
    write: "cannot copy `$STUDIO/WORK/footage/acme/spot/b` to `$STUDIO/NAS/footage/acme/spot`: Input/output error (os error 5)"
    write: "cannot write to `$STUDIO/NAS/footage/acme/spot`: Disk quota exceeded (os error 122)"
    fchmod: "cannot set the time or permissions of a file in `$STUDIO/NAS/footage/acme/spot`: Input/output error (os error 5)"
    utimensat: "cannot set the time or permissions of a file in `$STUDIO/NAS/footage/acme/spot`: Input/output error (os error 5)"
    pread64: "cannot read back a copy in `$STUDIO/NAS/footage/acme/spot`: Input/output error (os error 5)"
    renameat2: "cannot create `$STUDIO/NAS/footage/acme/spot/b`: Input/output error (os error 5)"
    "#);
}

#[test]
fn a_source_that_cannot_be_read_fails_alone() {
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
        let tracer = tracer.at(call, &format!("error={error}"));
        let run = tracer.on(name).on(format!("{FROM}/{name}")).json(LINE);
        let reason = reason(&studio, run, name);
        assert!(reason.contains("Input/output error"), "{call}: {reason}");
        assert!(reason.contains(FROM), "{call}: {reason}");
    }
}

#[test]
fn a_flush_of_the_whole_disk_that_fails_is_made_up_for_file_by_file() {
    let studio = changed();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let tracer = tracer.at("syncfs", "error=EIO").note("fsync");
    assert_eq!(adds_up(&tracer.json(LINE).ok())["copied_files"], 4);
    agrees(&studio);
    let log = Tracer::log(&studio);
    assert!(log.contains("(INJECTED)"), "{log}");
    // Four files, and the folder that holds their names.
    let flushes = log.lines().filter(|line| line.contains("fsync(")).count();
    assert!(flushes >= 5, "{log}");
}

#[test]
fn a_file_that_cannot_be_flushed_at_all_never_gets_its_name() {
    let studio = studio();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    // `syncfs` is on a folder, `fsync` on the temporary file.
    let tracer = tracer.at("syncfs", "error=EIO").at("fsync", "error=EIO");
    let run = tracer.on(TO).on_parts(1..2).json(LINE);
    // The names of the others are flushed with their folder, which is refused too: none counts as copied.
    let document = adds_up(&run.status(3));
    assert_eq!(
        (&document["copied_files"], &document["failed_files"]),
        (&0.into(), &4.into())
    );
    assert_eq!(wrong_files(&studio), ["b"]);
    finishes(&studio);
}

#[test]
fn an_old_version_stays_where_the_new_one_cannot_be_flushed() {
    let studio = changed();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let tracer = tracer.at("syncfs", "error=EIO").at("fsync", "error=EIO");
    let run = tracer.on(TO).on_parts(0..9).json(LINE);
    assert_eq!(adds_up(&run.status(3))["failed_files"], 4);
    for name in ["a", "b", "c"] {
        assert_eq!(studio.read(format!("{TO}/{name}")), name);
    }
    assert_eq!(kept(&studio, "NAS").len(), 0);
    finishes(&studio);
    assert_eq!(kept(&studio, "NAS").len(), 4);
}

#[test]
fn an_interrupted_call_is_made_again() {
    for call in ["write", "pread64", "copy_file_range", "syncfs", "fsync"] {
        // What the library copies by itself is begun again once, anything else as often as it takes.
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
                tracer = tracer.at("syncfs", "error=ENOSYS");
            }
            let tracer = tracer.at(call, &format!("error=EINTR:when={when}"));
            let sources = ["a", "b", "c", "large"].map(|name| format!("{FROM}/{name}"));
            let tracer = sources.into_iter().fold(tracer, Tracer::on);
            let run = tracer.on(TO).on_parts(0..9).json(LINE).ok();
            assert_eq!(adds_up(&run)["copied_files"], 4, "{call} {when}");
            agrees(&studio);
            assert!(Tracer::log(&studio).contains("EINTR"), "{call} {when}");
        }
    }
}
