//! Messages as JSON on standard error with `--format json`.

use serde_json::{Value, json};

use crate::studio::{ProgramRun, Studio};

/// Returns the documents of standard error; each line must be one.
fn documents(run: &ProgramRun) -> Vec<Value> {
    let lines = run.stderr.lines();
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {run}"));
    lines.map(parse).collect()
}

#[test]
fn error_has_place_hint_and_suggestions() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio.file("n.ab", "load\n\ncopy acme/spot footage WROK NAS\n");
    let run = studio.run(["--format", "json", "n.ab"]).status(1);
    assert_eq!(
        documents(&run),
        [json!({
            "level": "error",
            "message": "unknown storage `WROK`",
            "kind": "unknown_name",
            "file": "n.ab",
            "line": 3,
            "column": 24,
            "hint": "did you mean `WORK`?",
            "suggestions": ["WORK"],
            "status": 1,
        })]
    );
}

#[test]
fn every_message_is_a_document() {
    let studio = Studio::filled();
    studio.remove("NAS");
    for (arguments, level, kind) in [
        (&["-c", "load"][..], "problem", "offline"),
        (&["-c", "lod"], "error", "syntax"),
        (&["-c", "find 'x"], "error", "syntax"),
        (&["-c", "echo $NOPE"], "error", "unset_variable"),
        (&["list", "clinets"], "error", "syntax"),
        (&["lsit"], "error", "syntax"),
        (&["--nope"], "error", "syntax"),
        (&["no-such-file.ab"], "error", "unread_script"),
        (&["--keep-going", "-c", "lod\nlod"], "error", "syntax"),
        (&["--check", "-c", "lod"], "error", "syntax"),
        (&["--dry-run", "-c", "fetch all --live"], "notice", ""),
        (&["-c", "source no.ab"], "error", "unread_script"),
    ] {
        let run = studio.run(["--format", "json"].iter().chain(arguments));
        let found = documents(&run);
        let first = found
            .first()
            .unwrap_or_else(|| panic!("{arguments:?}: {run}"));
        assert_eq!(first["level"], level, "{run}");
        assert_eq!(first["kind"].as_str().unwrap_or_default(), kind, "{run}");
        if level == "error" {
            assert_eq!(first["status"], run.status, "{run}");
        }
    }
}

#[test]
fn odd_names_stay_one_line() {
    let studio = Studio::filled();
    let name = "a\u{1b}[2J\"\n\u{202e}";
    let run = studio.run(["--format", "json", "fetch", "project", name]);
    let found = documents(&run);
    assert_eq!(found.len(), 1, "{run}");
    assert!(!run.stderr.contains(['\u{1b}', '\u{202e}']), "{run}");
}

#[test]
fn set_format_in_script_changes_messages() {
    let studio = Studio::filled();
    let run = studio.lines(&["set format json", "lod"]).status(2);
    assert_eq!(documents(&run)[0]["kind"], "syntax");
}
