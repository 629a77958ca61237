//! Scripts: their sources, the line where they stop, and their exit status.

use std::io::Write as _;
use std::process::Stdio;

use insta::assert_snapshot;

use crate::studio::{ProgramRun, Studio};

#[test]
fn script_stops_at_first_failing_line() {
    let studio = Studio::filled();
    assert_snapshot!(studio.script("list categories\nload TAPE\nlist databases\n"), @"
    exit 1
    --- stdout
    category  path
    footage   footage
    render    scratch/render
    2 categories, 0 files, 0 B
    --- stderr
    script.ab:2:6: error: unknown storage `TAPE`
        load TAPE
             ^^^^
    hint: known: WORK, NAS
    ");
}

#[test]
fn keep_going_returns_the_worst_status() {
    let studio = Studio::filled();
    studio.remove("NAS");
    let status = |text: &str| {
        studio.file("script.ab", text);
        studio.run(["--keep-going", "script.ab"]).status
    };
    let (done, partial, failed, usage) = ("list clients\n", "load NAS\n", "load TAPE\n", "lod\n");
    assert_eq!(status(done), 0);
    assert_eq!(status(&[partial, done].concat()), 3);
    assert_eq!(status(&[partial, failed, partial, done].concat()), 1);
    assert_eq!(status(&[failed, usage, failed, partial].concat()), 2);
    assert_eq!(status(&[usage, "exit\n", failed].concat()), 2);
}

#[test]
fn partial_run_does_not_stop_script() {
    let studio = Studio::filled();
    studio.remove("NAS");
    assert_snapshot!(studio.script("load NAS\nlist categories\n"), @"
    exit 3
    --- stdout
    ┌─────────┬─────────┬──────────┬───────┬──────┐
    │ storage ┆ state   ┆ projects ┆ files ┆ size │
    ╞═════════╪═════════╪══════════╪═══════╪══════╡
    │ NAS     ┆ offline ┆        0 ┆     0 ┆  0 B │
    └─────────┴─────────┴──────────┴───────┴──────┘
    category  path
    footage   footage
    render    scratch/render
    2 categories, 0 files, 0 B
    --- stderr
    problem: storage `NAS` is offline: `$STUDIO/NAS` does not exist
    1 of 2 commands completed in part: script.ab:1
    ");
    assert_snapshot!(studio.lines(&["load NAS", "list categories"]), @"
    exit 3
    --- stdout
    ┌─────────┬─────────┬──────────┬───────┬──────┐
    │ storage ┆ state   ┆ projects ┆ files ┆ size │
    ╞═════════╪═════════╪══════════╪═══════╪══════╡
    │ NAS     ┆ offline ┆        0 ┆     0 ┆  0 B │
    └─────────┴─────────┴──────────┴───────┴──────┘
    category  path
    footage   footage
    render    scratch/render
    2 categories, 0 files, 0 B
    --- stderr
    problem: storage `NAS` is offline: `$STUDIO/NAS` does not exist
    ");
}

#[test]
fn invalid_script_files_are_refused() {
    let studio = Studio::filled();
    studio
        .file("binary", b"\x7fELF\0\0")
        .file("latin", b"list clients\nfetch client caf\xe9\n");
    studio.link("loop", "loop");
    assert_snapshot!(studio.run(["missing.ab"]), @"
    exit 1
    --- stderr
    error: cannot read the script `missing.ab`: No such file or directory (os error 2)
    hint: to run a command, use `-c`, as in `auto-backup -c 'list clients'`
    ");
    assert_snapshot!(studio.run(["WORK"]), @"
    exit 2
    --- stderr
    error: `WORK` is not a script: it is a folder
    ");
    assert_snapshot!(studio.run(["binary"]), @"
    exit 2
    --- stderr
    error: `binary` is not a script: line 1 holds a NUL byte; it is a binary file
    ");
    assert_snapshot!(studio.run(["latin"]), @"
    exit 2
    --- stderr
    error: `latin` is not a script: line 2 is not UTF-8
    ");
    assert_snapshot!(studio.run(["loop"]), @"
    exit 1
    --- stderr
    error: cannot read the script `loop`: Too many levels of symbolic links (os error 40)
    ");
    assert_snapshot!(studio.run([""]), @"
    exit 2
    --- stderr
    error: a value is required for '[SCRIPT]' but none was supplied

    For more information, try '--help'.
    ");
    assert_snapshot!(studio.run(["latin/x"]), @"
    exit 1
    --- stderr
    error: cannot read the script `latin/x`: Not a directory (os error 20)
    ");
}

#[test]
fn missing_script_creates_nothing() {
    let studio = Studio::filled();
    studio.run(["missing.ab"]).status(1);
    assert!(!studio.path("home/.local").exists());
}

fn piped(studio: &Studio, arguments: &[&str], input: &[u8]) -> ProgramRun {
    let mut command = studio.command();
    command.args(arguments).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    ProgramRun::new(studio, &child.wait_with_output().unwrap())
}

#[test]
fn script_is_read_from_standard_input() {
    let studio = Studio::filled();
    assert_snapshot!(piped(&studio, &["-"], b"list categories\nlod\n"), @"
    exit 2
    --- stdout
    category  path
    footage   footage
    render    scratch/render
    2 categories, 0 files, 0 B
    --- stderr
    stdin:2:1: error: unknown command `lod`
        lod
        ^^^
    hint: did you mean `load`?
    ");
    assert_snapshot!(piped(&studio, &[], b"list categories"), @"
    exit 0
    --- stdout
    category  path
    footage   footage
    render    scratch/render
    2 categories, 0 files, 0 B
    ");
    assert_snapshot!(piped(&studio, &["-"], b"\0"), @"
    exit 2
    --- stderr
    error: `standard input` is not a script: line 1 holds a NUL byte; it is a binary file
    ");
    assert_snapshot!(piped(&studio, &[], b"").ok(), @"exit 0");
}

#[test]
fn exit_ends_the_script() {
    let studio = Studio::filled();
    assert_snapshot!(studio.script("list categories\nexit\nlod\n"), @"
    exit 0
    --- stdout
    category  path
    footage   footage
    render    scratch/render
    2 categories, 0 files, 0 B
    ");
    assert_snapshot!(studio.lines(&["quit", "list categories"]).ok(), @"exit 0");
}

#[test]
fn one_option_holds_several_lines() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&["list categories\nlist databases", "lod", "list categories"]), @"
    exit 2
    --- stdout
    category  path
    footage   footage
    render    scratch/render
    2 categories, 0 files, 0 B
    storage  root                     state      free   total
    WORK     $STUDIO/WORK  online  FREE  TOTAL
    NAS      $STUDIO/NAS   online  FREE  TOTAL
    2 storages, 0 files, 0 B
    --- stderr
    -c 2:1:1: error: unknown command `lod`
        lod
        ^^^
    hint: did you mean `load`?
    ");
}

#[test]
fn script_paths_are_relative_to_its_folder() {
    let studio = Studio::bare();
    studio
        .file(
            "jobs/night.ab",
            "add database HERE store\nadd database UP ../other\nlist databases\n",
        )
        .folder("other")
        .folder("jobs/store");
    assert_snapshot!(studio.run(["jobs/night.ab"]), @"
    exit 0
    --- stdout
    added storage HERE at $STUDIO/jobs/store
    added storage UP at $STUDIO/other
    storage  root                           state      free   total
    HERE     $STUDIO/jobs/store  online  FREE  TOTAL
    UP       $STUDIO/other       online  FREE  TOTAL
    2 storages, 0 files, 0 B
    ");
    assert_snapshot!(studio.lines(&["add database HERE store", "list databases"]), @"
    exit 0
    --- stdout
    added storage HERE at $STUDIO/store, offline: it does not exist
    storage  root                      state
    HERE     $STUDIO/store  offline
    1 storage, 0 files, 0 B
    ");
    assert_snapshot!(piped(&studio, &[], b"add database HERE store\nlist databases\n"), @"
    exit 0
    --- stdout
    added storage HERE at $STUDIO/store, offline: it does not exist
    storage  root                      state
    HERE     $STUDIO/store  offline
    1 storage, 0 files, 0 B
    ");
}

#[test]
fn quiet_hides_unrequested_output() {
    let studio = Studio::filled();
    let commands = [
        "--quiet",
        "-c",
        "load",
        "-c",
        "add category sound sound",
        "-c",
        "list categories",
    ];
    assert_snapshot!(studio.run(commands).ok(), @"
    exit 0
    --- stdout
    category  path            size  files  projects  copies  newest        scanned
    footage   footage         20 B      4         3       1  NNN days ago  just now
    render    scratch/render   5 B      1         1       1  NNN days ago  just now
    sound     sound
    3 categories, 5 files, 25 B
    ");
    studio.remove("NAS");
    assert_snapshot!(studio.run(["--quiet", "-c", "load"]), @"
    exit 3
    --- stdout
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╡
    │ WORK    ┆ complete ┆        3 ┆     5 ┆ 25 B ┆ N s │
    │ NAS     ┆ offline  ┆        0 ┆     0 ┆  0 B ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┘
    scanned 1 of 2 storages, 5 files, 25 B in N s
    --- stderr
    problem: storage `NAS` is offline: `$STUDIO/NAS` does not exist
    ");
}

#[test]
fn every_format_writes_answers() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    for format in ["plain", "csv", "json"] {
        let run = studio
            .run([
                "--format",
                format,
                "-c",
                "list databases",
                "-c",
                "list projects",
            ])
            .ok();
        match format {
            "plain" => assert_snapshot!(run, @"
            exit 0
            --- stdout
            WORK	$STUDIO/WORK	online	25	5	3	FREE	TOTAL	2026-01-02T03:04:05Z	NOW	MEDIUM	
            NAS	$STUDIO/NAS	online				FREE	TOTAL			MEDIUM	
            Bob's/long film	1	1	1	2026-01-02T03:04:05Z	NOW	WORK
            acme/spot	18	3	1	2026-01-02T03:04:05Z	NOW	WORK
            acme/teaser	6	1	1	2026-01-02T03:04:05Z	NOW	WORK
            "),
            "csv" => assert_snapshot!(run, @"
            exit 0
            --- stdout
            database,root,state,bytes,files,projects,free,total,newest,scanned_at,medium,offsite
            WORK,$STUDIO/WORK,online,25,5,3,FREE,TOTAL,2026-01-02T03:04:05Z,NOW,MEDIUM,
            NAS,$STUDIO/NAS,online,,,,FREE,TOTAL,,,MEDIUM,
            project,bytes,files,copies,newest,scanned_at,databases
            Bob's/long film,1,1,1,2026-01-02T03:04:05Z,NOW,WORK
            acme/spot,18,3,1,2026-01-02T03:04:05Z,NOW,WORK
            acme/teaser,6,1,1,2026-01-02T03:04:05Z,NOW,WORK
            "),
            _ => assert_snapshot!(run, @r#"
            exit 0
            --- stdout
            {"command":"list","databases":[{"name":"WORK","root":"$STUDIO/WORK","online":true,"shelf":false,"offsite":false,"medium":null,"media":["MEDIUM"],"free":N,"total":N,"projects":3,"files":5,"bytes":25,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"name":"NAS","root":"$STUDIO/NAS","online":true,"shelf":false,"offsite":false,"medium":null,"media":["MEDIUM"],"free":N,"total":N,"projects":0,"files":0,"bytes":0,"newest":null,"scanned_at":null}],"found":2,"total":{"projects":3,"files":5,"bytes":25,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}}
            {"command":"list","projects":[{"project":"Bob's/long film","databases":["WORK"],"files":1,"bytes":1,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"project":"acme/spot","databases":["WORK"],"files":3,"bytes":18,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"project":"acme/teaser","databases":["WORK"],"files":1,"bytes":6,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}],"found":3,"total":{"projects":3,"files":5,"bytes":25,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}}
            "#),
        }
    }
}

#[test]
fn invalid_process_options_are_usage_errors() {
    let studio = Studio::filled();
    assert_snapshot!(studio.run(["--fromat", "json"]), @"
    exit 2
    --- stderr
    error: unexpected argument '--fromat' found

      tip: a similar argument exists: '--format'

    Usage: auto-backup --format <FORMAT> [SCRIPT] [ARGUMENT]...

    For more information, try '--help'.
    ");
    assert_snapshot!(studio.run(["--format", "xml"]), @"
    exit 2
    --- stderr
    error: invalid value 'xml' for '--format <FORMAT>'
      [possible values: table, plain, csv, json]

    For more information, try '--help'.
    ");
    assert_snapshot!(studio.run(["-c"]), @"
    exit 2
    --- stderr
    error: a value is required for '-c <COMMAND>' but none was supplied

    For more information, try '--help'.
    ");
    assert_snapshot!(studio.run(["--config", "a", "--no-config", "-c", "load"]), @"
    exit 2
    --- stderr
    error: the argument '--config <FILE>' cannot be used with '--no-config'

    Usage: auto-backup --config <FILE> -c <COMMAND> [SCRIPT] [ARGUMENT]...

    For more information, try '--help'.
    ");
    assert_snapshot!(studio.run(["script.ab", "-c", "load"]), @"
    exit 2
    --- stderr
    error: the argument '[SCRIPT]' cannot be used with '-c <COMMAND>'

    Usage: auto-backup <SCRIPT> [ARGUMENT]...

    For more information, try '--help'.
    ");
}

#[test]
fn version_and_help_exit_successfully() {
    let studio = Studio::bare();
    assert_snapshot!(studio.run(["--version"]).ok(), @"
    exit 0
    --- stdout
    auto-backup 0.1.0
    ");
    let help = studio.run(["--help"]).ok();
    assert!(
        help.stdout.contains("--keep-going") && help.stdout.contains("Exit status"),
        "{help}"
    );
}

#[test]
fn errors_number_each_command_option() {
    let studio = Studio::filled();
    let commands = ["--keep-going", "-c", "lod", "-c", "list clients\nlod"];
    assert_snapshot!(studio.run(commands).stderr, @"
    -c:1:1: error: unknown command `lod`
        lod
        ^^^
    hint: did you mean `load`?
    -c 2:2:1: error: unknown command `lod`
        lod
        ^^^
    hint: did you mean `load`?
    ");
}
