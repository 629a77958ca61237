//! Hints: the intended word and its place.

use insta::assert_snapshot;

use crate::studio::Studio;

/// A studio in which two databases have different projects.
fn studio() -> Studio {
    let studio = Studio::new();
    studio
        .file("WORK/footage/acme/spot/a.mov", "1")
        .file("WORK/footage/acme/spring campaign 2026/a.mov", "1")
        .file("WORK/footage/Bob's Diner/menu film/a.mov", "1")
        .file("NAS/footage/nova/titles/a.mov", "1");
    studio.lines(&["load"]).ok();
    studio
}

/// Returns the standard error of a failing line.
fn complaint(studio: &Studio, line: &str) -> String {
    studio.lines(&[line]).stderr
}

#[test]
fn commands_of_other_programs_suggest_ours() {
    let studio = Studio::bare();
    let hint = |word: &str| {
        let said = complaint(&studio, word);
        said.lines().last().unwrap_or_default().to_owned()
    };
    assert_snapshot!(hint("ls"), @"hint: did you mean `list projects`?");
    assert_snapshot!(hint("diff"), @"hint: `compare PROJECT DATABASE DATABASE` shows the differences; `--checksum` compares the content");
    assert_snapshot!(hint("restore"), @"hint: old versions are kept below `ROOT/.auto-backup/versions`; copy them back from there");
    assert_snapshot!(hint("rename"), @"hint: rename or move it on the disk: the next `sync` renames it on the other storages");
    assert_snapshot!(hint("tree"), @"hint: did you mean `list projects`?");
    assert_snapshot!(hint("rm"), @"hint: auto-backup never erases a file of the studio; delete it in the file manager, which `explore` opens");
}

#[test]
fn prefix_or_last_part_suggests_name() {
    let studio = studio();
    let hint = |line: &str| {
        let said = complaint(&studio, line);
        said.lines().last().unwrap_or_default().to_owned()
    };
    assert_snapshot!(hint("fetch project acme/spring"), @"hint: did you mean `'acme/spring campaign 2026'`?");
    assert_snapshot!(hint("fetch client Bob"), @r#"hint: did you mean `"Bob's Diner"`?"#);
    assert_snapshot!(hint("copy titles footage NAS WORK"), @"hint: did you mean `nova/titles`?");
    assert_snapshot!(hint("fetch project acme spot"), @"hint: write it as: fetch [OPTIONS] PROJECT; quote a name with spaces: 'acme spot'");
}

#[test]
fn hint_names_the_holding_database() {
    let studio = studio();
    assert_snapshot!(complaint(&studio, "copy acme/spot footage NAS WORK"), @"
    -c:1:6: error: `acme/spot` is not in category `footage` of database `NAS`
        copy acme/spot footage NAS WORK
             ^^^^^^^^^
    hint: `acme/spot` is on WORK
    ");
    assert_snapshot!(complaint(&studio, "explore acme/spot footage NAS"), @"
    -c:1:9: error: `acme/spot` is not in category `footage` of database `NAS`
        explore acme/spot footage NAS
                ^^^^^^^^^
    hint: `acme/spot` is on WORK
    ");
    assert_snapshot!(complaint(&studio, "sync nova footage WORK NAS"), @"
    -c:1:6: error: `nova` is not in category `footage` of database `WORK`
        sync nova footage WORK NAS
             ^^^^
    hint: `nova` is on NAS
    ");
}

#[test]
fn project_accepts_trailing_slash() {
    let studio = studio();
    studio.lines(&["copy acme/spot/ footage WORK NAS"]).ok();
    assert!(
        studio
            .lines(&["copy acme/ footage WORK NAS"])
            .stderr
            .contains("a part of it is empty")
    );
}

#[test]
fn non_numeric_run_is_refused() {
    assert_snapshot!(complaint(&Studio::bare(), "history abc"), @"
    -c:1:9: error: `abc` is not a valid RUN: a run is a number; `history` lists them
        history abc
                ^^^
    hint: write it as: history [RUN | --last N | --all]
    ");
    assert_snapshot!(complaint(&Studio::bare(), "history --last"), @"
    -c:1:15: error: `--last` needs a value: N
        history --last
                      ^
    hint: write it as: history [RUN | --last N | --all]
    ");
}

#[test]
fn missing_startup_file_names_searched_paths() {
    let studio = Studio::bare();
    let run = studio.lines(&["load NAS"]).status(1);
    assert!(
        run.stderr
            .contains("no start-up file found at `./.config` or"),
        "{}",
        run.stderr
    );
}
