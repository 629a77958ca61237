//! One rclone process for all that a run asks of a remote, so that it starts and connects once. It is asked through a
//! socket file in a folder of our own (rclone's `rcd`), and ends with this.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
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

/// How long rclone may take until it listens.
const START: Duration = Duration::from_secs(20);

/// How long it may take to stop a transfer.
const GRACE: Duration = Duration::from_millis(600);

/// The process.
#[derive(Debug)]
pub(super) struct Daemon {
    program: PathBuf,
    folder: ScratchFolder,
    child: Child,
    log: Mutex<Receiver<Vec<u8>>>,
    /// How many times the end of the log so far was looked for.
    marks: AtomicU64,
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
    /// Starts it.
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
            thread::spawn(move || {
                for line in BufReader::new(stream).split(b'\n') {
                    let Ok(line) = line else { return };
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        let daemon = Self {
            program: program.path.clone(),
            folder,
            child,
            log: Mutex::new(log),
            marks: AtomicU64::new(0),
        };
        daemon.wait_until_it_listens()?;
        Ok(daemon)
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

    /// Whether it can be asked.
    pub(super) fn listens(&self) -> bool {
        UnixStream::connect(self.folder.path().join("s")).is_ok()
    }

    fn wait_until_it_listens(&self) -> Result<()> {
        let start = Instant::now();
        while !self.listens() {
            interrupt::check()?;
            if start.elapsed() > START {
                return Err(process::failed(
                    "start",
                    &self.program,
                    "it does not listen",
                ));
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
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
        let (mut asked, mut wait) = (Instant::now(), Duration::from_millis(5));
        let mut hung = 0;
        loop {
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
                    guard::end_group(self.child.id(), true);
                    return Ok(Some(
                        "rclone said nothing for a minute and was stopped".to_owned(),
                    ));
                }
                Answer::Late => hung += 1,
            }
            wait = (wait * 2).min(Duration::from_millis(200));
        }
    }

    /// Hears what is logged for so long, unless whoever hears it has enough.
    fn listen(
        &self,
        during: Duration,
        hear: &mut dyn FnMut(&Entry) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        loop {
            interrupt::check()?;
            match log.recv_timeout(during.saturating_sub(start.elapsed()).min(STEP)) {
                Ok(line) => {
                    if hear(&log::read(&line)).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Err(RecvTimeoutError::Timeout) if start.elapsed() >= during => {
                    return Ok(ControlFlow::Continue(()));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    thread::sleep(during.saturating_sub(start.elapsed()));
                    return Ok(ControlFlow::Continue(()));
                }
            }
        }
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
        guard::end_group(self.child.id(), true);
        self.child.wait().map(|_| ()).unwrap_or_default();
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
