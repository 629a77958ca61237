//! `list`.

use std::fs;

use insta::assert_snapshot;

use super::{exact_stdout, run_with_format, studio_with_odd_names};
use crate::studio::Studio;

fn loaded() -> Studio {
    let studio = Studio::filled();
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS"])
        .ok();
    studio
}

const FORMS: [&str; 6] = [
    "list clients",
    "list projects",
    "list projects in acme",
    "list projects in acme in NAS",
    "list databases",
    "list categories",
];

#[test]
fn every_form_has_a_table() {
    assert_snapshot!(loaded().lines(&FORMS), @"
    exit 0
    --- stdout
    client  size  files  projects  copies  newest        scanned   on
    Bob's    1 B      1         1       1  NNN days ago  just now  WORK
    acme    24 B      4         2       1  NNN days ago  just now  WORK, NAS
    2 clients, 5 files, 25 B
    project          size  files  copies  newest        scanned   on
    Bob's/long film   1 B      1       1  NNN days ago  just now  WORK
    acme/spot        18 B      3       1  NNN days ago  just now  WORK, NAS
    acme/teaser       6 B      1       1  NNN days ago  just now  WORK
    3 projects, 5 files, 25 B
    project      size  files  copies  newest        scanned   on
    acme/spot    18 B      3       1  NNN days ago  just now  WORK, NAS
    acme/teaser   6 B      1       1  NNN days ago  just now  WORK
    2 projects, 4 files, 24 B
    project    size  files  copies  newest        scanned   on
    acme/spot  13 B      2       2  NNN days ago  just now  WORK, NAS
    1 project, 2 files, 13 B
    storage  root                     state   size  files  projects     free   total  newest        scanned   medium
    WORK     $STUDIO/WORK  online  25 B      5         3  FREE  TOTAL  NNN days ago  just now  MEDIUM
    NAS      $STUDIO/NAS   online  13 B      2         1  FREE  TOTAL  NNN days ago  just now  MEDIUM
    2 storages, 5 files, 25 B
    category  path            size  files  projects  copies  newest        scanned
    footage   footage         20 B      4         3       1  NNN days ago  just now
    render    scratch/render   5 B      1         1       1  NNN days ago  just now
    2 categories, 5 files, 25 B
    ");
}

#[test]
fn every_form_has_json() {
    assert_snapshot!(loaded().json(&FORMS), @r#"
    exit 0
    --- stdout
    {"command":"list","clients":[{"name":"Bob's","databases":["WORK"],"projects":1,"files":1,"bytes":1,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"name":"acme","databases":["WORK","NAS"],"projects":2,"files":4,"bytes":24,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}],"found":2,"total":{"projects":3,"files":5,"bytes":25,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}}
    {"command":"list","projects":[{"project":"Bob's/long film","databases":["WORK"],"files":1,"bytes":1,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"project":"acme/spot","databases":["WORK","NAS"],"files":3,"bytes":18,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"project":"acme/teaser","databases":["WORK"],"files":1,"bytes":6,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}],"found":3,"total":{"projects":3,"files":5,"bytes":25,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}}
    {"command":"list","projects":[{"project":"acme/spot","databases":["WORK","NAS"],"files":3,"bytes":18,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"project":"acme/teaser","databases":["WORK"],"files":1,"bytes":6,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}],"found":2,"total":{"projects":2,"files":4,"bytes":24,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}}
    {"command":"list","projects":[{"project":"acme/spot","databases":["WORK","NAS"],"files":2,"bytes":13,"copies":2,"newest":"2026-01-02T03:04:05Z","":"NOW"}],"found":1,"total":{"projects":1,"files":2,"bytes":13,"copies":2,"newest":"2026-01-02T03:04:05Z","":"NOW"}}
    {"command":"list","databases":[{"name":"WORK","root":"$STUDIO/WORK","online":true,"shelf":false,"offsite":false,"medium":null,"media":["MEDIUM"],"free":N,"total":N,"projects":3,"files":5,"bytes":25,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"name":"NAS","root":"$STUDIO/NAS","online":true,"shelf":false,"offsite":false,"medium":null,"media":["MEDIUM"],"free":N,"total":N,"projects":1,"files":2,"bytes":13,"newest":"2026-01-02T03:04:05Z","":"NOW"}],"found":2,"total":{"projects":3,"files":5,"bytes":25,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}}
    {"command":"list","categories":[{"name":"footage","path":"footage","mhl":null,"projects":3,"files":4,"bytes":20,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"name":"render","path":"scratch/render","mhl":null,"projects":1,"files":1,"bytes":5,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}],"found":2,"total":{"projects":3,"files":5,"bytes":25,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}}
    "#);
}

#[test]
fn plain_and_csv_have_one_line_each() {
    let studio = loaded();
    assert_snapshot!(run_with_format(&studio, "plain", "list databases"), @"
    exit 0
    --- stdout
    WORK	$STUDIO/WORK	online	25	5	3	FREE	TOTAL	2026-01-02T03:04:05Z	NOW	MEDIUM	
    NAS	$STUDIO/NAS	online	13	2	1	FREE	TOTAL	2026-01-02T03:04:05Z	NOW	MEDIUM
    ");
    assert_snapshot!(run_with_format(&studio, "csv", "list databases"), @"
    exit 0
    --- stdout
    database,root,state,bytes,files,projects,free,total,newest,scanned_at,medium,offsite
    WORK,$STUDIO/WORK,online,25,5,3,FREE,TOTAL,2026-01-02T03:04:05Z,NOW,MEDIUM,
    NAS,$STUDIO/NAS,online,13,2,1,FREE,TOTAL,2026-01-02T03:04:05Z,NOW,MEDIUM,
    ");
    assert_snapshot!(run_with_format(&studio, "plain", "list clients"), @"
    exit 0
    --- stdout
    Bob's	1	1	1	1	2026-01-02T03:04:05Z	NOW	WORK
    acme	24	4	2	1	2026-01-02T03:04:05Z	NOW	WORK, NAS
    ");
    assert_snapshot!(run_with_format(&studio, "csv", "list categories"), @"
    exit 0
    --- stdout
    category,path,bytes,files,projects,copies,newest,scanned_at,mhl
    footage,footage,20,4,3,1,2026-01-02T03:04:05Z,NOW,
    render,scratch/render,5,1,1,1,2026-01-02T03:04:05Z,NOW,
    ");
}

#[test]
fn empty_registry_suggests_first_steps() {
    let studio = Studio::bare();
    assert_snapshot!(studio.lines(&FORMS[..2]), @"
    exit 0
    --- stdout
    no storages yet: `add database NAME ROOT`; no start-up file found at `./.config` or `$STUDIO/home/.config/auto-backup/.config`; name one with `--config FILE`
    no storages yet: `add database NAME ROOT`; no start-up file found at `./.config` or `$STUDIO/home/.config/auto-backup/.config`; name one with `--config FILE`
    ");
    assert_snapshot!(studio.lines(&FORMS[4..]), @"
    exit 0
    --- stdout
    no storages yet: `add database NAME ROOT`; no start-up file found at `./.config` or `$STUDIO/home/.config/auto-backup/.config`; name one with `--config FILE`
    no categories; `add category NAME PATH` tracks one
    ");
    assert_snapshot!(studio.json(&["list clients", "list projects", "list databases", "list categories"]), @r#"
    exit 0
    --- stdout
    {"command":"list","clients":[],"found":0,"total":{"projects":0,"files":0,"bytes":0,"copies":null,"newest":null,"scanned_at":null}}
    {"command":"list","projects":[],"found":0,"total":{"projects":0,"files":0,"bytes":0,"copies":null,"newest":null,"scanned_at":null}}
    {"command":"list","databases":[],"found":0,"total":{"projects":0,"files":0,"bytes":0,"copies":null,"newest":null,"scanned_at":null}}
    {"command":"list","categories":[],"found":0,"total":{"projects":0,"files":0,"bytes":0,"copies":null,"newest":null,"scanned_at":null}}
    "#);
    assert_snapshot!(run_with_format(&studio, "plain", "list clients"), @"exit 0");
}

#[test]
fn offline_database_is_still_listed() {
    let studio = loaded();
    fs::rename(studio.path("WORK"), studio.path("unplugged")).unwrap();
    assert_snapshot!(studio.lines(&["list projects in acme in WORK", "list databases"]), @"
    exit 0
    --- stdout
    project      size  files  copies  newest        scanned   on
    acme/spot    18 B      3       1  NNN days ago  just now  WORK, NAS
    acme/teaser   6 B      1       1  NNN days ago  just now  WORK
    2 projects, 4 files, 24 B
    storage  root                     state    size  files  projects     free   total  newest        scanned   medium
    WORK     $STUDIO/WORK  offline  25 B      5         3  FREE  TOTAL  NNN days ago  just now  MEDIUM
    NAS      $STUDIO/NAS   online   13 B      2         1  FREE  TOTAL  NNN days ago  just now  MEDIUM
    2 storages, 5 files, 25 B
    ");
}

#[test]
fn absent_client_lists_no_projects() {
    assert_snapshot!(loaded().lines(&[r#"list projects in "Bob's" in NAS"#]), @"
    exit 0
    --- stdout
    no projects match
    ");
}

#[test]
fn unknown_names_suggest_nearest() {
    let studio = loaded();
    assert_snapshot!(studio.lines(&["list projects in amce"]).status(1), @"
    exit 1
    --- stderr
    -c:1:18: error: unknown client, category or storage `amce`
        list projects in amce
                         ^^^^
    hint: did you mean `acme`?
    ");
    assert_snapshot!(studio.lines(&["list projects in acme in NSA"]).status(1), @"
    exit 1
    --- stderr
    -c:1:26: error: unknown client, category or storage `NSA`
        list projects in acme in NSA
                                 ^^^
    hint: did you mean `NAS`?
    ");
    assert_snapshot!(studio.lines(&["list projects in acme/spot"]).status(2), @"
    exit 2
    --- stderr
    -c:1:18: error: `acme/spot` cannot be a client: a client is one folder, without `/`
        list projects in acme/spot
                         ^^^^^^^^^
    hint: write it as in `fetch client acme`
    ");
    assert_snapshot!(studio.lines(&["list projekts"]).status(2), @"
    exit 2
    --- stderr
    -c:1:6: error: unknown command `projekts`
        list projekts
             ^^^^^^^^
    hint: did you mean `projects`?
    ");
    assert_snapshot!(studio.lines(&["list projects acme"]).status(2), @"
    exit 2
    --- stderr
    -c:1:15: error: unexpected argument `acme`
        list projects acme
                      ^^^^
    hint: write `list projects in acme`
    ");
}

#[test]
fn odd_names_are_written_exactly() {
    let studio = studio_with_odd_names();
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "plain", "list projects")), @r#"
    a,b \"c\"/tab\\there\t5\t1\t1\t2026-01-02T03:04:05Z\tNOW\tWORK\n
    back\\\\slash/caf\xe9\t3\t1\t1\t2026-01-02T03:04:05Z\tNOW\tWORK\n
    "#);
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "csv", "list projects")), @r#"
    project,bytes,files,copies,newest,scanned_at,databases\n
    \"a,b \"\"c\"\"/tab\there\",5,1,1,2026-01-02T03:04:05Z,NOW,WORK\n
    back\\slash/caf\xe9,3,1,1,2026-01-02T03:04:05Z,NOW,WORK\n
    "#);
    assert_snapshot!(studio.json(&["list projects", "list clients"]), @r#"
    exit 0
    --- stdout
    {"command":"list","projects":[{"project":"a,b \"c\"/tab\there","databases":["WORK"],"files":1,"bytes":5,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"project":{"bytes_base64":"YmFja1xzbGFzaC9jYWbp"},"databases":["WORK"],"files":1,"bytes":3,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}],"found":2,"total":{"projects":2,"files":2,"bytes":8,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}}
    {"command":"list","clients":[{"name":"a,b \"c\"","databases":["WORK"],"projects":1,"files":1,"bytes":5,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"},{"name":"back\\slash","databases":["WORK"],"projects":1,"files":1,"bytes":3,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}],"found":2,"total":{"projects":2,"files":2,"bytes":8,"copies":1,"newest":"2026-01-02T03:04:05Z","":"NOW"}}
    "#);
    assert_snapshot!(studio.lines(&["list projects"]), @r#"
    exit 0
    --- stdout
    project             size  files  copies  newest        scanned   on
    a,b "c"/tab\there    5 B      1       1  NNN days ago  just now  WORK
    back\slash/caf\xe9   3 B      1       1  NNN days ago  just now  WORK
    2 projects, 2 files, 8 B
    "#);
}

#[test]
fn empty_registry_names_missing_additions() {
    let lines = [
        "list clients",
        "list projects",
        "fetch all",
        "load",
        "find x",
    ];
    let studio = Studio::bare();
    assert_snapshot!(studio.lines(&lines).ok(), @"
    exit 0
    --- stdout
    no storages yet: `add database NAME ROOT`; no start-up file found at `./.config` or `$STUDIO/home/.config/auto-backup/.config`; name one with `--config FILE`
    no storages yet: `add database NAME ROOT`; no start-up file found at `./.config` or `$STUDIO/home/.config/auto-backup/.config`; name one with `--config FILE`
    no storages yet: `add database NAME ROOT`; no start-up file found at `./.config` or `$STUDIO/home/.config/auto-backup/.config`; name one with `--config FILE`
    no storages yet: `add database NAME ROOT`; no start-up file found at `./.config` or `$STUDIO/home/.config/auto-backup/.config`; name one with `--config FILE`
    no storages yet: `add database NAME ROOT`; no start-up file found at `./.config` or `$STUDIO/home/.config/auto-backup/.config`; name one with `--config FILE`
    ");
    studio.folder("disk");
    let tracked = ["add database WORK disk"].iter().chain(&lines).copied();
    assert_snapshot!(studio.lines(&tracked.collect::<Vec<_>>()).ok(), @"
    exit 0
    --- stdout
    added storage WORK at $STUDIO/disk
    no categories yet: `add category NAME PATH`
    no categories yet: `add category NAME PATH`
    no categories yet: `add category NAME PATH`
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╡
    │ WORK    ┆ complete ┆        0 ┆     0 ┆  0 B ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┘
    scanned 1 storage, 0 files, 0 B in N s
    no categories yet: `add category NAME PATH`
    no categories yet: `add category NAME PATH`
    ");
}
