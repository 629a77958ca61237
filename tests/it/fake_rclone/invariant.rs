//! Laws for every false reply of rclone.

use std::fs;

use super::{BOTH_MODES, FakeRclone, QueryMode};
use crate::studio::Studio;

/// Returns the file counts of all replicas in the index.
fn known(liar: &FakeRclone<'_>) -> Vec<String> {
    let document = liar.run("honest", "fetch all").document();
    let projects = document["projects"].as_array().unwrap().iter();
    let replicas = projects.flat_map(|project| project["replicas"].as_array().unwrap());
    replicas
        .map(|replica| format!("{} {}", replica["path"], replica["files"]))
        .collect()
}

/// Runs these commands with each of these lies. Each must fail, and nothing may be forgotten, written or removed.
fn assert_rejected(lies: &[&str], commands: &[&str], ways: &[QueryMode]) {
    for asked in ways {
        let studio = Studio::filled();
        let Some(liar) = FakeRclone::filled(&studio, *asked) else {
            return;
        };
        let tree = || ["WORK", "NAS", "outside"].map(|folder| studio.tree(folder));
        let (before, index) = (tree(), known(&liar));
        for lie in lies {
            for command in commands {
                let run = liar.run(lie, command);
                assert_ne!(run.status, 0, "{asked:?} {lie}: {run}");
                assert_eq!(tree(), before, "{asked:?} {lie}: {run}");
            }
            assert_eq!(known(&liar), index, "{asked:?} {lie}");
        }
    }
}

const ASK: [&str; 2] = [
    "load CLOUD",
    "sync all all CLOUD NAS --delete --yes --force",
];

#[test]
fn malformed_listing_is_never_accepted() {
    let lies = [
        "one-bracket",
        "half",
        "unended",
        "one-bad-line",
        "killed",
        "no-answer",
    ];
    assert_rejected(&lies, &ASK, &BOTH_MODES);
}

#[test]
fn error_text_proves_no_absence() {
    assert_rejected(&["quoted", "missing"], &ASK, &BOTH_MODES);
}

#[test]
fn parent_paths_in_listings_are_rejected() {
    assert_rejected(&["climbing"], &ASK, &BOTH_MODES);
}

#[test]
fn endless_answers_are_cut_off() {
    let lies = [
        "endless-entries",
        "endless-line",
        "endless-log",
        "endless-log-line",
    ];
    assert_rejected(&lies, &ASK[..1], &[QueryMode::Alone]);
    assert_rejected(&["endless-line"], &ASK[..1], &[QueryMode::BySocket]);
}

#[test]
fn duplicate_names_are_rejected() {
    assert_rejected(&["twice"], &ASK, &BOTH_MODES);
}

/// Sends three files with a lie. Each must be sent or failed; returns the number of files reported as sent.
fn send_with_fault(lie: &str, asked: QueryMode, command: &str) -> Option<i64> {
    let studio = Studio::filled();
    let liar = FakeRclone::new(&studio, asked)?;
    studio.file("WORK/footage/acme/spot/new.mov", "new");
    let run = liar.run(lie, command);
    let document = run.document();
    let number = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| document[*name].as_i64());
        found.unwrap_or_else(|| panic!("{run}"))
    };
    let files = ["new.mov", "reel.mov", "plates/p1.exr"];
    let there = files.map(|file| studio.path(format!("cloud/footage/acme/spot/{file}")));
    let there = there.iter().filter(|file| file.exists()).count();
    let reported = number(["copied_files", "sent_files"]);
    let failed = document["failed_files"].as_i64().unwrap_or_default();
    assert!(
        reported <= i64::try_from(there).unwrap(),
        "{asked:?} {lie}: {run}"
    );
    assert!(failed == 0 || run.status != 0, "{asked:?} {lie}: {run}");
    assert_eq!(reported + failed, 3, "{asked:?} {lie}: {run}");
    Some(reported)
}

#[test]
fn unsent_files_never_count_as_copied() {
    for asked in BOTH_MODES {
        for line in [
            "copy acme/spot footage WORK CLOUD",
            "sync acme/spot footage WORK CLOUD",
        ] {
            for lie in ["said-and-not-done", "nothing-done", "sizes"] {
                if let Some(reported) = send_with_fault(lie, asked, line) {
                    assert_eq!(reported, 0, "{asked:?} {lie} {line}");
                }
            }
        }
    }
}

#[test]
fn sent_but_unreported_files_are_kept() {
    for lie in ["done-and-not-said", "dies-at-the-end"] {
        for asked in BOTH_MODES {
            let _sent = send_with_fault(lie, asked, "sync acme/spot footage WORK CLOUD");
        }
    }
}

/// Returns the contents of the two files of a project.
fn files(studio: &Studio, top: &str) -> [Option<Vec<u8>>; 2] {
    let folder = studio.path(format!("{top}/footage/acme/spot"));
    ["reel.mov", "plates/p1.exr"].map(|file| fs::read(folder.join(file)).ok())
}

#[test]
fn wrongly_fetched_file_gets_no_name() {
    for asked in BOTH_MODES {
        for lie in ["wrong-bytes", "half-and-killed", "said-and-not-done"] {
            let studio = Studio::filled();
            let Some(liar) = FakeRclone::new(&studio, asked) else {
                return;
            };
            let sent = liar.run("honest", "sync acme/spot footage WORK CLOUD");
            assert_eq!(sent.status, 0, "{sent}");
            let run = liar.run(lie, "copy acme/spot footage CLOUD NAS");
            let right = files(&studio, "WORK")
                .into_iter()
                .zip(files(&studio, "NAS"));
            let right = right.filter(|(here, there)| {
                assert!(there.is_none() || here == there, "{asked:?} {lie}: {run}");
                there.is_some()
            });
            let right = right.count();
            let document = run.document();
            assert_eq!(document["copied_files"], right, "{asked:?} {lie}: {run}");
            assert!(right == 2 || run.status == 3, "{asked:?} {lie}: {run}");
            // An honest rclone sends the rest.
            let rest = liar.run("honest", "copy acme/spot footage CLOUD NAS");
            assert_eq!(rest.status, 0, "{asked:?} {lie}: {rest}");
            assert_eq!(
                files(&studio, "NAS"),
                files(&studio, "WORK"),
                "{asked:?} {lie}"
            );
        }
    }
}

#[test]
fn endless_log_ends_the_transfer() {
    let _sent = send_with_fault(
        "endless-transfer",
        QueryMode::Alone,
        "sync acme/spot footage WORK CLOUD",
    );
}

/// Number of requests that the fake counted.
fn counted(studio: &Studio, lie: &str) -> u64 {
    let count = studio.path(format!("bin-{lie}/count"));
    fs::metadata(count).map_or(0, |count| count.len())
}

#[test]
fn passing_rate_limit_is_waited_for() {
    for asked in BOTH_MODES {
        let studio = Studio::filled();
        let Some(liar) = FakeRclone::new(&studio, asked) else {
            return;
        };
        let lie = "transfer-refused-twice";
        let sent = liar.run(lie, "sync acme/spot footage WORK CLOUD");
        assert_eq!(sent.status, 0, "{asked:?}: {sent}");
        assert_eq!(counted(&studio, lie), 3, "{asked:?}");
        assert_eq!(files(&studio, "cloud"), files(&studio, "WORK"));
        // Each attempt keeps what it replaces in a folder of its own.
        studio.file("WORK/footage/acme/spot/reel.mov", "the second cut");
        studio.remove(format!("bin-{lie}/count"));
        let sent = liar.run(lie, "sync acme/spot footage WORK CLOUD");
        assert_eq!(sent.status, 0, "{asked:?}: {sent}");
        assert_eq!(files(&studio, "cloud"), files(&studio, "WORK"));
        let kept = fs::read_dir(studio.path("cloud/.auto-backup/versions")).unwrap();
        let kept: Vec<_> = kept.map(|folder| folder.unwrap().path()).collect();
        assert_eq!(kept.len(), 1, "{asked:?}: {kept:?}");
        assert!(kept[0].join("footage/acme/spot/reel.mov").exists());
        assert!(kept[0].to_str().unwrap().ends_with("-2"), "{kept:?}");
    }
}

#[test]
fn passing_rate_limit_loses_no_listing() {
    let studio = Studio::filled();
    let Some(liar) = FakeRclone::filled(&studio, QueryMode::Alone) else {
        return;
    };
    let index = known(&liar);
    let lie = "list-refused-twice";
    let run = liar.run(lie, "load CLOUD");
    assert_eq!(run.status, 0, "{run}");
    assert!(counted(&studio, lie) > 2, "{run}");
    assert_eq!(known(&liar), index);
}

#[test]
fn lasting_rate_limit_is_named() {
    let studio = Studio::filled();
    let Some(liar) = FakeRclone::filled(&studio, QueryMode::Alone) else {
        return;
    };
    studio.file("WORK/footage/acme/spot/new.mov", "new");
    // The time of the sync ends the waits.
    let line = "sync acme/spot footage WORK CLOUD --for 4s";
    let run = liar.run("transfer-refused", line);
    assert_eq!(run.status, 3, "{run}");
    assert!(
        run.stdout
            .contains("the storage limits the rate of requests"),
        "{run}"
    );
    assert!(!run.stdout.contains("denies access"), "{run}");
    assert!(!studio.path("cloud/footage/acme/spot/new.mov").exists());
}
