//! Whether our program sees the studio as it is. If it does not, its times say nothing.

use std::process::Command;

use auto_backup::error::At as _;

use crate::commands::ours;
use crate::interrupted;
use crate::outcome::Outcome;
use crate::studio::Studio;

/// Where a line of `fetch` has the number of files; the field is empty for a replica that is not there.
const FILES: usize = 5;

/// Looks at the whole studio and adds up the files of all replicas.
pub(crate) fn check(studio: &Studio) -> Outcome<()> {
    let command = ours(studio, &["--format", "plain"], &["load", "fetch all"]);
    let mut words = command.iter();
    let program = words.next().ok_or("there is no command")?;
    let output = Command::new(program)
        .args(words)
        .output()
        .at("run", program)?;
    interrupted::check()?;
    let answer = String::from_utf8(output.stdout)?;
    let fields = answer
        .lines()
        .filter_map(|line| line.split('\t').nth(FILES));
    let files: usize = fields.filter_map(|field| field.parse::<usize>().ok()).sum();
    if files == studio.files {
        return Ok(());
    }
    let complaints = String::from_utf8_lossy(&output.stderr);
    let made = studio.files;
    Err(format!("auto-backup counts {files} files where {made} were made\n{complaints}").into())
}
