//! `remove`.

use insta::assert_snapshot;

use super::run_with_format;
use crate::studio::Studio;

#[test]
fn removal_leaves_files_untouched() {
    let studio = Studio::filled();
    let before = studio.tree("WORK");
    let lines = [
        "exclude '*.tmp'",
        "remove database WORK",
        "remove category render",
        "remove exclusion '*.tmp'",
    ];
    assert_snapshot!(studio.lines(&lines), @"
    exit 0
    --- stdout
    excluded from now on: *.tmp
    storage WORK is no longer tracked; its files are untouched
    category render is no longer tracked; its files are untouched
    exclusion *.tmp was removed; its files are included from the next scan on
    ");
    assert_snapshot!(studio.json(&lines), @r#"
    exit 0
    --- stdout
    {"command":"exclude","pattern":"*.tmp","change":"added"}
    {"command":"remove","kind":"database","name":"WORK"}
    {"command":"remove","kind":"category","name":"render"}
    {"command":"remove","kind":"exclusion","name":"*.tmp"}
    "#);
    assert_snapshot!(run_with_format(&studio, "plain", "remove database NAS"), @"
    exit 0
    --- stdout
    database	NAS
    ");
    assert_snapshot!(run_with_format(&studio, "csv", "remove category footage"), @"
    exit 0
    --- stdout
    kind,name
    category,footage
    ");
    assert_eq!(studio.tree("WORK"), before);
}

#[test]
fn removed_names_are_not_listed() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let lines = [
        "remove database WORK",
        "remove category render",
        "list databases",
        "list categories",
        "list projects",
        "fetch all",
    ];
    assert_snapshot!(studio.lines(&lines), @"
    exit 0
    --- stdout
    storage WORK is no longer tracked; its files are untouched
    category render is no longer tracked; its files are untouched
    storage  root                    state      free   total  medium
    NAS      $STUDIO/NAS  online  FREE  TOTAL  MEDIUM
    1 storage, 0 files, 0 B
    category  path
    footage   footage
    1 category, 0 files, 0 B
    no projects; `load` scans for them
    no projects; `load` scans for them, `list databases` shows where
    ");
}

#[test]
fn readded_database_keeps_its_index_entries() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let before = studio.json(&["fetch all"]).ok();
    let lines = [
        "remove database WORK",
        "remove database NAS",
        "add database WORK WORK",
        "add database NAS NAS",
    ];
    let after = studio.json(&[&lines[..], &["fetch all"]].concat()).ok();
    assert_eq!(before.document(), after.document());
}

#[test]
fn unknown_names_suggest_nearest() {
    let studio = Studio::new();
    assert_snapshot!(studio.lines(&["remove database WROK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:17: error: unknown storage `WROK`
        remove database WROK
                        ^^^^
    hint: did you mean `WORK`?
    ");
    assert_snapshot!(studio.lines(&["remove category fotage"]).status(1), @"
    exit 1
    --- stderr
    -c:1:17: error: unknown category `fotage`
        remove category fotage
                        ^^^^^^
    hint: did you mean `footage`?
    ");
    assert_snapshot!(studio.lines(&["remove exclusion '*.tmp'"]).status(1), @"
    exit 1
    --- stderr
    -c:1:18: error: unknown exclusion `*.tmp`
        remove exclusion '*.tmp'
                         ^^^^^^^
    ");
    assert_snapshot!(studio.lines(&["remove WORK"]).status(2), @"
    exit 2
    --- stderr
    -c:1:8: error: unknown command `WORK`
        remove WORK
               ^^^^
    hint: expected one of: database, category, exclusion
    ");
}
