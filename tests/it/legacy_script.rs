//! The start-up file and scripts of the first program, unchanged.

use insta::assert_snapshot;

use crate::studio::Studio;

/// A studio with three storages and a start-up file of the first program.
fn seeded() -> Studio {
    let studio = Studio::bare();
    for database in ["WORK", "NAS", "SERVER"] {
        studio.folder(database);
    }
    studio
        .file("WORK/footage/acme/spot/reel.mov", "reel")
        .file("WORK/projects/acme/spot/edit.prproj", "edit")
        .file("NAS/scratch/render/acme/spot/0001.exr", "frame")
        .file("SERVER/delivery/final/globex/film/film.mov", "film");
    let startup = format!(
        "# databases\nadd database WORK {0}/WORK/\nadd database NAS {0}/NAS/\nadd database SERVER {0}/SERVER/\n\n\
         # categories\nadd category footage footage/\nadd category project projects/\nadd category render scratch/render/\n\
         add category delivery delivery/final/\n\nload\n",
        studio.path("").display()
    );
    studio.file(".config", startup);
    studio
}

#[test]
fn startup_file_registers_and_loads() {
    let studio = seeded();
    assert_snapshot!(studio.lines(&["list databases", "list categories", "list clients"]).ok(), @"
    exit 0
    --- stdout
    ┌──────────┬───────────────────────────┬────────┐
    │ database ┆ root                      ┆ state  │
    ╞══════════╪═══════════════════════════╪════════╡
    │ WORK     ┆ $STUDIO/WORK   ┆ online │
    │ NAS      ┆ $STUDIO/NAS    ┆ online │
    │ SERVER   ┆ $STUDIO/SERVER ┆ online │
    └──────────┴───────────────────────────┴────────┘
    ┌──────────┬────────────────┐
    │ category ┆ path           │
    ╞══════════╪════════════════╡
    │ footage  ┆ footage        │
    │ project  ┆ projects       │
    │ render   ┆ scratch/render │
    │ delivery ┆ delivery/final │
    └──────────┴────────────────┘
    ┌────────┐
    │ client │
    ╞════════╡
    │ acme   │
    │ globex │
    └────────┘
    ");
}

#[test]
fn fetch_all_shows_every_project() {
    assert_snapshot!(seeded().script("fetch all\n").ok(), @"
    exit 0
    --- stdout
    acme/spot
    ┌──────────┬──────────────────────┬──────────────────────┬─────────┐
    │ category ┆ WORK                 ┆ NAS                  ┆ SERVER  │
    ╞══════════╪══════════════════════╪══════════════════════╪═════════╡
    │ footage  ┆ present, 1 file, 4 B ┆ missing              ┆ missing │
    │ project  ┆ present, 1 file, 4 B ┆ missing              ┆ missing │
    │ render   ┆ missing              ┆ present, 1 file, 5 B ┆ missing │
    │ delivery ┆ missing              ┆ missing              ┆ missing │
    └──────────┴──────────────────────┴──────────────────────┴─────────┘
      footage on WORK: $STUDIO/WORK/footage/acme/spot (scanned just now)
      project on WORK: $STUDIO/WORK/projects/acme/spot (scanned just now)
      render on NAS: $STUDIO/NAS/scratch/render/acme/spot (scanned just now)

    globex/film
    ┌──────────┬─────────┬─────────┬──────────────────────┐
    │ category ┆ WORK    ┆ NAS     ┆ SERVER               │
    ╞══════════╪═════════╪═════════╪══════════════════════╡
    │ footage  ┆ missing ┆ missing ┆ missing              │
    │ project  ┆ missing ┆ missing ┆ missing              │
    │ render   ┆ missing ┆ missing ┆ missing              │
    │ delivery ┆ missing ┆ missing ┆ present, 1 file, 4 B │
    └──────────┴─────────┴─────────┴──────────────────────┘
      delivery on SERVER: $STUDIO/SERVER/delivery/final/globex/film (scanned just now)
    ");
}

#[test]
fn client_projects_on_database_are_listed() {
    assert_snapshot!(seeded().script("list projects\nlist projects in acme\nlist projects in acme in NAS\nlist projects in globex in NAS\n").ok(), @"
    exit 0
    --- stdout
    ┌─────────────┐
    │ project     │
    ╞═════════════╡
    │ acme/spot   │
    │ globex/film │
    └─────────────┘
    ┌───────────┐
    │ project   │
    ╞═══════════╡
    │ acme/spot │
    └───────────┘
    ┌───────────┐
    │ project   │
    ╞═══════════╡
    │ acme/spot │
    └───────────┘
    no projects; `load` scans for them
    ");
}

#[test]
fn project_is_copied_between_storages() {
    let studio = seeded();
    assert_snapshot!(studio.script("copy acme/spot footage WORK NAS\nfetch project acme/spot\nexit\n").ok(), @"
    exit 0
    --- stdout
    copied and verified 1 file, 4 B in N s
    acme/spot
    ┌──────────┬──────────────────────┬──────────────────────┬─────────┐
    │ category ┆ WORK                 ┆ NAS                  ┆ SERVER  │
    ╞══════════╪══════════════════════╪══════════════════════╪═════════╡
    │ footage  ┆ present, 1 file, 4 B ┆ present, 1 file, 4 B ┆ missing │
    │ project  ┆ present, 1 file, 4 B ┆ missing              ┆ missing │
    │ render   ┆ missing              ┆ present, 1 file, 5 B ┆ missing │
    │ delivery ┆ missing              ┆ missing              ┆ missing │
    └──────────┴──────────────────────┴──────────────────────┴─────────┘
      footage on WORK: $STUDIO/WORK/footage/acme/spot (scanned just now)
      footage on NAS: $STUDIO/NAS/footage/acme/spot (scanned just now)
      project on WORK: $STUDIO/WORK/projects/acme/spot (scanned just now)
      render on NAS: $STUDIO/NAS/scratch/render/acme/spot (scanned just now)
    ");
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "reel");
}
