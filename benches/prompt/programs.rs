//! The measured programs with an empty environment: ours, and bash as the measure of the machine and its terminals.

use std::path::Path;
use std::process::Command;

use auto_backup::base::error::IoResultExt as _;

use crate::common::outcome::Outcome;
use crate::studio::Studio;

/// The measured release build.
const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-backup");

/// A program with a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ours,
    Bash,
}

impl Program {
    /// Returns the text of its prompt.
    pub(crate) const fn prompt(self) -> &'static str {
        match self {
            Self::Ours => "auto-backup> ",
            Self::Bash => "bash-at-work> ",
        }
    }

    /// Returns the command that starts it on its own terminal. `setsid` executes the program, so that no process stands
    /// between it and the terminal.
    pub(crate) fn command(self, studio: &Studio) -> Command {
        let mut command = isolated("setsid", studio);
        command.arg("--ctty").env("TERM", "xterm-256color");
        match self {
            Self::Ours => command.arg(PROGRAM),
            Self::Bash => command
                .args(["bash", "--noprofile", "--norc", "-i"])
                .env("PS1", self.prompt())
                .env("HISTSIZE", "10000"),
        };
        command
    }
}

/// Runs our program with a line and returns its answer.
pub(crate) fn answer(studio: &Studio, line: &str) -> Outcome<String> {
    let output = isolated(PROGRAM, studio)
        .args(["--quiet", "--format", "plain", "-c", line])
        .output()
        .at("run", PROGRAM)?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let complaints = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{line}` ended with {}\n{complaints}", output.status).into())
}

fn isolated(program: impl AsRef<Path>, studio: &Studio) -> Command {
    let mut command = Command::new(program.as_ref());
    command
        .env_clear()
        .env("HOME", studio.home())
        .env("LANG", "C.UTF-8")
        .env("PATH", "/usr/bin:/bin")
        .current_dir(studio.path(""));
    command
}
