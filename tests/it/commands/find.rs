//! `find`.

use std::fs;

use insta::assert_snapshot;

use super::{exact_stdout, hours_ago, run_with_format, studio_with_odd_names};
use crate::studio::{ProgramRun, Studio};

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
fn name_part_finds_files() {
    let studio = loaded();
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    assert_snapshot!(studio.lines(&["find 'REEL 2'"]), @"
    exit 0
    --- stdout
     files     size       changed  on    path
         1  2.50 kB       3 h ago  WORK  $STUDIO/WORK/footage/acme/spot/Reel 2.MOV
         1  2.50 kB       3 h ago  NAS   $STUDIO/NAS/footage/acme/spot/Reel 2.MOV
    2 files, 5.00 kB
    ");
    assert_snapshot!(studio.json(&["find p1", "find x.mov in WORK"]), @r#"
    exit 0
    --- stdout
    {"command":"find","files":[{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/p1.exr","bytes":9,"modified":"2026-01-02T03:04:05Z","sequence":null},{"database":"NAS","category":"footage","project":"acme/spot","path":"$STUDIO/NAS/footage/acme/spot/plates/p1.exr","bytes":9,"modified":"2026-01-02T03:04:05Z","sequence":null}],"sequences":[],"total":{"files":2,"bytes":18},"limited":false}
    {"command":"find","files":[{"database":"WORK","category":"footage","project":"Bob's/long film","path":"$STUDIO/WORK/footage/Bob's/long film/x.mov","bytes":1,"modified":"2026-01-02T03:04:05Z","sequence":null}],"sequences":[],"total":{"files":1,"bytes":1},"limited":false}
    "#);
}

#[test]
fn glob_finds_files_in_one_database() {
    let studio = loaded();
    assert_snapshot!(run_with_format(&studio, "plain", "find '*.exr' in WORK"), @"
    exit 0
    --- stdout
    WORK	footage	acme/spot	$STUDIO/WORK/footage/acme/spot/plates/p1.exr	9	2026-01-02T03:04:05Z
    WORK	render	acme/spot	$STUDIO/WORK/scratch/render/acme/spot/f1.exr	5	2026-01-02T03:04:05Z
    ");
    assert_snapshot!(run_with_format(&studio, "csv", "find 'acme/*/plates/*'"), @"
    exit 0
    --- stdout
    database,category,project,path,bytes,modified
    WORK,footage,acme/spot,$STUDIO/WORK/footage/acme/spot/plates/p1.exr,9,2026-01-02T03:04:05Z
    ");
    assert_snapshot!(run_with_format(&studio, "plain", "find '*.exr' in NAS"), @"exit 0");
    assert_snapshot!(run_with_format(&studio, "plain", "find reel-link").stdout.split('\t').nth(4).unwrap(), @"0");
}

/// A studio with frames of two shots and of one shot in two layers, a gap, a film and a single frame.
fn frames() -> Studio {
    let studio = Studio::new();
    for frame in (1..=12).filter(|frame| ![4, 7, 8].contains(frame)) {
        let path = format!("WORK/footage/acme/spot/plates/sh010.{frame:04}.exr");
        studio.file_at(path, "beauty", hours_ago(30 - frame));
    }
    for name in [
        "sh010.0001.jpg",
        "sh010.0002.jpg",
        "sh020.1001.exr",
        "sh010.mov",
    ] {
        let path = format!("WORK/footage/acme/spot/plates/{name}");
        studio.file_at(path, "other", hours_ago(40));
    }
    studio.lines(&["load"]).ok();
    studio
}

/// Returns a JSON answer without its times.
fn without_times(run: &ProgramRun) -> String {
    let moment = regex::Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+Z").unwrap();
    moment.replace_all(&run.stdout, "TIME").into_owned()
}

#[test]
fn sequence_is_one_line() {
    let studio = frames();
    assert_snapshot!(studio.lines(&["find sh0", "find sh010.00 --no-sequences --limit 3"]), @"
    exit 0
    --- stdout
     files     size       changed  on    path
         9     54 B      18 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.[0001-0012].exr  missing 0004, 0007-0008
         2     10 B      40 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.[0001-0002].jpg
         1      5 B      40 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.mov
         1      5 B      40 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh020.1001.exr
    13 files, 74 B in 4 lines
     files     size       changed  on    path
         1      6 B      29 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.0001.exr
         1      5 B      40 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.0001.jpg
         1      6 B      28 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.0002.exr
    3 files, 17 B; stopped at the limit, more may match
    ");
    assert_snapshot!(without_times(&studio.json(&["find *.exr"])), @r#"{"command":"find","files":[{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.0001.exr","bytes":6,"modified":"TIME","sequence":"sh010.[0001-0012].exr"},{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.0002.exr","bytes":6,"modified":"TIME","sequence":"sh010.[0001-0012].exr"},{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.0003.exr","bytes":6,"modified":"TIME","sequence":"sh010.[0001-0012].exr"},{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.0005.exr","bytes":6,"modified":"TIME","sequence":"sh010.[0001-0012].exr"},{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.0006.exr","bytes":6,"modified":"TIME","sequence":"sh010.[0001-0012].exr"},{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.0009.exr","bytes":6,"modified":"TIME","sequence":"sh010.[0001-0012].exr"},{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.0010.exr","bytes":6,"modified":"TIME","sequence":"sh010.[0001-0012].exr"},{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.0011.exr","bytes":6,"modified":"TIME","sequence":"sh010.[0001-0012].exr"},{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.0012.exr","bytes":6,"modified":"TIME","sequence":"sh010.[0001-0012].exr"},{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh020.1001.exr","bytes":5,"modified":"TIME","sequence":null}],"sequences":[{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.[0001-0012].exr","first":1,"last":12,"files":9,"missing":[[4,4],[7,8]],"bytes":54,"newest":"TIME"}],"total":{"files":10,"bytes":59},"limited":false}"#);
    let run = studio.json(&["find *10.0001* --no-sequences"]);
    assert_snapshot!(without_times(&run), @r#"{"command":"find","files":[{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.0001.exr","bytes":6,"modified":"TIME","sequence":null},{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.0001.jpg","bytes":5,"modified":"TIME","sequence":null}],"sequences":[],"total":{"files":2,"bytes":11},"limited":false}"#);
}

#[test]
fn unmatched_frames_are_not_missing() {
    let studio = frames();
    assert_snapshot!(studio.lines(&["find '*.000[359].exr'", "find *0012.exr"]), @"
    exit 0
    --- stdout
     files     size       changed  on    path
         3     18 B      21 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.[0003-0009].exr  missing 0004, 0007-0008
    3 files, 18 B in 1 line
     files     size       changed  on    path
         1      6 B      18 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.0012.exr
    1 file, 6 B
    ");
}

#[test]
fn plain_and_csv_list_every_frame() {
    let run = run_with_format(&frames(), "plain", "find '*.jpg'");
    assert_snapshot!(without_times(&run), @"
    WORK	footage	acme/spot	$STUDIO/WORK/footage/acme/spot/plates/sh010.0001.jpg	5	TIME
    WORK	footage	acme/spot	$STUDIO/WORK/footage/acme/spot/plates/sh010.0002.jpg	5	TIME
    ");
}

#[test]
fn limit_ends_the_search_with_notice() {
    let studio = frames();
    assert_snapshot!(studio.lines(&["find sh --limit 1", "find sh --limit 2", "find sh --limit 9"]), @"
    exit 0
    --- stdout
     files     size       changed  on    path
         9     54 B      18 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.[0001-0012].exr  missing 0004, 0007-0008
    9 files, 54 B in 1 line; stopped at the limit, more may match
     files     size       changed  on    path
         9     54 B      18 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.[0001-0012].exr  missing 0004, 0007-0008
         2     10 B      40 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.[0001-0002].jpg
    11 files, 64 B in 2 lines; stopped at the limit, more may match
     files     size       changed  on    path
         9     54 B      18 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.[0001-0012].exr  missing 0004, 0007-0008
         2     10 B      40 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.[0001-0002].jpg
         1      5 B      40 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh010.mov
         1      5 B      40 h ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/sh020.1001.exr
    13 files, 74 B in 4 lines
    ");
    let run = run_with_format(&studio, "csv", "find sh --limit 2");
    assert_snapshot!(without_times(&run), @"
    database,category,project,path,bytes,modified
    WORK,footage,acme/spot,$STUDIO/WORK/footage/acme/spot/plates/sh010.0001.exr,6,TIME
    WORK,footage,acme/spot,$STUDIO/WORK/footage/acme/spot/plates/sh010.0001.jpg,5,TIME
    ");
    let run = studio.json(&["find sh010 --limit 1"]);
    assert_snapshot!(without_times(&run), @r#"{"command":"find","files":[{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.0001.exr","bytes":6,"modified":"TIME","sequence":"sh010.[0001-0012].exr"}],"sequences":[{"database":"WORK","category":"footage","project":"acme/spot","path":"$STUDIO/WORK/footage/acme/spot/plates/sh010.[0001-0012].exr","first":1,"last":12,"files":9,"missing":[[4,4],[7,8]],"bytes":54,"newest":"TIME"}],"total":{"files":1,"bytes":6},"limited":true}"#);
    assert_snapshot!(studio.lines(&["find sh --limit 0"]).status(2), @"
    exit 2
    --- stderr
    -c:1:17: error: `0` is not a valid N: write a number of 1 or more
        find sh --limit 0
                        ^
    hint: write it as: find [OPTIONS] PATTERN [CONDITION]...
    ");
}

#[test]
fn case_sensitive_option_matches_case() {
    let studio = loaded();
    assert_snapshot!(studio.lines(&["find '2.M' -s", "find '*.MOV' --case-sensitive", "find R --case-sensitive"]), @"
    exit 0
    --- stdout
     files     size       changed  on    path
         1  2.50 kB       3 h ago  WORK  $STUDIO/WORK/footage/acme/spot/Reel 2.MOV
    1 file, 2.50 kB
     files     size       changed  on    path
         1  2.50 kB       3 h ago  WORK  $STUDIO/WORK/footage/acme/spot/Reel 2.MOV
    1 file, 2.50 kB
     files     size       changed  on    path
         1  2.50 kB       3 h ago  WORK  $STUDIO/WORK/footage/acme/spot/Reel 2.MOV
    1 file, 2.50 kB
    ");
}

#[test]
fn empty_result_explains_pattern_matching() {
    assert_snapshot!(loaded().lines(&["find nothing"]), @"
    exit 0
    --- stdout
    no file matches
    ");
    assert_snapshot!(loaded().lines(&["find '*.nothing'", "find reel in NAS"]), @"
    exit 0
    --- stdout
    no file matches; a pattern with `*`, `?`, `[` or `{` must match the whole name
    no file matches
    ");
    assert_snapshot!(loaded().lines(&["find 'sh010.[1001-1240].exr'", "find footage/acme"]), @"
    exit 0
    --- stdout
    no file matches; to find a sequence, use only the part of its name before the `[`
    no file matches; a pattern with a `/` is matched against CLIENT/PROJECT/..., without root and category
    ");
    assert_snapshot!(Studio::filled().lines(&["find reel", "load WORK", "find reel in NAS"]), @"
    exit 0
    --- stdout
    the index is empty: `load` fills it
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK    ┆ complete ┆        3 ┆     5 ┆ 25 B ┆     5 ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    scanned 1 storage, 5 files, 25 B in N s
    this storage was never scanned: `load` scans it
    ");
    assert_snapshot!(loaded().json(&["find nothing"]), @r#"
    exit 0
    --- stdout
    {"command":"find","files":[],"sequences":[],"total":{"files":0,"bytes":0},"limited":false}
    "#);
}

#[test]
fn offline_database_is_searched() {
    let studio = loaded();
    let line = "find teaser/ in WORK";
    let before = run_with_format(&studio, "plain", line).ok();
    fs::rename(studio.path("WORK"), studio.path("unplugged")).unwrap();
    studio.lines(&["load"]).status(3);
    assert_eq!(
        run_with_format(&studio, "plain", line).ok().stdout,
        before.stdout
    );
    assert_snapshot!(before, @"
    exit 0
    --- stdout
    WORK	footage	acme/teaser	$STUDIO/WORK/footage/acme/teaser/t.mov	6	2026-01-02T03:04:05Z
    ");
}

#[test]
fn odd_names_are_found_and_written_exactly() {
    let studio = studio_with_odd_names();
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "plain", "find '*'")), @r#"
    WORK\tfootage\ta,b \"c\"/tab\\there\t$STUDIO/WORK/footage/a,b \"c\"/tab\\there/new\\n
    line\t5\t2026-01-02T03:04:05Z\n
    WORK\tfootage\tback\\\\slash/caf\xe9\t$STUDIO/WORK/footage/back\\\\slash/caf\xe9/it\'s\t3\t2026-01-02T03:04:05Z\n
    "#);
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "csv", "find '*'")), @r#"
    database,category,project,path,bytes,modified\n
    WORK,footage,\"a,b \"\"c\"\"/tab\there\",\"$STUDIO/WORK/footage/a,b \"\"c\"\"/tab\there/new\n
    line\",5,2026-01-02T03:04:05Z\n
    WORK,footage,back\\slash/caf\xe9,$STUDIO/WORK/footage/back\\slash/caf\xe9/it\'s,3,2026-01-02T03:04:05Z\n
    "#);
    // The length of the second path depends on the folder of the studio.
    let run = studio.json(&["find '*'"]);
    let path = regex::Regex::new(r#""path":\{"bytes_base64":"[^"]+"\}"#).unwrap();
    assert_snapshot!(path.replace(&run.stdout, r#""path":{"bytes_base64":...}"#), @r#"{"command":"find","files":[{"database":"WORK","category":"footage","project":"a,b \"c\"/tab\there","path":"$STUDIO/WORK/footage/a,b \"c\"/tab\there/new\nline","bytes":5,"modified":"2026-01-02T03:04:05Z","sequence":null},{"database":"WORK","category":"footage","project":{"bytes_base64":"YmFja1xzbGFzaC9jYWbp"},"path":{"bytes_base64":...},"bytes":3,"modified":"2026-01-02T03:04:05Z","sequence":null}],"sequences":[],"total":{"files":2,"bytes":8},"limited":false}"#);
}

#[test]
fn invalid_line_reports_the_error() {
    let studio = loaded();
    assert_snapshot!(studio.lines(&["find reel in NSA"]).status(1), @"
    exit 1
    --- stderr
    -c:1:14: error: unknown client, category or storage `NSA`
        find reel in NSA
                     ^^^
    hint: did you mean `NAS`?
    ");
    assert_snapshot!(studio.lines(&["find reel NAS"]).status(2), @"
    exit 2
    --- stderr
    -c:1:11: error: unexpected argument `NAS`
        find reel NAS
                  ^^^
    hint: quote a pattern with spaces; a condition after it begins with `larger`, `smaller`, `newer`, `older`, `only`, `in`
    ");
    assert_snapshot!(studio.lines(&["find 'a['"]).status(2), @"
    exit 2
    --- stderr
    -c:1:6: error: `a[` cannot be a pattern: it is not a glob like `*.mov` or `sh0[12]*`; to find a sequence, use only the part of its name before the `[`
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
    -c:1:13: error: missing: WHERE
        find reel in
                    ^
    hint: in WHERE: of a storage, category, client or project
    ");
}
