//! A scan writes only differences.

use super::index;
use crate::studio::Studio;

/// Returns the writes per table since the last call.
fn take_written_tables(studio: &Studio) -> Vec<(String, String, i64)> {
    let index = index(studio);
    let sql = "SELECT tab, what, count(*) FROM told GROUP BY tab, what ORDER BY tab, what";
    let mut query = index.prepare(sql).unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    index.execute("DELETE FROM told", []).unwrap();
    rows
}

#[test]
fn scan_writes_only_changed_folders() {
    let studio = Studio::new();
    for number in 0..1000 {
        studio.file(
            format!("WORK/footage/acme/spot/s{}/f{number:04}/file", number % 10),
            "content",
        );
    }
    studio.lines(&["load"]).ok();
    let index = index(&studio);
    index
        .execute_batch("CREATE TABLE told (tab TEXT, what TEXT)")
        .unwrap();
    for what in ["INSERT", "UPDATE", "DELETE"] {
        let sql = format!(
            "CREATE TRIGGER told_{what} AFTER {what} ON folders BEGIN INSERT INTO told VALUES ('folders', '{what}'); END"
        );
        index.execute_batch(&sql).unwrap();
    }
    drop(index);
    let one = |what: &str, count: i64| vec![("folders".to_owned(), what.to_owned(), count)];
    studio.lines(&["load"]).ok();
    assert_eq!(take_written_tables(&studio), []);
    studio.file("WORK/footage/acme/spot/s3/f0123/file", "longer content");
    studio.lines(&["load"]).ok();
    assert_eq!(take_written_tables(&studio), one("UPDATE", 1));
    studio.folder("WORK/footage/acme/spot/s3/new");
    studio.lines(&["load WORK --project acme/spot"]).ok();
    assert_eq!(take_written_tables(&studio), one("INSERT", 1));
    studio.remove("WORK/footage/acme/spot/s3/f0123");
    studio.lines(&["load WORK"]).ok();
    assert_eq!(take_written_tables(&studio), one("DELETE", 1));
    // Neither a scan of an offline database nor one of other categories writes.
    std::fs::rename(studio.path("WORK"), studio.path("away")).unwrap();
    studio.lines(&["load"]).status(3);
    std::fs::rename(studio.path("away"), studio.path("WORK")).unwrap();
    studio.lines(&["load --category render", "load"]).ok();
    assert_eq!(take_written_tables(&studio), []);
}
