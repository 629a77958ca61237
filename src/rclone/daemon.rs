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

use super::line::{CHUNK_BYTES, LineSplitter};
use super::process;
use super::program::Program;
use super::socket::{HttpReply, Socket};
use crate::base::error::{IoResultExt as _, Result};
use crate::base::interrupt;
use crate::os::exec_shim;

/// How long a log may gather in its pipe. To be woken for each line would take from rclone what it needs for the next file.
const LOG_READ_INTERVAL: Duration = Duration::from_millis(10);

/// Number of log lines that may wait to be heard. Further ones are dropped, which proves nothing of any file: a line that
/// nobody hears must not hold the process up.
pub(super) const MAX_QUEUED_LINES: usize = 32 << 10;

/// Length of an answer that is no list, in bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// How long rclone may take until it listens.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The process.
#[derive(Debug)]
pub(super) struct Daemon {
    socket: Socket,
    child: Mutex<Child>,
    pub(super) log: Mutex<Receiver<Vec<u8>>>,
    /// Bytes of log that were read so far.
    pub(super) log_bytes: Arc<AtomicU64>,
    /// Number of lists and transfers so far.
    pub(super) request_count: AtomicU64,
    /// When it was started.
    started: Instant,
    /// Whether it came to listen, once that was waited for.
    ready: OnceLock<bool>,
}

/// How a question was answered.
#[derive(Debug)]
pub(super) enum RcAnswer {
    /// By this.
    Success(Value),
    /// With an error, in rclone's words.
    Failure(String),
    /// With the status that says that what was asked for is not there.
    NotFound,
    /// Not at all in this time.
    TimedOut,
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
            .args(process::COMMON_FLAGS)
            // Not among the arguments, which everybody can read.
            .envs(socket.credentials())
            .stdout(Stdio::null());
        let mut child = command.spawn().at("start", &program.path)?;
        let (sender, log) = mpsc::sync_channel(MAX_QUEUED_LINES);
        let log_bytes = Arc::new(AtomicU64::new(0));
        if let Some(stream) = child.stderr.take() {
            let log_bytes = Arc::clone(&log_bytes);
            let spawned =
                thread::Builder::new().spawn(move || read_log(stream, &sender, &log_bytes));
            if let Err(error) = spawned {
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
            log_bytes,
            request_count: AtomicU64::new(0),
            started: Instant::now(),
            ready: OnceLock::new(),
        })
    }

    /// Says whether the times in listings of a root are those of its arrival there. What is said with a question holds only
    /// for a root that nothing was asked of yet, so what is known of roots is forgotten first.
    pub(super) fn set_server_mod_times(&self, root: &str, enabled: bool) -> Result<()> {
        const TIMEOUT: Duration = Duration::from_secs(20);
        self.call("fscache/clear", &json!({}), TIMEOUT)?;
        let params = json!({ "fs": root, "_config": { "UseServerModTime": enabled } });
        self.call("operations/fsinfo", &params, TIMEOUT)?;
        Ok(())
    }

    /// Whether it can be asked: where it has just been started, as soon as it can.
    pub(super) fn is_ready(&self) -> bool {
        *self.ready.get_or_init(|| self.wait_until_ready()) && self.accepts_connections()
    }

    fn accepts_connections(&self) -> bool {
        self.socket.accepts_connections()
    }

    /// Waits until it listens; says whether it does.
    fn wait_until_ready(&self) -> bool {
        while !self.accepts_connections() {
            let is_late = self.started.elapsed() > START_TIMEOUT;
            if is_late || interrupt::is_requested() || self.has_ended() {
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
    pub(super) fn call(&self, path: &str, params: &Value, timeout: Duration) -> Result<RcAnswer> {
        Ok(
            match self.socket.post(path, params, timeout, MAX_ANSWER_BYTES)? {
                HttpReply::TimedOut => RcAnswer::TimedOut,
                HttpReply::Failed(why) => RcAnswer::Failure(why),
                HttpReply::Complete { status, body } => parse_answer(status, &body),
            },
        )
    }

    /// Asks for a list whose answer may have so many bytes, and gives it as it came. rclone answers with a part of it where it
    /// may not look into a folder of this machine, and tells only in its numbers that something failed.
    ///
    /// # Errors
    /// An interruption.
    pub(super) fn call_list(
        &self,
        mut params: Value,
        timeout: Duration,
        max_bytes: usize,
    ) -> Result<HttpReply> {
        let number = self.request_count.fetch_add(1, Ordering::Relaxed);
        let group = format!("list-{number}");
        params["_group"] = Value::String(group.clone());
        let reply = self
            .socket
            .post("operations/list", &params, timeout, max_bytes)?;
        if !matches!(reply, HttpReply::Complete { status: 200, .. }) {
            return Ok(reply);
        }
        let stats = self.call("core/stats", &json!({ "group": group }), timeout)?;
        Ok(match stats {
            RcAnswer::Success(stats) if stats["errors"] == 0 => reply,
            _ => HttpReply::Failed("rclone could not list all of it".to_owned()),
        })
    }
}

/// Reads a log from time to time: to be woken for each line would take from rclone what it needs for the next file.
fn read_log(mut stream: impl Read, sender: &SyncSender<Vec<u8>>, log_bytes: &AtomicU64) {
    let mut splitter = LineSplitter::default();
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        thread::sleep(LOG_READ_INTERVAL);
        let read = match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        log_bytes.fetch_add(read as u64, Ordering::Relaxed);
        for line in splitter.push(&buffer[..read]) {
            // Where too many wait, this one is dropped.
            sender.try_send(line).unwrap_or_default();
        }
    }
}

/// What an answer says. Only a status that was made for it says that something is not there.
pub(super) fn parse_answer(status: u16, body: &[u8]) -> RcAnswer {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return RcAnswer::Failure("rclone's answer cannot be understood".to_owned());
    };
    let error = answer["error"].as_str();
    match (status, error) {
        // That of a transfer names its error in an answer that is good.
        (200, _) if answer.is_object() => RcAnswer::Success(answer),
        (404, Some(_)) if answer["status"] == 404 => RcAnswer::NotFound,
        (_, Some(error)) => RcAnswer::Failure(error.to_owned()),
        (_, None) => RcAnswer::Failure("rclone's answer cannot be understood".to_owned()),
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let mut child = self.child();
        exec_shim::signal_group(child.id(), true);
        child.wait().map(|_| ()).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_errors() {
        let good = parse_answer(200, br#"{"jobid": 7}"#);
        assert!(matches!(good, RcAnswer::Success(answer) if answer["jobid"] == 7));
        let bad = parse_answer(500, br#"{"error": "object not found", "status": 500}"#);
        assert!(matches!(bad, RcAnswer::Failure(error) if error == "object not found"));
        let absent = parse_answer(404, br#"{"error": "object not found", "status": 404}"#);
        assert!(matches!(absent, RcAnswer::NotFound));
        for (status, body) in [
            (200, "".as_bytes()),
            (200, b"[]"),
            (200, b"{\"item\": nu"),
            (404, b"404 page not found"),
            (404, b"{\"error\": \"no\", \"status\": 500}"),
            (401, b"{}"),
        ] {
            assert!(
                matches!(parse_answer(status, body), RcAnswer::Failure(_)),
                "{body:?}"
            );
        }
    }
}
