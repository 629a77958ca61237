//! A storage that cannot be reached: the messages, and that nothing is forgotten or started.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use serde_json::json;

use super::RemoteStudio;
use crate::servers::{Remotes, Server};
use crate::studio::Studio;

/// Runs a check in a new studio.
fn with_studio(check: impl Fn(&RemoteStudio<'_>)) {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    check(&RemoteStudio {
        studio: &studio,
        remotes: &remotes,
    });
}

/// Fails unless scanning CLOUD and copying to it both report this reason, copy nothing, and keep the previous scan with
/// this number of files.
#[track_caller]
fn assert_message(place: &RemoteStudio<'_>, files: u64, what: &str) {
    assert_message_of(place, &mut || place.command(), files, what);
}

/// Runs that check with commands prepared by a closure.
#[track_caller]
fn assert_message_of(
    place: &RemoteStudio<'_>,
    command: &mut dyn FnMut() -> Command,
    files: u64,
    what: &str,
) {
    let load = ["--format", "json", "-c", "load CLOUD"];
    let run = place.studio.finish(command().args(load)).status(3);
    let database = &run.document()["databases"][0];
    let counts = [&database["state"], &database["files"]];
    assert_eq!(json!(counts), json!(["offline", files]), "{run}");
    assert!(run.stderr.contains(what), "{run}");
    for line in [
        "copy acme/spot footage WORK CLOUD",
        "copy acme/spot footage CLOUD NAS",
    ] {
        let run = place.studio.finish(command().args(["-c", line])).status(1);
        assert!(run.stderr.contains(what), "{run}");
        assert_eq!(run.stdout, "", "{run}");
        let history = place.json("history --last 1").document();
        assert_eq!(history["runs"][0]["state"], "unreachable", "{history}");
    }
    assert_eq!(place.studio.tree("NAS"), "");
}

fn set(place: &RemoteStudio<'_>, remote: &str, setting: &str, value: &str) {
    place.remotes.stdout_of(&[
        "config",
        "update",
        remote,
        setting,
        value,
        "--non-interactive",
    ]);
}

#[test]
fn refused_connection_is_reported() {
    with_studio(|place| {
        for kind in [Server::sftp, Server::s3, Server::webdav] {
            let mut server = kind(place.remotes, "cloud");
            let start_up = "home/.config/auto-backup/.config";
            let before = place.studio.read(start_up);
            place.add_database("CLOUD", server.root());
            place.copy_by_rclone(server.root());
            place.lines(&["load CLOUD"]).ok();
            server.stop();
            assert_message(
                place,
                5,
                "refused the connection: the host is up, but the server is not running",
            );
            server.restart();
            let counts = place.scan_fields("load CLOUD", &["state", "files", "gone"]);
            assert_eq!(json!(counts), json!(["complete", 5, 0]));
            drop(server);
            place.studio.file(start_up, before).remove("remotes/cloud");
        }
    });
}

#[test]
fn unknown_remote_is_reported() {
    with_studio(|place| {
        place.add_database("CLOUD", "nosuch:studio");
        assert_message(place, 0, "is on a remote that is not configured in rclone");
    });
}

#[test]
fn rejected_credentials_are_reported() {
    with_studio(|place| {
        let server = Server::sftp(place.remotes, "cloud");
        place.add_database("CLOUD", server.root());
        let other = place.studio.path("other");
        let mut make = Command::new("ssh-keygen");
        make.args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&other);
        assert!(make.status().unwrap().success());
        set(place, "cloud", "key_file", other.to_str().unwrap());
        assert_message(place, 0, "rejected the key, user or password");
    });
    with_studio(|place| {
        let server = Server::s3(place.remotes, "cloud");
        place.add_database("CLOUD", server.root());
        set(place, "cloud", "access_key_id", "ANOTHERKEY");
        assert_message(place, 0, "rejected the key, user or password");
    });
    with_studio(|place| {
        let server = Server::webdav(place.remotes, "cloud");
        place.add_database("CLOUD", server.root());
        set(place, "cloud", "user", "somebody");
        assert_message(place, 0, "rejected the key, user or password");
    });
}

#[test]
fn missing_bucket_or_folder_is_reported() {
    with_studio(|place| {
        let _server = Server::s3(place.remotes, "cloud");
        place.add_database("CLOUD", "cloud:nosuchbucket");
        assert_message(place, 0, "does not exist: no such bucket or folder");
    });
    with_studio(|place| {
        let server = Server::sftp(place.remotes, "cloud");
        place.add_database("CLOUD", &server.address("nowhere"));
        assert_message(place, 0, "does not exist: no such bucket or folder");
        assert!(!fs::exists(server.folder().join("nowhere")).unwrap());
    });
}

#[test]
fn changed_host_key_is_refused() {
    with_studio(|place| {
        let server = Server::sftp(place.remotes, "cloud");
        place.add_database("CLOUD", server.root());
        let known = place.studio.path("remotes/cloud/known_hosts");
        let text = fs::read_to_string(&known).unwrap();
        let user = place.studio.read("remotes/cloud/user.pub");
        let address = text.split_whitespace().next().unwrap();
        fs::write(&known, format!("{address} {user}")).unwrap();
        assert_message(
            place,
            0,
            "presented an unexpected host key: it may be another machine",
        );
    });
}

#[test]
fn silent_server_times_out() {
    with_studio(|place| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let settings = [
            ("type", "webdav".to_owned()),
            ("vendor", "other".to_owned()),
            ("url", url),
        ];
        place.remotes.add("cloud", &settings);
        place.add_database("CLOUD", "cloud:");
        let run = place.lines(&["load CLOUD"]).status(3);
        assert!(run.stderr.contains("did not answer within 20 s"), "{run}");
        let run = place
            .lines(&["copy acme/spot footage WORK CLOUD"])
            .status(1);
        assert!(run.stderr.contains("did not answer within 20 s"), "{run}");
        let history = place.json("history --last 1").document();
        assert_eq!(history["runs"][0]["state"], "unreachable", "{history}");
    });
}

#[test]
fn encrypted_configuration_needs_its_password() {
    with_studio(|place| {
        let root = place.remotes.alias("cloud", &place.studio.path("cloud"));
        place.studio.folder("cloud");
        place.add_database("CLOUD", &root);
        place.studio.file("secret", "a password\n");
        let secret = format!("cat {}", place.studio.path("secret").display());
        place
            .remotes
            .stdout_of(&["config", "encryption", "set", "--password-command", &secret]);
        assert!(!place.studio.read("remotes/rclone.conf").contains("alias"));
        assert_message(place, 0, "is configured in an encrypted file");
        let mut command = place.command();
        command.env("RCLONE_CONFIG_PASS", "a password");
        command.args(["-c", "copy acme/spot footage WORK CLOUD"]);
        place.studio.finish(&mut command).ok();
        let mut command = place.command();
        command.env("RCLONE_PASSWORD_COMMAND", &secret);
        command.args(["-c", "load CLOUD"]);
        place.studio.finish(&mut command).ok();
    });
}

#[test]
fn lost_storage_fails_only_unsent_files() {
    with_studio(|place| {
        let mut server = Server::sftp(place.remotes, "cloud");
        place.add_database("CLOUD", server.root());
        place
            .studio
            .file("WORK/footage/acme/large/l.mov", vec![7; 400_000_000]);
        let mut command = place.command();
        command.args([
            "--quiet",
            "--format",
            "json",
            "-c",
            "copy acme/large footage WORK CLOUD",
        ]);
        command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let folder = server.folder().join("footage/acme/large");
        while fs::read_dir(&folder).map_or(0, Iterator::count) == 0 {
            assert!(child.try_wait().unwrap().is_none(), "it went too fast");
            std::thread::yield_now();
        }
        server.stop();
        let output = child.wait_with_output().unwrap();
        let run = crate::studio::ProgramRun::new(place.studio, &output);
        assert!([1, 3].contains(&run.status), "{run}");
        assert!(!folder.join("l.mov").exists());
        server.restart();
        let names = ["state", "copied_files", "failed_files"];
        let ends = place.answer_fields("copy acme/large footage WORK CLOUD", &names);
        assert_eq!(json!(ends), json!(["complete", 1, 0]));
    });
}
