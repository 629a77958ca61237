//! How the first program sent what changed: a process of `stat` for each file there is, and then one of rclone for each
//! that is not as it was.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use auto_backup::error::At as _;

use crate::common::outcome::Outcome;
use crate::tree::Tree;

/// What this program is called with to send as the first program did.
pub(crate) const OPTION: &str = "--seed-sync";

/// Takes down how the files are, before any of them is changed.
pub(crate) fn note(record: &Path, tree: &Tree) -> Outcome<()> {
    use std::os::unix::fs::MetadataExt as _;

    let mut text = String::new();
    for path in tree.paths() {
        let file = fs::metadata(&path).at("look at", &path)?;
        let (size, time) = (file.len(), file.mtime());
        text.extend([
            size.to_string(),
            format!(" {time} "),
            path.display().to_string(),
        ]);
        text.push('\n');
    }
    Ok(fs::write(record, text).at("write", record)?)
}

/// Sends what is not as the record says, from a folder to a remote; told in this order.
pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> Outcome<()> {
    let mut next = || arguments.next().ok_or("a place is missing");
    let (record, from, to) = (PathBuf::from(next()?), PathBuf::from(next()?), next()?);
    let to = to.to_str().ok_or("a remote is text")?;
    let text = fs::read_to_string(&record).at("read", &record)?;
    let mut known = HashMap::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().ok_or("the record is broken");
        let (size, time, path) = (part()?, part()?, part()?);
        known.insert(path, format!("{size} {time}\n"));
    }
    let mut changed = Vec::new();
    for (path, before) in known {
        let mut stat = Command::new("stat");
        stat.args(["--format=%s %Y", path]).stderr(Stdio::inherit());
        let told = stat.output().at("run", "stat")?;
        if told.stdout != before.as_bytes() {
            changed.push(Path::new(path));
        }
    }
    for path in changed {
        let folder = path.parent().unwrap_or(&from).strip_prefix(&from)?;
        let mut rclone = Command::new("rclone");
        rclone.arg("sync").arg(path);
        let status = rclone.arg(format!("{to}/{}", folder.display())).status();
        if !status.at("run", "rclone")?.success() {
            return Err(io::Error::other("rclone failed").into());
        }
    }
    Ok(())
}
