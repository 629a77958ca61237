//! `report`.

use insta::assert_snapshot;
use regex::Regex;
use serde_json::Value;

use super::{add_startup_lines, copied_studio, studio_on_media, unplug};
use crate::studio::{ProgramRun, Studio};

/// Returns a run with the sizes of files replaced, which depend on the names of user and host.
fn without_sizes(run: &ProgramRun) -> String {
    let size = Regex::new(r"\d+(\.\d+)? k?B\b").unwrap();
    size.replace_all(&run.to_string(), "SIZE").into_owned()
}

/// Returns a page or document without the time at which it was made.
fn without_time(text: &str) -> String {
    let time = Regex::new(r#"<time.*?</time>|"made_at":"[^"]*""#).unwrap();
    time.replace_all(text, "NOW").into_owned()
}

#[test]
fn page_answers_in_one_sentence() {
    let studio = copied_studio();
    let run = studio.lines(&["report acme/spot --to spot.html"]).ok();
    assert_snapshot!(without_sizes(&run), @"
    exit 0
    --- stdout
    wrote spot.html, SIZE
    Yes: the project has the copies that its policies demand.
    ");
    let page = studio.read("spot.html");
    assert!(page.starts_with("<!doctype html><!-- auto-backup report -->\n<html lang=\"en\">"));
    for part in [
        "<title>acme/spot: backup report</title>",
        "Yes: the project has the copies that its policies demand.",
        "<span class=\"g\">whole</span>",
        "copy acme/spot footage",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    studio.remove("NAS/footage/acme/spot/reel.mov");
    let lines = ["load", "report all --to spot.html"];
    let run = studio.lines(&lines).ok();
    assert!(
        run.stdout.contains("No: 1 of 1 falls short of policy"),
        "{run}"
    );
    let page = studio.read("spot.html");
    assert!(page.contains("1 of 2 copies, on WORK"), "{page}");
    assert!(page.contains("copy acme/spot footage WORK NAS</code>"));
}

#[test]
fn equal_index_gives_equal_reports() {
    let studio = copied_studio();
    for name in ["page.html", "facts.json"] {
        let report = || {
            studio.lines(&[&format!("report all --to {name}")]).ok();
            without_time(&studio.read(name))
        };
        assert_eq!(report(), report());
    }
}

#[test]
fn json_is_printed_or_written() {
    let studio = copied_studio();
    let printed = studio.json(&["report acme"]).ok();
    studio.lines(&["report acme --to facts.json"]).ok();
    let written = studio.read("facts.json");
    let printed = String::from_utf8(printed.bytes).unwrap();
    assert_eq!(without_time(&printed), without_time(&written));
    let facts: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(facts["command"], "report");
    assert_eq!(
        (&facts["projects"], &facts["files"]),
        (&1.into(), &2.into())
    );
    let cell = &facts["matrices"][0]["rows"][0]["cells"][1];
    assert_eq!(cell["database"], "NAS");
    assert_eq!(
        (&cell["state"], &cell["unproven_files"]),
        (&"whole".into(), &0.into())
    );
    // The extension decides; without one, the format of answers.
    studio
        .json(&["report acme --to page.html", "report acme --to facts"])
        .ok();
    assert!(studio.read("page.html").starts_with("<!doctype html>"));
    assert!(studio.read("facts").starts_with("{\"command\":\"report\","));
}

#[test]
fn months_and_gaps_are_counted() {
    let studio = Studio::new();
    // 2025-12-31, 2026-01-01 and the time of all other files, in January 2026.
    studio
        .file_at("WORK/footage/acme/spot/a.1.exr", "12", 1_767_225_599)
        .file_at("WORK/footage/acme/spot/a.2.exr", "123", 1_767_225_600)
        .file("WORK/footage/acme/spot/a.4.exr", "1")
        .file("NAS/footage/acme/spot/a.6.exr", "1");
    studio.lines(&["load"]).ok();
    let facts = studio.json(&["report acme/spot"]).ok().document();
    let month = |year: u64, month: u64, files: u64, bytes: u64| serde_json::json!({"year": year, "month": month, "files": files, "bytes": bytes});
    assert_eq!(
        facts["growth"]["months"],
        serde_json::json!([month(2025, 12, 1, 2), month(2026, 1, 3, 5)])
    );
    // No copy is whole: frames of all copies together fill the sequence.
    let gapped = &facts["sequences"]["gapped"];
    assert_eq!(gapped[0]["path"], "a.[1-6].exr");
    assert_eq!(gapped[0]["missing"], serde_json::json!([[3, 3], [5, 5]]));
    assert_eq!(facts["sequences"]["frames"], 4);
}

#[test]
fn only_reports_are_replaced() {
    let studio = copied_studio();
    studio.file("page.html", "<!doctype html><title>My page</title>");
    let line = "report acme/spot --to page.html";
    assert_snapshot!(studio.lines(&[line]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: cannot write an answer to `$STUDIO/page.html`: it exists and is no report; choose another name, or remove it first
        report acme/spot --to page.html
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    assert_eq!(
        studio.read("page.html"),
        "<!doctype html><title>My page</title>"
    );
    studio.remove("page.html").lines(&[line]).ok();
    studio.lines(&[line]).ok();
    studio.lines(&["report acme/spot --to facts.json"]).ok();
    studio.lines(&["report acme/spot --to facts.json"]).ok();
    studio.lines(&["report acme/spot --to /dev/null"]).status(1);
    let left = studio.tree("");
    assert!(!left.contains(".tmp"), "{left}");
}

#[test]
fn storages_are_never_written_to() {
    let studio = copied_studio();
    studio.link("way", studio.path("NAS"));
    let before = studio.tree("NAS");
    for path in ["NAS/page.html", "way/footage/page.html"] {
        let run = studio
            .lines(&[&format!("report all --to {path}")])
            .status(1);
        assert!(run.stderr.contains("it lies in the storage `NAS`"), "{run}");
    }
    studio.lines(&["report all --to ."]).status(1);
    assert_eq!(studio.tree("NAS"), before);
}

#[test]
fn unknown_scope_and_empty_index_are_errors() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    assert_snapshot!(studio.lines(&["report all --to page.html"]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: no files are known of `all`
        report all --to page.html
        ^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: `load` scans the storages
    ");
    assert_snapshot!(Studio::bare().lines(&["report all --to page.html"]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: no files are known of `all`
        report all --to page.html
        ^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: no storages yet: `add database NAME ROOT`
    no start-up file found at `./.config` or `$STUDIO/home/.config/auto-backup/.config`; name one with `--config FILE`
    ");
    let studio = copied_studio();
    assert_snapshot!(studio.lines(&["report acme/spto --to page.html"]).status(1), @"
    exit 1
    --- stderr
    -c:1:8: error: unknown project `acme/spto`
        report acme/spto --to page.html
               ^^^^^^^^^
    hint: did you mean `acme/spot`?
    ");
    assert_snapshot!(studio.lines(&["report acme/spot"]).status(2), @"
    exit 2
    --- stderr
    -c:1:17: error: missing: --to FILE
        report acme/spot
                        ^
    hint: write it as: report PROJECT --to FILE.html; `--format json` prints the facts without a file
    ");
    assert!(!studio.path("page.html").exists());
}

#[test]
fn damaged_files_of_the_scope_are_listed() {
    let studio = copied_studio();
    studio.file("WORK/footage/nova/titles/t.mov", "t");
    studio.lines(&["load", "verify"]).ok();
    studio.file("NAS/footage/acme/spot/reel.mov", "rEel");
    studio.lines(&["verify"]).status(3);
    let problems = |scope: &str| {
        let facts = studio.json(&[&format!("report {scope}")]).ok().document();
        facts["problems"].as_array().unwrap().clone()
    };
    let [problem] = problems("acme").try_into().unwrap();
    assert_eq!(problem["outcome"], "damaged");
    assert_eq!(problem["database"], "NAS");
    assert_eq!(problem["path"], "footage/acme/spot/reel.mov");
    assert_eq!(problems("all"), [problem]);
    assert!(problems("nova/titles").is_empty());
}

#[test]
fn dry_run_writes_no_report() {
    let studio = copied_studio();
    let run = studio
        .run(["--dry-run", "-c", "report all --to page.html"])
        .ok();
    assert!(run.stdout.starts_with("would write page.html"), "{run}");
    assert!(!studio.path("page.html").exists());
}

#[test]
fn absent_storages_are_reported_as_last_seen() {
    let studio = copied_studio();
    add_startup_lines(&studio, "add database NAS ../../../NAS --shelf\n");
    unplug(&studio, "NAS");
    studio.lines(&["load"]).ok();
    unplug(&studio, "WORK");
    studio.lines(&["report all --to page.html"]).ok();
    let page = studio.read("page.html");
    assert!(
        page.contains("offline, was whole") || page.contains("1 of 1 whole"),
        "{page}"
    );
    assert!(page.contains("offline, counted as last seen"), "{page}");
}

#[test]
fn histories_are_listed_with_their_digests() {
    let studio = copied_studio();
    studio
        .lines(&[
            "add category footage footage/ --mhl",
            "save",
            "mhl acme/spot footage NAS",
        ])
        .ok();
    let facts = studio.json(&["report acme/spot"]).ok().document();
    let [history] = facts["histories"].as_array().unwrap().as_slice() else {
        panic!("{facts}");
    };
    assert_eq!(history["database"], "NAS");
    assert_eq!(history["generation"], 1);
    let path = history["path"].as_str().unwrap();
    assert!(path.starts_with("ascmhl/0001_spot_"), "{history}");
    let digest = history["digest"].as_str().unwrap();
    assert!(digest.starts_with("c4") && digest.len() == 90, "{history}");
    studio.lines(&["report acme/spot --to page.html"]).ok();
    assert!(studio.read("page.html").contains(digest));
}
