//! `catalog`: its state, and exchanges that are asked for.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::prompt::{run_line, spawn_command, wait_for_prompt};
use crate::studio::Studio;
use crate::workstations::{Workstations, startup};

/// Returns the fields of the first storage in an answer.
fn fields(answer: &Value, names: &[&str]) -> Vec<Value> {
    let first = &answer["databases"][0];
    names.iter().map(|name| first[name].clone()).collect()
}

#[test]
fn commands_without_a_catalog_say_how_to_set_one() {
    let studio = Studio::new();
    assert_snapshot!(studio.lines(&["catalog status"]), @r"
    exit 1
    --- stderr
    -c:1:1: error: no catalog is set
        catalog status
        ^^^^^^^^^^^^^^
    hint: set one with `set catalog postgres://user@host/name`
    ");
}

#[test]
fn status_shows_who_scanned_and_what_waits() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let names = [
        "name",
        "added",
        "shared",
        "revision",
        "newest_revision",
        "waiting_projects",
    ];
    let before = two.json("ws2", "catalog status");
    assert_eq!(
        fields(&before, &names),
        [
            json!("SERVER"),
            json!(true),
            json!(true),
            Value::Null,
            json!(1),
            json!(0)
        ]
    );
    two.lines("ws2", &["list projects"]).ok();
    let after = two.json("ws2", "catalog status");
    assert_eq!(fields(&after, &["revision"]), [json!(1)]);
    assert!(after["server"].as_str().unwrap().starts_with("PostgreSQL "));
    assert!(after["latency_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(after["encrypted"], json!(false));
    assert_eq!(after["leases"], json!([]));
    assert!(fields(&after, &["scanned_by"])[0].is_string());
    // Of the storage, both names are shown, also that of a workstation which never scanned it.
    let conflicting = two.json("ws2", "catalog status");
    let conflict = conflicting["names"][0].as_str().unwrap();
    assert!(
        conflict.starts_with("SERVER is called `NAS` on "),
        "{conflict}"
    );
    let page = two.lines("ws2", &["catalog status"]).ok();
    assert!(page.stdout.contains("nothing"), "{page}");
}

#[test]
fn status_without_the_server_shows_what_waits() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let lines = two.studio.read(startup("ws1"));
    let away = lines.replace("?host=", "?connect_timeout=1&host=/nowhere");
    two.studio.file(startup("ws1"), &away);
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    two.lines("ws1", &["load"]).status(0);
    let mut command = two.command("ws1");
    command.args(["--format", "json", "-c", "catalog status"]);
    let status = two.studio.finish(&mut command).status(1);
    let document: Value = serde_json::from_str(&status.stdout).unwrap();
    let error = document["error"].as_str().unwrap();
    assert!(error.contains("cannot reach the catalog"), "{error}");
    assert_eq!(fields(&document, &["waiting_projects"]), [json!(2)]);
    let pulled = two.lines("ws1", &["catalog pull"]).status(1);
    assert!(
        pulled.stderr.contains("cannot reach the catalog"),
        "{pulled}"
    );
}

#[test]
fn pull_keeps_what_waits() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    // What the first workstation learns waits, while the second one changes the same project.
    let lines = two.studio.read(startup("ws1"));
    two.studio
        .file(startup("ws1"), lines.replace("?host=", "?host=/nowhere"));
    two.studio.file("NAS/footage/zoo/film/b.mov", "b");
    two.studio.file("NAS/footage/acme/spot/one/1.exr", "one");
    two.lines("ws1", &["load"]).status(0);
    two.lines("ws2", &["load"]).ok();
    std::fs::remove_file(two.studio.path("NAS/footage/acme/spot/one/1.exr")).unwrap();
    two.studio.file("NAS/footage/acme/spot/two/2.exr", "two");
    two.lines("ws1", &["load"]).status(0);
    two.studio.file(startup("ws1"), lines);
    let revision = two.number("SELECT revision FROM auto_backup.databases");
    two.lines("ws1", &["catalog pull"]).ok();
    assert_eq!(
        two.number("SELECT revision FROM auto_backup.databases"),
        revision
    );
    let pushed = two.json("ws1", "catalog push");
    assert_eq!(fields(&pushed, &["revision"]), [json!(revision + 1)]);
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.files("ws2").len(), 5);
    assert_eq!(two.json("ws1", "catalog push")["databases"], json!([]));
}

#[test]
fn hosts_are_listed_without_the_server() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    let lines = two.studio.read(startup("ws2"));
    two.studio
        .file(startup("ws2"), lines.replace("?host=", "?host=/nowhere"));
    let mut command = two.command("ws2");
    command.args(["--format", "json", "-c", "list hosts"]);
    let document = two.studio.finish(&mut command).status(0);
    let document: Value = serde_json::from_str(&document.stdout).unwrap();
    let hosts = document["hosts"].as_array().unwrap();
    assert_eq!(hosts.len(), 2, "{document}");
    assert_eq!(hosts[0]["own"], json!(true));
    assert_eq!(hosts[0]["databases"], json!([]));
    assert_eq!(hosts[1]["databases"][0]["name"], json!("SERVER"));
    assert_eq!(hosts[1]["databases"][0]["replicas"], json!(2));
}

#[test]
fn option_overrides_the_startup_file() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws2", &["load"]).ok();
    let run = |host: &str, catalog: &str| {
        let mut command = two.command(host);
        command.args(["--catalog", catalog, "-c", "list projects"]);
        two.studio.finish(&mut command).ok().stdout
    };
    assert!(!run("ws1", "off").contains("acme/spot"));
    let lines = two.studio.read(startup("ws1"));
    let (storages, _) = lines.split_once("set catalog").unwrap();
    two.studio.file(startup("ws1"), storages);
    assert!(run("ws1", &two.address).contains("acme/spot"));
}

#[test]
fn typed_password_is_neither_shown_nor_kept() {
    let studio = Studio::new();
    let line = "set catalog postgres://anna:secret@nas/studio";
    let refused = studio.lines(&[line]).status(2);
    assert!(refused.stderr.contains("anna:******@nas"), "{refused}");
    assert!(!refused.to_string().contains("secret"), "{refused}");
    let option = studio.run([
        "--catalog",
        "postgres://anna:secret@nas/studio",
        "-c",
        "set",
    ]);
    assert!(!option.to_string().contains("secret"), "{option}");
    for line in [
        "set catalog 'postgres://anna:secret x@nas/studio'",
        "set catalog postgres://anna:secret@nas/studio extra",
        "set catalog postgres://anna@nas/studio?password=secret",
        "catalog push postgres://anna:secret@nas/studio",
        "postgres://anna:secret@nas/studio",
    ] {
        let refused = studio.lines(&[line]);
        assert!(!refused.to_string().contains("secret"), "{refused}");
        let document = studio.run(["--format", "json", "-c", line]);
        assert!(!document.to_string().contains("secret"), "{document}");
    }
    let script = studio.run(["postgres://anna:secret@nas/studio"]);
    assert!(!script.to_string().contains("secret"), "{script}");
    let mut session = spawn_command(studio.command());
    wait_for_prompt(&mut session);
    run_line(&mut session, line);
    run_line(&mut session, "echo kept");
    drop(session);
    let mut found = Vec::new();
    for entry in walk(&studio.path("home")) {
        let text = std::fs::read(&entry).unwrap_or_default();
        found.push(String::from_utf8_lossy(&text).into_owned());
    }
    assert!(found.iter().any(|text| text.contains("echo kept")));
    assert!(!found.iter().any(|text| text.contains("secret")));
}

/// Returns all files below a folder.
fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let below = entries.flat_map(|entry| {
        if entry.path().is_dir() {
            walk(&entry.path())
        } else {
            vec![entry.path()]
        }
    });
    below.collect()
}

#[test]
fn name_of_another_storage_is_told_once_to_who_comes_later() {
    let Some(two) = Workstations::with_two_storages() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    let lines = two.studio.read(startup("ws2"));
    let swapped = lines.replace("database SAFE ", "database NAS ");
    two.studio.file(startup("ws2"), swapped);
    let told = two.lines("ws2", &["list projects"]).status(0);
    let notice = "NAS is another storage on ";
    assert_eq!(told.stderr.matches(notice).count(), 1, "{told}");
    let told = two.lines("ws2", &["list projects"]).ok();
    assert!(!told.stderr.contains(notice), "{told}");
    let revisions = two.json("ws1", "catalog status");
    // A name alone is no news for others.
    assert_eq!(revisions["databases"][0]["newest_revision"], json!(1));
}

#[test]
fn name_is_told_after_a_pull_that_told_nothing() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let names = "SELECT count(*) FROM auto_backup.aliases WHERE name = 'SERVER'";
    two.lines("ws2", &["catalog pull"]).ok();
    assert_eq!(two.number(names), 0);
    two.lines("ws2", &["list projects"]).ok();
    assert_eq!(two.number(names), 1);
}

#[test]
fn dry_run_exchanges_and_repairs_nothing() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let dry = |host: &str, line: &str| {
        let mut command = two.command(host);
        command.args(["--dry-run", "-c", line]);
        two.studio.finish(&mut command)
    };
    for line in ["catalog pull", "catalog push"] {
        let run = dry("ws2", line).status(0);
        assert!(
            run.stderr.contains("dry run: nothing is exchanged"),
            "{run}"
        );
        assert!(run.stdout.is_empty(), "{run}");
    }
    let hosts = "SELECT count(*) FROM auto_backup.aliases";
    assert_eq!(two.number(hosts), 1);
    two.execute("UPDATE auto_backup.folders SET checksum = CAST('' AS bytea)");
    let run = dry("ws1", "catalog check --repair").status(3);
    assert!(run.stderr.contains("dry run: nothing is repaired"), "{run}");
    two.lines("ws1", &["catalog check"]).status(3);
    two.lines("ws1", &["catalog check --repair"]).status(0);
}
