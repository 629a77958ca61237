//! `$NAME`, `$1`, `-D`, and scripts that are programs.

use std::os::unix::fs::symlink;

use insta::assert_snapshot;

use crate::studio::{PROGRAM, Studio};

#[test]
fn script_accepts_arguments_and_definitions() {
    let studio = Studio::filled();
    studio.file(
        "push.ab",
        "copy $1 footage $FROM \"$2\"\necho $1 from ${FROM} to $2\n",
    );
    let run = studio.run(["-D", "FROM=WORK", "push.ab", "Bob's/long film", "NAS"]);
    assert_snapshot!(run.ok(), @"
    exit 0
    --- stdout
    copied and verified 1 file, 1 B in N s
    Bob's/long film from WORK to NAS
    ");
    let mut command = studio.command();
    command.env("FROM", "NAS").args(["push.ab", "acme", "NAS"]);
    let from_environment = studio.finish(&mut command).status(1);
    assert!(
        from_environment
            .stderr
            .contains("FROM and TO are both `NAS`")
    );
}

#[test]
fn set_replaces_arguments_for_later_lines() {
    let studio = Studio::bare();
    studio.file("inner.ab", "echo inner $1\nset -- changed\necho inner $1\n");
    let lines = ["set -- a 'b c'", "echo $2", "source inner.ab x", "echo $1"];
    let run = studio.lines(&lines).ok();
    assert_eq!(run.stdout, "b c\ninner x\ninner changed\na\n");
    studio.file("script.ab", "echo $1\nset -- new\necho $1\n");
    assert_eq!(studio.run(["script.ab", "old"]).ok().stdout, "old\nnew\n");
}

#[test]
fn unset_variables_are_marked() {
    let studio = Studio::bare();
    studio.file(
        "script.ab",
        "echo $1\nadd database NAS $NO_SUCH/studio\necho \\$1 '$1' 5$\n",
    );
    assert_snapshot!(studio.run(["--keep-going", "script.ab"]).status(2), @r"
    exit 2
    --- stdout
    $1 $1 5$
    --- stderr
    script.ab:1:6: error: the variable `$1` is not set
        echo $1
             ^^
    hint: it holds an argument of the script: `auto-backup FILE ARGUMENT`, `source FILE ARGUMENT`, `set -- ARGUMENT`; write `\$` for a dollar sign
    script.ab:2:18: error: the variable `$NO_SUCH` is not set
        add database NAS $NO_SUCH/studio
                         ^^^^^^^^^^^^^^^
    hint: set it in the environment or with `-D NO_SUCH=VALUE`; write `\$` for a dollar sign
    2 of 3 commands failed: script.ab:1, 2
    ");
}

#[test]
fn error_marks_the_variable_in_line() {
    let studio = Studio::filled();
    studio.file("script.ab", "copy acme/spot footage WORK $1\n");
    assert_snapshot!(studio.run(["script.ab", "NSA"]).status(1).stderr, @"
    script.ab:1:29: error: unknown storage `NSA`
        copy acme/spot footage WORK $1
                                    ^^
    hint: did you mean `NAS`?
    ");
}

#[test]
fn definitions_require_name_and_value() {
    let studio = Studio::bare();
    for wrong in ["X", "=x", "1=x", "a-b=x", ""] {
        let run = studio.run(["-D", wrong, "-c", "echo a"]).status(2);
        assert!(run.stderr.contains("NAME=VALUE"), "{wrong}: {run}");
    }
    let run = studio.run(["-D", "A=b=c", "-D", "B_1=x y", "-c", "echo $A ${B_1}"]);
    assert_eq!(run.ok().stdout, "b=c x y\n");
    studio.run(["-D", "A=", "-c", "echo $A"]).status(2);
}

#[test]
fn dollar_signs_in_saved_roots_survive() {
    let studio = Studio::bare();
    let add = ["add database A './$HOME'", r"add database B ./\$1", "save"];
    studio.folder("$HOME").folder("$1").lines(&add).ok();
    let listed = studio
        .run(["--format", "plain", "-c", "list databases"])
        .ok();
    assert_snapshot!(listed.stdout, @"
    A	$STUDIO/$HOME	online				FREE	TOTAL				
    B	$STUDIO/$1	online				FREE	TOTAL
    ");
}

#[test]
fn executable_script_runs_as_program() {
    let studio = Studio::filled();
    studio
        .file(
            "push.ab",
            "#!/usr/bin/env -S auto-backup --quiet\ncopy $1 footage WORK NAS\nlist projects in acme in NAS\n",
        )
        .mode("push.ab", 0o755)
        .folder("bin");
    symlink(PROGRAM, studio.path("bin/auto-backup")).unwrap();
    let mut command = studio.other_program(studio.path("push.ab").to_str().unwrap());
    let path = format!("{}:/usr/bin:/bin", studio.path("bin").display());
    command.env("PATH", path).arg("acme/spot");
    assert_snapshot!(studio.finish(&mut command).ok().stdout, @"
    project    size  files  copies  newest        scanned   on
    acme/spot  13 B      2       2  NNN days ago  just now  WORK, NAS
    1 project, 2 files, 13 B
    ");
}
