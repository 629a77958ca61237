//! The daemon: one `rclone rcd` process for all requests of a run to a remote, so that rclone starts and connects once.
//!
//! It listens on a socket file in a folder that only we can enter and requires a password that only it and we know.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::command::{COMMON_FLAGS, PATIENT_FLAGS, UNREADABLE_ANSWER};
use super::entry::ListEntry;
use super::line::{CHUNK_BYTES, LineSplitter};
use super::message::classify;
use super::process;
use super::retry::Backoff;
use super::socket::{HttpReply, Socket};
use crate::base::error::{ConnectionError, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::os::exec_shim;

/// Interval between reads of the log. Waking up for each line would slow down rclone's next file.
const LOG_READ_INTERVAL: Duration = Duration::from_millis(10);

/// Capacity of the queue of log lines. Further lines are dropped, so that unread lines never block rclone. A dropped line
/// does no harm: the log is no proof.
pub(super) const MAX_QUEUED_LINES: usize = 32 << 10;

/// Greatest length of an answer that is not a list, in bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Greatest length of the list of one folder, in bytes.
pub(super) const MAX_LIST_BYTES: usize = 16 << 20;

/// Time until the daemon listens, and for answers that it gives without asking the storage.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Daemon {
    socket: Socket,
    child: Mutex<Child>,
    pub(super) log: Mutex<Receiver<Vec<u8>>>,
    /// Number of log bytes read so far.
    pub(super) log_bytes: Arc<AtomicU64>,
    /// Number of lists and transfers so far, for names of their statistics groups.
    pub(super) request_count: AtomicU64,
    started: Instant,
    /// Set once [`Self::wait_until_ready`] returned.
    ready: OnceLock<bool>,
}

/// Answer to a request.
#[derive(Debug)]
pub(super) enum RcAnswer {
    Success(Value),
    /// An error, in rclone's words.
    Failure(String),
    /// The answer's status field says that the object does not exist.
    NotFound,
    TimedOut,
}

impl RcAnswer {
    /// The reason why the request failed; `None` after success.
    pub(super) fn failure(self) -> Option<String> {
        match self {
            Self::Success(_) => None,
            Self::Failure(why) => Some(why),
            Self::NotFound => Some("rclone reports it as missing".to_owned()),
            Self::TimedOut => Some("rclone does not answer".to_owned()),
        }
    }
}

/// Answer to a request for a list.
#[derive(Debug)]
pub(super) enum ListReply<T> {
    Listed(T),
    /// The answer's status field says that the folder does not exist.
    NotFound,
    /// No answer, or not a complete list. A process finds out why.
    Unusable,
}

#[derive(Deserialize)]
struct ListBody<'a> {
    #[serde(borrow)]
    list: Vec<ListEntry<'a>>,
}

impl Daemon {
    /// Starts the daemon without waiting until it listens.
    pub(super) fn start(program: &Path) -> Result<Self> {
        let socket = Socket::new()?;
        let mut address = OsString::from("--rc-addr=unix://");
        address.push(socket.path());
        let mut command = process::command(program);
        command
            .arg("rcd")
            .arg(address)
            .arg("--log-level=INFO")
            .args(PATIENT_FLAGS)
            .args(COMMON_FLAGS)
            // Not in the arguments: every user of the machine can read those.
            .envs(socket.credentials())
            .stdout(Stdio::null());
        let mut child = command.spawn().at("start", program)?;
        let (sender, log) = mpsc::sync_channel(MAX_QUEUED_LINES);
        let log_bytes = Arc::new(AtomicU64::new(0));
        if let Some(stream) = child.stderr.take() {
            let log_bytes = Arc::clone(&log_bytes);
            let spawned =
                thread::Builder::new().spawn(move || read_log(stream, &sender, &log_bytes));
            if let Err(error) = spawned {
                // Without a reader the daemon would block once the pipe is full.
                ignore(child.kill(), "it has ended already");
                ignore(child.wait(), "it was killed");
                return Err(error).at("start a thread for", program);
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

    /// Sets whether listings of a root show upload times instead of the files' own. The setting applies only to a root that
    /// the daemon has not opened yet, so its cache of roots is cleared first.
    pub(super) fn set_server_mod_times(&self, root: &str, enabled: bool) -> Result<()> {
        const TIMEOUT: Duration = Duration::from_secs(20);
        self.call("fscache/clear", &json!({}), TIMEOUT)?;
        let params = json!({ "fs": root, "_config": { "UseServerModTime": enabled } });
        self.call("operations/fsinfo", &params, TIMEOUT)?;
        Ok(())
    }

    /// True if the daemon accepts requests. Waits for one that was just started.
    pub(super) fn is_ready(&self) -> bool {
        *self.ready.get_or_init(|| self.wait_until_ready()) && self.socket.accepts_connections()
    }

    /// Waits until the daemon listens; returns false if it ended, is too late, or the run was interrupted.
    fn wait_until_ready(&self) -> bool {
        while !self.socket.accepts_connections() {
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

    /// Sends a request and waits for the answer. Repeats it while the storage limits the rate of requests.
    ///
    /// # Errors
    /// Interruption.
    pub(super) fn call(&self, path: &str, params: &Value, timeout: Duration) -> Result<RcAnswer> {
        let start = Instant::now();
        let mut backoff = Backoff::within(Some(timeout));
        loop {
            let left = timeout.saturating_sub(start.elapsed());
            let answer = self.call_once(path, params, left)?;
            let is_limited = matches!(&answer, RcAnswer::Failure(why)
                if classify(why, None) == ConnectionError::RateLimited);
            if !is_limited || !backoff.wait()? {
                return Ok(answer);
            }
        }
    }

    fn call_once(&self, path: &str, params: &Value, timeout: Duration) -> Result<RcAnswer> {
        Ok(
            match self.socket.post(path, params, timeout, MAX_ANSWER_BYTES)? {
                HttpReply::TimedOut => RcAnswer::TimedOut,
                HttpReply::Failed(why) => RcAnswer::Failure(why),
                HttpReply::Complete { status, body } => parse_answer(status, &body),
            },
        )
    }

    /// Requests a list of at most this length; `read` converts its entries. A list with fewer entries than the folder has,
    /// because a local folder cannot be read, differs from a complete one only in the error count of its statistics.
    ///
    /// # Errors
    /// Interruption.
    pub(super) fn list<T>(
        &self,
        mut params: Value,
        timeout: Duration,
        max_bytes: usize,
        read: impl FnOnce(Vec<ListEntry<'_>>) -> T,
    ) -> Result<ListReply<T>> {
        let number = self.request_count.fetch_add(1, Ordering::Relaxed);
        let group = format!("list-{number}");
        params["_group"] = Value::String(group.clone());
        let reply = self
            .socket
            .post("operations/list", &params, timeout, max_bytes)?;
        let HttpReply::Complete { status, body } = reply else {
            return Ok(ListReply::Unusable);
        };
        if status != 200 {
            let is_missing = matches!(parse_answer(status, &body), RcAnswer::NotFound);
            return Ok(if is_missing {
                ListReply::NotFound
            } else {
                ListReply::Unusable
            });
        }
        let stats = self.call("core/stats", &json!({ "group": group }), timeout)?;
        let is_complete = matches!(stats, RcAnswer::Success(stats) if stats["errors"] == 0);
        Ok(match serde_json::from_slice::<ListBody<'_>>(&body) {
            Ok(ListBody { list }) if is_complete => ListReply::Listed(read(list)),
            _ => ListReply::Unusable,
        })
    }
}

/// Reads the log every [`LOG_READ_INTERVAL`].
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
            ignore(
                sender.try_send(line),
                "the queue is full, or no transfer reads it",
            );
        }
    }
}

/// Parses an answer. Only its status field proves that an object does not exist: rclone's server also answers 404 to a request
/// that it does not know.
fn parse_answer(status: u16, body: &[u8]) -> RcAnswer {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return RcAnswer::Failure(UNREADABLE_ANSWER.to_owned());
    };
    let error = answer["error"].as_str();
    match (status, error) {
        // The status of a transfer has a field `error` even after success.
        (200, _) if answer.is_object() => RcAnswer::Success(answer),
        (404, Some(_)) if answer["status"] == 404 => RcAnswer::NotFound,
        (_, Some(error)) => RcAnswer::Failure(error.to_owned()),
        (_, None) => RcAnswer::Failure(UNREADABLE_ANSWER.to_owned()),
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let mut child = self.child();
        exec_shim::signal_group(child.id(), true);
        ignore(child.wait(), "it was killed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_no_answers() {
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
