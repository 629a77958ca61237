//! `add database`: forms of roots, and refusal of roots that share files.

use insta::assert_snapshot;

use crate::studio::Studio;

#[test]
fn missing_root_is_added_as_offline() {
    let studio = Studio::bare();
    studio.file("file", "");
    assert_snapshot!(studio.lines(&["add database NAS gone/nas", "add database FILE file", "list databases"]), @"
    exit 0
    --- stdout
    added storage NAS at $STUDIO/gone/nas, offline: it does not exist
    added storage FILE at $STUDIO/file, offline: it is not a folder
    storage  root                         state
    NAS      $STUDIO/gone/nas  offline
    FILE     $STUDIO/file      offline
    2 storages, 0 files, 0 B
    ");
}

#[test]
fn tilde_and_variables_expand_in_paths() {
    let studio = Studio::bare();
    let mut command = studio.command();
    command
        .env("NAS_MOUNT", studio.path("mnt"))
        .env("SUB", "scratch");
    let lines = [
        "add database HOME ~/work",
        "add database NAS $NAS_MOUNT/a",
        "add database NAS2 ${NAS_MOUNT}2",
        r"add database PRICE ./\$NAS_MOUNT",
        "add category render $SUB/render",
        "list databases",
        "list categories",
    ];
    let run = studio.finish(command.args(lines.iter().flat_map(|line| ["-c", line])));
    assert_snapshot!(run, @"
    exit 0
    --- stdout
    added storage HOME at $STUDIO/home/work, offline: it does not exist
    added storage NAS at $STUDIO/mnt/a, offline: it does not exist
    added storage NAS2 at $STUDIO/mnt2, offline: it does not exist
    added storage PRICE at $STUDIO/$NAS_MOUNT, offline: it does not exist
    category render is the folder `scratch/render/` of every storage
    storage  root                           state
    HOME     $STUDIO/home/work   offline
    NAS      $STUDIO/mnt/a       offline
    NAS2     $STUDIO/mnt2        offline
    PRICE    $STUDIO/$NAS_MOUNT  offline
    4 storages, 0 files, 0 B
    category  path
    render    scratch/render
    1 category, 0 files, 0 B
    ");
    assert_snapshot!(studio.lines(&["add database NAS /mnt/$NO_SUCH/a"]).status(2), @r"
    exit 2
    --- stderr
    -c:1:18: error: the variable `$NO_SUCH` is not set
        add database NAS /mnt/$NO_SUCH/a
                         ^^^^^^^^^^^^^^^
    hint: set it in the environment or with `-D NO_SUCH=VALUE`; write `\$` for a dollar sign
    ");
}

#[test]
fn script_root_is_relative_to_script() {
    let studio = Studio::bare();
    studio.file("scripts/add.ab", "add database A ../a\nlist databases\n");
    assert_snapshot!(studio.run(["scripts/add.ab"]), @"
    exit 0
    --- stdout
    added storage A at $STUDIO/a, offline: it does not exist
    storage  root                  state
    A        $STUDIO/a  offline
    1 storage, 0 files, 0 B
    ");
}

#[test]
fn line_root_is_relative_to_working_folder() {
    let studio = Studio::bare();
    studio.folder("here");
    let mut command = studio.command();
    let run = studio.finish(
        command
            .current_dir(studio.path("here"))
            .args(["-c", "add database A a"]),
    );
    assert_snapshot!(run, @"
    exit 0
    --- stdout
    added storage A at $STUDIO/here/a, offline: it does not exist
    ");
}

#[test]
fn two_databases_never_share_files() {
    let studio = Studio::new();
    studio.folder("WORK/inner").link("alias", "WORK");
    assert_snapshot!(studio.lines(&["add database B WORK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:16: error: `$STUDIO/WORK` is already storage `WORK` at `$STUDIO/WORK`
        add database B WORK
                       ^^^^
    hint: give each storage a folder of its own, or `remove database` the other first
    ");
    assert_snapshot!(studio.lines(&["add database B WORK/inner"]).status(1), @"
    exit 1
    --- stderr
    -c:1:16: error: `$STUDIO/WORK/inner` lies inside storage `WORK` at `$STUDIO/WORK`
        add database B WORK/inner
                       ^^^^^^^^^^
    hint: give each storage a folder of its own, or `remove database` the other first
    ");
    assert_snapshot!(studio.lines(&["add database B ."]).status(1), @"
    exit 1
    --- stderr
    -c:1:16: error: `$STUDIO` contains storage `WORK` at `$STUDIO/WORK`
        add database B .
                       ^
    hint: give each storage a folder of its own, or `remove database` the other first
    ");
    assert_snapshot!(studio.lines(&["add database B alias"]).status(1), @"
    exit 1
    --- stderr
    -c:1:16: error: `$STUDIO/alias` is already storage `WORK` at `$STUDIO/WORK`
        add database B alias
                       ^^^^^
    hint: give each storage a folder of its own, or `remove database` the other first
    ");
    assert_snapshot!(studio.lines(&["add database B alias/inner"]).status(1), @"
    exit 1
    --- stderr
    -c:1:16: error: `$STUDIO/alias/inner` lies inside storage `WORK` at `$STUDIO/WORK`
        add database B alias/inner
                       ^^^^^^^^^^^
    hint: give each storage a folder of its own, or `remove database` the other first
    ");
}

#[test]
fn similar_sibling_names_are_distinct_databases() {
    let studio = Studio::new();
    studio.lines(&["add database B WORK2"]).ok();
}

#[test]
fn missing_root_is_resolved_through_symlinks() {
    let studio = Studio::new();
    studio.link("alias", "WORK");
    assert_snapshot!(studio.lines(&["add database B alias/later"]).status(1), @"
    exit 1
    --- stderr
    -c:1:16: error: `$STUDIO/alias/later` lies inside storage `WORK` at `$STUDIO/WORK`
        add database B alias/later
                       ^^^^^^^^^^^
    hint: give each storage a folder of its own, or `remove database` the other first
    ");
}
