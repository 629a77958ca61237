//! Files with several names count their bytes once in a replica.

use std::fs;

use super::{totals, walk_totals};
use crate::studio::Studio;

const REPLICA: &str = "WORK/footage/acme/spot";

/// Compares the bytes of a load with a plain walk and with the expected number.
#[track_caller]
fn check(studio: &Studio, bytes: u64) {
    let load = studio.json(&["load"]).ok();
    assert_eq!(totals(&load, "WORK").1, bytes);
    assert_eq!(totals(&load, "WORK"), walk_totals(studio, "WORK"));
}

#[test]
fn hard_links_count_once_per_replica() {
    let studio = Studio::new();
    let path = |name: &str| studio.path(format!("{REPLICA}/{name}"));
    studio.file(format!("{REPLICA}/a/one"), "x".repeat(1000));
    studio.folder(format!("{REPLICA}/b/c"));
    fs::hard_link(path("a/one"), path("a/two")).unwrap();
    fs::hard_link(path("a/one"), path("b/three")).unwrap();
    fs::hard_link(path("a/one"), path("b/c/four")).unwrap();
    check(&studio, 1000);
    check(&studio, 1000);
    // One of the folders changes, then another.
    studio.file(format!("{REPLICA}/b/new"), "x".repeat(10));
    check(&studio, 1010);
    studio.remove(format!("{REPLICA}/a/one"));
    check(&studio, 1010);
    studio.remove(format!("{REPLICA}/a/two"));
    check(&studio, 1010);
    // A separate file of the same size and time: the folder's manifest stays the same.
    let modified = path("b/three").metadata().unwrap().modified().unwrap();
    studio.remove(format!("{REPLICA}/b/three"));
    fs::write(path("b/three"), "x".repeat(1000)).unwrap();
    let file = fs::File::options()
        .write(true)
        .open(path("b/three"))
        .unwrap();
    file.set_modified(modified).unwrap();
    check(&studio, 2010);
    studio.remove(format!("{REPLICA}/b/three"));
    fs::hard_link(path("b/c/four"), path("b/three")).unwrap();
    check(&studio, 1010);
    studio.remove(format!("{REPLICA}/b/c"));
    check(&studio, 1010);
}

#[test]
fn hard_links_across_replicas_count_once_each() {
    let studio = Studio::new();
    studio.file(format!("{REPLICA}/one"), "x".repeat(1000));
    studio
        .folder("WORK/footage/acme/other/x")
        .folder("WORK/scratch/render/acme/spot");
    let one = studio.path(format!("{REPLICA}/one"));
    for name in [
        "footage/acme/other/two",
        "footage/acme/other/x/three",
        "scratch/render/acme/spot/four",
    ] {
        fs::hard_link(&one, studio.path("WORK").join(name)).unwrap();
    }
    check(&studio, 3000);
    studio.remove(format!("{REPLICA}/one"));
    check(&studio, 2000);
}
