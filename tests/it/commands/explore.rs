//! `explore`.

use insta::assert_snapshot;

use super::{exact_stdout, run_with_format, studio_with_odd_names};
use crate::studio::Studio;

#[test]
fn without_a_desktop_the_path_is_printed() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&["explore acme/spot render WORK"]), @"
    exit 0
    --- stdout
    $STUDIO/WORK/scratch/render/acme/spot
    ");
    assert_snapshot!(studio.json(&["explore acme/spot render WORK"]), @r#"
    exit 0
    --- stdout
    {"command":"explore","path":"$STUDIO/WORK/scratch/render/acme/spot","opened":false}
    "#);
    assert_snapshot!(run_with_format(&studio, "plain", "explore acme/spot render WORK"), @"
    exit 0
    --- stdout
    $STUDIO/WORK/scratch/render/acme/spot	printed
    ");
    assert_snapshot!(run_with_format(&studio, "csv", "explore \"Bob's/long film\" footage WORK"), @"
    exit 0
    --- stdout
    path,change
    $STUDIO/WORK/footage/Bob's/long film,printed
    ");
}

#[test]
fn print_option_opens_no_desktop() {
    let studio = Studio::filled();
    let mut command = studio.command();
    command
        .env("DISPLAY", ":0")
        .args(["-c", "explore acme/spot footage WORK --print"]);
    assert_snapshot!(studio.finish(&mut command), @"
    exit 0
    --- stdout
    $STUDIO/WORK/footage/acme/spot
    ");
}

#[test]
fn desktop_failure_is_an_error() {
    let studio = Studio::filled();
    let mut command = studio.command();
    command
        .env("DISPLAY", ":0")
        .env("PATH", studio.path("no-programs"));
    let run = studio
        .finish(command.args(["-c", "explore acme/spot footage WORK"]))
        .status(1);
    assert!(
        run.stderr
            .contains("cannot open in the file manager `$STUDIO/WORK/footage/acme/spot`"),
        "{run}"
    );
}

#[test]
fn unknown_names_suggest_nearest() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&["explore acme/sopt footage WORK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:9: error: `acme/sopt` is not in category `footage` of storage `WORK`
        explore acme/sopt footage WORK
                ^^^^^^^^^
    hint: did you mean `acme/spot`?
    ");
    assert_snapshot!(studio.lines(&["explore acme/spot fotage WORK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:19: error: unknown category `fotage`
        explore acme/spot fotage WORK
                          ^^^^^^
    hint: did you mean `footage`?
    ");
    assert_snapshot!(studio.lines(&["explore acme/spot footage WROK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:27: error: unknown storage `WROK`
        explore acme/spot footage WROK
                                  ^^^^
    hint: did you mean `WORK`?
    ");
    assert_snapshot!(studio.lines(&["explore acme/spot footage NAS"]).status(1), @"
    exit 1
    --- stderr
    -c:1:9: error: `acme/spot` is not in category `footage` of storage `NAS`
        explore acme/spot footage NAS
                ^^^^^^^^^
    hint: `list projects` lists all projects; `load NAS` scans again
    ");
    assert_snapshot!(studio.lines(&["explore acme footage WORK"]).status(2), @"
    exit 2
    --- stderr
    -c:1:9: error: `acme` cannot be a project: a project is written CLIENT/PROJECT
        explore acme footage WORK
                ^^^^
    ");
}

#[test]
fn offline_database_is_an_error() {
    let studio = Studio::filled();
    studio.remove("NAS");
    assert_snapshot!(studio.lines(&["explore acme/spot footage NAS"]).status(1), @"
    exit 1
    --- stderr
    -c:1:27: error: storage `NAS` is offline: `$STUDIO/NAS` does not exist
        explore acme/spot footage NAS
                                  ^^^
    hint: mount or connect it, then try again
    ");
}

#[test]
fn symlinked_folder_is_not_followed() {
    let studio = Studio::filled();
    studio.link("WORK/footage/acme/alias", "../../..");
    assert_snapshot!(studio.lines(&["explore acme/alias footage WORK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: cannot open `$STUDIO/WORK/footage/acme/alias`: it is no folder (links to folders are not followed)
        explore acme/alias footage WORK
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn odd_names_are_printed_exactly() {
    let studio = studio_with_odd_names();
    let line = r"explore $'back\\slash/caf\xe9' footage WORK";
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "plain", line)), @r"$STUDIO/WORK/footage/back\\\\slash/caf\xe9\tprinted\n");
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "table", line)), @r"$STUDIO/WORK/footage/back\\slash/caf\\xe9\n");
}
