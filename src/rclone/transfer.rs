//! Transfers by the process that is asked through its socket: how they are begun, followed and stopped.

use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::daemon::{Daemon, MAX_QUEUED_LINES, RcAnswer, START_TIMEOUT};
use super::log;
use super::log::LogEntry;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::os::exec_shim;
use crate::os::host;

/// Bytes of log that a transfer may write; far more than a line for each file.
const MAX_LOG_BYTES: u64 = 256 << 20;

/// Bytes of log that it may write besides in each second.
const LOG_BYTES_PER_SECOND: u64 = 256 << 10;

/// How long it may take to stop a transfer.
const STOP_TIMEOUT: Duration = Duration::from_millis(600);

/// How long is waited at once before Ctrl-C is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How a transfer stands.
#[derive(Deserialize)]
struct JobStatus {
    finished: bool,
    #[serde(default)]
    error: String,
}

impl Daemon {
    /// Runs a transfer; `hear` gets every line of the log and may end it. Gives what it failed with, if it did.
    ///
    /// # Errors
    /// An interruption, after it was stopped.
    pub(super) fn transfer(
        &self,
        path: &str,
        params: Value,
        on_entry: &mut dyn FnMut(&LogEntry) -> ControlFlow<()>,
    ) -> Result<Option<String>> {
        let mut params = params;
        let number = self.request_count.fetch_add(1, Ordering::Relaxed);
        let group = format!("transfer-{number}");
        let logged_before = self.log_bytes.load(Ordering::Relaxed);
        params["_async"] = Value::Bool(true);
        params["_group"] = Value::String(group.clone());
        let job = match self.call(path, &params, START_TIMEOUT)? {
            RcAnswer::Success(answer) => match answer["jobid"].as_i64() {
                Some(job) => job,
                None => return Ok(Some("rclone did not begin the transfer".to_owned())),
            },
            RcAnswer::Failure(error) => return Ok(Some(error)),
            RcAnswer::NotFound => return Ok(Some("rclone does not know this transfer".to_owned())),
            RcAnswer::TimedOut => return Ok(Some("rclone does not answer".to_owned())),
        };
        let ended = self.follow(job, &group, logged_before, on_entry);
        if ended.is_err() {
            self.stop_job(job);
        }
        // What was logged until now is about this transfer.
        interrupt::with_grace_period(|| self.drain_log(on_entry));
        ended
    }

    fn follow(
        &self,
        job: i64,
        group: &str,
        logged_before: u64,
        on_entry: &mut dyn FnMut(&LogEntry) -> ControlFlow<()>,
    ) -> Result<Option<String>> {
        let (start, mut last_report) = (Instant::now(), Instant::now());
        let mut consecutive_timeouts = 0;
        loop {
            // What takes long may be noticed late.
            let wait = (start.elapsed() / 20).clamp(Duration::from_millis(5), POLL_INTERVAL);
            if self.read_log_for(wait, on_entry)?.is_break() {
                self.stop_job(job);
                return Ok(None);
            }
            let logged = self.log_bytes.load(Ordering::Relaxed) - logged_before;
            if logged > MAX_LOG_BYTES + start.elapsed().as_secs() * LOG_BYTES_PER_SECOND {
                exec_shim::signal_group(self.child().id(), true);
                return Ok(Some(
                    "rclone wrote far more than it should and was stopped".to_owned(),
                ));
            }
            if last_report.elapsed() > Duration::from_secs(1) {
                last_report = Instant::now();
                if self.report_progress(group, on_entry)?.is_break() {
                    self.stop_job(job);
                    return Ok(Some(
                        "nothing moved for 30 min, and rclone was stopped".to_owned(),
                    ));
                }
            }
            match self.call("job/status", &json!({ "jobid": job }), START_TIMEOUT)? {
                RcAnswer::Success(answer) => {
                    consecutive_timeouts = 0;
                    match serde_json::from_value::<JobStatus>(answer) {
                        Ok(status) if status.finished => {
                            self.report_progress(group, on_entry)?.is_break();
                            return Ok(Some(status.error).filter(|error| !error.is_empty()));
                        }
                        Ok(_) => {}
                        Err(_) => {
                            self.stop_job(job);
                            return Ok(Some("rclone's answer cannot be understood".to_owned()));
                        }
                    }
                }
                RcAnswer::Failure(error) => return Ok(Some(error)),
                RcAnswer::NotFound => return Ok(Some("rclone lost the transfer".to_owned())),
                // Three times in a row is a minute of silence.
                RcAnswer::TimedOut if consecutive_timeouts == 2 => {
                    exec_shim::signal_group(self.child().id(), true);
                    return Ok(Some(
                        "rclone said nothing for a minute and was stopped".to_owned(),
                    ));
                }
                RcAnswer::TimedOut => consecutive_timeouts += 1,
            }
        }
    }

    /// Waits so long and hears what was logged meanwhile, unless whoever hears it has enough.
    fn read_log_for(
        &self,
        during: Duration,
        on_entry: &mut dyn FnMut(&LogEntry) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        thread::sleep(during);
        interrupt::check()?;
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        for line in log.try_iter().take(MAX_QUEUED_LINES) {
            if on_entry(&log::parse_line(&line)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Asks how far a transfer is, and has that heard as if it had been logged.
    fn report_progress(
        &self,
        group: &str,
        on_entry: &mut dyn FnMut(&LogEntry) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        if let RcAnswer::Success(stats) =
            self.call("core/stats", &json!({ "group": group }), START_TIMEOUT)?
        {
            let entry = LogEntry {
                progress: serde_json::from_value(stats).ok(),
                ..LogEntry::default()
            };
            return Ok(on_entry(&entry));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn stop_job(&self, job: i64) {
        interrupt::with_grace_period(|| {
            self.call("job/stop", &json!({ "jobid": job }), STOP_TIMEOUT)
                .map(|_| ())
        })
        .unwrap_or_default();
    }

    /// Hears everything that was logged until now: a question that fails leaves a mark in the log, which nobody can guess.
    fn drain_log(&self, on_entry: &mut dyn FnMut(&LogEntry) -> ControlFlow<()>) {
        const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
        let Ok(mark) = host::random_id() else {
            return;
        };
        if !matches!(
            self.call("rc/error", &json!({ "mark": mark }), START_TIMEOUT),
            Ok(RcAnswer::Failure(_))
        ) {
            return;
        }
        let start = Instant::now();
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        while start.elapsed() < DRAIN_TIMEOUT
            && let Ok(line) = log.recv_timeout(Duration::from_secs(5))
        {
            let entry = log::parse_line(&line);
            if entry.message.contains(&mark) {
                return;
            }
            let _goes_on = on_entry(&entry);
        }
    }
}
