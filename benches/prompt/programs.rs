//! The programs that are measured, with nothing of the outer environment: ours, and bash, which tells what the machine
//! and its terminals take themselves.

use std::path::Path;
use std::process::Command;

use auto_backup::base::error::IoResultExt as _;

use crate::common::outcome::Outcome;
use crate::studio::Studio;

/// The release build that is measured.
const PROGRAM: &str = env!("CARGO_BIN_EXE_auto-backup");

/// A program with a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ours,
    Bash,
}

impl Program {
    /// What it writes when it can be typed at.
    pub(crate) const fn prompt(self) -> &'static str {
        match self {
            Self::Ours => "auto-backup> ",
            Self::Bash => "bash-at-work> ",
        }
    }

    /// The command that starts it with the terminal on its standard input as its own. `setsid` becomes the program, so
    /// that no process stands between it and the terminal.
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

/// What our program answers to a line, once it has run to its end.
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
