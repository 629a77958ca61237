//! The measured command lines: ours and those of plocate.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::catalog::{CATEGORY, Catalog, STORAGES};

/// The measured release build.
const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-backup");

/// Returns the words of auto-backup with the storages of a catalog, before its commands.
fn words(catalog: &Catalog) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["--quiet", "--no-config", "--index"]
        .map(OsString::from)
        .into();
    words.push(catalog.index().into());
    let storages =
        STORAGES.map(|(name, root)| format!("add database {name} {root} --medium {name}"));
    let category = format!("add category footage {CATEGORY}");
    for line in storages.into_iter().chain([category]) {
        words.extend(["-c".into(), line.into()]);
    }
    words
}

/// Returns auto-backup with a command, as one process.
pub(crate) fn ours(catalog: &Catalog, command: &str) -> Vec<OsString> {
    let mut line = vec![PROGRAM.into()];
    line.extend(words(catalog));
    line.extend(["-c".into(), command.into()]);
    line
}

/// Returns plocate with a pattern that is compared with names, without case.
pub(crate) fn plocate(database: &Path, pattern: &str) -> Vec<OsString> {
    let words = ["plocate", "--ignore-case", "--basename", "--database"];
    let mut line: Vec<OsString> = words.map(OsString::from).into();
    line.extend([database.into(), pattern.into()]);
    line
}

/// True if a command ends with 0.
pub(crate) fn succeeds(line: &[OsString]) -> bool {
    let Some((program, arguments)) = line.split_first() else {
        return false;
    };
    let mut command = Command::new(program);
    let ended = command.args(arguments).stdout(Stdio::null()).status();
    ended.is_ok_and(|status| status.success())
}

/// Returns auto-backup at its prompt, on a terminal of its own, with an empty environment.
pub(crate) fn prompt(catalog: &Catalog) -> Command {
    let mut command = Command::new("setsid");
    command
        .env_clear()
        .env("HOME", catalog.path("home"))
        .env("LANG", "C.UTF-8")
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "xterm-256color")
        .args(["--ctty", PROGRAM, "--index"])
        .arg(catalog.index());
    command
}

/// Returns the start-up file of the prompt.
pub(crate) fn startup() -> String {
    let storages =
        STORAGES.map(|(name, root)| format!("add database {name} {root} --medium {name}\n"));
    format!("{}add category footage {CATEGORY}\n", storages.concat())
}
