//! One rclone command: its arguments, and the collected output of a short one.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use super::line::OutputLine;
use super::log::{self, LogEntry};
use super::process::{self, ProcessLimits};
use super::retry::Backoff;
use super::status::{ProcessEnd, RcloneStatus};
use crate::base::error::{ConnectionError, Result};

/// Reason for an answer in a form that this program does not know.
pub(super) const UNREADABLE_ANSWER: &str = "rclone's answer cannot be read";

/// Flags of every command: log lines in JSON, and no prompt for a password.
pub(super) const COMMON_FLAGS: [&str; 3] =
    ["--use-json-log", "--ask-password=false", "--retries=1"];

/// Flags of a request that a person waits for: no second attempt at a dead connection.
pub(super) const QUICK_FLAGS: [&str; 3] =
    ["--low-level-retries=1", "--contimeout=10s", "--timeout=15s"];

/// Flags of a request that may take long: dropped connections are tried again.
pub(super) const PATIENT_FLAGS: [&str; 3] =
    ["--low-level-retries=3", "--contimeout=15s", "--timeout=60s"];

/// Flags of a request that logs its files and, once a second, its progress.
pub(super) const PROGRESS_FLAGS: [&str; 3] = [
    "--log-level=INFO",
    "--stats=1s",
    // Otherwise one of two names that differ in their normal form only is left out.
    "--no-unicode-normalization",
];

/// The words of one command.
#[derive(Debug)]
pub(super) struct RcloneCommand<'a> {
    program: &'a Path,
    args: Vec<OsString>,
}

/// Output of a process that ended.
#[derive(Debug)]
pub(super) struct CommandOutput {
    pub(super) end: ProcessEnd,
    /// Standard output, each line with its line feed.
    pub(super) stdout: Vec<u8>,
    /// The first error in the log. It names the cause; the last one only counts the errors.
    first_error: Option<LogEntry>,
    /// True if the log names a file or folder that was left out, for example a link.
    pub(super) has_skipped_entries: bool,
}

impl<'a> RcloneCommand<'a> {
    /// A command that begins with these words and [`COMMON_FLAGS`].
    pub(super) fn new(program: &'a Path, words: &[&str]) -> Self {
        let command = Self {
            program,
            args: Vec::new(),
        };
        command.flags(words).flags(COMMON_FLAGS)
    }

    pub(super) fn flags<'f>(
        mut self,
        flags: impl IntoIterator<Item = impl AsRef<str> + 'f>,
    ) -> Self {
        let flags = flags.into_iter();
        self.args
            .extend(flags.map(|flag| OsString::from(flag.as_ref())));
        self
    }

    pub(super) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Restricts the command to the paths in this file, one on a line.
    pub(super) fn files_from(self, list: &Path) -> Self {
        self.arg("--files-from-raw").arg(list)
    }

    /// Adds the operands, behind a `--` that keeps them from being read as flags.
    pub(super) fn operands(
        mut self,
        operands: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        self.args.push("--".into());
        self.args.extend(operands.into_iter().map(Into::into));
        self
    }

    /// Runs the command. `on_line` reads every line and may end the process.
    ///
    /// # Errors
    /// Interruption, or the program could not be started.
    pub(super) fn run(
        &self,
        limits: ProcessLimits,
        on_line: &mut dyn FnMut(OutputLine) -> ControlFlow<()>,
    ) -> Result<ProcessEnd> {
        process::run(self.program, &self.args, limits, on_line)
    }

    /// Runs the command and collects its output. Repeats it while the storage limits the rate of requests.
    ///
    /// # Errors
    /// Interruption, or the program could not be started.
    pub(super) fn collect(&self, limits: ProcessLimits) -> Result<CommandOutput> {
        let start = Instant::now();
        let mut backoff = Backoff::within(limits.timeout);
        loop {
            let output = self.collect_once(limits.after(start.elapsed()))?;
            if !output.is_rate_limited() || !backoff.wait()? {
                return Ok(output);
            }
        }
    }

    fn collect_once(&self, limits: ProcessLimits) -> Result<CommandOutput> {
        let (mut stdout, mut first_error, mut has_skipped_entries) = (Vec::new(), None, false);
        let end = self.run(limits, &mut |line| {
            match line {
                OutputLine::Stdout(line) => {
                    stdout.extend(line);
                    stdout.push(b'\n');
                }
                OutputLine::Log(line) => {
                    let entry = log::parse_line(&line);
                    has_skipped_entries |= entry.is_notice() && entry.object.is_some();
                    if entry.is_error() {
                        first_error.get_or_insert(entry);
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(CommandOutput {
            end,
            stdout,
            first_error,
            has_skipped_entries,
        })
    }

    /// Runs the command for at most this time and collects its output.
    ///
    /// # Errors
    /// Interruption, or the program could not be started.
    pub(super) fn collect_within(&self, timeout: Duration) -> Result<CommandOutput> {
        self.collect(ProcessLimits::with_timeout(timeout))
    }
}

impl CommandOutput {
    /// The reason of the failure; `None` after success.
    pub(super) fn failure(self) -> Option<String> {
        if self.end.is_success() {
            return None;
        }
        let message = self.first_error.map(|error| error.message);
        message.or_else(|| self.end.failure())
    }

    fn is_rate_limited(&self) -> bool {
        let error = self.first_error.as_ref();
        !self.end.is_success() && error.is_some_and(LogEntry::is_rate_limited)
    }

    /// Classifies the reason why a request has no usable answer, by the exit status first.
    pub(super) fn connection_error(self, timeout: Duration) -> ConnectionError {
        match (self.end, self.first_error) {
            (ProcessEnd::Timeout | ProcessEnd::IdleTimeout, _) => {
                ConnectionError::Timeout(timeout.as_secs())
            }
            (
                ProcessEnd::Exited(
                    RcloneStatus::DIRECTORY_NOT_FOUND | RcloneStatus::FILE_NOT_FOUND,
                ),
                _,
            ) => ConnectionError::FolderNotFound,
            (ProcessEnd::Exited(_) | ProcessEnd::Killed, Some(error)) => error.cause(),
            (end, _) => {
                let why = end.failure();
                ConnectionError::Other(why.unwrap_or_else(|| UNREADABLE_ANSWER.to_owned()))
            }
        }
    }
}
