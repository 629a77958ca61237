//! Layouts on storages behind rclone: projects stand where the category's path says, and the program's own folder is none.

use serde_json::{Value, json};

use super::{RemoteStudio, TestStorageKind, with_each_kind};
use crate::studio::Studio;

/// One kind with empty folders, and one without.
const ALIAS_AND_S3: [TestStorageKind; 2] = [TestStorageKind::Alias, TestStorageKind::S3];

/// A studio whose projects lie at the top, with their documents in a folder without clients.
fn studio() -> Studio {
    let studio = Studio::bare();
    let lines = [
        "add database WORK ../../../WORK",
        "add category media '{client}/{project}'",
        "add category cut '{client}/{project}/cut'",
        "add category docs 'docs/{project}'",
        "",
    ];
    studio
        .file("home/.config/auto-backup/.config", lines.join("\n"))
        .file("WORK/acme/spot/a.mov", "a")
        .file("WORK/acme/spot/cut/b.mov", "bb")
        .file("WORK/docs/spot/c.pdf", "ccc");
    studio
}

/// Returns category, project and file name of everything that `find` lists on CLOUD.
fn found(place: &RemoteStudio<'_>) -> Vec<[Value; 3]> {
    let document = place.json("find '*' in CLOUD").document();
    let files = document["files"].as_array().unwrap().iter().map(|file| {
        let name = file["path"].as_str().unwrap().rsplit('/').next().unwrap();
        [
            file["category"].clone(),
            file["project"].clone(),
            json!(name),
        ]
    });
    let mut found: Vec<_> = files.collect();
    found.sort_by_key(|row| row[2].to_string());
    found
}

/// Returns the clients that `list` shows on CLOUD.
fn clients(place: &RemoteStudio<'_>) -> Vec<Value> {
    let document = place.json("list clients in CLOUD").document();
    let rows = document["clients"].as_array().unwrap().iter();
    rows.map(|row| row["name"].clone()).collect()
}

#[test]
fn projects_stand_where_the_layout_says() {
    with_each_kind(&ALIAS_AND_S3, studio, |place, _| {
        place.json("copy all all WORK CLOUD").ok();
        place.json("load CLOUD").ok();
        let expected = [
            ["media", "acme/spot", "a.mov"],
            ["cut", "acme/spot", "b.mov"],
            ["docs", "in-house/spot", "c.pdf"],
        ];
        assert_eq!(found(place), expected);
        place.json("compare all all WORK CLOUD").ok();
        place.studio.remove("WORK/acme/spot/cut/b.mov");
        place.json("compare all all WORK CLOUD").status(3);
        let synced = place.answer_fields(
            "sync all all WORK CLOUD --delete --force",
            &["deleted_files"],
        );
        assert_eq!(synced, [1]);
        place.json("load CLOUD").ok();
        assert_eq!(found(place), [expected[0], expected[2]]);
    });
}

#[test]
fn own_folder_is_no_client() {
    with_each_kind(&ALIAS_AND_S3, studio, |place, storage| {
        place.json("sync all all WORK CLOUD").ok();
        place
            .studio
            .file("WORK/acme/spot/a.mov", "a, the second version");
        place.json("sync all all WORK CLOUD").ok();
        let versions =
            place
                .remotes
                .stdout_of(&["lsf", "-R", &storage.address(".auto-backup/versions")]);
        assert!(versions.contains("a.mov"), "{versions}");
        place.json("load CLOUD").ok();
        assert_eq!(clients(place), ["acme", "in-house"]);
        assert_eq!(found(place).len(), 3);
        let outside = place.answer_fields("list outside in CLOUD", &["outside"]);
        assert_eq!(outside, [json!([])]);
        place.write_by_rclone(&storage.address("acme/notes.txt"), "x");
        place.json("load CLOUD").ok();
        let outside = place.json("list outside in CLOUD").document();
        assert_eq!(outside["outside"][0]["path"], "acme/notes.txt", "{outside}");
        assert_eq!(
            outside["total"],
            json!({"files": 1, "bytes": 1, "folders": 0})
        );
    });
}

#[test]
fn renamed_client_is_renamed_in_every_layout() {
    with_each_kind(&ALIAS_AND_S3, studio, |place, _| {
        place.json("sync all all WORK CLOUD").ok();
        let work = place.studio.path("WORK");
        std::fs::rename(work.join("acme"), work.join("Acme Films")).unwrap();
        let fields = ["moved_files", "copied_files", "failed_files"];
        let synced = place.answer_fields("sync all all WORK CLOUD", &fields);
        assert_eq!(synced, [2, 0, 0]);
        place.json("load CLOUD").ok();
        assert_eq!(clients(place), ["Acme Films", "in-house"]);
    });
}
