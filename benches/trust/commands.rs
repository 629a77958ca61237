//! The measured command lines: ours and those of the peers.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use auto_backup::base::error::IoResultExt as _;
use auto_backup::language::lexer::quote;
use serde_json::Value;

use crate::common::installed::is_installed;
use crate::common::outcome::Outcome;
use crate::studio::Studio;

/// The measured release build.
const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-backup");

/// Reads all files of a folder.
const CAT: &str = "find \"$1\" -type f -exec cat {} + > /dev/null";

/// Computes the digests of all files of a folder.
const XXH128SUM: &str = "find \"$1\" -type f -exec xxh128sum {} + > /dev/null";

/// Returns auto-backup with the storages of a studio, each on a medium of its own, and these commands, as one process.
pub(crate) fn ours(studio: &Studio, commands: &[&str]) -> Vec<OsString> {
    ours_as(studio, "table", commands)
}

fn ours_as(studio: &Studio, format: &str, commands: &[&str]) -> Vec<OsString> {
    let words = [
        PROGRAM,
        "--quiet",
        "--no-config",
        "--format",
        format,
        "--index",
    ];
    let mut line: Vec<OsString> = words.map(OsString::from).into();
    line.push(index(studio).into());
    let names = studio.names().iter().zip(studio.roots());
    let databases = names.map(|(name, root)| {
        let root = quote(root.as_os_str());
        format!("add database {name} {root} --medium {name}")
    });
    let category = ["add category footage footage".to_owned()];
    let commands = commands.iter().map(|command| (*command).to_owned());
    for command in databases.chain(category).chain(commands) {
        line.extend(["-c".into(), command.into()]);
    }
    line
}

/// Returns the file of the index of a studio.
pub(crate) fn index(studio: &Studio) -> PathBuf {
    studio.path("index.sqlite")
}

/// Returns the number of the last run in the history of a studio.
pub(crate) fn last_run(studio: &Studio) -> Outcome<u64> {
    let line = ours_as(studio, "json", &["history"]);
    let answer = Command::new(&line[0]).args(&line[1..]).output();
    let answer = answer.at("run", PROGRAM)?;
    let text = String::from_utf8(answer.stdout)?;
    let last = text.lines().last().unwrap_or_default();
    let document: Value = serde_json::from_str(last)?;
    let run = document["runs"][0]["run"].as_u64();
    run.ok_or_else(|| format!("no run in {last}").into())
}

/// Returns `None` if it is not installed.
pub(crate) fn xxh128sum(studio: &Studio) -> Option<Vec<OsString>> {
    is_installed("xxh128sum").then(|| on_first(studio, XXH128SUM))
}

pub(crate) fn cat(studio: &Studio) -> Vec<OsString> {
    on_first(studio, CAT)
}

/// Returns a line of the shell for the folder of the first storage.
fn on_first(studio: &Studio, line: &str) -> Vec<OsString> {
    let root = studio.roots().swap_remove(0);
    let words = ["sh", "-c", line, "sh"].map(OsString::from);
    words.into_iter().chain([root.into()]).collect()
}
