//! An rclone that fails silently or dies: content, transfers, moves and old versions count only if the storage proves
//! them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{RemoteStudio, TestStorage, TestStorageKind, with_each_kind};
use crate::servers::rclone;
use crate::studio::{ProgramRun, Studio};

const BACK: &str = "copy acme/spot footage CLOUD NAS";
const THERE: &str = "copy acme/spot footage WORK CLOUD";
const REEL: &str = "footage/acme/spot/reel.mov";

/// Returns a line of rclone's log.
pub(super) fn log_line(level: &str, message: &str, object: &str) -> String {
    let line = json!({ "level": level, "msg": message, "object": object });
    format!("echo '{line}' >&2\n")
}

/// Creates a shell script in place of rclone that runs these commands for these words; `$real` is the current rclone,
/// and `$to` the last word.
pub(super) fn fake_rclone(place: &RemoteStudio<'_>, arms: &[(&str, &str)]) -> PathBuf {
    let real = rclone().unwrap().display();
    let mut script = format!("#!/bin/bash\nreal='{real}'\nto=\"${{@: -1}}\"\ncase \"$1\" in\n");
    for (word, does) in arms {
        script.extend([word, ")\n", does, "\n;;\n"]);
    }
    script += "esac\nexec \"$real\" \"$@\"\n";
    place.studio.file("bin/rclone", script);
    place.studio.mode("bin/rclone", 0o755).path("bin/rclone")
}

/// Creates such a script for a version that needs a process for each request.
pub(super) fn old_fake_rclone(place: &RemoteStudio<'_>, arms: &[(&str, &str)]) -> PathBuf {
    let version = ("version", "echo 'rclone v1.60.1'; exit 0");
    fake_rclone(place, &[&[version], arms].concat())
}

/// Runs a line with this rclone and a JSON answer.
pub(super) fn run(place: &RemoteStudio<'_>, rclone: &Path, line: &str) -> ProgramRun {
    let mut command = place.with(rclone);
    command.args(["--format", "json", "-c", line]);
    place.studio.finish(&mut command)
}

#[track_caller]
fn numbers(run: &ProgramRun, names: &[&str]) -> Value {
    let document = run.document();
    json!(
        names
            .iter()
            .map(|name| &document[*name])
            .collect::<Vec<_>>()
    )
}

#[track_caller]
fn assert_fails(run: ProgramRun, why: &str) {
    let run = run.status(3);
    assert_eq!(
        numbers(&run, &["copied_files", "failed_files", "verified_files"]),
        json!([0, 1, 0]),
        "{run}"
    );
    let reason = run.document()["items"][0]["reason"].clone();
    assert!(reason.as_str().unwrap().contains(why), "{run}");
}

/// Runs a check with a storage of one file.
fn with_one_file(check: impl Fn(&RemoteStudio<'_>, &TestStorage<'_>)) {
    let studio = || {
        let studio = Studio::new();
        studio.file(format!("WORK/{REEL}"), "the reel as it is");
        studio
    };
    with_each_kind(&[TestStorageKind::Alias], studio, |place, storage| {
        place.copy_by_rclone(&storage.root);
        check(place, storage);
    });
}

/// Returns a script that writes a file of the right size and time but other bytes at `$to`.
fn hole_script(at: &str) -> String {
    format!(
        "mkdir -p \"{at}/footage/acme/spot\"; head -c 17 /dev/zero > \"{at}/{REEL}\"; touch -r \"$WORK/{REEL}\" \"{at}/{REEL}\"\n"
    )
}

#[test]
fn partial_download_is_never_copied() {
    with_one_file(|place, _| {
        let work = format!("WORK='{}'\n", place.studio.path("WORK").display());
        let copied = log_line("info", "Copied (new)", REEL);
        let half = work + &hole_script("$to");
        for (does, why) in [
            (
                half.clone() + "kill -9 $$\n",
                "rclone did not report it as fetched",
            ),
            (
                half.clone() + &copied + "kill -9 $$\n",
                "was killed before it finished",
            ),
            (
                half.clone() + &copied + "exit 2\n",
                "was killed before it finished",
            ),
            (
                half.clone() + "exit 0\n",
                "rclone did not report it as fetched",
            ),
            (
                half.clone() + &copied + "exit 0\n",
                "the fetched file differs from the source",
            ),
            (copied.clone() + "exit 0\n", "it is missing"),
            (
                half + &log_line("error", "Failed to copy: no Copied (new) here", REEL)
                    + "exit 1\n",
                "Failed to copy",
            ),
        ] {
            let liar = fake_rclone(place, &[("copy", &does)]);
            assert_fails(run(place, &liar, BACK), why);
            assert!(!place.studio.path(format!("NAS/{REEL}")).exists(), "{does}");
        }
        let good = run(place, rclone().unwrap(), BACK).status(0);
        assert_eq!(
            numbers(&good, &["copied_files", "verified_files"]),
            json!([1, 1])
        );
        assert_eq!(
            place.studio.read(format!("NAS/{REEL}")),
            "the reel as it is"
        );
        let own = place.studio.tree("NAS/.auto-backup");
        assert!(!own.contains("incoming"), "{own}");
    });
}

#[test]
fn leftover_download_is_verified_or_fetched_again() {
    with_one_file(|place, storage| {
        let killed = fake_rclone(place, &[("copy", "\"$real\" \"$@\"; kill -9 $$")]);
        assert_fails(run(place, &killed, BACK), "killed");
        // The file is there and whole, and rclone fetches nothing now.
        let broken = fake_rclone(place, &[("copy", "exit 1")]);
        let good = run(place, &broken, BACK).status(0);
        assert_eq!(
            numbers(&good, &["copied_files", "verified_files"]),
            json!([1, 1])
        );
        assert_eq!(
            place.studio.read(format!("NAS/{REEL}")),
            "the reel as it is"
        );
        // A file of equal size replaces it at the storage while another leftover waits.
        place.studio.remove(format!("NAS/{REEL}"));
        let killed = fake_rclone(place, &[("copy", "\"$real\" \"$@\"; kill -9 $$")]);
        assert_fails(run(place, &killed, BACK), "killed");
        fs::write(storage.folder.join(REEL), "the reel as it IS").unwrap();
        let refused = log_line("error", "Failed to copy: permission denied", REEL) + "exit 1\n";
        let refused = fake_rclone(place, &[("copy", &refused)]);
        assert_fails(run(place, &refused, BACK), "permission denied");
        assert!(!place.studio.path(format!("NAS/{REEL}")).exists());
    });
}

#[test]
fn source_changed_during_fetch_fails() {
    with_one_file(|place, storage| {
        let new = storage.folder.join(REEL);
        let does = format!(
            "\"$real\" \"$@\"; s=$?; printf 'the reel as it IS' > '{}'; exit $s\n",
            new.display()
        );
        let liar = fake_rclone(place, &[("check", &does)]);
        assert_fails(run(place, &liar, BACK), "it changed while it was copied");
        assert!(!place.studio.path(format!("NAS/{REEL}")).exists());
    });
}

#[test]
fn symlink_in_own_folder_redirects_no_fetch() {
    with_one_file(|place, _| {
        let studio = place.studio;
        studio
            .folder("victim")
            .file("victim/reel.mov", "the victim's");
        studio.folder("NAS/.auto-backup");
        studio.link("NAS/.auto-backup/incoming", studio.path("victim"));
        place.lines(&[BACK]).ok();
        assert_eq!(studio.read("victim/reel.mov"), "the victim's");
        assert_eq!(studio.read(format!("NAS/{REEL}")), "the reel as it is");
    });
}

#[test]
fn file_deleted_at_remote_is_skipped() {
    with_one_file(|place, storage| {
        fs::write(storage.folder.join("footage/acme/spot/other.mov"), "other").unwrap();
        let gone = storage.folder.join(REEL);
        let does = format!("rm '{}'\n\"$real\" \"$@\"\nexit $?\n", gone.display());
        let liar = fake_rclone(place, &[("copy", &does)]);
        let run = run(place, &liar, BACK).status(0);
        assert_eq!(
            numbers(&run, &["copied_files", "skipped_files", "failed_files"]),
            json!([1, 1, 0]),
            "{run}"
        );
        let reason = &run.document()["items"][0]["reason"];
        assert_eq!(
            *reason, "it disappeared from the source before it was copied",
            "{run}"
        );
    });
}

/// Returns the kept contents of the file in each folder of old versions.
fn kept_versions(storage: &TestStorage<'_>) -> Vec<String> {
    let folders = fs::read_dir(storage.folder.join(".auto-backup/versions")).unwrap();
    let kept = folders.map(|folder| fs::read_to_string(folder.unwrap().path().join(REEL)).unwrap());
    let mut kept: Vec<_> = kept.collect();
    kept.sort();
    kept
}

#[test]
fn every_attempt_keeps_replaced_versions() {
    with_one_file(|place, storage| {
        let work = place.studio.path(format!("WORK/{REEL}"));
        place.lines(&["sync all all WORK CLOUD"]).ok();
        // The file is written to again after it was sent.
        let does = format!(
            "\"$real\" \"$@\"; s=$?; [ -e '{0}.c' ] || {{ touch '{0}.c'; printf C > '{0}'; }}; exit $s\n",
            work.display()
        );
        place.studio.file(format!("WORK/{REEL}"), "B");
        let liar = old_fake_rclone(place, &[("copy", &does)]);
        let mut command = place.with(&liar);
        command.args(["-c", "sync all all WORK CLOUD"]);
        let run = place.studio.finish(&mut command).status(0);
        assert_eq!(fs::read_to_string(storage.folder.join(REEL)).unwrap(), "C");
        assert_eq!(
            kept_versions(storage),
            ["B", "the reel as it is"].map(str::to_owned),
            "{run}"
        );
        let named = run.stdout.matches("old versions: ").count();
        assert_eq!(named, 2, "{run}");
    });
}

#[test]
fn partial_upload_is_replaced_and_kept() {
    let storage_kinds = [TestStorageKind::Alias];
    with_each_kind(&storage_kinds, Studio::new, |place, storage| {
        place
            .studio
            .file(format!("WORK/{REEL}"), "the reel as it is");
        let half = storage.folder.join(REEL);
        let folder = half.parent().unwrap().display().to_string();
        let does = format!(
            "mkdir -p '{folder}'; printf 'the r' > '{}'; kill -9 $PPID; sleep 5",
            half.display()
        );
        let killer = old_fake_rclone(place, &[("copy", &does)]);
        assert_eq!(run(place, &killer, THERE).status, -1);
        assert_eq!(fs::read_to_string(&half).unwrap(), "the r");
        // It does not count as a newer file of another user.
        let old = old_fake_rclone(place, &[]);
        let back = run(place, &old, BACK).status(3);
        assert_eq!(
            numbers(&back, &["copied_files", "failed_files"]),
            json!([0, 1]),
            "{back}"
        );
        let why = back.document()["items"][0]["reason"].clone();
        assert!(
            why.as_str()
                .unwrap()
                .contains("may have sent only part of it"),
            "{back}"
        );
        let looked = run(place, &old, "load CLOUD");
        assert!(
            looked.stderr.contains("may have sent only part of it"),
            "{looked}"
        );
        let again = run(place, &old, THERE).status(0);
        assert_eq!(
            numbers(
                &again,
                &["copied_files", "replaced_files", "conflict_files"]
            ),
            json!([1, Value::Null, 0]),
            "{again}"
        );
        assert_eq!(fs::read_to_string(&half).unwrap(), "the reel as it is");
        assert_eq!(kept_versions(storage), ["the r".to_owned()]);
        let same = run(place, &old, THERE).status(0);
        assert_eq!(
            numbers(&same, &["same_files", "copied_files"]),
            json!([1, 0]),
            "{same}"
        );
        run(place, &old, "load CLOUD").status(0);
    });
}

#[test]
fn newer_remote_file_after_kill_conflicts() {
    with_each_kind(&[TestStorageKind::Alias], Studio::new, |place, storage| {
        place
            .studio
            .file(format!("WORK/{REEL}"), "the reel as it is");
        let half = storage.folder.join(REEL);
        let folder = half.parent().unwrap().display().to_string();
        let does = format!(
            "mkdir -p '{folder}'; printf 'the r' > '{}'; kill -9 $PPID; sleep 5",
            half.display()
        );
        let killer = old_fake_rclone(place, &[("copy", &does)]);
        assert_eq!(run(place, &killer, THERE).status, -1);
        // A sync that cannot send finds it first.
        let broken = old_fake_rclone(place, &[("copy", "exit 1")]);
        run(place, &broken, THERE).status(3);
        fs::write(&half, "somebody's newer reel").unwrap();
        let old = old_fake_rclone(place, &[]);
        let run = run(place, &old, THERE).status(3);
        assert_eq!(
            numbers(&run, &["copied_files", "conflict_files"]),
            json!([0, 1]),
            "{run}"
        );
        assert_eq!(fs::read_to_string(&half).unwrap(), "somebody's newer reel");
    });
}

#[test]
fn reported_upload_is_checked_in_listing() {
    with_each_kind(
        &[TestStorageKind::Alias, TestStorageKind::WebDav],
        Studio::new,
        |place, storage| {
            let copied = log_line("info", "Copied (new)", REEL);
            place
                .studio
                .file(format!("WORK/{REEL}"), "the reel as it is");
            let nothing = old_fake_rclone(place, &[("copy", &(copied.clone() + "exit 0"))]);
            for line in [THERE, "sync all all WORK CLOUD"] {
                assert_fails(
                    run(place, &nothing, line),
                    "the remote does not list it after the copy",
                );
            }
            place.copy_by_rclone(&storage.root);
            // Another file of equal size is there, and rclone reports that it was replaced.
            place
                .studio
                .file_at(format!("WORK/{REEL}"), "the reel as it IS", 1_900_000_000);
            for line in [&format!("{THERE} --overwrite"), "sync all all WORK CLOUD"] {
                let run = run(place, &nothing, line).status(3);
                assert_eq!(
                    numbers(&run, &["copied_files", "failed_files"]),
                    json!([0, 1]),
                    "{run}"
                );
            }
        },
    );
}

#[test]
fn reported_version_is_checked_in_listing() {
    with_one_file(|place, storage| {
        let other = format!("WORK/{}", "footage/acme/spot/other.mov");
        place.studio.file(&other, "other");
        place.lines(&["sync all all WORK CLOUD"]).ok();
        place.studio.remove(&other);
        let path = "footage/acme/spot/other.mov";
        let does = format!("rm '{}'\n", storage.folder.join(path).display())
            + &log_line("info", "Moved (server-side)", path)
            + "exit 0\n";
        let liar = old_fake_rclone(place, &[("move", &does)]);
        let run = run(
            place,
            &liar,
            "sync all all WORK CLOUD --delete --yes --force",
        )
        .status(3);
        let reason = run.document()["items"][0]["reason"].clone();
        assert!(
            reason
                .as_str()
                .unwrap()
                .contains("the file is not at its new path"),
            "{run}"
        );
    });
}

#[test]
fn dry_run_predicts_failures() {
    with_each_kind(
        &[TestStorageKind::Alias],
        Studio::filled,
        |place, storage| {
            place
                .studio
                .file("WORK/footage/acme/spot/picture\u{240a}", "x");
            for line in [
                "copy acme/spot footage WORK CLOUD --dry-run",
                "sync acme/spot footage WORK CLOUD --dry-run",
            ] {
                let run = place.json(line).status(3);
                assert_eq!(run.document()["refused_files"], 1, "{run}");
            }
            fs::create_dir_all(storage.folder.join("footage/acme/spot")).unwrap();
            fs::write(
                storage.folder.join("footage/acme/spot/wide\u{ff0f}slash"),
                "x",
            )
            .unwrap();
            let run = place.json(&format!("{BACK} --dry-run")).status(3);
            assert_eq!(run.document()["refused_files"], 1, "{run}");
        },
    );
}
