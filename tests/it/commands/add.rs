//! `add`.

use insta::assert_snapshot;

use super::run_with_format;
use crate::studio::Studio;

#[test]
fn a_database_and_a_category_are_added() {
    let studio = Studio::bare();
    studio.folder("disk");
    let lines = [
        "add database 'NAS 2' disk",
        "add category render ./scratch//render/",
        "add category top .",
    ];
    assert_snapshot!(studio.lines(&lines).status(0), @"
    exit 0
    --- stdout
    added storage NAS 2 at $STUDIO/disk
    category render is the folder `scratch/render/` of every storage
    category top is the root of every storage
    category top does not include scratch/render: it is a category of its own
    ");
    assert_snapshot!(studio.json(&lines), @r#"
    exit 0
    --- stdout
    {"command":"add","kind":"database","name":"NAS 2","root":"$STUDIO/disk","online":true,"shelf":false,"offsite":false,"medium":null,"change":"added"}
    {"command":"add","kind":"category","name":"render","path":"scratch/render","change":"added"}
    {"command":"add","kind":"category","name":"top","path":".","change":"added"}
    "#);
}

#[test]
fn added_item_is_one_record() {
    let studio = Studio::bare();
    assert_snapshot!(run_with_format(&studio, "plain", "add database NAS disk"), @"
    exit 0
    --- stdout
    database	NAS	$STUDIO/disk	offline	added
    ");
    assert_snapshot!(run_with_format(&studio, "csv", "add category render scratch/render"), @"
    exit 0
    --- stdout
    kind,name,path,state,change
    category,render,scratch/render,,added
    ");
}

#[test]
fn repeated_add_changes_nothing() {
    let studio = Studio::new();
    assert_snapshot!(studio.json(&["add database WORK ./x/../WORK/", "add category render scratch/render"]).status(0), @r#"
    exit 0
    --- stdout
    {"command":"add","kind":"database","name":"WORK","root":"$STUDIO/WORK","online":true,"shelf":false,"offsite":false,"medium":null,"change":"unchanged"}
    {"command":"add","kind":"category","name":"render","path":"scratch/render","change":"unchanged"}
    "#);
}

#[test]
fn new_root_requires_replace() {
    let studio = Studio::new();
    studio.folder("other");
    assert_snapshot!(studio.lines(&["add database NAS other"]).status(1), @"
    exit 1
    --- stderr
    -c:1:18: error: storage `NAS` is already at `$STUDIO/NAS`, not at `$STUDIO/other`
        add database NAS other
                         ^^^^^
    hint: `add database NAME ROOT --replace` gives it the new root
    ");
    assert_snapshot!(studio.lines(&["add category render other"]).status(1), @"
    exit 1
    --- stderr
    -c:1:21: error: category `render` is already at `scratch/render`, not at `other`
        add category render other
                            ^^^^^
    hint: `add category NAME PATH --replace` gives it the new path
    ");
    assert_snapshot!(
        studio.lines(&["add database NAS other --replace", "add category render other --replace", "list databases", "list categories"]),
        @"
    exit 0
    --- stdout
    NAS is now at $STUDIO/other (was $STUDIO/NAS)
    category render is now the folder `other/` of every storage (was the folder `scratch/render/`)
    storage  root                      state      free   total
    WORK     $STUDIO/WORK   online  FREE  TOTAL
    NAS      $STUDIO/other  online  FREE  TOTAL
    2 storages, 0 files, 0 B
    category  path
    footage   footage
    render    other
    2 categories, 0 files, 0 B
    "
    );
}

#[test]
fn category_path_is_relative_and_unique() {
    let studio = Studio::new();
    let complaints: Vec<String> = ["..", "a/../../b", "/etc", "''", ".auto-backup/versions"]
        .iter()
        .map(|path| {
            let run = studio.lines(&[&format!("add category x {path}")]).status(2);
            run.stderr.lines().next().unwrap().to_owned()
        })
        .collect();
    assert_snapshot!(complaints.join("\n"), @"
    -c:1:16: error: `..` cannot be a category path: `..` would leave the storage's root
    -c:1:16: error: `a/../../b` cannot be a category path: `..` would leave the storage's root
    -c:1:16: error: `/etc` cannot be a category path: it must be relative to the roots of the storages
    -c:1:16: error: `` cannot be a category path: it is empty; the root itself is written `.`
    -c:1:16: error: `.auto-backup/versions` cannot be a category path: `.auto-backup` is where auto-backup keeps its own files
    ");
    assert_snapshot!(studio.lines(&["add category x footage/"]).status(1), @"
    exit 1
    --- stderr
    -c:1:16: error: `footage` is already category `footage` at `footage`
        add category x footage/
                       ^^^^^^^^
    hint: give each category a folder of its own
    ");
}

#[test]
fn nested_category_is_excluded_from_outer() {
    let studio = Studio::new();
    let lines = [
        "add category inner footage/acme",
        "add category inner footage/acme",
        "add category deep footage/acme/x",
        "add category top .",
    ];
    assert_snapshot!(studio.lines(&lines), @"
    exit 0
    --- stdout
    category inner is the folder `footage/acme/` of every storage
    category footage no longer includes footage/acme: it is a category of its own
    category inner is already the folder `footage/acme/` of every storage
    category deep is the folder `footage/acme/x/` of every storage
    category inner no longer includes footage/acme/x: it is a category of its own
    category top is the root of every storage
    category top does not include footage: it is a category of its own
    category top does not include scratch/render: it is a category of its own
    category top does not include footage/acme: it is a category of its own
    category top does not include footage/acme/x: it is a category of its own
    ");
    assert_snapshot!(run_with_format(&studio, "plain", "add category inner footage/acme"), @"
    exit 0
    --- stdout
    category	inner	footage/acme		added
    ");
}

#[test]
fn reserved_names_are_refused() {
    let studio = Studio::new();
    let complaints: Vec<String> = ["all", "a,b", "a/b", "''", "-- -x"]
        .iter()
        .map(|name| {
            let run = studio
                .lines(&[&format!("add database {name} disk")])
                .status(2);
            run.stderr.lines().next().unwrap().to_owned()
        })
        .collect();
    assert_snapshot!(complaints.join("\n"), @"
    -c:1:14: error: `all` cannot be a storage: `all` selects every one
    -c:1:14: error: `a,b` cannot be a storage: it contains `,` or `/`
    -c:1:14: error: `a/b` cannot be a storage: it contains `,` or `/`
    -c:1:14: error: `` cannot be a storage: it is empty
    -c:1:17: error: `-x` cannot be a storage: it begins with `-`, like an option
    ");
}

#[test]
fn wrong_argument_count_is_usage_error() {
    let studio = Studio::bare();
    assert_snapshot!(studio.lines(&["add"]).status(2), @"
    exit 2
    --- stderr
    -c:1:4: error: the command is incomplete
        add
           ^
    hint: expected one of: database, category
    ");
    assert_snapshot!(studio.lines(&["add databse A a"]).status(2), @"
    exit 2
    --- stderr
    -c:1:5: error: unknown command `databse`
        add databse A a
            ^^^^^^^
    hint: did you mean `database`?
    ");
    assert_snapshot!(studio.lines(&["add database A"]).status(2), @"
    exit 2
    --- stderr
    -c:1:15: error: missing: ROOT
        add database A
                      ^
    hint: write it as: add database NAME ROOT
    ");
    assert_snapshot!(studio.lines(&["add database A a b"]).status(2), @"
    exit 2
    --- stderr
    -c:1:18: error: unexpected argument `b`
        add database A a b
                         ^
    hint: write it as: add database [OPTIONS] NAME ROOT; quote a name with spaces: 'a b'
    ");
}

#[test]
fn offline_root_reports_reason() {
    let studio = Studio::bare();
    studio.file("file", "").file("disk/x", "");
    let lines = [
        "add database F file",
        "add database G gone",
        "add database D disk",
    ];
    assert_snapshot!(studio.lines(&lines).ok(), @"
    exit 0
    --- stdout
    added storage F at $STUDIO/file, offline: it is not a folder
    added storage G at $STUDIO/gone, offline: it does not exist
    added storage D at $STUDIO/disk
    ");
}

#[test]
fn only_bare_tilde_means_home_folder() {
    let studio = Studio::bare();
    studio.folder("~bob");
    assert_snapshot!(studio.lines(&["add database A ~bob/studio"]), @"
    exit 2
    --- stderr
    -c:1:16: error: `~bob/studio` cannot be a root: only `~` and `~/` are expanded, to your home folder; write `./` before the name of a folder
        add database A ~bob/studio
                       ^^^^^^^^^^^
    hint: write it as in `add database NAS /mnt/nas/studio`
    ");
    let lines = ["add database A ~/work", "add database B ./~bob"];
    assert_snapshot!(studio.lines(&lines).ok(), @"
    exit 0
    --- stdout
    added storage A at $STUDIO/home/work, offline: it does not exist
    added storage B at $STUDIO/~bob
    ");
}

#[test]
fn storage_is_another_word_for_database() {
    let studio = Studio::bare();
    studio.folder("a");
    let lines = ["add storage A a", "save", "list storages in A"];
    let run = studio.lines(&lines).ok();
    assert!(run.stdout.contains("A "), "{run}");
    let file = "home/.config/auto-backup/.config";
    assert!(
        studio.read(file).contains("add database A "),
        "{}",
        studio.read(file)
    );
    studio.file(file, studio.read(file).replace("database", "storage"));
    studio.lines(&["remove storage A", "save"]).ok();
    let kept = studio.read(file);
    assert!(!kept.contains("storage A"), "{kept}");
}
