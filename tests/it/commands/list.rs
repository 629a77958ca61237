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
    ┌────────┐
    │ client │
    ╞════════╡
    │ Bob's  │
    │ acme   │
    └────────┘
    ┌─────────────────┐
    │ project         │
    ╞═════════════════╡
    │ Bob's/long film │
    │ acme/spot       │
    │ acme/teaser     │
    └─────────────────┘
    ┌─────────────┐
    │ project     │
    ╞═════════════╡
    │ acme/spot   │
    │ acme/teaser │
    └─────────────┘
    ┌───────────┐
    │ project   │
    ╞═══════════╡
    │ acme/spot │
    └───────────┘
    ┌──────────┬─────────────────────────┬────────┐
    │ database ┆ root                    ┆ state  │
    ╞══════════╪═════════════════════════╪════════╡
    │ WORK     ┆ $STUDIO/WORK ┆ online │
    │ NAS      ┆ $STUDIO/NAS  ┆ online │
    └──────────┴─────────────────────────┴────────┘
    ┌──────────┬────────────────┐
    │ category ┆ path           │
    ╞══════════╪════════════════╡
    │ footage  ┆ footage        │
    │ render   ┆ scratch/render │
    └──────────┴────────────────┘
    ");
}

#[test]
fn every_form_has_json() {
    assert_snapshot!(loaded().json(&FORMS), @r#"
    exit 0
    --- stdout
    {"command":"list","clients":["Bob's","acme"]}
    {"command":"list","projects":["Bob's/long film","acme/spot","acme/teaser"]}
    {"command":"list","projects":["acme/spot","acme/teaser"]}
    {"command":"list","projects":["acme/spot"]}
    {"command":"list","databases":[{"name":"WORK","root":"$STUDIO/WORK","online":true,"shelf":false},{"name":"NAS","root":"$STUDIO/NAS","online":true,"shelf":false}]}
    {"command":"list","categories":[{"name":"footage","path":"footage"},{"name":"render","path":"scratch/render"}]}
    "#);
}

#[test]
fn plain_and_csv_have_one_line_each() {
    let studio = loaded();
    assert_snapshot!(run_with_format(&studio, "plain", "list databases"), @"
    exit 0
    --- stdout
    WORK	$STUDIO/WORK	online
    NAS	$STUDIO/NAS	online
    ");
    assert_snapshot!(run_with_format(&studio, "csv", "list databases"), @"
    exit 0
    --- stdout
    database,root,state
    WORK,$STUDIO/WORK,online
    NAS,$STUDIO/NAS,online
    ");
    assert_snapshot!(run_with_format(&studio, "plain", "list clients"), @"
    exit 0
    --- stdout
    Bob's
    acme
    ");
    assert_snapshot!(run_with_format(&studio, "csv", "list categories"), @"
    exit 0
    --- stdout
    category,path
    footage,footage
    render,scratch/render
    ");
}

#[test]
fn empty_registry_suggests_first_steps() {
    let studio = Studio::bare();
    assert_snapshot!(studio.lines(&FORMS[..2]), @"
    exit 0
    --- stdout
    no databases yet: `add database NAME ROOT`
    no databases yet: `add database NAME ROOT`
    ");
    assert_snapshot!(studio.lines(&FORMS[4..]), @"
    exit 0
    --- stdout
    no databases; `add database NAME ROOT` tracks one
    no categories; `add category NAME PATH` tracks one
    ");
    assert_snapshot!(studio.json(&["list clients", "list projects", "list databases", "list categories"]), @r#"
    exit 0
    --- stdout
    {"command":"list","clients":[]}
    {"command":"list","projects":[]}
    {"command":"list","databases":[]}
    {"command":"list","categories":[]}
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
    ┌─────────────┐
    │ project     │
    ╞═════════════╡
    │ acme/spot   │
    │ acme/teaser │
    └─────────────┘
    ┌──────────┬─────────────────────────┬─────────┐
    │ database ┆ root                    ┆ state   │
    ╞══════════╪═════════════════════════╪═════════╡
    │ WORK     ┆ $STUDIO/WORK ┆ offline │
    │ NAS      ┆ $STUDIO/NAS  ┆ online  │
    └──────────┴─────────────────────────┴─────────┘
    ");
}

#[test]
fn absent_client_lists_no_projects() {
    assert_snapshot!(loaded().lines(&[r#"list projects in "Bob's" in NAS"#]), @"
    exit 0
    --- stdout
    no projects; `load` scans for them
    ");
}

#[test]
fn unknown_names_suggest_nearest() {
    let studio = loaded();
    assert_snapshot!(studio.lines(&["list projects in amce"]).status(1), @"
    exit 1
    --- stderr
    -c:1:18: error: unknown client `amce`
        list projects in amce
                         ^^^^
    hint: did you mean `acme`?
    ");
    assert_snapshot!(studio.lines(&["list projects in acme in NSA"]).status(1), @"
    exit 1
    --- stderr
    -c:1:26: error: unknown database `NSA`
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
    -c:1:15: error: expected `in`, found `acme`
        list projects acme
                      ^^^^
    hint: write it as: list projects [in CLIENT [in DATABASE]]
    ");
}

#[test]
fn odd_names_are_written_exactly() {
    let studio = studio_with_odd_names();
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "plain", "list projects")), @r#"
    a,b \"c\"/tab\\there\n
    back\\\\slash/caf\xe9\n
    "#);
    assert_snapshot!(exact_stdout(&studio, &run_with_format(&studio, "csv", "list projects")), @r#"
    project\n
    \"a,b \"\"c\"\"/tab\there\"\n
    back\\slash/caf\xe9\n
    "#);
    assert_snapshot!(studio.json(&["list projects", "list clients"]), @r#"
    exit 0
    --- stdout
    {"command":"list","projects":["a,b \"c\"/tab\there",{"bytes_base64":"YmFja1xzbGFzaC9jYWbp"}]}
    {"command":"list","clients":["a,b \"c\"","back\\slash"]}
    "#);
    assert_snapshot!(studio.lines(&["list projects"]), @r#"
    exit 0
    --- stdout
    ┌────────────────────┐
    │ project            │
    ╞════════════════════╡
    │ a,b "c"/tab\there  │
    │ back\slash/caf\xe9 │
    └────────────────────┘
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
    no databases yet: `add database NAME ROOT`
    no databases yet: `add database NAME ROOT`
    no databases yet: `add database NAME ROOT`
    no databases yet: `add database NAME ROOT`
    no databases yet: `add database NAME ROOT`
    ");
    studio.folder("disk");
    let tracked = ["add database WORK disk"].iter().chain(&lines).copied();
    assert_snapshot!(studio.lines(&tracked.collect::<Vec<_>>()).ok(), @"
    exit 0
    --- stdout
    added database WORK at $STUDIO/disk
    no categories yet: `add category NAME PATH`
    no categories yet: `add category NAME PATH`
    no categories yet: `add category NAME PATH`
    ┌──────────┬──────────┬──────────┬───────┬──────┬───────┐
    │ database ┆ state    ┆ projects ┆ files ┆ size ┆ time  │
    ╞══════════╪══════════╪══════════╪═══════╪══════╪═══════╡
    │ WORK     ┆ complete ┆        0 ┆     0 ┆  0 B ┆ N s │
    └──────────┴──────────┴──────────┴───────┴──────┴───────┘
    scanned 1 database, 0 files, 0 B in N s
    no categories yet: `add category NAME PATH`
    no categories yet: `add category NAME PATH`
    ");
}
