//! Proof of each server: files copied there exist, and are missing while the server is stopped.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::{Remotes, Server, old_rclone, rclone};
use crate::studio::Studio;

/// Names that cause trouble for some servers.
const NAMES: [&str; 5] = [
    "Bob's/long film/x.mov",
    "größe/日本.exr",
    "odd/100% #1 a+b & c?.mov",
    "plain.mov",
    "snow ☃/e\u{301}.mov",
];

/// A studio with a folder `WORK` of files with such names.
fn studio() -> Studio {
    let studio = Studio::new();
    for name in NAMES {
        studio.file(format!("WORK/{name}"), name);
    }
    studio
}

/// Copies there, and finds the files again after a restart of the server.
#[track_caller]
fn assert_transfers(remotes: &Remotes<'_>, server: &mut Server<'_>, studio: &Studio) {
    let work = studio.path("WORK");
    let root = server.root().to_owned();
    remotes.stdout_of(&["copy", work.to_str().unwrap(), &root]);
    let listed = remotes.stdout_of(&["lsf", "-R", "--files-only", &root]);
    let mut listed: Vec<_> = listed.lines().collect();
    listed.sort_unstable();
    assert_eq!(listed, NAMES);
    for name in NAMES {
        assert_eq!(
            fs::read_to_string(server.folder().join(name)).unwrap(),
            name
        );
    }
    remotes.assert_mirrored(&work, &root);
    server.stop();
    let output = remotes.output(&["lsf", &root]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("connection refused"), "{said}");
    assert_ne!(remotes.differences(&work, &root), "");
    server.restart();
    remotes.assert_mirrored(&work, &root);
    fs::write(server.folder().join("another.mov"), "x").unwrap();
    assert_eq!(remotes.differences(&work, &root), "- another.mov");
}

#[test]
fn sftp_server_transfers_files() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let mut server = Server::sftp(&remotes, "sf");
    assert_transfers(&remotes, &mut server, &studio);
    let hashed = remotes.output(&["md5sum", &server.address("plain.mov")]);
    assert!(!hashed.status.success(), "{hashed:?}");
}

#[test]
fn sftp_shell_server_transfers_and_hashes() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let mut server = Server::sftp_with_shell(&remotes, "sf");
    assert_transfers(&remotes, &mut server, &studio);
    let hashed = remotes.stdout_of(&["md5sum", &server.address("plain.mov")]);
    assert!(hashed.ends_with("plain.mov\n"), "{hashed}");
}

#[test]
fn s3_server_transfers_files() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    assert_transfers(&remotes, &mut Server::s3(&remotes, "s3"), &studio);
}

#[test]
fn webdav_server_transfers_files() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    assert_transfers(&remotes, &mut Server::webdav(&remotes, "dav"), &studio);
}

#[test]
fn crypt_and_alias_remotes_transfer_files() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let work = studio.path("WORK");
    studio.folder("NAS");
    for root in [
        remotes.crypt("secret", &server.address("hidden")),
        remotes.alias("nas", &studio.path("NAS")),
    ] {
        remotes.stdout_of(&["copy", work.to_str().unwrap(), &root]);
        remotes.assert_mirrored(&work, &root);
    }
    let hidden = studio.tree("remotes/sf/root/hidden");
    assert!(!hidden.contains("plain.mov"), "{hidden}");
    assert!(studio.tree("NAS").contains("plain.mov"));
}

#[test]
fn old_rclone_reaches_every_server() {
    let studio = studio();
    let (Some(remotes), Some(old)) = (Remotes::new(&studio), old_rclone()) else {
        return;
    };
    let work = studio.path("WORK");
    let servers = [
        Server::sftp(&remotes, "sf"),
        Server::s3(&remotes, "s3"),
        Server::webdav(&remotes, "dav"),
    ];
    for server in servers {
        let mut copy = remotes.with(old);
        copy.arg("copy").arg(&work).arg(server.root());
        let output = copy.output().unwrap();
        assert!(output.status.success(), "{output:?} {}", server.log());
        remotes.assert_mirrored(&work, server.root());
    }
}

#[test]
fn other_programs_find_the_remotes() {
    let studio = studio();
    let (Some(remotes), Some(rclone)) = (Remotes::new(&studio), rclone()) else {
        return;
    };
    remotes.alias("nas", &studio.path("NAS"));
    let mut shell = studio.other_program("sh");
    shell.args(["-c", "command -v rclone; rclone listremotes"]);
    let run = studio
        .finish(remotes.add_to_environment(rclone, &mut shell))
        .ok();
    assert_eq!(run.stdout, format!("{}\nnas:\n", rclone.display()));
}

#[test]
fn forbidden_paths_are_refused_to_root() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    for mut server in [
        Server::sftp(&remotes, "sf"),
        Server::webdav(&remotes, "dav"),
    ] {
        let (work, root) = (studio.path("WORK"), server.root().to_owned());
        remotes.stdout_of(&["copy", work.to_str().unwrap(), &root]);
        if !server.forbid("plain.mov") {
            return;
        }
        assert_eq!(remotes.differences(&work, &root), "! plain.mov");
        server.allow();
        remotes.assert_mirrored(&work, &root);
        assert!(server.forbid("größe"));
        let put = remotes.output(&["rcat", &server.address("größe/new.mov")]);
        assert!(!put.status.success(), "{put:?}");
        assert!(server.forbid("odd"));
    }
}

#[test]
fn full_server_disk_fails_unfitting_files() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let Some((_disk, server)) = Server::sftp_on_small_disk(&remotes, "sf", "1m") else {
        return;
    };
    studio.file("WORK/large.mov", vec![7; 3 << 20]);
    let work = studio.path("WORK");
    // One file at a time: another one beside the large file may have no space either.
    let words = ["copy", "--transfers=1", work.to_str().unwrap()];
    let output = remotes.output(&[&words[..], &[server.root()]].concat());
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(remotes.differences(&work, server.root()), "+ large.mov");
}

#[test]
fn stopped_server_interrupts_transfers() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.file("WORK/large.mov", vec![7; 16 << 20]);
    for mut server in [
        Server::sftp(&remotes, "sf"),
        Server::s3(&remotes, "s3"),
        Server::webdav(&remotes, "dav"),
    ] {
        let mut copy = remotes.rclone();
        copy.args(["copy", "--bwlimit=1M"]).arg(studio.path("WORK"));
        copy.arg(server.root()).stderr(Stdio::null());
        let mut copy = copy.spawn().unwrap();
        while fs::read_dir(server.folder()).unwrap().next().is_none() {
            assert!(copy.try_wait().unwrap().is_none(), "it went too fast");
            thread::sleep(Duration::from_millis(5));
        }
        server.stop();
        assert!(!copy.wait().unwrap().success());
    }
}
