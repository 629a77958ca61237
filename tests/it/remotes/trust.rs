//! Trust in copies behind rclone: what a stated digest proves, what must be downloaded, and what is damage.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::unreliable_rclone::{fake_rclone, old_fake_rclone, run};
use super::{RemoteStudio, TestStorage, TestStorageKind, with_each_kind};
use crate::studio::{ProgramRun, Studio};
use crate::trust::flip_bit;

pub(super) const REEL: &str = "footage/acme/spot/reel.mov";
pub(super) const PLATE: &str = "footage/acme/spot/plates/p1.exr";
pub(super) const THERE: &str = "copy acme/spot footage WORK CLOUD";
const FREE_WORK: &str = "free acme/spot footage WORK --yes";

/// Storages that state digests.
pub(super) const STATING: [TestStorageKind; 2] = [TestStorageKind::S3, TestStorageKind::Alias];

/// Storages that state none.
pub(super) const SILENT: [TestStorageKind; 2] = [TestStorageKind::Sftp, TestStorageKind::WebDav];

/// Runs a check on each of these kinds, where one copy elsewhere suffices.
pub(super) fn with_one_demanded(
    kinds: &[TestStorageKind],
    check: impl Fn(&RemoteStudio<'_>, &mut TestStorage<'_>),
) {
    with_each_kind(kinds, Studio::filled, |place, storage| {
        let file = "home/.config/auto-backup/.config";
        let lines = place.studio.read(file);
        let policy = "policy footage copies 1\n";
        place.studio.file(file, lines + policy);
        check(place, storage);
    });
}

/// Runs a check on each of these kinds after WORK was read, copied there and verified.
pub(super) fn with_proven_copy(
    kinds: &[TestStorageKind],
    check: impl Fn(&RemoteStudio<'_>, &mut TestStorage<'_>),
) {
    with_one_demanded(kinds, |place, storage| {
        let lines = ["load", "verify in WORK", THERE, "verify"];
        place.lines(&lines).ok();
        check(place, storage);
    });
}

/// Returns these fields of the first database of a verification.
#[track_caller]
pub(super) fn fields(run: &ProgramRun, names: &[&str]) -> Value {
    let document = run.document();
    let database = &document["databases"][0];
    json!(
        names
            .iter()
            .map(|name| &database[*name])
            .collect::<Vec<_>>()
    )
}

/// Returns the evidence of each file of the project on a database, sorted.
#[track_caller]
pub(super) fn evidence(place: &RemoteStudio<'_>, database: &str) -> Vec<String> {
    let answer = place.json("fetch acme/spot --files --evidence");
    let answer = answer.document();
    let projects = answer["projects"].as_array().unwrap().iter();
    let replicas = projects.flat_map(|project| project["replicas"].as_array().unwrap());
    let replicas = replicas.filter(|replica| replica["database"] == database);
    let files = replicas.filter_map(|replica| replica["listing"]["files"].as_array());
    let files = files.flatten();
    let mut found: Vec<_> = files
        .map(|file| format!("{} {}", text(&file["path"]), text(&file["evidence"])))
        .filter(|line| !line.starts_with("f1.exr"))
        .collect();
    found.sort();
    found
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// Fails unless a folder holds both files of the project.
#[track_caller]
pub(super) fn assert_whole(root: &Path) {
    for (path, content) in [(REEL, "reel"), (PLATE, "plate one")] {
        let found = fs::read_to_string(root.join(path));
        assert_eq!(found.ok().as_deref(), Some(content), "{path}");
    }
}

#[test]
fn stated_digest_proves_without_download() {
    with_proven_copy(&STATING, |place, _| {
        assert_eq!(
            evidence(place, "CLOUD"),
            ["plates/p1.exr stored", "reel.mov stored"]
        );
        let calls = place.studio.path("calls").display().to_string();
        let recorder = old_fake_rclone(place, &[("*", &format!("echo \"$*\" >> '{calls}'"))]);
        let verified = run(place, &recorder, "verify in CLOUD").status(0);
        let found = fields(&verified, &["files", "unknown", "unproven", "damaged"]);
        assert_eq!(found, json!([2, 0, 0, 0]), "{verified}");
        let calls = place.studio.read("calls");
        assert!(calls.contains("--hash-type="), "{calls}");
        for reads in ["--download", "check ", "copy ", "copyto ", "hashsum "] {
            assert!(!calls.contains(reads), "{reads}: {calls}");
        }
        let shown = place.lines(&["verify in CLOUD"]).ok();
        let line = "CLOUD: 2 files verified, 13 B; oldest proof on it just now";
        assert!(shown.stdout.contains(line), "{shown}");
    });
}

#[test]
fn altered_content_states_another_digest() {
    with_proven_copy(&STATING, |place, storage| {
        flip_bit(&storage.folder.join(REEL), 1);
        // The second time, no local copy helps.
        for work in ["WORK", "WORK away"] {
            let found = place.lines(&["verify in CLOUD"]).status(3);
            let damaged = format!("damaged {}: XXH3-128 ", storage.address(REEL));
            assert!(found.stdout.contains(&damaged), "{work}: {found}");
            assert!(found.stdout.contains("heal all CLOUD"), "{found}");
            if work == "WORK" {
                let [here, away] = ["WORK", "WORK away"].map(|name| place.studio.path(name));
                fs::rename(here, away).unwrap();
            }
        }
        assert_eq!(
            evidence(place, "CLOUD"),
            ["plates/p1.exr stored", "reel.mov damaged"]
        );
        place.lines(&["safe acme/spot footage on WORK"]).status(3);
        // The intact content again: the file is no longer damaged.
        fs::rename(place.studio.path("WORK away"), place.studio.path("WORK")).unwrap();
        flip_bit(&storage.folder.join(REEL), 1);
        place.lines(&["verify in CLOUD"]).ok();
        place.lines(&["safe acme/spot footage on WORK"]).ok();
    });
}

#[test]
fn download_finds_unstated_damage() {
    with_proven_copy(&SILENT, |place, storage| {
        let silent = place.lines(&["verify in CLOUD"]).ok();
        let words = "2 files without a known digest; `--download` reads them";
        assert!(silent.stdout.contains(words), "{silent}");
        let names = ["files", "unknown", "damaged", "first_files"];
        let read = place.json("verify in CLOUD --download").status(0);
        assert_eq!(fields(&read, &names), json!([2, 0, 0, 2]), "{read}");
        assert_eq!(
            evidence(place, "CLOUD"),
            ["plates/p1.exr read", "reel.mov read"]
        );
        flip_bit(&storage.folder.join(REEL), 1);
        let silent = place.json("verify in CLOUD").status(0);
        assert_eq!(fields(&silent, &names), json!([0, 2, 0, 0]), "{silent}");
        let read = place.lines(&["verify in CLOUD --download"]).status(3);
        assert!(read.stdout.contains("reel.mov: XXH3-128 is"), "{read}");
        assert!(read.stdout.contains("; 1 damaged\n"), "{read}");
        place.lines(&["safe acme/spot footage on WORK"]).status(3);
    });
}

#[test]
fn download_doubts_a_stated_digest() {
    with_proven_copy(&STATING, |place, storage| {
        let read = place.json("verify in CLOUD --download").status(0);
        assert_eq!(fields(&read, &["files", "unknown"]), json!([2, 0]));
        flip_bit(&storage.folder.join(REEL), 1);
        let read = place.json("verify in CLOUD --download").status(3);
        let found = fields(&read, &["files", "damaged", "missing"]);
        assert_eq!(found, json!([2, 1, 0]), "{read}");
    });
}

#[test]
fn listed_remote_copy_proves_nothing() {
    with_one_demanded(&SILENT, |place, storage| {
        place.copy_by_rclone(&storage.root);
        place.lines(&["load", "verify in WORK"]).ok();
        place.lines(&["safe acme/spot footage on WORK"]).status(3);
        place.lines(&[FREE_WORK]).status(3);
        assert_whole(&place.studio.path("WORK"));
        place.lines(&["verify in CLOUD --download"]).ok();
        place
            .lines(&["safe acme/spot footage on WORK", FREE_WORK])
            .ok();
        assert!(!place.studio.path("WORK/footage/acme/spot").exists());
        assert_whole(&storage.folder);
    });
}

#[test]
fn unknown_digest_proves_nothing() {
    with_one_demanded(&STATING, |place, storage| {
        place.copy_by_rclone(&storage.root);
        // Nobody has read the content, neither here nor there.
        place.lines(&["load"]).ok();
        let silent = place.json("verify in CLOUD").status(0);
        assert_eq!(fields(&silent, &["files", "unknown"]), json!([0, 5]));
        assert_eq!(
            evidence(place, "CLOUD"),
            ["plates/p1.exr listed", "reel.mov listed"]
        );
        // A local copy of another content proves nothing about it either.
        place.studio.file(format!("WORK/{REEL}"), "rEel");
        place.lines(&["verify"]).ok();
        assert_eq!(
            evidence(place, "CLOUD"),
            ["plates/p1.exr stored", "reel.mov listed"]
        );
        place.lines(&["safe acme/spot footage on WORK"]).status(3);
        place.lines(&[FREE_WORK]).status(3);
        assert_eq!(place.studio.read(format!("WORK/{REEL}")), "rEel");
    });
}

#[test]
fn compared_digest_frees_local_copy() {
    with_one_demanded(&STATING, |place, storage| {
        place.lines(&["load", THERE, "verify"]).ok();
        place
            .lines(&["safe acme/spot footage on WORK", FREE_WORK])
            .ok();
        assert!(!place.studio.path("WORK/footage/acme/spot").exists());
        assert_whole(&storage.folder);
    });
}

#[test]
fn rewritten_file_proves_no_remote() {
    with_one_demanded(&STATING, |place, _| {
        place.lines(&["load", "verify", THERE]).ok();
        // Since its proof, the local file has another content, with size and time kept.
        place.studio.file(format!("WORK/{REEL}"), "rEel");
        let verified = place.json("verify in CLOUD").status(0);
        let found = fields(&verified, &["files", "damaged", "unknown"]);
        assert_eq!(found, json!([1, 0, 1]), "{verified}");
    });
    // Nor does it prove its new content there.
    with_one_demanded(&STATING, |place, storage| {
        place.lines(&["load", "verify in WORK"]).ok();
        place.studio.file(format!("WORK/{REEL}"), "rEel");
        place.copy_by_rclone(&storage.root);
        place.lines(&["load CLOUD", "verify in CLOUD"]).ok();
        assert_eq!(
            evidence(place, "CLOUD"),
            ["plates/p1.exr stored", "reel.mov listed"]
        );
    });
    // Nor is the digest of its former content known of what is sent.
    with_one_demanded(&STATING, |place, _| {
        place.lines(&["load", "verify in WORK"]).ok();
        place.studio.file(format!("WORK/{REEL}"), "rEel");
        place.lines(&[THERE]).ok();
        assert_eq!(
            evidence(place, "CLOUD"),
            ["plates/p1.exr stored", "reel.mov listed"]
        );
    });
}

#[test]
fn damaged_remote_witness_refuses_free() {
    with_proven_copy(&STATING, |place, storage| {
        flip_bit(&storage.folder.join(REEL), 1);
        place.lines(&[FREE_WORK]).status(3);
        assert_whole(&place.studio.path("WORK"));
    });
}

#[test]
fn other_digest_kind_is_intact() {
    with_proven_copy(&[TestStorageKind::Alias], |place, storage| {
        let fewer = "\"$real\" \"$@\" | grep -v -e sha256 -e sha1; exit 0";
        let fewer = old_fake_rclone(place, &[("backend", fewer)]);
        let verified = run(place, &fewer, "verify in CLOUD").status(0);
        let found = fields(&verified, &["files", "damaged", "unknown"]);
        assert_eq!(found, json!([2, 0, 0]), "{verified}");
        flip_bit(&storage.folder.join(REEL), 1);
        let verified = run(place, &fewer, "verify in CLOUD").status(3);
        assert_eq!(fields(&verified, &["damaged"]), json!([1]), "{verified}");
    });
}

#[test]
fn deleted_remote_file_is_missing() {
    with_proven_copy(&STATING, |place, storage| {
        fs::remove_file(storage.folder.join(REEL)).unwrap();
        let found = place.lines(&["verify in CLOUD"]).status(3);
        let missing = format!("missing {}\n", storage.address(REEL));
        assert!(found.stdout.contains(&missing), "{found}");
        place.lines(&["heal acme/spot footage CLOUD"]).ok();
        assert_whole(&storage.folder);
    });
}

#[test]
fn broken_digest_list_is_unreadable() {
    with_proven_copy(&[TestStorageKind::Alias], |place, _| {
        let is_hashed = "[[ \"$*\" = *--hash* ]]";
        for lie in [
            "exit 0",
            "exit 3",
            "exit 1",
            "kill -9 $$",
            "\"$real\" \"$@\" | head -n 2; exit 0",
            "\"$real\" \"$@\" | sed 's/\"Size\"/Size/'; exit 0",
            "\"$real\" \"$@\" | grep -v ']'; exit 0",
        ] {
            let arm = format!("if {is_hashed}; then {lie}; fi");
            for liar in [
                fake_rclone(place, &[("lsjson", &arm)]),
                old_fake_rclone(place, &[("lsjson", &arm)]),
            ] {
                let found = run(place, &liar, "verify in CLOUD").status(3);
                let names = ["files", "damaged", "missing", "unreadable"];
                assert_eq!(
                    fields(&found, &names),
                    json!([0, 0, 0, 2]),
                    "{lie}: {found}"
                );
            }
        }
        assert_eq!(
            evidence(place, "CLOUD"),
            ["plates/p1.exr stored", "reel.mov stored"]
        );
        place
            .lines(&["verify in CLOUD", "safe acme/spot footage on WORK"])
            .ok();
    });
}

#[test]
fn offline_remote_loses_no_proof() {
    with_proven_copy(&[TestStorageKind::S3], |place, storage| {
        storage.server.as_mut().unwrap().stop();
        for line in ["verify in CLOUD", "verify in CLOUD --download"] {
            let away = place.lines(&[line]).status(3);
            assert!(away.stdout.contains("CLOUD: not verified: "), "{away}");
            assert!(away.stdout.contains("refused the connection"), "{away}");
        }
        let damaged = format!("WORK/{REEL}");
        place.studio.file(&damaged, "rEel");
        place.lines(&["verify in WORK"]).status(3);
        let unhealed = place.lines(&["heal acme/spot footage WORK"]).status(3);
        let words = "no intact copy can be read; intact when last seen: CLOUD";
        assert!(unhealed.stdout.contains(words), "{unhealed}");
        assert_eq!(place.studio.read(&damaged), "rEel");
        place.lines(&[FREE_WORK]).status(3);
        storage.server.as_mut().unwrap().restart();
        assert_eq!(
            evidence(place, "CLOUD"),
            ["plates/p1.exr stored", "reel.mov stored"]
        );
        place.lines(&["heal acme/spot footage WORK"]).ok();
        assert_whole(&place.studio.path("WORK"));
    });
}

/// Returns the old versions below a root with their contents, without the folders of their runs, sorted.
pub(super) fn kept(root: &Path) -> Vec<String> {
    let Ok(runs) = fs::read_dir(root.join(".auto-backup/versions")) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for run in runs {
        let run = run.unwrap().path();
        let mut pending = vec![run.clone()];
        while let Some(path) = pending.pop() {
            if path.is_dir() {
                pending.extend(
                    fs::read_dir(path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            } else {
                let below = path.strip_prefix(&run).unwrap().display();
                found.push(format!("{below} {}", fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}
