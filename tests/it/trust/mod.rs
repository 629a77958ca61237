//! Trust under attack: damaged bits, kills at any system call, two machines at once, and random studios against an oracle.

mod damage;
mod oracle;
mod two_machines;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::studio::Studio;

/// The start-up file of a studio with three storages on media of their own.
pub(crate) const THREE_MEDIA: &str = "add database WORK ../../../WORK --medium w\n\
    add database NAS ../../../NAS --medium n\n\
    add database SHELF ../../../SHELF --medium s\n\
    add category footage footage/\n";

/// A studio with three storages on media of their own.
pub(crate) fn three_media() -> Studio {
    let studio = Studio::new();
    studio
        .folder("SHELF")
        .file("home/.config/auto-backup/.config", THREE_MEDIA);
    studio
}

/// Flips one bit of a file, and restores its time.
pub(crate) fn flip_bit(path: &Path, byte: usize) {
    let before = fs::metadata(path).unwrap();
    let mut content = fs::read(path).unwrap();
    content[byte] ^= 1;
    fs::write(path, content).unwrap();
    let seconds = u64::try_from(before.mtime()).unwrap();
    let nanoseconds = u32::try_from(before.mtime_nsec()).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_times(fs::FileTimes::new().set_modified(time))
        .unwrap();
}
