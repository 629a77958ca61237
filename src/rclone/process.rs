//! One rclone process: its environment, what it writes, and its end. It dies with us, and it is stopped when it falls
//! silent, when its time is over, when it writes more than an answer can be, or when work should stop.

use std::env;
use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::{Duration, Instant};

use super::line;
pub(super) use super::line::OutputLine;
use super::program::Program;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::interrupt;
use crate::os::exec_shim;

/// How long is waited at once before Ctrl-C is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long rclone may take to clean up once it was asked to stop.
const STOP_TIMEOUT: Duration = Duration::from_millis(600);

/// Time after its end in which a process's streams are still read: a child of its own may hold them open for ever.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes that a process may write for each second that it runs, besides those of its [`ProcessLimits`].
const BYTES_PER_SECOND: u64 = 256 << 10;

/// Limits on the time that a process takes and on what it writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessLimits {
    /// Time without writing anything.
    idle_timeout: Duration,
    /// Time in all.
    timeout: Option<Duration>,
    /// Bytes of standard output; `None` where whoever hears the lines counts.
    stdout_bytes: Option<u64>,
    /// Bytes of the log.
    log_bytes: u64,
}

impl ProcessLimits {
    /// For work of any length that says every second how far it is.
    pub(super) const TRANSFER: Self = Self {
        idle_timeout: Duration::from_secs(120),
        timeout: None,
        stdout_bytes: Some(256 << 20),
        log_bytes: 256 << 20,
    };

    /// For listings, which write nothing while a storage collects a long answer. Whoever hears the entries counts them.
    pub(super) const LISTING: Self = Self {
        idle_timeout: Duration::from_secs(900),
        timeout: None,
        stdout_bytes: None,
        log_bytes: 64 << 20,
    };

    /// For a question that has to be answered within this time.
    pub(super) const fn with_timeout(timeout: Duration) -> Self {
        Self {
            idle_timeout: timeout,
            timeout: Some(timeout),
            stdout_bytes: Some(16 << 20),
            log_bytes: 16 << 20,
        }
    }

    /// Whether so many bytes of standard output and of the log, written in this time, are more than an answer can be.
    fn is_output_exceeded(&self, out: u64, log: u64, elapsed: Duration) -> bool {
        let more = elapsed.as_secs().saturating_mul(BYTES_PER_SECOND);
        let is_over = |bytes: u64, limit: u64| bytes > limit.saturating_add(more);
        is_over(log, self.log_bytes) || self.stdout_bytes.is_some_and(|limit| is_over(out, limit))
    }
}

/// The status with which rclone ends where it was used wrongly, or broke down.
pub(super) const CRASH_STATUS: i32 = 2;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProcessEnd {
    /// By itself, with this status; none where a signal ended it.
    Exited(Option<i32>),
    /// It wrote nothing for longer than it may.
    IdleTimeout,
    /// Its time was over.
    Timeout,
    /// It wrote more than an answer can be.
    OutputLimit,
    /// Whoever listened had enough.
    Stopped,
}

impl ProcessEnd {
    /// Whether it ended by itself and says that all went well.
    pub(super) fn is_success(self) -> bool {
        self == Self::Exited(Some(0))
    }

    /// Whether it ended by itself, whatever became of single files: neither by a signal nor by breaking down.
    pub(super) fn exited_normally(self) -> bool {
        matches!(self, Self::Exited(Some(status)) if status != CRASH_STATUS)
    }

    /// Why there is no answer, for a person; `None` where it ended well.
    pub(super) fn failure(self) -> Option<String> {
        Some(match self {
            Self::Exited(Some(0)) => return None,
            Self::Exited(Some(status)) => format!("rclone ended with the status {status}"),
            Self::Exited(None) => "rclone was killed".to_owned(),
            Self::IdleTimeout | Self::Timeout => "rclone did not answer in time".to_owned(),
            Self::OutputLimit => "rclone wrote far more than an answer can be".to_owned(),
            Self::Stopped => "rclone was stopped".to_owned(),
        })
    }
}

/// What every process is told besides its work: log lines that can be read, and nobody is asked for a password.
pub(super) const COMMON_FLAGS: [&str; 3] =
    ["--use-json-log", "--ask-password=false", "--retries=1"];

/// Runs rclone; `hear` gets every line and may end it.
///
/// # Errors
/// [`Error::Interrupted`], or it could not be started.
pub(super) fn run(
    program: &Program,
    args: &[OsString],
    limits: ProcessLimits,
    on_line: &mut dyn FnMut(OutputLine) -> ControlFlow<()>,
) -> Result<ProcessEnd> {
    let mut command = command(&program.path);
    command.args(args);
    follow(command, &program.path, limits, on_line)
}

/// What `rclone version` says.
pub(super) fn version_output(program: &Path) -> Result<String> {
    let mut command = command(program);
    command.arg("version");
    let mut answer = Vec::new();
    follow(
        command,
        program,
        ProcessLimits::with_timeout(Duration::from_secs(10)),
        &mut |line| {
            if let OutputLine::Stdout(line) = line {
                answer.extend(line);
                answer.push(b'\n');
            }
            ControlFlow::Continue(())
        },
    )?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A command without the variables that would change what rclone does; those that say where its configuration is, and
/// remotes that stand in variables, stay.
pub(super) fn command(program: &Path) -> Command {
    let mut command = exec_shim::child_command(program);
    for (name, _) in env::vars_os().filter(|(name, _)| is_overriding_variable(name)) {
        command.env_remove(name);
    }
    command
        .envs(S3_VARIABLES)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What we ask of S3: no look at each object after it was sent, for the listing afterwards shows them all; and no bucket is
/// made because a name was mistyped.
const S3_VARIABLES: [(&str, &str); 2] = [
    ("RCLONE_S3_NO_HEAD", "true"),
    ("RCLONE_S3_NO_CHECK_BUCKET", "true"),
];

fn is_overriding_variable(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"RCLONE_")
        && !name.starts_with(b"RCLONE_CONFIG")
        && name != b"RCLONE_PASSWORD_COMMAND"
}

fn follow(
    mut command: Command,
    program: &Path,
    limits: ProcessLimits,
    on_line: &mut dyn FnMut(OutputLine) -> ControlFlow<()>,
) -> Result<ProcessEnd> {
    let start = Instant::now();
    let mut running = RunningProcess {
        child: command.spawn().at("start", program)?,
        has_exited: false,
    };
    let chunks = line::read_streams(&mut running.child).at("begin a thread for", program)?;
    let (mut last_output, mut out, mut log) = (start, 0, 0);
    let mut exited_at = None;
    loop {
        let end = if limits.timeout.is_some_and(|whole| start.elapsed() > whole) {
            Some(ProcessEnd::Timeout)
        } else if last_output.elapsed() > limits.idle_timeout {
            Some(ProcessEnd::IdleTimeout)
        } else if limits.is_output_exceeded(out, log, start.elapsed()) {
            Some(ProcessEnd::OutputLimit)
        } else {
            interrupt::check()?;
            None
        };
        if let Some(end) = end {
            running.stop();
            return Ok(end);
        }
        match chunks.recv_timeout(POLL_INTERVAL) {
            Ok(chunk) => {
                last_output = Instant::now();
                if chunk.is_log {
                    log += chunk.bytes;
                } else {
                    out += chunk.bytes;
                }
                // A line of an answer without an end is none; of the log its beginning says enough.
                if chunk.has_cut_line && !chunk.is_log {
                    running.stop();
                    return Ok(ProcessEnd::OutputLimit);
                }
                for line in chunk.lines {
                    if on_line(line).is_break() {
                        running.stop();
                        return Ok(ProcessEnd::Stopped);
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) if running.has_ended() => {
                let since = *exited_at.get_or_insert_with(Instant::now);
                if since.elapsed() > DRAIN_TIMEOUT {
                    return running.wait(program);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Both streams are closed: it has ended, or is about to.
            Err(RecvTimeoutError::Disconnected) => return running.wait_idle(program, limits),
        }
    }
}

/// A process that is ended with this.
struct RunningProcess {
    child: Child,
    has_exited: bool,
}

impl RunningProcess {
    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the end of a process that has closed its streams, at most as long as it may be silent.
    fn wait_idle(&mut self, program: &Path, limits: ProcessLimits) -> Result<ProcessEnd> {
        let start = Instant::now();
        while !self.has_ended() {
            interrupt::check()?;
            if start.elapsed() > limits.idle_timeout {
                self.stop();
                return Ok(ProcessEnd::IdleTimeout);
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.wait(program)
    }

    fn wait(&mut self, program: &Path) -> Result<ProcessEnd> {
        let status = self.child.wait().at("wait for", program)?;
        self.has_exited = true;
        Ok(ProcessEnd::Exited(status.code()))
    }

    /// Lets it clean up, and ends it.
    fn stop(&mut self) {
        let start = Instant::now();
        exec_shim::signal_group(self.child.id(), false);
        while start.elapsed() < STOP_TIMEOUT {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                break;
            }
            thread::sleep(POLL_INTERVAL);
        }
        self.kill();
    }

    fn kill(&mut self) {
        exec_shim::signal_group(self.child.id(), true);
        self.child.wait().map(|_| ()).unwrap_or_default();
        self.has_exited = true;
    }
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        if !self.has_exited {
            self.stop();
        }
    }
}

/// Says that rclone could not do something.
pub(super) fn remote_error(action: &'static str, path: &Path, why: impl Into<String>) -> Error {
    Error::Rclone {
        action,
        path: path.to_owned(),
        why: why.into(),
    }
}
