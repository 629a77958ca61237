//! Offloads to remotes: they are sent to from a disk where the files are verified.

use std::fs;

use serde_json::json;

use super::trust::STATING;
use super::with_each_kind;
use crate::studio::Studio;

fn studio() -> Studio {
    let studio = Studio::filled();
    let startup = "home/.config/auto-backup/.config";
    let lines = studio.read(startup);
    // The card is on the disk of the tests, too.
    studio.file(startup, lines.replace("/NAS\n", "/NAS --medium one\n"));
    studio
        .file("card/CLIPS/a.mov", "clip a")
        .file("card/CLIPS/b.mov", "clip b");
    studio
}

#[test]
fn remotes_get_what_is_verified_on_a_disk() {
    with_each_kind(&STATING, studio, |place, _| {
        let line = "offload card acme/spot footage NAS,CLOUD";
        let run = place.json(line).ok();
        let document = run.document();
        assert_eq!(document["copied_files"], 4, "{run}");
        let cloud = &document["destinations"][1];
        let from = json!([{"database": "NAS", "files": 2, "bytes": 12}]);
        assert_eq!(cloud["copied_from"], from, "{run}");
        // What the storage states proves its copy.
        assert_eq!(document["card"]["state"], "safe to format", "{run}");
        assert_eq!(
            document["card"]["databases"],
            json!(["NAS", "CLOUD"]),
            "{run}"
        );
        let again = place.json(line).ok().document();
        assert_eq!(again["copied_files"], 0);
        assert_eq!(again["card"]["state"], "safe to format");
    });
}

#[test]
fn another_version_on_the_disk_is_not_sent() {
    with_each_kind(&STATING, studio, |place, _| {
        let into = "NAS/footage/acme/spot/card/CLIPS/a.mov";
        place.studio.file(into, "CLIP A");
        let run = place
            .json("offload card acme/spot footage NAS,CLOUD")
            .status(3);
        let document = run.document();
        assert_eq!(document["conflict_files"], 1, "{run}");
        assert_eq!(document["destinations"][1]["files"], 1, "{run}");
        assert_eq!(document["card"]["state"], "do not format", "{run}");
        assert_eq!(fs::read(place.studio.path(into)).unwrap(), b"CLIP A");
    });
}

#[test]
fn remote_alone_is_refused() {
    with_each_kind(&STATING[1..], studio, |place, _| {
        let run = place.json("offload card acme/spot footage CLOUD").status(2);
        assert!(run.stderr.contains("on a disk first"), "{run}");
    });
}

#[test]
fn unreachable_remote_fails_alone() {
    with_each_kind(&STATING[..1], studio, |place, storage| {
        storage.server.as_mut().unwrap().stop();
        let run = place
            .json("offload card acme/spot footage NAS,CLOUD")
            .status(3);
        let document = run.document();
        assert_eq!(document["destinations"][0]["files"], 2, "{run}");
        assert_eq!(document["card"]["state"], "copied", "{run}");
        assert!(document["destinations"][1]["error"].is_string(), "{run}");
    });
}
