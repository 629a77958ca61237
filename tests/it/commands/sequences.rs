//! Image sequences in the answers of `compare`, `copy`, `sync` and `history`.

use insta::assert_snapshot;

use crate::studio::Studio;

/// A studio whose project has three sequences and a film on WORK, and nothing on NAS.
fn studio_with_sequences(frames: u32) -> Studio {
    let studio = Studio::new();
    for shot in ["sh010", "sh020", "sh030"] {
        for frame in 1..=frames {
            let name = format!(
                "WORK/footage/acme/spot/{shot}/{shot}.{:04}.exr",
                1000 + frame
            );
            studio.file(name, "frame");
        }
    }
    studio.file("WORK/footage/acme/spot/reel.mov", "reel");
    studio
}

#[test]
fn missing_sequences_take_few_lines() {
    let studio = studio_with_sequences(334);
    studio.remove("WORK/footage/acme/spot/sh020/sh020.1107.exr");
    studio.folder("NAS/footage/acme/spot");
    let run = studio.lines(&["compare acme/spot WORK NAS"]).status(3);
    assert!(run.stdout.lines().count() <= 12, "{run}");
    assert_snapshot!(run, @"
    exit 3
    --- stdout
    NAS lacks 1,002 files, 5.01 kB
    only in WORK footage/acme/spot/reel.mov
    only in WORK footage/acme/spot/sh010/sh010.[1001-1334].exr  334 files  1.67 kB
    only in WORK footage/acme/spot/sh020/sh020.[1001-1334].exr  333 files  1.67 kB  without 1107
    only in WORK footage/acme/spot/sh030/sh030.[1001-1334].exr  334 files  1.67 kB
    ");
    let all = studio.lines(&["compare acme/spot WORK NAS --no-sequences"]);
    assert_eq!(all.stdout.lines().count(), 1 + 1001 + 1, "{all}");
}

#[test]
fn json_keeps_files_beside_sequences() {
    let studio = studio_with_sequences(2);
    assert_snapshot!(studio.json(&["compare acme/spot footage WORK NAS"]), @r#"
    exit 3
    --- stdout
    {"command":"compare","known":false,"only_a":7,"only_b":0,"differs":0,"same":0,"failed":0,"only_a_bytes":34,"only_b_bytes":0,"differs_bytes":0,"same_bytes":0,"files_read":0,"files_known":0,"oldest_digest":null,"scans":[],"projects":[{"project":"acme/spot","only_a":7,"only_b":0,"differs":0,"same":0,"failed":0,"only_a_bytes":34,"only_b_bytes":0,"differs_bytes":0,"same_bytes":0}],"items":[{"category":"footage","path":"acme/spot/reel.mov","outcome":"only_a","reason":null,"sequence":null},{"category":"footage","path":"acme/spot/sh010/sh010.1001.exr","outcome":"only_a","reason":null,"sequence":"sh010.[1001-1002].exr"},{"category":"footage","path":"acme/spot/sh010/sh010.1002.exr","outcome":"only_a","reason":null,"sequence":"sh010.[1001-1002].exr"},{"category":"footage","path":"acme/spot/sh020/sh020.1001.exr","outcome":"only_a","reason":null,"sequence":"sh020.[1001-1002].exr"},{"category":"footage","path":"acme/spot/sh020/sh020.1002.exr","outcome":"only_a","reason":null,"sequence":"sh020.[1001-1002].exr"},{"category":"footage","path":"acme/spot/sh030/sh030.1001.exr","outcome":"only_a","reason":null,"sequence":"sh030.[1001-1002].exr"},{"category":"footage","path":"acme/spot/sh030/sh030.1002.exr","outcome":"only_a","reason":null,"sequence":"sh030.[1001-1002].exr"}],"sequences":[{"category":"footage","path":"acme/spot/sh010/sh010.[1001-1002].exr","outcome":"only_a","reason":null,"first":1001,"last":1002,"files":2,"missing":[],"bytes":10},{"category":"footage","path":"acme/spot/sh020/sh020.[1001-1002].exr","outcome":"only_a","reason":null,"first":1001,"last":1002,"files":2,"missing":[],"bytes":10},{"category":"footage","path":"acme/spot/sh030/sh030.[1001-1002].exr","outcome":"only_a","reason":null,"first":1001,"last":1002,"files":2,"missing":[],"bytes":10}]}
    "#);
    assert_snapshot!(studio.json(&["copy acme/spot footage WORK NAS --dry-run"]), @r#"
    exit 0
    --- stdout
    {"command":"copy","run":null,"state":"complete","planned_files":7,"planned_bytes":34,"copied_files":0,"copied_bytes":0,"same_files":0,"conflict_files":0,"failed_files":0,"failed_storages":0,"refused_files":0,"skipped_files":0,"verified_files":0,"seconds":N,"destinations":[{"name":"NAS","files":7,"bytes":34,"same_files":0,"conflict_files":0,"failed_files":0,"refused_files":0,"copied_from":[],"error":null}],"items":[{"path":"$STUDIO/NAS/footage/acme/spot/reel.mov","outcome":"planned","reason":"add","sequence":null},{"path":"$STUDIO/NAS/footage/acme/spot/sh010/sh010.1001.exr","outcome":"planned","reason":"add","sequence":"sh010.[1001-1002].exr"},{"path":"$STUDIO/NAS/footage/acme/spot/sh010/sh010.1002.exr","outcome":"planned","reason":"add","sequence":"sh010.[1001-1002].exr"},{"path":"$STUDIO/NAS/footage/acme/spot/sh020/sh020.1001.exr","outcome":"planned","reason":"add","sequence":"sh020.[1001-1002].exr"},{"path":"$STUDIO/NAS/footage/acme/spot/sh020/sh020.1002.exr","outcome":"planned","reason":"add","sequence":"sh020.[1001-1002].exr"},{"path":"$STUDIO/NAS/footage/acme/spot/sh030/sh030.1001.exr","outcome":"planned","reason":"add","sequence":"sh030.[1001-1002].exr"},{"path":"$STUDIO/NAS/footage/acme/spot/sh030/sh030.1002.exr","outcome":"planned","reason":"add","sequence":"sh030.[1001-1002].exr"}],"sequences":[{"path":"$STUDIO/NAS/footage/acme/spot/sh010/sh010.[1001-1002].exr","outcome":"planned","reason":"add","first":1001,"last":1002,"files":2,"missing":[],"bytes":10},{"path":"$STUDIO/NAS/footage/acme/spot/sh020/sh020.[1001-1002].exr","outcome":"planned","reason":"add","first":1001,"last":1002,"files":2,"missing":[],"bytes":10},{"path":"$STUDIO/NAS/footage/acme/spot/sh030/sh030.[1001-1002].exr","outcome":"planned","reason":"add","first":1001,"last":1002,"files":2,"missing":[],"bytes":10}]}
    "#);
    let plain = studio.json(&["copy acme/spot footage WORK NAS --dry-run --no-sequences"]);
    let document = plain.document();
    assert_eq!(
        document["sequences"].as_array().unwrap().len(),
        0,
        "{plain}"
    );
    assert!(document["items"][0]["sequence"].is_null(), "{plain}");
}

#[test]
fn runs_and_their_history_are_folded() {
    let studio = studio_with_sequences(20);
    assert_snapshot!(studio.lines(&["copy acme/spot WORK NAS --dry-run"]).ok(), @"
    exit 0
    --- stdout
    would copy 61 files, 304 B
    planned $STUDIO/NAS/footage/acme/spot/reel.mov: add
    planned $STUDIO/NAS/footage/acme/spot/sh010/sh010.[1001-1020].exr  20 files  100 B: add
    planned $STUDIO/NAS/footage/acme/spot/sh020/sh020.[1001-1020].exr  20 files  100 B: add
    planned $STUDIO/NAS/footage/acme/spot/sh030/sh030.[1001-1020].exr  20 files  100 B: add
    ");
    assert_snapshot!(studio.lines(&["sync acme/spot WORK NAS --dry-run"]).ok(), @"
    exit 0
    --- stdout
    would send 61 files, 304 B
    planned $STUDIO/NAS/footage/acme/spot/reel.mov: add
    planned $STUDIO/NAS/footage/acme/spot/sh010/sh010.[1001-1020].exr  20 files  100 B: add
    planned $STUDIO/NAS/footage/acme/spot/sh020/sh020.[1001-1020].exr  20 files  100 B: add
    planned $STUDIO/NAS/footage/acme/spot/sh030/sh030.[1001-1020].exr  20 files  100 B: add
    ");
    studio.lines(&["copy acme/spot WORK NAS"]).ok();
    let listed = studio.lines(&["history 1"]).ok();
    assert_snapshot!(listed.stdout.lines().skip(1).collect::<Vec<_>>().join("\n"), @"
    copied $STUDIO/NAS/footage/acme/spot/reel.mov
    copied $STUDIO/NAS/footage/acme/spot/sh010/sh010.[1001-1020].exr  20 files  100 B
    copied $STUDIO/NAS/footage/acme/spot/sh020/sh020.[1001-1020].exr  20 files  100 B
    copied $STUDIO/NAS/footage/acme/spot/sh030/sh030.[1001-1020].exr  20 files  100 B
    ");
    let frames = studio.lines(&["history 1 --no-sequences"]).ok();
    assert_eq!(frames.stdout.lines().count(), 62, "{frames}");
    // Frames that differ in one way are one line, whatever their sizes.
    for frame in 1001..=1005 {
        let name = format!("NAS/footage/acme/spot/sh010/sh010.{frame}.exr");
        studio.file(name, "x".repeat(frame - 1000));
    }
    let compared = studio.lines(&["compare acme/spot WORK NAS"]).status(3);
    assert_snapshot!(compared, @"
    exit 3
    --- stdout
    4 files, 20 B differ; 57 the same
    differs footage/acme/spot/sh010/sh010.[1001-1004].exr  4 files  20 B: size
    ");
    let refused = studio.lines(&["copy acme/spot WORK NAS"]).status(3);
    let conflicts = refused
        .stdout
        .lines()
        .filter(|line| line.starts_with("conflict"));
    assert_eq!(conflicts.count(), 1, "{refused}");
}

#[test]
fn projects_that_differ_have_one_line_each() {
    let studio = Studio::filled();
    studio.lines(&["copy acme/teaser WORK NAS"]).ok();
    studio.file("NAS/footage/acme/teaser/more.mov", "more");
    let run = studio.lines(&["compare all WORK NAS"]).status(3);
    assert_snapshot!(run, @r#"
    exit 3
    --- stdout
    NAS lacks 4 files, 19 B; WORK lacks 1 file, 4 B; 1 the same
    ┌──────────┬─────────┬──────────────┬─────────────┬─────────┐
    │ category ┆ same    ┆ only in WORK ┆ only in NAS ┆ differs │
    ╞══════════╪═════════╪══════════════╪═════════════╪═════════╡
    │ footage  ┆ 1 (6 B) ┆ 3 (14 B)     ┆ 1 (4 B)     ┆       0 │
    │ render   ┆       0 ┆ 1 (5 B)      ┆           0 ┆       0 │
    └──────────┴─────────┴──────────────┴─────────────┴─────────┘
    Bob's/long film: NAS lacks 1 file, 1 B
    acme/spot: NAS lacks 3 files, 18 B
    acme/teaser: WORK lacks 1 file, 4 B
    `compare "Bob's/long film" WORK NAS` lists its files, `--files` those of all
    "#);
    let files = studio.lines(&["compare all WORK NAS --files"]).status(3);
    assert!(
        files
            .stdout
            .contains("only in NAS footage/acme/teaser/more.mov"),
        "{files}"
    );
    let names: Vec<_> = studio.json(&["compare all WORK NAS"]).document()["projects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|project| project["project"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["Bob's/long film", "acme/spot", "acme/teaser"]);
}
