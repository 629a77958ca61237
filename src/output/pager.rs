//! The pager: its choice and its process.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::base::interrupt::TerminalLease;
use crate::base::name::Name;

/// Interval of checks for the pager's end.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Pagers tried in this order if `$PAGER` is not set.
const DEFAULT_PAGERS: [&str; 2] = ["less", "more"];

/// Programs that show text page by page.
const KNOWN_PAGERS: [&str; 7] = ["bat", "less", "more", "moor", "most", "ov", "pg"];

/// Options of `less` if `$LESS` is not set: quit if the text fits, pass colors on, leave the text on the screen.
const LESS_OPTIONS: &str = "FRX";

/// Shell prefix that keeps the shell alive on Ctrl-C, which is meant for its commands.
const IGNORE_CTRL_C: &str = "trap : INT\n";

/// Bytes in a word that only the shell interprets.
const SHELL_METACHARACTERS: &[u8] = b"$`~\"'\\(){}[]*?|&;<>#!";

/// Program for answers longer than the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PagerChoice {
    /// No pager: answers are written directly.
    Disabled,
    /// One of the default pagers.
    Default(&'static str),
    /// Value of `$PAGER`, run by the shell.
    Command(OsString),
    /// Program in `$PAGER` that is not installed.
    NotFound(Name),
}

pub(super) fn from_environment() -> PagerChoice {
    choose(env::var_os("PAGER").as_deref(), program_exists)
}

/// True for the name of a program that shows text page by page: a usual one, or that of `$PAGER`.
pub fn is_pager(program: &OsStr) -> bool {
    let own = env::var_os("PAGER");
    let own = own.as_deref().and_then(command_program);
    let name = |program| Path::new(program).file_name();
    let known = KNOWN_PAGERS.iter().map(|known| OsStr::new(*known));
    let mut known = known.chain(own).filter_map(name);
    name(program).is_some_and(|program| known.any(|known| known == program))
}

/// Chooses a pager for this value of `$PAGER`; `exists` looks programs up.
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

/// Returns the program of a command line, or `None` if only the shell can determine it.
fn command_program(command: &OsStr) -> Option<&OsStr> {
    let words = command.as_bytes().split(u8::is_ascii_whitespace);
    let mut words = words.filter(|word| !word.is_empty());
    // Assignments may precede it, as in `LESS=R less`.
    let word = words.find(|word| !word.contains(&b'='))?;
    let is_plain = !word.iter().any(|byte| SHELL_METACHARACTERS.contains(byte));
    is_plain.then(|| OsStr::from_bytes(word))
}

/// True if the shell would find this program.
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

/// A running pager. Until it ends, the terminal and Ctrl-C belong to it.
pub(super) struct Pager {
    input: ChildStdin,
    waiter: JoinHandle<()>,
    terminal_lease: TerminalLease,
}

impl Pager {
    /// Starts the pager, or returns the warning to show.
    pub(super) fn start(choice: &PagerChoice) -> Result<Self, String> {
        let command = match choice {
            PagerChoice::Disabled => return Err("no pager is set".to_owned()),
            PagerChoice::NotFound(program) => {
                return Err(format!(
                    "the pager `{program}` is not installed; long answers are written directly; set PAGER to another program"
                ));
            }
            PagerChoice::Default(name) => Command::new(name),
            PagerChoice::Command(line) => shell_command(line),
        };
        Self::spawn(command).map_err(|why| {
            format!("cannot start the pager: {why}; long answers are written directly")
        })
    }

    fn spawn(mut command: Command) -> io::Result<Self> {
        // Answers are UTF-8 in every locale.
        for (name, value) in [("LESS", LESS_OPTIONS), ("LESSCHARSET", "utf-8")] {
            if env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        let terminal_lease = TerminalLease::begin();
        // The thread comes first: without one, no pager may take the terminal.
        let (sender, receiver) = mpsc::channel();
        let waiter = thread::Builder::new().spawn(move || {
            if let Ok(child) = receiver.recv() {
                wait_for_exit(child);
            }
        })?;
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        ignore(sender.send(child), "the thread waits for the child");
        Ok(Self {
            input,
            waiter,
            terminal_lease,
        })
    }

    /// Writes more text. Blocks while the pager reads no further; fails once the user has left it.
    pub(super) fn write(&mut self, text: &[u8]) -> io::Result<()> {
        self.input.write_all(text)
    }

    /// Closes the pager's input and waits until the user leaves it.
    pub(super) fn finish(self) {
        drop(self.input);
        ignore(self.waiter.join(), "the thread cannot panic");
        drop(self.terminal_lease);
    }
}

fn shell_command(line: &OsStr) -> Command {
    let mut text = OsString::from(IGNORE_CTRL_C);
    text.push(line);
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(text);
    command
}

/// Waits for the pager's end and then cancels the rest of the answer.
fn wait_for_exit(mut child: Child) {
    while matches!(child.try_wait(), Ok(None)) {
        if interrupt::was_terminated() {
            ignore(child.kill(), "the pager may have ended by now");
        }
        thread::sleep(POLL_INTERVAL);
    }
    TerminalLease::abandon_output();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the choice if these programs are installed.
    fn chosen(pager: Option<&str>, there: &[&str]) -> PagerChoice {
        choose(pager.map(OsStr::new), |name| {
            there.iter().any(|program| name == *program)
        })
    }

    #[test]
    fn unset_pager_selects_default() {
        assert_eq!(
            chosen(None, &["more", "less"]),
            PagerChoice::Default("less")
        );
        assert_eq!(chosen(None, &["more"]), PagerChoice::Default("more"));
        assert_eq!(chosen(None, &[]), PagerChoice::Disabled);
    }

    #[test]
    fn cat_or_empty_pager_disables_paging() {
        for none in ["", " ", "cat", " cat "] {
            assert_eq!(chosen(Some(none), &["less", "cat"]), PagerChoice::Disabled);
        }
    }

    #[test]
    fn pager_command_goes_to_shell() {
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
    fn missing_pager_program_is_reported() {
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
