//! The words of `copy`, `sync`, `compare` and `explore`: what may be left out, lists, and the errors of a wrong word.

use insta::assert_snapshot;

use super::run_with_format;
use crate::studio::{CHANGED, Studio};

fn studio_with_shelf() -> Studio {
    let studio = Studio::filled();
    studio.folder("SHELF").file(
        "home/.config/auto-backup/.config",
        "add database WORK ../../../WORK\n\
         add database NAS ../../../NAS\n\
         add database SHELF ../../../SHELF\n\
         add category footage footage/\n\
         add category render scratch/render/\n",
    );
    studio
}

#[test]
fn category_may_be_left_out() {
    for command in ["copy", "sync"] {
        let studio = studio_with_shelf();
        studio
            .lines(&[&format!("{command} acme/spot/ WORK NAS")])
            .ok();
        assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "reel");
        assert_eq!(studio.read("NAS/scratch/render/acme/spot/f1.exr"), "frame");
    }
}

#[test]
fn lists_take_blanks_after_commas() {
    for command in ["copy", "sync"] {
        let studio = studio_with_shelf();
        let run = studio
            .lines(&[&format!("{command} acme/spot WORK NAS, SHELF")])
            .ok();
        assert!(run.stdout.contains("\nSHELF: 3 files, 18 B\n"), "{run}");
        assert_eq!(studio.tree("NAS/footage"), studio.tree("SHELF/footage"));
    }
}

#[test]
fn failed_destination_does_not_stop_a_sync() {
    let studio = studio_with_shelf();
    studio.remove("NAS");
    let line = "sync acme/spot WORK NAS,SHELF";
    assert_snapshot!(studio.lines(&[line]).status(3), @"
    exit 3
    --- stdout
    sent and verified 3 files, 18 B in N s; 1 storage failed
    NAS: failed
    SHELF: 3 files, 18 B
    failed $STUDIO/NAS: storage `NAS` is offline: `$STUDIO/NAS` does not exist
    ");
    assert_eq!(studio.read("SHELF/footage/acme/spot/reel.mov"), "reel");
    let document = studio.json(&[line]).status(3).document();
    assert_eq!(document["destinations"][0]["name"], "NAS", "{document}");
    assert!(
        document["destinations"][0]["error"].is_string(),
        "{document}"
    );
    assert!(document["destinations"][1]["error"].is_null(), "{document}");
    studio.remove("SHELF");
    studio.lines(&[line]).status(1);
}

#[test]
fn locked_destination_of_a_sync_fails_alone() {
    let studio = studio_with_shelf();
    studio.lines(&["sync acme/spot WORK NAS,SHELF"]).ok();
    studio.file_at("WORK/footage/acme/spot/reel.mov", "another", CHANGED + 60);
    let lock = std::fs::File::open(studio.path("NAS/.auto-backup/lock")).unwrap();
    lock.lock().unwrap();
    let run = studio.lines(&["sync acme/spot WORK NAS,SHELF"]).status(3);
    assert!(run.stdout.contains("another run has locked `NAS`"), "{run}");
    assert_eq!(studio.read("SHELF/footage/acme/spot/reel.mov"), "another");
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "reel");
}

#[test]
fn copy_count_prints_totals_alone() {
    let studio = studio_with_shelf();
    let line = "copy acme/spot WORK NAS,SHELF --count";
    assert_snapshot!(studio.lines(&[line]).ok(), @"
    exit 0
    --- stdout
    would copy 6 files, 36 B
    NAS: 3 files, 18 B
    SHELF: 3 files, 18 B
    ");
    assert_eq!(run_with_format(&studio, "plain", line).stdout, "");
    let document = studio.json(&[line]).document();
    assert_eq!(document["planned_files"], 6, "{document}");
    assert_eq!(document["items"].as_array().unwrap().len(), 0, "{document}");
    assert!(!studio.path("NAS/footage").exists());
}

#[test]
fn errors_name_the_missing_word() {
    let studio = studio_with_shelf();
    let lines = [
        "copy acme/spot WORK",
        "copy acme/spot footage WORK",
        "sync acme/spot footage",
        "compare acme/spot footage WORK",
        "compare acme/spot WORK NAS SHELF",
        "copy acme/spot WORK footage NAS",
        "copy acme/spot fotage WORK NAS",
        "copy acme/spot WORK NAS,,SHELF",
    ];
    let errors = lines.map(|line| studio.lines(&[line]).stderr.replace('\n', "\n  "));
    assert_snapshot!(errors.join("\n"), @"
    -c:1:20: error: missing: TO
          copy acme/spot WORK
                             ^
      hint: write it as: copy [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]
      
    -c:1:28: error: missing: TO
          copy acme/spot footage WORK
                                     ^
      hint: write it as: copy [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]
      
    -c:1:23: error: missing: FROM, TO
          sync acme/spot footage
                                ^
      hint: write it as: sync [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]
      
    -c:1:31: error: missing: B
          compare acme/spot footage WORK
                                        ^
      hint: write it as: compare [OPTIONS] PROJECT [CATEGORY] A B
      
    -c:1:19: error: `WORK` is a storage, where a category is expected
          compare acme/spot WORK NAS SHELF
                            ^^^^
      hint: write it as: compare [OPTIONS] PROJECT [CATEGORY] A B
      
    -c:1:21: error: `footage` is a category, where a storage is expected
          copy acme/spot WORK footage NAS
                              ^^^^^^^
      hint: write it as: copy [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]
      
    -c:1:16: error: unknown category `fotage`
          copy acme/spot fotage WORK NAS
                         ^^^^^^
      hint: did you mean `footage`?
      
    -c:1:21: error: `NAS,,SHELF` cannot be a destination: a name is missing beside a comma; a list is written NAS,CLOUD
          copy acme/spot WORK NAS,,SHELF
                              ^^^^^^^^^^
    ");
}

#[test]
fn explore_finds_the_only_folder() {
    let studio = studio_with_shelf();
    let printed = |line: &str| studio.lines(&[line]).ok().stdout;
    assert_eq!(
        printed("explore acme/teaser"),
        "$STUDIO/WORK/footage/acme/teaser\n"
    );
    assert_eq!(
        printed("explore acme/teaser WORK"),
        "$STUDIO/WORK/footage/acme/teaser\n"
    );
    assert_eq!(
        printed("explore acme/spot render"),
        "$STUDIO/WORK/scratch/render/acme/spot\n"
    );
    studio.lines(&["copy acme/teaser WORK NAS"]).ok();
    let lines = [
        "explore acme/teaser",
        "explore acme/spot",
        "explore acme/spot WORK",
        "explore acme/teaser WROK",
        "explore acme/tesaer",
    ];
    let errors = lines.map(|line| studio.lines(&[line]).stderr.replace('\n', "\n  "));
    assert_snapshot!(errors.join("\n"), @"
    -c:1:20: error: missing: STORAGE
          explore acme/teaser
                             ^
      hint: `acme/teaser` has 2 folders: footage WORK, footage NAS; write it as: explore acme/teaser footage WORK
      
    -c:1:18: error: missing: CATEGORY
          explore acme/spot
                           ^
      hint: `acme/spot` has 2 folders: footage WORK, render WORK; write it as: explore acme/spot footage WORK
      
    -c:1:23: error: missing: CATEGORY
          explore acme/spot WORK
                                ^
      hint: `acme/spot` has 2 folders: footage WORK, render WORK; write it as: explore acme/spot footage WORK
      
    -c:1:21: error: unknown storage `WROK`
          explore acme/teaser WROK
                              ^^^^
      hint: did you mean `WORK`?
      
    -c:1:9: error: `acme/tesaer` is not in any category of storage `WORK` or `NAS` or `SHELF`
          explore acme/tesaer
                  ^^^^^^^^^^^
      hint: did you mean `acme/teaser`?
    ");
    studio.remove("NAS");
    assert_eq!(
        printed("explore acme/teaser"),
        "$STUDIO/WORK/footage/acme/teaser\n"
    );
}
