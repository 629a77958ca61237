//! `_`, the projects of the last answer, in every command that takes a project.

use crate::studio::{CHANGED, Studio};

/// Returns a scanned studio in which NAS has nothing.
fn studio() -> Studio {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
}

#[test]
fn listed_projects_are_copied_in_one_run() {
    let studio = studio();
    let run = studio.lines(&["list projects in acme", "copy _ all WORK NAS"]);
    let run = run.status(0);
    assert!(run.stdout.contains("4 files"), "{run}");
    let tree = studio.tree("NAS/footage");
    assert!(tree.contains("acme/teaser/t.mov"), "{tree}");
    assert!(!tree.contains("Bob's"), "{tree}");
    let history = studio.json(&["history"]).ok().document();
    let runs = history["runs"].as_array().unwrap();
    let copies: Vec<_> = runs.iter().filter(|run| run["command"] == "copy").collect();
    assert_eq!(copies.len(), 1, "{history}");
    assert_eq!(copies[0]["what"], "acme/spot, acme/teaser all");
}

#[test]
fn every_command_takes_last_projects() {
    let studio = studio();
    for (list, line, part) in [
        ("list projects in acme", "fetch project _", "acme/teaser"),
        ("find reel", "compare _ WORK NAS", "NAS lacks 3 files"),
        (
            "fetch client acme",
            "sync _ footage WORK NAS",
            "verified 3 files",
        ),
        ("list projects in acme", "load --project _ WORK", "WORK"),
        ("find reel", "explore _ footage WORK --print", "acme/spot"),
    ] {
        let run = studio.lines(&[list, line]);
        assert!(matches!(run.status, 0 | 3), "{line}: {run}");
        assert!(run.stdout.contains(part), "{line}: {run}");
    }
    let script = studio.script("list projects in acme\nfailures _\n").ok();
    assert!(script.stdout.contains("no failures"), "{script}");
}

#[test]
fn differing_projects_are_last_projects_of_compare() {
    let studio = studio();
    studio.lines(&["copy acme/teaser all WORK NAS"]).ok();
    let run = studio.lines(&["compare acme WORK NAS", "copy _ all WORK NAS"]);
    let run = run.status(3);
    assert!(run.stdout.contains("acme/spot"), "{run}");
    assert!(!studio.path("NAS/footage/Bob's").exists(), "{run}");
    let runs = studio.json(&["history"]).ok().document();
    let copied: Vec<_> = runs["runs"].as_array().unwrap().iter().collect();
    assert!(
        copied.iter().any(|run| run["what"] == "acme/spot all"),
        "{runs}"
    );
    let run = studio.lines(&["compare acme WORK NAS", "fetch _"]);
    let run = run.status(1);
    assert!(run.stderr.contains("the last answer has no projects"));
    // The only compared project is named, and stands for itself.
    let run = studio.lines(&["compare acme/spot WORK NAS --known", "fetch _"]);
    assert!(run.status(0).stdout.contains("acme/spot"));
}

#[test]
fn underscore_without_projects_is_refused() {
    let studio = studio();
    let run = studio.lines(&["copy _ all WORK NAS"]).status(1);
    assert!(
        run.stderr.contains("no command has listed projects"),
        "{run}"
    );
    let run = studio.lines(&["find 'no such file'", "copy _ all WORK NAS"]);
    let run = run.status(1);
    assert!(
        run.stderr.contains("the last answer has no projects"),
        "{run}"
    );
    assert_eq!(studio.tree("NAS"), "");
}

#[test]
fn start_up_answers_are_no_last_answer() {
    let studio = studio();
    let startup = studio.read("home/.config/auto-backup/.config");
    let startup = format!("{startup}list projects\n");
    studio.file("home/.config/auto-backup/.config", startup);
    let run = studio.lines(&["copy _ all WORK NAS"]).status(1);
    assert!(run.stderr.contains("`'_'`"), "{run}");
}

#[test]
fn quoted_underscore_is_a_client() {
    let studio = studio();
    studio.file("WORK/footage/_/_/a", "a");
    studio.lines(&["load"]).ok();
    let run = studio.lines(&["list projects in acme", "copy '_' footage WORK NAS"]);
    let run = run.status(0);
    assert_eq!(studio.read("NAS/footage/_/_/a"), "a");
    assert!(!studio.path("NAS/footage/acme").exists(), "{run}");
    let run = studio.lines(&["fetch project _/_", "compare _ WORK NAS"]);
    assert!(run.stdout.contains("no difference"), "{run}");
}

#[test]
fn vanished_project_fails_and_others_are_copied() {
    let studio = studio();
    studio.remove("WORK/footage/acme/teaser");
    let run = studio.lines(&["list projects in acme", "copy _ footage WORK NAS"]);
    let run = run.status(3);
    assert!(run.stdout.contains("acme/teaser"), "{run}");
    assert!(run.stdout.contains("not on WORK"), "{run}");
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "reel");
    let run = studio.lines(&["list projects in acme", "sync _ footage WORK NAS"]);
    assert!(run.status(3).stdout.contains("not on WORK"));
}

#[test]
fn five_hundred_projects_are_one_run() {
    let studio = Studio::new();
    for number in 0..500 {
        let path = format!("WORK/footage/c{}/p{number}/a", number % 7);
        studio.file_at(path, "a", CHANGED);
    }
    studio.file("WORK/footage/other/p/b", "b");
    studio.lines(&["load"]).ok();
    let run = studio.json(&["find a", "copy _ footage WORK NAS"]).ok();
    assert_eq!(run.document()["copied_files"], 500);
    assert!(!studio.path("NAS/footage/other").exists());
}
