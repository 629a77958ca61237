//! `compare`: differences between two databases, file by file.

use std::fs;
use std::os::unix::net::UnixListener;

use insta::assert_snapshot;

use crate::disks::MountedDisk;
use crate::studio::{CHANGED, Studio};

const LINE: &str = "compare acme/spot WORK NAS";

/// A studio whose project differs between its databases in every possible way.
fn studio_with_differences() -> Studio {
    let studio = Studio::filled();
    studio.lines(&["copy acme/spot all WORK NAS"]).ok();
    studio
        .file("NAS/footage/acme/spot/only there", "x")
        .file("WORK/footage/acme/spot/only here", "x")
        .file("NAS/footage/acme/spot/reel.mov", "longer reel")
        .file_at(
            "NAS/footage/acme/spot/plates/p1.exr",
            "plate two",
            CHANGED - 60,
        )
        .folder("WORK/footage/acme/spot/empty")
        .folder("WORK/footage/acme/spot/kind")
        .file("NAS/footage/acme/spot/kind", "a file")
        .link("WORK/footage/acme/spot/link", "here")
        .link("NAS/footage/acme/spot/link", "there");
    studio
}

#[test]
fn copied_files_are_equal() {
    let studio = Studio::filled();
    studio.lines(&["copy acme/spot all WORK NAS"]).ok();
    assert_snapshot!(studio.lines(&[LINE]), @"
    exit 0
    --- stdout
    no difference: 3 files, 18 B
    ");
    assert_snapshot!(studio.json(&[LINE]), @r#"
    exit 0
    --- stdout
    {"command":"compare","known":false,"only_a":0,"only_b":0,"differs":0,"same":3,"failed":0,"only_a_bytes":0,"only_b_bytes":0,"differs_bytes":0,"same_bytes":18,"files_read":0,"files_known":0,"oldest_digest":null,"scans":[],"projects":[],"items":[],"sequences":[]}
    "#);
    studio.json(&["compare all all NAS WORK"]).status(3);
}

#[test]
fn every_difference_has_a_reason() {
    let studio = studio_with_differences();
    assert_snapshot!(studio.lines(&[LINE]), @"
    exit 3
    --- stdout
    NAS lacks 1 file, 1 B, and 1 empty folder; WORK lacks 1 file, 1 B; 4 files, 13 B differ; 1 the same
    ┌──────────┬─────────┬──────────────┬─────────────┬──────────┐
    │ category ┆ same    ┆ only in WORK ┆ only in NAS ┆ differs  │
    ╞══════════╪═════════╪══════════════╪═════════════╪══════════╡
    │ footage  ┆       0 ┆ 2 (1 B)      ┆ 1 (1 B)     ┆ 4 (13 B) │
    │ render   ┆ 1 (5 B) ┆            0 ┆           0 ┆        0 │
    └──────────┴─────────┴──────────────┴─────────────┴──────────┘
    only in WORK footage/acme/spot/empty/
    differs footage/acme/spot/kind: kind: a folder in WORK, a file in NAS
    differs footage/acme/spot/link: target
    only in WORK footage/acme/spot/only here
    only in NAS footage/acme/spot/only there
    differs footage/acme/spot/plates/p1.exr: time: 2026-01-02T03:04:05Z in WORK, 2026-01-02T03:03:05Z in NAS
    differs footage/acme/spot/reel.mov: size: 4 B in WORK, 11 B in NAS
    ");
    assert_snapshot!(studio.json(&["compare acme/spot footage WORK NAS"]), @r#"
    exit 3
    --- stdout
    {"command":"compare","known":false,"only_a":2,"only_b":1,"differs":4,"same":0,"failed":0,"only_a_bytes":1,"only_b_bytes":1,"differs_bytes":13,"same_bytes":0,"files_read":0,"files_known":0,"oldest_digest":null,"scans":[],"projects":[{"project":"acme/spot","only_a":2,"only_b":1,"differs":4,"same":0,"failed":0,"only_a_bytes":1,"only_b_bytes":1,"differs_bytes":13,"same_bytes":0}],"items":[{"category":"footage","path":"acme/spot/empty/","outcome":"only_a","reason":null,"sequence":null},{"category":"footage","path":"acme/spot/kind","outcome":"differs","reason":"kind","sequence":null},{"category":"footage","path":"acme/spot/link","outcome":"differs","reason":"target","sequence":null},{"category":"footage","path":"acme/spot/only here","outcome":"only_a","reason":null,"sequence":null},{"category":"footage","path":"acme/spot/only there","outcome":"only_b","reason":null,"sequence":null},{"category":"footage","path":"acme/spot/plates/p1.exr","outcome":"differs","reason":"time","sequence":null},{"category":"footage","path":"acme/spot/reel.mov","outcome":"differs","reason":"size","sequence":null}],"sequences":[]}
    "#);
    assert_snapshot!(studio.run(["--format", "csv", "-c", "compare acme/spot footage NAS WORK"]), @"
    exit 3
    --- stdout
    category,path,outcome,reason
    footage,acme/spot/empty/,only_b,
    footage,acme/spot/kind,differs,kind
    footage,acme/spot/link,differs,target
    footage,acme/spot/only here,only_b,
    footage,acme/spot/only there,only_a,
    footage,acme/spot/plates/p1.exr,differs,time
    footage,acme/spot/reel.mov,differs,size
    ");
}

#[test]
fn checksum_option_compares_content() {
    let studio = Studio::filled();
    studio.lines(&["copy acme/spot all WORK NAS"]).ok();
    studio
        .file("NAS/footage/acme/spot/reel.mov", "real")
        .file_at(
            "NAS/footage/acme/spot/plates/p1.exr",
            "plate one",
            CHANGED + 60,
        );
    assert_snapshot!(studio.lines(&["compare acme/spot footage WORK NAS --checksum --anew"]), @"
    exit 3
    --- stdout
    1 file, 4 B differs; 1 the same; 2 files read
    differs footage/acme/spot/reel.mov: content
    ");
}

#[test]
fn known_content_difference_is_remembered() {
    let studio = Studio::filled();
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    // Bit rot: neither size nor time changes.
    studio.file("NAS/footage/acme/spot/reel.mov", "reeX");
    let plain = "compare acme/spot footage WORK NAS";
    studio.lines(&[plain]).ok();
    let found = studio.lines(&[&format!("{plain} --checksum --anew")]);
    assert!(
        found.status == 3 && found.stdout.contains("content"),
        "{found}"
    );
    let again = studio.lines(&[plain]);
    assert!(
        again.status == 3 && again.stdout.contains("content"),
        "{again}"
    );
    let swapped = studio.lines(&["compare acme/spot footage NAS WORK"]);
    assert_eq!(swapped.status, 3, "{swapped}");
    for before in ["echo", "load"] {
        let fetched = studio.lines(&[before, "fetch project acme/spot"]);
        assert!(fetched.stdout.contains("1 differ"), "{fetched}");
    }
    let copy = "copy acme/spot footage WORK NAS";
    let copied = studio.json(&[copy]);
    assert_eq!(
        (copied.status, &copied.document()["conflict_files"]),
        (3, &1.into()),
        "{copied}"
    );
    // The file at this path was replaced after the comparison.
    studio.json(&[&format!("{copy} --overwrite")]).ok();
    studio.lines(&[plain]).ok();
    let fetched = studio.lines(&["fetch project acme/spot"]).ok();
    assert!(!fetched.stdout.contains("differ"), "{fetched}");
}

#[test]
fn unchanged_files_reuse_stored_digests() {
    let studio = Studio::filled();
    studio.lines(&["copy acme/spot all WORK NAS"]).ok();
    let read = |line: &str| {
        let run = studio.lines(&[line]).ok();
        let first = run.stdout.lines().next().unwrap().to_owned();
        first.split_once("; ").unwrap().1.to_owned()
    };
    // The copy read its data back.
    assert_eq!(
        read("compare acme/spot WORK NAS --checksum"),
        "0 files read, 3 known, the oldest digest just now"
    );
    assert_eq!(
        read("compare acme/spot WORK NAS --checksum --anew"),
        "3 files read"
    );
    studio.file_at("NAS/footage/acme/spot/reel.mov", "reel", CHANGED + 1);
    assert_eq!(
        read("compare acme/spot WORK NAS --checksum"),
        "1 file read, 2 known, the oldest digest just now"
    );
    assert_eq!(
        read("compare acme/spot WORK NAS --checksum"),
        "0 files read, 3 known, the oldest digest just now"
    );
    // Without the index every file is read.
    fs::remove_file(studio.path("home/.local/share/auto-backup/index.sqlite")).unwrap();
    assert_eq!(
        read("compare acme/spot WORK NAS --checksum"),
        "3 files read"
    );
    assert_eq!(
        read("compare acme/spot WORK NAS --checksum"),
        "0 files read, 3 known, the oldest digest just now"
    );
}

#[test]
fn similar_sizes_are_shown_in_bytes() {
    let studio = Studio::filled();
    studio.lines(&["copy acme/spot all WORK NAS"]).ok();
    let (a, b) = (vec![1; 1_000_001], vec![1; 1_000_000]);
    studio
        .file("WORK/footage/acme/spot/reel.mov", a)
        .file("NAS/footage/acme/spot/reel.mov", b);
    let compared = studio.lines(&["compare acme/spot WORK NAS"]).status(3);
    let reason = "reel.mov: size: 1,000,001 B in WORK, 1,000,000 B in NAS\n";
    assert!(compared.stdout.contains(reason), "{compared}");
}

#[test]
fn unverified_copy_stores_no_digests() {
    let studio = Studio::filled();
    studio
        .lines(&["copy acme/spot all WORK NAS --no-verify"])
        .ok();
    let compared = studio
        .lines(&["compare acme/spot WORK NAS --checksum"])
        .ok();
    assert!(
        compared
            .stdout
            .starts_with("no difference: 3 files, 18 B; 3 files read\n"),
        "{compared}"
    );
}

#[test]
fn replaced_file_does_not_reuse_digest() {
    let studio = Studio::filled();
    studio.lines(&["copy acme/spot all WORK NAS"]).ok();
    // Equal size and time, other bytes: its change time shows that it was written.
    studio.file("WORK/footage/acme/spot/reel.mov", "real");
    let line = "compare acme/spot WORK NAS --checksum";
    studio.lines(&["compare acme/spot WORK NAS"]).ok();
    let compared = studio.lines(&[line]).status(3);
    assert!(
        compared.stdout.contains("1 file read, 2 known"),
        "{compared}"
    );
    studio.lines(&[&format!("{line} --anew")]).status(3);
    studio.lines(&[line]).status(3);
    studio
        .lines(&["copy acme/spot footage WORK NAS --checksum --overwrite"])
        .ok();
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "real");
    studio.lines(&[line]).ok();
    studio.lines(&[&format!("{line} --anew")]).ok();
}

#[test]
fn unreadable_file_is_failed_not_different() {
    let studio = Studio::filled();
    studio.lines(&["copy acme/spot all WORK NAS"]).ok();
    studio
        .mode("NAS/footage/acme/spot/plates", 0o000)
        .mode("WORK/footage/acme/spot/reel.mov", 0o000);
    let run = studio.lines_as_user(&["compare acme/spot footage WORK NAS --checksum --anew"]);
    assert_snapshot!(run, @"
    exit 3
    --- stdout
    2 could not be compared; 0 files read
    failed footage/acme/spot/plates: cannot open `$STUDIO/NAS/footage/acme/spot/plates`: Permission denied (os error 13)
    failed footage/acme/spot/reel.mov: cannot read `$STUDIO/WORK/footage/acme/spot/reel.mov`: Permission denied (os error 13)
    ");
    studio.mode("NAS/footage/acme/spot/plates", 0o755);
}

#[test]
fn sockets_are_skipped() {
    let studio = Studio::filled();
    studio.lines(&["copy acme/spot all WORK NAS"]).ok();
    let _socket = UnixListener::bind(studio.path("WORK/footage/acme/spot/socket")).unwrap();
    assert_snapshot!(studio.lines(&[LINE]), @"
    exit 0
    --- stdout
    no difference: 3 files, 18 B
    skipped footage/acme/spot/socket: it is a socket, pipe or device
    ");
}

#[test]
fn comparison_updates_the_index() {
    let studio = Studio::filled();
    studio.lines(&[LINE]).status(3);
    let fetched = studio.json(&["fetch project acme/spot"]).document();
    let replicas = fetched["projects"][0]["replicas"].as_array().unwrap();
    let states: Vec<_> = replicas
        .iter()
        .map(|replica| replica["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["whole", "missing", "whole", "missing"]);
}

#[test]
fn invalid_comparisons_are_refused() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&["compare acme/spot WORK WORK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: A and B are both `WORK`
        compare acme/spot WORK WORK
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: name another storage to compare with
    ");
    assert_snapshot!(studio.lines(&["compare acme/sopt WORK NAS"]).status(1), @"
    exit 1
    --- stderr
    -c:1:9: error: `acme/sopt` is not in any category of storage `WORK` or `NAS`
        compare acme/sopt WORK NAS
                ^^^^^^^^^
    hint: did you mean `acme/spot`?
    ");
    assert_snapshot!(studio.lines(&["compare acme/spot footage WORK NSA"]).status(1), @"
    exit 1
    --- stderr
    -c:1:32: error: unknown storage `NSA`
        compare acme/spot footage WORK NSA
                                       ^^^
    hint: did you mean `NAS`?
    ");
    assert_snapshot!(studio.lines(&["compare acme/spot WORK"]).status(2), @"
    exit 2
    --- stderr
    -c:1:23: error: missing: B
        compare acme/spot WORK
                              ^
    hint: write it as: compare [OPTIONS] PROJECT [CATEGORY] A B
    ");
    assert_snapshot!(studio.lines(&["compare acme/spot WORK NAS --anew"]).status(2), @"
    exit 2
    --- stderr
    -c:1:34: error: missing: --checksum
        compare acme/spot WORK NAS --anew
                                         ^
    hint: write it as: compare [OPTIONS] PROJECT [CATEGORY] A B
    ");
    studio.remove("NAS");
    assert_snapshot!(studio.lines(&[LINE]).status(1), @"
    exit 1
    --- stderr
    -c:1:24: error: storage `NAS` is offline: `$STUDIO/NAS` does not exist
        compare acme/spot WORK NAS
                               ^^^
    hint: mount or connect it, then try again
    ");
}

#[test]
fn unmounted_category_is_not_empty() {
    let studio = Studio::filled();
    let Some(disk) = MountedDisk::mount(&studio, "NAS/footage", "1m") else {
        return;
    };
    studio.lines(&["copy acme/spot all WORK NAS"]).ok();
    drop(disk);
    let document = studio.json(&[LINE]).status(3).document();
    assert_eq!(document["only_a"], 0, "{document}");
    assert_eq!(document["items"][0]["outcome"], "failed", "{document}");
}
