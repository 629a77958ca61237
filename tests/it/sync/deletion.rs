//! Files missing at the source: reported, moved to the old versions with `--delete`, never erased, and never recorded
//! as missing because they cannot be seen.

use std::fs;
use std::path::PathBuf;

use insta::assert_snapshot;

use super::{LINE, SyncStudio, kept_versions};
use crate::servers::{Remotes, Server};
use crate::studio::Studio;

/// A studio with ten more files in its project acme/spot.
fn studio() -> Studio {
    let studio = Studio::filled();
    for number in 0..10 {
        studio.file(
            format!("WORK/footage/acme/spot/f{number}"),
            format!("content {number}"),
        );
    }
    studio
}

#[test]
fn deleted_files_are_kept_as_versions() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(15);
    studio
        .remove("WORK/footage/acme/spot/f3")
        .remove("WORK/footage/acme/spot/plates");
    let deleted = site.sync("--delete").assert_sent(0);
    let gone = ["footage/acme/spot/f3", "footage/acme/spot/plates/p1.exr"];
    assert_eq!(deleted.paths_with("deleted"), gone);
    site.assert_mirrored();
    let kept = kept_versions(server.folder());
    let expected = [(gone[0], "content 3"), (gone[1], "plate one")];
    let expected = expected.map(|(path, content)| (PathBuf::from(path), content.to_owned()));
    assert_eq!(kept, expected.into());
}

#[test]
fn restored_files_are_sent_again() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(15);
    studio.remove("WORK/footage/acme/spot/f3");
    site.sync("--delete").assert_sent(0);
    studio.file("WORK/footage/acme/spot/f3", "content 3");
    site.sync("").assert_sent(1);
    site.assert_mirrored();
    // A file that stayed there is not sent again.
    studio.remove("WORK/footage/acme/spot/f4");
    site.sync("").assert_sent(0);
    studio.file("WORK/footage/acme/spot/f4", "content 4");
    site.sync("").assert_sent(0);
    site.assert_mirrored();
}

/// Fails unless `--delete` is refused and nothing is deleted.
#[track_caller]
fn assert_refused(site: &SyncStudio<'_>, server: &Server<'_>) {
    let before = site.studio.tree("remotes/sf/root");
    let refused = site.sync("--delete").status(1);
    assert!(
        refused.run.stderr.contains("nothing was deleted"),
        "{refused}"
    );
    assert_eq!(site.studio.tree("remotes/sf/root"), before);
    assert_eq!(site.run_states().last().unwrap(), "refused");
    assert_eq!(kept_versions(server.folder()), [].into());
}

#[test]
fn deleting_more_than_half_requires_force() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(15);
    for number in 0..8 {
        studio.remove(format!("WORK/footage/acme/spot/f{number}"));
    }
    assert_refused(&site, &server);
    assert_snapshot!(site.lines(&[&format!("{LINE} --delete")]), @"
    exit 1
    --- stderr
    -c:1:1: error: 8 of 15 files synced to `CLOUD` are missing from `$STUDIO/WORK`
        sync all all WORK CLOUD --delete
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: nothing was deleted; check that the right disk is mounted; `--force` moves these files to the old versions anyway
    ");
    assert_eq!(site.sync("").assert_sent(0).count("gone"), 8);
    assert_eq!(
        site.sync("--delete --force")
            .assert_sent(0)
            .count("deleted"),
        8
    );
    site.assert_mirrored();
    assert_eq!(kept_versions(server.folder()).len(), 8);
}

#[test]
fn deleting_half_needs_no_force() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    for number in 0..4 {
        studio.file(format!("WORK/footage/acme/spot/f{number}"), "x");
    }
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(4);
    studio
        .remove("WORK/footage/acme/spot/f0")
        .remove("WORK/footage/acme/spot/f1");
    assert_eq!(site.sync("--delete").assert_sent(0).count("deleted"), 2);
    site.assert_mirrored();
}

#[test]
fn missing_source_deletes_nothing() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(15);
    fs::rename(studio.path("WORK"), studio.path("AWAY")).unwrap();
    // Not even with force: a missing database is offline.
    for options in ["", "--delete", "--delete --force"] {
        site.sync(options).status(1);
        assert_eq!(site.run_states().last().unwrap(), "unreachable");
    }
    // A mount point without its disk.
    studio.folder("WORK");
    for options in ["", "--delete", "--delete --force"] {
        site.sync(options).status(1);
        assert_eq!(site.run_states().last().unwrap(), "unreachable");
    }
    studio.remove("WORK");
    fs::rename(studio.path("AWAY"), studio.path("WORK")).unwrap();
    site.sync("--delete").assert_sent(0);
    site.assert_mirrored();
}

#[test]
fn missing_category_deletes_nothing() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(15);
    // Fourteen of fifteen files are missing.
    fs::rename(studio.path("WORK/footage"), studio.path("away")).unwrap();
    assert_refused(&site, &server);
    studio.folder("WORK/footage");
    assert_refused(&site, &server);
    fs::remove_dir(studio.path("WORK/footage")).unwrap();
    fs::rename(studio.path("away"), studio.path("WORK/footage")).unwrap();
    // The last one is missing too.
    fs::rename(studio.path("WORK/scratch"), studio.path("away")).unwrap();
    assert_refused(&site, &server);
    fs::rename(studio.path("away"), studio.path("WORK/scratch")).unwrap();
    site.sync("--delete").assert_sent(0);
    site.assert_mirrored();
}

#[test]
fn newly_excluded_files_are_not_deleted() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(15);
    let line = format!("{LINE} --delete");
    let run = site.lines(&["exclude f3", "exclude plates/", &line]).ok();
    assert!(
        !run.stdout.contains("gone") && !run.stdout.contains("old versions"),
        "{run}"
    );
    site.assert_mirrored();
}

#[test]
fn files_in_new_category_are_not_deleted() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.file("WORK/scratch/render/acme/spot/f2.exr", "frame two");
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(16);
    let line = "sync all footage WORK CLOUD --delete";
    let run = site
        .lines(&["add category plates footage/acme/spot/plates", line])
        .ok();
    assert!(
        !run.stdout.contains("gone") && !run.stdout.contains("old versions"),
        "{run}"
    );
    site.assert_mirrored();
    // A sync of one category does not concern the other.
    studio.remove("WORK/scratch/render/acme/spot/f1.exr");
    let other = site
        .sync_line("sync all footage WORK CLOUD --delete")
        .assert_sent(0);
    assert_eq!(other.items.len(), 0, "{other}");
    let whole = site.sync("--delete").assert_sent(0);
    assert_eq!(
        whole.paths_with("deleted"),
        ["scratch/render/acme/spot/f1.exr"]
    );
}

#[test]
fn files_in_unreadable_folder_are_not_deleted() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.folder("DISK");
    let root = remotes.alias("disk", &studio.path("DISK"));
    let site = SyncStudio::new(&remotes, &studio, &root);
    site.sync("").assert_sent(15);
    // Without root's privileges.
    studio.mode("WORK/footage/acme/spot/plates", 0o000);
    let closed = site.as_user(&format!("{LINE} --delete")).status(3);
    assert_eq!(
        closed.count("deleted") + closed.count("gone"),
        0,
        "{closed}"
    );
    assert_eq!(closed.paths_with("failed"), ["footage/acme/spot/plates"]);
    studio.mode("WORK/footage/acme/spot/plates", 0o700);
    studio.mode("WORK/footage/acme", 0o000);
    let closed = site.as_user(&format!("{LINE} --delete")).status(3);
    assert_eq!(
        closed.count("deleted") + closed.count("gone"),
        0,
        "{closed}"
    );
    studio.mode("WORK/footage/acme", 0o700);
    site.as_user(&format!("{LINE} --delete")).assert_sent(0);
    site.assert_mirrored();
}

#[test]
fn undeletable_files_are_reported_and_remembered() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let mut server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(15);
    studio
        .remove("WORK/footage/acme/spot/plates/p1.exr")
        .remove("WORK/footage/acme/spot/f3");
    if !server.forbid("footage/acme/spot/plates") {
        return;
    }
    let partly = site.sync("--delete").status(3);
    assert_eq!(partly.paths_with("deleted"), ["footage/acme/spot/f3"]);
    assert_eq!(
        partly.paths_with("failed"),
        ["footage/acme/spot/plates/p1.exr"]
    );
    server.allow();
    let rest = site.sync("--delete").assert_sent(0);
    assert_eq!(
        rest.paths_with("deleted"),
        ["footage/acme/spot/plates/p1.exr"]
    );
    site.assert_mirrored();
}

#[test]
fn files_missing_at_both_ends_are_forgotten() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(15);
    studio.remove("WORK/footage/acme/spot/f3");
    fs::remove_file(server.folder().join("footage/acme/spot/f3")).unwrap();
    let synced = site.sync("--delete").assert_sent(0);
    assert_eq!(synced.paths_with("skipped"), ["footage/acme/spot/f3"]);
    assert_eq!(site.sync("--delete").assert_sent(0).items.len(), 0);
}
