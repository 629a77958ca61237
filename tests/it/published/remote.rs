//! Published indexes of remotes.

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
