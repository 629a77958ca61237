//! The pager: which program it is, and its process while it runs.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::base::interrupt;
use crate::base::interrupt::TerminalLease;
use crate::base::name::Name;

/// How often it is looked whether the pager has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Without `$PAGER`, the first of these that there is.
const DEFAULT_PAGERS: [&str; 2] = ["less", "more"];

/// What `less` is told where nobody told it anything: leave if all fits, pass colours on, leave the text on the screen.
const LESS_OPTIONS: &str = "FRX";

/// Keeps the shell there until its commands have ended: of a Ctrl-C, which is meant for them, it must not die before.
const IGNORE_CTRL_C: &str = "trap : INT\n";

/// What a word of a command may hold that only the shell understands.
const SHELL_METACHARACTERS: &[u8] = b"$`~\"'\\(){}[]*?|&;<>#!";

/// The program that shows what is longer than the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PagerChoice {
    /// None: everything is written at once.
    Disabled,
    /// One of the usual ones.
    Default(&'static str),
    /// What `$PAGER` says, for the shell.
    Command(OsString),
    /// What `$PAGER` says names a program that is not there.
    NotFound(Name),
}

/// What the environment asks for.
pub(super) fn from_environment() -> PagerChoice {
    choose(env::var_os("PAGER").as_deref(), program_exists)
}

/// What this value of `$PAGER` asks for; `is_there` knows the programs.
fn choose(pager: Option<&OsStr>, exists: impl Fn(&OsStr) -> bool) -> PagerChoice {
    let Some(command) = pager else {
        let usual = DEFAULT_PAGERS
            .into_iter()
            .find(|name| exists(OsStr::new(name)));
        return usual.map_or(PagerChoice::Disabled, PagerChoice::Default);
    };
    if matches!(command.as_bytes().trim_ascii(), b"" | b"cat") {
        return PagerChoice::Disabled;
    }
    match command_program(command) {
        Some(program) if !exists(program) => PagerChoice::NotFound(Name::from(Path::new(program))),
        _ => PagerChoice::Command(command.to_owned()),
    }
}

/// The program that a command begins with; `None` where only the shell knows.
fn command_program(command: &OsStr) -> Option<&OsStr> {
    let words = command.as_bytes().split(u8::is_ascii_whitespace);
    let mut words = words.filter(|word| !word.is_empty());
    // Before it, as in `LESS=R less`, may stand what is added to its environment.
    let word = words.find(|word| !word.contains(&b'='))?;
    let is_plain = !word.iter().any(|byte| SHELL_METACHARACTERS.contains(byte));
    is_plain.then(|| OsStr::from_bytes(word))
}

/// Whether there is such a program, as the shell would look for it.
fn program_exists(program: &OsStr) -> bool {
    let is_executable = |path: &Path| {
        fs::metadata(path)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.as_bytes().contains(&b'/') {
        return is_executable(Path::new(program));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| is_executable(&folder.join(program)))
}

/// A pager that is running. Until it has ended the terminal is its own, and so is Ctrl-C.
pub(super) struct Pager {
    input: ChildStdin,
    waiter: JoinHandle<()>,
    terminal_lease: TerminalLease,
}

impl fmt::Debug for Pager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pager").finish_non_exhaustive()
    }
}

impl Pager {
    /// Starts it, or gives what to tell a person of why there is none.
    pub(super) fn start(choice: &PagerChoice) -> Result<Self, String> {
        let command = match choice {
            PagerChoice::Disabled => return Err("there is no pager".to_owned()),
            PagerChoice::NotFound(program) => {
                return Err(format!(
                    "there is no program `{program}`, which PAGER names; long answers are written without a pager"
                ));
            }
            PagerChoice::Default(name) => Command::new(name),
            PagerChoice::Command(line) => shell_command(line),
        };
        Self::spawn(command).map_err(|why| {
            format!("the pager does not start, so that long answers are written without it: {why}")
        })
    }

    fn spawn(mut command: Command) -> io::Result<Self> {
        // Answers are in UTF-8, whatever the locale is.
        for (name, value) in [("LESS", LESS_OPTIONS), ("LESSCHARSET", "utf-8")] {
            if env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        let terminal_lease = TerminalLease::begin();
        // The thread first: where there is none, no pager may have the terminal.
        let (sender, receiver) = mpsc::channel();
        let waiter = thread::Builder::new().spawn(move || {
            if let Ok(child) = receiver.recv() {
                wait_for_exit(child);
            }
        })?;
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        // The thread waits for it.
        sender.send(child).unwrap_or_default();
        Ok(Self {
            input,
            waiter,
            terminal_lease,
        })
    }

    /// Gives it more to show, and waits where it has enough for now.
    ///
    /// # Errors
    /// It takes no more: whoever read it left.
    pub(super) fn write(&mut self, text: &[u8]) -> io::Result<()> {
        self.input.write_all(text)
    }

    /// Says that this was all, and waits until it is left.
    pub(super) fn finish(self) {
        drop(self.input);
        // The watch cannot fail; if it did, there would be nobody to wait for.
        self.waiter.join().unwrap_or_default();
        drop(self.terminal_lease);
    }
}

/// A command line for the shell.
fn shell_command(line: &OsStr) -> Command {
    let mut text = OsString::from(IGNORE_CTRL_C);
    text.push(line);
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(text);
    command
}

/// Waits for the pager's end, and then says that nobody reads the answer any more.
fn wait_for_exit(mut child: Child) {
    while matches!(child.try_wait(), Ok(None)) {
        if interrupt::was_terminated() {
            // One that has ended by now needs no more.
            child.kill().unwrap_or_default();
        }
        thread::sleep(POLL_INTERVAL);
    }
    TerminalLease::abandon_output();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is chosen where these programs are there.
    fn chosen(pager: Option<&str>, there: &[&str]) -> PagerChoice {
        choose(pager.map(OsStr::new), |name| {
            there.iter().any(|program| name == *program)
        })
    }

    #[test]
    fn without_pager_the_usual_ones_are_looked_for() {
        assert_eq!(
            chosen(None, &["more", "less"]),
            PagerChoice::Default("less")
        );
        assert_eq!(chosen(None, &["more"]), PagerChoice::Default("more"));
        assert_eq!(chosen(None, &[]), PagerChoice::Disabled);
    }

    #[test]
    fn cat_and_nothing_mean_none() {
        for none in ["", " ", "cat", " cat "] {
            assert_eq!(chosen(Some(none), &["less", "cat"]), PagerChoice::Disabled);
        }
    }

    #[test]
    fn a_command_is_for_the_shell() {
        for command in [
            "less -R",
            "LESS=R less",
            "$HOME/bin/my-pager",
            "'a b' | less",
        ] {
            let for_shell = PagerChoice::Command(command.into());
            assert_eq!(chosen(Some(command), &["less"]), for_shell);
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_told_of() {
        for command in ["most -w", "X=1 most"] {
            assert_eq!(
                chosen(Some(command), &["less"]),
                PagerChoice::NotFound("most".into())
            );
        }
        assert!(program_exists(OsStr::new("sh")) && program_exists(OsStr::new("/bin/sh")));
        assert!(
            !program_exists(OsStr::new("/bin")) && !program_exists(OsStr::new("no such program"))
        );
    }
}
