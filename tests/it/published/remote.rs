//! Published indexes of remotes.

use std::thread;
use std::time::Duration;

use crate::prompt::{run_line, spawn_command, wait_for_prompt};
use crate::remotes::{KINDS, with_each_kind};
use crate::studio::Studio;

#[test]
fn remote_carries_its_index() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        place.copy_by_rclone(&storage.root);
        place.lines(&["set publish on", "load CLOUD"]).ok();
        let second = |lines: &[&str]| {
            let words = lines.iter().flat_map(|line| ["-c", *line]);
            let index = ["--index", "second.sqlite"].into_iter();
            place.run(index.chain(words))
        };
        let taken = second(&["load CLOUD --published"]).ok();
        assert!(taken.stdout.contains("taken over"), "{taken}");
        let fetched = second(&["fetch acme/spot"]).ok();
        assert!(fetched.stdout.contains("2 files"), "{fetched}");
        // What it took over is no change for its own scan.
        let counts = ["added", "changed", "gone"];
        let document = place
            .run([
                "--index",
                "second.sqlite",
                "--format",
                "json",
                "-c",
                "load CLOUD",
            ])
            .document();
        let counts = counts.map(|count| document["databases"][0][count].clone());
        assert_eq!(counts, [0, 0, 0].map(serde_json::Value::from));
        // A later scan replaces the file.
        place.lines(&["set publish on", "load CLOUD"]).ok();
        second(&["load CLOUD --published"]).ok();
    });
}

#[test]
fn prompt_takes_over_the_index_of_a_remote() {
    with_each_kind(&KINDS[..1], Studio::filled, |place, storage| {
        place.copy_by_rclone(&storage.root);
        place.lines(&["set publish on", "load CLOUD"]).ok();
        let mut command = place.command();
        command.args(["--index", "second.sqlite"]);
        let mut session = spawn_command(command);
        wait_for_prompt(&mut session);
        // The remote is asked while the prompt waits.
        let is_taken = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(100));
            run_line(&mut session, "set hints").contains("CLOUD: took over the index")
        });
        assert!(is_taken);
        let fetched = run_line(&mut session, "fetch acme/spot");
        assert!(fetched.contains("2 files"), "{fetched}");
    });
}
