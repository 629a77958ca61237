//! Wrong words: unknown, missing, surplus; each message points at the word and names the right one.

use insta::assert_snapshot;

use crate::studio::Studio;

/// Runs all lines as one script that continues after failures.
fn complaints(lines: &str) -> crate::studio::ProgramRun {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio.file("script.ab", lines);
    studio.run(["--keep-going", "script.ab"])
}

#[test]
fn unknown_command_suggests_nearest() {
    assert_snapshot!(complaints("lod\nlist client\nfrobnicate\nadd databse X /x\nFETCH all\n"), @"
    exit 2
    --- stderr
    script.ab:1:1: error: unknown command `lod`
        lod
        ^^^
    hint: did you mean `load`?
    script.ab:2:6: error: unknown command `client`
        list client
             ^^^^^^
    hint: did you mean `clients`?
    script.ab:3:1: error: unknown command `frobnicate`
        frobnicate
        ^^^^^^^^^^
    hint: `help` lists the commands
    script.ab:4:5: error: unknown command `databse`
        add databse X /x
            ^^^^^^^
    hint: did you mean `database`?
    script.ab:5:1: error: unknown command `FETCH`
        FETCH all
        ^^^^^
    hint: did you mean `fetch`?
    5 of 5 commands failed: script.ab:1, 2, 3, 4, 5
    ");
}

#[test]
fn unknown_name_suggests_nearest() {
    assert_snapshot!(complaints(
        "load WROK\ncopy acme/spot fotage WORK NAS\nlist projects in amce\nfetch project acme/spto\nfetch client nobody\n"
    ), @r#"
    exit 1
    --- stderr
    script.ab:1:6: error: unknown storage `WROK`
        load WROK
             ^^^^
    hint: did you mean `WORK`?
    script.ab:2:16: error: unknown category `fotage`
        copy acme/spot fotage WORK NAS
                       ^^^^^^
    hint: did you mean `footage`?
    script.ab:3:18: error: unknown client, category or storage `amce`
        list projects in amce
                         ^^^^
    hint: did you mean `acme`?
    script.ab:4:15: error: unknown project `acme/spto`
        fetch project acme/spto
                      ^^^^^^^^^
    hint: did you mean `acme/spot`?
    script.ab:5:14: error: unknown client `nobody`
        fetch client nobody
                     ^^^^^^
    hint: known: "Bob's", acme
    5 of 5 commands failed: script.ab:1, 2, 3, 4, 5
    "#);
}

#[test]
fn unknown_name_lists_known_names() {
    assert_snapshot!(complaints("load TAPE\nfind x in TAPE\nexplore acme/spot sound WORK --print\ncopy acme/spot footage WORK NAS,TAPE\n"), @r#"
    exit 1
    --- stderr
    script.ab:1:6: error: unknown storage `TAPE`
        load TAPE
             ^^^^
    hint: known: WORK, NAS
    script.ab:2:11: error: unknown client, category or storage `TAPE`
        find x in TAPE
                  ^^^^
    hint: known: WORK, NAS, footage, render, "Bob's", acme
    script.ab:3:19: error: unknown category `sound`
        explore acme/spot sound WORK --print
                          ^^^^^
    hint: known: footage, render
    script.ab:4:29: error: unknown storage `TAPE`
        copy acme/spot footage WORK NAS,TAPE
                                    ^^^^^^^^
    hint: known: WORK, NAS
    4 of 4 commands failed: script.ab:1, 2, 3, 4
    "#);
}

#[test]
fn missing_arguments_are_named() {
    assert_snapshot!(complaints(
        "add\nadd database\nadd database X\nadd category X\ncopy\ncopy acme/spot footage WORK\nexplore acme/spot\n\
         fetch\nfetch client\nfetch project\nfind\nfind x in\nlist\nlist projects in\nlist projects in acme in\nremove\nremove database\n"
    ), @r#"
    exit 2
    --- stderr
    script.ab:1:4: error: the command is incomplete
        add
           ^
    hint: expected one of: database, category
    script.ab:2:13: error: missing: NAME, ROOT
        add database
                    ^
    hint: write it as: add database NAME ROOT
    script.ab:3:15: error: missing: ROOT
        add database X
                      ^
    hint: write it as: add database NAME ROOT
    script.ab:4:15: error: missing: PATH
        add category X
                      ^
    hint: write it as: add category NAME PATH
    script.ab:5:5: error: missing: PROJECT, FROM, TO
        copy
            ^
    hint: write it as: copy [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]
    script.ab:6:28: error: missing: TO
        copy acme/spot footage WORK
                                   ^
    hint: write it as: copy [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]
    script.ab:7:18: error: missing: CATEGORY
        explore acme/spot
                         ^
    hint: `acme/spot` has 2 folders: footage WORK, render WORK; write it as: explore acme/spot footage WORK
    script.ab:8:6: error: missing: PROJECT
        fetch
             ^
    hint: write it as: fetch [OPTIONS] PROJECT
    script.ab:9:7: error: unknown client `client`
        fetch client
              ^^^^^^
    hint: known: "Bob's", acme
    script.ab:10:7: error: unknown client `project`
        fetch project
              ^^^^^^^
    hint: known: "Bob's", acme
    script.ab:11:5: error: missing: PATTERN
        find
            ^
    hint: write it as: find [OPTIONS] PATTERN [CONDITION]...
    script.ab:12:10: error: missing: WHERE
        find x in
                 ^
    hint: in WHERE: of a storage, category, client or project
    script.ab:13:5: error: the command is incomplete
        list
            ^
    hint: expected one of: projects, clients, categories, databases, outside, hosts
    script.ab:14:15: error: unexpected argument `in`
        list projects in
                      ^^
    hint: `in` takes a client, a category or a storage
    script.ab:15:23: error: unexpected argument `in`
        list projects in acme in
                              ^^
    hint: write `list projects in acme`
    script.ab:16:7: error: the command is incomplete
        remove
              ^
    hint: expected one of: database, category, exclusion
    script.ab:17:16: error: missing: STORAGE
        remove database
                       ^
    hint: write it as: remove database STORAGE
    17 of 17 commands failed: script.ab:1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
    "#);
}

#[test]
fn surplus_arguments_are_marked() {
    assert_snapshot!(complaints(
        "add database X /x y\ncopy acme/spot footage WORK NAS more\nfetch all now\nfetch project Bob's/long film\nlist clients acme\n\
         list projects acme\nfind x NAS\nexit now\nsave here\nload --forget OLD NAS\n"
    ), @r#"
    exit 2
    --- stderr
    script.ab:1:19: error: unexpected argument `y`
        add database X /x y
                          ^
    hint: write it as: add database [OPTIONS] NAME ROOT; quote a name with spaces: '/x y'
    script.ab:2:33: error: unknown storage `more`
        copy acme/spot footage WORK NAS more
                                        ^^^^
    hint: known: WORK, NAS
    script.ab:3:11: error: unexpected argument `now`
        fetch all now
                  ^^^
    hint: write a project as CLIENT/PROJECT, a client by its name, or `all`
    script.ab:4:26: error: unexpected argument `film`
        fetch project Bob's/long film
                                 ^^^^
    hint: quote a name with spaces: "Bob's/long film"
    script.ab:5:14: error: unexpected argument `acme`
        list clients acme
                     ^^^^
    hint: write `list clients in acme`
    script.ab:6:15: error: unexpected argument `acme`
        list projects acme
                      ^^^^
    hint: write `list projects in acme`
    script.ab:7:8: error: unexpected argument `NAS`
        find x NAS
               ^^^
    hint: quote a pattern with spaces; a condition after it begins with `larger`, `smaller`, `newer`, `older`, `only`, `in`
    script.ab:8:6: error: unexpected argument `now`
        exit now
             ^^^
    hint: write it as: exit
    script.ab:9:6: error: unexpected argument `here`
        save here
             ^^^^
    hint: write it as: save
    script.ab:10:6: error: `--forget` and `STORAGE` cannot be used together
        load --forget OLD NAS
             ^^^^^^^^
    hint: leave one of them out
    10 of 10 commands failed: script.ab:1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    "#);
}

#[test]
fn invalid_options_are_marked() {
    assert_snapshot!(complaints(
        "load --older 1h\nload --older-than soon\nload --older-than\nfetch all --liev\ncopy acme/spot footage WORK NAS --dry-rnu\nload -x\nfetch client '-rf x'\n\
         load --forget NAS --project acme/spot\nfetch all --live=yes\n"
    ), @"
    exit 2
    --- stderr
    script.ab:1:6: error: unknown option `--older`
        load --older 1h
             ^^^^^^^
    hint: did you mean `--older-than`?
    script.ab:2:19: error: `soon` is not a valid AGE: a duration is a number and a unit, like 90s, 15m, 1h, 2d or 1w; without a unit it is seconds
        load --older-than soon
                          ^^^^
    hint: write it as: load [OPTIONS] [STORAGE]...
    script.ab:3:18: error: `--older-than` needs a value: AGE
        load --older-than
                         ^
    hint: write it as: load [OPTIONS] [STORAGE]...
    script.ab:4:11: error: unknown option `--liev`
        fetch all --liev
                  ^^^^^^
    hint: did you mean `--live`?
    script.ab:5:33: error: unknown option `--dry-rnu`
        copy acme/spot footage WORK NAS --dry-rnu
                                        ^^^^^^^^^
    hint: did you mean `--dry-run`?
    script.ab:6:6: error: unknown option `-x`
        load -x
             ^^
    hint: write it as: load [OPTIONS] [STORAGE]...; put `--` before a name that begins with `-`
    script.ab:7:14: error: unknown option `-r`
        fetch client '-rf x'
                     ^^^^^^^
    hint: write it as: fetch [OPTIONS] PROJECT; put `--` before a name that begins with `-`
    script.ab:8:6: error: `--forget` and `--project` cannot be used together
        load --forget NAS --project acme/spot
             ^^^^^^^^
    hint: leave one of them out
    script.ab:9:11: error: `--live` takes no value
        fetch all --live=yes
                  ^^^^^^^^^^
    hint: write it as: fetch [OPTIONS] PROJECT
    9 of 9 commands failed: script.ab:1, 2, 3, 4, 5, 6, 7, 8, 9
    ");
}

#[test]
fn commands_are_not_abbreviated_in_scripts() {
    assert_snapshot!(complaints("fet all\nload --older 1h\n"), @"
    exit 2
    --- stderr
    script.ab:1:1: error: unknown command `fet`
        fet all
        ^^^
    hint: did you mean `fetch`?
    script.ab:2:6: error: unknown option `--older`
        load --older 1h
             ^^^^^^^
    hint: did you mean `--older-than`?
    2 of 2 commands failed: script.ab:1, 2
    ");
}

#[test]
fn paths_outside_databases_are_refused() {
    assert_snapshot!(complaints(
        "fetch project a/../b\nfetch project ../b\nfetch project /etc/passwd\nfetch project acme/\nfetch client /\nfetch client ''\n\
         copy a/.. footage WORK NAS\nfetch project a/b/c\nfetch project acme\nlist projects in ..\nload --project a/..\n"
    ), @"
    exit 2
    --- stderr
    script.ab:1:15: error: `a/../b` cannot be a project: it has more than two parts; a project is written CLIENT/PROJECT
        fetch project a/../b
                      ^^^^^^
    hint: write it as in `fetch project acme/spot`
    script.ab:2:15: error: `../b` cannot be a project: `.` and `..` would leave the storage
        fetch project ../b
                      ^^^^
    hint: write it as in `fetch project acme/spot`
    script.ab:3:15: error: `/etc/passwd` cannot be a project: it is an absolute path; a project is written CLIENT/PROJECT
        fetch project /etc/passwd
                      ^^^^^^^^^^^
    hint: write it as in `fetch project acme/spot`
    script.ab:4:15: error: `acme/` cannot be a project: a part of it is empty; a project is written CLIENT/PROJECT
        fetch project acme/
                      ^^^^^
    hint: write it as in `fetch project acme/spot`
    script.ab:5:14: error: `/` cannot be a client: a client is one folder, without `/`
        fetch client /
                     ^
    hint: write it as in `fetch client acme`
    script.ab:6:14: error: `` cannot be a client: it is empty
        fetch client ''
                     ^^
    hint: write it as in `fetch client acme`
    script.ab:7:6: error: `a/..` cannot be a project: `.` and `..` would leave the storage
        copy a/.. footage WORK NAS
             ^^^^
    hint: write it as in `fetch project acme/spot`
    script.ab:8:15: error: `a/b/c` cannot be a project: it has more than two parts; a project is written CLIENT/PROJECT
        fetch project a/b/c
                      ^^^^^
    hint: write it as in `fetch project acme/spot`
    script.ab:9:15: error: `acme` cannot be a project: a project is written CLIENT/PROJECT
        fetch project acme
                      ^^^^
    hint: `fetch acme` lists all of its projects; did you mean `acme/spot` or `acme/teaser`?
    script.ab:10:18: error: `..` cannot be a client: `.` and `..` would leave the storage
        list projects in ..
                         ^^
    hint: write it as in `fetch client acme`
    script.ab:11:16: error: `a/..` cannot be a project: `.` and `..` would leave the storage
        load --project a/..
                       ^^^^
    hint: write it as in `fetch project acme/spot`
    11 of 11 commands failed: script.ab:1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ");
}

#[test]
fn category_path_stays_below_root() {
    assert_snapshot!(complaints(
        "add category up ../up\nadd category far a/../../up\nadd category abs /footage\nadd category none ''\nadd category own .auto-backup/x\n\
         add category all x\nadd category a,b x\nadd category twice footage\nadd category footage other\nadd database NAS /elsewhere\n\
         add database SUB $HOME/../WORK/footage\nadd database X $NOT_SET/x\n"
    ), @r"
    exit 2
    --- stderr
    script.ab:1:17: error: `../up` cannot be a category path: `..` would leave the storage's root
        add category up ../up
                        ^^^^^
    hint: write it as in `add category footage footage/`
    script.ab:2:18: error: `a/../../up` cannot be a category path: `..` would leave the storage's root
        add category far a/../../up
                         ^^^^^^^^^^
    hint: write it as in `add category footage footage/`
    script.ab:3:18: error: `/footage` cannot be a category path: it must be relative to the roots of the storages
        add category abs /footage
                         ^^^^^^^^
    hint: write it as in `add category footage footage/`
    script.ab:4:19: error: `` cannot be a category path: it is empty; the root itself is written `.`
        add category none ''
                          ^^
    hint: write it as in `add category footage footage/`
    script.ab:5:18: error: `.auto-backup/x` cannot be a category path: `.auto-backup` is where auto-backup keeps its own files
        add category own .auto-backup/x
                         ^^^^^^^^^^^^^^
    hint: write it as in `add category footage footage/`
    script.ab:6:14: error: `all` cannot be a category: `all` selects every one
        add category all x
                     ^^^
    hint: write it as in `add category footage footage/`
    script.ab:7:14: error: `a,b` cannot be a category: it contains `,` or `/`
        add category a,b x
                     ^^^
    hint: write it as in `add category footage footage/`
    script.ab:8:20: error: `footage` is already category `footage` at `footage`
        add category twice footage
                           ^^^^^^^
    hint: give each category a folder of its own
    script.ab:9:22: error: category `footage` is already at `footage`, not at `other`
        add category footage other
                             ^^^^^
    hint: `add category NAME PATH --replace` gives it the new path
    script.ab:10:18: error: storage `NAS` is already at `$STUDIO/NAS`, not at `/elsewhere`
        add database NAS /elsewhere
                         ^^^^^^^^^^
    hint: `add database NAME ROOT --replace` gives it the new root
    script.ab:11:18: error: `$STUDIO/WORK/footage` lies inside storage `WORK` at `$STUDIO/WORK`
        add database SUB $HOME/../WORK/footage
                         ^^^^^^^^^^^^^^^^^^^^^
    hint: give each storage a folder of its own, or `remove database` the other first
    script.ab:12:16: error: the variable `$NOT_SET` is not set
        add database X $NOT_SET/x
                       ^^^^^^^^^^
    hint: set it in the environment or with `-D NOT_SET=VALUE`; write `\$` for a dollar sign
    12 of 12 commands failed: script.ab:1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
    ");
}

#[test]
fn help_for_unknown_topic_is_an_error() {
    assert_snapshot!(complaints("help nosuch\nhelp lod\nhelp add nothing\n"), @"
    exit 2
    --- stderr
    script.ab:1:6: error: unknown command `nosuch`
        help nosuch
             ^^^^^^
    hint: `help` lists the commands
    script.ab:2:6: error: unknown command `lod`
        help lod
             ^^^
    hint: did you mean `load`?
    script.ab:3:10: error: unknown command `add nothing`
        help add nothing
                 ^^^^^^^
    hint: known: add database, add category
    3 of 3 commands failed: script.ab:1, 2, 3
    ");
}

#[test]
fn help_option_shows_command_help() {
    let run = complaints("list clients --help\nfetch all --help\n").ok();
    assert_snapshot!(run, @r#"
    exit 0
    --- stdout
    List clients

    Usage: list clients [in CATEGORY|STORAGE]... [OPTIONS]

    Arguments:
      [IN]...  `in` and a client, category or storage, whichever the name is; repeatable

    Options:
          --copies <N>         Only projects with at most this number of whole copies
          --only-in <STORAGE>  Only projects that no other storage holds any file of
          --older-than <AGE>   Only projects whose newest file is older than this: 12h, 90d, 52w
          --sort <COLUMN>      Sort by this column [possible values: name, size, files, copies, newest,
                               scanned, free]
          --reverse            Turn the order around
          --limit <N>          List at most this number of rows
      -h, --help               Print help

    Examples:
      list clients
      list clients in NAS --sort size
    Show where projects are, how big they are and how their copies compare

    Answers come from the index, without access to a disk, for offline storages too;
    `--live` scans first. One project has a table with a row for each category and a
    column for each storage; several have a line each, or with `--full` a table each.

    Each copy is measured against all files that any storage holds of this project
    and category:

      whole           it lacks nothing, and nothing in it is older
      lacks N         N files of other storages are not here
      N older         of N files another storage holds a newer version
      N differ        N files have the size and time of another copy, and other content,
                      or its time and another size
      N unreadable    N files or folders could not be read
      N damaged       N files no longer have the content that was known of them
      missing         no folder
      offline         the storage was offline at the last scan; the rest is as it was then
      not scanned     `load` scans it

    On a narrow screen signs stand for the words; a line below explains them.

    With `--files` the files of each copy are listed below the table. `plain` and `csv`
    then have a row for each file instead of one for each copy.

    Usage: fetch [OPTIONS] <PROJECT>

    Arguments:
      <PROJECT>
              The project, a client for all of its projects, or `all`; `client` or `project` may precede
              it

    Options:
          --live
              Scan the storages first

          --full
              Show a table for each project

          --paths
              Show the path of each copy

          --files
              List the files of every copy, with one line for each image sequence

          --no-sequences
              List every frame of an image sequence

          --evidence
              Show with each file how its content is known, and since when

      -h, --help
              Print help

    Examples:
      fetch all
      fetch "Bob's"
      fetch "Bob's/long film" --live
      fetch "Bob's/long film" --files --no-sequences
      fetch client "Bob's" --full
      fetch project "Bob's/long film" --paths
    "#);
}

#[test]
fn long_list_of_names_is_truncated() {
    let studio = Studio::new();
    let names = ["sound", "grading", "delivery", "scans", "plates"];
    let mut lines: Vec<String> = names
        .iter()
        .map(|name| format!("add category {name} {name}"))
        .collect();
    lines.push("explore a/b xyz WORK".to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let run = studio.lines(&lines).status(1);
    assert_eq!(
        run.stderr.lines().last(),
        Some("hint: known: footage, render, sound, grading, delivery and 2 more")
    );
}

#[test]
fn unquoted_name_with_spaces_suggests_quotes() {
    let studio = Studio::new();
    studio
        .file("WORK/footage/Bob's Diner/menu film/x", "")
        .folder("WORK/footage/acme/b c");
    studio.lines(&["load"]).ok();
    studio.file(
        "script.ab",
        "copy Bob's Diner/menu film footage WORK NAS\nfetch client Bob's Diner\n\
         fetch project acme/b c\nlist projects in Bob's Diner\ncopy acme/b d footage WORK NAS\n",
    );
    assert_snapshot!(studio.run(["--keep-going", "script.ab"]).stderr, @r#"
    script.ab:1:12: error: unknown category `Diner/menu`
        copy Bob's Diner/menu film footage WORK NAS
                   ^^^^^^^^^^
    hint: quote a name with spaces: "Bob's Diner/menu film"
    script.ab:2:20: error: unexpected argument `Diner`
        fetch client Bob's Diner
                           ^^^^^
    hint: quote a name with spaces: "Bob's Diner"
    script.ab:3:22: error: unexpected argument `c`
        fetch project acme/b c
                             ^
    hint: quote a name with spaces: 'acme/b c'
    script.ab:4:18: error: unknown client, category or storage `Bob's`
        list projects in Bob's Diner
                         ^^^^^
    hint: quote a name with spaces: "Bob's Diner"
    script.ab:5:13: error: unknown category `d`
        copy acme/b d footage WORK NAS
                    ^
    hint: known: footage, render
    5 of 5 commands failed: script.ab:1, 2, 3, 4, 5
    "#);
}
