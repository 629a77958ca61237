//! Transfers by the process that is asked through its socket: how they are begun, followed and stopped.

use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::daemon::{Answer, Daemon, START, WAITING};
use super::log;
use super::log::Entry;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::os::exec_shim;
use crate::os::host;

/// Bytes of log that a transfer may write; far more than a line for each file.
const LOG: u64 = 256 << 20;

/// Bytes of log that it may write besides in each second.
const LOG_A_SECOND: u64 = 256 << 10;

/// How long it may take to stop a transfer.
const GRACE: Duration = Duration::from_millis(600);

/// How long is waited at once before Ctrl-C is looked for.
const STEP: Duration = Duration::from_millis(50);

/// How a transfer stands.
#[derive(Deserialize)]
struct Status {
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
        question: Value,
        hear: &mut dyn FnMut(&Entry) -> ControlFlow<()>,
    ) -> Result<Option<String>> {
        let mut question = question;
        let number = self.questions.fetch_add(1, Ordering::Relaxed);
        let group = format!("transfer-{number}");
        let before = self.logged.load(Ordering::Relaxed);
        question["_async"] = Value::Bool(true);
        question["_group"] = Value::String(group.clone());
        let job = match self.ask(path, &question, START)? {
            Answer::Good(answer) => match answer["jobid"].as_i64() {
                Some(job) => job,
                None => return Ok(Some("rclone did not begin the transfer".to_owned())),
            },
            Answer::Bad(error) => return Ok(Some(error)),
            Answer::Absent => return Ok(Some("rclone does not know this transfer".to_owned())),
            Answer::Late => return Ok(Some("rclone does not answer".to_owned())),
        };
        let ended = self.follow(job, &group, before, hear);
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
        logged_before: u64,
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
            let logged = self.logged.load(Ordering::Relaxed) - logged_before;
            if logged > LOG + start.elapsed().as_secs() * LOG_A_SECOND {
                exec_shim::end_group(self.child().id(), true);
                return Ok(Some(
                    "rclone wrote far more than it should and was stopped".to_owned(),
                ));
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
                    match serde_json::from_value::<Status>(answer) {
                        Ok(status) if status.finished => {
                            self.tell_progress(group, hear)?.is_break();
                            return Ok(Some(status.error).filter(|error| !error.is_empty()));
                        }
                        Ok(_) => {}
                        Err(_) => {
                            self.stop(job);
                            return Ok(Some("rclone's answer cannot be understood".to_owned()));
                        }
                    }
                }
                Answer::Bad(error) => return Ok(Some(error)),
                Answer::Absent => return Ok(Some("rclone lost the transfer".to_owned())),
                // Three times in a row is a minute of silence.
                Answer::Late if hung == 2 => {
                    exec_shim::end_group(self.child().id(), true);
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
        for line in log.try_iter().take(WAITING) {
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

    /// Hears everything that was logged until now: a question that fails leaves a mark in the log, which nobody can guess.
    fn drain(&self, hear: &mut dyn FnMut(&Entry) -> ControlFlow<()>) {
        const DRAIN: Duration = Duration::from_secs(20);
        let Ok(mark) = host::random_id() else {
            return;
        };
        if !matches!(
            self.ask("rc/error", &json!({ "mark": mark }), START),
            Ok(Answer::Bad(_))
        ) {
            return;
        }
        let start = Instant::now();
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        while start.elapsed() < DRAIN
            && let Ok(line) = log.recv_timeout(Duration::from_secs(5))
        {
            let entry = log::read(&line);
            if entry.message.contains(&mark) {
                return;
            }
            let _goes_on = hear(&entry);
        }
    }
}
