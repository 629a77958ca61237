//! Progress on standard error: a bar on a terminal, a line every 30 seconds elsewhere and where output is accessible.

use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::message::{Messages, write_line};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::unit;

/// Nothing is shown of work that is done sooner.
const INITIAL_DELAY: Duration = Duration::from_millis(300);

/// How often a line is written where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(30);

/// How often a bar is redrawn.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// Shows events.
#[derive(Debug)]
pub struct Progress {
    messages: Messages,
    draws_bar: bool,
    task: Mutex<Option<ActiveTask>>,
}

/// The task under way.
#[derive(Debug)]
struct ActiveTask {
    name: String,
    started: Instant,
    last_shown: Instant,
    /// Where it is.
    databases: Vec<String>,
    /// Files, folders and bytes.
    done: (u64, u64, u64),
    /// Files and bytes.
    total: (Option<u64>, Option<u64>),
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Progress beside these messages. Where output is accessible no bar is drawn: each time it is painted anew would be
    /// read aloud.
    pub fn new(messages: Messages, accessible: bool) -> Self {
        let can_redraw = std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        Self {
            messages,
            draws_bar: io::stderr().is_terminal() && can_redraw && !accessible,
            task: Mutex::new(None),
        }
    }

    /// Shows the task under way, if it is time to.
    fn show(&self, task: &mut ActiveTask) {
        let now = Instant::now();
        let pause = if self.draws_bar {
            REDRAW_INTERVAL
        } else {
            LINE_INTERVAL
        };
        if self.messages.is_quiet()
            || now - task.started < INITIAL_DELAY
            || now - task.last_shown < pause
        {
            return;
        }
        task.last_shown = now;
        let line = task.line();
        if self.draws_bar {
            task.bar.get_or_insert_with(spinner).set_message(line);
        } else {
            write_line(&line);
        }
    }

    /// Writes a message without tearing the bar.
    fn suspend_bar(&self, write: impl FnOnce()) {
        match self.lock_task().as_ref().and_then(|task| task.bar.as_ref()) {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn lock_task(&self) -> MutexGuard<'_, Option<ActiveTask>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what was done, and shows it if it is time to.
    fn update(&self, change: impl FnOnce(&mut ActiveTask)) {
        if let Some(task) = self.lock_task().as_mut() {
            change(task);
            self.show(task);
        }
    }
}

/// One line at the bottom of the terminal.
fn spinner() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(
        ProgressStyle::with_template("{wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar
}

impl ActiveTask {
    fn new(name: &str, total: (Option<u64>, Option<u64>)) -> Self {
        let now = Instant::now();
        Self {
            name: name.to_owned(),
            started: now,
            last_shown: now,
            databases: Vec::new(),
            done: (0, 0, 0),
            total,
            bar: None,
        }
    }

    fn line(&self) -> String {
        let elapsed = self.started.elapsed().as_secs_f64().max(0.001);
        match self.total.1 {
            Some(total) => self.transfer_line(total, elapsed),
            None => self.scan_line(elapsed),
        }
    }

    /// `looking at NAS: 12 %, 120,000 of 1,000,000 files, 85,000 files/s, 1,300 folders`.
    fn scan_line(&self, elapsed: f64) -> String {
        let mut line = self.name.clone();
        if !self.databases.is_empty() {
            line = format!("{line} at {}", self.database_list());
        }
        let mut parts = Vec::new();
        if let Some(total) = self.total.0 {
            parts.push(format!("{} %", percent(self.done.0, total)));
        }
        let files = of_total(self.done.0, self.total.0, unit::format_count);
        parts.push(format!("{files} files"));
        let rate = unit::format_count(per_second(self.done.0, elapsed));
        parts.push(format!("{rate} files/s"));
        if self.done.1 > 0 {
            parts.push(unit::format_counted(self.done.1, "folder"));
        }
        format!("{line}: {}", parts.join(", "))
    }

    /// The first places by name, the others by number: one line must do.
    fn database_list(&self) -> String {
        match self.databases.as_slice() {
            [first, second, others @ ..] if others.len() > 1 => {
                format!("{first}, {second} and {} more", others.len())
            }
            few => few.join(", "),
        }
    }

    /// `copying: 40 %, 15 s left, 1.20 GB of 3.00 GB, 120 MB/s, 12 of 40 files`: what matters most stands first, for a narrow
    /// terminal cuts the end off.
    fn transfer_line(&self, total: u64, elapsed: f64) -> String {
        let (done, rate) = (self.done.2, per_second(self.done.2, elapsed));
        let mut parts = vec![format!("{} %", percent(done, total))];
        let left = total.saturating_sub(done).checked_div(rate);
        if let Some(seconds) = left {
            let left = unit::format_duration(Duration::from_secs(seconds));
            parts.push(format!("{left} left"));
        }
        parts.push(of_total(done, self.total.1, unit::format_bytes));
        if left.is_some() {
            parts.push(format!("{}/s", unit::format_bytes(rate)));
        }
        let files = of_total(self.done.0, self.total.0, unit::format_count);
        parts.push(format!("{files} files"));
        format!("{}: {}", self.name, parts.join(", "))
    }
}

/// How much of a total is done; more than was expected is all of it.
fn percent(done: u64, total: u64) -> u64 {
    let percent = done.saturating_mul(100).checked_div(total);
    percent.unwrap_or(100).min(100)
}

/// `12 of 40`, or `12` where the total is not known.
fn of_total(done: u64, total: Option<u64>, show: fn(u64) -> String) -> String {
    total.map_or_else(
        || show(done),
        |total| format!("{} of {}", show(done), show(total)),
    )
}

/// How many a second.
fn per_second(done: u64, seconds: f64) -> u64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people"
    )]
    let rate = (done as f64 / seconds) as u64;
    rate
}

impl Monitor for Progress {
    fn on_event(&self, event: &ProgressEvent<'_>) {
        match event {
            ProgressEvent::Started { task, files, bytes } => {
                *self.lock_task() = Some(ActiveTask::new(task.word(), (*files, *bytes)));
            }
            ProgressEvent::DatabaseStarted(place) => {
                self.update(|task| task.databases.push((*place).to_owned()));
            }
            ProgressEvent::DatabaseFinished(place) => {
                self.update(|task| task.databases.retain(|other| other != place));
            }
            ProgressEvent::Files(number) => self.update(|task| task.done.0 += number),
            ProgressEvent::Folders(number) => self.update(|task| task.done.1 += number),
            ProgressEvent::Bytes(number) => self.update(|task| task.done.2 += number),
            ProgressEvent::TotalsRaised { files, bytes } => self.update(|task| {
                let add = |total: &mut Option<u64>, more| {
                    *total = Some(total.unwrap_or(0).saturating_add(more));
                };
                add(&mut task.total.0, *files);
                add(&mut task.total.1, *bytes);
            }),
            ProgressEvent::Problem(error) => self.suspend_bar(|| self.messages.problem(error)),
            ProgressEvent::Notice(text) => self.suspend_bar(|| self.messages.notice(text)),
            ProgressEvent::Warning(text) => self.suspend_bar(|| self.messages.warning(text)),
            ProgressEvent::Finished => {
                if let Some(bar) = self.lock_task().take().and_then(|task| task.bar) {
                    bar.finish_and_clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_still_shows_how_far_it_is() {
        let mut task = ActiveTask::new("copying", (Some(1003), Some(5_500_000_000)));
        task.done = (12, 0, 1_540_000_000);
        let line = task.transfer_line(5_500_000_000, 10.0);
        assert_eq!(
            line,
            "copying: 28 %, 25 s left, 1.54 GB of 5.50 GB, 154 MB/s, 12 of 1,003 files"
        );
        let mut task = ActiveTask::new("looking", (Some(1_000_000), None));
        task.databases = vec!["NAS".to_owned()];
        task.done = (120_000, 1_300, 0);
        assert_eq!(
            task.scan_line(2.0),
            "looking at NAS: 12 %, 120,000 of 1,000,000 files, 60,000 files/s, 1,300 folders"
        );
    }
}
