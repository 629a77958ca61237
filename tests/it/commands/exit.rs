//! `exit`.

use insta::assert_snapshot;

use crate::studio::Studio;

#[test]
fn exit_and_quit_end_a_script() {
    let studio = Studio::bare();
    assert_snapshot!(studio.script("list clients\nexit\nno such command\n"), @"
    exit 0
    --- stdout
    no storages yet: `add database NAME ROOT`; no start-up file found at `./.config` or `$STUDIO/home/.config/auto-backup/.config`; name one with `--config FILE`
    ");
    assert_snapshot!(studio.script("quit\nlist clients\n"), @"exit 0");
    assert_snapshot!(studio.lines(&["exit", "list clients"]), @"exit 0");
}

#[test]
fn exit_keeps_the_failure_status() {
    let studio = Studio::bare();
    let run = studio.run(["--keep-going", "-c", "explore a/b c D", "-c", "exit"]);
    assert_snapshot!(run.status(1), @"
    exit 1
    --- stderr
    -c:1:13: error: unknown category `c`
        explore a/b c D
                    ^
    hint: none exists yet: `add category NAME PATH` adds one
    no start-up file found at `./.config` or `$STUDIO/home/.config/auto-backup/.config`; name one with `--config FILE`
    ");
}

#[test]
fn exit_accepts_no_arguments() {
    assert_snapshot!(Studio::bare().lines(&["exit now"]).status(2), @"
    exit 2
    --- stderr
    -c:1:6: error: unexpected argument `now`
        exit now
             ^^^
    hint: write it as: exit
    ");
}
