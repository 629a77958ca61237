//! `--dry-run` for whole scripts, and `--quiet` for cron.

use insta::assert_snapshot;

use crate::studio::Studio;

#[test]
fn script_dry_run_changes_nothing() {
    let studio = Studio::filled();
    studio.folder("MORE").lines(&["load"]).ok();
    studio.file(
        "nightly.ab",
        "add database MORE MORE\nload\nload --forget NAS --yes\ncopy acme/spot footage WORK NAS\n\
         fetch project acme/spot --live\nremove category render\nexplore acme/spot footage WORK\nsave\n",
    );
    let everything = || {
        let index = "home/.local/share/auto-backup";
        [
            studio.tree("WORK"),
            studio.tree("NAS"),
            studio.tree("MORE"),
            studio.tree(index),
        ]
        .concat()
            + &studio.read("home/.config/auto-backup/.config")
            + &studio.lines(&["find '*'"]).ok().stdout
    };
    let runs = || {
        let index = studio.path("home/.local/share/auto-backup/index.sqlite");
        let index = rusqlite::Connection::open(index).unwrap();
        let query = "SELECT count(*) FROM runs";
        index
            .query_row(query, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let (before, recorded) = (everything(), runs());
    assert_snapshot!(studio.run(["--dry-run", "nightly.ab"]).status(0), @"
    exit 0
    --- stdout
    added storage MORE at $STUDIO/MORE
    ┌─────────┬──────────────────┬──────────┬───────┬──────┐
    │ storage ┆ state            ┆ projects ┆ files ┆ size │
    ╞═════════╪══════════════════╪══════════╪═══════╪══════╡
    │ WORK    ┆ would be scanned ┆        3 ┆     5 ┆ 25 B │
    │ NAS     ┆ would be scanned ┆        0 ┆     0 ┆  0 B │
    │ MORE    ┆ would be scanned ┆        0 ┆     0 ┆  0 B │
    └─────────┴──────────────────┴──────────┴───────┴──────┘
    ┌─────────┬────────────────────┬──────────┬───────┬──────┐
    │ storage ┆ state              ┆ projects ┆ files ┆ size │
    ╞═════════╪════════════════════╪══════════╪═══════╪══════╡
    │ NAS     ┆ would be forgotten ┆        0 ┆     0 ┆  0 B │
    └─────────┴────────────────────┴──────────┴───────┴──────┘
    would copy 2 files, 13 B
    planned $STUDIO/NAS/footage/acme/spot/reel.mov: add
    planned $STUDIO/NAS/footage/acme/spot/plates/p1.exr: add
    acme/spot  3 files, 18 B
    ┌──────────┬──────────────────────┬─────────┬─────────────┐
    │ category ┆ WORK                 ┆ NAS     ┆ MORE        │
    ╞══════════╪══════════════════════╪═════════╪═════════════╡
    │ footage  ┆ whole, 2 files, 13 B ┆ missing ┆ not scanned │
    │ render   ┆ whole, 1 file, 5 B   ┆ missing ┆ not scanned │
    └──────────┴──────────────────────┴─────────┴─────────────┘
    policy: footage 1 of 2 copies known, on WORK; a storage was never scanned
        load MORE
    policy: render 1 of 2 copies known, on WORK; a storage was never scanned
        load MORE
    scanned: WORK, NAS just now; MORE never
    category render is no longer tracked; its files are untouched
    $STUDIO/WORK/footage/acme/spot
    would be saved in $STUDIO/home/.config/auto-backup/.config: 1 line added, 1 removed
    --- stderr
    dry run: nothing is scanned; the answer is that of the last scans
    ");
    assert_eq!((everything(), runs()), (before, recorded));
    let loaded = studio
        .run(["--dry-run", "--format", "json", "-c", "load"])
        .ok();
    assert_eq!(loaded.document()["run"], serde_json::Value::Null);
    assert_eq!(loaded.document()["state"], "planned");
    let copied = studio
        .json(&["copy acme/spot footage WORK NAS --dry-run"])
        .ok();
    assert_eq!(copied.document()["run"], serde_json::Value::Null);
}

#[test]
fn failing_line_fails_its_dry_run() {
    let studio = Studio::filled();
    studio.file("nightly.ab", "copy acme/spot footage WORK NSA\n");
    studio.run(["--dry-run", "nightly.ab"]).status(1);
    studio
        .remove("NAS")
        .file("nightly.ab", "copy acme/spot footage WORK NAS\n");
    studio.run(["--dry-run", "nightly.ab"]).status(1);
}

#[test]
fn quiet_prints_only_problems() {
    let studio = Studio::filled();
    studio.file(
        "nightly.ab",
        "echo begin\nload\ncopy all all WORK NAS\nsave\nset hints off\necho end\n",
    );
    assert_snapshot!(studio.run(["--quiet", "nightly.ab"]).ok(), @"exit 0");
    assert_snapshot!(studio.run(["--quiet", "nightly.ab"]).ok(), @"exit 0");
    studio.file_at(
        "WORK/footage/acme/spot/reel.mov",
        "reel of today",
        crate::studio::CHANGED - 60,
    );
    studio.remove("WORK/scratch");
    assert_snapshot!(studio.run(["--quiet", "nightly.ab"]).status(3), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 3 already there; 1 in conflict
    conflict $STUDIO/NAS/footage/acme/spot/reel.mov: it differs in size, and the destination is newer
    left as they are on NAS: 1 file that is not older there; `--overwrite` replaces it and keeps the old one
    --- stderr
    1 of 6 commands completed in part: nightly.ab:3
    ");
}
