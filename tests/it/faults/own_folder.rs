//! Another user can write to our own folder at a destination. Their entries are refused and never written through.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use insta::assert_snapshot;

use super::{FROM, LINE, TO, read_files};
use crate::studio::{CHANGED, Studio, report_skip};

/// Returns the messages of a copy whose lock file was created by `make`.
fn with_lock(make: impl Fn(&Path)) -> String {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/f"), "content")
        .file(format!("{TO}/reel"), "the reel")
        .folder("NAS/.auto-backup");
    make(&studio.path("NAS/.auto-backup/lock"));
    let run = studio.lines(&[LINE]).status(1);
    assert_eq!(studio.read(format!("{TO}/reel")), "the reel", "{run}");
    assert!(!studio.path(TO).join("f").exists(), "{run}");
    let line = run.stderr.lines().next().unwrap_or_default();
    line.to_owned()
}

#[test]
fn foreign_lock_file_is_refused() {
    let reel = |lock: &Path| {
        lock.ancestors()
            .nth(2)
            .unwrap()
            .join("footage/acme/spot/reel")
    };
    let reported = [
        with_lock(|lock| fs::hard_link(reel(lock), lock).unwrap()),
        with_lock(|lock| symlink(reel(lock), lock).unwrap()),
        with_lock(|lock| fs::create_dir(lock).unwrap()),
        with_lock(|lock| fs::write(lock, "the only copy of something").unwrap()),
        with_lock(|lock| drop(std::os::unix::net::UnixListener::bind(lock).unwrap())),
    ];
    assert_snapshot!(reported.join("\n"), @r"
    -c:1:1: error: `$STUDIO/NAS/.auto-backup/lock` is not trusted: it is also another file (2 hard links lead to it)
    -c:1:1: error: `$STUDIO/NAS/.auto-backup/lock` is not trusted: it is a symbolic link, not a file
    -c:1:1: error: `$STUDIO/NAS/.auto-backup/lock` is not trusted: it is a folder, not a file
    -c:1:1: error: `$STUDIO/NAS/.auto-backup/lock` is not trusted: it contains something other than the name of a run; move it away
    -c:1:1: error: `$STUDIO/NAS/.auto-backup/lock` is not trusted: it is a socket, pipe or device, not a file
    ");
}

#[test]
fn own_folder_of_another_user_is_refused() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/f"), "content")
        .folder("NAS/.auto-backup");
    let own = studio.path("NAS/.auto-backup");
    if std::os::unix::fs::chown(&own, Some(4343), None).is_err() {
        return report_skip("only root can give files to others");
    }
    let run = studio.lines(&[LINE]).status(1);
    assert!(run.stderr.contains("belongs to another user"), "{run}");
    assert_eq!(fs::read_dir(own).unwrap().count(), 0, "{run}");
    assert!(!studio.path(TO).join("f").exists(), "{run}");
}

/// Repeatedly exchanges a folder with a link to another; returns the number of exchanges.
fn swap(folder: &Path, link_to: &Path, ends: &AtomicBool) -> u32 {
    let aside = folder.with_extension("aside");
    let mut rounds = 0;
    while rounds < 10_000 || !ends.load(Ordering::Relaxed) {
        rounds += 1;
        if fs::rename(folder, &aside).is_err() {
            continue;
        }
        symlink(link_to, folder).unwrap_or_default();
        fs::remove_file(folder).unwrap_or_default();
        // A run may have created one meanwhile.
        if fs::rename(&aside, folder).is_err() {
            fs::rename(folder, folder.with_extension(rounds.to_string())).unwrap();
            fs::rename(&aside, folder).unwrap();
        }
    }
    rounds
}

/// Copies newer versions while `name` below the destination is exchanged with a link to a victim's folder.
#[track_caller]
fn assert_swapped_folder_is_safe(name: &str) {
    let studio = Studio::new();
    studio
        .file("victim/footage/acme/spot/f", "the victim's")
        .file("victim/lock", "")
        .file("victim/versions/x", "x");
    for number in 0..2 {
        studio.file_at(
            format!("{FROM}/f"),
            format!("version {number}"),
            CHANGED + number,
        );
        studio.lines(&[LINE]).ok();
    }
    let victim = read_files(&studio.path("victim"));
    let ends = AtomicBool::new(false);
    let (folder, link_to) = (studio.path("NAS").join(name), studio.path("victim"));
    let mut seen = vec!["version 0".to_owned(), "version 1".to_owned()];
    thread::scope(|scope| {
        let swapping = scope.spawn(|| swap(&folder, &link_to, &ends));
        for number in 2..10 {
            let content = format!("version {number}");
            studio.file_at(format!("{FROM}/f"), content, CHANGED + number);
            studio.json(&[LINE]);
            seen.push(studio.read(format!("{TO}/f")));
        }
        ends.store(true, Ordering::Relaxed);
        assert!(swapping.join().unwrap() >= 10_000);
    });
    assert_eq!(read_files(&studio.path("victim")), victim);
    let found = read_files(&studio.path("NAS"));
    let found: Vec<_> = found
        .values()
        .map(|bytes| String::from_utf8_lossy(bytes))
        .collect();
    for content in seen {
        assert!(
            found.contains(&content.as_str().into()),
            "{content} is lost: {found:?}"
        );
    }
}

#[test]
fn swapped_own_folder_is_never_written_through() {
    assert_swapped_folder_is_safe(".auto-backup");
}

#[test]
fn swapped_versions_folder_is_never_written_through() {
    assert_swapped_folder_is_safe(".auto-backup/versions");
}
