//! A damaged, dropped or incomplete name index is noticed, and hides no file.

use std::path::Path;

use super::{CATEGORY, ROOT, candidate_folders, check, count, files, index, query, scan};
use crate::index::name_index::tables::DROP_TABLES;
use crate::index::sql::rows;

#[test]
fn each_lost_page_is_noticed() {
    let names: Vec<String> = (0..1200)
        .map(|number: u64| format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (_folder, mut index) = index();
    for (number, part) in (0..6).zip(names.chunks(200)) {
        scan(&mut index, number, &files(part));
    }
    let sql = "SELECT id FROM name_pages";
    let pages: Vec<i64> = rows(&index.connection, sql, [], |row| row.get(0)).unwrap();
    assert!(pages.len() >= 12, "{pages:?}");
    for page in pages {
        index.connection.execute_batch("SAVEPOINT lost").unwrap();
        let lost = "DELETE FROM name_pages WHERE id = ?1";
        index.connection.execute(lost, [page]).unwrap();
        let mut noticed = 0;
        for name in &names {
            match index.name_candidates(&query(name)).unwrap() {
                None => noticed += 1,
                Some(found) => assert!(found.folder_count() > 0, "{page} {name}"),
            }
        }
        assert!(noticed > 0, "{page}");
        let undo = "ROLLBACK TO lost; RELEASE lost";
        index.connection.execute_batch(undo).unwrap();
    }
}

#[test]
fn damaged_folder_leaves_only_its_replica_out() {
    let (_folder, mut index) = index();
    for (number, name) in (0..).zip(["reel.mov", "sound.wav", "still.dpx"]) {
        scan(&mut index, number, &files(&[name]));
    }
    index.connection.execute_batch(DROP_TABLES).unwrap();
    let damage = "UPDATE folders SET checksum = x'00' WHERE replica_id = 2";
    index.connection.execute_batch(damage).unwrap();
    for _ in 0..2 {
        index.complete_names().unwrap();
        assert_eq!(count(&index.connection, "name_replicas"), 2);
        for (name, folders) in [("reel", 1), ("sound", 0), ("still", 1)] {
            assert_eq!(candidate_folders(&index, name), folders, "{name}");
        }
    }
}

#[test]
fn sound_name_index_is_not_discarded() {
    let (_folder, mut index) = index();
    scan(&mut index, 0, &files(&["reel.mov"]));
    index.discard_damaged_names(&query("reel")).unwrap();
    assert_eq!(candidate_folders(&index, "reel"), 1);
}

#[test]
fn lost_folder_is_noticed() {
    let (_folder, mut index) = index();
    // Each folder is a block of its own, so that the search looks up one of them.
    let folder = |folder: usize| {
        let names = (0..64).map(|name| format!("reel{folder}.{name:04}.exr"));
        (format!("f{folder}"), names.collect())
    };
    scan(&mut index, 0, &(0..5).map(folder).collect());
    let candidates = index.name_candidates(&query("reel3")).unwrap().unwrap();
    assert_eq!(candidates.folder_count(), 1);
    let lost = "DELETE FROM folders WHERE path = CAST('f3' AS BLOB)";
    assert_eq!(index.connection.execute(lost, []).unwrap(), 1);
    let id = index.database(Path::new(ROOT)).unwrap().id.unwrap();
    let replica = &index.present_replicas(id, Path::new(CATEGORY)).unwrap()[0];
    let visited = index.visit_candidates(&candidates, replica, &mut |_| Ok(true));
    assert!(visited.is_err());
}

#[test]
fn dropped_tables_are_built_again() {
    let (_folder, mut index) = index();
    scan(&mut index, 0, &files(&["reel.mov"]));
    index.connection.execute_batch(DROP_TABLES).unwrap();
    assert!(index.name_candidates(&query("reel")).unwrap().is_none());
    index.complete_names().unwrap();
    assert_eq!(candidate_folders(&index, "reel"), 1);
}

#[test]
fn lost_and_damaged_rows_are_noticed() {
    for damage in [
        "DELETE FROM name_segments",
        "DELETE FROM name_replicas",
        "DELETE FROM name_pages",
        "UPDATE name_pages SET postings = x'00'",
        "UPDATE name_pages SET end = 7",
        "UPDATE name_segments SET first = first + 1",
        "UPDATE name_blocks SET folders = x'05'",
        "UPDATE name_blocks SET base = base + 1",
        "UPDATE name_blocks SET replica_id = 2",
    ] {
        let (_folder, mut index) = index();
        scan(&mut index, 0, &files(&["reel.mov"]));
        scan(&mut index, 1, &files(&["sound.wav"]));
        index
            .connection
            .execute_batch("PRAGMA foreign_keys = OFF")
            .unwrap();
        index.connection.execute_batch(damage).unwrap();
        let query = query("reel");
        assert!(index.name_candidates(&query).unwrap().is_none(), "{damage}");
        index.discard_damaged_names(&query).unwrap();
        index.complete_names().unwrap();
        assert_eq!(candidate_folders(&index, "reel"), 1, "{damage}");
    }
}

#[test]
fn damaged_name_index_stops_no_scan() {
    let (_folder, mut index) = index();
    for number in 0..20 {
        scan(&mut index, 0, &files(&[&format!("reel{number:04}.mov")]));
        let damage = "UPDATE name_pages SET postings = x'00'";
        index.connection.execute_batch(damage).unwrap();
    }
    check(&index, "reel0019");
    // As `find` does when it meets the damage.
    let query = query("reel0019");
    index.discard_damaged_names(&query).unwrap();
    index.complete_names().unwrap();
    assert_eq!(candidate_folders(&index, "reel0019"), 1);
}
