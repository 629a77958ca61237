//! Copies that read back differently: `strace` changes the data that the program reads.

use insta::assert_snapshot;

use super::tracer::Tracer;
use super::{
    FROM, LINE, TO, assert_accounted, assert_mirrored, assert_next_copy_completes, differing_files,
    kept_versions, leftovers,
};
use crate::studio::{CHANGED, Studio};

/// Changes the first byte of the data.
const ROT: &str = "poke_exit=@arg2=ff";

/// A studio with two files that are hashed while copied and one that is not; each has an older version at the
/// destination.
fn studio() -> Studio {
    let studio = Studio::new();
    for name in ["a", "b", "large"] {
        studio.file_at(format!("{TO}/{name}"), format!("older {name}"), CHANGED - 9);
    }
    studio
        .file(format!("{FROM}/a"), "frame a")
        .file(format!("{FROM}/b"), "frame b")
        .file(format!("{FROM}/large"), vec![7; 3 << 20]);
    studio
}

#[test]
fn mismatched_copy_is_retried() {
    // The second temporary file is `b`, the third `large`; repeated copies get further numbers.
    for part in [1..2, 2..3, 0..3] {
        let studio = studio();
        let Some(tracer) = Tracer::new(&studio) else {
            return;
        };
        let run = tracer
            .inject("pread64", ROT)
            .on_temp_copies(part)
            .json(LINE)
            .ok();
        let document = assert_accounted(&run);
        let numbers = ["copied_files", "verified_files"].map(|name| &document[name]);
        assert_eq!(numbers, [3, 3], "{run}");
        assert_mirrored(&studio);
        assert!(
            Tracer::log(&studio).contains("(INJECTED"),
            "nothing was changed"
        );
        assert_eq!(
            kept_versions(&studio, "NAS"),
            ["older a", "older b", "older large"].map(str::as_bytes)
        );
    }
}

#[test]
fn persistent_mismatch_leaves_no_name() {
    let studio = studio();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let run = tracer
        .inject("pread64", ROT)
        .on_temp_copies(0..20)
        .json(LINE)
        .status(3);
    let items = assert_accounted(&run)["items"].as_array().unwrap().clone();
    let reasons = items.iter().map(|item| item["reason"].as_str().unwrap());
    let folder = studio.path(TO).display().to_string();
    let reasons = reasons.map(|reason| reason.replace(&folder, "TO"));
    assert_snapshot!(reasons.collect::<Vec<_>>().join("\n"), @"
    verification of `TO/a` failed: source XXH3-128 7abee6cadc67b9ea53509ed0f1b6f22b, copy 15eb22cf85929120478e7b369aa5b4d9; the copy was removed
    verification of `TO/b` failed: source XXH3-128 c18be1fc54874c6cad4ed0344f150f28, copy edf8037caea2f2208bc3b1a94dacf0ac; the copy was removed
    verification of `TO/large` failed: source XXH3-128 2b9e722ff21cea8c3cfb0c704cbc2b5a, copy f982c0e39af4fab67b9be30ed5cf4a6e; the copy was removed
    ");
    assert_eq!(differing_files(&studio), ["a", "b", "large"]);
    assert_eq!(studio.read(format!("{TO}/b")), "older b");
    assert_eq!(leftovers(&studio, "NAS"), [""; 0]);
    assert_eq!(kept_versions(&studio, "NAS").len(), 0);
    assert_next_copy_completes(&studio);
}

#[test]
fn unreadable_copy_gets_no_name() {
    let studio = studio();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let run = tracer
        .inject("pread64", "error=EIO")
        .on_temp_copies(1..2)
        .json(LINE)
        .status(3);
    assert_eq!(assert_accounted(&run)["failed_files"], 1, "{run}");
    assert_eq!(studio.read(format!("{TO}/b")), "older b");
    assert_next_copy_completes(&studio);
}

#[test]
fn no_verify_skips_reading_back() {
    let reads = |line: &str| {
        let studio = studio();
        let tracer = Tracer::new(&studio)?
            .record("pread64")
            .record("read")
            .record("lseek");
        let run = tracer.on_temp_copies(0..20).json(line).ok();
        assert_mirrored(&studio);
        Some((
            assert_accounted(&run)["verified_files"].clone(),
            Tracer::log(&studio).matches("read").count(),
        ))
    };
    let Some((verified, read)) = reads(LINE) else {
        return;
    };
    assert!(verified == 3 && read >= 3, "{verified} {read}");
    let without = format!("{LINE} --no-verify");
    assert_eq!(reads(&without).unwrap(), (0.into(), 0));
}
