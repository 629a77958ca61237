//! What is gone from the source: told of, moved among the old versions with `--delete`, never erased, and never taken for
//! gone because it cannot be seen.

use std::fs;
use std::path::PathBuf;

use insta::assert_snapshot;

use super::{LINE, Site, old_versions};
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
fn what_is_deleted_is_kept_whole_among_the_old_versions() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("").sent(15);
    studio
        .remove("WORK/footage/acme/spot/f3")
        .remove("WORK/footage/acme/spot/plates");
    let deleted = site.sync("--delete").sent(0);
    let gone = ["footage/acme/spot/f3", "footage/acme/spot/plates/p1.exr"];
    assert_eq!(deleted.of("deleted"), gone);
    site.agrees();
    let kept = old_versions(server.folder());
    let expected = [(gone[0], "content 3"), (gone[1], "plate one")];
    let expected = expected.map(|(path, content)| (PathBuf::from(path), content.to_owned()));
    assert_eq!(kept, expected.into());
}

#[test]
fn what_comes_back_is_sent_again() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("").sent(15);
    studio.remove("WORK/footage/acme/spot/f3");
    site.sync("--delete").sent(0);
    studio.file("WORK/footage/acme/spot/f3", "content 3");
    site.sync("").sent(1);
    site.agrees();
    // One that stayed there is not sent again.
    studio.remove("WORK/footage/acme/spot/f4");
    site.sync("").sent(0);
    studio.file("WORK/footage/acme/spot/f4", "content 4");
    site.sync("").sent(0);
    site.agrees();
}

/// Fails unless `--delete` is refused, and nothing is deleted.
#[track_caller]
fn is_refused(site: &Site<'_>, server: &Server<'_>) {
    let before = site.studio.tree("remotes/sf/root");
    let refused = site.sync("--delete").status(1);
    assert!(
        refused.run.stderr.contains("nothing was deleted"),
        "{refused}"
    );
    assert_eq!(site.studio.tree("remotes/sf/root"), before);
    assert_eq!(site.states().last().unwrap(), "refused");
    assert_eq!(old_versions(server.folder()), [].into());
}

#[test]
fn more_than_half_is_deleted_only_by_force() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("").sent(15);
    for number in 0..8 {
        studio.remove(format!("WORK/footage/acme/spot/f{number}"));
    }
    is_refused(&site, &server);
    assert_snapshot!(site.lines(&[&format!("{LINE} --delete")]), @"
    exit 1
    --- stderr
    -c:1:1: error: 8 of 15 files that were synced to `CLOUD` are gone from `$STUDIO/WORK`
        sync all all WORK CLOUD --delete
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: nothing was deleted; see that the right disk is mounted; `--force` moves them among the old versions all the same
    ");
    assert_eq!(site.sync("").sent(0).count("gone"), 8);
    assert_eq!(site.sync("--delete --force").sent(0).count("deleted"), 8);
    site.agrees();
    assert_eq!(old_versions(server.folder()).len(), 8);
}

#[test]
fn just_half_is_deleted_without_force() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    for number in 0..4 {
        studio.file(format!("WORK/footage/acme/spot/f{number}"), "x");
    }
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("").sent(4);
    studio
        .remove("WORK/footage/acme/spot/f0")
        .remove("WORK/footage/acme/spot/f1");
    assert_eq!(site.sync("--delete").sent(0).count("deleted"), 2);
    site.agrees();
}

#[test]
fn a_source_of_which_all_is_gone_deletes_nothing() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("").sent(15);
    fs::rename(studio.path("WORK"), studio.path("AWAY")).unwrap();
    // Not even with force: a database that is not there is offline.
    for options in ["", "--delete", "--delete --force"] {
        site.sync(options).status(1);
        assert_eq!(site.states().last().unwrap(), "unreachable");
    }
    // A mount point without its disk.
    studio.folder("WORK");
    for options in ["", "--delete", "--delete --force"] {
        site.sync(options).status(1);
        assert_eq!(site.states().last().unwrap(), "unreachable");
    }
    studio.remove("WORK");
    fs::rename(studio.path("AWAY"), studio.path("WORK")).unwrap();
    site.sync("--delete").sent(0);
    site.agrees();
}

#[test]
fn a_category_that_is_not_there_deletes_nothing() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("").sent(15);
    // It holds fourteen of fifteen files.
    fs::rename(studio.path("WORK/footage"), studio.path("away")).unwrap();
    is_refused(&site, &server);
    studio.folder("WORK/footage");
    is_refused(&site, &server);
    fs::remove_dir(studio.path("WORK/footage")).unwrap();
    fs::rename(studio.path("away"), studio.path("WORK/footage")).unwrap();
    // And one of fifteen.
    fs::rename(studio.path("WORK/scratch"), studio.path("away")).unwrap();
    is_refused(&site, &server);
    fs::rename(studio.path("away"), studio.path("WORK/scratch")).unwrap();
    site.sync("--delete").sent(0);
    site.agrees();
}

#[test]
fn what_is_excluded_by_now_is_not_gone() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("").sent(15);
    let line = format!("{LINE} --delete");
    let run = site.lines(&["exclude f3", "exclude plates/", &line]).ok();
    assert!(
        !run.stdout.contains("gone") && !run.stdout.contains("old versions"),
        "{run}"
    );
    site.agrees();
}

#[test]
fn what_belongs_to_another_category_by_now_is_not_gone() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.file("WORK/scratch/render/acme/spot/f2.exr", "frame two");
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("").sent(16);
    let line = "sync all footage WORK CLOUD --delete";
    let run = site
        .lines(&["add category plates footage/acme/spot/plates", line])
        .ok();
    assert!(
        !run.stdout.contains("gone") && !run.stdout.contains("old versions"),
        "{run}"
    );
    site.agrees();
    // A sync of one category says nothing of the other.
    studio.remove("WORK/scratch/render/acme/spot/f1.exr");
    let other = site.line("sync all footage WORK CLOUD --delete").sent(0);
    assert_eq!(other.items.len(), 0, "{other}");
    let whole = site.sync("--delete").sent(0);
    assert_eq!(whole.of("deleted"), ["scratch/render/acme/spot/f1.exr"]);
}

#[test]
fn what_lies_in_a_folder_that_cannot_be_read_is_not_gone() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.folder("DISK");
    let root = remotes.alias("disk", &studio.path("DISK"));
    let site = Site::new(&remotes, &studio, &root);
    site.sync("").sent(15);
    // As a user whom permissions hold back.
    studio.mode("WORK/footage/acme/spot/plates", 0o000);
    let closed = site.as_user(&format!("{LINE} --delete")).status(3);
    assert_eq!(
        closed.count("deleted") + closed.count("gone"),
        0,
        "{closed}"
    );
    assert_eq!(closed.of("failed"), ["footage/acme/spot/plates"]);
    studio.mode("WORK/footage/acme/spot/plates", 0o700);
    studio.mode("WORK/footage/acme", 0o000);
    let closed = site.as_user(&format!("{LINE} --delete")).status(3);
    assert_eq!(
        closed.count("deleted") + closed.count("gone"),
        0,
        "{closed}"
    );
    studio.mode("WORK/footage/acme", 0o700);
    site.as_user(&format!("{LINE} --delete")).sent(0);
    site.agrees();
}

#[test]
fn what_cannot_be_moved_away_is_told_and_stays_on_record() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let mut server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("").sent(15);
    studio
        .remove("WORK/footage/acme/spot/plates/p1.exr")
        .remove("WORK/footage/acme/spot/f3");
    if !server.forbid("footage/acme/spot/plates") {
        return;
    }
    let partly = site.sync("--delete").status(3);
    assert_eq!(partly.of("deleted"), ["footage/acme/spot/f3"]);
    assert_eq!(partly.of("failed"), ["footage/acme/spot/plates/p1.exr"]);
    server.allow();
    let rest = site.sync("--delete").sent(0);
    assert_eq!(rest.of("deleted"), ["footage/acme/spot/plates/p1.exr"]);
    site.agrees();
}

#[test]
fn what_is_gone_at_both_ends_is_told_once_and_then_forgotten() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("").sent(15);
    studio.remove("WORK/footage/acme/spot/f3");
    fs::remove_file(server.folder().join("footage/acme/spot/f3")).unwrap();
    let synced = site.sync("--delete").sent(0);
    assert_eq!(synced.of("skipped"), ["footage/acme/spot/f3"]);
    assert_eq!(site.sync("--delete").sent(0).items.len(), 0);
}
