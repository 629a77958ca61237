//! Laws for every tree and every history.

use std::fs;

use proptest::prelude::*;

use super::{count_found, totals, walk_totals};
use crate::studio::{CHANGED, Studio};

/// One edit of a database; names are few, so that later edits meet earlier ones.
#[derive(Clone, Debug)]
enum DatabaseEdit {
    File(String, usize, u64),
    Folder(String),
    Link(String),
    HardLink(String, String),
    Remove(String),
    Rename(String, String),
    /// Not an edit: the program scans a part of the tree.
    Scan(&'static str),
}

fn path() -> impl Strategy<Value = String> {
    let client = prop::sample::select(vec![
        "footage/c/p",
        "footage/c/q",
        "footage/d/p",
        "scratch/render/c/p",
    ]);
    let rest = prop::sample::select(vec![
        "a", "a/b", "a/b/c", "a-b", "b/a", "b/c/a/x", "ü\n", "a/.DS",
    ]);
    (client, rest).prop_map(|(client, rest)| format!("WORK/{client}/{rest}"))
}

fn change() -> impl Strategy<Value = DatabaseEdit> {
    let scans = vec![
        "load",
        "load WORK --project c/p",
        "load --project c",
        "load --category render",
        "load WORK --category footage --project d",
    ];
    prop_oneof![
        4 => (path(), 0..5_usize, CHANGED..CHANGED + 3).prop_map(|(path, size, time)| DatabaseEdit::File(path, size, time)),
        1 => path().prop_map(DatabaseEdit::Folder),
        1 => path().prop_map(DatabaseEdit::Link),
        2 => (path(), path()).prop_map(|(from, to)| DatabaseEdit::HardLink(from, to)),
        2 => path().prop_map(DatabaseEdit::Remove),
        2 => (path(), path()).prop_map(|(from, to)| DatabaseEdit::Rename(from, to)),
        2 => prop::sample::select(scans).prop_map(DatabaseEdit::Scan),
    ]
}

/// Applies the edit, as far as the tree permits.
fn change_it(studio: &Studio, change: &DatabaseEdit) -> bool {
    let target = |path: &str| {
        let path = studio.path(path);
        fs::create_dir_all(path.parent().unwrap()).map(|()| path)
    };
    let done = match change {
        DatabaseEdit::File(path, size, seconds) => {
            let done = target(path).and_then(|path| fs::write(path, "x".repeat(*size)));
            if done.is_ok() {
                studio.file_at(path, "x".repeat(*size), *seconds);
            }
            done
        }
        DatabaseEdit::Folder(path) => fs::create_dir_all(studio.path(path)),
        DatabaseEdit::Link(path) => {
            target(path).and_then(|path| std::os::unix::fs::symlink("a", path))
        }
        DatabaseEdit::HardLink(from, to) => {
            target(to).and_then(|to| fs::hard_link(studio.path(from), to))
        }
        DatabaseEdit::Remove(path) => {
            let path = studio.path(path);
            fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path))
        }
        DatabaseEdit::Rename(from, to) => {
            target(to).and_then(|to| fs::rename(studio.path(from), to))
        }
        DatabaseEdit::Scan(line) => {
            studio.json(&[line]);
            Ok(())
        }
    };
    done.is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scan_agrees_with_a_plain_walk(
        history in prop::collection::vec(prop::collection::vec(change(), 1..10), 1..5),
    ) {
        let studio = Studio::filled();
        studio.file("WORK/footage/always/there/f", "f").folder("WORK/scratch/render/always");
        for changes in history {
            for change in &changes {
                change_it(&studio, change);
            }
            let load = studio.json(&["load"]).ok();
            let plain = walk_totals(&studio, "WORK");
            prop_assert_eq!(totals(&load, "WORK"), plain);
            prop_assert_eq!(count_found(&studio, "'*' in WORK") as u64, plain.0);
        }
        let known = super::index_contents(&studio);
        let again = studio.json(&["load"]).ok();
        prop_assert_eq!(super::change_counts(&again, "WORK"), [0, 0, 0]);
        prop_assert_eq!(super::index_contents(&studio), known.clone());
        // A new index from the disk is equal.
        studio.remove("home/.local");
        studio.json(&["load"]).ok();
        prop_assert_eq!(super::index_contents(&studio), known);
    }
}
