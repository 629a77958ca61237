//! One rclone process for all that a run asks of a remote, so that it starts and connects once. It is asked through a
//! socket file in a folder that only we can use, with a password that only it and we know (rclone's `rcd`), and ends with
//! this.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::line::{PIECE, Splitter};
use super::process;
use super::program::Program;
use super::socket::{Reply, Socket};
use crate::base::error::{At as _, Result};
use crate::base::interrupt;
use crate::os::exec_shim;

/// How long a log may gather in its pipe. To be woken for each line would take from rclone what it needs for the next file.
const GATHER: Duration = Duration::from_millis(10);

/// Number of log lines that may wait to be heard. Further ones are dropped, which proves nothing of any file: a line that
/// nobody hears must not hold the process up.
pub(super) const WAITING: usize = 32 << 10;

/// Length of an answer that is no list, in bytes.
const ANSWER: usize = 1 << 20;

/// How long rclone may take until it listens.
pub(super) const START: Duration = Duration::from_secs(20);

/// The process.
#[derive(Debug)]
pub(super) struct Daemon {
    socket: Socket,
    child: Mutex<Child>,
    pub(super) log: Mutex<Receiver<Vec<u8>>>,
    /// Bytes of log that were read so far.
    pub(super) logged: Arc<AtomicU64>,
    /// Number of lists and transfers so far.
    pub(super) questions: AtomicU64,
    /// When it was started.
    started: Instant,
    /// Whether it came to listen, once that was waited for.
    came: OnceLock<bool>,
}

/// How a question was answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// By this.
    Good(Value),
    /// With an error, in rclone's words.
    Bad(String),
    /// With the status that says that what was asked for is not there.
    Absent,
    /// Not at all in this time.
    Late,
}

impl Daemon {
    /// Starts it, and does not wait until it listens.
    pub(super) fn start(program: &Program) -> Result<Self> {
        let socket = Socket::new()?;
        let mut address = OsString::from("--rc-addr=unix://");
        address.push(socket.path());
        let mut command = process::command(&program.path);
        command
            .arg("rcd")
            .arg(address)
            .args([
                "--log-level=INFO",
                "--low-level-retries=3",
                "--contimeout=15s",
                "--timeout=60s",
            ])
            .args(process::ALWAYS)
            // Not among the arguments, which everybody can read.
            .envs(socket.credentials())
            .stdout(Stdio::null());
        let mut child = command.spawn().at("start", &program.path)?;
        let (sender, log) = mpsc::sync_channel(WAITING);
        let logged = Arc::new(AtomicU64::new(0));
        if let Some(stream) = child.stderr.take() {
            let logged = Arc::clone(&logged);
            let begun = thread::Builder::new().spawn(move || gather(stream, &sender, &logged));
            if let Err(error) = begun {
                // One that nobody reads would wait for that for ever.
                child.kill().unwrap_or_default();
                child.wait().map(drop).unwrap_or_default();
                return Err(error).at("begin a thread for", &program.path);
            }
        }
        Ok(Self {
            socket,
            child: Mutex::new(child),
            log: Mutex::new(log),
            logged,
            questions: AtomicU64::new(0),
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
        self.socket.listens()
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

    pub(super) fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks something, and waits for the answer at most so long.
    ///
    /// # Errors
    /// An interruption.
    pub(super) fn ask(&self, path: &str, question: &Value, patience: Duration) -> Result<Answer> {
        Ok(match self.socket.ask(path, question, patience, ANSWER)? {
            Reply::Late => Answer::Late,
            Reply::Failed(why) => Answer::Bad(why),
            Reply::Came { status, body } => understood(status, &body),
        })
    }

    /// Asks for a list whose answer may have so many bytes, and gives it as it came. rclone answers with a part of it where it
    /// may not look into a folder of this machine, and tells only in its numbers that something failed.
    ///
    /// # Errors
    /// An interruption.
    pub(super) fn ask_for_list(
        &self,
        mut question: Value,
        patience: Duration,
        most: usize,
    ) -> Result<Reply> {
        let number = self.questions.fetch_add(1, Ordering::Relaxed);
        let group = format!("list-{number}");
        question["_group"] = Value::String(group.clone());
        let reply = self
            .socket
            .ask("operations/list", &question, patience, most)?;
        if !matches!(reply, Reply::Came { status: 200, .. }) {
            return Ok(reply);
        }
        let numbers = self.ask("core/stats", &json!({ "group": group }), patience)?;
        Ok(match numbers {
            Answer::Good(numbers) if numbers["errors"] == 0 => reply,
            _ => Reply::Failed("rclone could not list all of it".to_owned()),
        })
    }
}

/// Reads a log from time to time: to be woken for each line would take from rclone what it needs for the next file.
fn gather(mut stream: impl Read, sender: &SyncSender<Vec<u8>>, logged: &AtomicU64) {
    let mut splitter = Splitter::default();
    let mut buffer = vec![0; PIECE];
    loop {
        thread::sleep(GATHER);
        let read = match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        logged.fetch_add(read as u64, Ordering::Relaxed);
        for line in splitter.take(&buffer[..read]) {
            // Where too many wait, this one is dropped.
            sender.try_send(line).unwrap_or_default();
        }
    }
}

/// What an answer says. Only a status that was made for it says that something is not there.
pub(super) fn understood(status: u16, body: &[u8]) -> Answer {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return Answer::Bad("rclone's answer cannot be understood".to_owned());
    };
    let error = answer["error"].as_str();
    match (status, error) {
        // That of a transfer names its error in an answer that is good.
        (200, _) if answer.is_object() => Answer::Good(answer),
        (404, Some(_)) if answer["status"] == 404 => Answer::Absent,
        (_, Some(error)) => Answer::Bad(error.to_owned()),
        (_, None) => Answer::Bad("rclone's answer cannot be understood".to_owned()),
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let mut child = self.child();
        exec_shim::end_group(child.id(), true);
        child.wait().map(|_| ()).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_errors() {
        let good = understood(200, br#"{"jobid": 7}"#);
        assert!(matches!(good, Answer::Good(answer) if answer["jobid"] == 7));
        let bad = understood(500, br#"{"error": "object not found", "status": 500}"#);
        assert!(matches!(bad, Answer::Bad(error) if error == "object not found"));
        let absent = understood(404, br#"{"error": "object not found", "status": 404}"#);
        assert!(matches!(absent, Answer::Absent));
        for (status, body) in [
            (200, "".as_bytes()),
            (200, b"[]"),
            (200, b"{\"item\": nu"),
            (404, b"404 page not found"),
            (404, b"{\"error\": \"no\", \"status\": 500}"),
            (401, b"{}"),
        ] {
            assert!(
                matches!(understood(status, body), Answer::Bad(_)),
                "{body:?}"
            );
        }
    }
}
