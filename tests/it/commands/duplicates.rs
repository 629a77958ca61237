//! `duplicates`: equal contents at several places.

use insta::assert_snapshot;
use rusqlite::Connection;
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::{exact_stdout, run_with_format};
use crate::studio::{CHANGED, Studio};
use crate::terminal::output;

const INDEX: &str = "home/.local/share/auto-backup/index.sqlite";

/// A studio with a logo in two projects, frames that a third one has too, and a file that is single.
fn studio() -> Studio {
    let studio = Studio::new();
    for project in ["acme/spot", "acme/teaser"] {
        studio.file_at(
            format!("WORK/footage/{project}/art/logo.png"),
            vec![7; 40_000],
            CHANGED + 5,
        );
    }
    for number in 1..=12 {
        for (folder, later) in [("acme/spot/plates", 0), ("zoo/film/old/plates", 0)] {
            studio.file_at(
                format!("WORK/footage/{folder}/sh.{number:04}.exr"),
                vec![number; 5000],
                CHANGED + later,
            );
        }
    }
    studio.file("WORK/footage/acme/spot/single.mov", "single");
    studio
        .file("WORK/footage/acme/spot/empty", "")
        .file("WORK/footage/acme/teaser/empty", "");
    studio
}

/// Returns the groups of an answer: evidence, size and places of each, `CATEGORY PROJECT PATH on STORAGES`.
fn groups(studio: &Studio, line: &str) -> Vec<(String, u64, Vec<String>)> {
    let document = studio.json(&[line]).ok().document();
    let place = |place: &Value| {
        let word = |name: &str| place[name].as_str().unwrap().to_owned();
        let names = place["databases"].as_array().unwrap().iter();
        let names: Vec<&str> = names.map(|name| name.as_str().unwrap()).collect();
        let names = names.join(",");
        format!(
            "{} {} {} on {names}",
            word("category"),
            word("project"),
            word("path")
        )
    };
    let groups = document["groups"].as_array().unwrap().iter();
    let groups = groups.map(|group| {
        let places = group["places"].as_array().unwrap().iter();
        (
            group["evidence"].as_str().unwrap().to_owned(),
            group["bytes"].as_u64().unwrap(),
            places.map(place).collect(),
        )
    });
    groups.collect()
}

/// Returns `groups`, `files` and `bytes` of the total.
fn total(studio: &Studio, line: &str) -> [u64; 3] {
    let document = studio.json(&[line]).ok().document();
    ["groups", "files", "bytes"].map(|name| document["total"][name].as_u64().unwrap())
}

#[test]
fn sizes_and_times_make_candidates() {
    let studio = studio();
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&["duplicates"]), @"
    exit 0
    --- stdout
    60.0 kB extra  candidate  12 files, 60.0 kB
      acme/spot footage plates/  WORK
      zoo/film footage old/plates/  WORK
    40.0 kB extra  candidate  1 file, 40.0 kB
      acme/spot footage art/logo.png  WORK
      acme/teaser footage art/logo.png  WORK
    13 groups, 13 extra files, 100 kB
    candidates among them: 13 groups, 13 extra files, 100 kB; `verify` reads them
    ");
    let found = groups(&studio, "duplicates acme");
    assert_eq!(
        found,
        [(
            "candidate".to_owned(),
            40_000,
            vec![
                "footage acme/spot art/logo.png on WORK".to_owned(),
                "footage acme/teaser art/logo.png on WORK".to_owned()
            ]
        )]
    );
}

#[test]
fn read_contents_prove_or_separate() {
    let studio = studio();
    // Of equal size and time, and different.
    studio.file_at(
        "WORK/footage/zoo/film/other.png",
        vec![8; 40_000],
        CHANGED + 5,
    );
    studio.lines(&["load"]).ok();
    assert_eq!(groups(&studio, "duplicates --larger 20k")[0].2.len(), 3);
    studio.lines(&["verify"]).ok();
    assert_snapshot!(studio.lines(&["duplicates"]), @"
    exit 0
    --- stdout
    60.0 kB extra  proven  12 files, 60.0 kB
      acme/spot footage plates/  WORK
      zoo/film footage old/plates/  WORK
    40.0 kB extra  proven  1 file, 40.0 kB
      acme/spot footage art/logo.png  WORK
      acme/teaser footage art/logo.png  WORK
    13 groups, 13 extra files, 100 kB
    ");
    let found = groups(&studio, "duplicates");
    assert_eq!(found.len(), 13);
    assert!(
        found
            .iter()
            .all(|group| group.0 == "proven" && group.2.len() == 2)
    );
}

#[test]
fn copies_on_other_storages_are_no_duplicates() {
    let studio = studio();
    studio.lines(&["load", "copy all all WORK NAS"]).ok();
    let found = groups(&studio, "duplicates acme");
    assert_eq!(
        found,
        [(
            "proven".to_owned(),
            40_000,
            vec![
                "footage acme/spot art/logo.png on WORK,NAS".to_owned(),
                "footage acme/teaser art/logo.png on WORK,NAS".to_owned()
            ]
        )]
    );
    // One place beyond the first, on two storages.
    assert_eq!(total(&studio, "duplicates acme"), [1, 2, 80_000]);
    assert_eq!(total(&studio, "duplicates acme in NAS"), [1, 1, 40_000]);
    assert_eq!(groups(&studio, "duplicates acme/spot"), []);
}

#[test]
fn unread_copy_beside_read_ones_is_a_candidate() {
    let studio = studio();
    studio.lines(&["load", "verify"]).ok();
    studio.file_at(
        "WORK/scratch/render/acme/spot/logo.png",
        vec![7; 40_000],
        CHANGED + 5,
    );
    studio.lines(&["load"]).ok();
    let found = groups(&studio, "duplicates --larger 20k");
    let words: Vec<(&str, usize)> = found
        .iter()
        .map(|group| (&*group.0, group.2.len()))
        .collect();
    assert_eq!(words, [("proven", 2), ("candidate", 3)]);
    // The copies of the proven group count once.
    assert_eq!(total(&studio, "duplicates --larger 20k"), [2, 2, 80_000]);
}

#[test]
fn renamed_and_moved_files_are_found() {
    let studio = studio();
    studio
        .file_at(
            "NAS/footage/zoo/film/a/b/brand.png",
            vec![7; 40_000],
            CHANGED + 99,
        )
        .file_at(
            "WORK/footage/acme/spot/art/logo 2.png",
            vec![7; 40_000],
            CHANGED + 70,
        );
    studio.lines(&["load", "verify"]).ok();
    let found = groups(&studio, "duplicates --larger 20k");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].2.len(), 4, "{found:?}");
    let run = studio.lines(&["duplicates --larger 20k"]).ok();
    assert!(run.stdout.contains("art/logo 2.png  WORK"), "{run}");
}

#[test]
fn changed_file_leaves_its_group() {
    let studio = studio();
    studio.lines(&["load", "verify"]).ok();
    studio.file_at(
        "WORK/footage/acme/teaser/art/logo.png",
        vec![9; 40_000],
        CHANGED + 6,
    );
    studio.lines(&["load"]).ok();
    assert_eq!(groups(&studio, "duplicates acme"), []);
    studio.remove("WORK/footage/zoo/film/old/plates/sh.0001.exr");
    studio.lines(&["load"]).ok();
    assert_eq!(groups(&studio, "duplicates").len(), 11);
}

#[test]
fn damaged_files_are_not_equal() {
    let studio = studio();
    studio.lines(&["load", "verify"]).ok();
    studio.file_at(
        "WORK/footage/acme/teaser/art/logo.png",
        vec![9; 40_000],
        CHANGED + 5,
    );
    studio.lines(&["verify"]).status(3);
    assert_eq!(groups(&studio, "duplicates acme"), []);
}

#[test]
fn words_narrow_the_answer() {
    let studio = studio();
    studio
        .file("NAS/footage/acme/spot/a.mov", "same as b")
        .file("NAS/scratch/render/acme/spot/b.mov", "same as b");
    studio.lines(&["load"]).ok();
    for (line, count) in [
        ("duplicates", 14),
        ("duplicates all", 14),
        ("duplicates in NAS", 1),
        ("duplicates NAS", 1),
        ("duplicates NAS in footage", 0),
        ("duplicates in acme in WORK", 1),
        ("duplicates zoo", 0),
        ("duplicates footage in WORK --limit 3", 3),
    ] {
        assert_eq!(groups(&studio, line).len(), count, "{line}");
    }
    for (line, status) in [
        ("duplicates nothing", 1),
        ("duplicates acme NAS", 2),
        ("duplicates acme in", 2),
        ("duplicates --limit 0", 2),
    ] {
        assert_eq!(studio.lines(&[line]).status, status, "{line}");
    }
}

#[test]
fn duplicates_are_answered_in_all_formats() {
    let studio = studio();
    studio.lines(&["load", "verify"]).ok();
    for format in ["plain", "csv"] {
        let line = "duplicates acme";
        let text = exact_stdout(&studio, &run_with_format(&studio, format, line));
        match format {
            "plain" => assert_snapshot!(text, @r"
            1\tproven\t40000\tfootage\tacme/spot\tart/logo.png\tWORK\tda8219d1810335a16ae851e1d48880a6\n
            1\tproven\t40000\tfootage\tacme/teaser\tart/logo.png\tWORK\tda8219d1810335a16ae851e1d48880a6\n
            "),
            _ => assert_snapshot!(text, @r"
            group,evidence,bytes,category,project,path,databases,digest\n
            1,proven,40000,footage,acme/spot,art/logo.png,WORK,da8219d1810335a16ae851e1d48880a6\n
            1,proven,40000,footage,acme/teaser,art/logo.png,WORK,da8219d1810335a16ae851e1d48880a6\n
            "),
        }
    }
    let json = exact_stdout(&studio, &studio.json(&["duplicates acme"]));
    assert_snapshot!(json, @r#"{\"command\":\"duplicates\",\"groups\":[{\"evidence\":\"proven\",\"bytes\":40000,\"digest\":\"da8219d1810335a16ae851e1d48880a6\",\"places\":[{\"category\":\"footage\",\"project\":\"acme/spot\",\"path\":\"art/logo.png\",\"databases\":[\"WORK\"]},{\"category\":\"footage\",\"project\":\"acme/teaser\",\"path\":\"art/logo.png\",\"databases\":[\"WORK\"]}]}],\"total\":{\"groups\":1,\"files\":1,\"bytes\":40000,\"candidate_groups\":0,\"candidate_files\":0,\"candidate_bytes\":0}}\n"#);
    assert_snapshot!(studio.lines(&["duplicates --files --limit 2", "duplicates --limit 1"]), @"
    exit 0
    --- stdout
    40.0 kB extra  proven  1 file, 40.0 kB
      acme/spot footage art/logo.png  WORK
      acme/teaser footage art/logo.png  WORK
    5.00 kB extra  proven  1 file, 5.00 kB
      acme/spot footage plates/sh.0001.exr  WORK
      zoo/film footage old/plates/sh.0001.exr  WORK
    13 groups, 13 extra files, 100 kB
    stopped at the limit; the sums are those of all groups
    60.0 kB extra  proven  12 files, 60.0 kB
      acme/spot footage plates/  WORK
      zoo/film footage old/plates/  WORK
    13 groups, 13 extra files, 100 kB
    stopped at the limit; the sums are those of all groups
    ");
    let all = studio.lines(&["duplicates --limit 2"]).ok();
    assert_eq!(
        all.stdout.lines().last(),
        Some("13 groups, 13 extra files, 100 kB")
    );
}

#[test]
fn duplicates_fit_narrow_terminals() {
    let studio = studio();
    studio.lines(&["load"]).ok();
    for columns in [40, 80] {
        let arguments = ["--color", "never", "-c", "duplicates"];
        let answer = output(&studio, (50, columns), &[], &arguments);
        let wide = answer
            .lines()
            .find(|line| line.trim_end().width() > columns.into());
        assert!(wide.is_none(), "{answer}");
        assert!(answer.contains("candidate"), "{answer}");
    }
}

#[test]
fn folders_that_pair_up_are_one_entry() {
    let studio = Studio::new();
    for folder in ["acme/spot", "acme/spot-old/backup"] {
        for sub in ["plates/sh010", "plates/sh020", "edit"] {
            for number in 1..=30 {
                studio.file(
                    format!("WORK/footage/{folder}/{sub}/f.{number:03}"),
                    format!("{sub} {number:03} {}", "x".repeat(number)),
                );
            }
        }
    }
    studio.lines(&["load", "verify"]).ok();
    assert_snapshot!(studio.lines(&["duplicates"]), @"
    exit 0
    --- stdout
    2.69 kB extra  proven  90 files, 2.69 kB
      acme/spot footage /  WORK
      acme/spot-old footage backup/  WORK
    90 groups, 90 extra files, 2.69 kB
    ");
    assert_eq!(total(&studio, "duplicates")[0], 90);
}

#[test]
fn answer_leaves_nothing_in_the_index() {
    let studio = studio();
    studio.lines(&["load"]).ok();
    let before = std::fs::read(studio.path(INDEX)).unwrap();
    studio
        .lines(&["duplicates", "duplicates", "find single"])
        .ok();
    let index = Connection::open(studio.path(INDEX)).unwrap();
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'equal%'";
    let left: i64 = index.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
    drop(index);
    assert_eq!(
        std::fs::read(studio.path(INDEX)).unwrap().len(),
        before.len()
    );
}

#[test]
fn nothing_to_compare_names_the_next_step() {
    let studio = Studio::new();
    assert_snapshot!(studio.lines(&["duplicates"]), @"
    exit 0
    --- stdout
    no files to compare; `load` scans the storages
    ");
    studio.file("WORK/footage/acme/spot/a.mov", "a");
    assert_snapshot!(studio.lines(&["load", "duplicates"]).stdout.lines().last().unwrap(), @"no duplicates in 1 file; where no content was read, sizes and times are compared: `verify` reads all");
}
