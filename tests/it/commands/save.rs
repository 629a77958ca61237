//! `save`.

use std::fs;

use insta::assert_snapshot;

use super::run_with_format;
use crate::studio::{ProgramRun, Studio};

const FILE: &str = "home/.config/auto-backup/.config";

#[test]
fn first_save_creates_the_file() {
    let studio = Studio::bare();
    studio.folder("disk");
    assert_snapshot!(studio.lines(&["add database 'NAS 2' disk", "add category top .", "exclude '*.tmp'", "save"]), @"
    exit 0
    --- stdout
    added storage NAS 2 at $STUDIO/disk
    category top is the root of every storage
    excluded from now on: *.tmp
    saved in $STUDIO/home/.config/auto-backup/.config: 3 lines added, 0 removed
    ");
    assert_snapshot!(studio.read(FILE).replace(&*studio.path("").to_string_lossy(), "$STUDIO/"), @"
    add database 'NAS 2' $STUDIO/disk
    add category top .
    exclude *.tmp
    ");
    assert_snapshot!(studio.lines(&["list databases", "list categories"]), @"
    exit 0
    --- stdout
    storage  root                     state      free   total
    NAS 2    $STUDIO/disk  online  FREE  TOTAL
    1 storage, 0 files, 0 B
    category  path
    top       .
    1 category, 0 files, 0 B
    ");
}

#[test]
fn save_keeps_comments_and_a_backup() {
    let studio = Studio::bare();
    let before = "# our studio\nadd database WORK ../../../WORK # the workstation\n\n# old\nadd database OLD /old\nlist clients\n";
    studio.file(FILE, before);
    let lines = [
        "remove database OLD",
        "add category footage footage",
        "save",
    ];
    let run = studio.json(&lines);
    let kept = run.document()["kept"].as_str().unwrap().to_owned();
    assert_snapshot!(run, @r#"
    exit 0
    --- stdout
    {"command":"remove","kind":"database","name":"OLD"}
    {"command":"add","kind":"category","name":"footage","path":"footage","change":"added"}
    {"command":"save","path":"$STUDIO/home/.config/auto-backup/.config","kept":"$STUDIO/home/.config/auto-backup/.config.DATE","changed":true,"added":1,"removed":1}
    "#);
    assert_eq!(fs::read_to_string(kept).unwrap(), before);
    assert_snapshot!(studio.read(FILE), @"
    # our studio
    add database WORK ../../../WORK # the workstation

    # old
    add category footage footage
    list clients
    ");
}

#[test]
fn unchanged_session_writes_nothing() {
    let studio = Studio::new();
    let before = studio.tree("home/.config");
    assert_snapshot!(studio.lines(&["save"]), @"
    exit 0
    --- stdout
    nothing to save: all changes of this session are already in $STUDIO/home/.config/auto-backup/.config
    ");
    assert_snapshot!(studio.json(&["save"]), @r#"
    exit 0
    --- stdout
    {"command":"save","path":"$STUDIO/home/.config/auto-backup/.config","kept":null,"changed":false,"added":0,"removed":0}
    "#);
    assert_snapshot!(run_with_format(&studio, "plain", "save"), @"
    exit 0
    --- stdout
    $STUDIO/home/.config/auto-backup/.config		unchanged	0	0
    ");
    assert_snapshot!(run_with_format(&studio, "csv", "save"), @"
    exit 0
    --- stdout
    path,kept,change,added,removed
    $STUDIO/home/.config/auto-backup/.config,,unchanged,0,0
    ");
    assert_eq!(studio.tree("home/.config"), before);
}

#[test]
fn line_endings_are_not_a_change() {
    let studio = Studio::bare();
    let before = "add category a a\r\nadd category b b";
    studio.file(FILE, before);
    assert_eq!(studio.json(&["save"]).ok().document()["changed"], false);
    assert_eq!(studio.read(FILE), before);
}

#[test]
fn save_writes_the_configured_file() {
    let studio = Studio::bare();
    studio.file("my.config", "");
    assert_snapshot!(studio.run(["--config", "my.config", "-c", "add category a a", "-c", "save"]), @"
    exit 0
    --- stdout
    category a is the folder `a/` of every storage
    saved in my.config: 1 line added, 0 removed
    backup: my.config.DATE
    ");
    assert_snapshot!(studio.read("my.config"), @"add category a a");
}

#[test]
fn odd_root_name_survives_save_and_load() {
    let studio = Studio::bare();
    studio.folder("a $HOME 'b' ~c");
    let add = r#"add database ODD "a \$HOME 'b' ~c""#;
    let added = studio.json(&[add, "save", "list databases"]).document();
    let listed = studio.json(&["list databases"]).ok().document();
    for field in ["name", "root", "online"] {
        assert_eq!(listed["databases"][0][field], added["databases"][0][field]);
    }
    assert_eq!(added["databases"][0]["online"], true);
}

#[test]
fn unwritable_file_is_an_error() {
    let studio = Studio::new();
    studio.mode("home/.config/auto-backup", 0o555);
    let run = studio
        .lines_as_user(&["add category a a", "save"])
        .status(1);
    studio.mode("home/.config/auto-backup", 0o755);
    assert_snapshot!(run.stderr, @"
    -c 2:1:1: error: cannot create `$STUDIO/home/.config/auto-backup/.config.DATE`: Permission denied (os error 13)
        save
        ^^^^
    hint: ask its owner for permission, or use another place
    ");
}

#[test]
fn continued_line_is_one_line() {
    let studio = Studio::bare();
    let before =
        "add database WORK \\\n  ../../../WORK\nadd database OLD \\\n  /old\nlist clients\n";
    studio.file(FILE, before);
    studio.lines(&["save"]).status(0);
    assert_eq!(studio.read(FILE), before);
    studio.lines(&["remove database OLD", "save"]).status(0);
    assert_eq!(
        studio.read(FILE),
        "add database WORK \\\n  ../../../WORK\nlist clients\n"
    );
}

/// Runs lines as one session with this start-up file.
fn session(studio: &Studio, arguments: &[&str], lines: &[&str]) -> ProgramRun {
    let mut command = studio.command();
    command.args(arguments);
    command.args(lines.iter().flat_map(|line| ["-c", line]));
    studio.finish(&mut command)
}

#[test]
fn unread_startup_file_keeps_its_lines() {
    let studio = Studio::new();
    let before = studio.read(FILE);
    let run = session(
        &studio,
        &["--no-config"],
        &["add database MORE /more", "save"],
    );
    assert_snapshot!(run, @"
    exit 0
    --- stdout
    added storage MORE at /more, offline: it does not exist
    saved in $STUDIO/home/.config/auto-backup/.config: 1 line added, 0 removed
    backup: $STUDIO/home/.config/auto-backup/.config.DATE
    ");
    assert_eq!(studio.read(FILE), before + "add database MORE /more\n");
}

#[test]
fn conflicting_name_in_file_is_refused() {
    let studio = Studio::new();
    let before = studio.read(FILE);
    assert_snapshot!(session(&studio, &["--no-config"], &["add database NAS /more", "save"]), @"
    exit 1
    --- stdout
    added storage NAS at /more, offline: it does not exist
    --- stderr
    -c 2:1:1: error: storage `NAS` is already at `$STUDIO/NAS`, not at `/more`
        save
        ^^^^
    hint: `add database NAME ROOT --replace` gives it the new root
    ");
    assert_eq!(studio.read(FILE), before);
    let replaced = ["add database NAS /more --replace", "save"];
    session(&studio, &["--no-config", "--quiet"], &replaced).ok();
    let after = studio.read(FILE);
    assert!(
        after.contains("add database NAS /more\n") && !after.contains("../NAS"),
        "{after}"
    );
}

#[test]
fn configured_file_resolves_its_own_folder() {
    let studio = Studio::bare();
    studio.file("jobs/mine", "add database HERE store\n");
    let run = session(
        &studio,
        &["--config", "jobs/mine"],
        &["add category x x", "remove database HERE", "save"],
    );
    assert_snapshot!(run, @"
    exit 0
    --- stdout
    category x is the folder `x/` of every storage
    storage HERE is no longer tracked; its files are untouched
    saved in jobs/mine: 1 line added, 1 removed
    backup: jobs/mine.DATE
    ");
    assert_eq!(studio.read("jobs/mine"), "add category x x\n");
}

#[test]
fn catalog_and_publication_are_saved() {
    let studio = Studio::bare();
    studio
        .lines(&[
            "set publish on",
            "set jobs 4",
            "set catalog postgres://anna@nas/studio",
            "save",
        ])
        .ok();
    assert_eq!(
        studio.read(FILE),
        "set publish on\nset catalog postgres://anna@nas/studio\n"
    );
    let option = ["--catalog", "off", "-c", "add category top .", "-c", "save"];
    studio.run(option).ok();
    assert!(studio.read(FILE).contains("set catalog"));
    studio.lines(&["set catalog off", "save"]).ok();
    assert_eq!(studio.read(FILE), "add category top .\nset publish on\n");
}
