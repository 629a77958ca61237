//! Laws of copies for every studio: random trees, random changes, copies between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use crate::studio::{CHANGED, Studio};

/// Path below the project, content and time of each file.
type FileSpecs = BTreeMap<String, (Vec<u8>, u64)>;

/// Generates files in few folders, so that two trees share many names.
fn files() -> impl Strategy<Value = FileSpecs> {
    let path = prop::sample::select(vec!["a", "b", "d/a", "d/b", "d/e/a", "x y", "ü", "d-e"]);
    let content = prop::collection::vec(any::<u8>(), 0..4);
    prop::collection::btree_map(
        path.prop_map(str::to_owned),
        (content, CHANGED..CHANGED + 4),
        0..8,
    )
}

fn write(studio: &Studio, database: &str, files: &FileSpecs) {
    for (path, (content, seconds)) in files {
        studio.file_at(
            format!("{database}/footage/acme/spot/{path}"),
            content,
            *seconds,
        );
    }
}

/// Returns the content of every file below a folder.
fn contents(folder: &Path) -> BTreeSet<Vec<u8>> {
    let mut contents = BTreeSet::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                contents.extend(fs::read(path));
            }
        }
    }
    contents
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn copy_is_accounted_lossless_and_idempotent(source in files(), there in files(), overwrite: bool) {
        let studio = Studio::new();
        studio.folder("WORK/footage/acme/spot");
        write(&studio, "WORK", &source);
        write(&studio, "NAS", &there);
        let (work, before) = (studio.tree("WORK"), contents(&studio.path("NAS")));
        let line = if overwrite { "copy acme/spot footage WORK NAS --overwrite" } else { "copy acme/spot footage WORK NAS" };

        let run = studio.json(&[line]);
        let answer = run.document();
        let number = |name: &str| answer[name].as_u64().unwrap();
        prop_assert!(run.status == 0 || (run.status == 3 && !overwrite), "{}", run);
        prop_assert_eq!(number("planned_files"), source.len() as u64);
        let ended = ["copied_files", "same_files", "conflict_files", "failed_files", "skipped_files"].map(number);
        prop_assert_eq!(ended.iter().sum::<u64>(), source.len() as u64);
        prop_assert_eq!(number("failed_files"), 0);

        // The source is unchanged, and every content of the destination still exists.
        prop_assert_eq!(studio.tree("WORK"), work);
        prop_assert!(contents(&studio.path("NAS")).is_superset(&before));
        // Copied and equal files have the content and time of the source; a conflict is unchanged.
        let conflicts: BTreeSet<&str> =
            answer["items"].as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap()).collect();
        for (path, (content, seconds)) in &source {
            let place = studio.path(format!("NAS/footage/acme/spot/{path}"));
            let in_conflict = conflicts.contains(place.to_str().unwrap());
            let (expected, changed) = if in_conflict { &there[path] } else { &(content.clone(), *seconds) };
            let same_size_and_time = there.get(path).is_some_and(|old| old.0.len() == content.len() && old.1 == *seconds);
            if !same_size_and_time {
                prop_assert_eq!(&fs::read(&place).unwrap(), expected);
            }
            let modified = fs::metadata(&place).unwrap().modified().unwrap();
            let modified = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            // With equal content, a rounded time is no difference and stays.
            let is_rounded = there.get(path).is_some_and(|old| {
                old.0 == *content && old.1 == modified && old.1.abs_diff(*seconds) <= 2
            });
            prop_assert!(modified == *changed || is_rounded, "{} {} {}", path, modified, changed);
        }

        let tree = studio.tree("NAS");
        let again = studio.json(&[line]);
        prop_assert_eq!(again.document()["copied_files"].as_u64(), Some(0));
        prop_assert_eq!(studio.tree("NAS"), tree);
        if overwrite && there.keys().all(|path| source.contains_key(path)) && !source.is_empty() {
            let compared = studio.json(&["compare acme/spot footage WORK NAS"]);
            prop_assert_eq!(compared.status, 0, "{}", compared);
            let fetched = studio.json(&["fetch project acme/spot"]).document();
            for replica in fetched["projects"][0]["replicas"].as_array().unwrap() {
                let expected = if replica["category"] == "footage" { "whole" } else { "unknown" };
                prop_assert_eq!(replica["state"].as_str(), Some(expected));
            }
        }
    }
}
