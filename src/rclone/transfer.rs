//! Transfers by the daemon: start, progress and stop.

use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::command::UNREADABLE_ANSWER;
use super::daemon::{Daemon, MAX_QUEUED_LINES, RcAnswer, START_TIMEOUT};
use super::log;
use super::log::LogEntry;
use crate::base::error::Result;
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::os::exec_shim;
use crate::os::host;

/// Bytes of log that a transfer may write: far more than a line for each file.
const MAX_LOG_BYTES: u64 = 256 << 20;

/// Bytes of log that it may write in addition for each second.
const LOG_BYTES_PER_SECOND: u64 = 256 << 10;

/// Time to stop a transfer.
const STOP_TIMEOUT: Duration = Duration::from_millis(600);

/// Longest wait between two checks for an interruption.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Id that the daemon gave to a transfer.
#[derive(Clone, Copy, Debug)]
struct JobId(i64);

/// Reads an entry of the log; breaks to stop the transfer.
type EntryFn<'a> = dyn FnMut(&LogEntry) -> ControlFlow<()> + 'a;

#[derive(Deserialize)]
struct JobStatus {
    finished: bool,
    #[serde(default)]
    error: String,
}

impl Daemon {
    /// Runs a transfer. `on_entry` reads every line of the log and may end it. Returns the reason of a failure, if any.
    ///
    /// # Errors
    /// Interruption, after the transfer was stopped.
    pub(super) fn transfer(
        &self,
        path: &str,
        mut params: Value,
        on_entry: &mut EntryFn<'_>,
    ) -> Result<Option<String>> {
        let number = self.request_count.fetch_add(1, Ordering::Relaxed);
        let group = format!("transfer-{number}");
        let logged_before = self.log_bytes.load(Ordering::Relaxed);
        params["_async"] = Value::Bool(true);
        params["_group"] = Value::String(group.clone());
        let job = match self.call(path, &params, START_TIMEOUT)? {
            RcAnswer::Success(answer) => match answer["jobid"].as_i64() {
                Some(job) => JobId(job),
                None => return Ok(Some("rclone did not start the transfer".to_owned())),
            },
            answer => return Ok(answer.failure()),
        };
        let ended = self.follow(job, &group, logged_before, on_entry);
        if ended.is_err() {
            self.stop_job(job);
        }
        // Every line logged so far belongs to this transfer.
        interrupt::with_grace_period(|| self.drain_log(on_entry));
        ended
    }

    /// Follows a transfer to its end. Returns the reason of a failure, if any.
    fn follow(
        &self,
        job: JobId,
        group: &str,
        logged_before: u64,
        on_entry: &mut EntryFn<'_>,
    ) -> Result<Option<String>> {
        let (start, mut last_report) = (Instant::now(), Instant::now());
        let mut consecutive_timeouts = 0;
        loop {
            // The longer a transfer takes, the later its end may be noticed.
            let wait = (start.elapsed() / 20).clamp(Duration::from_millis(5), POLL_INTERVAL);
            if self.read_log_for(wait, on_entry)?.is_break() {
                self.stop_job(job);
                return Ok(None);
            }
            let logged = self.log_bytes.load(Ordering::Relaxed) - logged_before;
            if logged > MAX_LOG_BYTES + start.elapsed().as_secs() * LOG_BYTES_PER_SECOND {
                self.kill();
                return Ok(Some("rclone wrote far too much and was stopped".to_owned()));
            }
            if last_report.elapsed() > Duration::from_secs(1) {
                last_report = Instant::now();
                if self.report_progress(group, on_entry)?.is_break() {
                    self.stop_job(job);
                    let why = "no progress for 30 min; rclone was stopped";
                    return Ok(Some(why.to_owned()));
                }
            }
            match self.call("job/status", &json!({ "jobid": job.0 }), START_TIMEOUT)? {
                RcAnswer::Success(answer) => match serde_json::from_value::<JobStatus>(answer) {
                    Ok(status) if status.finished => {
                        // The transfer is over: a break has nothing left to stop.
                        let _ = self.report_progress(group, on_entry)?;
                        return Ok(Some(status.error).filter(|error| !error.is_empty()));
                    }
                    Ok(_) => consecutive_timeouts = 0,
                    Err(_) => {
                        self.stop_job(job);
                        return Ok(Some(UNREADABLE_ANSWER.to_owned()));
                    }
                },
                RcAnswer::NotFound => return Ok(Some("rclone lost the transfer".to_owned())),
                // Three timeouts in a row are a minute of silence.
                RcAnswer::TimedOut if consecutive_timeouts == 2 => {
                    self.kill();
                    let why = "rclone did not answer for a minute and was stopped";
                    return Ok(Some(why.to_owned()));
                }
                RcAnswer::TimedOut => consecutive_timeouts += 1,
                RcAnswer::Failure(error) => return Ok(Some(error)),
            }
        }
    }

    fn kill(&self) {
        exec_shim::signal_group(self.child().id(), true);
    }

    /// Waits for this time, then passes on the queued log lines until `on_entry` breaks.
    fn read_log_for(
        &self,
        during: Duration,
        on_entry: &mut EntryFn<'_>,
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

    /// Requests a transfer's progress and passes it on as a log entry.
    fn report_progress(&self, group: &str, on_entry: &mut EntryFn<'_>) -> Result<ControlFlow<()>> {
        if let RcAnswer::Success(stats) =
            self.call("core/stats", &json!({ "group": group }), START_TIMEOUT)?
        {
            let progress = serde_json::from_value(stats).ok();
            return Ok(on_entry(&LogEntry::of_progress(progress)));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn stop_job(&self, job: JobId) {
        let stopped = interrupt::with_grace_period(|| {
            self.call("job/stop", &json!({ "jobid": job.0 }), STOP_TIMEOUT)
        });
        ignore(stopped, "the transfer may have ended by itself");
    }

    /// Passes on every line logged so far. A request that fails on purpose leaves a random mark in the log, which is the end.
    fn drain_log(&self, on_entry: &mut EntryFn<'_>) {
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
            // The transfer is over: a break has nothing left to stop.
            let _ = on_entry(&entry);
        }
    }
}
