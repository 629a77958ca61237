//! `exclude`.

use insta::assert_snapshot;

use super::run_with_format;
use crate::studio::Studio;

#[test]
fn an_exclusion_is_added_once() {
    let studio = Studio::bare();
    assert_snapshot!(studio.lines(&["exclude '*.tmp'"]), @"
    exit 0
    --- stdout
    excluded from now on: *.tmp
    ");
    assert_snapshot!(studio.json(&["exclude '*.tmp'", "exclude '*.tmp'"]), @r#"
    exit 0
    --- stdout
    {"command":"exclude","pattern":"*.tmp","change":"added"}
    {"command":"exclude","pattern":"*.tmp","change":"unchanged"}
    "#);
    assert_snapshot!(run_with_format(&studio, "plain", "exclude cache/"), @"
    exit 0
    --- stdout
    cache/	added
    ");
    assert_snapshot!(run_with_format(&studio, "csv", "exclude a,b"), @r#"
    exit 0
    --- stdout
    pattern,change
    "a,b",added
    "#);
}

#[test]
fn invalid_pattern_is_refused() {
    assert_snapshot!(Studio::bare().lines(&["exclude '[z-a]'"]).status(2), @"
    exit 2
    --- stderr
    -c:1:9: error: `[z-a]` cannot be a pattern: it is not in gitignore syntax, like `*.tmp` or `cache/`
        exclude '[z-a]'
                ^^^^^^^
    ");
}

#[test]
fn excluded_files_are_not_counted_or_copied() {
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
    excluded from now on: *.tmp
    excluded from now on: cache/
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK    ┆ complete ┆        1 ┆     2 ┆  5 B ┆     2 ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    scanned 1 storage, 2 files, 5 B in N s
    copied and verified 2 files, 5 B in N s
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
fn client_and_project_folders_ignore_exclusions() {
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
    excluded from now on: *.tmp
    excluded from now on: cache/
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK    ┆ complete ┆        1 ┆     1 ┆  1 B ┆     1 ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    scanned 1 storage, 1 file, 1 B in N s
    project        size  files  copies  newest        scanned   on
    cache/old.tmp   1 B      1       1  NNN days ago  just now  WORK
    1 project, 1 file, 1 B
    ");
}

#[test]
fn pattern_without_effect_is_refused() {
    let studio = Studio::bare();
    let complaints = ["'!x'", "'#x'", "''", "' '"].map(|pattern| {
        studio
            .lines(&[&format!("exclude {pattern}")])
            .status(2)
            .stderr
    });
    assert_snapshot!(complaints.concat(), @r"
    -c:1:9: error: `!x` cannot be a pattern: a `!` would include files again; `remove exclusion PATTERN` does that, and `\!` matches a `!` itself
        exclude '!x'
                ^^^^
    -c:1:9: error: `#x` cannot be a pattern: a pattern that begins with `#` is a comment in a gitignore file; `\#` matches a `#` itself
        exclude '#x'
                ^^^^
    -c:1:9: error: `` cannot be a pattern: it is empty
        exclude ''
                ^^
    -c:1:9: error: ` ` cannot be a pattern: it is empty
        exclude ' '
                ^^^
    ");
    assert_snapshot!(studio.lines(&["exclude '\\!x'", "exclude a", "exclude a"]).ok(), @r"
    exit 0
    --- stdout
    excluded from now on: \!x
    excluded from now on: a
    already excluded: a
    ");
}

/// A studio with the files and folders of operating systems and NAS systems, inside a project and beside clients and
/// projects.
fn with_housekeeping(database: &str) -> Studio {
    let studio = Studio::new();
    studio
        .file(format!("{database}/footage/acme/spot/a.mov"), "1")
        .file(
            format!("{database}/footage/acme/spot/@eaDir/a.mov/thumb.jpg"),
            "22",
        )
        .file(format!("{database}/footage/acme/spot/sub/._b.mov"), "333")
        .file(
            format!("{database}/footage/acme/@Recycle/old/x.mov"),
            "4444",
        )
        .file(
            format!("{database}/footage/.snapshot/hourly/x.mov"),
            "55555",
        );
    studio
}

#[test]
fn housekeeping_files_are_skipped() {
    let studio = with_housekeeping("NAS");
    let copied = studio
        .json(&["load NAS", "list projects", "copy all all NAS WORK"])
        .ok();
    assert!(
        copied
            .stdout
            .contains(r#""projects":[{"project":"acme/spot","databases":["NAS"]"#),
        "{}",
        copied.stdout
    );
    assert_snapshot!(studio.tree("WORK/footage"), @"
    acme/
    acme/spot/
    acme/spot/a.mov 1
    acme/spot/sub/
    ");
}

#[test]
fn housekeeping_off_includes_those_files() {
    let studio = with_housekeeping("NAS");
    studio
        .lines(&["set housekeeping off", "copy all all NAS WORK"])
        .ok();
    assert_snapshot!(studio.tree("WORK/footage"), @"
    acme/
    acme/spot/
    acme/spot/@eaDir/
    acme/spot/@eaDir/a.mov/
    acme/spot/@eaDir/a.mov/thumb.jpg 2
    acme/spot/a.mov 1
    acme/spot/sub/
    acme/spot/sub/._b.mov 3
    ");
}

#[test]
fn excluded_files_are_not_reported_missing() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio.remove("WORK/footage/acme/teaser/t.mov");
    let run = studio
        .json(&["exclude '*.exr'", "exclude reel.mov", "load WORK"])
        .ok();
    let last = run
        .bytes
        .trim_ascii_end()
        .rsplit(|byte| *byte == b'\n')
        .next();
    let looked: serde_json::Value = serde_json::from_slice(last.unwrap()).unwrap();
    assert_eq!(looked["databases"][0]["gone"], 1, "{looked}");
    assert_eq!(looked["databases"][0]["files"], 1, "{looked}");
}

#[test]
fn excluded_files_are_lacked_by_no_copy() {
    let studio = Studio::new();
    studio
        .file_at("WORK/footage/acme/spot/a.mov", "1", 1_000_000_000)
        .file("WORK/footage/acme/spot/a.tmp", "22")
        .file_at("NAS/footage/acme/spot/a.mov", "1", 1_000_000_000)
        .file("NAS/footage/acme/spot/a.tmp", "22")
        .file("NAS/footage/acme/spot/cache/b", "333");
    studio.lines(&["load"]).ok();
    // Only one storage is scanned again; the other may be a drive on the shelf.
    let lines = [
        "exclude '*.tmp'",
        "exclude cache/",
        "load WORK",
        "fetch acme/spot",
    ];
    assert_snapshot!(studio.lines(&lines), @"
    exit 0
    --- stdout
    excluded from now on: *.tmp
    excluded from now on: cache/
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╡
    │ WORK    ┆ complete ┆        1 ┆     1 ┆  1 B ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┘
    scanned 1 storage, 1 file, 1 B in N s
    acme/spot  1 file, 1 B
    ┌──────────┬────────────────────┬─────────────────────┐
    │ category ┆ WORK               ┆ NAS                 │
    ╞══════════╪════════════════════╪═════════════════════╡
    │ footage  ┆ whole, 1 file, 1 B ┆ whole, 3 files, 6 B │
    └──────────┴────────────────────┴─────────────────────┘
    on no storage: render
    policy: footage 1 of 2 copies, on WORK, NAS (one medium)
        add database NAME FOLDER
    scanned: WORK, NAS just now
    ");
}

#[test]
fn stored_names_decide_on_exclusion() {
    let studio = Studio::new();
    // One name in two Unicode forms: the pattern matches only the composed one, as in a scan.
    studio
        .file("WORK/footage/acme/spot/a.mov", "1")
        .file("NAS/footage/acme/spot/a.mov", "1")
        .file("NAS/footage/acme/spot/Cafe\u{301}.tmp", "22");
    studio.lines(&["load"]).ok();
    let fetched = |pattern: &str| {
        let exclude = format!("exclude '{pattern}'");
        let run = studio.lines(&[&exclude, "load WORK", "fetch acme/spot"]);
        run.ok().stdout
    };
    assert!(fetched("Caf\u{e9}.tmp").contains("lacks 1"));
    assert!(!fetched("Cafe\u{301}.tmp").contains("lacks 1"));
}

#[test]
fn known_comparison_leaves_excluded_files_out() {
    let studio = Studio::filled();
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    studio.file("NAS/footage/acme/spot/old.tmp", "1234");
    studio.lines(&["load"]).ok();
    let line = "compare acme/spot footage WORK NAS --known";
    assert!(
        studio
            .lines(&[line])
            .status(3)
            .stdout
            .contains("WORK lacks 1 file")
    );
    let excluded = studio.lines(&["exclude '*.tmp'", line]).ok();
    assert!(excluded.stdout.contains("no difference"), "{excluded:?}");
}
