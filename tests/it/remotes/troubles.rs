//! A storage that cannot be reached: what is said, and that nothing is forgotten or begun.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use serde_json::json;

use super::Place;
use crate::servers::{Remotes, Server};
use crate::studio::Studio;

/// Does something in a new studio.
fn in_a_studio(check: impl Fn(&Place<'_>)) {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    check(&Place {
        studio: &studio,
        remotes: &remotes,
    });
}

/// Fails unless looking at CLOUD and copying there both say this, copy nothing, and keep the look of so many files.
#[track_caller]
fn says(place: &Place<'_>, files: u64, what: &str) {
    says_by(place, &mut || place.command(), files, what);
}

/// The same, by a command that is prepared anew each time.
#[track_caller]
fn says_by(place: &Place<'_>, command: &mut dyn FnMut() -> Command, files: u64, what: &str) {
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

/// Changes one setting of a remote.
fn set(place: &Place<'_>, remote: &str, setting: &str, value: &str) {
    place.remotes.said(&[
        "config",
        "update",
        remote,
        setting,
        value,
        "--non-interactive",
    ]);
}

#[test]
fn a_server_that_does_not_run_refuses() {
    in_a_studio(|place| {
        for kind in [Server::sftp, Server::s3, Server::webdav] {
            let mut server = kind(place.remotes, "cloud");
            let start_up = "home/.config/auto-backup/.config";
            let before = place.studio.read(start_up);
            place.add("CLOUD", server.root());
            place.fill(server.root());
            place.lines(&["load CLOUD"]).ok();
            server.stop();
            says(
                place,
                5,
                "refused the connection: the machine is there, but nothing listens",
            );
            server.start_again();
            let counts = place.looked("load CLOUD", &["state", "files", "gone"]);
            assert_eq!(json!(counts), json!(["complete", 5, 0]));
            drop(server);
            place.studio.file(start_up, before).remove("remotes/cloud");
        }
    });
}

#[test]
fn a_remote_that_rclone_does_not_know_is_said_to_be_so() {
    in_a_studio(|place| {
        place.add("CLOUD", "nosuch:studio");
        says(place, 0, "is on a remote that rclone does not know");
    });
}

#[test]
fn a_wrong_key_is_said_to_be_so() {
    in_a_studio(|place| {
        let server = Server::sftp(place.remotes, "cloud");
        place.add("CLOUD", server.root());
        let other = place.studio.path("other");
        let mut make = Command::new("ssh-keygen");
        make.args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&other);
        assert!(make.status().unwrap().success());
        set(place, "cloud", "key_file", other.to_str().unwrap());
        says(place, 0, "rejected the key, user or password");
    });
    in_a_studio(|place| {
        let server = Server::s3(place.remotes, "cloud");
        place.add("CLOUD", server.root());
        set(place, "cloud", "access_key_id", "ANOTHERKEY");
        says(place, 0, "rejected the key, user or password");
    });
    in_a_studio(|place| {
        let server = Server::webdav(place.remotes, "cloud");
        place.add("CLOUD", server.root());
        set(place, "cloud", "user", "somebody");
        says(place, 0, "rejected the key, user or password");
    });
}

#[test]
fn a_bucket_or_folder_that_is_not_there_is_said_to_be_so() {
    in_a_studio(|place| {
        let _server = Server::s3(place.remotes, "cloud");
        place.add("CLOUD", "cloud:nosuchbucket");
        says(place, 0, "is not there: there is no such bucket or folder");
    });
    in_a_studio(|place| {
        let server = Server::sftp(place.remotes, "cloud");
        place.add("CLOUD", &server.at("nowhere"));
        says(place, 0, "is not there: there is no such bucket or folder");
        assert!(!fs::exists(server.folder().join("nowhere")).unwrap());
    });
}

#[test]
fn a_server_with_another_host_key_is_not_trusted() {
    in_a_studio(|place| {
        let server = Server::sftp(place.remotes, "cloud");
        place.add("CLOUD", server.root());
        let known = place.studio.path("remotes/cloud/known_hosts");
        let text = fs::read_to_string(&known).unwrap();
        let user = place.studio.read("remotes/cloud/user.pub");
        let address = text.split_whitespace().next().unwrap();
        fs::write(&known, format!("{address} {user}")).unwrap();
        says(
            place,
            0,
            "shows another host key than the known one: it may be another machine",
        );
    });
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    in_a_studio(|place| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let settings = [
            ("type", "webdav".to_owned()),
            ("vendor", "other".to_owned()),
            ("url", url),
        ];
        place.remotes.add("cloud", &settings);
        place.add("CLOUD", "cloud:");
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
fn an_encrypted_configuration_needs_its_password() {
    in_a_studio(|place| {
        let root = place.remotes.alias("cloud", &place.studio.path("cloud"));
        place.studio.folder("cloud");
        place.add("CLOUD", &root);
        place.studio.file("secret", "a password\n");
        let secret = format!("cat {}", place.studio.path("secret").display());
        place
            .remotes
            .said(&["config", "encryption", "set", "--password-command", &secret]);
        assert!(!place.studio.read("remotes/rclone.conf").contains("alias"));
        says(place, 0, "is configured in a file that is encrypted");
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
fn a_storage_that_is_lost_in_the_middle_fails_what_was_not_sent() {
    in_a_studio(|place| {
        let mut server = Server::sftp(place.remotes, "cloud");
        place.add("CLOUD", server.root());
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
        let run = crate::studio::Run::new(place.studio, &output);
        assert!([1, 3].contains(&run.status), "{run}");
        assert!(!folder.join("l.mov").exists());
        server.start_again();
        let names = ["state", "copied_files", "failed_files"];
        let ends = place.answer("copy acme/large footage WORK CLOUD", &names);
        assert_eq!(json!(ends), json!(["complete", 1, 0]));
    });
}
