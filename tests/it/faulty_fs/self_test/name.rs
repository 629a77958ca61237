//! Faults of renames and names.

use std::fs::{self, File};

use fuser::Errno;
use rustix::fs::RenameFlags;

use super::{code, content, names, rename, with};
use crate::faulty_fs::{Faults, NameFault, RenameFlagFault};

#[test]
fn ignored_exchange_flag_replaces_target() {
    with(
        |lies| lies.exchange = RenameFlagFault::Ignored,
        |folder, mount| {
            assert_eq!(rename(folder, "b", RenameFlags::EXCHANGE), Ok(()));
            assert_eq!(content(folder, "a"), None);
            assert_eq!(content(folder, "b").unwrap(), "first");
            assert_eq!(mount.contents().len(), 1);
        },
    );
}

/// Content written by another machine.
const THEIRS: &[u8] = b"theirs";

#[test]
fn ignored_noreplace_flag_replaces_target() {
    let theirs = |lies: &mut Faults| lies.rival = Some(THEIRS);
    with(theirs, |folder, _| {
        let refused = rename(folder, "c", RenameFlags::NOREPLACE);
        assert_eq!(refused, Err(rustix::io::Errno::EXIST));
        assert_eq!(content(folder, "c").unwrap().as_bytes(), THEIRS);
        let linked = fs::hard_link(folder.join("a"), folder.join("d"));
        assert_eq!(code(linked), Some(17));
    });
    let lie = |lies: &mut Faults| {
        (lies.rival, lies.no_replace) = (Some(THEIRS), RenameFlagFault::Ignored);
    };
    with(lie, |folder, _| {
        assert_eq!(rename(folder, "c", RenameFlags::NOREPLACE), Ok(()));
        assert_eq!(content(folder, "c").unwrap(), "first");
    });
}

#[test]
fn skipped_flags_do_nothing() {
    let lie = |lies: &mut Faults| {
        (lies.exchange, lies.no_replace) = (RenameFlagFault::Skipped, RenameFlagFault::Skipped);
    };
    with(lie, |folder, _| {
        assert_eq!(rename(folder, "b", RenameFlags::EXCHANGE), Ok(()));
        assert_eq!(rename(folder, "c", RenameFlags::NOREPLACE), Ok(()));
        assert_eq!(content(folder, "a").unwrap(), "first");
        assert_eq!(content(folder, "b").unwrap(), "second one");
    });
}

#[test]
fn refused_flags_fail() {
    for (errno, seen) in [
        (Errno::EINVAL, rustix::io::Errno::INVAL),
        // The kernel remembers that and reports the truth: the flags are not supported.
        (Errno::ENOSYS, rustix::io::Errno::INVAL),
        (Errno::EOPNOTSUPP, rustix::io::Errno::NOTSUP),
    ] {
        let refused = RenameFlagFault::Refused(errno);
        let lie = |lies: &mut Faults| (lies.exchange, lies.no_replace) = (refused, refused);
        with(lie, |folder, _| {
            assert_eq!(rename(folder, "b", RenameFlags::EXCHANGE), Err(seen));
            assert_eq!(rename(folder, "c", RenameFlags::NOREPLACE), Err(seen));
            assert_eq!(rename(folder, "b", RenameFlags::empty()), Ok(()));
        });
    }
}

#[test]
fn names_are_folded_and_normalized() {
    let (nfc, nfd) = ("\u{fc}", "u\u{308}");
    for (rule, given, asked, stored) in [
        (NameFault::FoldCase, "Reel", "rEEL", "Reel"),
        (NameFault::Lower, "Reel", "rEEL", "reel"),
        (NameFault::FoldForm, nfc, nfd, nfc),
        (NameFault::FoldBoth, "\u{dc}", nfd, "\u{dc}"),
        (NameFault::Nfd, nfc, nfc, nfd),
        (NameFault::Nfc, nfd, nfd, nfc),
    ] {
        with(
            |lies| lies.names = rule,
            |folder, _| {
                fs::write(folder.join(given), "found").unwrap();
                assert_eq!(content(folder, asked).unwrap(), "found", "{rule:?}");
                let mut all = ["a", "b", stored];
                all.sort_unstable();
                assert_eq!(names(folder), all, "{rule:?}");
                let taken = File::options()
                    .write(true)
                    .create_new(true)
                    .open(folder.join(asked));
                assert_eq!(code(taken), Some(17));
            },
        );
    }
}
