//! `save`.

use std::fs;

use insta::assert_snapshot;

use super::formatted;
use crate::studio::Studio;

const FILE: &str = "home/.config/auto-backup/.config";

#[test]
fn the_first_save_makes_the_file() {
    let studio = Studio::bare();
    studio.folder("disk");
    assert_snapshot!(studio.lines(&["add database 'NAS 2' disk", "add category top .", "exclude '*.tmp'", "save"]), @"
    exit 0
    --- stdout
    added database NAS 2 at $STUDIO/disk
    added category top in .
    left alone from the next look on: *.tmp
    saved in $STUDIO/home/.config/auto-backup/.config
    ");
    assert_snapshot!(studio.read(FILE).replace(&*studio.path("").to_string_lossy(), "$STUDIO/"), @"
    add database 'NAS 2' $STUDIO/disk
    add category top .
    exclude *.tmp
    ");
    assert_snapshot!(studio.lines(&["list databases", "list categories"]), @"
    exit 0
    --- stdout
    ┌──────────┬─────────────────────────┬────────┐
    │ database ┆ root                    ┆ state  │
    ╞══════════╪═════════════════════════╪════════╡
    │ NAS 2    ┆ $STUDIO/disk ┆ online │
    └──────────┴─────────────────────────┴────────┘
    ┌──────────┬──────┐
    │ category ┆ path │
    ╞══════════╪══════╡
    │ top      ┆ .    │
    └──────────┴──────┘
    ");
}

#[test]
fn comments_and_other_lines_stay_and_the_old_file_is_kept() {
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
    {"command":"save","path":"$STUDIO/home/.config/auto-backup/.config","kept":"$STUDIO/home/.config/auto-backup/.config.DATE","changed":true}
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
fn nothing_new_writes_nothing() {
    let studio = Studio::new();
    let before = studio.tree("home/.config");
    assert_snapshot!(studio.lines(&["save"]), @"
    exit 0
    --- stdout
    nothing to save: it all stands in $STUDIO/home/.config/auto-backup/.config
    ");
    assert_snapshot!(studio.json(&["save"]), @r#"
    exit 0
    --- stdout
    {"command":"save","path":"$STUDIO/home/.config/auto-backup/.config","kept":null,"changed":false}
    "#);
    assert_snapshot!(formatted(&studio, "plain", "save"), @"
    exit 0
    --- stdout
    $STUDIO/home/.config/auto-backup/.config		unchanged
    ");
    assert_snapshot!(formatted(&studio, "csv", "save"), @"
    exit 0
    --- stdout
    path,kept,change
    $STUDIO/home/.config/auto-backup/.config,,unchanged
    ");
    assert_eq!(studio.tree("home/.config"), before);
}

#[test]
fn how_lines_end_is_nothing_to_save() {
    let studio = Studio::bare();
    let before = "add category a a\r\nadd category b b";
    studio.file(FILE, before);
    assert_eq!(studio.json(&["save"]).ok().document()["changed"], false);
    assert_eq!(studio.read(FILE), before);
}

#[test]
fn the_file_that_was_named_is_the_one_that_is_written() {
    let studio = Studio::bare();
    studio.file("my.config", "");
    assert_snapshot!(studio.run(["--config", "my.config", "-c", "add category a a", "-c", "save"]), @"
    exit 0
    --- stdout
    added category a in a
    saved in my.config
    as it was: my.config.DATE
    ");
    assert_snapshot!(studio.read("my.config"), @"add category a a");
}

#[test]
fn a_root_of_any_name_is_read_back() {
    let studio = Studio::bare();
    studio.folder("a $HOME 'b' ~c");
    let add = r#"add database ODD "a \$HOME 'b' ~c""#;
    let added = studio.json(&[add, "save", "list databases"]).document();
    assert_eq!(added["databases"][0]["online"], true);
    assert_eq!(studio.json(&["list databases"]).ok().document(), added);
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let studio = Studio::new();
    studio.mode("home/.config/auto-backup", 0o555);
    let run = studio
        .lines_as_user(&["add category a a", "save"])
        .status(1);
    studio.mode("home/.config/auto-backup", 0o755);
    assert_snapshot!(run.stderr, @"
    -c:1:1: error: cannot create `$STUDIO/home/.config/auto-backup/.config.DATE`: Permission denied (os error 13)
        save
        ^^^^
    ");
}

#[test]
fn a_line_that_goes_on_in_the_next_is_one_line() {
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
