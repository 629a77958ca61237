//! `exclude`.

use insta::assert_snapshot;

use super::formatted;
use crate::studio::Studio;

#[test]
fn an_exclusion_is_added_once() {
    let studio = Studio::bare();
    assert_snapshot!(studio.lines(&["exclude '*.tmp'"]), @"
    exit 0
    --- stdout
    left alone from the next look on: *.tmp
    ");
    assert_snapshot!(studio.json(&["exclude '*.tmp'", "exclude '*.tmp'"]), @r#"
    exit 0
    --- stdout
    {"command":"exclude","pattern":"*.tmp","change":"added"}
    {"command":"exclude","pattern":"*.tmp","change":"unchanged"}
    "#);
    assert_snapshot!(formatted(&studio, "plain", "exclude cache/"), @"
    exit 0
    --- stdout
    cache/	added
    ");
    assert_snapshot!(formatted(&studio, "csv", "exclude a,b"), @r#"
    exit 0
    --- stdout
    pattern,change
    "a,b",added
    "#);
}

#[test]
fn a_broken_pattern_is_refused() {
    assert_snapshot!(Studio::bare().lines(&["exclude '[z-a]'"]).status(2), @"
    exit 2
    --- stderr
    -c:1:9: error: `[z-a]` cannot be a pattern: it is not in gitignore syntax, like `*.tmp` or `cache/`
        exclude '[z-a]'
                ^^^^^^^
    ");
}

#[test]
fn what_is_excluded_is_neither_counted_nor_copied() {
    let studio = Studio::new();
    studio
        .file("WORK/footage/acme/spot/a.mov", "1")
        .file("WORK/footage/acme/spot/a.tmp", "22")
        .file("WORK/footage/acme/spot/sub/cache/b", "333")
        .file("WORK/footage/acme/spot/cache.mov", "4444")
        .file("WORK/footage/acme/spot/.DS_Store", "55555");
    let lines = [
        "exclude '*.tmp'",
        "exclude cache/",
        "load WORK",
        "copy acme/spot all WORK NAS",
    ];
    assert_snapshot!(studio.lines(&lines), @"
    exit 0
    --- stdout
    left alone from the next look on: *.tmp
    left alone from the next look on: cache/
    ┌──────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ database ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞══════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK     ┆ complete ┆        1 ┆     2 ┆  5 B ┆     2 ┆ N s │
    └──────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    copied 2 files, 5 B in N s
    ");
    assert_snapshot!(studio.tree("NAS/footage"), @"
    acme/
    acme/spot/
    acme/spot/a.mov 1
    acme/spot/cache.mov 4
    acme/spot/sub/
    ");
}

#[test]
fn a_client_or_project_of_an_excluded_name_is_still_seen() {
    let studio = Studio::new();
    studio
        .file("WORK/footage/cache/old.tmp/a.mov", "1")
        .file("WORK/footage/cache/old.tmp/b.tmp", "1");
    let lines = [
        "exclude '*.tmp'",
        "exclude cache/",
        "load WORK",
        "list projects",
    ];
    assert_snapshot!(studio.lines(&lines), @"
    exit 0
    --- stdout
    left alone from the next look on: *.tmp
    left alone from the next look on: cache/
    ┌──────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ database ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞══════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK     ┆ complete ┆        1 ┆     1 ┆  1 B ┆     1 ┆ N s │
    └──────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    ┌───────────────┐
    │ project       │
    ╞═══════════════╡
    │ cache/old.tmp │
    └───────────────┘
    ");
}
