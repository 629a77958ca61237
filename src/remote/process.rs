//! One rclone process: its environment, what it writes, and its end. It dies with us, and it is stopped when it falls
//! silent, when its time is over, or when work should stop.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _, BufReader, Read};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use super::program::Program;
use crate::error::{At as _, Error, Result};
use crate::interrupt;
use crate::os::guard;

/// How long is waited at once before Ctrl-C is looked for.
const STEP: Duration = Duration::from_millis(50);

/// How long rclone may take to clean up once it was asked to stop.
const GRACE: Duration = Duration::from_millis(600);

/// How many lines may wait to be read.
const WAITING: usize = 4096;

/// Where a line was written.
#[derive(Debug)]
pub(super) enum Line {
    /// To standard output: answers.
    Out(Vec<u8>),
    /// To standard error: the log.
    Log(Vec<u8>),
}

/// How long a process may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Without writing anything.
    pub(super) silence: Duration,
    /// In all.
    pub(super) whole: Option<Duration>,
}

impl Patience {
    /// For work of any length that says every second how far it is.
    pub(super) const WORK: Self = Self {
        silence: Duration::from_secs(120),
        whole: None,
    };

    /// For listings, which write nothing while a storage collects a long answer.
    pub(super) const LISTING: Self = Self {
        silence: Duration::from_secs(900),
        whole: None,
    };

    /// For a question that has to be answered within this time.
    pub(super) const fn within(whole: Duration) -> Self {
        Self {
            silence: whole,
            whole: Some(whole),
        }
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
    let mut command = guard::command(program);
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
    let lines = running.lines().at("begin a thread for", program)?;
    let mut heard = Instant::now();
    loop {
        let over = patience.whole.is_some_and(|whole| start.elapsed() > whole);
        let end = if over {
            Some(End::Late)
        } else if heard.elapsed() > patience.silence {
            Some(End::Silent)
        } else {
            interrupt::check()?;
            None
        };
        if let Some(end) = end {
            running.stop();
            return Ok(end);
        }
        match lines.recv_timeout(STEP) {
            Ok(line) => {
                heard = Instant::now();
                if hear(line).is_break() {
                    running.stop();
                    return Ok(End::Stopped);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Both streams are closed: it has ended, or is about to.
            Err(RecvTimeoutError::Disconnected) => return running.wait(program),
        }
    }
}

/// A process that is ended with this.
struct Running {
    child: Child,
    ended: bool,
}

impl Running {
    /// The lines of both its streams.
    fn lines(&mut self) -> io::Result<Receiver<Line>> {
        let (sender, lines) = mpsc::sync_channel(WAITING);
        if let Some(out) = self.child.stdout.take() {
            read_lines(out, sender.clone(), Line::Out)?;
        }
        if let Some(log) = self.child.stderr.take() {
            read_lines(log, sender, Line::Log)?;
        }
        Ok(lines)
    }

    fn wait(&mut self, program: &Path) -> Result<End> {
        let status = self.child.wait().at("wait for", program)?;
        self.ended = true;
        Ok(End::Exited(status.code()))
    }

    /// Lets it clean up, and ends it.
    fn stop(&mut self) {
        let start = Instant::now();
        guard::end_group(self.child.id(), false);
        while start.elapsed() < GRACE {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                break;
            }
            thread::sleep(STEP);
        }
        self.end();
    }

    fn end(&mut self) {
        guard::end_group(self.child.id(), true);
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

/// Reads a stream on a thread of its own.
fn read_lines(
    stream: impl Read + Send + 'static,
    sender: SyncSender<Line>,
    of: impl Fn(Vec<u8>) -> Line + Send + 'static,
) -> io::Result<()> {
    let begun = thread::Builder::new().spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { return };
            if sender.send(of(line)).is_err() {
                return;
            }
        }
    });
    begun.map(drop)
}

/// Says that rclone could not do something.
pub(super) fn failed(action: &'static str, path: &Path, why: impl Into<String>) -> Error {
    Error::Remote {
        action,
        path: path.to_owned(),
        why: why.into(),
    }
}
