//! `fetch`.

use insta::assert_snapshot;

use super::{exact_stdout, run_with_format, studio_with_odd_names};
use crate::studio::Studio;

#[test]
fn each_replica_shows_its_state() {
    let studio = Studio::filled();
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS"])
        .ok();
    assert_snapshot!(studio.lines(&["fetch project acme/spot"]), @"
    exit 0
    --- stdout
    acme/spot  3 files, 18 B
    ┌──────────┬──────────────────────┬──────────────────────┐
    │ category ┆ WORK                 ┆ NAS                  │
    ╞══════════╪══════════════════════╪══════════════════════╡
    │ footage  ┆ whole, 2 files, 13 B ┆ whole, 2 files, 13 B │
    │ render   ┆ whole, 1 file, 5 B   ┆ missing              │
    └──────────┴──────────────────────┴──────────────────────┘
    policy: footage 1 of 2 copies, on WORK, NAS (one medium)
        add database NAME FOLDER
    policy: render 1 of 2 copies, on WORK; NAS shares its medium; `--medium` of `add database` states media
        add database NAME FOLDER
    scanned: WORK, NAS just now
    ");
}

/// A studio in which the replicas of `acme/spot` have all six states.
fn six_states() -> Studio {
    let studio = Studio::filled();
    studio.folder("ARCHIVE").folder("CLOUD").folder("TAPE");
    let lines = "add database ARCHIVE ../../../ARCHIVE\nadd database CLOUD ../../../CLOUD\n\
                 add database TAPE ../../../TAPE\n";
    let path = "home/.config/auto-backup/.config";
    studio.file(path, studio.read(path) + lines);
    studio
        .lines(&[
            "load WORK NAS ARCHIVE CLOUD",
            "copy acme/spot footage WORK NAS,ARCHIVE,CLOUD",
        ])
        .ok();
    studio
        .remove("NAS/footage/acme/spot/plates")
        .file("ARCHIVE/footage/acme/spot/reel.mov", "other");
    studio.lines(&["load NAS ARCHIVE"]).ok();
    studio.remove("CLOUD");
    studio.lines(&["load CLOUD"]).status(3);
    studio
}

#[test]
fn all_six_states_are_shown() {
    assert_snapshot!(six_states().lines(&["fetch project acme/spot"]), @"
    exit 0
    --- stdout
    acme/spot  3 files, 19 B
    ┌──────────┬─────────────────────────┬────────────────────────────────┬─────────────────────────┬──────────────────────────────────┬─────────────┐
    │ category ┆ WORK                    ┆ NAS                            ┆ ARCHIVE                 ┆ CLOUD                            ┆ TAPE        │
    ╞══════════╪═════════════════════════╪════════════════════════════════╪═════════════════════════╪══════════════════════════════════╪═════════════╡
    │ footage  ┆ 1 differ, 2 files, 13 B ┆ lacks 1, 1 differ, 1 file, 4 B ┆ 1 differ, 2 files, 14 B ┆ offline, 1 differ, 2 files, 13 B ┆ not scanned │
    │ render   ┆ whole, 1 file, 5 B      ┆ missing                        ┆ missing                 ┆ offline, was missing             ┆ not scanned │
    └──────────┴─────────────────────────┴────────────────────────────────┴─────────────────────────┴──────────────────────────────────┴─────────────┘
    policy: footage no whole copy of 2
    policy: render 1 of 2 copies known, on WORK; a storage was never scanned
        load TAPE
    scanned: WORK, NAS, ARCHIVE just now; CLOUD just now (offline); TAPE never
    ");
    assert_snapshot!(six_states().json(&["fetch project acme/spot"]), @r#"
    exit 0
    --- stdout
    {"command":"fetch","projects":[{"project":"acme/spot","replicas":[{"category":"footage","database":"WORK","path":"$STUDIO/WORK/footage/acme/spot","state":"incomplete","lacks":0,"older":0,"differs":1,"unreadable":0,"damaged":0,"files":2,"bytes":13,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"category":"footage","database":"NAS","path":"$STUDIO/NAS/footage/acme/spot","state":"incomplete","lacks":1,"older":0,"differs":1,"unreadable":0,"damaged":0,"files":1,"bytes":4,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"category":"footage","database":"ARCHIVE","path":"$STUDIO/ARCHIVE/footage/acme/spot","state":"incomplete","lacks":0,"older":0,"differs":1,"unreadable":0,"damaged":0,"files":2,"bytes":14,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"category":"footage","database":"CLOUD","path":"$STUDIO/CLOUD/footage/acme/spot","state":"offline","lacks":0,"older":0,"differs":1,"unreadable":0,"damaged":0,"files":2,"bytes":13,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"category":"footage","database":"TAPE","path":"$STUDIO/TAPE/footage/acme/spot","state":"unknown","lacks":null,"older":null,"differs":null,"unreadable":null,"damaged":null,"files":null,"bytes":null,"newest":null,"indexed_at":null},{"category":"render","database":"WORK","path":"$STUDIO/WORK/scratch/render/acme/spot","state":"whole","lacks":0,"older":0,"differs":0,"unreadable":0,"damaged":0,"files":1,"bytes":5,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"category":"render","database":"NAS","path":"$STUDIO/NAS/scratch/render/acme/spot","state":"missing","lacks":1,"older":0,"differs":0,"unreadable":0,"damaged":0,"files":null,"bytes":null,"newest":null,"":"NOW"},{"category":"render","database":"ARCHIVE","path":"$STUDIO/ARCHIVE/scratch/render/acme/spot","state":"missing","lacks":1,"older":0,"differs":0,"unreadable":0,"damaged":0,"files":null,"bytes":null,"newest":null,"":"NOW"},{"category":"render","database":"CLOUD","path":"$STUDIO/CLOUD/scratch/render/acme/spot","state":"offline","lacks":1,"older":0,"differs":0,"unreadable":0,"damaged":0,"files":null,"bytes":null,"newest":null,"":"NOW"},{"category":"render","database":"TAPE","path":"$STUDIO/TAPE/scratch/render/acme/spot","state":"unknown","lacks":null,"older":null,"differs":null,"unreadable":null,"damaged":null,"files":null,"bytes":null,"newest":null,"indexed_at":null}]}],"policy":[{"project":"acme/spot","category":"footage","ok":false,"why":"no_copy","mend":[]},{"project":"acme/spot","category":"render","ok":false,"why":"unknown","mend":["load TAPE"]}]}
    "#);
}

#[test]
fn plain_and_csv_have_one_line_each() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "plain", "fetch client acme")), @r"
    acme/spot\tfootage\tWORK\t$STUDIO/WORK/footage/acme/spot\twhole\t0\t0\t0\t0\t2\t13\t2026-01-02T03:04:05Z\tNOW\t0\n
    acme/spot\tfootage\tNAS\t$STUDIO/NAS/footage/acme/spot\tmissing\t2\t0\t0\t0\t\t\t\tNOW\t0\n
    acme/spot\trender\tWORK\t$STUDIO/WORK/scratch/render/acme/spot\twhole\t0\t0\t0\t0\t1\t5\t2026-01-02T03:04:05Z\tNOW\t0\n
    acme/spot\trender\tNAS\t$STUDIO/NAS/scratch/render/acme/spot\tmissing\t1\t0\t0\t0\t\t\t\tNOW\t0\n
    acme/teaser\tfootage\tWORK\t$STUDIO/WORK/footage/acme/teaser\twhole\t0\t0\t0\t0\t1\t6\t2026-01-02T03:04:05Z\tNOW\t0\n
    acme/teaser\tfootage\tNAS\t$STUDIO/NAS/footage/acme/teaser\tmissing\t1\t0\t0\t0\t\t\t\tNOW\t0\n
    ");
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "csv", "fetch project acme/teaser")), @r"
    project,category,database,path,state,lacks,older,differs,unreadable,files,bytes,newest,indexed_at,damaged\n
    acme/teaser,footage,WORK,$STUDIO/WORK/footage/acme/teaser,whole,0,0,0,0,1,6,2026-01-02T03:04:05Z,NOW,0\n
    acme/teaser,footage,NAS,$STUDIO/NAS/footage/acme/teaser,missing,1,0,0,0,,,,NOW,0\n
    ");
}

#[test]
fn each_project_has_its_own_table() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&["fetch all"]), @"
    exit 0
    --- stdout
    project          size  WORK                  NAS
    Bob's/long film  1 B   whole, 1 file, 1 B
    acme/spot        18 B  whole, 3 files, 18 B
    acme/teaser      6 B   whole, 1 file, 6 B
    3 projects, 5 files, 25 B
    scanned: WORK, NAS just now
    ");
    assert_snapshot!(studio.json(&[r#"fetch client "Bob's""#]), @r#"
    exit 0
    --- stdout
    {"command":"fetch","projects":[{"project":"Bob's/long film","replicas":[{"category":"footage","database":"WORK","path":"$STUDIO/WORK/footage/Bob's/long film","state":"whole","lacks":0,"older":0,"differs":0,"unreadable":0,"damaged":0,"files":1,"bytes":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"category":"footage","database":"NAS","path":"$STUDIO/NAS/footage/Bob's/long film","state":"missing","lacks":1,"older":0,"differs":0,"unreadable":0,"damaged":0,"files":null,"bytes":null,"newest":null,"":"NOW"},{"category":"render","database":"WORK","path":"$STUDIO/WORK/scratch/render/Bob's/long film","state":"missing","lacks":0,"older":0,"differs":0,"unreadable":0,"damaged":0,"files":null,"bytes":null,"newest":null,"":"NOW"},{"category":"render","database":"NAS","path":"$STUDIO/NAS/scratch/render/Bob's/long film","state":"missing","lacks":0,"older":0,"differs":0,"unreadable":0,"damaged":0,"files":null,"bytes":null,"newest":null,"":"NOW"}]}],"policy":[{"project":"Bob's/long film","category":"footage","ok":false,"why":"one_copy","mend":["add database NAME FOLDER"]}]}
    "#);
}

#[test]
fn empty_index_suggests_first_steps() {
    assert_snapshot!(Studio::new().lines(&["fetch all"]), @"
    exit 0
    --- stdout
    no projects; `load` scans for them, `list databases` shows where
    ");
    assert_snapshot!(Studio::new().json(&["fetch all"]), @r#"
    exit 0
    --- stdout
    {"command":"fetch","projects":[],"policy":[]}
    "#);
}

#[test]
fn unknown_names_suggest_nearest() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&["fetch client amce"]).status(1), @"
    exit 1
    --- stderr
    -c:1:14: error: unknown client `amce`
        fetch client amce
                     ^^^^
    hint: did you mean `acme`?
    ");
    assert_snapshot!(studio.lines(&["fetch project acme/spto"]).status(1), @"
    exit 1
    --- stderr
    -c:1:15: error: unknown project `acme/spto`
        fetch project acme/spto
                      ^^^^^^^^^
    hint: did you mean `acme/spot`?
    ");
    assert_snapshot!(studio.lines(&["fetch project bobs/long"]).status(1), @r#"
    exit 1
    --- stderr
    -c:1:15: error: unknown project `bobs/long`
        fetch project bobs/long
                      ^^^^^^^^^
    hint: did you mean `"Bob's/long film"`?
    "#);
    assert_snapshot!(studio.lines(&["fetch project acme"]).status(2), @"
    exit 2
    --- stderr
    -c:1:15: error: `acme` cannot be a project: a project is written CLIENT/PROJECT
        fetch project acme
                      ^^^^
    hint: `fetch acme` lists all of its projects; did you mean `acme/spot` or `acme/teaser`?
    ");
    assert_snapshot!(studio.lines(&["fetch client acme/spot"]).status(2), @"
    exit 2
    --- stderr
    -c:1:14: error: `acme/spot` cannot be a client: a client is one folder, without `/`
        fetch client acme/spot
                     ^^^^^^^^^
    hint: write it as in `fetch client acme`
    ");
    assert_snapshot!(studio.lines(&["fetch"]).status(2), @"
    exit 2
    --- stderr
    -c:1:6: error: missing: PROJECT
        fetch
             ^
    hint: write it as: fetch [OPTIONS] PROJECT
    ");
}

#[test]
fn odd_names_are_written_exactly() {
    let studio = studio_with_odd_names();
    let line = r"fetch client back\slash";
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "plain", line)), @r"
    back\\\\slash/caf\xe9\tfootage\tWORK\t$STUDIO/WORK/footage/back\\\\slash/caf\xe9\twhole\t0\t0\t0\t0\t1\t3\t2026-01-02T03:04:05Z\tNOW\t0\n
    back\\\\slash/caf\xe9\tfootage\tNAS\t$STUDIO/NAS/footage/back\\\\slash/caf\xe9\tmissing\t1\t0\t0\t0\t\t\t\tNOW\t0\n
    ");
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "csv", "fetch client 'a,b \"c\"'")), @r#"
    project,category,database,path,state,lacks,older,differs,unreadable,files,bytes,newest,indexed_at,damaged\n
    \"a,b \"\"c\"\"/tab\there\",footage,WORK,\"$STUDIO/WORK/footage/a,b \"\"c\"\"/tab\there\",whole,0,0,0,0,1,5,2026-01-02T03:04:05Z,NOW,0\n
    \"a,b \"\"c\"\"/tab\there\",footage,NAS,\"$STUDIO/NAS/footage/a,b \"\"c\"\"/tab\there\",missing,1,0,0,0,,,,NOW,0\n
    "#);
    let document = studio.json(&[line]).ok().document();
    let project = &document["projects"][0];
    assert_eq!(
        project["project"],
        serde_json::json!({"bytes_base64": "YmFja1xzbGFzaC9jYWbp"})
    );
    assert!(
        project["replicas"][0]["path"]["bytes_base64"].is_string(),
        "{project}"
    );
}

#[test]
fn folder_name_suggests_its_projects() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let lines = [
        "fetch project acme",
        "fetch project spot",
        "fetch project nobody",
        "explore acme footage WORK",
        "explore spto footage WORK",
    ];
    let complaints = lines.map(|line| studio.lines(&[line]).status(2).stderr);
    assert_snapshot!(complaints.concat(), @"
    -c:1:15: error: `acme` cannot be a project: a project is written CLIENT/PROJECT
        fetch project acme
                      ^^^^
    hint: `fetch acme` lists all of its projects; did you mean `acme/spot` or `acme/teaser`?
    -c:1:15: error: `spot` cannot be a project: a project is written CLIENT/PROJECT
        fetch project spot
                      ^^^^
    hint: did you mean `acme/spot`?
    -c:1:15: error: `nobody` cannot be a project: a project is written CLIENT/PROJECT
        fetch project nobody
                      ^^^^^^
    -c:1:9: error: `acme` cannot be a project: a project is written CLIENT/PROJECT
        explore acme footage WORK
                ^^^^
    hint: did you mean `acme/spot` or `acme/teaser`?
    -c:1:9: error: `spto` cannot be a project: a project is written CLIENT/PROJECT
        explore spto footage WORK
                ^^^^
    hint: did you mean `acme/spot`?
    ");
    assert_snapshot!(Studio::new().lines(&["fetch project acme"]), @"
    exit 2
    --- stderr
    -c:1:15: error: `acme` cannot be a project: a project is written CLIENT/PROJECT
        fetch project acme
                      ^^^^
    hint: `fetch acme` lists all of its projects
    ");
}

#[test]
fn changed_times_change_the_states() {
    let studio = Studio::new();
    let older = |on_nas: u64| {
        studio
            .file_at("WORK/footage/acme/spot/a.mov", "film", super::hours_ago(5))
            .file_at(
                "NAS/footage/acme/spot/a.mov",
                "film",
                super::hours_ago(on_nas),
            );
        studio.lines(&["load"]).ok();
        let document = studio.json(&["fetch acme/spot"]).ok().document();
        let replicas = &document["projects"][0]["replicas"];
        [0, 1].map(|place| replicas[place]["older"].as_u64().unwrap())
    };
    assert_eq!(older(3), [1, 0]);
    assert_eq!(older(9), [0, 1]);
    assert_eq!(older(5), [0, 0]);
}
