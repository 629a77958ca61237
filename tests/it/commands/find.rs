//! `find`.

use std::fs;

use insta::assert_snapshot;

use super::{exact, formatted, hours_ago, oddly_named};
use crate::studio::Studio;

fn loaded() -> Studio {
    let studio = Studio::filled();
    studio
        .file_at(
            "WORK/footage/acme/spot/Reel 2.MOV",
            "0123456789".repeat(250),
            hours_ago(3),
        )
        .link("WORK/footage/acme/spot/reel-link", "reel.mov");
    studio.lines(&["load"]).ok();
    studio
}

#[test]
fn files_are_found_by_part_of_their_name() {
    let studio = loaded();
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    assert_snapshot!(studio.lines(&["find 'REEL 2'"]), @"
    exit 0
    --- stdout
    WORK  $STUDIO/WORK/footage/acme/spot/Reel 2.MOV  2.50 kB  3 h ago
    NAS  $STUDIO/NAS/footage/acme/spot/Reel 2.MOV  2.50 kB  3 h ago
    2 files
    ");
    assert_snapshot!(studio.json(&["find p1", "find x.mov in WORK"]), @r#"
    exit 0
    --- stdout
    {"command":"find","files":[{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/p1.exr","bytes":9,"modified":"2026-01-02T03:04:05Z"},{"database":"NAS","category":"footage","project":"acme/spot","path":"$STUDIO/NAS/footage/acme/spot/plates/p1.exr","bytes":9,"modified":"2026-01-02T03:04:05Z"}]}
    {"command":"find","files":[{"database":"WORK","category":"footage","project":"Bob's/long film","path":"$STUDIO/WORK/footage/Bob's/long film/x.mov","bytes":1,"modified":"2026-01-02T03:04:05Z"}]}
    "#);
}

#[test]
fn files_are_found_by_glob_in_one_database() {
    let studio = loaded();
    assert_snapshot!(formatted(&studio, "plain", "find '*.exr' in WORK"), @"
    exit 0
    --- stdout
    WORK	footage	acme/spot	$STUDIO/WORK/footage/acme/spot/plates/p1.exr	9	2026-01-02T03:04:05Z
    WORK	render	acme/spot	$STUDIO/WORK/scratch/render/acme/spot/f1.exr	5	2026-01-02T03:04:05Z
    ");
    assert_snapshot!(formatted(&studio, "csv", "find 'acme/*/plates/*'"), @"
    exit 0
    --- stdout
    database,category,project,path,bytes,modified
    WORK,footage,acme/spot,$STUDIO/WORK/footage/acme/spot/plates/p1.exr,9,2026-01-02T03:04:05Z
    ");
    assert_snapshot!(formatted(&studio, "plain", "find '*.exr' in NAS"), @"exit 0");
    assert_snapshot!(formatted(&studio, "plain", "find reel-link").stdout.split('\t').nth(4).unwrap(), @"0");
}

#[test]
fn nothing_found_says_how_patterns_match() {
    assert_snapshot!(loaded().lines(&["find nothing"]), @"
    exit 0
    --- stdout
    no file matches
    ");
    assert_snapshot!(loaded().lines(&["find '*.nothing'", "find reel in NAS"]), @"
    exit 0
    --- stdout
    no file matches; a pattern with `*` must match the whole name
    no file matches
    ");
    assert_snapshot!(Studio::filled().lines(&["find reel", "load WORK", "find reel in NAS"]), @"
    exit 0
    --- stdout
    the index is empty: `load`
    ┌──────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ database ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞══════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK     ┆ complete ┆        3 ┆     5 ┆ 25 B ┆     5 ┆ N s │
    └──────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    nobody looked at this database yet: `load`
    ");
    assert_snapshot!(loaded().json(&["find nothing"]), @r#"
    exit 0
    --- stdout
    {"command":"find","files":[]}
    "#);
}

#[test]
fn files_are_found_on_a_database_that_is_offline() {
    let studio = loaded();
    let line = "find teaser/ in WORK";
    let before = formatted(&studio, "plain", line).ok();
    fs::rename(studio.path("WORK"), studio.path("unplugged")).unwrap();
    studio.lines(&["load"]).status(3);
    assert_eq!(formatted(&studio, "plain", line).ok().stdout, before.stdout);
    assert_snapshot!(before, @"
    exit 0
    --- stdout
    WORK	footage	acme/teaser	$STUDIO/WORK/footage/acme/teaser/t.mov	6	2026-01-02T03:04:05Z
    ");
}

#[test]
fn odd_names_are_found_and_written_exactly() {
    let studio = oddly_named();
    assert_snapshot!(exact(&studio, &formatted(&studio, "plain", "find '*'")), @r#"
    WORK\tfootage\ta,b \"c\"/tab\\there\t$STUDIO/WORK/footage/a,b \"c\"/tab\\there/new\\n
    line\t5\t2026-01-02T03:04:05Z\n
    WORK\tfootage\tback\\\\slash/caf\xe9\t$STUDIO/WORK/footage/back\\\\slash/caf\xe9/it\'s\t3\t2026-01-02T03:04:05Z\n
    "#);
    assert_snapshot!(exact(&studio, &formatted(&studio, "csv", "find '*'")), @r#"
    database,category,project,path,bytes,modified\n
    WORK,footage,\"a,b \"\"c\"\"/tab\there\",\"$STUDIO/WORK/footage/a,b \"\"c\"\"/tab\there/new\n
    line\",5,2026-01-02T03:04:05Z\n
    WORK,footage,back\\slash/caf\xe9,$STUDIO/WORK/footage/back\\slash/caf\xe9/it\'s,3,2026-01-02T03:04:05Z\n
    "#);
    // The whole path of the second one is as long as where the studio is.
    let run = studio.json(&["find '*'"]);
    let path = regex::Regex::new(r#""path":\{"bytes_base64":"[^"]+"\}"#).unwrap();
    assert_snapshot!(path.replace(&run.stdout, r#""path":{"bytes_base64":...}"#), @r#"{"command":"find","files":[{"database":"WORK","category":"footage","project":"a,b \"c\"/tab\there","path":"$STUDIO/WORK/footage/a,b \"c\"/tab\there/new\nline","bytes":5,"modified":"2026-01-02T03:04:05Z"},{"database":"WORK","category":"footage","project":{"bytes_base64":"YmFja1xzbGFzaC9jYWbp"},"path":{"bytes_base64":...},"bytes":3,"modified":"2026-01-02T03:04:05Z"}]}"#);
}

#[test]
fn a_wrong_line_says_what_is_wrong() {
    let studio = loaded();
    assert_snapshot!(studio.lines(&["find reel in NSA"]).status(1), @"
    exit 1
    --- stderr
    -c:1:14: error: there is no database `NSA`
        find reel in NSA
                     ^^^
    hint: did you mean `NAS`?
    ");
    assert_snapshot!(studio.lines(&["find reel NAS"]).status(2), @"
    exit 2
    --- stderr
    -c:1:11: error: `NAS` cannot stand here: `in` was expected
        find reel NAS
                  ^^^
    hint: write it as: find PATTERN [in DATABASE]; a name with spaces is quoted: 'reel NAS'
    ");
    assert_snapshot!(studio.lines(&["find 'a['"]).status(2), @"
    exit 2
    --- stderr
    -c:1:6: error: `a[` cannot be a pattern: it is not a glob like `*.mov` or `sh0[12]*`
        find 'a['
             ^^^^
    ");
    assert_snapshot!(studio.lines(&["find ''"]).status(2), @"
    exit 2
    --- stderr
    -c:1:6: error: `` cannot be a pattern: it is empty
        find ''
             ^^
    ");
    assert_snapshot!(studio.lines(&["find reel in"]).status(2), @"
    exit 2
    --- stderr
    -c:1:13: error: missing: DATABASE
        find reel in
                    ^
    hint: write it as: find PATTERN [in DATABASE]
    ");
}
