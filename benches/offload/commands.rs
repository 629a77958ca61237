//! The measured command lines: ours and those of the peers.

use std::env;
use std::ffi::{OsStr, OsString};
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;

use auto_backup::language::lexer::quote;

use crate::common::installed::is_installed;
use crate::studio::Studio;

/// The measured release build.
const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-backup");

/// Copies a folder to three, one after the other.
const CP: &str = r#"cp -a "$1" "$2" && cp -a "$1" "$3" && cp -a "$1" "$4""#;

/// Copies a folder to two, prints a line, and then flushes the disk, so that both times are known.
const OCOPY: &str = r#"ocopy "$1" "$2" "$3" > /dev/null 2>&1 && echo copied && sync -f "$2""#;

/// Returns auto-backup with the storages of a studio, each on a medium of its own, and these commands, as one process.
pub(crate) fn ours(studio: &Studio, commands: &[&str]) -> Vec<OsString> {
    ours_in(studio, "footage footage", commands)
}

/// Returns the same with other words of `add category`.
pub(crate) fn ours_in(studio: &Studio, category: &str, commands: &[&str]) -> Vec<OsString> {
    let words = [PROGRAM, "--quiet", "--no-config", "--index"];
    let mut line: Vec<OsString> = words.map(OsString::from).into();
    line.push(index(studio).into());
    let names = studio.names().iter().zip(studio.roots());
    let databases = names.map(|(name, root)| {
        let root = quote(root.as_os_str());
        format!("add database {name} {root} --medium {name}")
    });
    let category = [format!("add category {category}")];
    let commands = commands.iter().map(|command| (*command).to_owned());
    for command in databases.chain(category).chain(commands) {
        line.extend(["-c".into(), command.into()]);
    }
    line
}

/// Returns the file of the index of a studio, in a folder of its own.
pub(crate) fn index(studio: &Studio) -> PathBuf {
    studio.path("home").join("index.sqlite")
}

/// Returns the line that offloads a folder to storages.
pub(crate) fn offload(card: &Path, to: &[&str]) -> String {
    let card = quote(card.as_os_str());
    format!(
        "offload {card} acme/spot footage {} --into A001",
        to.join(",")
    )
}

/// Returns `cp` of a folder to the first three storages of a studio.
pub(crate) fn cp(card: &Path, studio: &Studio) -> Vec<OsString> {
    script(CP, card, studio)
}

/// Returns ocopy of a folder to the first two storages of a studio; `None` if it is not installed.
pub(crate) fn ocopy(card: &Path, studio: &Studio) -> Option<Vec<OsString>> {
    let mut line = ocopy_environment()?;
    line.push(variable("HOME", studio.path("home").as_os_str()));
    line.extend(script(OCOPY, card, studio));
    Some(line)
}

/// Returns the version of ocopy, if it is installed.
pub(crate) fn ocopy_version() -> Option<String> {
    let line = ocopy_environment()?;
    let mut command = Command::new(&line[0]);
    let told = command
        .args(&line[1..])
        .args(["ocopy", "--version"])
        .output();
    let text = String::from_utf8(told.ok()?.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}

/// Returns `env` with the variables that find ocopy: beside the build, where `pip install --target` put it, or on PATH.
fn ocopy_environment() -> Option<Vec<OsString>> {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let beside = Path::new(&target).join("test-tools/ocopy");
    if !beside.join("bin/ocopy").is_file() {
        return is_installed("ocopy").then(|| vec!["env".into()]);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(beside.join("bin")).chain(env::split_paths(&path));
    let folders = env::join_paths(folders).ok()?;
    let line = [
        "env".into(),
        variable("PATH", &folders),
        variable("PYTHONPATH", beside.as_os_str()),
    ];
    Some(line.into())
}

fn variable(name: &str, value: &OsStr) -> OsString {
    let mut variable = OsString::from(name);
    variable.push("=");
    variable.push(value);
    variable
}

/// Returns a line of the shell; `$1` is the folder, and the storages follow.
fn script(text: &str, card: &Path, studio: &Studio) -> Vec<OsString> {
    let words = ["sh", "-c", text, "sh"].map(OsString::from);
    let paths = [card.to_owned()].into_iter().chain(studio.roots());
    words.into_iter().chain(paths.map(OsString::from)).collect()
}
