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
use crate::base::interrupt::Lent;
use crate::base::name::Name;

/// How often it is looked whether the pager has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Without `$PAGER`, the first of these that there is.
const USUAL: [&str; 2] = ["less", "more"];

/// What `less` is told where nobody told it anything: leave if all fits, pass colours on, leave the text on the screen.
const LESS: &str = "FRX";

/// Keeps the shell there until its commands have ended: of a Ctrl-C, which is meant for them, it must not die before.
const STAY: &str = "trap : INT\n";

/// What a word of a command may hold that only the shell understands.
const FOR_SHELL: &[u8] = b"$`~\"'\\(){}[]*?|&;<>#!";

/// The program that shows what is longer than the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// None: everything is written at once.
    Nothing,
    /// One of the usual ones.
    Usual(&'static str),
    /// What `$PAGER` says, for the shell.
    Command(OsString),
    /// What `$PAGER` says names a program that is not there.
    Missing(Name),
}

/// What the environment asks for.
pub(super) fn choice() -> Choice {
    choose(env::var_os("PAGER").as_deref(), is_there)
}

/// What this value of `$PAGER` asks for; `is_there` knows the programs.
fn choose(pager: Option<&OsStr>, is_there: impl Fn(&OsStr) -> bool) -> Choice {
    let Some(command) = pager else {
        let usual = USUAL.into_iter().find(|name| is_there(OsStr::new(name)));
        return usual.map_or(Choice::Nothing, Choice::Usual);
    };
    if matches!(command.as_bytes().trim_ascii(), b"" | b"cat") {
        return Choice::Nothing;
    }
    match program(command) {
        Some(program) if !is_there(program) => Choice::Missing(Name::from(Path::new(program))),
        _ => Choice::Command(command.to_owned()),
    }
}

/// The program that a command begins with; `None` where only the shell knows.
fn program(command: &OsStr) -> Option<&OsStr> {
    let words = command.as_bytes().split(u8::is_ascii_whitespace);
    let mut words = words.filter(|word| !word.is_empty());
    // Before it, as in `LESS=R less`, may stand what is added to its environment.
    let word = words.find(|word| !word.contains(&b'='))?;
    let is_plain = !word.iter().any(|byte| FOR_SHELL.contains(byte));
    is_plain.then(|| OsStr::from_bytes(word))
}

/// Whether there is such a program, as the shell would look for it.
fn is_there(program: &OsStr) -> bool {
    let runs = |path: &Path| {
        fs::metadata(path)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.as_bytes().contains(&b'/') {
        return runs(Path::new(program));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| runs(&folder.join(program)))
}

/// A pager that is running. Until it has ended the terminal is its own, and so is Ctrl-C.
pub(super) struct Pager {
    input: ChildStdin,
    watch: JoinHandle<()>,
    lent: Lent,
}

impl fmt::Debug for Pager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pager").finish_non_exhaustive()
    }
}

impl Pager {
    /// Starts it, or gives what to tell a person of why there is none.
    pub(super) fn start(choice: &Choice) -> Result<Self, String> {
        let command = match choice {
            Choice::Nothing => return Err("there is no pager".to_owned()),
            Choice::Missing(program) => {
                return Err(format!(
                    "there is no program `{program}`, which PAGER names; long answers are written without a pager"
                ));
            }
            Choice::Usual(name) => Command::new(name),
            Choice::Command(line) => shell(line),
        };
        Self::run(command).map_err(|why| {
            format!("the pager does not start, so that long answers are written without it: {why}")
        })
    }

    fn run(mut command: Command) -> io::Result<Self> {
        // Answers are in UTF-8, whatever the locale is.
        for (name, value) in [("LESS", LESS), ("LESSCHARSET", "utf-8")] {
            if env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        let lent = Lent::begin();
        // The thread first: where there is none, no pager may have the terminal.
        let (give, given) = mpsc::channel();
        let watch = thread::Builder::new().spawn(move || {
            if let Ok(child) = given.recv() {
                watch(child);
            }
        })?;
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        // The thread waits for it.
        give.send(child).unwrap_or_default();
        Ok(Self { input, watch, lent })
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
        self.watch.join().unwrap_or_default();
        drop(self.lent);
    }
}

/// A command line for the shell.
fn shell(line: &OsStr) -> Command {
    let mut text = OsString::from(STAY);
    text.push(line);
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(text);
    command
}

/// Waits for the pager's end, and then says that nobody reads the answer any more.
fn watch(mut child: Child) {
    while matches!(child.try_wait(), Ok(None)) {
        if interrupt::was_terminated() {
            // One that has ended by now needs no more.
            child.kill().unwrap_or_default();
        }
        thread::sleep(PAUSE);
    }
    Lent::give_up();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is chosen where these programs are there.
    fn chosen(pager: Option<&str>, there: &[&str]) -> Choice {
        choose(pager.map(OsStr::new), |name| {
            there.iter().any(|program| name == *program)
        })
    }

    #[test]
    fn without_pager_the_usual_ones_are_looked_for() {
        assert_eq!(chosen(None, &["more", "less"]), Choice::Usual("less"));
        assert_eq!(chosen(None, &["more"]), Choice::Usual("more"));
        assert_eq!(chosen(None, &[]), Choice::Nothing);
    }

    #[test]
    fn cat_and_nothing_mean_none() {
        for none in ["", " ", "cat", " cat "] {
            assert_eq!(chosen(Some(none), &["less", "cat"]), Choice::Nothing);
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
            let for_shell = Choice::Command(command.into());
            assert_eq!(chosen(Some(command), &["less"]), for_shell);
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_told_of() {
        for command in ["most -w", "X=1 most"] {
            assert_eq!(
                chosen(Some(command), &["less"]),
                Choice::Missing("most".into())
            );
        }
        assert!(is_there(OsStr::new("sh")) && is_there(OsStr::new("/bin/sh")));
        assert!(!is_there(OsStr::new("/bin")) && !is_there(OsStr::new("no such program")));
    }
}
