//! Two runs at once at one destination, and two sources that send to one destination.

use super::{LINE, Site, files, large_files, wait_for_files};
use crate::servers::{Remotes, Server};
use crate::studio::{CHANGED, Studio};

#[test]
fn a_second_run_to_a_destination_is_refused_and_told_who_is_at_work() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    large_files(&studio, 40, 1 << 20);
    let mut first = site.begin("--bwlimit 1M");
    wait_for_files(&mut first, server.folder(), 1);
    let process = first.id();
    for line in [LINE, "copy all all WORK CLOUD", "sync all all NAS CLOUD"] {
        let second = site.json(line).status(5);
        let said = &second.stderr;
        assert!(
            said.contains("another run is at work on `CLOUD`: run 1"),
            "{second}"
        );
    }
    // Shown as it is, with the number of the process.
    let mut command = site.command();
    let output = command.args(["-c", LINE]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains(&format!("run 1 of process {process} ")),
        "{said}"
    );
    // Who only looks or counts does not have to wait.
    site.sync("--count").status(0);
    assert!(first.try_wait().unwrap().is_none(), "it ended before");
    first.kill().unwrap();
    first.wait().unwrap();
    let left = files(server.folder()).len();
    assert!(left < 40);
    site.sync("").status(0);
    site.agrees();
}

#[test]
fn what_another_source_sent_is_not_gone() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio
        .file("NAS/footage/acme/spot/only nas", "nas")
        .file("NAS/footage/acme/other/x", "nas");
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("").sent(5);
    site.line("sync all all NAS CLOUD").sent(2);
    for line in [LINE, "sync all all NAS CLOUD"] {
        let synced = site.line(&format!("{line} --delete")).sent(0);
        assert_eq!(synced.items.len(), 0, "{synced}");
    }
    // Each deletes only its own.
    studio.remove("NAS/footage/acme/spot/only nas");
    let nas = site.line("sync all all NAS CLOUD --delete").sent(0);
    assert_eq!(nas.of("deleted"), ["footage/acme/spot/only nas"]);
    studio.remove("WORK/footage/acme/spot/reel.mov");
    assert_eq!(
        site.line("sync all all NAS CLOUD --delete")
            .sent(0)
            .items
            .len(),
        0
    );
    let work = site.sync("--delete").sent(0);
    assert_eq!(work.of("deleted"), ["footage/acme/spot/reel.mov"]);
}

#[test]
fn what_one_source_replaced_is_sent_again_by_the_other() {
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
    let site = Site::new(&remotes, &studio, server.root());
    let reel = || studio.read("remotes/sf/root/footage/acme/spot/reel.mov");
    site.sync("").sent(5);
    site.line("sync all all NAS CLOUD").sent(1);
    assert_eq!(reel(), "the one of nas");
    site.sync("").sent(1);
    assert_eq!(reel(), "reel");
    site.line("sync all all NAS CLOUD --delete").sent(1);
    assert_eq!(reel(), "the one of nas");
    // Where both hold the same, neither sends it again.
    studio.file("NAS/footage/acme/spot/reel.mov", "reel");
    site.line("sync all all NAS CLOUD").sent(1);
    site.sync("").sent(0);
    site.line("sync all all NAS CLOUD").sent(0);
    site.agrees();
}
