//! One rclone process: its environment, its output and its end.
//!
//! It ends with us. It is stopped when it writes nothing for too long, when its time is over, when it writes more than any
//! answer has, or when the run is interrupted.

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
use super::line::{OutputChunk, OutputLine};
use super::status::{ProcessEnd, RcloneStatus};
use crate::base::error::{IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::os::exec_shim;

/// Longest wait between two checks for an interruption.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Time for rclone to clean up after a request to stop.
const STOP_TIMEOUT: Duration = Duration::from_millis(600);

/// Time after a process's end in which its streams are still read. A child of its own may hold them open for ever.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes that a process may write for each second it runs, in addition to its [`ProcessLimits`].
const BYTES_PER_SECOND: u64 = 256 << 10;

/// Limits on the running time and the output of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessLimits {
    /// Time without any output.
    idle_timeout: Duration,
    /// Total time.
    pub(super) timeout: Option<Duration>,
    /// Bytes of standard output; `None` if the function that reads the lines counts entries instead.
    stdout_bytes: Option<u64>,
    log_bytes: u64,
}

impl ProcessLimits {
    /// For work of any length that logs its progress every second.
    pub(super) const TRANSFER: Self = Self {
        idle_timeout: Duration::from_secs(120),
        timeout: None,
        stdout_bytes: Some(256 << 20),
        log_bytes: 256 << 20,
    };

    /// For listings, which write nothing while the storage collects a long answer.
    pub(super) const LISTING: Self = Self {
        idle_timeout: Duration::from_secs(900),
        timeout: None,
        stdout_bytes: None,
        log_bytes: 64 << 20,
    };

    /// The limits that are left after this time, and the total time, if any.
    pub(super) fn after(self, elapsed: Duration) -> Self {
        let timeout = self.timeout.map(|timeout| timeout.saturating_sub(elapsed));
        Self { timeout, ..self }
    }

    /// For a short request that must end within this time.
    pub(super) const fn with_timeout(timeout: Duration) -> Self {
        Self {
            idle_timeout: timeout,
            timeout: Some(timeout),
            stdout_bytes: Some(16 << 20),
            log_bytes: 16 << 20,
        }
    }
}

/// Runs rclone. `on_line` reads every line and may end the process.
///
/// # Errors
/// Interruption, or the program could not be started.
pub(super) fn run(
    program: &Path,
    args: &[OsString],
    limits: ProcessLimits,
    on_line: &mut dyn FnMut(OutputLine) -> ControlFlow<()>,
) -> Result<ProcessEnd> {
    let mut command = command(program);
    command.args(args);
    let mut running = RunningProcess {
        child: command.spawn().at("start", program)?,
        has_exited: false,
    };
    let chunks = line::read_streams(&mut running.child).at("start a thread for", program)?;
    let mut output = OutputCount::new(limits);
    let mut exited_at = None;
    loop {
        if let Some(end) = output.exceeded_limit() {
            running.stop();
            return Ok(end);
        }
        interrupt::check()?;
        match chunks.recv_timeout(POLL_INTERVAL) {
            Ok(chunk) => {
                output.add(&chunk);
                if let Some(end) = pass_lines(chunk, on_line) {
                    running.stop();
                    return Ok(end);
                }
            }
            Err(RecvTimeoutError::Timeout) if running.has_ended() => {
                let since = *exited_at.get_or_insert_with(Instant::now);
                if since.elapsed() > DRAIN_TIMEOUT {
                    return running.wait(program);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Both streams are closed: the process has ended or is about to.
            Err(RecvTimeoutError::Disconnected) => return running.wait_idle(program, limits),
        }
    }
}

/// Passes the lines on; returns an end if the process must be stopped.
fn pass_lines(
    chunk: OutputChunk,
    on_line: &mut dyn FnMut(OutputLine) -> ControlFlow<()>,
) -> Option<ProcessEnd> {
    // A cut line of an answer is unusable; of a log line the beginning is enough.
    if chunk.has_cut_line && !chunk.is_log {
        return Some(ProcessEnd::OutputLimit);
    }
    let mut lines = chunk.lines.into_iter();
    lines
        .any(|line| on_line(line).is_break())
        .then_some(ProcessEnd::Stopped)
}

/// Output and running time of one process, compared with its limits.
struct OutputCount {
    limits: ProcessLimits,
    start: Instant,
    last_output: Instant,
    stdout_bytes: u64,
    log_bytes: u64,
}

impl OutputCount {
    fn new(limits: ProcessLimits) -> Self {
        let start = Instant::now();
        Self {
            limits,
            start,
            last_output: start,
            stdout_bytes: 0,
            log_bytes: 0,
        }
    }

    fn add(&mut self, chunk: &OutputChunk) {
        self.last_output = Instant::now();
        if chunk.is_log {
            self.log_bytes += chunk.bytes;
        } else {
            self.stdout_bytes += chunk.bytes;
        }
    }

    fn exceeded_limit(&self) -> Option<ProcessEnd> {
        let (limits, elapsed) = (&self.limits, self.start.elapsed());
        let earned = elapsed.as_secs().saturating_mul(BYTES_PER_SECOND);
        let is_over = |bytes: u64, limit: u64| bytes > limit.saturating_add(earned);
        if limits.timeout.is_some_and(|timeout| elapsed > timeout) {
            Some(ProcessEnd::Timeout)
        } else if self.last_output.elapsed() > limits.idle_timeout {
            Some(ProcessEnd::IdleTimeout)
        } else if is_over(self.log_bytes, limits.log_bytes)
            || limits
                .stdout_bytes
                .is_some_and(|limit| is_over(self.stdout_bytes, limit))
        {
            Some(ProcessEnd::OutputLimit)
        } else {
            None
        }
    }
}

/// Returns a command without the environment variables that change rclone's behavior. Those that name the configuration
/// file or define remotes stay.
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

/// Settings for S3: no HEAD request after each upload, because the later listing shows every object; and no new bucket when
/// a name is mistyped.
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

/// A process that is stopped when this value is dropped.
struct RunningProcess {
    child: Child,
    has_exited: bool,
}

impl RunningProcess {
    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the end of a process that has closed its streams, for at most its idle timeout.
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
        let code = status.code().map(RcloneStatus);
        Ok(code.map_or(ProcessEnd::Killed, ProcessEnd::Exited))
    }

    /// Lets the process clean up, then kills it.
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
        ignore(self.child.wait(), "the process was killed");
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
