//! What went wrong once, each under the name of what is right.

use std::process::Stdio;

use crate::studio::{Run, Studio};

/// Opening a new index sets its journal up, and `SQLite` does not wait for others while it does.
#[test]
fn many_processes_may_open_a_new_index_at_once() {
    let studio = Studio::filled();
    for round in 0..5 {
        let index = format!("index-{round}");
        let start = |_| {
            let mut command = studio.command();
            command.args(["--index", &index, "-c", "load", "-c", "fetch all"]);
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let children: Vec<_> = (0..8).map(start).collect();
        for child in children {
            Run::new(&studio, &child.wait_with_output().unwrap()).ok();
        }
    }
}

/// A look that finds a client's folder closed knows nothing new of the projects in it.
#[test]
fn a_client_that_cannot_be_read_is_not_wholly_present() {
    let studio = Studio::filled();
    studio.lines_as_user(&["load"]).ok();
    studio.mode("WORK/footage/acme", 0);
    studio.lines_as_user(&["load"]).status(3);
    let run = studio.lines_as_user(&["fetch project acme/spot"]);
    studio.mode("WORK/footage/acme", 0o755);
    assert!(run.stdout.contains("partial, 2 files, 13 B"), "{run}");
    studio.lines_as_user(&["load"]).ok();
    let run = studio.lines_as_user(&["fetch project acme/spot"]).ok();
    assert!(run.stdout.contains("present, 2 files, 13 B"), "{run}");
}

/// A name that is nowhere was taken for a look at nothing.
#[test]
fn looking_at_a_project_that_nobody_has_is_a_mistake() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let run = studio.lines(&["load --project acme/sopt"]).status(1);
    assert!(
        run.stderr.contains("hint: did you mean `acme/spot`?"),
        "{run}"
    );
    studio.remove("WORK/footage/acme/teaser");
    studio.lines(&["load --project acme/teaser"]).ok();
}

/// What file systems and NAS systems keep beside the clients' folders was listed as clients.
#[test]
fn housekeeping_folders_are_no_clients() {
    let studio = Studio::filled();
    for name in ["lost+found", "@eaDir", "#recycle", ".Trash-1000"] {
        studio.file(format!("WORK/footage/{name}/x/y"), "");
    }
    let run = studio.lines(&["load", "list clients"]).ok();
    assert_eq!(
        studio.json(&["list clients"]).document()["clients"],
        serde_json::json!(["Bob's", "acme"]),
        "{run}"
    );
}
