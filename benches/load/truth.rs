//! Checks of our answers: the speed of a wrong answer is meaningless.

use std::process::Command;

use auto_backup::base::error::IoResultExt as _;

use crate::commands::ours;
use crate::common::interrupted;
use crate::common::outcome::Outcome;
use crate::common::totals::totals;
use crate::studio::{CATEGORIES, Studio};

/// Column of files in a line of `fetch`; bytes follow. Both are empty for a missing replica.
const FILES: usize = 9;
const BYTES: usize = 10;

/// Compares the index with the disk, which must be equal after `load`.
pub(crate) fn check(studio: &Studio) -> Outcome<()> {
    interrupted::check()?;
    let told = told(studio)?;
    let (mut files, mut bytes) = (0, 0);
    for root in studio.roots() {
        for (_, category) in CATEGORIES {
            let (more_files, more_bytes) = totals(&root.join(category))?;
            files += more_files;
            bytes += more_bytes;
        }
    }
    if told == (files, bytes) {
        return Ok(());
    }
    let (told_files, told_bytes) = told;
    Err(format!(
        "auto-backup tells of {told_files} files, {told_bytes} bytes, where {files} files, {bytes} bytes are"
    )
    .into())
}

/// Returns the files and bytes of all replicas.
fn told(studio: &Studio) -> Outcome<(u64, u64)> {
    let command = ours(studio, &["--format", "plain"], &["fetch all"]);
    let (program, arguments) = command.split_first().ok_or("there is no command")?;
    let output = Command::new(program)
        .args(arguments)
        .output()
        .at("run", program)?;
    let answer = String::from_utf8(output.stdout)?;
    let sum = |field| -> u64 {
        let fields = answer
            .lines()
            .filter_map(|line| line.split('\t').nth(field));
        fields.filter_map(|field| field.parse::<u64>().ok()).sum()
    };
    Ok((sum(FILES), sum(BYTES)))
}
