//! Two runs at once to one destination, and two sources that send to one destination.

use super::{LINE, SyncStudio, files, wait_for_files, write_large_files};
use crate::servers::{Remotes, Server};
use crate::studio::{CHANGED, Studio};

#[test]
fn second_run_is_refused_naming_first() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    write_large_files(&studio, 40, 1 << 20);
    let mut first = site.start_sync("--bwlimit 1M");
    wait_for_files(&mut first, server.folder(), 1);
    let process = first.id();
    for line in [LINE, "copy all all WORK CLOUD", "sync all all NAS CLOUD"] {
        let second = site.json(line).status(5);
        let said = &second.stderr;
        assert!(
            said.contains("another run has locked `CLOUD`: run 1"),
            "{second}"
        );
    }
    // Printed unchanged, with the process ID.
    let mut command = site.command();
    let output = command.args(["-c", LINE]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains(&format!("run 1 of process {process} ")),
        "{said}"
    );
    // A count or a dry run needs no lock.
    site.sync("--count").status(0);
    assert!(first.try_wait().unwrap().is_none(), "it ended before");
    first.kill().unwrap();
    first.wait().unwrap();
    let left = files(server.folder()).len();
    assert!(left < 40);
    site.sync("").status(0);
    site.assert_mirrored();
}

#[test]
fn files_of_another_source_are_kept() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio
        .file("NAS/footage/acme/spot/only nas", "nas")
        .file("NAS/footage/acme/other/x", "nas");
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(5);
    site.sync_line("sync all all NAS CLOUD").assert_sent(2);
    for line in [LINE, "sync all all NAS CLOUD"] {
        let synced = site.sync_line(&format!("{line} --delete")).assert_sent(0);
        assert_eq!(synced.items.len(), 0, "{synced}");
    }
    // Each deletes only its own files.
    studio.remove("NAS/footage/acme/spot/only nas");
    let nas = site
        .sync_line("sync all all NAS CLOUD --delete")
        .assert_sent(0);
    assert_eq!(nas.paths_with("deleted"), ["footage/acme/spot/only nas"]);
    studio.remove("WORK/footage/acme/spot/reel.mov");
    assert_eq!(
        site.sync_line("sync all all NAS CLOUD --delete")
            .assert_sent(0)
            .items
            .len(),
        0
    );
    let work = site.sync("--delete").assert_sent(0);
    assert_eq!(work.paths_with("deleted"), ["footage/acme/spot/reel.mov"]);
}

#[test]
fn sources_replace_each_others_files() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.file_at(
        "NAS/footage/acme/spot/reel.mov",
        "the one of nas",
        CHANGED + 60,
    );
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    let reel = || studio.read("remotes/sf/root/footage/acme/spot/reel.mov");
    site.sync("").assert_sent(5);
    site.sync_line("sync all all NAS CLOUD").assert_sent(1);
    assert_eq!(reel(), "the one of nas");
    site.sync("").assert_sent(1);
    assert_eq!(reel(), "reel");
    site.sync_line("sync all all NAS CLOUD --delete")
        .assert_sent(1);
    assert_eq!(reel(), "the one of nas");
    // A file that both sources have is sent by neither again.
    studio.file("NAS/footage/acme/spot/reel.mov", "reel");
    site.sync_line("sync all all NAS CLOUD").assert_sent(1);
    site.sync("").assert_sent(0);
    site.sync_line("sync all all NAS CLOUD").assert_sent(0);
    site.assert_mirrored();
}
