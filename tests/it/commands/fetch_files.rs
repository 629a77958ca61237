//! `fetch --files`.

use insta::assert_snapshot;

use super::{exact_stdout, hours_ago, run_with_format, studio_with_odd_names};
use crate::studio::Studio;

/// A studio with a sequence that has a gap, on two databases; one of them lacks a frame.
fn frames() -> Studio {
    let studio = Studio::new();
    for database in ["WORK", "NAS"] {
        for frame in [8, 9, 10, 12] {
            if (database, frame) != ("NAS", 9) {
                let path = format!("{database}/footage/acme/spot/plates/a/sh010_{frame:03}.exr");
                studio.file_at(path, "frame", hours_ago(frame));
            }
        }
    }
    studio
        .file_at("WORK/footage/acme/spot/reel.mov", "reel", hours_ago(5))
        .file_at("WORK/footage/acme/titles/t.mov", "t", hours_ago(5));
    studio.lines(&["load"]).ok();
    studio
}

#[test]
fn files_are_listed_below_each_table() {
    let studio = frames();
    assert_snapshot!(studio.lines(&["fetch client acme --files"]), @"
    exit 0
    --- stdout
    acme/spot  5 files, 24 B
    ┌──────────┬──────────────────────┬────────────────────────┐
    │ category ┆ WORK                 ┆ NAS                    │
    ╞══════════╪══════════════════════╪════════════════════════╡
    │ footage  ┆ whole, 5 files, 24 B ┆ lacks 2, 3 files, 15 B │
    └──────────┴──────────────────────┴────────────────────────┘
    on no storage: render
      footage on WORK: $STUDIO/WORK/footage/acme/spot
        reel.mov  4 B  5 h ago
        plates/a/sh010_[008-012].exr  4 files  missing 011  20 B  8 h ago
      footage on NAS: $STUDIO/NAS/footage/acme/spot
        plates/a/sh010_[008-012].exr  3 files  missing 009, 011  15 B  8 h ago

    acme/titles  1 file, 1 B
    ┌──────────┬────────────────────┬─────────┐
    │ category ┆ WORK               ┆ NAS     │
    ╞══════════╪════════════════════╪═════════╡
    │ footage  ┆ whole, 1 file, 1 B ┆ missing │
    └──────────┴────────────────────┴─────────┘
    on no storage: render
      footage on WORK: $STUDIO/WORK/footage/acme/titles
        t.mov  1 B  5 h ago
    ");
    assert_snapshot!(studio.lines(&["fetch project acme/spot --files --no-sequences"]), @"
    exit 0
    --- stdout
    acme/spot  5 files, 24 B
    ┌──────────┬──────────────────────┬────────────────────────┐
    │ category ┆ WORK                 ┆ NAS                    │
    ╞══════════╪══════════════════════╪════════════════════════╡
    │ footage  ┆ whole, 5 files, 24 B ┆ lacks 2, 3 files, 15 B │
    └──────────┴──────────────────────┴────────────────────────┘
    on no storage: render
      footage on WORK: $STUDIO/WORK/footage/acme/spot
        reel.mov  4 B  5 h ago
        plates/a/sh010_008.exr  5 B  8 h ago
        plates/a/sh010_009.exr  5 B  9 h ago
        plates/a/sh010_010.exr  5 B  10 h ago
        plates/a/sh010_012.exr  5 B  12 h ago
      footage on NAS: $STUDIO/NAS/footage/acme/spot
        plates/a/sh010_008.exr  5 B  8 h ago
        plates/a/sh010_010.exr  5 B  10 h ago
        plates/a/sh010_012.exr  5 B  12 h ago
    ");
}

#[test]
fn json_lists_files_and_sequences() {
    let studio = frames();
    let document = studio
        .json(&["fetch project acme/spot --files"])
        .ok()
        .document();
    let replicas = document["projects"][0]["replicas"].as_array().unwrap();
    let listing = &replicas[0]["listing"];
    assert_eq!(listing["files"].as_array().unwrap().len(), 5);
    assert_eq!(listing["files"][0]["path"], "reel.mov");
    assert!(listing["files"][0]["sequence"].is_null());
    assert_eq!(listing["files"][1]["path"], "plates/a/sh010_008.exr");
    assert_eq!(listing["files"][1]["sequence"], "sh010_[008-012].exr");
    let sequence = &listing["sequences"][0];
    assert_eq!(sequence["path"], "plates/a/sh010_[008-012].exr");
    assert_eq!(sequence["missing"], serde_json::json!([[11, 11]]));
    let on_nas = &replicas[1]["listing"]["sequences"][0];
    assert_eq!(
        (&on_nas["files"], &on_nas["bytes"]),
        (&3.into(), &15.into())
    );
    assert!(replicas[2]["listing"].is_null() && replicas[2]["state"] == "missing");
    let line = "fetch project acme/spot --files --no-sequences";
    let document = studio.json(&[line]).ok().document();
    let listing = &document["projects"][0]["replicas"][0]["listing"];
    assert!(listing["files"][1]["sequence"].is_null());
    assert_eq!(listing["sequences"], serde_json::json!([]));
}

#[test]
fn files_are_listed_only_on_request() {
    let document = frames().json(&["fetch all"]).ok().document();
    let replica = &document["projects"][0]["replicas"][0];
    assert!(replica.get("listing").is_none(), "{replica}");
}

#[test]
fn plain_and_csv_have_one_row_per_file() {
    let studio = studio_with_odd_names();
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "plain", "fetch all --files")), @r#"
    a,b \"c\"/tab\\there\tfootage\tWORK\tnew\\n
    line\t5\t2026-01-02T03:04:05Z\n
    back\\\\slash/caf\xe9\tfootage\tWORK\tit\'s\t3\t2026-01-02T03:04:05Z\n
    "#);
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "csv", "fetch all --files")), @r#"
    project,category,database,path,bytes,modified\n
    \"a,b \"\"c\"\"/tab\there\",footage,WORK,\"new\n
    line\",5,2026-01-02T03:04:05Z\n
    back\\slash/caf\xe9,footage,WORK,it\'s,3,2026-01-02T03:04:05Z\n
    "#);
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&Studio::new(), "csv", "fetch all --files")), @r"project,category,database,path,bytes,modified\n");
}

#[test]
fn files_option_reports_empty_and_invalid_requests() {
    assert_snapshot!(Studio::new().lines(&["fetch all --files"]), @"
    exit 0
    --- stdout
    no projects; `load` scans for them, `list databases` shows where
    ");
    assert_snapshot!(Studio::new().json(&["fetch all --files"]), @r#"
    exit 0
    --- stdout
    {"command":"fetch","projects":[]}
    "#);
    assert_snapshot!(frames().lines(&["fetch all --no-sequences"]).status(2), @"
    exit 2
    --- stderr
    -c:1:25: error: missing: --files
        fetch all --no-sequences
                                ^
    hint: write it as: fetch [OPTIONS] PROJECT
    ");
    assert_snapshot!(frames().lines(&["fetch client amce --files"]).status(1), @"
    exit 1
    --- stderr
    -c:1:14: error: unknown client `amce`
        fetch client amce --files
                     ^^^^
    hint: did you mean `acme`?
    ");
}

/// Returns database, path and evidence of each file that `fetch` lists.
fn evidence(studio: &Studio) -> Vec<String> {
    let document = studio
        .json(&["fetch project acme/spot --files --evidence"])
        .ok()
        .document();
    let replicas = document["projects"][0]["replicas"].as_array().unwrap();
    let lines = replicas.iter().flat_map(|replica| {
        let files = replica["listing"]["files"].as_array();
        files.into_iter().flatten().map(|file| {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
            assert_eq!(file["known_at"].is_null(), file["digest"].is_null());
            format!(
                "{} {} {}",
                text(&replica["database"]),
                text(&file["path"]),
                text(&file["evidence"])
            )
        })
    });
    lines.collect()
}

#[test]
fn evidence_lasts_while_size_and_time_agree() {
    let studio = Studio::new();
    studio
        .file("WORK/footage/acme/spot/a.mov", "film")
        .file("WORK/footage/acme/spot/b.mov", "film");
    studio.lines(&["load"]).ok();
    let listed = ["WORK a.mov listed", "WORK b.mov listed"];
    assert_eq!(evidence(&studio), listed);
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    let read = [
        "WORK a.mov read",
        "WORK b.mov read",
        "NAS a.mov read",
        "NAS b.mov read",
    ];
    assert_eq!(evidence(&studio), read);
    studio.lines(&["load"]).ok();
    assert_eq!(evidence(&studio), read);
    studio.file("NAS/footage/acme/spot/b.mov", "other");
    studio.lines(&["load"]).status(0);
    let after = [
        "WORK a.mov read",
        "WORK b.mov read",
        "NAS a.mov read",
        "NAS b.mov listed",
    ];
    assert_eq!(evidence(&studio), after);
}

#[test]
fn comparison_of_contents_is_evidence() {
    let studio = Studio::new();
    for database in ["WORK", "NAS"] {
        studio.file(format!("{database}/footage/acme/spot/a.mov"), "film");
    }
    studio
        .lines(&["compare acme/spot footage WORK NAS --checksum"])
        .ok();
    studio.lines(&["load"]).ok();
    assert_eq!(evidence(&studio), ["WORK a.mov read", "NAS a.mov read"]);
}

#[test]
fn sequence_shows_its_weakest_evidence() {
    let studio = Studio::new();
    for frame in 1..=3 {
        studio.file(format!("WORK/footage/acme/spot/sh.{frame:04}.exr"), "frame");
    }
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    let line = "fetch project acme/spot --files --evidence";
    let said = studio.lines(&[line]).ok().stdout;
    assert_eq!(said.matches("read just now").count(), 2, "{said}");
    studio.file("NAS/footage/acme/spot/sh.0002.exr", "other frame");
    studio.lines(&["load"]).ok();
    let said = studio.lines(&[line]).ok().stdout;
    assert_eq!(said.matches("read just now").count(), 1, "{said}");
    assert_eq!(said.matches("  listed").count(), 1, "{said}");
}
