//! Random layouts and trees, compared with brute force from the first scan to a sync.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;

use super::studio;
use crate::studio::Studio;

/// Layouts, some of which lie inside others.
const LAYOUTS: [&str; 12] = [
    "a/{client}/{project}",
    "{client}/{project}",
    "{client}/{project}/a",
    "{client}/{project}/b",
    "{project}/{client}/c",
    "a/{project}",
    "{project}/a/b",
    "a/b/{client}/{project}",
    "a/b/a/{client}/{project}",
    "{client}/a/{project}",
    "b/{client}/a/{project}/a",
    "a/b/c/d/{client}/{project}",
];

/// The owner of a file: the number of its category, and its project.
type Owner = (usize, String);

fn is_placeholder(part: &str) -> bool {
    part.starts_with('{')
}

fn accepts(layout: &[&str], names: &[&str]) -> bool {
    let mut pairs = layout.iter().zip(names);
    layout.len() <= names.len() && pairs.all(|(part, name)| is_placeholder(part) || part == name)
}

/// True if `other` takes a folder above the file from `own`.
fn takes(other: &[&str], own: &[&str], names: &[&str]) -> bool {
    let is_end = |count: &usize| {
        let ends_here = other.get(*count).is_none_or(|part| is_placeholder(part));
        *count == other.len() || (ends_here && !is_placeholder(other[count - 1]))
    };
    let mut ends = (1..=other.len()).filter(is_end);
    ends.any(|count| {
        let folders = &names[..names.len() - 1];
        let mut kinds = own.iter().zip(&other[..count]);
        let first = kinds.find(|(own, other)| is_placeholder(own) != is_placeholder(other));
        let wins = first.map_or(count > own.len(), |(own, _)| is_placeholder(own));
        wins && accepts(&other[..count], folders)
    })
}

fn owner(layouts: &[&str], path: &str) -> Option<Owner> {
    let names: Vec<&str> = path.split('/').collect();
    let parts: Vec<Vec<&str>> = layouts
        .iter()
        .map(|text| text.split('/').collect())
        .collect();
    let mut owners = parts.iter().enumerate().filter(|(own, layout)| {
        let mut others = parts.iter().enumerate().filter(|(other, _)| other != own);
        accepts(layout, &names[..names.len() - 1])
            && !others.any(|(_, other)| takes(other, layout, &names))
    });
    let (category, layout) = owners.next()?;
    assert_eq!(owners.next(), None, "{path} has two owners in {layouts:?}");
    let name = |part: &str| {
        layout
            .iter()
            .position(|other| *other == part)
            .map(|at| names[at])
    };
    let client = name("{client}").unwrap_or("in-house");
    Some((category, format!("{client}/{}", name("{project}")?)))
}

fn path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "d"]);
    let folders = prop::collection::vec(name, 0..6);
    (folders, prop::sample::select(vec!["x.mov", "y"])).prop_map(|(folders, file)| {
        let names: Vec<&str> = folders.into_iter().chain([file]).collect();
        names.join("/")
    })
}

fn paths() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set(path(), 1..25)
}

/// Returns the files that `find` lists on a database, with their owners.
fn found(studio: &Studio, database: &str) -> BTreeMap<String, Owner> {
    let listed = studio
        .json(&[&format!("find '*' in {database}")])
        .document();
    let files = listed["files"].as_array().unwrap().iter().map(|file| {
        let text = |key: &str| file[key].as_str().unwrap();
        let root = studio.path(database);
        let path = text("path").strip_prefix(root.to_str().unwrap()).unwrap();
        let category = text("category")[1..].parse().unwrap();
        (path[1..].to_owned(), (category, text("project").to_owned()))
    });
    files.collect()
}

/// Returns the files below a folder, without those of the program.
fn files(studio: &Studio, database: &str) -> BTreeSet<String> {
    let tree = studio.tree(database);
    let lines = tree
        .lines()
        .filter(|line| !line.ends_with('/') && !line.starts_with(".auto-backup"));
    lines
        .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
        .collect()
}

fn owned(layouts: &[&str], files: &BTreeSet<String>) -> BTreeMap<String, Owner> {
    let owners = files
        .iter()
        .map(|path| Some((path.clone(), owner(layouts, path)?)));
    owners.flatten().collect()
}

/// Checks that a list of entries outside covers exactly the files that nobody owns.
fn check_outside(studio: &Studio, owned: &BTreeMap<String, Owner>, all: &BTreeSet<String>) {
    let listed = studio.json(&["list outside in WORK"]).document();
    let rows: &Vec<Value> = listed["outside"].as_array().unwrap();
    let covers = |row: &Value, path: &str| {
        let entry = row["path"].as_str().unwrap();
        match row["kind"].as_str().unwrap() {
            "folder" => path.starts_with(&format!("{entry}/")),
            _ => path == entry,
        }
    };
    for path in all {
        let count = rows.iter().filter(|row| covers(row, path)).count();
        assert_eq!(
            count,
            usize::from(!owned.contains_key(path)),
            "{path}: {rows:?}"
        );
    }
}

/// Number of studios: `AUTO_BACKUP_HISTORIES` sets it for long campaigns.
fn studios() -> u32 {
    std::env::var("AUTO_BACKUP_HISTORIES").map_or(24, |count| count.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: studios(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_layout_agrees_with_brute_force(
        wanted in prop::sample::subsequence(&LAYOUTS[..], 1..4),
        first in paths(),
        second in paths(),
    ) {
        let layouts: Vec<&str> = wanted;
        let studio = studio(&layouts);
        for path in &first {
            studio.file(format!("WORK/{path}"), path);
        }
        let all = files(&studio, "WORK");
        let expected = owned(&layouts, &all);
        let load = studio.json(&["load"]).document();
        prop_assert_eq!(&load["databases"][0]["files"], &Value::from(expected.len()));
        prop_assert_eq!(found(&studio, "WORK"), expected.clone());
        check_outside(&studio, &expected, &all);
        if expected.is_empty() {
            return Ok(());
        }
        studio.json(&["copy all all WORK NAS"]).status(0);
        let copied: BTreeSet<String> = expected.keys().cloned().collect();
        prop_assert_eq!(files(&studio, "NAS"), copied);
        prop_assert_eq!(found(&studio, "NAS"), expected);
        studio.json(&["compare all all WORK NAS"]).status(0);
        studio.json(&["sync all all WORK NAS"]).status(0);
        for path in first.difference(&second) {
            studio.remove(format!("WORK/{path}"));
        }
        for path in &second {
            studio.file(format!("WORK/{path}"), path);
        }
        let all = files(&studio, "WORK");
        let expected = owned(&layouts, &all);
        if expected.is_empty() {
            return Ok(());
        }
        studio.json(&["sync all all WORK NAS --delete --force"]).status(0);
        let synced: BTreeSet<String> = expected.keys().cloned().collect();
        prop_assert_eq!(files(&studio, "NAS"), synced);
        studio.json(&["load"]).status(0);
        prop_assert_eq!(found(&studio, "WORK"), expected.clone());
        prop_assert_eq!(found(&studio, "NAS"), expected.clone());
        check_outside(&studio, &expected, &all);
    }
}
