//! The first program's way to send changes: a Python program beside this file, as the first one was.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use auto_backup::base::error::IoResultExt as _;

use crate::common::outcome::Outcome;
use crate::tree::Tree;

/// The language of the first program.
pub(crate) const LANGUAGE: &str = "python3";

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/sync/seed_sync.py");

/// Records the state of the files before any change.
pub(crate) fn note(record: &Path, tree: &Tree) -> Outcome<()> {
    let mut command = Command::new(LANGUAGE);
    command
        .args([PROGRAM, "note"])
        .arg(record)
        .arg(tree.category());
    if command.status().at("run", LANGUAGE)?.success() {
        return Ok(());
    }
    Err("the first program could not take down how the files are".into())
}

/// Returns the command that sends the files that differ from the record.
pub(crate) fn line(record: &Path, tree: &Tree, remote: &str) -> Vec<OsString> {
    vec![
        LANGUAGE.into(),
        PROGRAM.into(),
        "sync".into(),
        record.into(),
        tree.category().into(),
        remote.into(),
    ]
}
