//! Names from real disks: spaces, quotes, line feeds, escape sequences, direction marks, bytes that are not UTF-8.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;

use crate::studio::{PROGRAM, ProgramRun, Studio, report_skip};

/// Difficult names of clients, projects and files.
const NAMES: [&[u8]; 8] = [
    b"two words",
    b"Bob's \"best\"",
    b"line\nfeed",
    b"red\x1b[31m",
    "right\u{202e}left".as_bytes(),
    b"caf\xe9",
    b"tab\tend\\",
    b"-rf --replace",
];

/// A studio with each name as a client, a project and a file.
fn studio() -> Studio {
    let studio = Studio::new();
    for name in NAMES.map(OsStr::from_bytes) {
        let path: PathBuf = [OsStr::new("WORK/footage"), name, name, name]
            .iter()
            .collect();
        studio.file(path, "x");
    }
    studio.lines(&["load"]).ok();
    studio
}

/// Returns a word that spells any bytes.
fn spelled(bytes: &[u8]) -> String {
    let escapes: Vec<_> = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("$'{}'", escapes.concat())
}

/// Runs `find` in this format.
fn listed(format: &str) -> ProgramRun {
    studio()
        .run(["--format", format, "-c", "list clients"])
        .ok()
}

#[test]
fn piped_tables_keep_names_on_one_line() {
    let run = listed("table");
    assert_snapshot!(run.stdout.escape_debug().to_string().replace("\\n", "\n"), @r#"
    ┌───────────────┐
    │ client        │
    ╞═══════════════╡
    │ -rf --replace │
    │ Bob\'s \"best\"  │
    │ caf\\xe9       │
    │ line\
    feed    │
    │ red\u{1b}[31m\u{1b}[0m           │
    │ right\u{202e}left     │
    │ tab\\tend\\     │
    │ two words     │
    └───────────────┘
    "#);
}

#[test]
fn plain_and_csv_keep_name_bytes() {
    assert_snapshot!(String::from_utf8_lossy(&listed("plain").bytes).escape_debug().to_string().replace("\\n", "\n"), @r#"
    -rf --replace
    Bob\'s \"best\"
    caf�
    line\
    feed
    red\u{1b}[31m
    right\u{202e}left
    tab\\tend\\\\
    two words
    "#);
    let csv = listed("csv").bytes;
    for name in [
        &b"\"line\nfeed\""[..],
        b"\"Bob's \"\"best\"\"\"",
        b"red\x1b[31m",
        b"caf\xe9\n",
    ] {
        assert!(
            csv.windows(name.len()).any(|part| part == name),
            "{}",
            name.escape_ascii()
        );
    }
}

#[test]
fn json_keeps_every_name() {
    let text = listed("json").stdout.replace('\u{202e}', "<RIGHT-TO-LEFT>");
    assert_snapshot!(text, @r#"{"command":"list","clients":["-rf --replace","Bob's \"best\"",{"bytes_base64":"Y2Fm6Q=="},"line\nfeed","red\u001b[31m","right<RIGHT-TO-LEFT>left","tab\tend\\","two words"]}"#);
}

#[test]
fn every_command_accepts_every_name() {
    let studio = studio();
    for name in NAMES {
        let (client, project) = (spelled(name), spelled(&[name, b"/", name].concat()));
        for format in ["table", "plain", "csv", "json"] {
            let dash = if name.starts_with(b"-") { "-- " } else { "" };
            let lines = [
                format!("list projects {dash}in {client} in WORK"),
                format!("fetch client {dash}{client}"),
                format!("fetch project --live {dash}{project}"),
                format!("load --project={project}"),
                format!("explore --print {dash}{project} footage WORK"),
                format!("copy {dash}{project} footage WORK NAS"),
            ];
            let run = studio.run(
                ["--format", format]
                    .into_iter()
                    .chain(lines.iter().flat_map(|line| ["-c", line])),
            );
            run.ok();
        }
        let path: PathBuf = [
            OsStr::new("NAS/footage"),
            OsStr::from_bytes(name),
            OsStr::from_bytes(name),
            OsStr::from_bytes(name),
        ]
        .iter()
        .collect();
        assert_eq!(studio.read(path), "x");
    }
    assert_eq!(studio.tree("WORK/footage"), studio.tree("NAS/footage"));
}

#[test]
fn errors_escape_control_characters_in_names() {
    let studio = studio();
    studio.file("script.ab", "fetch project $'red\\x1b[31m/x'\nload $'caf\\xe9'\nfetch client $'caf\\xe8'\nfetch project $'line\\nfeed/line\\nfeex'\n");
    let run = studio.run(["--keep-going", "script.ab"]);
    assert!(!run.stderr.contains('\u{1b}'));
    assert_snapshot!(run, @r"
    exit 2
    --- stderr
    script.ab:1:15: error: unknown project `red\x1b[31m/x`
        fetch project $'red\x1b[31m/x'
                      ^^^^^^^^^^^^^^^^
    hint: did you mean `$'red\x1b[31m/red\x1b[31m'`?
    script.ab:2:6: error: this word is not valid UTF-8
        load $'caf\xe9'
             ^^^^^^^^^^
    hint: write it as: load [OPTIONS] [DATABASE]...
    script.ab:3:14: error: unknown client `caf\xe8`
        fetch client $'caf\xe8'
                     ^^^^^^^^^^
    hint: did you mean `$'caf\xe9'`?
    script.ab:4:15: error: unknown project `line\nfeed/line\nfeex`
        fetch project $'line\nfeed/line\nfeex'
                      ^^^^^^^^^^^^^^^^^^^^^^^^
    hint: did you mean `$'line\nfeed/line\nfeed'`?
    4 of 4 commands failed: script.ab:1, 2, 3, 4
    ");
}

#[test]
fn names_never_control_the_terminal() {
    if !Path::new("/usr/bin/script").exists() {
        report_skip("there is no program `script` to make a terminal");
        return;
    }
    let studio = studio();
    for format in ["table", "plain", "csv", "json"] {
        let line = format!(
            "{PROGRAM} --color never --format {format} -c 'list clients' -c 'list projects' -c 'fetch all' -c \"find '*'\""
        );
        let mut command = Command::new("/usr/bin/script");
        command
            .args(["-qec", &line, "/dev/null"])
            .env_clear()
            .env("HOME", studio.path("home"))
            .env("TERM", "xterm")
            .current_dir(studio.path(""));
        command.stdin(std::process::Stdio::null());
        let run = studio.finish(&mut command);
        let steers = ['\u{1b}', '\u{202e}']
            .iter()
            .any(|mark| run.stdout.contains(*mark))
            || run.bytes.contains(&0xe9);
        assert!(run.status == 0 && !steers, "{format}: {:?}", run.stdout);
    }
}
