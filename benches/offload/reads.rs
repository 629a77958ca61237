//! Bytes that a command reads from a folder, counted by strace.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use auto_backup::base::error::IoResultExt as _;
use auto_backup::base::unit;

use crate::common::interrupted;
use crate::common::outcome::Outcome;
use crate::common::row::{Row, verdict};
use crate::common::totals::totals;
use crate::duel::skipped;

/// All calls that read a file.
const CALLS: &str = "trace=read,pread64,readv,preadv,preadv2,copy_file_range,sendfile,splice,mmap";

/// Runs a command once under strace, and returns the row of the bytes that it reads from a folder.
pub(crate) fn row(
    title: &str,
    command: &[OsString],
    (folder, log): (&Path, &Path),
    asked: f64,
) -> Outcome<Row> {
    let title = format!("{title}, bytes read");
    if !can_trace() {
        return Ok(skipped(
            &title,
            "strace is not installed or not permitted",
            asked,
        ));
    }
    let read = bytes_read(command, folder, log)?;
    let (_, size) = totals(folder)?;
    if read < size {
        return Err(format!("strace saw {read} bytes read of {size}").into());
    }
    #[expect(clippy::cast_precision_loss, reason = "a ratio of few digits")]
    let ratio = read as f64 / size as f64;
    Ok(Row {
        what: title,
        ours: unit::format_bytes(read),
        against: "size of the source".to_owned(),
        takes: unit::format_bytes(size),
        ratio: format!("{ratio:.4} x"),
        asked: format!("{asked} x"),
        verdict: verdict(Some(ratio <= asked)),
        ..Row::default()
    })
}

fn can_trace() -> bool {
    let trial = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output();
    trial.is_ok_and(|trial| trial.status.success())
}

fn bytes_read(command: &[OsString], folder: &Path, log: &Path) -> Outcome<u64> {
    interrupted::check()?;
    // With the filter of the kernel the program stops only at these calls.
    let traced = Command::new("strace")
        .args(["-f", "--seccomp-bpf", "-qq", "-y", "-e", CALLS, "-o"])
        .arg(log)
        .args(command)
        .output()
        .at("run", "strace")?;
    interrupted::check()?;
    if !traced.status.success() {
        let complaints = String::from_utf8_lossy(&traced.stderr);
        return Err(format!("strace ended with {}\n{complaints}", traced.status).into());
    }
    let text = fs::read(log).at("read", log)?;
    let folder = folder.to_str().ok_or("the folder is not UTF-8")?;
    Ok(sum(&String::from_utf8_lossy(&text), folder))
}

/// Adds up the results of all calls that read a file below a folder. A call that another thread interrupts is in two
/// lines.
fn sum(log: &str, folder: &str) -> u64 {
    let mut unfinished = HashMap::new();
    let mut total = 0;
    for (thread, call) in log.lines().filter_map(|line| line.split_once(' ')) {
        if let Some((begin, _)) = call.split_once("<unfinished") {
            unfinished.insert(thread, begin);
            continue;
        }
        let begin = if call.contains("resumed>") {
            unfinished.remove(thread).unwrap_or_default()
        } else {
            call
        };
        if reads(begin, folder) {
            total += result(begin, call).unwrap_or_default();
        }
    }
    total
}

/// True if a call reads a file below a folder: the first file of a call is the one that it reads.
fn reads(call: &str, folder: &str) -> bool {
    let path = call.split_once('<').map(|(_, path)| path);
    path.is_some_and(|path| path.starts_with(folder))
}

/// Returns the bytes of a call: its result, or the length of a mapping, which is its second argument.
fn result(begin: &str, call: &str) -> Option<u64> {
    if begin.trim_start().starts_with("mmap(") {
        return begin.split(", ").nth(1)?.parse().ok();
    }
    let (_, result) = call.rsplit_once("= ")?;
    result.trim().parse().ok()
}
