//! `versions`.

use insta::assert_snapshot;
use serde_json::json;

use super::{copied_studio, unplug};
use crate::studio::{CHANGED, Studio};

const COPY: &str = "copy acme/spot footage WORK NAS --overwrite";

/// A copied studio in which NAS keeps two versions of one file, and one of another.
pub(super) fn studio_with_versions() -> Studio {
    let studio = copied_studio();
    for (number, content) in ["reel two", "reel three"].into_iter().enumerate() {
        let seconds = CHANGED + 60 * (number as u64 + 1);
        studio.file_at("WORK/footage/acme/spot/reel.mov", content, seconds);
        if number == 1 {
            studio.file_at("WORK/footage/acme/spot/plates/p1.exr", "plate two", seconds);
        }
        studio.lines(&[COPY]).ok();
    }
    studio
}

#[test]
fn versions_are_listed_by_file() {
    let studio = studio_with_versions();
    assert_snapshot!(studio.lines(&["versions"]).ok(), @"
    exit 0
    --- stdout
    footage/acme/spot/reel.mov
        NAS, run 5, kept just now: 4 B, changed NNN days ago
        NAS, run 6, kept just now: 8 B, changed NNN days ago
    footage/acme/spot/plates/p1.exr
        NAS, run 6, kept just now: 9 B, changed NNN days ago
    3 old versions, 21 B
    ");
    assert_snapshot!(studio.lines(&["versions acme/spot footage in NAS"]).ok(), @"
    exit 0
    --- stdout
    footage/acme/spot/reel.mov
        NAS, run 5, kept just now: 4 B, changed NNN days ago
        NAS, run 6, kept just now: 8 B, changed NNN days ago
    footage/acme/spot/plates/p1.exr
        NAS, run 6, kept just now: 9 B, changed NNN days ago
    3 old versions, 21 B
    ");
}

#[test]
fn json_lists_each_version() {
    let studio = studio_with_versions();
    let answer = studio.json(&["versions"]).ok().document();
    let versions = answer["versions"].as_array().unwrap();
    let found: Vec<_> = versions
        .iter()
        .map(|one| {
            (
                one["path"].as_str().unwrap(),
                one["bytes"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("footage/acme/spot/reel.mov", 4),
            ("footage/acme/spot/reel.mov", 8),
            ("footage/acme/spot/plates/p1.exr", 9),
        ]
    );
    assert!(versions[0]["run"].as_i64() < versions[1]["run"].as_i64());
    assert_eq!(versions[0]["database"], "NAS");
    assert_eq!(versions[0]["modified"], "2026-01-02T03:04:05Z");
    assert!(versions[0]["host"].is_string() && versions[0]["at"].is_string());
}

#[test]
fn scope_limits_the_versions() {
    let studio = studio_with_versions();
    for (line, number) in [
        ("versions in NAS", 3),
        ("versions in WORK", 0),
        ("versions all footage", 3),
        ("versions all render", 0),
        ("versions acme", 3),
        ("versions in WORK,NAS", 3),
    ] {
        let answer = studio.json(&[line]).ok().document();
        assert_eq!(
            answer["versions"].as_array().unwrap().len(),
            number,
            "{line}"
        );
    }
    studio.lines(&["versions in"]).status(2);
    for line in ["versions in TAPE", "versions acme/spot nothing"] {
        studio.lines(&[line]).status(1);
    }
}

#[test]
fn no_versions_are_no_error() {
    let studio = copied_studio();
    assert_snapshot!(studio.lines(&["versions"]).ok(), @"
    exit 0
    --- stdout
    no old versions
    ");
    let answer = studio.json(&["versions"]).ok().document();
    assert_eq!(answer["versions"], json!([]));
}

#[test]
fn offline_storage_is_named() {
    let studio = studio_with_versions();
    unplug(&studio, "WORK");
    assert_snapshot!(studio.lines(&["versions acme/spot footage"]).status(3), @"
    exit 3
    --- stdout
    footage/acme/spot/reel.mov
        NAS, run 5, kept just now: 4 B, changed NNN days ago
        NAS, run 6, kept just now: 8 B, changed NNN days ago
    footage/acme/spot/plates/p1.exr
        NAS, run 6, kept just now: 9 B, changed NNN days ago
    WORK is not read: storage `WORK` is offline: `$STUDIO/WORK` does not exist
    3 old versions, 21 B
    ");
}
