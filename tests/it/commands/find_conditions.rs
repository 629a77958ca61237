//! The conditions of `find`, accents, and the name index behind it.

use insta::assert_snapshot;
use rusqlite::Connection;

use super::{hours_ago, run_with_format};
use crate::studio::Studio;

/// Path of the index.
const INDEX: &str = "home/.local/share/auto-backup/index.sqlite";

/// Films of different sizes and ages, some of them on both storages.
fn films() -> Studio {
    let studio = Studio::new();
    for (path, bytes, hours) in [
        ("WORK/footage/acme/spot/a.mov", 500, 1),
        ("WORK/footage/acme/spot/b.mov", 1500, 30),
        ("WORK/footage/acme/spot/c.mov", 2500, 100),
        ("NAS/footage/acme/spot/b.mov", 1500, 30),
        ("NAS/footage/acme/spot/c.mov", 2600, 90),
        ("NAS/footage/acme/spot/d.mov", 100, 200),
    ] {
        studio.file_at(path, "x".repeat(bytes), hours_ago(hours));
    }
    studio.lines(&["load"]).ok();
    studio
}

/// Names of the found files with their storages.
fn found(studio: &Studio, line: &str) -> String {
    let run = run_with_format(studio, "plain", line);
    assert_eq!(run.status, 0, "{run}");
    let name = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        format!(
            "{} {}",
            fields[0],
            fields[3].rsplit('/').next().unwrap_or_default()
        )
    };
    run.stdout.lines().map(name).collect::<Vec<_>>().join(", ")
}

#[test]
fn conditions_select_by_size_and_age() {
    let studio = films();
    for (conditions, expected) in [
        ("larger 1500", "WORK c.mov, NAS c.mov"),
        ("smaller 1500", "WORK a.mov, NAS d.mov"),
        ("newer 2d", "WORK a.mov, WORK b.mov, NAS b.mov"),
        ("older 4d", "WORK c.mov, NAS d.mov"),
        ("older 1d newer 4d in NAS", "NAS b.mov, NAS c.mov"),
        ("in WORK larger 1k smaller 2k", "WORK b.mov"),
        ("--newer 2d smaller 1k", "WORK a.mov"),
    ] {
        assert_eq!(
            found(&studio, &format!("find '*.mov' {conditions}")),
            expected,
            "{conditions}"
        );
    }
}

#[test]
fn only_on_lists_files_of_one_storage() {
    let studio = films();
    assert_eq!(
        found(&studio, "find mov only on WORK"),
        "WORK a.mov, WORK c.mov"
    );
    assert_eq!(
        found(&studio, "find mov only on NAS"),
        "NAS c.mov, NAS d.mov"
    );
    assert_eq!(
        found(&studio, "find mov only on NAS smaller 1k"),
        "NAS d.mov"
    );
    assert_snapshot!(studio.lines(&["find mov only on NAS"]), @"
    exit 0
    --- stdout
     files     size       changed  on   path
         1  2.60 kB    3 days ago  NAS  $STUDIO/NAS/footage/acme/spot/c.mov
         1    100 B    8 days ago  NAS  $STUDIO/NAS/footage/acme/spot/d.mov
    2 files, 2.70 kB
    ");
}

#[test]
fn only_on_judges_both_unicode_forms_of_a_folder() {
    let studio = Studio::new();
    let composed = "footage/acme/spot/\u{e9}t\u{e9}/a.mov";
    let decomposed = "footage/acme/spot/e\u{301}te\u{301}/b.mov";
    studio.file_at(format!("WORK/{composed}"), "film", hours_ago(9));
    studio.file_at(format!("NAS/{composed}"), "film", hours_ago(9));
    studio.file_at(format!("WORK/{decomposed}"), "else", hours_ago(9));
    studio.lines(&["load"]).ok();
    assert_eq!(found(&studio, "find mov only on WORK"), "WORK b.mov");
}

#[test]
fn nothing_to_search_is_explained() {
    let studio = films();
    std::fs::create_dir(studio.path("NEW")).unwrap();
    let root = studio.path("NEW").display().to_string();
    let add = format!("add database NEW {root}");
    let last = |line: &str| {
        let page = studio.lines(&[&add, line]).ok();
        page.stdout.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(
        last("find mov only on NAS in WORK"),
        "the storages after `only on` and `in` are different ones"
    );
    assert_eq!(
        last("find '*.mov' older 3000d"),
        "no file matches the pattern and the conditions"
    );
    assert_eq!(
        last("find mov only on NEW"),
        "this storage was never scanned: `load` scans it"
    );
    assert_eq!(
        last("duplicates in NAS in WORK"),
        "no files to compare in these places"
    );
}

#[test]
fn equal_content_under_another_time_is_elsewhere() {
    let studio = Studio::new();
    studio.file_at("WORK/footage/acme/spot/a.mov", "film", hours_ago(9));
    studio.file_at("NAS/footage/acme/spot/a.mov", "film", hours_ago(3));
    studio.lines(&["load"]).ok();
    assert_eq!(found(&studio, "find mov only on WORK"), "WORK a.mov");
    studio.lines(&["verify all"]).ok();
    assert_eq!(found(&studio, "find mov only on WORK"), "");
}

#[test]
fn answers_end_with_their_total() {
    let studio = films();
    let page = studio.lines(&["find mov larger 1k"]).ok();
    assert_eq!(page.stdout.lines().last(), Some("4 files, 8.10 kB"));
    let json = studio.json(&["find mov larger 1k"]).ok();
    assert_eq!(
        json.document()["total"],
        serde_json::json!({"bytes": 8100, "files": 4})
    );
}

#[test]
fn broken_conditions_are_pointed_at() {
    let studio = films();
    assert_snapshot!(studio.lines(&["find mov bigger 1k"]), @"
    exit 2
    --- stderr
    -c:1:10: error: unexpected argument `bigger`
        find mov bigger 1k
                 ^^^^^^
    hint: quote a pattern with spaces; a condition after it begins with `larger`, `smaller`, `newer`, `older`, `only`, `in`
    ");
    assert_snapshot!(studio.lines(&["find mov larger much"]), @"
    exit 2
    --- stderr
    -c:1:17: error: `much` cannot be a size: a size is written as in `10GB` or `500k`
        find mov larger much
                        ^^^^
    ");
    assert_snapshot!(studio.lines(&["find mov larger"]), @"
    exit 2
    --- stderr
    -c:1:16: error: missing: SIZE
        find mov larger
                       ^
    hint: larger SIZE: more than this size
    ");
    assert_snapshot!(studio.lines(&["find mov only NAS"]), @"
    exit 2
    --- stderr
    -c:1:18: error: missing: on STORAGE
        find mov only NAS
                         ^
    hint: only on STORAGE: on no other storage
    ");
    assert_snapshot!(studio.lines(&["find mov only on NOWHERE"]), @"
    exit 1
    --- stderr
    -c:1:18: error: unknown storage `NOWHERE`
        find mov only on NOWHERE
                         ^^^^^^^
    hint: known: WORK, NAS
    ");
    assert_snapshot!(studio.lines(&["find mov older 1d older 2d"]), @"
    exit 2
    --- stderr
    -c:1:19: error: unexpected argument `older`
        find mov older 1d older 2d
                          ^^^^^
    hint: each condition is given once
    ");
}

/// Names with and without accents, composed and decomposed.
const ACCENTED: [&str; 4] = [
    "cafe.mov",
    "Caf\u{e9}.mov",
    "CAFE\u{301} noir.mov",
    "stra\u{df}e.mov",
];

#[test]
fn accents_and_case_are_ignored() {
    let studio = Studio::new();
    for name in ACCENTED {
        studio.file(format!("WORK/footage/acme/spot/{name}"), "film");
    }
    studio.lines(&["load"]).ok();
    let count = |pattern: &str| {
        let run = run_with_format(&studio, "plain", &format!("find {pattern}"));
        run.stdout.lines().count()
    };
    for pattern in [
        "cafe",
        "CAF\u{c9}",
        "cafe\u{301}",
        "'c?f*'",
        "'*f[e\u{e9}]*'",
        "'Caf\u{e9}*'",
    ] {
        assert_eq!(count(pattern), 3, "{pattern}");
    }
    for pattern in ["strasse", "stra\u{df}e", "'stra?e.mov'", "'STRA*'"] {
        assert_eq!(count(pattern), 1, "{pattern}");
    }
    assert_eq!(count("-s Caf\u{e9}"), 1);
    assert_eq!(count("-s cafe"), 1);
    assert_eq!(count("-s E\u{301}"), 1);
}

/// A studio whose files the index of names must find in many folders.
fn many_folders() -> Studio {
    let studio = Studio::new();
    for folder in 0..40 {
        for file in 0..10 {
            let path = format!(
                "WORK/footage/acme/spot/f{folder:02}/take_{file}_{}.wav",
                folder * file
            );
            studio.file(path, "x");
        }
    }
    studio.file("WORK/footage/acme/spot/f20/xylograph.pdf", "x");
    studio.lines(&["load"]).ok();
    studio
}

#[test]
fn answers_are_equal_without_the_name_index() {
    let studio = many_folders();
    let patterns = [
        "xylo",
        "'*_9_35*'",
        "spot/f2",
        "'acme/spot/*/take_[12]_*.{wav,pdf}'",
        "'**/acme/spot/*/take_1_*.wav'",
        "'acme/**/take_2_*.wav'",
        "'acme/spot[!x]f20/xylo*'",
        "f",
        "'*'",
        "TAKE_3",
    ];
    let answers = |studio: &Studio| {
        patterns.map(|pattern| studio.lines(&[&format!("find {pattern}")]).stdout)
    };
    let indexed = answers(&studio);
    let index = Connection::open(studio.path(INDEX)).unwrap();
    index.execute_batch("DROP TABLE name_pages").unwrap();
    drop(index);
    assert_eq!(answers(&studio), indexed);
    studio.lines(&["load"]).ok();
    assert_eq!(answers(&studio), indexed);
}

#[test]
fn damaged_name_index_of_a_locked_index_stops_no_search() {
    let studio = many_folders();
    let index = Connection::open(studio.path(INDEX)).unwrap();
    index
        .execute_batch("UPDATE name_pages SET postings = x'00'; BEGIN IMMEDIATE")
        .unwrap();
    let run = studio.lines(&["find xylo"]).status(0);
    assert!(run.stdout.contains("xylograph.pdf"), "{run}");
    assert!(
        run.stderr.contains("the index of names is missing"),
        "{run}"
    );
}

#[test]
fn lost_name_index_is_reported_and_built_again() {
    let studio = many_folders();
    let index = Connection::open(studio.path(INDEX)).unwrap();
    let rows = |index: &Connection| -> (i64, i64) {
        let sql = "SELECT (SELECT count(*) FROM name_replicas), (SELECT count(*) FROM name_blocks)";
        index
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
    };
    let before = rows(&index);
    index
        .execute_batch("UPDATE name_pages SET postings = x'00'")
        .unwrap();
    assert_snapshot!(studio.lines(&["find xylo"]), @"
    exit 0
    --- stdout
     files     size       changed  on    path
         1      1 B  NNN days ago  WORK  $STUDIO/WORK/footage/acme/spot/f20/xylograph.pdf
    1 file, 1 B
    --- stderr
    note: the index of names is missing, so every name is read; `load` builds it
    ");
    assert_eq!(rows(&index), (0, 0));
    studio.lines(&["load"]).ok();
    assert_eq!(rows(&index).0, before.0);
    assert_snapshot!(studio.lines(&["find xylo"]), @"
    exit 0
    --- stdout
     files     size       changed  on    path
         1      1 B  NNN days ago  WORK  $STUDIO/WORK/footage/acme/spot/f20/xylograph.pdf
    1 file, 1 B
    ");
}
