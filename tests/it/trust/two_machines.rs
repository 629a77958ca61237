//! Two machines that free each other's witness at the same time: never both copies go.

use std::fs;
use std::process::{Child, Command, Stdio};

use super::three_media;
use crate::servers::{Remotes, Server, rclone};
use crate::studio::Studio;

/// Number of attempts; the interleavings differ.
const ROUNDS: usize = 12;

/// Starts a line with this HOME, which has an index of its own.
fn start(command: &mut Command, studio: &Studio, home: &str, line: &str) -> Child {
    command
        .env("HOME", studio.path(home))
        .args(["--config", "home/.config/auto-backup/.config", "-c", line])
        .current_dir(studio.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

fn is_whole(studio: &Studio, folder: &str) -> bool {
    (0..5).all(|number| {
        let path = studio
            .path(folder)
            .join(format!("footage/acme/spot/f{number}"));
        fs::read_to_string(path).is_ok_and(|content| content == format!("frame {number}"))
    })
}

/// Frees both copies at once, again and again. `prepare` puts both in place.
fn never_both(
    studio: &Studio,
    homes: [&str; 2],
    (targets, folders): ([&str; 2], [&str; 2]),
    command: &dyn Fn() -> Command,
) {
    let mut freed = 0;
    for round in 0..ROUNDS {
        let lines = targets.map(|target| format!("free acme/spot footage {target} --yes"));
        let [mut first, mut second] = [0, 1].map(|side| {
            let side = if round % 2 == 0 { side } else { 1 - side };
            let mut child = start(&mut command(), studio, homes[side], &lines[side]);
            // In the last round one ends before the other begins.
            if round == ROUNDS - 1 {
                child.wait().unwrap();
            }
            child
        });
        first.wait().unwrap();
        second.wait().unwrap();
        let whole = folders.map(|folder| is_whole(studio, folder));
        assert_ne!(whole, [false, false], "round {round}");
        freed += whole.iter().filter(|whole| !**whole).count();
        for target in targets {
            let other = if target == targets[0] {
                targets[1]
            } else {
                targets[0]
            };
            let line = format!("copy acme/spot footage {other} {target}");
            let mut back = start(&mut command(), studio, homes[0], &line);
            back.wait().unwrap();
        }
        assert_eq!(
            folders.map(|folder| is_whole(studio, folder)),
            [true, true],
            "round {round}"
        );
    }
    // A protocol that always refuses would be safe too.
    assert!(freed > 0, "nothing was ever freed");
}

fn prepare(studio: &Studio) {
    for number in 0..5 {
        let path = format!("WORK/footage/acme/spot/f{number}");
        studio.file(path, format!("frame {number}"));
    }
}

#[test]
fn never_both_copies_are_freed_locally() {
    let studio = three_media();
    prepare(&studio);
    let lines = super::THREE_MEDIA.replace("../../../", "") + "policy footage copies 1\n";
    let lines = lines.replace("add database SHELF SHELF --medium s\n", "");
    let lines = lines.replace("DATABASE", "");
    let absolute = lines
        .replace(
            "WORK WORK",
            &format!("WORK {}", studio.path("WORK").display()),
        )
        .replace("NAS NAS", &format!("NAS {}", studio.path("NAS").display()));
    studio.file("home/.config/auto-backup/.config", absolute);
    studio.folder("other");
    let command = || studio.command();
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    let places = (["WORK", "NAS"], ["WORK", "NAS"]);
    // One machine, then two with an index each.
    never_both(&studio, ["home", "home"], places, &command);
    never_both(&studio, ["home", "other"], places, &command);
}

#[test]
fn never_both_copies_are_freed_with_a_bucket() {
    let studio = Studio::new();
    prepare(&studio);
    studio.folder("other");
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::s3(&remotes, "s3");
    let root = server.root();
    let lines = format!(
        "add database WORK {}\nadd database CLOUD {root}\nadd category footage footage/\npolicy footage copies 1\n",
        studio.path("WORK").display()
    );
    studio.file("home/.config/auto-backup/.config", lines);
    let command = || {
        let mut command = studio.command();
        remotes.add_to_environment(rclone().unwrap(), &mut command);
        command
    };
    let copied = start(
        &mut command(),
        &studio,
        "home",
        "copy acme/spot footage WORK CLOUD",
    );
    assert!(copied.wait_with_output().unwrap().status.success());
    let bucket = server
        .folder()
        .strip_prefix(studio.path(""))
        .unwrap()
        .display()
        .to_string();
    let places = (["WORK", "CLOUD"], ["WORK", bucket.as_str()]);
    never_both(&studio, ["home", "other"], places, &command);
}
