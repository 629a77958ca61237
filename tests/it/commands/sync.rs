//! `sync`: its arguments, answers and exit statuses. The folder `sync` tests its work on files.

use insta::assert_snapshot;

use super::run_with_format;
use crate::studio::{CHANGED, Studio};

const LINE: &str = "sync all all WORK NAS";

/// A studio after a sync and three edits: a changed, a new and a deleted file.
fn changed_studio() -> Studio {
    let studio = Studio::filled();
    studio.lines(&[LINE]).ok();
    studio
        .file_at("WORK/footage/acme/spot/reel.mov", "another", CHANGED + 60)
        .file("WORK/footage/acme/spot/new", "new")
        .remove("WORK/footage/acme/teaser/t.mov");
    studio
}

#[test]
fn sync_reports_file_counts() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&[LINE]).ok(), @"
    exit 0
    --- stdout
    sent and verified 5 files, 25 B in N s
    ");
    assert_snapshot!(studio.lines(&[LINE]).ok(), @"
    exit 0
    --- stdout
    sent 0 files, 0 B in N s; 5 already there
    ");
    let studio = changed_studio();
    assert_snapshot!(studio.lines(&[LINE]).ok(), @"
    exit 0
    --- stdout
    sent and verified 2 files, 10 B in N s; 1 of these replaced an older version; 3 already there; 1 missing on WORK
    old versions: $STUDIO/NAS/.auto-backup/versions/RUN-2
    1 file is gone from WORK and stays on NAS; `--delete` moves it to the old versions there
    ");
    assert_snapshot!(studio.lines(&[&format!("{LINE} --delete")]).ok(), @"
    exit 0
    --- stdout
    sent 0 files, 0 B in N s; 5 already there; 1 moved to the old versions
    moved to old versions $STUDIO/NAS/footage/acme/teaser/t.mov
    old versions: $STUDIO/NAS/.auto-backup/versions/RUN-3
    ");
}

#[test]
fn sync_answer_has_json() {
    let studio = changed_studio();
    assert_snapshot!(studio.json(&[LINE]).ok(), @r#"
    exit 0
    --- stdout
    {"command":"sync","run":2,"state":"complete","planned_files":5,"planned_bytes":10,"copied_files":2,"copied_bytes":10,"same_files":3,"conflict_files":0,"failed_files":0,"failed_storages":0,"refused_files":0,"skipped_files":0,"verified_files":2,"seconds":N,"moved_files":0,"deleted_files":0,"gone_files":1,"left_files":0,"destinations":[{"name":"NAS","files":2,"bytes":10,"same_files":3,"conflict_files":0,"failed_files":0,"refused_files":0,"copied_from":[],"error":null}],"items":[{"path":"$STUDIO/NAS/footage/acme/teaser/t.mov","outcome":"gone","reason":"no longer on WORK","sequence":null}],"sequences":[]}
    "#);
    assert_snapshot!(studio.json(&[&format!("{LINE} --delete")]).ok(), @r#"
    exit 0
    --- stdout
    {"command":"sync","run":3,"state":"complete","planned_files":5,"planned_bytes":0,"copied_files":0,"copied_bytes":0,"same_files":5,"conflict_files":0,"failed_files":0,"failed_storages":0,"refused_files":0,"skipped_files":0,"verified_files":0,"seconds":N,"moved_files":0,"deleted_files":1,"gone_files":0,"left_files":0,"destinations":[{"name":"NAS","files":0,"bytes":0,"same_files":5,"conflict_files":0,"failed_files":0,"refused_files":0,"copied_from":[],"error":null}],"items":[{"path":"$STUDIO/NAS/footage/acme/teaser/t.mov","outcome":"deleted","reason":null,"sequence":null}],"sequences":[]}
    "#);
}

#[test]
fn plain_and_csv_have_one_line_each() {
    let studio = changed_studio();
    assert_snapshot!(run_with_format(&studio, "plain", LINE), @"
    exit 0
    --- stdout
    $STUDIO/NAS/footage/acme/teaser/t.mov	gone	no longer on WORK
    ");
    assert_snapshot!(run_with_format(&studio, "csv", &format!("{LINE} --delete")), @"
    exit 0
    --- stdout
    path,outcome,reason
    $STUDIO/NAS/footage/acme/teaser/t.mov,deleted,
    ");
}

#[test]
fn count_option_prints_totals_and_changes_nothing() {
    let studio = changed_studio();
    let before = studio.tree("NAS");
    let line = format!("{LINE} --count");
    assert_snapshot!(studio.lines(&[&line]).ok(), @"
    exit 0
    --- stdout
    would send 2 files, 10 B; 3 already there; 1 missing on WORK
    1 file is gone from WORK and stays on NAS; `--delete` moves it to the old versions there
    ");
    assert_snapshot!(studio.json(&[&line]).ok(), @r#"
    exit 0
    --- stdout
    {"command":"sync","run":null,"state":"complete","planned_files":5,"planned_bytes":10,"copied_files":0,"copied_bytes":0,"same_files":3,"conflict_files":0,"failed_files":0,"failed_storages":0,"refused_files":0,"skipped_files":0,"verified_files":0,"seconds":N,"moved_files":0,"deleted_files":0,"gone_files":1,"left_files":0,"destinations":[{"name":"NAS","files":2,"bytes":10,"same_files":3,"conflict_files":0,"failed_files":0,"refused_files":0,"copied_from":[],"error":null}],"items":[],"sequences":[]}
    "#);
    assert_snapshot!(run_with_format(&studio, "plain", &line), @"
    exit 0
    ");
    assert_eq!(studio.tree("NAS"), before);
    let runs = studio.json(&["history"]).document();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn dry_run_lists_items_and_changes_nothing() {
    let studio = changed_studio();
    let before = studio.tree("NAS");
    assert_snapshot!(studio.lines(&[&format!("{LINE} --dry-run")]).ok(), @"
    exit 0
    --- stdout
    would send 2 files, 10 B; 3 already there; 1 missing on WORK
    planned $STUDIO/NAS/footage/acme/spot/new: add
    planned $STUDIO/NAS/footage/acme/spot/reel.mov: replace, keeping the old version
    1 file is gone from WORK and stays on NAS; `--delete` moves it to the old versions there
    ");
    assert_snapshot!(studio.json(&[&format!("{LINE} --dry-run --delete")]).ok(), @r#"
    exit 0
    --- stdout
    {"command":"sync","run":null,"state":"complete","planned_files":5,"planned_bytes":10,"copied_files":0,"copied_bytes":0,"same_files":3,"conflict_files":0,"failed_files":0,"failed_storages":0,"refused_files":0,"skipped_files":0,"verified_files":0,"seconds":N,"moved_files":0,"deleted_files":0,"gone_files":1,"left_files":0,"destinations":[{"name":"NAS","files":2,"bytes":10,"same_files":3,"conflict_files":0,"failed_files":0,"refused_files":0,"copied_from":[],"error":null}],"items":[{"path":"$STUDIO/NAS/footage/acme/spot/new","outcome":"planned","reason":"add","sequence":null},{"path":"$STUDIO/NAS/footage/acme/spot/reel.mov","outcome":"planned","reason":"replace, keeping the old version","sequence":null},{"path":"$STUDIO/NAS/footage/acme/teaser/t.mov","outcome":"gone","reason":"no longer on WORK, to be moved to the old versions","sequence":null}],"sequences":[]}
    "#);
    assert_snapshot!(studio.lines(&[&format!("{LINE} --dry-run --delete")]).ok(), @"
    exit 0
    --- stdout
    would send 2 files, 10 B; 3 already there; 1 to be moved to the old versions
    planned $STUDIO/NAS/footage/acme/spot/new: add
    planned $STUDIO/NAS/footage/acme/spot/reel.mov: replace, keeping the old version
    gone $STUDIO/NAS/footage/acme/teaser/t.mov: no longer on WORK, to be moved to the old versions
    ");
    assert_snapshot!(studio.lines(&[&format!("{LINE} --count --delete")]).ok(), @"
    exit 0
    --- stdout
    would send 2 files, 10 B; 3 already there; 1 to be moved to the old versions
    ");
    assert_eq!(studio.tree("NAS"), before);
}

#[test]
fn deletion_says_why_it_keeps_a_file() {
    let studio = Studio::filled();
    studio.lines(&[LINE]).ok();
    studio
        .remove("WORK/footage/acme/teaser/t.mov")
        .file("NAS/footage/acme/teaser/t.mov", "changed there");
    let line = format!("{LINE} --delete --yes");
    assert_snapshot!(studio.lines(&[&line]).ok(), @"
    exit 0
    --- stdout
    sent 0 files, 0 B in N s; 4 already there; 1 missing on WORK
    gone $STUDIO/NAS/footage/acme/teaser/t.mov: no longer on WORK; kept, because it was changed at the destination since it was sent
    ");
    assert_eq!(
        studio.read("NAS/footage/acme/teaser/t.mov"),
        "changed there"
    );
}

#[test]
fn invalid_line_is_usage_error() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&[&format!("{LINE} --force")]).status(2), @"
    exit 2
    --- stderr
    -c:1:30: error: missing: --delete
        sync all all WORK NAS --force
                                     ^
    hint: write it as: sync [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]
    ");
    assert_snapshot!(studio.lines(&[&format!("{LINE} --retry-failed --delete")]).status(2), @"
    exit 2
    --- stderr
    -c:1:23: error: `--retry-failed` and `--delete` cannot be used together
        sync all all WORK NAS --retry-failed --delete
                              ^^^^^^^^^^^^^^
    hint: leave one of them out
    ");
    assert_snapshot!(studio.lines(&[&format!("{LINE} --count --dry-run")]).status(2), @"
    exit 2
    --- stderr
    -c:1:23: error: `--count` and `--dry-run` cannot be used together
        sync all all WORK NAS --count --dry-run
                              ^^^^^^^
    hint: leave one of them out
    ");
    assert_snapshot!(studio.lines(&[&format!("{LINE} --bwlimit 10M")]).status(2), @"
    exit 2
    --- stderr
    -c:1:33: error: `10M` cannot be a rate: `--bwlimit` applies only to storages behind rclone
        sync all all WORK NAS --bwlimit 10M
                                        ^^^
    ");
    assert_snapshot!(studio.lines(&[&format!("{LINE} --for soon")]).status(2), @"
    exit 2
    --- stderr
    -c:1:29: error: `soon` is not a valid DURATION: a duration is a number and a unit, like 90s, 15m, 1h, 2d or 1w; without a unit it is seconds
        sync all all WORK NAS --for soon
                                    ^^^^
    hint: write it as: sync [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]
    ");
    assert_snapshot!(studio.lines(&[&format!("{LINE} --max-files -1")]).status(2), @"
    exit 2
    --- stderr
    -c:1:35: error: unknown option `-1`
        sync all all WORK NAS --max-files -1
                                          ^^
    hint: write it as: sync [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]; put `--` before a name that begins with `-`
    ");
    assert_snapshot!(studio.lines(&["sync all all WORK"]).status(2), @"
    exit 2
    --- stderr
    -c:1:18: error: missing: TO
        sync all all WORK
                         ^
    hint: write it as: sync [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]
    ");
    assert_snapshot!(studio.lines(&["sync acme/spot/x all WORK NAS"]).status(2), @"
    exit 2
    --- stderr
    -c:1:6: error: `acme/spot/x` cannot be a project: it has more than two parts; a project is written CLIENT/PROJECT
        sync acme/spot/x all WORK NAS
             ^^^^^^^^^^^
    hint: write it as in `fetch project acme/spot`
    ");
}

#[test]
fn unknown_names_suggest_nearest() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&["sync all all WORK NSA"]).status(1), @"
    exit 1
    --- stderr
    -c:1:19: error: unknown storage `NSA`
        sync all all WORK NSA
                          ^^^
    hint: did you mean `NAS`?
    ");
    assert_snapshot!(studio.lines(&["sync all footag WORK NAS"]).status(1), @"
    exit 1
    --- stderr
    -c:1:10: error: unknown category `footag`
        sync all footag WORK NAS
                 ^^^^^^
    hint: did you mean `footage`?
    ");
    assert_snapshot!(studio.lines(&["sync acme/spto all WORK NAS"]).status(1), @"
    exit 1
    --- stderr
    -c:1:6: error: `acme/spto` is not in any category of storage `WORK`
        sync acme/spto all WORK NAS
             ^^^^^^^^^
    hint: did you mean `acme/spot`?
    ");
    assert_snapshot!(studio.lines(&["sync all all WORK WORK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: FROM and TO are both `WORK`
        sync all all WORK WORK
        ^^^^^^^^^^^^^^^^^^^^^^
    hint: name another storage to copy to
    ");
}

#[test]
fn deletion_refusal_suggests_force() {
    let studio = Studio::filled();
    studio.lines(&[LINE]).ok();
    studio.remove("WORK/footage/acme");
    assert_snapshot!(studio.lines(&[&format!("{LINE} --delete")]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: 3 of 5 files synced to `NAS` are missing from `$STUDIO/WORK`
        sync all all WORK NAS --delete
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: nothing was deleted; check that the right disk is mounted; `--force` moves these files to the old versions anyway
    ");
}

#[test]
fn help_lists_the_options() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&["help sync"]).ok(), @"
    exit 0
    --- stdout
    Send what changed since the last sync to other storages

    For a nightly push: sent files are recorded, so the destination is listed only by the first sync.
    The source is authoritative: files that differ at the destination are replaced, and their old
    versions are kept in `.auto-backup/versions/` there. Failed files are recorded too, and are sent
    first by the next sync. Files missing at the source are reported and kept; with `--delete` they are
    moved to the old versions, and folders left empty are deleted.

    Usage: sync [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]

    Arguments:
      <PROJECT>
              The project, a client for all of its projects, or `all`

      <CATEGORY>
              The category; all categories if left out

      [FROM]
              The storage to send from

      [TO]...
              The storages to send to, separated by commas

    Options:
          --count
              Only count the files and bytes that would be sent

          --dry-run
              Only show the files that would be sent

          --no-sequences
              List every frame of an image sequence

          --retry-failed
              Only files that failed before

          --delete
              Move files missing at the source to the old versions

          --force
              Delete even if more than half of the files, or all, are missing at the source

          --bwlimit <RATE>
              Limit in bytes a second, or a timetable: `10M`, `08:00,512k 23:00,off`; only for storages
              behind rclone

          --max-files <N>
              Send at most N files; the rest is left for the next sync

          --for <DURATION>
              Start no file after this time: `30m`, `2h`

          --yes
              Delete without asking at the prompt

      -h, --help
              Print help

    Examples:
      sync all WORK CLOUD
      sync all WORK NAS,CLOUD
      sync acme/spot footage WORK CLOUD --count
      sync all WORK CLOUD --bwlimit 10M --for 6h
      sync all render WORK NAS --delete
      sync all WORK CLOUD --retry-failed
    ");
}
