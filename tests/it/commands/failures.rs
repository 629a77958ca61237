//! `failures`.

use std::os::unix::ffi::OsStrExt as _;

use insta::assert_snapshot;
use rusqlite::{Connection, params};

use super::{exact_stdout, hours_ago, run_with_format};
use crate::studio::Studio;

/// Default path of the index.
const INDEX: &str = "home/.local/share/auto-backup/index.sqlite";

/// A studio with these failures in its index: source, destination, path, error and attempts.
fn studio_with_failures(failures: &[(&str, &str, &[u8], &str, i64)]) -> Studio {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let index = Connection::open(studio.path(INDEX)).unwrap();
    let sql =
        "INSERT INTO failures (destination, source, path, error, attempts, first_at, last_at, run)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 7)";
    for (from, to, path, error, attempts) in failures {
        let [from, to] = [from, to].map(|name| studio.path(name));
        let parameters = params![
            to.as_os_str().as_bytes(),
            from.as_os_str().as_bytes(),
            path,
            error,
            attempts,
            hours_ago(30).cast_signed(),
            hours_ago(2).cast_signed()
        ];
        index.execute(sql, parameters).unwrap();
    }
    studio
}

/// A studio with failures of two projects to three databases. One project is in a category below another folder, and
/// one database is unknown.
fn studio_with_four_failures() -> Studio {
    studio_with_failures(&[
        ("WORK", "NAS", b"footage/acme/spot/reel.mov", "no room", 2),
        (
            "WORK",
            "NAS",
            b"scratch/render/acme/teaser/f.exr",
            "it is gone",
            1,
        ),
        (
            "NAS",
            "WORK",
            b"footage/Bob's/long film/x.mov",
            "it is gone",
            1,
        ),
        (
            "WORK",
            "OLD",
            b"footage/acme/spot/reel.mov",
            "it is gone",
            12,
        ),
    ])
}

#[test]
fn table_lists_each_failure() {
    assert_snapshot!(studio_with_four_failures().lines(&["failures"]), @"
    exit 0
    --- stdout
    failed footage/acme/spot/reel.mov  WORK -> NAS  2 attempts, last 2 h ago: no room
    failed scratch/render/acme/teaser/f.exr  WORK -> NAS  1 attempt, last 2 h ago: it is gone
    failed footage/acme/spot/reel.mov  WORK -> $STUDIO/OLD  12 attempts, last 2 h ago: it is gone
    failed footage/Bob's/long film/x.mov  NAS -> WORK  1 attempt, last 2 h ago: it is gone
    ");
}

#[test]
fn json_is_one_document() {
    assert_snapshot!(studio_with_four_failures().json(&["failures"]), @r#"
    exit 0
    --- stdout
    {"command":"failures","failures":[{"path":"footage/acme/spot/reel.mov","from":"WORK","to":"NAS","error":"no room","attempts":2,"first":"NOW","last":"NOW","run":7,"permanent":false,"host":null},{"path":"scratch/render/acme/teaser/f.exr","from":"WORK","to":"NAS","error":"it is gone","attempts":1,"first":"NOW","last":"NOW","run":7,"permanent":false,"host":null},{"path":"footage/acme/spot/reel.mov","from":"WORK","to":"$STUDIO/OLD","error":"it is gone","attempts":12,"first":"NOW","last":"NOW","run":7,"permanent":false,"host":null},{"path":"footage/Bob's/long film/x.mov","from":"NAS","to":"WORK","error":"it is gone","attempts":1,"first":"NOW","last":"NOW","run":7,"permanent":false,"host":null}]}
    "#);
}

#[test]
fn plain_and_csv_have_one_line_each() {
    let studio = studio_with_four_failures();
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "csv", "failures")), @r"
    path,from,to,attempts,first,last,error,run,permanent,host\n
    footage/acme/spot/reel.mov,WORK,NAS,2,NOW,NOW,no room,7,false,\n
    scratch/render/acme/teaser/f.exr,WORK,NAS,1,NOW,NOW,it is gone,7,false,\n
    footage/acme/spot/reel.mov,WORK,$STUDIO/OLD,12,NOW,NOW,it is gone,7,false,\n
    footage/Bob\'s/long film/x.mov,NAS,WORK,1,NOW,NOW,it is gone,7,false,\n
    ");
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "plain", "failures")), @r"
    footage/acme/spot/reel.mov\tWORK\tNAS\t2\tNOW\tNOW\tno room\t7\tfalse\t\n
    scratch/render/acme/teaser/f.exr\tWORK\tNAS\t1\tNOW\tNOW\tit is gone\t7\tfalse\t\n
    footage/acme/spot/reel.mov\tWORK\t$STUDIO/OLD\t12\tNOW\tNOW\tit is gone\t7\tfalse\t\n
    footage/Bob\'s/long film/x.mov\tNAS\tWORK\t1\tNOW\tNOW\tit is gone\t7\tfalse\t\n
    ");
}

#[test]
fn failed_projects_are_last_projects() {
    let studio = studio_with_four_failures();
    let run = studio.lines(&["failures --to WORK", "fetch _"]).ok();
    assert!(run.stdout.contains("Bob's/long film  1 file"), "{run}");
    let run = studio.lines(&["failures acme", "list projects", "failures", "fetch _"]);
    assert!(run.ok().stdout.contains("3 projects"));
    let run = studio.lines(&["failures --permanent", "fetch _"]).status(1);
    assert!(
        run.stderr.contains("the last answer has no projects"),
        "{run}"
    );
}

#[test]
fn scope_and_destination_filter_failures() {
    let studio = studio_with_four_failures();
    let paths = |line: &str| {
        let document = studio.json(&[line]).document();
        let failures = document["failures"].as_array().unwrap().iter();
        let path = |failure: &serde_json::Value| failure["path"].as_str().unwrap().to_owned();
        failures.map(path).collect::<Vec<_>>()
    };
    let [reel, frame, film] = [
        "footage/acme/spot/reel.mov",
        "scratch/render/acme/teaser/f.exr",
        "footage/Bob's/long film/x.mov",
    ];
    assert_eq!(paths("failures all"), [reel, frame, reel, film]);
    assert_eq!(paths("failures acme/spot"), [reel, reel]);
    assert_eq!(paths("failures acme"), [reel, frame, reel]);
    assert_eq!(paths("failures acme --to NAS"), [reel, frame]);
    assert_eq!(paths("failures --to WORK"), [film]);
    assert_eq!(paths("failures acme/teaser --to WORK"), [""; 0]);
}

#[test]
fn empty_list_has_a_message() {
    let studio = studio_with_failures(&[]);
    assert_snapshot!(studio.lines(&["failures", "failures acme/spot --to NAS"]), @"
    exit 0
    --- stdout
    no failures: no file waits for a retry
    no failures: no file waits for a retry
    ");
    assert_snapshot!(studio.json(&["failures"]), @r#"
    exit 0
    --- stdout
    {"command":"failures","failures":[]}
    "#);
    assert_snapshot!(run_with_format(&studio, "plain", "failures"), @"exit 0");
}

#[test]
fn unknown_names_suggest_nearest() {
    let studio = studio_with_failures(&[]);
    assert_snapshot!(studio.lines(&["failures amce"]).status(1), @"
    exit 1
    --- stderr
    -c:1:10: error: unknown client `amce`
        failures amce
                 ^^^^
    hint: did you mean `acme`?
    ");
    assert_snapshot!(studio.lines(&["failures --to NSA"]).status(1), @"
    exit 1
    --- stderr
    -c:1:15: error: unknown storage `NSA`
        failures --to NSA
                      ^^^
    hint: did you mean `NAS`?
    ");
    studio.lines(&["failures acme/spot/x"]).status(2);
}

#[test]
fn odd_names_are_written_exactly() {
    let path = b"footage/acme/spot/caf\xe9\n\x1b";
    let studio = studio_with_failures(&[("WORK", "NAS", path, "no\nroom", 1)]);
    assert_snapshot!(studio.json(&["failures"]), @r#"
    exit 0
    --- stdout
    {"command":"failures","failures":[{"path":{"bytes_base64":"Zm9vdGFnZS9hY21lL3Nwb3QvY2Fm6Qob"},"from":"WORK","to":"NAS","error":"no\nroom","attempts":1,"first":"NOW","last":"NOW","run":7,"permanent":false,"host":null}]}
    "#);
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "plain", "failures")), @r"
    footage/acme/spot/caf\xe9\\n
    \x1b\tWORK\tNAS\t1\tNOW\tNOW\tno\\n
    room\t7\tfalse\t\n
    ");
}
