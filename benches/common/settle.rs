//! The same state of disk and memory before every run.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use auto_backup::base::error::IoResultExt as _;

use crate::common::interrupted;
use crate::common::outcome::Outcome;

/// Flushes the file system of a folder, so that no tool pays for earlier writes.
pub(crate) fn settle(folder: &Path) -> Outcome<()> {
    let status = Command::new("sync")
        .arg("-f")
        .arg(folder)
        .status()
        .at("run", "sync")?;
    interrupted::check()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`sync -f {}` ended with {status}", folder.display()).into())
}

/// Allocates this much memory for a file and frees it. A virtual machine returns memory to its host two seconds after
/// it was freed, and a process that allocates memory during or after that waits. So for a large amount this waits until
/// the return is over, allocates the memory again, and leaves the two seconds to the next run.
pub(crate) fn warm(folder: &Path, bytes: u64) -> Outcome<()> {
    const PIECE: usize = 1 << 20;
    const MUCH: u64 = 1 << 30;
    const OVER: Duration = Duration::from_secs(5);
    if bytes >= MUCH {
        thread::sleep(OVER);
    }
    let path = folder.join("warm");
    let mut file = File::create(&path).at("create", &path)?;
    let piece = vec![0; PIECE];
    for _ in 0..bytes.div_ceil(PIECE as u64) {
        interrupted::check()?;
        file.write_all(&piece).at("write", &path)?;
    }
    Ok(fs::remove_file(&path).at("remove", path)?)
}
