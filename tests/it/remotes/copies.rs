//! `copy` to every kind of storage and back: the files afterwards, and the outcome of a second copy.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::json;

use super::{KINDS, RemoteStudio, TestStorage, TestStorageKind, with_each_kind};
use crate::servers::Remotes;
use crate::studio::{CHANGED, Studio};

const THERE: &str = "copy all all WORK CLOUD";
const BACK: &str = "copy all all CLOUD NAS";

/// The counts of outcomes in an answer.
const ENDS: [&str; 6] = [
    "state",
    "copied_files",
    "same_files",
    "conflict_files",
    "failed_files",
    "skipped_files",
];

/// A name that looks like another one.
const NFC: &str = "caf\u{e9}";

/// Names that cause trouble for some storages or list formats.
fn odd_names(kind: TestStorageKind) -> Vec<String> {
    let names = [
        "with space",
        " leading",
        "trailing ",
        "it's",
        "say \"x\"",
        "\u{2424}",
        "#x",
        ";x",
        "-dash",
        "--dry-run",
        "new\nline",
        "tab\there",
        NFC,
        "cafe\u{301}",
        "%41",
        "[x]*?",
        "{a,b}",
        "back\\slash",
        "a:b",
        "100% & + = @ ~ $HOME `x`",
        "日本.exr",
    ];
    // Encryption makes names longer.
    let long = if kind == TestStorageKind::Crypt {
        120
    } else {
        200
    };
    // rclone itself serves S3 and WebDAV. One lists control characters as other names, as no real S3 does, and
    // sometimes only one of two names that look the same; the other treats such names as one, as a Mac would.
    let is_held = |name: &&str| match kind {
        TestStorageKind::S3 => !name.contains(char::is_control) && *name != NFC,
        TestStorageKind::WebDav => *name != NFC,
        _ => true,
    };
    let names = names.into_iter().filter(is_held);
    let names = names.map(str::to_owned);
    names.chain(["l".repeat(long)]).collect()
}

/// Returns everything below a folder except our own folder: files with content and time, folders without.
fn inventory(folder: &Path) -> BTreeMap<PathBuf, Option<(Vec<u8>, SystemTime)>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(above) = pending.pop() {
        for entry in fs::read_dir(&above).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".auto-backup") {
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_owned();
            if path.is_dir() {
                pending.push(path);
                found.insert(name, None);
            } else {
                let modified = path.metadata().unwrap().modified().unwrap();
                found.insert(name, Some((fs::read(&path).unwrap(), modified)));
            }
        }
    }
    found
}

/// Fails unless two folders of a studio have the same files with the same times.
#[track_caller]
pub(super) fn assert_same_files(studio: &Studio, one: &str, other: &str) {
    let [one, other] = [one, other].map(|name| inventory(&studio.path(name)));
    let names = |all: &BTreeMap<PathBuf, _>| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    for (path, entry) in &one {
        assert!(*entry == other[path], "{} differs", path.display());
    }
}

/// Fails unless a line finds this number of equal files, and copies nothing, without failure or conflict.
#[track_caller]
pub(super) fn assert_all_same(place: &RemoteStudio<'_>, line: &str, files: u64) {
    let ends = place.answer_fields(line, &ENDS);
    assert_eq!(
        json!(ends),
        json!(["complete", 0, files, 0, 0, 0]),
        "{line}"
    );
}

/// Fails unless a line copies this number of files without any message.
#[track_caller]
pub(super) fn assert_all_copied(place: &RemoteStudio<'_>, line: &str, files: u64) {
    let run = place.json(line);
    let document = run.document();
    let ends = ENDS.map(|name| document[name].clone());
    let expected = json!(["complete", files, 0, 0, 0, 0]);
    assert_eq!(json!(ends), expected, "{line}: {run}");
}

#[test]
fn files_survive_a_round_trip() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        place.studio.folder("WORK/footage/acme/spot/empty/deep");
        assert_all_copied(place, THERE, 5);
        place
            .remotes
            .assert_mirrored(&place.studio.path("WORK"), &storage.root);
        assert_all_same(place, THERE, 5);
        assert_all_copied(place, BACK, 5);
        assert_same_files(place.studio, "WORK", "NAS");
        assert_all_same(place, BACK, 5);
        assert_all_same(place, "copy all all NAS CLOUD", 5);
        let counts = place.scan_fields(
            "load CLOUD",
            &["state", "files", "added", "changed", "gone"],
        );
        assert_eq!(json!(counts), json!(["complete", 5, 0, 0, 0]));
    });
}

#[test]
fn copied_files_are_verified_by_default() {
    with_each_kind(&KINDS, Studio::filled, |place, _| {
        let names = ["copied_files", "verified_files"];
        let line = "copy acme/spot all WORK CLOUD";
        assert_eq!(json!(place.answer_fields(line, &names)), json!([3, 3]));
        let line = "copy acme/teaser all WORK CLOUD --no-verify";
        assert_eq!(json!(place.answer_fields(line, &names)), json!([1, 0]));
        let line = "copy acme/spot all CLOUD NAS";
        assert_eq!(json!(place.answer_fields(line, &names)), json!([3, 3]));
        let line = "copy acme/teaser all CLOUD NAS --no-verify";
        assert_eq!(json!(place.answer_fields(line, &names)), json!([1, 0]));
    });
}

#[test]
fn odd_names_survive_a_round_trip() {
    with_each_kind(&KINDS, Studio::new, |place, storage| {
        let names = odd_names(storage.kind);
        for name in &names {
            let folder = format!("WORK/footage/acme/spot/in {name}");
            place
                .studio
                .file(format!("WORK/footage/acme/spot/{name}"), name);
            // The longest name cannot become longer, and rclone's S3 treats folders that look the same as one.
            if name.len() < 100 && name != NFC {
                place.studio.file(format!("{folder}/{name}"), name);
            }
        }
        let in_folders = names.iter().filter(|name| name.len() < 100 && *name != NFC);
        let files = (names.len() + in_folders.count()) as u64;
        assert_all_copied(place, THERE, files);
        assert_all_same(place, THERE, files);
        assert_all_same(place, "copy all all WORK CLOUD --checksum", files);
        assert_all_copied(place, BACK, files);
        assert_same_files(place.studio, "WORK", "NAS");
        let counts = place.scan_fields(
            "load CLOUD",
            &["state", "files", "added", "changed", "gone"],
        );
        assert_eq!(json!(counts), json!(["complete", files, 0, 0, 0]));
    });
}

#[test]
fn renamed_listing_entry_counts_as_failed() {
    with_each_kind(&[TestStorageKind::S3], Studio::filled, |place, storage| {
        place.studio.file("WORK/footage/acme/spot/new\nline", "x");
        let run = place.json("copy acme/spot footage WORK CLOUD").status(3);
        let document = run.document();
        let path = storage.address("footage/acme/spot/new\nline");
        let item = &document["items"][0];
        assert_eq!(
            (&item["outcome"], &item["path"]),
            (&json!("failed"), &json!(path)),
            "{run}"
        );
        // A busy server of this kind may refuse it at once.
        let reason = item["reason"].as_str().unwrap();
        let is_refused = reason.contains("StatusCode: 500");
        assert!(
            is_refused || reason == "the remote does not list it after the copy",
            "{run}"
        );
        assert_eq!(document["failed_files"], 1, "{run}");
        assert_eq!(document["copied_files"], 2, "{run}");
    });
}

#[test]
fn odd_project_name_survives_round_trip() {
    with_each_kind(&KINDS, Studio::new, |place, _| {
        let client = "Bob's #1 [x]";
        place
            .studio
            .file(format!("WORK/footage/{client}/ 100% -x /a"), "a");
        assert_all_copied(
            place,
            &format!("copy \"{client}/ 100% -x \" all WORK CLOUD"),
            1,
        );
        assert_all_copied(place, BACK, 1);
        assert_same_files(place.studio, "WORK", "NAS");
    });
}

#[test]
fn names_altered_by_rclone_are_refused() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        let folder = place.studio.path("WORK/footage/acme/spot");
        let bytes = |bytes: &[u8]| crate::remotes::path_from_bytes(bytes);
        for name in ["picture\u{240a}", "quote\u{201b}", "wide\u{ff0f}slash"] {
            place.studio.file(folder.join(name), "x");
        }
        place.studio.file(folder.join(bytes(b"caf\xe9")), "x");
        let run = place.json("copy acme/spot footage WORK CLOUD").status(3);
        let document = run.document();
        let count = |name: &str| document[name].clone();
        assert_eq!(count("state"), "partial", "{run}");
        let refused = document["items"].as_array().unwrap();
        let why = |item: &serde_json::Value| item["reason"].as_str().unwrap().to_owned();
        assert!(
            refused.iter().all(|item| item["outcome"] == "refused"),
            "{run}"
        );
        assert_eq!(count("refused_files"), refused.len(), "{run}");
        assert_eq!(count("failed_files"), 0, "{run}");
        assert!(
            refused
                .iter()
                .any(|item| why(item).contains("is not UTF-8")),
            "{run}"
        );
        let alphabet = "which this storage cannot keep: rename it or `exclude` it";
        assert_eq!(
            refused
                .iter()
                .filter(|item| why(item).contains(alphabet))
                .count(),
            4,
            "{run}"
        );
        assert_eq!(count("copied_files"), 2, "{run}");
        assert_eq!(place.studio.read("WORK/footage/acme/spot/reel.mov"), "reel");
        let listed =
            place
                .remotes
                .stdout_of(&["lsf", "-R", "--files-only", &storage.address("footage")]);
        let mut listed: Vec<_> = listed.lines().collect();
        listed.sort_unstable();
        assert_eq!(listed, ["acme/spot/plates/p1.exr", "acme/spot/reel.mov"]);
    });
}

#[test]
fn symlinks_are_skipped_and_reported() {
    // No kind of remote plays a part in this decision.
    let kinds = [TestStorageKind::Sftp, TestStorageKind::S3];
    with_each_kind(&kinds, Studio::filled, |place, storage| {
        place
            .studio
            .link("WORK/footage/acme/spot/link", "reel.mov")
            .link("WORK/footage/acme/spot/folder", "plates")
            .link("WORK/footage/acme/spot/broken", "nowhere");
        let run = place.json("copy acme/spot footage WORK CLOUD").status(0);
        let document = run.document();
        assert_eq!(document["copied_files"], 2, "{run}");
        assert_eq!(document["skipped_files"], 3, "{run}");
        let expected = ["broken", "folder", "link"].map(|name| {
            json!({
                "path": storage.address(&format!("footage/acme/spot/{name}")),
                "outcome": "skipped",
                "reason": "it is a symbolic link, which remotes cannot store",
                "sequence": null,
            })
        });
        assert_eq!(document["items"], json!(expected), "{run}");
        let listed =
            place
                .remotes
                .stdout_of(&["lsf", "-R", "--files-only", &storage.address("footage")]);
        assert_eq!(listed.lines().count(), 2, "{listed}");
    });
}

#[test]
fn unreadable_file_stops_no_other() {
    let kinds = [
        TestStorageKind::Sftp,
        TestStorageKind::Shell,
        TestStorageKind::WebDav,
    ];
    with_each_kind(&kinds, Studio::new, |place, storage| {
        for number in 0..20 {
            place
                .studio
                .file(format!("WORK/footage/acme/spot/{number:02}"), "x");
        }
        assert_all_copied(place, THERE, 20);
        let server = storage.server.as_mut().unwrap();
        if !server.forbid("footage/acme/spot/07") {
            return;
        }
        let run = place.json(BACK).status(3);
        let document = run.document();
        let ends = ENDS.map(|name| document[name].clone());
        assert_eq!(json!(ends), json!(["partial", 19, 0, 0, 1, 0]), "{run}");
        let path = place.studio.path("NAS/footage/acme/spot/07");
        assert_eq!(
            document["items"][0]["path"],
            path.to_str().unwrap(),
            "{run}"
        );
        assert!(!path.exists());
        storage.server.as_mut().unwrap().allow();
        let ends = place.answer_fields(BACK, &ENDS);
        assert_eq!(json!(ends), json!(["complete", 1, 19, 0, 0, 0]));
        assert_same_files(place.studio, "WORK", "NAS");
    });
}

#[test]
fn unwritable_folder_fails_only_its_files() {
    let kinds = [TestStorageKind::Sftp, TestStorageKind::Shell];
    with_each_kind(&kinds, Studio::filled, |place, storage| {
        assert_all_copied(place, "copy acme/spot footage WORK CLOUD", 2);
        let server = storage.server.as_mut().unwrap();
        if !server.forbid("footage/acme/spot/plates") {
            return;
        }
        place
            .studio
            .file("WORK/footage/acme/spot/plates/p2.exr", "plate two")
            .file("WORK/footage/acme/spot/other.mov", "other");
        let run = place.json("copy acme/spot footage WORK CLOUD").status(3);
        let document = run.document();
        assert_eq!(document["state"], "partial", "{run}");
        assert_eq!(document["copied_files"], 1, "{run}");
        let there = storage.folder.join("footage/acme/spot/other.mov");
        assert_eq!(fs::read_to_string(there).unwrap(), "other");
        storage.server.as_mut().unwrap().allow();
        let ends = place.answer_fields("copy acme/spot footage WORK CLOUD", &ENDS);
        assert_eq!(json!(ends), json!(["complete", 1, 3, 0, 0, 0]));
        let spot = place.studio.path("WORK/footage/acme/spot");
        place
            .remotes
            .assert_mirrored(&spot, &storage.address("footage/acme/spot"));
    });
}

#[test]
fn files_are_copied_between_remotes() {
    for (from, to) in [
        (TestStorageKind::S3, TestStorageKind::Sftp),
        (TestStorageKind::WebDav, TestStorageKind::Crypt),
        (TestStorageKind::Alias, TestStorageKind::S3),
        (TestStorageKind::Crypt, TestStorageKind::WebDav),
        (TestStorageKind::Sftp, TestStorageKind::Shell),
    ] {
        let studio = Studio::filled();
        let Some(remotes) = Remotes::new(&studio) else {
            return;
        };
        let place = RemoteStudio {
            studio: &studio,
            remotes: &remotes,
        };
        let one = TestStorage::start(&remotes, &studio, from, "one");
        let two = TestStorage::start(&remotes, &studio, to, "two");
        place.add_database("ONE", &one.root);
        place.add_database("TWO", &two.root);
        let mut names = odd_names(from);
        names.retain(|name| odd_names(to).contains(name));
        for name in &names {
            studio.file(format!("WORK/footage/acme/spot/odd/{name}"), name);
        }
        let files = 5 + names.len() as u64;
        assert_all_copied(&place, "copy all all WORK ONE", files);
        assert_all_copied(&place, "copy all all ONE TWO", files);
        remotes.assert_mirrored(&studio.path("WORK"), &two.root);
        assert_all_same(&place, "copy all all ONE TWO", files);
        assert_all_same(&place, "copy all all TWO ONE", files);
        assert_all_copied(&place, "copy all all TWO NAS", files);
        assert_same_files(&studio, "WORK", "NAS");
    }
}

#[test]
fn changed_file_of_same_size_is_replaced() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        assert_all_copied(place, THERE, 5);
        let reel = "WORK/footage/acme/spot/reel.mov";
        place.studio.file_at(reel, "leer", CHANGED + 60);
        let run = place.json(THERE).ok();
        let document = run.document();
        let ends = ENDS.map(|name| document[name].clone());
        assert_eq!(json!(ends), json!(["complete", 1, 4, 0, 0, 0]), "{run}");
        let now = place
            .remotes
            .stdout_of(&["cat", &storage.address("footage/acme/spot/reel.mov")]);
        assert_eq!(now, "leer");
        let versions = storage.address(".auto-backup/versions");
        let kept = place
            .remotes
            .stdout_of(&["lsf", "-R", "--files-only", &versions]);
        let (run, path) = kept.trim_end().split_once('/').unwrap();
        assert_eq!(path, "footage/acme/spot/reel.mov");
        let old = place
            .remotes
            .stdout_of(&["cat", &format!("{versions}/{run}/{path}")]);
        assert_eq!(old, "reel");
        assert_all_same(place, THERE, 5);
    });
}

#[test]
fn newer_files_replace_others_conflict() {
    with_each_kind(&KINDS, Studio::new, |place, storage| {
        let file = |name: &str| format!("WORK/footage/acme/spot/{name}");
        for name in ["newer", "older", "equal", "same"] {
            place.studio.file(file(name), "there");
        }
        assert_all_copied(place, THERE, 4);
        place
            .studio
            .file_at(file("newer"), "here now", CHANGED + 60)
            .file_at(file("older"), "here now", CHANGED - 60)
            .file_at(file("equal"), "here now", CHANGED);
        let dry = place
            .json(&format!("{THERE} --dry-run"))
            .status(3)
            .document();
        assert_eq!(
            json!([
                dry["run"],
                dry["planned_files"],
                dry["planned_bytes"],
                dry["copied_files"]
            ]),
            json!([null, 4, 8, 0])
        );
        let run = place.json(THERE).status(3);
        let document = run.document();
        let ends = ENDS.map(|name| document[name].clone());
        assert_eq!(json!(ends), json!(["partial", 1, 1, 2, 0, 0]), "{run}");
        let reasons: Vec<_> = document["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["reason"].as_str().unwrap())
            .collect();
        assert_eq!(
            reasons,
            [
                "it differs in size, and both have the same time",
                "it differs in size, and the destination is newer",
            ],
            "{run}"
        );
        let text = |name: &str| {
            let path = storage.address(&format!("footage/acme/spot/{name}"));
            place.remotes.stdout_of(&["cat", &path])
        };
        assert_eq!(
            ["newer", "older", "equal", "same"].map(text),
            ["here now", "there", "there", "there"]
        );
        let ends = place.answer_fields(&format!("{THERE} --no-update"), &ENDS);
        assert_eq!(json!(ends), json!(["complete", 0, 2, 0, 0, 2]));
        let ends = place.answer_fields(&format!("{THERE} --overwrite"), &ENDS);
        assert_eq!(json!(ends), json!(["complete", 2, 2, 0, 0, 0]));
        place
            .remotes
            .assert_mirrored(&place.studio.path("WORK"), &storage.root);
        let versions = place.remotes.stdout_of(&[
            "lsf",
            "-R",
            "--files-only",
            &storage.address(".auto-backup/versions"),
        ]);
        assert_eq!(versions.lines().count(), 3, "{versions}");
    });
}

#[test]
fn file_never_replaces_a_folder() {
    with_each_kind(
        &[TestStorageKind::Sftp, TestStorageKind::Alias],
        Studio::filled,
        |place, storage| {
            let inside = format!("{}/footage/acme/spot/reel.mov/inside", storage.root);
            place.write_by_rclone(&inside, "somebody's");
            let run = place.json(&format!("{THERE} --overwrite")).status(3);
            let document = run.document();
            let items = document["items"].as_array().unwrap();
            assert_eq!(items.len(), 1, "{run}");
            let why =
                "the destination has an entry of another kind with this name; move it away by hand";
            assert_eq!(items[0]["reason"], why, "{run}");
            assert_eq!(document["copied_files"], 4, "{run}");
            assert_eq!(place.remotes.stdout_of(&["cat", &inside]), "somebody's");
        },
    );
}

#[test]
fn dry_run_changes_nothing() {
    // No kind of remote plays a part in this decision.
    let kinds = [TestStorageKind::Sftp, TestStorageKind::S3];
    with_each_kind(&kinds, Studio::filled, |place, storage| {
        let run = place.json(&format!("{THERE} --dry-run")).ok();
        let document = run.document();
        assert_eq!(document["planned_files"], 5, "{run}");
        assert_eq!(document["items"].as_array().map(Vec::len), Some(5), "{run}");
        assert_eq!(place.remotes.stdout_of(&["lsf", "-R", &storage.root]), "");
        assert_all_copied(place, THERE, 5);
        let run = place.json(&format!("{BACK} --dry-run")).ok();
        assert_eq!(run.document()["planned_files"], 5, "{run}");
        assert_eq!(place.studio.tree("NAS"), "");
    });
}

#[test]
fn checksum_option_compares_content() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        assert_all_copied(place, THERE, 5);
        // Equal size and time, but other bytes.
        place.studio.file("WORK/footage/acme/spot/reel.mov", "leer");
        assert_all_same(place, THERE, 5);
        let run = place.json(&format!("{THERE} --checksum")).status(3);
        let document = run.document();
        let ends = ENDS.map(|name| document[name].clone());
        assert_eq!(json!(ends), json!(["partial", 0, 4, 1, 0, 0]), "{run}");
        let ends = place.answer_fields(&format!("{THERE} --checksum --overwrite"), &ENDS);
        assert_eq!(json!(ends), json!(["complete", 1, 4, 0, 0, 0]));
        place
            .remotes
            .assert_mirrored(&place.studio.path("WORK"), &storage.root);
        assert_all_same(place, &format!("{THERE} --checksum"), 5);
        assert_all_copied(place, BACK, 5);
        assert_all_same(place, &format!("{BACK} --checksum"), 5);
    });
}
