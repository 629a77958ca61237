//! `source`.

use insta::assert_snapshot;

use crate::studio::Studio;

#[test]
fn sourced_file_has_own_folder_and_arguments() {
    let studio = Studio::bare();
    studio
        .folder("shows/one/WORK")
        .file(
            "shows/studio.ab",
            "add database $1 one/WORK\nsource one/more.ab\necho $1 again\n",
        )
        .file(
            "shows/one/more.ab",
            "add category footage footage\necho more\n",
        )
        .file(
            "top.ab",
            "source shows/studio.ab W\nlist databases\necho $1\n",
        );
    assert_snapshot!(studio.run(["top.ab", "mine"]).ok(), @"
    exit 0
    --- stdout
    added storage W at $STUDIO/shows/one/WORK
    category footage is the folder `footage/` of every storage
    more
    W again
    storage  root                               state      free   total
    W        $STUDIO/shows/one/WORK  online  FREE  TOTAL
    1 storage, 0 files, 0 B
    mine
    ");
}

#[test]
fn recursive_source_is_refused() {
    let studio = Studio::bare();
    studio
        .folder("a")
        .file("a/one.ab", "echo one\nsource ../two.ab\n")
        .file("two.ab", "echo two\nsource ./a/../a/one.ab\n")
        .file("itself.ab", "source itself.ab\n");
    assert_snapshot!(studio.run(["a/one.ab"]).status(2), @"
    exit 2
    --- stdout
    one
    two
    --- stderr
    $STUDIO/two.ab:2:1: error: `$STUDIO/a/one.ab` is not a script: it is already running and would never end
        source ./a/../a/one.ab
        ^^^^^^^^^^^^^^^^^^^^^^
        in the file sourced at a/one.ab:2
    ");
    assert_snapshot!(studio.run(["itself.ab"]).status(2).stderr, @"
    itself.ab:1:1: error: `$STUDIO/itself.ab` is not a script: it is already running and would never end
        source itself.ab
        ^^^^^^^^^^^^^^^^
    ");
    studio
        .link("again.ab", "itself.ab")
        .file("itself.ab", "source again.ab\n");
    studio.run(["itself.ab"]).status(2);
    // The start-up file includes itself.
    studio.file("start.ab", "source start.ab\n");
    studio
        .run(["--config", "start.ab", "-c", "echo a"])
        .status(2);
}

#[test]
fn failure_in_sourced_file_stops_caller() {
    let studio = Studio::bare();
    studio
        .file("inner.ab", "echo first\nlod\necho not reached\n")
        .file("outer.ab", "source inner.ab\necho not reached\n");
    assert_snapshot!(studio.run(["outer.ab"]).status(2), @"
    exit 2
    --- stdout
    first
    --- stderr
    $STUDIO/inner.ab:2:1: error: unknown command `lod`
        lod
        ^^^
    hint: did you mean `load`?
        in the file sourced at outer.ab:1
    ");
    assert_snapshot!(studio.run(["--keep-going", "outer.ab"]).status(2), @"
    exit 2
    --- stdout
    first
    not reached
    not reached
    --- stderr
    $STUDIO/inner.ab:2:1: error: unknown command `lod`
        lod
        ^^^
    hint: did you mean `load`?
    1 of 4 commands failed: $STUDIO/inner.ab:2
    ");
    studio.file("inner.ab", "exit\n");
    assert_snapshot!(studio.run(["outer.ab"]), @"exit 0");
}

#[test]
fn unreadable_file_is_reported() {
    let studio = Studio::bare();
    studio.folder("folder").file("picture", [0, 1, 2]);
    studio.file(
        "script.ab",
        "source missing.ab\nsource folder\nsource picture\nsource\n",
    );
    assert_snapshot!(studio.run(["--keep-going", "script.ab"]).status(2).stderr, @"
    script.ab:1:1: error: cannot read the file `$STUDIO/missing.ab`: No such file or directory (os error 2)
        source missing.ab
        ^^^^^^^^^^^^^^^^^
    hint: a relative path starts at the script's folder, at the prompt at the current folder
    script.ab:2:1: error: `$STUDIO/folder` is not a script: it is a folder
        source folder
        ^^^^^^^^^^^^^
    script.ab:3:1: error: `$STUDIO/picture` is not a script: line 1 holds a NUL byte; it is a binary file
        source picture
        ^^^^^^^^^^^^^^
    script.ab:4:7: error: missing: FILE
        source
              ^
    hint: write it as: source FILE [ARGUMENT]...
    4 of 4 commands failed: script.ab:1, 2, 3, 4
    ");
}
