//! Roots and categories that are not as expected, and files that change during a scan.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use insta::assert_snapshot;
use rustix::fs::{CWD, FileType, mknodat};

use crate::studio::{ProgramRun, Studio, report_skip};

/// Damages a scanned NAS with `wreck` and returns the output of `load NAS` and the index's state of its project.
fn load_after(wreck: impl Fn(&Studio)) -> String {
    let studio = Studio::new();
    studio.file("NAS/footage/acme/spot/reel.mov", "reel");
    studio.lines(&["load"]).ok();
    wreck(&studio);
    let load = studio.json(&["load NAS"]);
    let known = studio.json(&["fetch all"]).ok();
    let states: Vec<String> = known.document()["projects"][0]["replicas"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|replica| replica["database"] == "NAS" && replica["category"] == "footage")
        .map(|replica| format!("{} {}", replica["state"], replica["files"]))
        .collect();
    format!("{load}--- known\n{}", states.join("\n"))
}

#[test]
fn file_as_root_is_offline() {
    assert_snapshot!(load_after(|studio| { studio.remove("NAS").file("NAS", ""); }), @r#"
    exit 3
    --- stdout
    {"command":"load","run":null,"state":"partial","databases":[{"name":"NAS","state":"offline","files":1,"bytes":4,"projects":1,"added":0,"changed":0,"gone":0,"unreadable":0,"outside":{"files":0,"bytes":0,"folders":0},"seconds":N,"published":null}],"notices":[]}
    --- stderr
    {"level":"problem","message":"storage `NAS` is offline: `$STUDIO/NAS` is not a folder","kind":"offline","file":null,"line":null,"column":null,"hint":"mount or connect it, then try again","suggestions":[],"status":1}
    --- known
    "offline" 1
    "#);
}

#[test]
fn missing_root_is_offline() {
    assert_snapshot!(load_after(|studio| { studio.remove("NAS"); }), @r#"
    exit 3
    --- stdout
    {"command":"load","run":null,"state":"partial","databases":[{"name":"NAS","state":"offline","files":1,"bytes":4,"projects":1,"added":0,"changed":0,"gone":0,"unreadable":0,"outside":{"files":0,"bytes":0,"folders":0},"seconds":N,"published":null}],"notices":[]}
    --- stderr
    {"level":"problem","message":"storage `NAS` is offline: `$STUDIO/NAS` does not exist","kind":"offline","file":null,"line":null,"column":null,"hint":"mount or connect it, then try again","suggestions":[],"status":1}
    --- known
    "offline" 1
    "#);
}

#[test]
fn dangling_symlink_root_is_offline() {
    assert_snapshot!(load_after(|studio| { studio.remove("NAS").link("NAS", "gone"); }), @r#"
    exit 3
    --- stdout
    {"command":"load","run":null,"state":"partial","databases":[{"name":"NAS","state":"offline","files":1,"bytes":4,"projects":1,"added":0,"changed":0,"gone":0,"unreadable":0,"outside":{"files":0,"bytes":0,"folders":0},"seconds":N,"published":null}],"notices":[]}
    --- stderr
    {"level":"problem","message":"storage `NAS` is offline: `$STUDIO/NAS` does not exist","kind":"offline","file":null,"line":null,"column":null,"hint":"mount or connect it, then try again","suggestions":[],"status":1}
    --- known
    "offline" 1
    "#);
}

#[test]
fn self_referencing_symlink_root_is_offline() {
    assert_snapshot!(load_after(|studio| { studio.remove("NAS").link("NAS", "NAS"); }), @r#"
    exit 3
    --- stdout
    {"command":"load","run":null,"state":"partial","databases":[{"name":"NAS","state":"offline","files":1,"bytes":4,"projects":1,"added":0,"changed":0,"gone":0,"unreadable":0,"outside":{"files":0,"bytes":0,"folders":0},"seconds":N,"published":null}],"notices":[]}
    --- stderr
    {"level":"problem","message":"storage `NAS` is offline: `$STUDIO/NAS` cannot be read: Too many levels of symbolic links (os error 40)","kind":"offline","file":null,"line":null,"column":null,"hint":"mount or connect it, then try again","suggestions":[],"status":1}
    --- known
    "offline" 1
    "#);
}

#[test]
fn emptied_root_is_offline() {
    assert_snapshot!(load_after(|studio| { studio.remove("NAS").folder("NAS/lost+found"); }), @r#"
    exit 3
    --- stdout
    {"command":"load","run":null,"state":"partial","databases":[{"name":"NAS","state":"offline","files":1,"bytes":4,"projects":1,"added":0,"changed":0,"gone":0,"unreadable":0,"outside":{"files":0,"bytes":0,"folders":0},"seconds":N,"published":null}],"notices":[]}
    --- stderr
    {"level":"problem","message":"storage `NAS` is offline: `$STUDIO/NAS` is empty, though the index knows 1 file there: is it mounted?","kind":"offline","file":null,"line":null,"column":null,"hint":"mount or connect it; if this is the right disk, `load --forget NAS`, then `load NAS`","suggestions":[],"status":1}
    --- known
    "offline" 1
    "#);
}

#[test]
fn root_without_categories_is_offline() {
    assert_snapshot!(load_after(|studio| { studio.remove("NAS").file("NAS/somebody/else", ""); }), @r#"
    exit 3
    --- stdout
    {"command":"load","run":null,"state":"partial","databases":[{"name":"NAS","state":"offline","files":1,"bytes":4,"projects":1,"added":0,"changed":0,"gone":0,"unreadable":0,"outside":{"files":0,"bytes":0,"folders":0},"seconds":N,"published":null}],"notices":[]}
    --- stderr
    {"level":"problem","message":"storage `NAS` is offline: `$STUDIO/NAS` holds none of the category folders, though the index knows 1 file there","kind":"offline","file":null,"line":null,"column":null,"hint":"mount or connect it; if this is the right disk, `load --forget NAS`, then `load NAS`","suggestions":[],"status":1}
    --- known
    "offline" 1
    "#);
}

#[test]
fn root_may_be_a_symlink() {
    assert_snapshot!(load_after(|studio| {
        fs::rename(studio.path("NAS"), studio.path("disk")).unwrap();
        studio.link("NAS", "disk");
    }), @r#"
    exit 0
    --- stdout
    {"command":"load","run":2,"state":"complete","databases":[{"name":"NAS","state":"complete","files":1,"bytes":4,"projects":1,"added":0,"changed":0,"gone":0,"unreadable":0,"outside":{"files":0,"bytes":0,"folders":0},"seconds":N,"published":null}],"notices":[]}
    --- known
    "whole" 1
    "#);
}

#[test]
fn symlinked_category_is_reported_and_not_followed() {
    assert_snapshot!(load_after(|studio| {
        fs::rename(studio.path("NAS/footage"), studio.path("elsewhere")).unwrap();
        studio.link("NAS/footage", "../elsewhere").file("NAS/scratch/render/acme/spot/f", "");
    }), @r#"
    exit 3
    --- stdout
    {"command":"load","run":2,"state":"partial","databases":[{"name":"NAS","state":"partial","files":2,"bytes":4,"projects":1,"added":1,"changed":0,"gone":0,"unreadable":1,"outside":{"files":1,"bytes":0,"folders":0},"seconds":N,"published":null}],"notices":[]}
    --- stderr
    {"level":"problem","message":"cannot open `$STUDIO/NAS/footage`: it is no folder (links to folders are not followed)","kind":"io","file":null,"line":null,"column":null,"hint":null,"suggestions":[],"status":1}
    --- known
    "incomplete" 1
    "#);
}

#[test]
fn unreadable_root_is_offline() {
    let studio = Studio::new();
    studio.file("NAS/footage/acme/spot/reel.mov", "reel");
    studio.lines_as_user(&["load"]).ok();
    studio.mode("NAS", 0o000);
    let run = studio.lines_as_user(&["load NAS", "fetch all"]);
    studio.mode("NAS", 0o755);
    assert_snapshot!(run, @"
    exit 3
    --- stdout
    ┌─────────┬─────────┬──────────┬───────┬──────┐
    │ storage ┆ state   ┆ projects ┆ files ┆ size │
    ╞═════════╪═════════╪══════════╪═══════╪══════╡
    │ NAS     ┆ offline ┆        1 ┆     1 ┆  4 B │
    └─────────┴─────────┴──────────┴───────┴──────┘
    acme/spot  1 file, 4 B
    ┌──────────┬─────────┬─────────────────────────────┐
    │ category ┆ WORK    ┆ NAS                         │
    ╞══════════╪═════════╪═════════════════════════════╡
    │ footage  ┆ missing ┆ offline, whole, 1 file, 4 B │
    └──────────┴─────────┴─────────────────────────────┘
    on no storage: render
    policy: footage 1 of 2 copies, on NAS (as last seen just now); WORK shares its medium; `--medium` of `add database` states media
        add database NAME FOLDER
    scanned: WORK just now; NAS just now (offline)
    --- stderr
    problem: storage `NAS` is offline: `$STUDIO/NAS` cannot be read: Permission denied (os error 13)
    ");
}

#[test]
fn unreadable_folder_keeps_last_scan() {
    let studio = Studio::new();
    studio
        .file("NAS/footage/acme/spot/plates/p", "1")
        .file("NAS/footage/acme/spot/reel", "1")
        .file("NAS/footage/b/c/d", "1");
    studio.lines_as_user(&["load"]).ok();
    studio
        .mode("NAS/footage/acme/spot/plates", 0o000)
        .mode("NAS/footage/b", 0o000);
    let run = studio.lines_as_user(&["load NAS", "fetch all", "list clients"]);
    studio
        .mode("NAS/footage/acme/spot/plates", 0o755)
        .mode("NAS/footage/b", 0o755);
    assert_snapshot!(run, @"
    exit 3
    --- stdout
    ┌─────────┬──────────────────┬──────────┬───────┬──────┬────────────┬───────┐
    │ storage ┆ state            ┆ projects ┆ files ┆ size ┆ unreadable ┆ time  │
    ╞═════════╪══════════════════╪══════════╪═══════╪══════╪════════════╪═══════╡
    │ NAS     ┆ not all readable ┆        2 ┆     3 ┆  3 B ┆          2 ┆ N s │
    └─────────┴──────────────────┴──────────┴───────┴──────┴────────────┴───────┘
    scanned 1 storage, 3 files, 3 B in N s
    project    size  WORK  NAS
    acme/spot  2 B         1 unreadable, 2 files, 2 B
    b/c        1 B         1 unreadable, 1 file, 1 B
    2 projects, 3 files, 3 B
    scanned: WORK, NAS just now
    client  size  files  projects  copies  newest        scanned   on
    acme     2 B      2         1       0  NNN days ago  just now  NAS
    b        1 B      1         1       0  NNN days ago  just now  NAS
    2 clients, 3 files, 3 B
    --- stderr
    problem: cannot open `$STUDIO/NAS/footage/b`: Permission denied (os error 13)
    problem: cannot open `$STUDIO/NAS/footage/acme/spot/plates`: Permission denied (os error 13)
    ");
}

#[test]
fn other_disk_at_same_root_is_offline() {
    let studio = Studio::filled();
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS"])
        .ok();
    fs::rename(studio.path("NAS"), studio.path("before")).unwrap();
    studio.file("NAS/footage/acme/spot/reel.mov", "other");
    assert_snapshot!(studio.lines(&["load NAS", "copy acme/spot footage WORK NAS"]), @"
    exit 1
    --- stdout
    ┌─────────┬─────────┬──────────┬───────┬──────┐
    │ storage ┆ state   ┆ projects ┆ files ┆ size │
    ╞═════════╪═════════╪══════════╪═══════╪══════╡
    │ NAS     ┆ offline ┆        1 ┆     2 ┆ 13 B │
    └─────────┴─────────┴──────────┴───────┴──────┘
    --- stderr
    problem: storage `NAS` is offline: `$STUDIO/NAS` is not the drive that was `NAS`, or is empty: it has no identity file `.auto-backup/database.json`
    hint: mount or connect it; if this is the right disk, `load --forget NAS`, then `load NAS`
    -c 2:1:29: error: storage `NAS` is offline: `$STUDIO/NAS` is not the drive that was `NAS`, or is empty: it has no identity file `.auto-backup/database.json`
        copy acme/spot footage WORK NAS
                                    ^^^
    hint: mount or connect it; if this is the right disk, `load --forget NAS`, then `load NAS`
    ");
    studio.file(
        "NAS/.auto-backup/database.json",
        r#"{"id":"00","name":"NAS","created":null}"#,
    );
    assert_snapshot!(studio.run(["--quiet", "-c", "load NAS"]).stderr, @"
    problem: storage `NAS` is offline: `$STUDIO/NAS` is another drive that was added as `NAS` too
    hint: mount or connect it; if this is the right disk, `load --forget NAS`, then `load NAS`
    ");
    studio.file("NAS/.auto-backup/database.json", "not json");
    assert_snapshot!(studio.run(["--quiet", "-c", "load NAS"]).stderr, @"
    problem: storage `NAS` is offline: `$STUDIO/NAS` cannot be identified: cannot read `$STUDIO/NAS/.auto-backup/database.json`: it is not an identity file of auto-backup; if it belongs to another program, move it away
    hint: mount or connect it; if this is the right disk, `load --forget NAS`, then `load NAS`
    ");
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "other");
}

#[test]
fn symlink_loops_and_special_files_are_skipped() {
    let studio = Studio::new();
    let project = "WORK/footage/acme/spot";
    studio
        .file(format!("{project}/reel.mov"), "reel")
        .link(format!("{project}/up"), "..")
        .link(format!("{project}/self"), "self");
    studio
        .link("WORK/footage/acme/other", "spot")
        .link("WORK/footage/again", "acme");
    let special = |name: &str, kind, device| {
        mknodat(
            CWD,
            studio.path(project).join(name),
            kind,
            0o600.into(),
            device,
        )
        .is_ok()
    };
    assert!(special("pipe", FileType::Fifo, 0));
    if !special("null", FileType::CharacterDevice, rustix::fs::makedev(1, 3)) {
        report_skip("a device: only root can make one");
    }
    let _socket = UnixListener::bind(studio.path(project).join("socket")).unwrap();
    assert_snapshot!(studio.lines(&["load WORK", "fetch all"]), @"
    exit 0
    --- stdout
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK    ┆ complete ┆        1 ┆     3 ┆  4 B ┆     3 ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    scanned 1 storage, 3 files, 4 B in N s
    outside every project on WORK: 2 files, 0 B: `list outside in WORK` lists them
    acme/spot  3 files, 4 B
    ┌──────────┬─────────────────────┬─────────────┐
    │ category ┆ WORK                ┆ NAS         │
    ╞══════════╪═════════════════════╪═════════════╡
    │ footage  ┆ whole, 3 files, 4 B ┆ not scanned │
    │ render   ┆ missing             ┆ not scanned │
    └──────────┴─────────────────────┴─────────────┘
    policy: footage 1 of 2 copies known, on WORK; a storage was never scanned
        load NAS
    scanned: WORK just now; NAS never
    --- stderr
    note: `$STUDIO/WORK/footage/again` is a symbolic link and is not followed
    note: `$STUDIO/WORK/footage/acme/other` is a symbolic link and is not followed
    ");
}

/// Creates and removes files and folders until `stop` is set.
fn churn(project: &Path, stop: &AtomicBool) {
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        let folder = project.join(format!("folder{}", round % 7));
        fs::create_dir_all(folder.join("deep")).unwrap();
        for number in 0..20 {
            fs::write(folder.join("deep").join(format!("file{number}")), "x").unwrap();
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn changing_files_do_not_disturb_scan() {
    let studio = Studio::filled();
    let stop = AtomicBool::new(false);
    let project = studio.path("WORK/footage/acme/spot");
    let runs: Vec<ProgramRun> = thread::scope(|scope| {
        scope.spawn(|| churn(&project, &stop));
        let runs = (0..20).map(|_| studio.json(&["load WORK"])).collect();
        stop.store(true, Ordering::Relaxed);
        runs
    });
    for run in runs {
        assert!(run.status == 0 || run.status == 3, "{run}");
        assert!(
            run.document()["databases"][0]["files"].as_u64().unwrap() >= 5,
            "{run}"
        );
    }
    studio.lines(&["load WORK"]).ok();
    assert_eq!(
        studio.json(&["load WORK"]).ok().document()["databases"][0]["files"],
        5
    );
}
