//! `history sizes`: a row for each change of a replica.

use std::fs;

use insta::assert_snapshot;
use rusqlite::Connection;
use unicode_width::UnicodeWidthStr as _;

use super::{exact_stdout, run_with_format};
use crate::studio::{ProgramRun, Studio};
use crate::terminal::output;

const INDEX: &str = "home/.local/share/auto-backup/index.sqlite";

fn index(studio: &Studio) -> Connection {
    Connection::open(studio.path(INDEX)).unwrap()
}

/// Returns the number of changes that are recorded.
fn recorded(studio: &Studio) -> i64 {
    let sql = "SELECT count(*) FROM sizes";
    index(studio).query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Returns the rows of a project, without their times.
fn sizes(studio: &Studio, project: &str) -> Vec<String> {
    let run = run_with_format(studio, "plain", &format!("history sizes {project}")).ok();
    let rows = run.stdout.lines();
    let rows = rows.map(|row| row.split_once('\t').unwrap().1.replace('\t', " "));
    rows.collect()
}

/// Moves the changes of a replica to these days, from the first on.
fn set_days(studio: &Studio, project: &str, days: &[&str]) {
    for (number, day) in (0_i64..).zip(days) {
        let sql = "UPDATE sizes SET at = unixepoch(?1) WHERE number = ?2 AND series_id IN
                       (SELECT id FROM size_series WHERE CAST(client || '/' || project AS BLOB) = ?3)";
        let parameters = (day, number, project.as_bytes());
        index(studio).execute(sql, parameters).unwrap();
    }
    studio.reseal_index();
}

/// A studio in which `acme/spot` grew on two storages.
fn grown() -> Studio {
    let studio = Studio::filled();
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS"])
        .ok();
    for (name, bytes) in [("a", 400_000), ("b", 1_600_000)] {
        studio.file(format!("WORK/footage/acme/spot/{name}.mov"), vec![0; bytes]);
        studio.lines(&["load"]).ok();
    }
    let days = ["2026-01-05", "2026-02-05", "2026-09-05"];
    set_days(&studio, "acme/spot", &days);
    studio
}

/// Returns a table with its charts and dates of today replaced.
fn table(run: &ProgramRun) -> String {
    let chart = regex::Regex::new("[▁▂▃▄▅▆▇█]{2,}").unwrap();
    let today = regex::Regex::new(r"20\d\d-\d\d-\d\d \d\d:\d\d|2026-1[12]-\d\d").unwrap();
    let text = run.to_string();
    let text = chart.replace_all(&text, "CHART");
    today.replace_all(&text, "DAY").into_owned()
}

#[test]
fn unchanged_scan_writes_no_row() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    assert_eq!(recorded(&studio), 4);
    let index = index(&studio);
    index
        .execute_batch("CREATE TABLE told (what TEXT)")
        .unwrap();
    for (table, what) in [
        ("sizes", "INSERT"),
        ("sizes", "UPDATE"),
        ("sizes", "DELETE"),
        ("size_series", "INSERT"),
        ("size_series", "UPDATE"),
    ] {
        let sql = format!(
            "CREATE TRIGGER told_{table}_{what} AFTER {what} ON {table} BEGIN INSERT INTO told VALUES ('{table} {what}'); END"
        );
        index.execute_batch(&sql).unwrap();
    }
    let told = || -> Vec<String> {
        let mut query = index
            .prepare("SELECT what FROM told ORDER BY what")
            .unwrap();
        let rows = query.query_map([], |row| row.get(0)).unwrap();
        let rows = rows.map(Result::unwrap).collect();
        index.execute("DELETE FROM told", []).unwrap();
        rows
    };
    studio
        .lines(&["load", "load WORK", "load --category footage"])
        .ok();
    assert_eq!(told(), [""; 0]);
    // The same size with another time is no change of the size.
    studio.file_at("WORK/footage/acme/spot/reel.mov", "real", 1_767_329_999);
    studio.lines(&["load"]).ok();
    assert_eq!(told(), [""; 0]);
    studio.file("WORK/footage/acme/spot/reel.mov", "longer reel");
    studio.lines(&["load"]).ok();
    assert_eq!(told(), ["size_series UPDATE", "sizes INSERT"]);
}

#[test]
fn missing_and_returned_replicas_are_changes() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let project = studio.path("WORK/footage/acme/teaser");
    fs::rename(&project, studio.path("away")).unwrap();
    studio.lines(&["load"]).ok();
    // A project that no storage has any more keeps its sizes.
    assert_eq!(
        sizes(&studio, "acme/teaser"),
        ["WORK footage acme/teaser 1 6", "WORK footage acme/teaser  "]
    );
    studio.lines(&["load"]).ok();
    let check = ["--check", "-c", "history sizes acme/teaser"];
    assert_eq!(studio.run(check).status, 0);
    fs::rename(studio.path("away"), &project).unwrap();
    studio
        .lines(&["load", "load WORK --project acme/teaser"])
        .ok();
    assert_eq!(sizes(&studio, "acme/teaser").len(), 3);
    fs::remove_dir_all(&project).unwrap();
    studio.lines(&["load WORK --project acme/teaser"]).ok();
    assert_eq!(sizes(&studio, "acme/teaser").len(), 4);
}

#[test]
fn offline_storage_is_no_change() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let before = sizes(&studio, "all");
    fs::rename(studio.path("WORK"), studio.path("away")).unwrap();
    studio.lines(&["load"]).status(3);
    assert_eq!(sizes(&studio, "all"), before);
}

#[test]
fn copies_are_recorded_at_their_destination() {
    let studio = Studio::filled();
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS"])
        .ok();
    assert_eq!(
        sizes(&studio, "acme/spot"),
        [
            "WORK footage acme/spot 2 13",
            "NAS footage acme/spot 2 13",
            "WORK render acme/spot 1 5"
        ]
    );
}

#[test]
fn renamed_storage_keeps_its_sizes() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let file = "home/.config/auto-backup/.config";
    studio.file(file, studio.read(file).replace("WORK ", "SERVER "));
    assert_eq!(
        sizes(&studio, "acme/teaser"),
        ["SERVER footage acme/teaser 1 6"]
    );
    studio.lines(&["load --forget SERVER --yes"]).ok();
    let run = studio.lines(&["history sizes acme/teaser"]);
    assert_eq!(run.status, 1, "{run}");
}

#[test]
fn sizes_are_answered_in_all_formats() {
    let studio = grown();
    assert_snapshot!(table(&studio.lines(&["history sizes acme/spot"])), @"
    exit 0
    --- stdout
    storage  category  sizes                     from      now  change    files  since
    WORK     footage   CHART  13 B  2.00 MB  +2.00 MB      4  2026-01-05
    WORK     render    CHART   5 B      5 B  =             1  2026-01-05
    NAS      footage   CHART  13 B     13 B  =             2  2026-01-05
    total              CHART  18 B  2.00 MB  +2.00 MB      5  2026-01-05
    2 changes since DAY
    total: the largest copy of each project and category
    ");
    for format in ["plain", "csv"] {
        let line = "history sizes acme/spot --since 2026-02-01";
        let text = exact_stdout(&studio, &run_with_format(&studio, format, line));
        match format {
            "plain" => assert_snapshot!(text, @r"
            NOW\tWORK\tfootage\tacme/spot\t2\t13\n
            NOW\tWORK\tfootage\tacme/spot\t3\t400013\n
            NOW\tWORK\tfootage\tacme/spot\t4\t2000013\n
            NOW\tNAS\tfootage\tacme/spot\t2\t13\n
            NOW\tWORK\trender\tacme/spot\t1\t5\n
            "),
            _ => assert_snapshot!(text, @r"
            at,database,category,project,files,bytes\n
            NOW,WORK,footage,acme/spot,2,13\n
            NOW,WORK,footage,acme/spot,3,400013\n
            NOW,WORK,footage,acme/spot,4,2000013\n
            NOW,NAS,footage,acme/spot,2,13\n
            NOW,WORK,render,acme/spot,1,5\n
            "),
        }
    }
    let json = exact_stdout(
        &studio,
        &studio.json(&["history sizes acme/spot --since 2026-02-01"]),
    );
    assert_snapshot!(json, @r#"{\"command\":\"history\",\"scope\":\"acme/spot\",\"since\":\"NOW\",\"sizes\":[{\"database\":\"WORK\",\"category\":\"footage\",\"project\":\"acme/spot\",\"points\":[{\"at\":\"NOW\",\"files\":2,\"bytes\":13},{\"at\":\"NOW\",\"files\":3,\"bytes\":400013},{\"at\":\"NOW\",\"files\":4,\"bytes\":2000013}]},{\"database\":\"NAS\",\"category\":\"footage\",\"project\":\"acme/spot\",\"points\":[{\"at\":\"NOW\",\"files\":2,\"bytes\":13}]},{\"database\":\"WORK\",\"category\":\"render\",\"project\":\"acme/spot\",\"points\":[{\"at\":\"NOW\",\"files\":1,\"bytes\":5}]}]}\n"#);
}

#[test]
fn client_and_studio_are_summed() {
    let studio = grown();
    assert_snapshot!(table(&studio.lines(&["history sizes acme", "history sizes"])), @"
    exit 0
    --- stdout
    storage  category  sizes                     from      now  change    files  since
    WORK     footage   CHART  13 B  2.00 MB  +2.00 MB      5  2026-01-05
    WORK     render    CHART   5 B      5 B  =             1  2026-01-05
    NAS      footage   CHART  13 B     13 B  =             2  2026-01-05
    total              CHART  18 B  2.00 MB  +2.00 MB      6  2026-01-05
    2 changes since DAY
    total: the largest copy of each project and category
    storage  category  sizes                     from      now  change    files  since
    WORK     footage   CHART  13 B  2.00 MB  +2.00 MB      6  2026-01-05
    WORK     render    CHART   5 B      5 B  =             1  2026-01-05
    NAS      footage   CHART  13 B     13 B  =             2  2026-01-05
    total              CHART  18 B  2.00 MB  +2.00 MB      7  2026-01-05
    2 changes since DAY
    total: the largest copy of each project and category
    ");
    let last = studio
        .lines(&["history sizes acme", "echo _", "fetch _"])
        .ok();
    assert!(last.stdout.contains("acme/teaser"), "{last}");
}

#[test]
fn period_begins_with_the_size_in_force() {
    let studio = grown();
    let run = studio
        .json(&["history sizes acme/spot --since 2026-02-20"])
        .ok();
    let document = run.document();
    let points = &document["sizes"][0]["points"];
    assert_eq!(points[0]["at"], "2026-02-05T00:00:00Z", "{run}");
    assert_eq!(points[1]["bytes"], 2_000_013, "{run}");
    let run = studio.lines(&["history sizes acme/spot --since 1h"]).ok();
    assert!(run.stdout.contains("0 changes since"), "{run}");
}

#[test]
fn charts_fit_narrow_terminals() {
    let studio = grown();
    for columns in [40, 80] {
        for line in ["history sizes acme/spot", "history sizes"] {
            let arguments = ["--color", "never", "-c", line];
            let answer = output(&studio, (50, columns), &[], &arguments);
            let wide = answer
                .lines()
                .find(|line| line.trim_end().width() > columns.into());
            assert!(wide.is_none(), "{answer}");
            assert!(
                answer.contains('█') && answer.contains("+2.00 MB"),
                "{answer}"
            );
        }
    }
    let arguments = ["--color", "never", "-c", "history sizes acme/spot"];
    let ascii = output(&studio, (50, 80), &[("LC_ALL", "C")], &arguments);
    assert!(ascii.contains("##") && !ascii.contains('█'), "{ascii}");
    let arguments = ["--accessible", "-c", "history sizes acme/spot"];
    let records = output(&studio, (50, 80), &[], &arguments);
    assert!(
        !records.contains('█') && records.contains("now: 2.00 MB"),
        "{records}"
    );
}

#[test]
fn damaged_size_is_reported() {
    let studio = grown();
    let sql = "UPDATE sizes SET bytes = bytes + 1 WHERE number = 1";
    index(&studio).execute(sql, []).unwrap();
    let run = studio.lines(&["history sizes acme/spot"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.stderr.contains("is damaged"), "{run}");
}

#[test]
fn words_that_do_not_belong_are_refused() {
    let studio = grown();
    for line in [
        "history 1 acme/spot",
        "history 1 --since 2d",
        "history --since 2d",
        "history sizes --all",
        "history sizes acme --no-sequences",
        "history size",
    ] {
        assert_eq!(studio.lines(&[line]).status, 2, "{line}");
    }
    let run = studio.lines(&["history sizes acm"]);
    assert!(run.status == 1 && run.stderr.contains("acme"), "{run}");
}

#[test]
fn nothing_recorded_names_the_next_step() {
    let studio = Studio::new();
    assert_snapshot!(studio.lines(&["history sizes"]), @"
    exit 0
    --- stdout
    no sizes were recorded yet; `load` records them
    ");
}

#[test]
fn report_shows_recorded_sizes() {
    let studio = grown();
    studio.lines(&["report acme/spot --to out.html"]).ok();
    let page = studio.read("out.html");
    assert!(page.contains("as the scans recorded them"), "{page}");
    let facts = studio.json(&["report acme/spot"]).ok().document();
    let recorded = &facts["growth"]["recorded"];
    let points = recorded["points"].as_array().unwrap();
    assert_eq!((&recorded["changes"], points.len()), (&2.into(), 61));
    let bytes = [&points[0]["bytes"], &points[60]["bytes"]];
    assert_eq!(bytes, [18, 2_000_018]);
    // Without a change the month of each file's last change is shown.
    studio.lines(&["report zoo --to zoo.html"]).status(1);
    studio.lines(&["report \"Bob's\" --to bob.html"]).ok();
    assert!(
        studio
            .read("bob.html")
            .contains("was last changed, added up")
    );
}
