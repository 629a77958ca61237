//! Reports of syncs: the page, the history, the monthly log.

use std::fs;

use insta::assert_snapshot;

use super::{LINE, SyncStudio};
use crate::servers::{Remotes, Server};
use crate::studio::{CHANGED, Studio};

/// Returns the address of a remote behind a folder, so that its name is constant.
fn alias(remotes: &Remotes<'_>, studio: &Studio) -> String {
    studio.folder("DISK");
    remotes.alias("disk", &studio.path("DISK"))
}

#[test]
fn sync_prints_counts_and_problems() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let site = SyncStudio::new(&remotes, &studio, &alias(&remotes, &studio));
    assert_snapshot!(site.lines(&[LINE]).ok(), @"
    exit 0
    --- stdout
    sent 5 files, 25 B in N s
    ");
    assert_snapshot!(site.lines(&[LINE]).ok(), @"
    exit 0
    --- stdout
    sent 0 files, 0 B in N s; 5 already there
    ");
    studio
        .file_at("WORK/footage/acme/spot/reel.mov", "another", CHANGED + 60)
        .file("WORK/footage/acme/spot/new", "new")
        .remove("WORK/footage/acme/teaser/t.mov");
    assert_snapshot!(site.lines(&[&format!("{LINE} --count")]).ok(), @"
    exit 0
    --- stdout
    would send 2 files, 10 B; 3 already there; 1 missing on WORK
    1 file is gone from WORK and stays on CLOUD; `--delete` moves it to the old versions there
    ");
    assert_snapshot!(site.lines(&[&format!("{LINE} --dry-run")]).ok(), @"
    exit 0
    --- stdout
    would send 2 files, 10 B; 3 already there; 1 missing on WORK
    planned disk:footage/acme/spot/new: add
    planned disk:footage/acme/spot/reel.mov: replace, keeping the old version
    1 file is gone from WORK and stays on CLOUD; `--delete` moves it to the old versions there
    ");
    assert_snapshot!(site.lines(&[LINE]).ok(), @"
    exit 0
    --- stdout
    sent 2 files, 10 B in N s; 1 of these replaced an older version; 3 already there; 1 missing on WORK
    old versions: disk:.auto-backup/versions/RUN-3
    1 file is gone from WORK and stays on CLOUD; `--delete` moves it to the old versions there
    ");
    assert_snapshot!(site.lines(&[&format!("{LINE} --delete")]).ok(), @"
    exit 0
    --- stdout
    sent 0 files, 0 B in N s; 5 already there; 1 moved to the old versions
    moved to old versions disk:footage/acme/teaser/t.mov
    old versions: disk:.auto-backup/versions/RUN-4
    ");
}

#[test]
fn history_records_every_sync() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let mut server = Server::sftp(&remotes, "sf");
    let root = server.root().to_owned();
    let site = SyncStudio::new(&remotes, &studio, &root);
    let first = site.sync("").assert_sent(5);
    assert_eq!(first.document["run"], 1);
    fs::create_dir(server.folder().join("footage/acme/spot/closed")).unwrap();
    studio.file("WORK/footage/acme/spot/closed/f", "f");
    if !server.forbid("footage/acme/spot/closed") {
        return;
    }
    let second = site.sync("").status(3);
    assert_eq!(second.document["run"], 2);
    server.allow();
    studio
        .remove("WORK/footage/acme")
        .folder("WORK/footage/acme");
    site.sync("--delete").status(1);
    server.stop();
    site.sync("").status(1);
    assert_eq!(
        site.run_states(),
        ["complete", "partial", "refused", "unreachable"]
    );

    // The monthly log names the failed file, and the reason of a refused run.
    let state = studio.path("home/.local/state/auto-backup");
    let logs = fs::read_dir(state)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let logs = logs.filter(|path| path.extension().is_some_and(|end| end == "log"));
    let log: String = logs.map(|path| fs::read_to_string(path).unwrap()).collect();
    for words in [
        "run 1, complete: sync all all from WORK to CLOUD",
        "run 2, partial: sync all all from WORK to CLOUD",
        "  failed ",
        "footage/acme/spot/closed/f: ",
        "run 3, refused: sync",
        "are missing from",
        "run 4, unreachable: sync",
        "cannot be reached",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
}

#[test]
fn run_items_match_the_answer() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let site = SyncStudio::new(&remotes, &studio, &alias(&remotes, &studio));
    let first = site.sync("").assert_sent(5);
    site.assert_in_history(&first);
    studio
        .file_at("WORK/footage/acme/spot/reel.mov", "another", CHANGED + 60)
        .remove("WORK/footage/acme/teaser/t.mov");
    let second = site.sync("").assert_sent(1);
    site.assert_in_history(&second);
    let third = site.sync("--delete").assert_sent(0);
    site.assert_in_history(&third);
}

#[test]
fn synced_files_are_indexed_without_scan() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    let known = || {
        let document = site.json("compare all all WORK CLOUD").document();
        (
            document["same"].clone(),
            document["only_a"].clone(),
            document["differs"].clone(),
        )
    };
    site.sync("").assert_sent(5);
    assert_eq!(known(), (5.into(), 0.into(), 0.into()));
    studio.file_at("WORK/footage/acme/spot/reel.mov", "another", CHANGED + 60);
    studio.remove("WORK/footage/acme/teaser/t.mov");
    site.sync("--delete").assert_sent(1);
    let before = known();
    site.lines(&["load CLOUD"]).ok();
    assert_eq!(known(), before);
    assert_eq!(before, (4.into(), 0.into(), 0.into()));
}
