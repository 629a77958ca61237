//! `watch` without a terminal. The pages that it shows are tested with the prompt.

use insta::assert_snapshot;

use crate::studio::Studio;

fn scanned() -> Studio {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
}

#[test]
fn scripts_cannot_watch() {
    let studio = scanned();
    studio.file("more.ab", "watch 5 fetch all\n");
    let reason = "`watch` cannot run in a script";
    for run in [
        studio.lines(&["watch 5 fetch all"]),
        studio.script("watch 5 fetch all\n"),
        studio.run(["more.ab"]),
        studio.run(["--check", "more.ab"]),
    ] {
        let run = run.status(2);
        assert!(run.stderr.contains(reason), "{run}");
    }
    let run = studio.run(["watch", "5", "fetch", "all"]).status(2);
    assert!(run.stderr.contains("`watch` needs a terminal"), "{run}");
    studio
        .run(["--check", "watch", "5", "fetch", "all"])
        .status(0);
}

#[test]
fn refusals_say_where_and_what() {
    let studio = scanned();
    assert_snapshot!(studio.lines(&["watch 5 fetch all"]), @"
    exit 2
    --- stderr
    -c:1:1: error: `watch` cannot run in a script: it goes on until `q` or Ctrl-C ends it
        watch 5 fetch all
        ^^^^^
    hint: type it at the prompt, or run `auto-backup watch 5 fetch all` in a terminal
    ");
    assert_snapshot!(studio.run(["watch", "5", "copy", "acme/spot", "WORK", "NAS"]), @"
    exit 2
    --- stderr
    error: `watch` does not repeat `copy`: it writes files
        watch 5 copy acme/spot WORK NAS
                ^^^^
    hint: it repeats `fetch`, `list`, `find`, `status`, `safe`, `history`, `failures` and `compare --known`
    ");
    assert_snapshot!(studio.run(["watch", "0", "fetch", "all"]), @"
    exit 2
    --- stderr
    error: `0` is not a valid SECONDS: it is between 1 second and 1 day, like 5 or 1m
        watch 0 fetch all
              ^
    hint: write it as: watch SECONDS COMMAND...
    ");
}
