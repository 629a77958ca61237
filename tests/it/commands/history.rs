//! `history` and the run log.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use insta::assert_snapshot;
use regex::Regex;
use rusqlite::Connection;

use super::{copy_answer, exact_stdout, run_with_format};
use crate::studio::{CHANGED, ProgramRun, Studio};

/// Default path of the index.
const INDEX: &str = "home/.local/share/auto-backup/index.sqlite";

/// Default folder of the run log.
const STATE: &str = "home/.local/state/auto-backup";

/// A studio after two copies; the second finds a newer file at the destination.
fn copied_twice() -> Studio {
    let studio = Studio::filled();
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS"])
        .ok();
    studio
        .file_at("WORK/footage/acme/spot/reel.mov", "older", CHANGED - 9)
        .file("WORK/footage/acme/spot/plates/p2.exr", "plate two");
    studio.lines(&["copy acme/spot all WORK NAS"]).status(3);
    studio
}

/// Returns the table without widths and words that depend on the duration of a run.
fn table(run: &ProgramRun) -> String {
    let text = run.to_string();
    let border = Regex::new(r"(?m)^[┌╞└].*\n").unwrap();
    let spaces = Regex::new(r" {2,}").unwrap();
    // Only a run of a second or more names its duration.
    let duration = Regex::new(r" in N s\b").unwrap();
    let text = border.replace_all(&text, "");
    let text = spaces.replace_all(&text, " ");
    duration.replace_all(&text, "").into_owned()
}

#[test]
fn table_lists_runs() {
    let studio = copied_twice();
    assert_snapshot!(table(&studio.lines(&["history", "history --last 1"])), @"
    exit 0
    --- stdout
    3 just now copy acme/spot all WORK -> NAS 2 files 14 B 1 conflict
    2 just now copy acme/spot footage WORK -> NAS 2 files 13 B
    1 just now load all WORK,NAS 5 files 25 B
    3 just now copy acme/spot all WORK -> NAS 2 files 14 B 1 conflict
    ");
}

#[test]
fn json_is_one_document() {
    let studio = copied_twice();
    assert_snapshot!(studio.json(&["history", "history --last 2"]), @r#"
    exit 0
    --- stdout
    {"command":"history","runs":[{"run":3,"command":"copy","what":"acme/spot all","project":"acme/spot","category":"all","from":"WORK","to":"NAS","started":"NOW","ended":"NOW","seconds":N,"files":2,"bytes":14,"failed":0,"conflicts":1,"refused":0,"state":"partial","host":null},{"run":2,"command":"copy","what":"acme/spot footage","project":"acme/spot","category":"footage","from":"WORK","to":"NAS","started":"NOW","ended":"NOW","seconds":N,"files":2,"bytes":13,"failed":0,"conflicts":0,"refused":0,"state":"complete","host":null},{"run":1,"command":"load","what":"all","project":null,"category":null,"from":null,"to":"WORK,NAS","started":"NOW","ended":"NOW","seconds":N,"files":5,"bytes":25,"failed":0,"conflicts":0,"refused":0,"state":"complete","host":null}]}
    {"command":"history","runs":[{"run":3,"command":"copy","what":"acme/spot all","project":"acme/spot","category":"all","from":"WORK","to":"NAS","started":"NOW","ended":"NOW","seconds":N,"files":2,"bytes":14,"failed":0,"conflicts":1,"refused":0,"state":"partial","host":null},{"run":2,"command":"copy","what":"acme/spot footage","project":"acme/spot","category":"footage","from":"WORK","to":"NAS","started":"NOW","ended":"NOW","seconds":N,"files":2,"bytes":13,"failed":0,"conflicts":0,"refused":0,"state":"complete","host":null}]}
    "#);
}

#[test]
fn plain_and_csv_have_one_line_each() {
    let studio = copied_twice();
    let seconds = Regex::new(r"(NOW(?:,|\\t)NOW(?:,|\\t))\d+").unwrap();
    for (format, line) in [("csv", "history"), ("plain", "history --all")] {
        let text = exact_stdout(&studio, &run_with_format(&studio, format, line));
        let text = seconds.replace_all(&text, "${1}N");
        if format == "csv" {
            assert_snapshot!(text, @r#"
            run,started,ended,seconds,command,what,from,to,files,bytes,failed,state,project,category,conflicts,refused,host\n
            3,NOW,NOW,N,copy,acme/spot all,WORK,NAS,2,14,0,partial,acme/spot,all,1,0,\n
            2,NOW,NOW,N,copy,acme/spot footage,WORK,NAS,2,13,0,complete,acme/spot,footage,0,0,\n
            1,NOW,NOW,N,load,all,,\"WORK,NAS\",5,25,0,complete,,,0,0,\n
            "#);
        } else {
            assert_eq!(text.lines().count(), 3, "{text}");
        }
    }
    assert_snapshot!(run_with_format(&studio, "csv", "history 3"), @r#"
    exit 0
    --- stdout
    path,outcome,reason
    $STUDIO/NAS/footage/acme/spot/reel.mov,conflict,"it differs in size, and the destination is newer"
    $STUDIO/NAS/footage/acme/spot/plates/p2.exr,copied,
    $STUDIO/NAS/scratch/render/acme/spot/f1.exr,copied,
    "#);
    assert_snapshot!(run_with_format(&studio, "plain", "history 2"), @"
    exit 0
    --- stdout
    $STUDIO/NAS/footage/acme/spot/reel.mov	copied	
    $STUDIO/NAS/footage/acme/spot/plates/p1.exr	copied
    ");
}

#[test]
fn run_number_lists_its_items() {
    let studio = copied_twice();
    assert_snapshot!(table(&studio.lines(&["history 3"])), @"
    exit 0
    --- stdout
    3 just now copy acme/spot all WORK -> NAS 2 files 14 B 1 conflict
    conflict $STUDIO/NAS/footage/acme/spot/reel.mov: it differs in size, and the destination is newer
    copied $STUDIO/NAS/footage/acme/spot/plates/p2.exr
    copied $STUDIO/NAS/scratch/render/acme/spot/f1.exr
    ");
    assert_snapshot!(studio.json(&["history 2"]), @r#"
    exit 0
    --- stdout
    {"command":"history","runs":[{"run":2,"command":"copy","what":"acme/spot footage","project":"acme/spot","category":"footage","from":"WORK","to":"NAS","started":"NOW","ended":"NOW","seconds":N,"files":2,"bytes":13,"failed":0,"conflicts":0,"refused":0,"state":"complete","host":null}],"items":[{"path":"$STUDIO/NAS/footage/acme/spot/reel.mov","outcome":"copied","reason":null,"sequence":null},{"path":"$STUDIO/NAS/footage/acme/spot/plates/p1.exr","outcome":"copied","reason":null,"sequence":null}],"sequences":[]}
    "#);
    assert_snapshot!(table(&studio.lines(&["history 1"])), @"
    exit 0
    --- stdout
    1 just now load all WORK,NAS 5 files 25 B
    no files were recorded for this run
    ");
}

#[test]
fn unknown_run_number_is_an_error() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&["history 9"]).status(1), @"
    exit 1
    --- stderr
    -c:1:9: error: unknown run `9`
        history 9
                ^
    hint: no run exists yet: `load`, then `copy`
    ");
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&["history 9"]).status(1), @"
    exit 1
    --- stderr
    -c:1:9: error: unknown run `9`
        history 9
                ^
    hint: only run 1 exists
    ");
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&["history 9"]).status(1), @"
    exit 1
    --- stderr
    -c:1:9: error: unknown run `9`
        history 9
                ^
    hint: runs 1 to 2 exist; `history --all` lists them
    ");
}

#[test]
fn invalid_run_number_is_usage_error() {
    let studio = Studio::filled();
    for line in [
        "history x",
        "history --last 0",
        "history --last",
        "history 1 --all",
        "history --all --last 2",
    ] {
        studio.lines(&[line]).status(2);
    }
}

#[test]
fn empty_history_has_a_message() {
    let studio = Studio::bare();
    assert_snapshot!(studio.lines(&["history"]), @"
    exit 0
    --- stdout
    no runs yet; `load`, `copy` and `sync` are recorded
    ");
    assert_snapshot!(studio.json(&["history"]), @r#"
    exit 0
    --- stdout
    {"command":"history","runs":[]}
    "#);
    assert_snapshot!(run_with_format(&studio, "plain", "history"), @"exit 0");
}

#[test]
fn twenty_runs_are_shown_by_default() {
    let studio = Studio::filled();
    let loads = ["load"; 22];
    studio.lines(&loads).ok();
    let runs = |line: &str| {
        let document = studio.json(&[line]).document();
        let runs = document["runs"].as_array().unwrap().iter();
        runs.map(|run| run["run"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(runs("history"), (3..=22).rev().collect::<Vec<_>>());
    assert_eq!(runs("history --all").len(), 22);
    assert_eq!(runs("history --last 2"), [22, 21]);
    assert_eq!(runs("history --last 100").len(), 22);
    let run = studio.lines(&["history"]);
    assert!(
        run.stdout.ends_with("older runs: `history --all`\n"),
        "{run}"
    );
    let all = studio.lines(&["history --all"]);
    assert!(!all.stdout.contains("older runs"), "{all}");
}

#[test]
fn killed_run_is_interrupted() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let index = Connection::open(studio.path(INDEX)).unwrap();
    let sql = "UPDATE runs SET state = 'running', ended_at = NULL, process = ?1";
    index.execute(sql, [child.id()]).unwrap();
    let run = &studio.json(&["history"]).document()["runs"][0];
    assert_eq!(run["state"], "interrupted");
    assert!(run["ended"].is_null() && run["seconds"].is_null());
    let noted: String = index
        .query_row("SELECT state FROM runs", [], |row| row.get(0))
        .unwrap();
    assert_eq!(noted, "interrupted");
}

#[test]
fn dry_run_is_not_recorded() {
    let studio = Studio::filled();
    studio
        .lines(&["copy acme/spot footage WORK NAS --dry-run"])
        .ok();
    assert_eq!(
        studio.json(&["history"]).document()["runs"],
        serde_json::json!([])
    );
    assert!(!studio.path(STATE).exists());
}

#[test]
fn refused_and_unreachable_runs_are_recorded() {
    let studio = Studio::filled();
    studio.remove("NAS");
    studio.lines(&["copy acme/spot footage WORK NAS"]).status(1);
    studio.lines(&["copy acme/none footage WORK NAS"]).status(1);
    let document = studio.json(&["history"]).document();
    assert_eq!(document["runs"][1]["state"], "unreachable");
    assert_eq!(document["runs"][0]["state"], "refused");
    assert_snapshot!(log(&studio), @"
    run 1, unreachable: copy acme/spot footage from WORK to NAS
      NOW to NOW, N s, on HOST
      0 files, 0 B, 0 failed
      error: storage `NAS` is offline: `$STUDIO/NAS` does not exist
    run 2, refused: copy acme/none footage from WORK to NAS
      NOW to NOW, N s, on HOST
      0 files, 0 B, 0 failed
      error: `acme/none` is not in category `footage` of storage `WORK`
    ");
}

#[test]
fn failed_files_are_listed_with_others() {
    let studio = Studio::filled();
    studio.mode("WORK/footage/acme/spot/reel.mov", 0o000);
    studio
        .lines_as_user(&["copy acme/spot footage WORK NAS"])
        .status(3);
    studio.mode("WORK/footage/acme/spot/reel.mov", 0o600);
    assert_snapshot!(studio.json(&["history 1"]), @r#"
    exit 0
    --- stdout
    {"command":"history","runs":[{"run":1,"command":"copy","what":"acme/spot footage","project":"acme/spot","category":"footage","from":"WORK","to":"NAS","started":"NOW","ended":"NOW","seconds":N,"files":1,"bytes":9,"failed":1,"conflicts":0,"refused":0,"state":"partial","host":null}],"items":[{"path":"$STUDIO/NAS/footage/acme/spot/reel.mov","outcome":"failed","reason":"cannot read `$STUDIO/WORK/footage/acme/spot/reel.mov`: Permission denied (os error 13)","sequence":null},{"path":"$STUDIO/NAS/footage/acme/spot/plates/p1.exr","outcome":"copied","reason":null,"sequence":null}],"sequences":[]}
    "#);
}

/// Returns the only log, with all values that vary between runs replaced.
fn log(studio: &Studio) -> String {
    let entries = fs::read_dir(studio.path(STATE)).unwrap();
    let logs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let [path] = &logs[..] else {
        panic!("{logs:?}");
    };
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(Regex::new(r"^\d{4}-\d\d\.log$").unwrap().is_match(name));
    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(path).unwrap();
    let text = text.replace(&*studio.path("").to_string_lossy(), "$STUDIO/");
    let times = Regex::new(r"\S+Z to \S+Z, [\d.]+ s, on \S+").unwrap();
    times
        .replace_all(&text, "NOW to NOW, N s, on HOST")
        .into_owned()
}

#[test]
fn log_has_the_same_facts() {
    let studio = copied_twice();
    assert_snapshot!(log(&studio), @"
    run 1, complete: load all at WORK,NAS
      NOW to NOW, N s, on HOST
      5 files, 25 B, 0 failed
    run 2, complete: copy acme/spot footage from WORK to NAS
      NOW to NOW, N s, on HOST
      2 files, 13 B, 0 failed
    run 3, partial: copy acme/spot all from WORK to NAS
      NOW to NOW, N s, on HOST
      2 files, 14 B, 0 failed
      conflict $STUDIO/NAS/footage/acme/spot/reel.mov: it differs in size, and the destination is newer
    ");
}

#[test]
fn unwritable_log_makes_run_partial() {
    let studio = Studio::filled();
    studio.file(STATE, "a file in the place of the folder");
    let run = studio.lines(&["copy acme/spot footage WORK NAS"]);
    assert_snapshot!(run.status(3), @"
    exit 3
    --- stdout
    copied and verified 2 files, 13 B in N s
    --- stderr
    problem: cannot open the folder `$STUDIO/home/.local/state/auto-backup`: Not a directory (os error 20)
    ");
    assert_eq!(
        copy_answer(&studio, "copy acme/spot footage WORK NAS")["state"],
        "partial"
    );
}

#[test]
fn load_runs_record_their_scope() {
    let studio = Studio::filled();
    let lines = [
        "load WORK --project acme/spot",
        "load NAS --category render --category footage",
        "load --forget NAS --yes",
    ];
    studio.lines(&lines).ok();
    let document = studio.json(&["history"]).document();
    let runs = document["runs"].as_array().unwrap().iter().rev();
    let reported: Vec<_> = runs
        .map(|run| [&run["what"], &run["to"]].map(|word| word.as_str().unwrap().to_owned()))
        .collect();
    let expected = [
        ["acme/spot all", "WORK"],
        ["all render,footage", "NAS"],
        ["forget", "NAS"],
    ];
    assert_eq!(reported, expected);
}

#[test]
fn unreached_items_are_counted() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let index = Connection::open(studio.path(INDEX)).unwrap();
    let sql =
        "INSERT INTO run_items (run, place, path, outcome, reason) VALUES (1, ?1, ?2, ?3, ?4)";
    for (place, outcome, reason) in [
        (0, "failed", Some("it said\nno")),
        (1, "unreached", None),
        (2, "unreached", None),
    ] {
        let path = format!("/nas/{place}").into_bytes();
        index.execute(sql, (place, path, outcome, reason)).unwrap();
    }
    let run = studio.lines(&["history 1"]).ok();
    let lines: Vec<_> = run.stdout.lines().skip(1).collect();
    assert_eq!(
        lines,
        [r"failed /nas/0: it said\nno", "not reached: 2 items"]
    );
    let items = &studio.json(&["history 1"]).document()["items"];
    assert_eq!(items.as_array().unwrap().len(), 3);
    assert_eq!(items[0]["reason"], "it said\nno");
}

#[test]
fn refused_run_is_not_started() {
    let studio = Studio::filled();
    studio.lines(&["sync all all WORK NAS"]).ok();
    studio
        .remove("WORK/footage/acme/spot")
        .remove("WORK/footage/acme/teaser");
    studio.lines(&["sync all all WORK NAS --delete"]).status(1);
    let shown = studio.lines(&["history --last 1"]).ok().stdout;
    assert!(shown.contains("0 files 0 B  not started"), "{shown}");
    let runs = studio.json(&["history --last 1"]).document();
    assert_eq!(runs["runs"][0]["state"], "refused");
}
