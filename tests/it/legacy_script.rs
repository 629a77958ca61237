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
    storage  root                       state   size  files  projects     free   total  newest        scanned   medium
    WORK     $STUDIO/WORK    online   8 B      2         1  FREE  TOTAL  NNN days ago  just now  MEDIUM
    NAS      $STUDIO/NAS     online   5 B      1         1  FREE  TOTAL  NNN days ago  just now  MEDIUM
    SERVER   $STUDIO/SERVER  online   4 B      1         1  FREE  TOTAL  NNN days ago  just now  MEDIUM
    3 storages, 4 files, 17 B
    category  path            size  files  projects  copies  newest        scanned
    footage   footage          4 B      1         1       1  NNN days ago  just now
    project   projects         4 B      1         1       1  NNN days ago  just now
    render    scratch/render   5 B      1         1       1  NNN days ago  just now
    delivery  delivery/final   4 B      1         1       1  NNN days ago  just now
    4 categories, 4 files, 17 B
    client  size  files  projects  copies  newest        scanned   on
    acme    13 B      3         1       1  NNN days ago  just now  WORK, NAS
    globex   4 B      1         1       1  NNN days ago  just now  SERVER
    2 clients, 4 files, 17 B
    ");
}

#[test]
fn fetch_all_shows_every_project() {
    assert_snapshot!(seeded().script("fetch all\n").ok(), @"
    exit 0
    --- stdout
    project      size  WORK                   NAS                   SERVER
    acme/spot    13 B  lacks 1, 2 files, 8 B  lacks 2, 1 file, 5 B
    globex/film  4 B                                                whole, 1 file, 4 B
    2 projects, 4 files, 17 B
    scanned: WORK, NAS, SERVER just now
    ");
}

#[test]
fn client_projects_on_database_are_listed() {
    assert_snapshot!(seeded().script("list projects\nlist projects in acme\nlist projects in acme in NAS\nlist projects in globex in NAS\n").ok(), @"
    exit 0
    --- stdout
    project      size  files  copies  newest        scanned   on
    acme/spot    13 B      3       1  NNN days ago  just now  WORK, NAS
    globex/film   4 B      1       1  NNN days ago  just now  SERVER
    2 projects, 4 files, 17 B
    project    size  files  copies  newest        scanned   on
    acme/spot  13 B      3       1  NNN days ago  just now  WORK, NAS
    1 project, 3 files, 13 B
    project    size  files  copies  newest        scanned   on
    acme/spot   5 B      1       1  NNN days ago  just now  NAS
    1 project, 1 file, 5 B
    no projects match
    ");
}

#[test]
fn project_is_copied_between_storages() {
    let studio = seeded();
    assert_snapshot!(studio.script("copy acme/spot footage WORK NAS\nfetch project acme/spot\nexit\n").ok(), @"
    exit 0
    --- stdout
    copied and verified 1 file, 4 B in N s
    acme/spot  3 files, 13 B
    ┌──────────┬────────────────────┬────────────────────┬─────────┐
    │ category ┆ WORK               ┆ NAS                ┆ SERVER  │
    ╞══════════╪════════════════════╪════════════════════╪═════════╡
    │ footage  ┆ whole, 1 file, 4 B ┆ whole, 1 file, 4 B ┆ missing │
    │ project  ┆ whole, 1 file, 4 B ┆ missing            ┆ missing │
    │ render   ┆ missing            ┆ whole, 1 file, 5 B ┆ missing │
    └──────────┴────────────────────┴────────────────────┴─────────┘
    on no storage: delivery
    policy: footage 1 of 2 copies, on WORK, NAS (one medium); SERVER shares its medium; `--medium` of `add database` states media
        add database NAME FOLDER
    policy: project 1 of 2 copies, on WORK; NAS, SERVER share its medium; `--medium` of `add database` states media
        add database NAME FOLDER
    policy: render 1 of 2 copies, on NAS; WORK, SERVER share its medium; `--medium` of `add database` states media
        add database NAME FOLDER
    scanned: WORK, NAS, SERVER just now
    ");
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "reel");
}
