//! Categories whose paths say where clients and projects stand.

mod notice;
mod outside;
mod random;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::studio::Studio;

/// The databases `WORK` and `NAS`, and the categories `c0`, `c1` and so on with these layouts.
fn studio(layouts: &[&str]) -> Studio {
    let studio = Studio::bare();
    studio.folder("WORK").folder("NAS");
    let databases = ["WORK", "NAS"].map(|name| format!("add database {name} ../../../{name}"));
    let categories = layouts.iter().enumerate();
    let categories =
        categories.map(|(number, layout)| format!("add category c{number} '{layout}'"));
    let lines: Vec<String> = databases.into_iter().chain(categories).collect();
    studio.file("home/.config/auto-backup/.config", lines.join("\n"));
    studio
}

/// Returns category, project and number of files of each replica that `fetch all` shows on a database.
fn replicas(studio: &Studio, database: &str) -> Vec<Value> {
    let document = studio.json(&["fetch all"]).document();
    let projects = document["projects"].as_array().unwrap().iter();
    let replicas = projects.flat_map(|project| {
        let replicas = project["replicas"].as_array().unwrap().iter();
        let own = replicas
            .filter(|replica| replica["database"] == database && !replica["files"].is_null());
        own.map(|replica| json!([replica["category"], project["project"], replica["files"]]))
            .collect::<Vec<_>>()
    });
    replicas.collect()
}

#[test]
fn kinds_lie_in_the_projects() {
    let studio = studio(&["{client}/{project}/footage", "{client}/{project}/render"]);
    studio
        .file("WORK/acme/spot/footage/a.mov", "a")
        .file("WORK/acme/spot/render/b.exr", "b")
        .file("WORK/zoo/film/footage/c.mov", "c");
    studio.json(&["load"]).ok();
    let expected = [
        json!(["c0", "acme/spot", 1]),
        json!(["c1", "acme/spot", 1]),
        json!(["c0", "zoo/film", 1]),
    ];
    assert_eq!(replicas(&studio, "WORK"), expected);
    studio.lines(&["copy acme/spot all WORK NAS"]).status(0);
    assert_snapshot!(studio.tree("NAS"), @"
    .auto-backup/
    .auto-backup/database.json N
    .auto-backup/lock 0
    acme/
    acme/spot/
    acme/spot/footage/
    acme/spot/footage/a.mov 1
    acme/spot/render/
    acme/spot/render/b.exr 1
    ");
    let found = studio.json(&["find acme/spot/b.exr"]).document();
    assert_eq!(found["files"][0]["project"], "acme/spot");
    let explored = studio.lines(&["explore acme/spot c0 NAS --print"]).ok();
    assert_eq!(explored.stdout, "$STUDIO/NAS/acme/spot/footage\n");
    let compared = studio.json(&["compare all all WORK NAS"]).status(3);
    assert_eq!(compared.document()["only_a"], 1);
}

#[test]
fn projects_without_client_folders_are_in_house() {
    let studio = studio(&["docs/{project}", "footage"]);
    studio
        .file("WORK/docs/spot/a", "a")
        .file("WORK/footage/acme/spot/b", "b");
    studio.json(&["load"]).ok();
    let expected = [
        json!(["c1", "acme/spot", 1]),
        json!(["c0", "in-house/spot", 1]),
    ];
    assert_eq!(replicas(&studio, "WORK"), expected);
    studio.lines(&["copy all all WORK NAS"]).status(0);
    assert_eq!(studio.read("NAS/docs/spot/a"), "a");
    // No project of another client ever uses the folder.
    let refused = studio.lines(&["copy acme/spot c0 WORK NAS"]).status(1);
    assert!(refused.stderr.contains("acme/spot"), "{refused}");
    let refused = studio.lines(&["explore acme/spot c0 WORK --print"]);
    assert_eq!(refused.status, 1, "{refused}");
    studio.json(&["load --project acme/spot"]).ok();
    assert_eq!(replicas(&studio, "WORK"), expected);
}

#[test]
fn category_that_cannot_hold_a_project_is_not_shown_for_it() {
    let studio = studio(&[
        "docs/{project}",
        "footage",
        "footage/{client}/shared/{project}",
    ]);
    studio
        .file("WORK/docs/spot/a", "a")
        .file("NAS/docs/spot/a", "a")
        .file("WORK/footage/acme/spot/b", "b")
        .file("NAS/footage/acme/spot/b", "b")
        .file("WORK/footage/acme/shared/logo/c", "c");
    studio.json(&["load"]).ok();
    let shown = studio.json(&["fetch all"]).document();
    let projects = shown["projects"].as_array().unwrap().iter();
    let states = projects.map(|project| {
        let replicas = project["replicas"].as_array().unwrap().iter();
        let states = replicas.map(|replica| {
            let [category, state] = ["category", "state"].map(|key| replica[key].as_str().unwrap());
            format!("{category} {state}")
        });
        let states: Vec<_> = states.collect();
        format!(
            "{}: {}",
            project["project"].as_str().unwrap(),
            states.join(", ")
        )
    });
    assert_snapshot!(states.collect::<Vec<_>>().join("\n"), @"
    acme/logo: c1 missing, c1 missing, c2 whole, c2 missing
    acme/spot: c1 whole, c1 whole, c2 missing, c2 missing
    in-house/spot: c0 whole, c0 whole, c1 missing, c1 missing, c2 missing, c2 missing
    ");
    assert_snapshot!(studio.lines(&["fetch acme/spot"]).ok(), @"
    exit 0
    --- stdout
    acme/spot  1 file, 1 B
    ┌──────────┬────────────────────┬────────────────────┐
    │ category ┆ WORK               ┆ NAS                │
    ╞══════════╪════════════════════╪════════════════════╡
    │ c1       ┆ whole, 1 file, 1 B ┆ whole, 1 file, 1 B │
    └──────────┴────────────────────┴────────────────────┘
    on no storage: c2
    policy: c1 1 of 2 copies, on WORK, NAS (one medium)
        add database NAME FOLDER
    scanned: WORK, NAS just now
    ");
    assert_snapshot!(studio.lines(&["fetch all"]).ok(), @"
    exit 0
    --- stdout
    project        size  WORK                NAS
    acme/logo      1 B   whole, 1 file, 1 B
    acme/spot      1 B   whole, 1 file, 1 B  whole, 1 file, 1 B
    in-house/spot  1 B   whole, 1 file, 1 B  whole, 1 file, 1 B
    3 projects, 3 files, 3 B
    scanned: WORK, NAS just now
    ");
    let copies = studio.json(&["list projects --copies 1"]).document();
    assert_eq!(copies["projects"][0]["project"], "acme/logo");
    assert_eq!(copies["total"]["projects"], 1);
}

#[test]
fn own_folder_is_no_client() {
    let studio = studio(&["{client}/{project}", "{project}/{client}/cut"]);
    studio.file("WORK/acme/spot/a", "a");
    studio.lines(&["copy all all WORK NAS"]).status(0);
    studio.file("WORK/acme/spot/a", "a, the second version");
    studio
        .lines(&["copy all all WORK NAS --overwrite"])
        .status(0);
    assert!(studio.tree("NAS").contains(".auto-backup/versions"));
    studio.lines(&["load"]).status(0);
    let clients = studio.json(&["list clients in NAS"]).ok().document();
    let clients = clients["clients"].as_array().unwrap().iter();
    let clients: Vec<_> = clients.map(|row| &row["name"]).collect();
    assert_eq!(clients, ["acme"]);
    let outside = studio.json(&["list outside"]).ok().document();
    assert_eq!(outside["outside"], json!([]));
}

#[test]
fn client_folders_may_lie_in_projects() {
    let studio = studio(&["{project}/{client}/comp"]);
    studio
        .file("WORK/spot/acme/comp/a", "a")
        .file("WORK/spot/zoo/comp/b", "b");
    studio.json(&["load --project acme"]).ok();
    assert_eq!(replicas(&studio, "WORK"), [json!(["c0", "acme/spot", 1])]);
    studio.json(&["load"]).ok();
    assert_eq!(replicas(&studio, "WORK").len(), 2);
    studio.lines(&["sync acme all WORK NAS"]).status(0);
    studio
        .remove("WORK/spot/acme/comp/a")
        .file("WORK/spot/acme/comp/a2", "a");
    studio
        .lines(&["sync acme all WORK NAS --delete --force"])
        .status(0);
    assert_eq!(studio.read("NAS/spot/acme/comp/a2"), "a");
    assert!(!studio.path("NAS/spot/acme/comp/a").exists());
    assert!(!studio.path("NAS/spot/zoo").exists());
}

#[test]
fn saved_layout_is_read_back() {
    let studio = Studio::bare();
    studio.folder("WORK");
    let lines = [
        "add database WORK WORK",
        "add category footage '{client}/{project}/footage'",
        "add category docs \"docs/my {x\"",
        "add category old 2026/{client}/{project}",
        "save",
        "list categories",
    ];
    let typed = studio.json(&lines).document();
    let saved = studio.json(&["list categories"]).ok().document();
    assert_eq!(saved, typed);
    let paths = saved["categories"].as_array().unwrap().iter();
    let paths: Vec<_> = paths.map(|category| &category["path"]).collect();
    assert_eq!(paths, ["{client}/{project}/footage", "docs/my {x", "2026"]);
}

#[test]
fn mistyped_layouts_are_corrected() {
    let studio = studio(&["{client}/{project}/footage"]);
    let refusal = |line: &str| {
        let refused = studio.lines(&[line]);
        format!("{} {}", refused.status, refused.stderr)
    };
    assert_snapshot!(refusal("add category x {client}/render"), @"
    2 -c:1:16: error: `{client}/render` cannot be a category path: `{project}` is missing: every project needs a folder
        add category x {client}/render
                       ^^^^^^^^^^^^^^^
    hint: did you mean `add category x {client}/{project}/render`?
    ");
    assert_snapshot!(refusal("add category x {project}/{clients}"), @"
    2 -c:1:16: error: `{project}/{clients}` cannot be a category path: the placeholders are `{client}` and `{project}`
        add category x {project}/{clients}
                       ^^^^^^^^^^^^^^^^^^^
    hint: did you mean `add category x {project}/{client}`?
    ");
    assert_snapshot!(refusal("add category x {client}-{project}"), @"
    2 -c:1:16: error: `{client}-{project}` cannot be a category path: a placeholder is a whole folder of the path
        add category x {client}-{project}
                       ^^^^^^^^^^^^^^^^^^
    hint: write it as in `add category footage {client}/{project}/footage`
    ");
    assert_snapshot!(refusal("add category x {project}/{client}/footage"), @"
    1 -c:1:16: error: `{project}/{client}/footage` is already category `c0` at `{client}/{project}/footage`
        add category x {project}/{client}/footage
                       ^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: give each category a folder of its own
    ");
}

#[test]
fn unreadable_project_is_not_missing() {
    let studio = studio(&["{client}/{project}/footage"]);
    studio
        .file("WORK/acme/spot/footage/a", "a")
        .file("WORK/acme/film/footage/b", "b");
    studio.json(&["load WORK"]).ok();
    studio.mode("WORK/acme/spot", 0);
    let load = studio.lines_as_user(&["load WORK"]).status(3);
    assert!(load.stderr.contains("acme/spot"), "{load}");
    let sync = studio.lines_as_user(&["sync all all WORK NAS"]);
    assert_eq!(sync.status, 3, "{sync}");
    studio.mode("WORK/acme/spot", 0o755);
    let known = studio.json(&["find '*' in WORK"]).document();
    assert_eq!(known["files"].as_array().unwrap().len(), 2);
}
