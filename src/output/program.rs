//! Programs that read an answer: `fetch all | grep acme | less`.
//!
//! They are run without a shell, each with its words as they stand. At the prompt the terminal and Ctrl-C belong to them until
//! the last one ends.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::base::interrupt::TerminalLease;
use crate::base::name::Name;

/// Interval of checks for the end of a program.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Signal numbers of Ctrl-C and of a write to a program that has ended.
const SIGINT: i32 = 2;
const SIGPIPE: i32 = 13;

/// The words of a program.
pub type ProgramWords = Vec<OsString>;

/// Running programs, each of which reads the output of the one before it.
#[derive(Debug)]
pub struct ProgramPipe {
    names: Vec<Name>,
    waiter: JoinHandle<Vec<io::Result<ExitStatus>>>,
    lease: Option<TerminalLease>,
}

impl ProgramPipe {
    /// Starts the programs. The last one writes to `output`, else to standard output. Returns the input of the first.
    ///
    /// # Errors
    /// [`Error::Program`] if one does not start; the others then end, because they read nothing.
    pub fn start(
        programs: &[ProgramWords],
        output: Option<File>,
        is_interactive: bool,
    ) -> Result<(ChildStdin, Self)> {
        let lease = is_interactive.then(TerminalLease::begin);
        let (mut children, mut input, mut previous) = (Vec::new(), None, None);
        let mut output = output.map(Stdio::from);
        for (place, words) in programs.iter().enumerate() {
            let is_last = place + 1 == programs.len();
            let stdin = previous.take().map_or_else(Stdio::piped, Stdio::from);
            let stdout = if is_last {
                output.take().unwrap_or_else(Stdio::inherit)
            } else {
                Stdio::piped()
            };
            let mut child = start(words, stdin, stdout)?;
            input = input.or_else(|| child.stdin.take());
            previous = child.stdout.take();
            children.push(child);
        }
        let names = programs.iter().map(program_name).collect();
        let spawned = thread::Builder::new().spawn(move || wait_for(children, is_interactive));
        let waiter = spawned.at("start a thread for", "the program")?;
        let input = input.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe));
        let input = input.at("write to", "the program")?;
        let pipe = Self {
            names,
            waiter,
            lease,
        };
        Ok((input, pipe))
    }

    /// Waits for the programs. Their input must be closed before.
    ///
    /// # Errors
    /// [`Error::Program`] for the first that failed. A program that stopped writing because the next one ended has not failed.
    pub fn finish(self) -> Result<()> {
        let ends = self.waiter.join().unwrap_or_default();
        drop(self.lease);
        let last = ends.len().saturating_sub(1);
        for (place, (program, end)) in self.names.into_iter().zip(ends).enumerate() {
            let why = match end {
                Ok(status) if status.success() => continue,
                Ok(status) if status.signal() == Some(SIGPIPE) && place < last => continue,
                Ok(status) => match (status.code(), status.signal()) {
                    (Some(code), _) => format!("ended with exit status {code}"),
                    (None, Some(SIGINT)) => return Err(Error::Interrupted),
                    (None, signal) => format!("was ended by signal {}", signal.unwrap_or(0)),
                },
                Err(error) => format!("cannot be waited for: {error}"),
            };
            return Err(Error::Program { program, why });
        }
        Ok(())
    }
}

fn program_name(words: &ProgramWords) -> Name {
    words
        .first()
        .map(|word| Name::from(&**word))
        .unwrap_or_default()
}

fn start(words: &ProgramWords, stdin: Stdio, stdout: Stdio) -> Result<Child> {
    let (program, arguments) = words.split_first().ok_or_else(|| Error::Program {
        program: Name::default(),
        why: "has no name".to_owned(),
    })?;
    let mut command = Command::new(program);
    let started = command.args(arguments).stdin(stdin).stdout(stdout).spawn();
    started.map_err(|error| Error::Program {
        program: Name::from(&**program),
        why: match error.kind() {
            io::ErrorKind::NotFound => "was not found".to_owned(),
            _ => format!("cannot be started: {error}"),
        },
    })
}

/// Waits until all programs have ended. At the prompt, a program that Ctrl-C ended cancels the command that writes to it.
fn wait_for(children: Vec<Child>, is_interactive: bool) -> Vec<io::Result<ExitStatus>> {
    let wait = |mut child: Child| {
        let ended = loop {
            match child.try_wait() {
                Ok(None) if interrupt::was_terminated() && is_interactive => {
                    ignore(child.kill(), "the program may have ended by now");
                }
                Ok(None) => {}
                Ok(Some(status)) => break Ok(status),
                Err(error) => break Err(error),
            }
            thread::sleep(POLL_INTERVAL);
        };
        let is_cancelled = |status: &ExitStatus| status.signal() == Some(SIGINT);
        if is_interactive && ended.as_ref().is_ok_and(is_cancelled) {
            TerminalLease::abandon_output();
        }
        ended
    };
    children.into_iter().map(wait).collect()
}
