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
    client         size  files  projects  copies  newest        scanned   on
    -rf --replace   1 B      1         1       1  NNN days ago  just now  WORK
    Bob\'s \"best\"    1 B      1         1       1  NNN days ago  just now  WORK
    caf\\xe9         1 B      1         1       1  NNN days ago  just now  WORK
    line\
    feed      1 B      1         1       1  NNN days ago  just now  WORK
    red\u{1b}[31m             1 B      1         1       1  NNN days ago  just now  WORK
    right\u{202e}left       1 B      1         1       1  NNN days ago  just now  WORK
    tab\\tend\\       1 B      1         1       1  NNN days ago  just now  WORK
    two words       1 B      1         1       1  NNN days ago  just now  WORK
    8 clients, 8 files, 8 B
    "#);
}

#[test]
fn plain_and_csv_keep_name_bytes() {
    let plain = String::from_utf8_lossy(&listed("plain").bytes)
        .escape_debug()
        .to_string();
    let scanned = regex::Regex::new(r"[0-9TZ:-]+\\tWORK").unwrap();
    let plain = scanned
        .replace_all(&plain, r"NOW\tWORK")
        .replace("\\n", "\n");
    assert_snapshot!(plain, @r#"
    -rf --replace\t1\t1\t1\t1\t2026-01-02T03:04:05Z\tNOW\tWORK
    Bob\'s \"best\"\t1\t1\t1\t1\t2026-01-02T03:04:05Z\tNOW\tWORK
    caf�\t1\t1\t1\t1\t2026-01-02T03:04:05Z\tNOW\tWORK
    line\
    feed\t1\t1\t1\t1\t2026-01-02T03:04:05Z\tNOW\tWORK
    red\u{1b}[31m\t1\t1\t1\t1\t2026-01-02T03:04:05Z\tNOW\tWORK
    right\u{202e}left\t1\t1\t1\t1\t2026-01-02T03:04:05Z\tNOW\tWORK
    tab\\tend\\\\\t1\t1\t1\t1\t2026-01-02T03:04:05Z\tNOW\tWORK
    two words\t1\t1\t1\t1\t2026-01-02T03:04:05Z\tNOW\tWORK
    "#);
    let csv = listed("csv").bytes;
    for name in [
        &b"\"line\nfeed\""[..],
        b"\"Bob's \"\"best\"\"\"",
        b"red\x1b[31m",
        b"\ncaf\xe9,",
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
    assert_snapshot!(text, @r#"{"command":"list","clients":[{"name":"-rf --replace","databases":["WORK"],"projects":1,"files":1,"bytes":1,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"name":"Bob's \"best\"","databases":["WORK"],"projects":1,"files":1,"bytes":1,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"name":{"bytes_base64":"Y2Fm6Q=="},"databases":["WORK"],"projects":1,"files":1,"bytes":1,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"name":"line\nfeed","databases":["WORK"],"projects":1,"files":1,"bytes":1,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"name":"red\u001b[31m","databases":["WORK"],"projects":1,"files":1,"bytes":1,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"name":"right<RIGHT-TO-LEFT>left","databases":["WORK"],"projects":1,"files":1,"bytes":1,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"name":"tab\tend\\","databases":["WORK"],"projects":1,"files":1,"bytes":1,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"name":"two words","databases":["WORK"],"projects":1,"files":1,"bytes":1,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}],"found":8,"total":{"projects":8,"files":8,"bytes":8,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}}"#);
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
    hint: write it as: load [OPTIONS] [STORAGE]...
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

#[test]
fn path_has_the_spelling_of_its_storage() {
    let (composed, decomposed) = ("Caf\u{e9}", "Cafe\u{301}");
    let studio = Studio::new();
    studio
        .file(format!("WORK/footage/{composed}/spot/a.mov"), "film")
        .file(format!("NAS/footage/{decomposed}/spot/a.mov"), "film");
    studio.lines(&["load"]).ok();
    let document = studio.json(&["fetch all"]).ok().document();
    let projects = document["projects"].as_array().unwrap();
    assert_eq!(projects.len(), 1);
    for (place, (database, client)) in [("WORK", composed), ("NAS", decomposed)]
        .into_iter()
        .enumerate()
    {
        let replica = &projects[0]["replicas"][place];
        let path = studio
            .path(database)
            .join("footage")
            .join(client)
            .join("spot");
        assert_eq!(replica["path"].as_str(), path.to_str(), "{database}");
    }
}
