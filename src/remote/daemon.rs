//! One rclone process for all that a run asks of a remote, so that it starts and connects once. It is asked through a
//! socket file in a folder of our own (rclone's `rcd`), and ends with this.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write as _};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::log::{self, Entry};
use super::process;
use super::program::Program;
use crate::error::{At as _, Result};
use crate::interrupt;
use crate::os::guard;
use crate::os::scratch::ScratchFolder;

/// How long is waited at once before Ctrl-C is looked for.
const STEP: Duration = Duration::from_millis(50);

/// How long a log may gather in its pipe. To be woken for each line would take from rclone what it needs for the next file.
const GATHER: Duration = Duration::from_millis(10);

/// As much as a pipe holds.
const PIPE: usize = 64 << 10;

/// How long rclone may take until it listens.
const START: Duration = Duration::from_secs(20);

/// How long it may take to stop a transfer.
const GRACE: Duration = Duration::from_millis(600);

/// The process.
#[derive(Debug)]
pub(super) struct Daemon {
    folder: ScratchFolder,
    child: Mutex<Child>,
    log: Mutex<Receiver<Vec<u8>>>,
    /// How many times the end of the log so far was looked for.
    marks: AtomicU64,
    /// When it was started.
    started: Instant,
    /// Whether it came to listen, once that was waited for.
    came: OnceLock<bool>,
}

/// A stream that is read from time to time.
struct Gathering<R>(R);

impl<R: Read> Read for Gathering<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        thread::sleep(GATHER);
        self.0.read(into)
    }
}

/// How a question was answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// By this.
    Good(Value),
    /// With an error, in rclone's words.
    Bad(String),
    /// Not at all in this time.
    Late,
}

/// How a transfer stands.
#[derive(Deserialize)]
struct Status {
    finished: bool,
    #[serde(default)]
    error: String,
}

impl Daemon {
    /// Starts it, and does not wait until it listens.
    pub(super) fn start(program: &Program) -> Result<Self> {
        let folder = ScratchFolder::new()?;
        let mut address = OsString::from("--rc-addr=unix://");
        address.push(folder.path().join("s"));
        let mut command = process::command(&program.path);
        command
            .arg("rcd")
            .arg(address)
            .args([
                "--rc-no-auth",
                "--log-level=INFO",
                "--low-level-retries=3",
                "--contimeout=15s",
                "--timeout=60s",
            ])
            .args(process::ALWAYS)
            .stdout(Stdio::null());
        let mut child = command.spawn().at("start", &program.path)?;
        let (sender, log) = mpsc::channel();
        if let Some(stream) = child.stderr.take() {
            let begun = thread::Builder::new().spawn(move || {
                for line in BufReader::with_capacity(PIPE, Gathering(stream)).split(b'\n') {
                    let Ok(line) = line else { return };
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
            if let Err(error) = begun {
                // One that nobody reads would wait for that for ever.
                child.kill().unwrap_or_default();
                child.wait().map(drop).unwrap_or_default();
                return Err(error).at("begin a thread for", &program.path);
            }
        }
        Ok(Self {
            folder,
            child: Mutex::new(child),
            log: Mutex::new(log),
            marks: AtomicU64::new(0),
            started: Instant::now(),
            came: OnceLock::new(),
        })
    }

    /// Says whether the times in listings of a root are those of its arrival there. What is said with a question holds only
    /// for a root that nothing was asked of yet, so what is known of roots is forgotten first.
    pub(super) fn list_arrivals(&self, root: &str, arrivals: bool) -> Result<()> {
        const LOCAL: Duration = Duration::from_secs(20);
        self.ask("fscache/clear", &json!({}), LOCAL)?;
        let question = json!({ "fs": root, "_config": { "UseServerModTime": arrivals } });
        self.ask("operations/fsinfo", &question, LOCAL)?;
        Ok(())
    }

    /// Whether it can be asked: where it has just been started, as soon as it can.
    pub(super) fn listens(&self) -> bool {
        *self.came.get_or_init(|| self.comes()) && self.is_there()
    }

    fn is_there(&self) -> bool {
        UnixStream::connect(self.folder.path().join("s")).is_ok()
    }

    /// Waits until it listens; says whether it does.
    fn comes(&self) -> bool {
        while !self.is_there() {
            let is_late = self.started.elapsed() > START;
            if is_late || interrupt::requested() || self.has_ended() {
                return false;
            }
            thread::sleep(Duration::from_millis(2));
        }
        true
    }

    fn has_ended(&self) -> bool {
        !matches!(self.child().try_wait(), Ok(None))
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks something, and waits for the answer at most so long.
    ///
    /// # Errors
    /// An interruption.
    pub(super) fn ask(&self, path: &str, question: &Value, patience: Duration) -> Result<Answer> {
        let start = Instant::now();
        let (mut stream, mut text) = match self.send(path, question) {
            Ok(stream) => (stream, Vec::new()),
            Err(error) => return Ok(Answer::Bad(format!("rclone does not answer: {error}"))),
        };
        loop {
            interrupt::check()?;
            if start.elapsed() > patience {
                return Ok(Answer::Late);
            }
            let mut piece = [0; 16_384];
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => text.extend_from_slice(&piece[..read]),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Ok(Answer::Bad(format!("rclone does not answer: {error}"))),
            }
        }
        Ok(understood(&text))
    }

    /// Sends a question by HTTP 1.0, so that the answer comes in one piece and ends with the connection. Our half stays
    /// open: rclone takes its end for a change of mind.
    fn send(&self, path: &str, question: &Value) -> std::io::Result<UnixStream> {
        let mut stream = UnixStream::connect(self.folder.path().join("s"))?;
        stream.set_read_timeout(Some(STEP))?;
        let body = question.to_string();
        let head = format!(
            "POST /{path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        Ok(stream)
    }

    /// Runs a transfer; `hear` gets every line of the log and may end it. Gives what it failed with, if it did.
    ///
    /// # Errors
    /// An interruption, after it was stopped.
    pub(super) fn transfer(
        &self,
        path: &str,
        question: Value,
        hear: &mut dyn FnMut(&Entry) -> ControlFlow<()>,
    ) -> Result<Option<String>> {
        let mut question = question;
        let group = format!("transfer-{}", self.marks.fetch_add(1, Ordering::Relaxed));
        question["_async"] = Value::Bool(true);
        question["_group"] = Value::String(group.clone());
        let job = match self.ask(path, &question, START)? {
            Answer::Good(answer) => answer["jobid"].as_i64().unwrap_or_default(),
            Answer::Bad(error) => return Ok(Some(error)),
            Answer::Late => return Ok(Some("rclone does not answer".to_owned())),
        };
        let ended = self.follow(job, &group, hear);
        if ended.is_err() {
            self.stop(job);
        }
        // What was logged until now is about this transfer.
        interrupt::shielded(|| self.drain(hear));
        ended
    }

    fn follow(
        &self,
        job: i64,
        group: &str,
        hear: &mut dyn FnMut(&Entry) -> ControlFlow<()>,
    ) -> Result<Option<String>> {
        let (start, mut asked) = (Instant::now(), Instant::now());
        let mut hung = 0;
        loop {
            // What takes long may be noticed late.
            let wait = (start.elapsed() / 20).clamp(Duration::from_millis(5), STEP);
            if self.listen(wait, hear)?.is_break() {
                self.stop(job);
                return Ok(None);
            }
            if asked.elapsed() > Duration::from_secs(1) {
                asked = Instant::now();
                if self.tell_progress(group, hear)?.is_break() {
                    self.stop(job);
                    return Ok(Some(
                        "nothing moved for 30 min, and rclone was stopped".to_owned(),
                    ));
                }
            }
            match self.ask("job/status", &json!({ "jobid": job }), START)? {
                Answer::Good(answer) => {
                    hung = 0;
                    if let Ok(status) = serde_json::from_value::<Status>(answer)
                        && status.finished
                    {
                        self.tell_progress(group, hear)?.is_break();
                        return Ok(Some(status.error).filter(|error| !error.is_empty()));
                    }
                }
                Answer::Bad(error) => return Ok(Some(error)),
                // Three times in a row is a minute of silence.
                Answer::Late if hung == 2 => {
                    guard::end_group(self.child().id(), true);
                    return Ok(Some(
                        "rclone said nothing for a minute and was stopped".to_owned(),
                    ));
                }
                Answer::Late => hung += 1,
            }
        }
    }

    /// Waits so long and hears what was logged meanwhile, unless whoever hears it has enough.
    fn listen(
        &self,
        during: Duration,
        hear: &mut dyn FnMut(&Entry) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        thread::sleep(during);
        interrupt::check()?;
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        for line in log.try_iter() {
            if hear(&log::read(&line)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Asks how far a transfer is, and has that heard as if it had been logged.
    fn tell_progress(
        &self,
        group: &str,
        hear: &mut dyn FnMut(&Entry) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        if let Answer::Good(stats) = self.ask("core/stats", &json!({ "group": group }), START)? {
            let entry = Entry {
                progress: serde_json::from_value(stats).ok(),
                ..Entry::default()
            };
            return Ok(hear(&entry));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn stop(&self, job: i64) {
        interrupt::shielded(|| {
            self.ask("job/stop", &json!({ "jobid": job }), GRACE)
                .map(|_| ())
        })
        .unwrap_or_default();
    }

    /// Hears everything that was logged until now: a question that fails leaves a mark in the log.
    fn drain(&self, hear: &mut dyn FnMut(&Entry) -> ControlFlow<()>) {
        let mark = format!("mark-{}", self.marks.fetch_add(1, Ordering::Relaxed));
        if !matches!(
            self.ask("rc/error", &json!({ "mark": mark }), START),
            Ok(Answer::Bad(_))
        ) {
            return;
        }
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(line) = log.recv_timeout(Duration::from_secs(5)) {
            let entry = log::read(&line);
            if entry.message.contains(&mark) {
                return;
            }
            let _goes_on = hear(&entry);
        }
    }
}

/// What an answer says.
fn understood(text: &[u8]) -> Answer {
    let body = text.windows(4).position(|four| four == b"\r\n\r\n");
    let body = body.map_or(&[][..], |at| &text[at + 4..]);
    let first = text.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let is_good = first.split(|byte| *byte == b' ').nth(1) == Some(b"200");
    match serde_json::from_slice::<Value>(body) {
        Ok(answer) if is_good => Answer::Good(answer),
        Ok(answer) => {
            let error = answer["error"].as_str().map(str::to_owned);
            Answer::Bad(error.unwrap_or_else(|| answer.to_string()))
        }
        Err(_) => Answer::Bad("rclone's answer cannot be understood".to_owned()),
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let mut child = self.child();
        guard::end_group(child.id(), true);
        child.wait().map(|_| ()).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_errors() {
        let good = understood(b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n{\"jobid\": 7}");
        assert!(matches!(good, Answer::Good(answer) if answer["jobid"] == 7));
        let bad = understood(
            b"HTTP/1.0 500 Internal\r\n\r\n{\"error\": \"object not found\", \"status\": 500}",
        );
        assert!(matches!(bad, Answer::Bad(error) if error == "object not found"));
        assert!(matches!(understood(b""), Answer::Bad(_)));
    }
}
