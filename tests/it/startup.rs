//! The start-up file: its choice, refused files, and failures.

use std::os::unix::fs::{chown, lchown};

use insta::assert_snapshot;

use crate::studio::{Studio, report_skip};

const USERS: &str = "home/.config/auto-backup/.config";

/// A studio with a start-up file in every place; each adds a database of its own name.
fn everywhere() -> Studio {
    let studio = Studio::bare();
    for (path, name) in [
        ("named", "NAMED"),
        ("environment", "ENVIRONMENT"),
        (".config", "LOCAL"),
        (USERS, "USERS"),
    ] {
        studio.file(path, format!("add database {name} /nowhere/{name}\n"));
    }
    studio
}

#[test]
fn first_startup_file_found_runs() {
    let studio = everywhere();
    let names = |arguments: &[&str], environment: &str| {
        let mut command = studio.command();
        command
            .args(arguments)
            .args(["--format", "plain", "-c", "list databases"]);
        let run = studio
            .finish(command.env("AUTO_BACKUP_CONFIG", environment))
            .ok();
        run.stdout.split('\t').next().unwrap_or_default().to_owned()
    };
    assert_eq!(names(&["--config", "named"], "environment"), "NAMED");
    assert_eq!(names(&[], "environment"), "ENVIRONMENT");
    assert_eq!(names(&[], ""), "LOCAL");
    assert_eq!(names(&["--no-config"], "environment"), "");
    studio.remove(".config");
    assert_eq!(names(&[], ""), "USERS");
    studio.remove(USERS);
    assert_eq!(names(&[], ""), "");
}

#[test]
fn xdg_config_home_is_searched() {
    let studio = Studio::bare();
    studio.file("xdg/auto-backup/.config", "add category sound sound\n");
    let mut command = studio.command();
    command
        .env("XDG_CONFIG_HOME", studio.path("xdg"))
        .args(["-c", "list categories"]);
    assert_snapshot!(studio.finish(&mut command).ok(), @"
    exit 0
    --- stdout
    category  path
    sound     sound
    1 category, 0 files, 0 B
    ");
}

#[test]
fn folder_named_like_startup_file_is_skipped() {
    let studio = everywhere();
    studio.remove(".config").folder(".config");
    assert_snapshot!(studio.lines(&["list databases"]), @"
    exit 0
    --- stdout
    storage  root            state
    USERS    /nowhere/USERS  offline
    1 storage, 0 files, 0 B
    --- stderr
    warning: start-up file `$STUDIO/.config` was not run: it is not a regular file
    ");
}

#[test]
fn config_folder_in_home_causes_no_warning() {
    let studio = everywhere();
    let mut command = studio.command();
    let run = studio.finish(
        command
            .current_dir(studio.path("home"))
            .args(["-c", "list databases"]),
    );
    assert!(run.ok().stdout.contains("USERS"));
}

#[test]
fn startup_file_writable_by_others_is_skipped() {
    let studio = everywhere();
    let with_mode = |mode| studio.mode(".config", mode).lines(&["list databases"]);
    assert_eq!(with_mode(0o664).to_string(), with_mode(0o646).to_string());
    assert_snapshot!(with_mode(0o666), @"
    exit 0
    --- stdout
    storage  root            state
    USERS    /nowhere/USERS  offline
    1 storage, 0 files, 0 B
    --- stderr
    warning: start-up file `$STUDIO/.config` was not run: other users can write it; `chmod go-w .config` prevents that
    ");
}

#[test]
fn startup_file_of_another_user_is_skipped() {
    if !rustix::process::geteuid().is_root() {
        report_skip("only root can give a file to another user");
        return;
    }
    let studio = everywhere();
    chown(studio.path(".config"), Some(1234), None).unwrap();
    let owned = studio.lines(&["list databases"]);
    studio.remove(".config").link(".config", "named");
    lchown(studio.path(".config"), Some(1234), None).unwrap();
    let linked = studio.lines(&["list databases"]);
    assert_eq!(owned.to_string(), linked.to_string());
    assert_snapshot!(linked, @"
    exit 0
    --- stdout
    storage  root            state
    USERS    /nowhere/USERS  offline
    1 storage, 0 files, 0 B
    --- stderr
    warning: start-up file `$STUDIO/.config` was not run: it belongs to another user
    ");
}

#[test]
fn pipe_as_startup_file_is_skipped() {
    let studio = everywhere();
    studio.remove(".config");
    let fifo = studio.path(".config");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    assert_snapshot!(studio.lines(&["list databases"]), @"
    exit 0
    --- stdout
    storage  root            state
    USERS    /nowhere/USERS  offline
    1 storage, 0 files, 0 B
    --- stderr
    warning: start-up file `$STUDIO/.config` was not run: it is not a regular file
    ");
}

#[test]
fn dangling_startup_symlink_is_skipped() {
    let studio = everywhere();
    studio.remove(".config").link(".config", "nowhere");
    assert_snapshot!(studio.lines(&["list databases"]), @"
    exit 0
    --- stdout
    storage  root            state
    USERS    /nowhere/USERS  offline
    1 storage, 0 files, 0 B
    --- stderr
    warning: start-up file `$STUDIO/.config` was not run: it is a broken symbolic link
    ");
}

#[test]
fn configured_startup_file_must_exist() {
    let studio = everywhere();
    assert_snapshot!(studio.run(["--config", "missing", "-c", "list databases"]), @"
    exit 1
    --- stderr
    error: cannot read the start-up file `missing`: No such file or directory (os error 2)
    hint: `--config` or `$AUTO_BACKUP_CONFIG` names it; `--no-config` starts without it
    ");
    assert_snapshot!(studio.run(["--config", "home", "-c", "list databases"]), @"
    exit 2
    --- stderr
    error: `home` is not a script: it is a folder
    ");
    let mut command = studio.command();
    command
        .env("AUTO_BACKUP_CONFIG", "missing")
        .args(["-c", "list databases"]);
    assert_snapshot!(studio.finish(&mut command), @"
    exit 1
    --- stderr
    error: cannot read the start-up file `missing`: No such file or directory (os error 2)
    hint: `--config` or `$AUTO_BACKUP_CONFIG` names it; `--no-config` starts without it
    ");
}

#[test]
fn failing_startup_file_stops_the_session() {
    let studio = Studio::bare();
    studio.file(
        USERS,
        "add database WORK /nowhere\nad category x x\nlist databases\n",
    );
    assert_snapshot!(studio.lines(&["list databases"]), @"
    exit 2
    --- stderr
    $STUDIO/home/.config/auto-backup/.config:2:1: error: unknown command `ad`
        ad category x x
        ^^
    hint: did you mean `add`?
    the rest of the start-up file, and what should follow it, was not run
    ");
    studio.file(USERS, "load TAPE\n");
    assert_snapshot!(studio.run(["--keep-going", "-c", "list databases"]), @"
    exit 1
    --- stderr
    $STUDIO/home/.config/auto-backup/.config:1:6: error: unknown storage `TAPE`
        load TAPE
             ^^^^
    hint: none exists yet: `add database NAME ROOT` adds one
    the rest of the start-up file, and what should follow it, was not run
    ");
}

#[test]
fn startup_answers_are_hidden() {
    let studio = Studio::filled();
    let text = [
        studio.read(USERS).as_str(),
        "load\nlist clients\nfetch all\n",
    ]
    .concat();
    studio.file(USERS, text);
    assert_snapshot!(studio.lines(&["list categories"]).ok(), @"
    exit 0
    --- stdout
    category  path            size  files  projects  copies  newest        scanned
    footage   footage         20 B      4         3       1  NNN days ago  just now
    render    scratch/render   5 B      1         1       1  NNN days ago  just now
    2 categories, 5 files, 25 B
    ");
    studio.remove("NAS");
    assert_snapshot!(studio.lines(&["list categories"]), @"
    exit 0
    --- stdout
    category  path            size  files  projects  copies  newest        scanned
    footage   footage         20 B      4         3       1  NNN days ago  just now
    render    scratch/render   5 B      1         1       1  NNN days ago  just now
    2 categories, 5 files, 25 B
    --- stderr
    problem: storage `NAS` is offline: `$STUDIO/NAS` does not exist
    ");
}

#[test]
fn exit_in_startup_file_ends_the_program() {
    let studio = Studio::bare();
    studio.file(USERS, "exit\n");
    assert_snapshot!(studio.lines(&["list categories"]).ok(), @"exit 0");
}

#[test]
fn program_runs_without_environment() {
    let studio = Studio::filled();
    let mut command = studio.command();
    command.env_clear().args([
        "--index",
        "index",
        "--config",
        USERS,
        "-c",
        "load WORK",
        "-c",
        "list clients",
    ]);
    assert_snapshot!(studio.finish(&mut command).ok(), @"
    exit 0
    --- stdout
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK    ┆ complete ┆        3 ┆     5 ┆ 25 B ┆     5 ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    scanned 1 storage, 5 files, 25 B in N s
    client  size  files  projects  copies  newest        scanned   on
    Bob's    1 B      1         1       1  NNN days ago  just now  WORK
    acme    24 B      4         2       1  NNN days ago  just now  WORK
    2 clients, 5 files, 25 B
    ");
}
