//! A command whose words are the arguments of the program: `auto-backup list clients`.

use insta::assert_snapshot;

use crate::studio::Studio;

fn scanned() -> Studio {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
}

#[test]
fn words_run_as_one_command() {
    let studio = scanned();
    let clients = studio.run(["list", "clients"]).ok();
    assert_eq!(clients.stdout, studio.lines(&["list clients"]).stdout);
    let json = studio.run(["--format", "json", "list", "clients"]).ok();
    assert_eq!(json.document()["clients"][1]["name"], "acme");
    let option = studio.run(["load", "--older-than", "1h", "WORK"]).ok();
    assert!(option.stdout.contains("WORK"), "{option}");
    let help = studio.run(["copy", "--help"]).ok();
    assert!(help.stdout.contains("Usage: copy"), "{help}");
    let found = studio.run(["find", "--", "reel"]).ok();
    assert!(found.stdout.contains("reel.mov"), "{found}");
}

#[test]
fn own_options_may_follow_the_command() {
    let studio = scanned();
    let before = studio.run(["--format", "json", "list", "clients"]).ok();
    let after = studio.run(["list", "clients", "--format", "json"]).ok();
    assert_eq!(after.stdout, before.stdout);
    let run = studio.run(["load", "--quiet", "--index=other.sqlite"]).ok();
    assert_eq!(run.stdout, "");
    assert!(studio.path("other.sqlite").exists());
    let run = studio
        .run(["fetch", "acme", "--no-config", "--format", "json"])
        .status(1);
    assert!(run.stderr.starts_with("{\"level\":\"error\""), "{run}");
    let run = studio.run(["echo", "--quiet", "--format=json"]).ok();
    assert_eq!(run.stdout, "--quiet --format=json\n");
    // The option of the command itself.
    let run = studio.run(["copy", "acme/spot", "WORK", "NAS", "--dry-run"]);
    assert!(run.ok().stdout.contains("would"));
    assert_eq!(studio.tree("NAS"), "");
}

#[test]
fn own_options_in_a_line_are_explained() {
    let studio = scanned();
    assert_snapshot!(studio.lines(&["list clients --format json"]), @"
    exit 2
    --- stderr
    -c:1:14: error: unknown option `--format`
        list clients --format json
                     ^^^^^^^^
    hint: `--format` is an option of the program: type `set format json` first, or start with `auto-backup --format json`
    ");
    assert_snapshot!(studio.lines(&["fetch all --quiet"]), @"
    exit 2
    --- stderr
    -c:1:11: error: unknown option `--quiet`
        fetch all --quiet
                  ^^^^^^^
    hint: `--quiet` is an option of the program: start with `auto-backup --quiet`
    ");
    let run = studio.lines(&["list clients --no-config"]).status(2);
    assert!(run.stderr.contains("start with `auto-backup --no-config`"));
    let run = studio.lines(&["list clients --index other"]).status(2);
    assert!(run.stderr.contains("`auto-backup --index other`"), "{run}");
}

#[test]
fn words_with_blanks_stay_words() {
    let studio = scanned();
    for name in ["Bob's", "Bob's/long film"] {
        let noun = if name.contains('/') {
            "project"
        } else {
            "client"
        };
        let run = studio.run(["fetch", noun, name]).ok();
        assert!(run.stdout.contains("Bob's/long film"), "{run}");
    }
    // Neither variables, comments, redirections nor continued lines.
    for word in ["$HOME", "#x", "| cat", ">", "a\\", "'", "\"", ""] {
        let run = studio.run(["echo", word]).ok();
        assert_eq!(run.stdout.trim_end_matches('\n'), word, "{word:?}");
    }
}

#[test]
fn statuses_are_those_of_the_command() {
    let studio = scanned();
    studio
        .run(["compare", "acme/spot", "WORK", "NAS"])
        .status(3);
    studio.run(["fetch", "project", "acme/nope"]).status(1);
    assert_snapshot!(studio.run(["fetch", "project", "acme/sopt"]), @"
    exit 1
    --- stderr
    error: unknown project `acme/sopt`
        fetch project acme/sopt
                      ^^^^^^^^^
    hint: did you mean `acme/spot`?
    ");
    studio.run(["list", "clinets"]).status(2);
    studio.run(["exit"]).ok();
}

#[test]
fn script_of_same_name_wins() {
    let studio = scanned();
    studio.file("load", "echo from the file\n");
    let run = studio.run(["load"]).status(0);
    assert_snapshot!(run, @"
    exit 0
    --- stdout
    from the file
    --- stderr
    note: the file `load` runs as a script; `auto-backup -c load` runs the command
    ");
    // A folder is no script.
    studio.folder("fetch");
    let run = studio.run(["fetch", "all"]).ok();
    assert!(run.stdout.contains("acme/spot"), "{run}");
    studio.run(["--", "list", "clients"]).status(1);
}

#[test]
fn mistyped_command_is_neither_script_nor_command() {
    let studio = Studio::filled();
    assert_snapshot!(studio.run(["lsit", "clients"]), @"
    exit 2
    --- stderr
    error: `lsit` is neither a script nor a command
    hint: did you mean `list`?
    ");
    let run = studio.run(["./lsit"]).status(1);
    assert!(run.stderr.contains("cannot read the script"), "{run}");
    // Never run as a command that only looks like it.
    let run = studio.run(["rm", "acme"]).status(2);
    assert!(run.stderr.contains("never erases"), "{run}");
}
