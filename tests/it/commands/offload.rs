//! `offload`: what is copied, what the answer says, and what keeps a card from being formatted.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::faulty_fs::{Faults, FaultyMount, FuseOperation, InjectedFailure};
use crate::studio::{CHANGED, Studio};
use fuser::Errno;

/// A studio with two storages on two media, and a card.
fn studio() -> Studio {
    let studio = Studio::new();
    studio
        .lines(&[
            "add database NAS NAS --medium one",
            "add database WORK WORK --medium two",
            "save",
        ])
        .ok();
    studio
        .file("card/CLIPS/a.mov", "clip a")
        .file("card/CLIPS/b.mov", "clip b")
        .file("card/CLIPS/zero.xml", "")
        .file("card/.DS_Store", "housekeeping")
        .folder("card/CLIPS/empty")
        .link("card/last", "CLIPS/b.mov");
    studio
}

const LINE: &str = "offload card acme/spot footage NAS,WORK";

/// Where the files of the card are.
const INTO: &str = "footage/acme/spot/card";

fn card_of(document: &Value) -> &Value {
    &document["card"]
}

#[test]
fn card_is_copied_to_all_storages_and_safe() {
    let studio = studio();
    let run = studio.lines(&[LINE]).ok();
    assert_snapshot!(run.stdout, @"
    copied and verified 8 files, 24 B in N s
    NAS: 4 files, 12 B
    WORK: 4 files, 12 B
    card: safe to format: 2 proven copies of every file, on WORK and NAS
    ");
    let copied = studio.tree(format!("NAS/{INTO}"));
    assert_snapshot!(copied, @"
    CLIPS/
    CLIPS/a.mov 6
    CLIPS/b.mov 6
    CLIPS/empty/
    CLIPS/zero.xml 0
    last -> CLIPS/b.mov
    ");
    assert_eq!(studio.tree(format!("WORK/{INTO}")), copied);
    let again = studio.json(&[LINE]).ok().document();
    assert_eq!(again["copied_files"], 0);
    assert_eq!(again["same_files"], 8);
    assert_eq!(card_of(&again)["state"], "safe to format");
    assert_eq!(card_of(&again)["databases"], json!(["WORK", "NAS"]));
    let history = studio.lines(&["history 1"]).ok();
    assert!(history.stdout.contains("offload"), "{history}");
}

#[test]
fn dry_run_writes_and_records_nothing() {
    let studio = studio();
    let before = studio.tree("NAS");
    let run = studio.lines(&[&format!("{LINE} --dry-run"), "cards"]).ok();
    assert!(run.stdout.contains("would copy 8 files"), "{run}");
    assert!(run.stdout.contains("no card was offloaded yet"), "{run}");
    assert_eq!(studio.tree("NAS"), before);
}

#[test]
fn folder_within_the_project_can_be_chosen() {
    let studio = studio();
    studio
        .lines(&["offload card acme/spot footage NAS --into 'cards/day 1/{name}'"])
        .ok();
    assert_eq!(
        studio.read("NAS/footage/acme/spot/cards/day 1/card/CLIPS/a.mov"),
        "clip a"
    );
    studio
        .lines(&["offload card acme/spot footage NAS --into ''"])
        .ok();
    assert_eq!(studio.read("NAS/footage/acme/spot/CLIPS/a.mov"), "clip a");
    for (into, why) in [("../x", "`..`"), ("/x", "slash"), ("{serial}", "no serial")] {
        let line = format!("offload card acme/spot footage NAS --into '{into}'");
        let run = studio.lines(&[&line]).status(2);
        assert!(run.stderr.contains(why), "{run}");
    }
}

#[test]
fn one_copy_is_not_enough_for_the_policy() {
    let studio = studio();
    let run = studio.json(&["offload card acme/spot footage NAS"]).ok();
    let document = run.document();
    let card = card_of(&document);
    assert_eq!(
        (&card["state"], &card["copies"]),
        (&json!("copied"), &json!(1)),
        "{run}"
    );
    assert_eq!(card["wants"]["copies"], 2);
    let run = studio.json(&["policy footage copies 1", "cards"]).ok();
    assert_eq!(run.document()["cards"][0]["state"], "safe to format");
    // Two storages on one medium are one copy.
    let lines = ["add database NAS NAS --medium two", "cards"];
    studio.json(&[LINE]).ok();
    let run = studio.json(&lines).ok();
    assert_eq!(run.document()["cards"][0]["copies"], 1, "{run}");
}

#[test]
fn equal_files_at_the_destination_count() {
    let studio = studio();
    // With another time, and on one of the storages only.
    studio.file_at(format!("NAS/{INTO}/CLIPS/a.mov"), "clip a", CHANGED + 100);
    let run = studio.json(&[LINE]).ok();
    let document = run.document();
    assert_eq!(
        (&document["copied_files"], &document["same_files"]),
        (&json!(7), &json!(1)),
        "{run}"
    );
    assert_eq!(card_of(&document)["state"], "safe to format");
}

#[test]
fn other_content_is_a_conflict_and_stays() {
    let studio = studio();
    studio.file_at(format!("NAS/{INTO}/CLIPS/a.mov"), "older", 1000);
    studio.file_at(format!("NAS/{INTO}/CLIPS/b.mov"), "clip x", CHANGED);
    let run = studio.json(&[LINE]).status(3);
    let document = run.document();
    assert_eq!(document["conflict_files"], 2, "{run}");
    assert_eq!(studio.read(format!("NAS/{INTO}/CLIPS/a.mov")), "older");
    assert_eq!(studio.read(format!("NAS/{INTO}/CLIPS/b.mov")), "clip x");
    let card = card_of(&document);
    assert_eq!(
        (&card["state"], &card["short_files"]),
        (&json!("copied"), &json!(2)),
        "{run}"
    );
    let run = studio
        .lines(&["offload card acme/spot footage NAS --into again"])
        .ok();
    assert!(run.stdout.contains("safe to format"), "{run}");
}

#[test]
fn excluded_files_keep_the_card() {
    let studio = studio();
    let run = studio.json(&["exclude '*.xml'", LINE]).status(3);
    let document = run.document();
    assert_eq!(document["skipped_files"], 1, "{run}");
    let card = card_of(&document);
    assert_eq!(card["state"], "do not format", "{run}");
    assert_eq!(card["first_short"], "CLIPS/zero.xml");
}

#[test]
fn empty_or_missing_folder_is_refused() {
    let studio = studio();
    studio.folder("empty/folder");
    let run = studio
        .lines(&["offload empty acme/spot footage NAS"])
        .status(1);
    assert_snapshot!(run.stderr, @"
    -c:1:1: error: `$STUDIO/empty` holds no file
        offload empty acme/spot footage NAS
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: is the card mounted there? nothing was copied
    ");
    let run = studio
        .lines(&["offload gone acme/spot footage NAS"])
        .status(1);
    assert_snapshot!(run.stderr, @"
    -c:1:1: error: cannot open `$STUDIO/gone`: No such file or directory (os error 2)
        offload gone acme/spot footage NAS
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: is the card mounted there? nothing was copied
    ");
    assert!(!studio.path("NAS/footage").exists());
}

#[test]
fn folder_of_the_destination_is_refused() {
    let studio = studio();
    studio.file("NAS/footage/acme/spot/x/y.mov", "y");
    for (folder, into) in [
        ("NAS/footage/acme/spot", "x/z"),
        ("NAS/footage/acme/spot/x", "x"),
        ("NAS", "x"),
    ] {
        let line = format!("offload {folder} acme/spot footage NAS --into {into}");
        let run = studio.lines(&[&line]).status(3);
        assert!(
            run.stdout.contains("one of them contains the other"),
            "{run}"
        );
    }
    // Another folder of a storage may be offloaded into it.
    studio.file("NAS/incoming/z.mov", "z");
    studio
        .lines(&["offload NAS/incoming acme/spot footage NAS,WORK"])
        .ok();
    assert_eq!(studio.read("NAS/footage/acme/spot/incoming/z.mov"), "z");
}

#[test]
fn copy_on_the_medium_of_the_card_does_not_count() {
    let studio = Studio::new();
    studio.file("card/a.mov", "clip a");
    // All is on one disk: only the medium that the user names is another one.
    let lines = [
        "add database WORK WORK --medium two",
        "offload card acme/spot footage NAS,WORK",
    ];
    let document = studio.json(&lines).ok().document();
    let card = card_of(&document);
    assert_eq!(card["copies"], 1, "{document}");
    assert_eq!(card["databases"], json!(["WORK"]), "{document}");
}

#[test]
fn unreadable_file_keeps_the_card() {
    let studio = studio();
    let Some(mount) = FaultyMount::new(&studio, "usb", Faults::default()) else {
        return;
    };
    for number in 0..8 {
        studio.file(format!("usb/f{number}"), vec![7; 200_000]);
    }
    let failure = InjectedFailure {
        errno: Errno::EIO,
        after: 6,
        count: u64::MAX,
    };
    mount.set_faults(Faults::only(|lies| {
        lies.failures.insert(FuseOperation::Read, failure);
    }));
    let line = "offload usb acme/spot footage NAS,WORK";
    let run = studio.json(&[line]).status(3);
    let document = run.document();
    assert_eq!(card_of(&document)["state"], "do not format", "{run}");
    let missing = card_of(&document)["missing_files"].as_u64().unwrap();
    assert!((1..8).contains(&missing), "{run}");
    // What is whole stays, and the same line completes it.
    mount.set_faults(Faults::default());
    let document = studio.json(&[line]).ok().document();
    assert_eq!(card_of(&document)["state"], "safe to format");
    assert!(document["copied_files"].as_u64().unwrap() < 16);
}

#[test]
fn card_that_is_pulled_out_is_not_safe() {
    let studio = studio();
    let Some(mount) = FaultyMount::new(&studio, "usb", Faults::default()) else {
        return;
    };
    for number in 0..40 {
        studio.file(format!("usb/f{number}"), vec![7; 3 << 20]);
    }
    let gone = Faults::only(|lies| {
        for operation in [
            FuseOperation::Read,
            FuseOperation::Open,
            FuseOperation::Lookup,
            FuseOperation::OpenFolder,
            FuseOperation::ReadFolder,
            FuseOperation::GetAttributes,
        ] {
            let failure = InjectedFailure {
                errno: Errno::ENODEV,
                after: 100,
                count: u64::MAX,
            };
            lies.failures.insert(operation, failure);
        }
    });
    mount.set_faults(gone);
    let line = "offload usb acme/spot footage NAS,WORK";
    let run = studio.lines(&[line]).status(3);
    assert!(run.stdout.contains("do not format"), "{run}");
    mount.set_faults(Faults::default());
    let cards = studio.json(&["cards"]).ok().document();
    assert_eq!(cards["cards"][0]["state"], "do not format");
    let document = studio.json(&[line]).ok().document();
    assert_eq!(card_of(&document)["state"], "safe to format");
    for storage in ["NAS", "WORK"] {
        for number in 0..40 {
            let copy = fs::read(
                studio
                    .path(storage)
                    .join(format!("footage/acme/spot/usb/f{number}")),
            );
            assert_eq!(copy.unwrap(), vec![7; 3 << 20]);
        }
    }
}

#[test]
fn undo_moves_the_copies_away() {
    let studio = studio();
    studio.lines(&[LINE]).ok();
    let run = studio.lines(&["undo 1 --yes"]).ok();
    assert!(
        !studio.path(format!("NAS/{INTO}/CLIPS/a.mov")).exists(),
        "{run}"
    );
    let cards = studio.json(&["cards"]).ok().document();
    assert_eq!(cards["cards"][0]["state"], "do not format");
}

#[test]
fn killed_offload_is_completed_by_the_same_line() {
    let studio = studio();
    for number in 0..60_u8 {
        let bytes = vec![number; 100_000 * usize::from(number % 7)];
        studio.file(format!("card/DAY/f{number}"), bytes);
    }
    let finals = |storage: &str| {
        let folder = studio.path(storage).join(INTO).join("DAY");
        let entries = fs::read_dir(folder).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| !name.as_encoded_bytes().starts_with(b"."))
            .count()
    };
    for milliseconds in [20, 60, 100, 150, 250] {
        let mut command = studio.command();
        let mut running = command
            .args(["-c", LINE])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(milliseconds));
        running.kill().unwrap();
        running.wait().unwrap();
        for storage in ["NAS", "WORK"] {
            for number in 0..60_u8 {
                let copy = studio
                    .path(storage)
                    .join(INTO)
                    .join(format!("DAY/f{number}"));
                // A final name never belongs to a part of a file.
                if let Ok(bytes) = fs::read(copy) {
                    assert_eq!(bytes, vec![number; 100_000 * usize::from(number % 7)]);
                }
            }
        }
    }
    let run = studio.json(&[LINE]).ok();
    assert_eq!(card_of(&run.document())["state"], "safe to format", "{run}");
    assert_eq!((finals("NAS"), finals("WORK")), (60, 60));
    let again = studio.json(&[LINE]).ok().document();
    assert_eq!(again["copied_files"], 0);
}

#[test]
fn file_that_changed_on_the_card_is_judged_by_its_new_content() {
    let studio = studio();
    studio.lines(&[LINE]).ok();
    // The same size and time.
    studio.file("card/CLIPS/a.mov", "CLIP A");
    let run = studio.json(&[LINE]).status(3);
    assert_eq!(run.document()["conflict_files"], 2, "{run}");
    assert_eq!(card_of(&run.document())["state"], "do not format", "{run}");
    let line = format!("{LINE} --into again");
    let run = studio.json(&[&line]).ok();
    assert_eq!(card_of(&run.document())["state"], "safe to format", "{run}");
}

#[test]
fn copy_on_the_storage_of_the_card_does_not_count() {
    let studio = studio();
    studio.file("NAS/incoming/A001/a.mov", "clip a");
    let line = "offload NAS/incoming/A001 acme/spot footage NAS,WORK";
    let document = studio.json(&[line]).ok().document();
    let card = card_of(&document);
    assert_eq!(card["copies"], 1, "{document}");
    assert_eq!(card["own_databases"], json!(["NAS"]), "{document}");
    assert_eq!(card["state"], "copied", "{document}");
}
