//! Whatever scans write, merge and rebuild: a search with the name index finds the files that a search without it finds.

mod damage;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;

use super::{NameQuery, QueryText};
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::base::unicode::search_key_of_bytes;
use crate::index::name_index::segment::segments;
use crate::index::{FolderFiles, Index, KnownDatabase, PresentReplica};
use crate::model::project::ProjectId;
use crate::snapshot::manifest::{ManifestBuilder, ManifestFile};
use crate::snapshot::tree::ScannedFolder;

const ROOT: &str = "/mnt/studio";
const CATEGORY: &str = "footage";

/// Names by folder.
type Files = BTreeMap<String, BTreeSet<String>>;

/// A step of the test.
#[derive(Clone, Debug)]
enum Step {
    /// Scans a project with these files; without files it is missing.
    Scan(u8, Files),
    /// Drops a table.
    Drop(u8),
    /// Completes the name index.
    Complete,
    /// Forgets the database.
    Forget,
}

fn project(number: u8) -> ProjectId {
    ProjectId {
        client: "acme".into(),
        project: format!("spot{number}").as_str().into(),
    }
}

fn names() -> impl Strategy<Value = BTreeSet<String>> {
    let name = prop_oneof![
        4 => "[a-c]{1,4}\\.[0-9]{4}\\.exr",
        2 => "[abAB]{0,3}[e\u{e9}][ab]{0,3}",
        1 => "[ab]{0,2}(e\u{301}|\u{b5}|\u{17f}|\u{df}|\u{6771}\u{4eac}|\u{5d0}\u{5b8}\u{5b0})[ab]{0,2}",
    ];
    proptest::collection::btree_set(
        name.prop_filter("names are not empty", |name| !name.is_empty()),
        0..30,
    )
}

fn step() -> impl Strategy<Value = Step> {
    let files = proptest::collection::btree_map("[ab]{1,3}(/[ab]{1,3})?", names(), 0..5);
    prop_oneof![
        12 => (0..3_u8, files).prop_map(|(number, files)| Step::Scan(number, files)),
        1 => (0..4_u8).prop_map(Step::Drop),
        2 => Just(Step::Complete),
        1 => Just(Step::Forget),
    ]
}

fn manifest_builder(names: &BTreeSet<String>) -> ManifestBuilder {
    let mut builder = ManifestBuilder::default();
    for name in names {
        builder.add(&ManifestFile::regular(
            name.as_bytes(),
            1,
            Timestamp::default(),
        ));
    }
    builder
}

/// Scans one project.
fn scan(index: &mut Index, number: u8, files: &Files) {
    let known = index.database(Path::new(ROOT)).unwrap();
    if files.is_empty() {
        let writer = index.write_scan(Path::new(ROOT), &known).unwrap();
        writer
            .record_missing(Path::new(CATEGORY), &project(number))
            .unwrap();
        return writer.finish(false).unwrap();
    }
    scan_present(index, &known, number, files);
}

fn scan_present(index: &mut Index, known: &KnownDatabase, number: u8, files: &Files) {
    let mut staging = index.stage_scan(known).unwrap();
    let replica = staging
        .begin_replica(Path::new(CATEGORY), &project(number))
        .unwrap();
    for (path, names) in files {
        let folder = ScannedFolder::from_builder(Path::new(path), manifest_builder(names));
        staging.add_folder(replica, folder).unwrap();
    }
    staging.end_replica(replica).unwrap();
    let staged = staging.finish().unwrap();
    let writer = index.write_scan(Path::new(ROOT), known).unwrap();
    writer.write_replicas(&staged).unwrap();
    writer.finish(false).unwrap();
}

/// A visit of the folders of a replica.
type Visit<'a> =
    &'a dyn Fn(&PresentReplica, &mut dyn FnMut(&FolderFiles<'_>) -> Result<bool>) -> Result<bool>;

/// Returns the files whose names have the text, in the order in which they are visited.
fn matches(index: &Index, text: &str, visit: Visit<'_>) -> Vec<String> {
    let key = search_key_of_bytes(text.as_bytes()).into_owned();
    let mut found = Vec::new();
    let Some(id) = index.database_id(Path::new(ROOT)).unwrap() else {
        return found;
    };
    for replica in index.present_replicas(id, Path::new(CATEGORY)).unwrap() {
        visit(&replica, &mut |folder| {
            let mut files = folder.files();
            while let Some(file) = files.next() {
                let name = search_key_of_bytes(file.name);
                if name.windows(key.len()).any(|part| part == key) {
                    found.push(format!("{:?} {:?} {:?}", folder.project, folder.path, file));
                }
            }
            Ok(true)
        })
        .unwrap();
    }
    found
}

/// Fails unless a search for a text finds the same with and without the name index.
fn check(index: &Index, text: &str) {
    let all = matches(index, text, &|replica, visit| {
        index.visit_replica(replica, visit)
    });
    let query = NameQuery::new(&[vec![QueryText::Name(text.to_owned())]]);
    let candidates = query.and_then(|query| index.name_candidates(&query).unwrap());
    let Some(candidates) = candidates else {
        return;
    };
    let found = matches(index, text, &|replica, visit| {
        index.visit_candidates(&candidates, replica, visit)
    });
    assert_eq!(found, all, "{text}");
}

fn apply(index: &mut Index, step: &Step) {
    match step {
        Step::Scan(number, files) => scan(index, *number, files),
        Step::Drop(place) => {
            let tables = [
                "name_replicas",
                "name_segments",
                "name_pages",
                "name_blocks",
            ];
            let table = tables[usize::from(*place)];
            index
                .connection
                .execute_batch(&format!("DROP TABLE IF EXISTS {table}"))
                .unwrap();
        }
        Step::Complete => index.complete_names().unwrap(),
        Step::Forget => index.forget_database(Path::new(ROOT)).unwrap(),
    }
}

fn index() -> (tempfile::TempDir, Index) {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(&folder.path().join("index")).unwrap().index;
    (folder, index)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn name_index_misses_no_file(steps in proptest::collection::vec(step(), 1..14)) {
        let (_folder, mut index) = index();
        for step in &steps {
            apply(&mut index, step);
            for text in ["exr", "abe", "\u{e9}ab", "aca", ".10", "\u{6771}\u{4eac}", "sse", "\u{5d0}\u{5b0}\u{5b8}a"] {
                check(&index, text);
            }
        }
    }
}

fn files(names: &[&str]) -> Files {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Files::from([("plates".to_owned(), names)])
}

fn count(connection: &Connection, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    connection.query_row(&sql, [], |row| row.get(0)).unwrap()
}

fn query(text: &str) -> NameQuery {
    NameQuery::new(&[vec![QueryText::Name(text.to_owned())]]).unwrap()
}

/// Number of folders that may have a text.
fn candidate_folders(index: &Index, text: &str) -> usize {
    index
        .name_candidates(&query(text))
        .unwrap()
        .unwrap()
        .folder_count()
}

#[test]
fn unchanged_scan_writes_no_name() {
    let (_folder, mut index) = index();
    scan(&mut index, 0, &files(&["reel.mov"]));
    let rows = |index: &Index| {
        ["name_segments", "name_pages", "name_blocks"].map(|table| count(&index.connection, table))
    };
    let before = rows(&index);
    scan(&mut index, 0, &files(&["reel.mov"]));
    assert_eq!(rows(&index), before);
    assert_eq!(before, [1, 1, 1]);
}

#[test]
fn folder_without_new_names_writes_none() {
    let (_folder, mut index) = index();
    scan(&mut index, 0, &files(&["reel.mov", "sound.wav"]));
    scan(&mut index, 0, &files(&["reel.mov"]));
    assert_eq!(count(&index.connection, "name_segments"), 1);
    check(&index, "reel");
    check(&index, "sound");
    scan(&mut index, 0, &files(&["reel.mov", "sound.wav"]));
    assert_eq!(count(&index.connection, "name_segments"), 2);
    check(&index, "sound");
}

#[test]
fn changed_folder_is_found_by_its_new_names() {
    let (_folder, mut index) = index();
    scan(&mut index, 0, &files(&["reel.mov"]));
    assert_eq!(candidate_folders(&index, "sound"), 0);
    scan(&mut index, 0, &files(&["reel.mov", "sound.wav"]));
    assert_eq!(candidate_folders(&index, "sound"), 1);
}

#[test]
fn many_scans_leave_few_segments() {
    let (_folder, mut index) = index();
    for number in 0..200 {
        let name = format!("reel{number:04}.mov");
        scan(&mut index, 0, &files(&[&name]));
    }
    let rows = segments(&index.connection).unwrap();
    assert!(rows.len() < 8, "{}", rows.len());
    assert!(
        rows.windows(2)
            .all(|pair| pair[0].first + pair[0].blocks == pair[1].first)
    );
    check(&index, "reel0199");
}

#[test]
fn name_index_of_mostly_dead_blocks_is_emptied() {
    let (_folder, mut index) = index();
    scan(&mut index, 1, &files(&["sound.wav"]));
    let blocks = "SELECT coalesce(sum(blocks), 0) FROM name_segments";
    for number in 0..600 {
        scan(&mut index, 0, &files(&[&format!("reel{number:04}.mov")]));
        // A replica that is gone leaves its blocks behind.
        scan(&mut index, 0, &Files::new());
        let all: i64 = index
            .connection
            .query_row(blocks, [], |row| row.get(0))
            .unwrap();
        assert!(all <= 520, "{all}");
    }
    check(&index, "sound");
    index.complete_names().unwrap();
    assert_eq!(candidate_folders(&index, "sound"), 1);
}

#[test]
fn often_changed_replica_is_indexed_anew() {
    let (_folder, mut index) = index();
    for number in 0..300 {
        scan(&mut index, 0, &files(&[&format!("reel{number:04}.mov")]));
    }
    assert_eq!(count(&index.connection, "name_replicas"), 0);
    index.complete_names().unwrap();
    assert_eq!(count(&index.connection, "name_replicas"), 1);
    assert_eq!(count(&index.connection, "name_blocks"), 1);
    assert_eq!(candidate_folders(&index, "reel0299"), 1);
    assert_eq!(candidate_folders(&index, "reel0007"), 0);
}

#[test]
fn replica_that_is_indexed_anew_stays_indexed() {
    let (_folder, mut index) = index();
    let folders = |version: usize| -> Files {
        let names = |folder: usize| files(&[&format!("reel{folder:03}.{version:04}.mov")]);
        let folder = |folder| (format!("f{folder:03}"), names(folder)["plates"].clone());
        (0..10).map(folder).collect()
    };
    // All blocks of the replica die when it is indexed anew.
    for version in 0..1200 {
        scan(&mut index, 0, &folders(version));
        scan(&mut index, 1, &files(&["sound.wav"]));
    }
    index.complete_names().unwrap();
    assert_eq!(count(&index.connection, "name_replicas"), 2);
    assert!(candidate_folders(&index, "reel003.1199") > 0);
    assert_eq!(candidate_folders(&index, "sound"), 1);
}
