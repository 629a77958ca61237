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
pub(super) use super::line::Line;
use super::program::Program;
use crate::base::error::{At as _, Error, Result};
use crate::base::interrupt;
use crate::os::exec_shim;

/// How long is waited at once before Ctrl-C is looked for.
const STEP: Duration = Duration::from_millis(50);

/// How long rclone may take to clean up once it was asked to stop.
const GRACE: Duration = Duration::from_millis(600);

/// Time after its end in which a process's streams are still read: a child of its own may hold them open for ever.
const AFTER_END: Duration = Duration::from_secs(2);

/// Bytes that a process may write for each second that it runs, besides those of its [`Patience`].
const BYTES_A_SECOND: u64 = 256 << 10;

/// Limits on the time that a process takes and on what it writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Time without writing anything.
    silence: Duration,
    /// Time in all.
    whole: Option<Duration>,
    /// Bytes of standard output; `None` where whoever hears the lines counts.
    out: Option<u64>,
    /// Bytes of the log.
    log: u64,
}

impl Patience {
    /// For work of any length that says every second how far it is.
    pub(super) const WORK: Self = Self {
        silence: Duration::from_secs(120),
        whole: None,
        out: Some(256 << 20),
        log: 256 << 20,
    };

    /// For listings, which write nothing while a storage collects a long answer. Whoever hears the entries counts them.
    pub(super) const LISTING: Self = Self {
        silence: Duration::from_secs(900),
        whole: None,
        out: None,
        log: 64 << 20,
    };

    /// For a question that has to be answered within this time.
    pub(super) const fn within(whole: Duration) -> Self {
        Self {
            silence: whole,
            whole: Some(whole),
            out: Some(16 << 20),
            log: 16 << 20,
        }
    }

    /// Whether so many bytes of standard output and of the log, written in this time, are more than an answer can be.
    fn is_exceeded(&self, out: u64, log: u64, elapsed: Duration) -> bool {
        let more = elapsed.as_secs().saturating_mul(BYTES_A_SECOND);
        let is_over = |bytes: u64, limit: u64| bytes > limit.saturating_add(more);
        is_over(log, self.log) || self.out.is_some_and(|limit| is_over(out, limit))
    }
}

/// The status with which rclone ends where it was used wrongly, or broke down.
pub(super) const CRASHED: i32 = 2;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with this status; none where a signal ended it.
    Exited(Option<i32>),
    /// It wrote nothing for longer than it may.
    Silent,
    /// Its time was over.
    Late,
    /// It wrote more than an answer can be.
    Excessive,
    /// Whoever listened had enough.
    Stopped,
}

impl End {
    /// Whether it ended by itself and says that all went well.
    pub(super) fn is_good(self) -> bool {
        self == Self::Exited(Some(0))
    }

    /// Whether it ended by itself, whatever became of single files: neither by a signal nor by breaking down.
    pub(super) fn is_by_itself(self) -> bool {
        matches!(self, Self::Exited(Some(status)) if status != CRASHED)
    }

    /// Why there is no answer, for a person; `None` where it ended well.
    pub(super) fn failure(self) -> Option<String> {
        Some(match self {
            Self::Exited(Some(0)) => return None,
            Self::Exited(Some(status)) => format!("rclone ended with the status {status}"),
            Self::Exited(None) => "rclone was killed".to_owned(),
            Self::Silent | Self::Late => "rclone did not answer in time".to_owned(),
            Self::Excessive => "rclone wrote far more than an answer can be".to_owned(),
            Self::Stopped => "rclone was stopped".to_owned(),
        })
    }
}

/// What every process is told besides its work: log lines that can be read, and nobody is asked for a password.
pub(super) const ALWAYS: [&str; 3] = ["--use-json-log", "--ask-password=false", "--retries=1"];

/// Runs rclone; `hear` gets every line and may end it.
///
/// # Errors
/// [`Error::Interrupted`], or it could not be started.
pub(super) fn run(
    program: &Program,
    words: &[OsString],
    patience: Patience,
    hear: &mut dyn FnMut(Line) -> ControlFlow<()>,
) -> Result<End> {
    let mut command = command(&program.path);
    command.args(words);
    listen(command, &program.path, patience, hear)
}

/// What `rclone version` says.
pub(super) fn version(program: &Path) -> Result<String> {
    let mut command = command(program);
    command.arg("version");
    let mut answer = Vec::new();
    listen(
        command,
        program,
        Patience::within(Duration::from_secs(10)),
        &mut |line| {
            if let Line::Out(line) = line {
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
    let mut command = exec_shim::command(program);
    for (name, _) in env::vars_os().filter(|(name, _)| changes_rclone(name)) {
        command.env_remove(name);
    }
    command
        .envs(OURS)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What we ask of S3: no look at each object after it was sent, for the listing afterwards shows them all; and no bucket is
/// made because a name was mistyped.
const OURS: [(&str, &str); 2] = [
    ("RCLONE_S3_NO_HEAD", "true"),
    ("RCLONE_S3_NO_CHECK_BUCKET", "true"),
];

fn changes_rclone(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"RCLONE_")
        && !name.starts_with(b"RCLONE_CONFIG")
        && name != b"RCLONE_PASSWORD_COMMAND"
}

fn listen(
    mut command: Command,
    program: &Path,
    patience: Patience,
    hear: &mut dyn FnMut(Line) -> ControlFlow<()>,
) -> Result<End> {
    let start = Instant::now();
    let mut running = Running {
        child: command.spawn().at("start", program)?,
        ended: false,
    };
    let pieces = line::of(&mut running.child).at("begin a thread for", program)?;
    let (mut heard, mut out, mut log) = (start, 0, 0);
    let mut ended = None;
    loop {
        let end = if patience.whole.is_some_and(|whole| start.elapsed() > whole) {
            Some(End::Late)
        } else if heard.elapsed() > patience.silence {
            Some(End::Silent)
        } else if patience.is_exceeded(out, log, start.elapsed()) {
            Some(End::Excessive)
        } else {
            interrupt::check()?;
            None
        };
        if let Some(end) = end {
            running.stop();
            return Ok(end);
        }
        match pieces.recv_timeout(STEP) {
            Ok(piece) => {
                heard = Instant::now();
                if piece.is_log {
                    log += piece.bytes;
                } else {
                    out += piece.bytes;
                }
                // A line of an answer without an end is none; of the log its beginning says enough.
                if piece.is_endless && !piece.is_log {
                    running.stop();
                    return Ok(End::Excessive);
                }
                for line in piece.lines {
                    if hear(line).is_break() {
                        running.stop();
                        return Ok(End::Stopped);
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) if running.has_ended() => {
                let since = *ended.get_or_insert_with(Instant::now);
                if since.elapsed() > AFTER_END {
                    return running.wait(program);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Both streams are closed: it has ended, or is about to.
            Err(RecvTimeoutError::Disconnected) => return running.wait_within(program, patience),
        }
    }
}

/// A process that is ended with this.
struct Running {
    child: Child,
    ended: bool,
}

impl Running {
    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the end of a process that has closed its streams, at most as long as it may be silent.
    fn wait_within(&mut self, program: &Path, patience: Patience) -> Result<End> {
        let start = Instant::now();
        while !self.has_ended() {
            interrupt::check()?;
            if start.elapsed() > patience.silence {
                self.stop();
                return Ok(End::Silent);
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.wait(program)
    }

    fn wait(&mut self, program: &Path) -> Result<End> {
        let status = self.child.wait().at("wait for", program)?;
        self.ended = true;
        Ok(End::Exited(status.code()))
    }

    /// Lets it clean up, and ends it.
    fn stop(&mut self) {
        let start = Instant::now();
        exec_shim::end_group(self.child.id(), false);
        while start.elapsed() < GRACE {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                break;
            }
            thread::sleep(STEP);
        }
        self.end();
    }

    fn end(&mut self) {
        exec_shim::end_group(self.child.id(), true);
        self.child.wait().map(|_| ()).unwrap_or_default();
        self.ended = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.stop();
        }
    }
}

/// Says that rclone could not do something.
pub(super) fn failed(action: &'static str, path: &Path, why: impl Into<String>) -> Error {
    Error::Remote {
        action,
        path: path.to_owned(),
        why: why.into(),
    }
}
