//! Kills at every call that writes a published index: the old one stays valid until the new one is whole, and the next scan
//! writes a new one.

use super::TwoWorkstations;
use crate::faults::tracer::Tracer;

/// The calls that write.
const CALLS: [&str; 6] = [
    "flock",
    "fchown",
    "copy_file_range",
    "fchmod",
    "fsync",
    "renameat",
];

/// Returns the number of files that the published index of the storage names.
#[track_caller]
fn published_files(two: &TwoWorkstations, context: &str) -> u64 {
    if two.studio.path("second/.local").exists() {
        two.studio.remove("second/.local");
    }
    let mut command = two.second_command();
    command.args(["--format", "json", "-c", "load SERVER --published"]);
    let document = two.studio.finish(&mut command).status(0).document();
    let row = &document["databases"][0];
    assert_eq!(row["state"], "taken over", "{context}: {document}");
    row["files"].as_u64().unwrap()
}

#[test]
fn kill_while_publishing_leaves_a_valid_index() {
    let (mut old, mut new) = (0, 0);
    for call in CALLS {
        for number in 1..=20 {
            let two = TwoWorkstations::new();
            two.first(&["load"]).ok();
            two.studio.file("NAS/footage/acme/spot/new.mov", "new");
            let Some(tracer) = Tracer::new(&two.studio) else {
                return;
            };
            let when = format!("signal=SIGKILL:when={number}");
            let run = tracer.inject(call, &when).json("load");
            if run.status != -1 {
                // There is no such call any more.
                break;
            }
            let context = format!("{call} {number}");
            match published_files(&two, &context) {
                3 => old += 1,
                4 => new += 1,
                other => panic!("{context}: {other} files"),
            }
            two.first(&["load"]).ok();
            assert_eq!(published_files(&two, &context), 4, "{context}");
        }
    }
    assert!(old > 5 && new > 0, "{old} old, {new} new");
}
