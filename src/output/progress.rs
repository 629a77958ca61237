//! Progress on standard error: a bar on a terminal, else (and for accessible output) a line every 30 seconds.

use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::message::{Messages, write_line};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::unit;
use crate::os::terminal;

/// Shorter tasks show no progress.
const INITIAL_DELAY: Duration = Duration::from_millis(300);

/// Interval of lines without a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(30);

/// Interval of redraws of the bar.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

/// Monitor that shows progress events.
#[derive(Debug)]
pub struct Progress {
    messages: Messages,
    draws_bar: bool,
    task: Mutex<Option<ActiveTask>>,
}

/// Completed work.
#[derive(Debug, Default)]
struct Counts {
    files: u64,
    folders: u64,
    bytes: u64,
}

/// Expected work, as far as it is known.
#[derive(Debug, Default)]
struct Totals {
    files: Option<u64>,
    bytes: Option<u64>,
}

/// The current task.
#[derive(Debug)]
struct ActiveTask {
    name: String,
    started: Instant,
    last_shown: Instant,
    /// Names of the databases that are being processed.
    databases: Vec<String>,
    done: Counts,
    total: Totals,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Returns a monitor that writes between these messages. Accessible output gets no bar: a screen reader would read it aloud
    /// on each redraw.
    pub fn new(messages: Messages, accessible: bool) -> Self {
        Self {
            messages,
            draws_bar: io::stderr().is_terminal() && terminal::can_move_cursor() && !accessible,
            task: Mutex::new(None),
        }
    }

    /// Shows the current task if the interval has passed.
    fn show(&self, task: &mut ActiveTask) {
        let now = Instant::now();
        let pause = if self.draws_bar {
            REDRAW_INTERVAL
        } else {
            LINE_INTERVAL
        };
        if self.messages.is_quiet()
            || self.messages.is_json()
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

    /// Writes a message above the bar.
    fn suspend_bar(&self, write: impl FnOnce()) {
        match self.lock_task().as_ref().and_then(|task| task.bar.as_ref()) {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn lock_task(&self) -> MutexGuard<'_, Option<ActiveTask>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Updates the current task and shows it if the interval has passed.
    fn update(&self, change: impl FnOnce(&mut ActiveTask)) {
        if let Some(task) = self.lock_task().as_mut() {
            change(task);
            self.show(task);
        }
    }
}

/// Returns a bar of one line at the bottom of the terminal.
fn spinner() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(
        ProgressStyle::with_template("{wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar
}

impl ActiveTask {
    fn new(name: &str, total: Totals) -> Self {
        let now = Instant::now();
        Self {
            name: name.to_owned(),
            started: now,
            last_shown: now,
            databases: Vec::new(),
            done: Counts::default(),
            total,
            bar: None,
        }
    }

    fn line(&self) -> String {
        let elapsed = self.started.elapsed().as_secs_f64().max(0.001);
        match self.total.bytes {
            Some(total) => self.transfer_line(total, elapsed),
            None => self.scan_line(elapsed),
        }
    }

    /// `scanning NAS: 12 %, 120,000 of 1,000,000 files, 85,000 files/s, 1,300 folders`.
    fn scan_line(&self, elapsed: f64) -> String {
        let mut line = self.name.clone();
        if !self.databases.is_empty() {
            line = format!("{line} {}", self.database_list());
        }
        let mut parts = Vec::new();
        if let Some(total) = self.total.files {
            parts.push(format!("{} %", percent(self.done.files, total)));
        }
        let files = of_total(self.done.files, self.total.files, unit::format_count);
        parts.push(format!("{files} files"));
        let rate = unit::format_count(per_second(self.done.files, elapsed));
        parts.push(format!("{rate} files/s"));
        if self.done.folders > 0 {
            parts.push(unit::format_counted(self.done.folders, "folder"));
        }
        format!("{line}: {}", parts.join(", "))
    }

    /// Returns the names of at most three databases; of more, two names and the number of the others.
    fn database_list(&self) -> String {
        match self.databases.as_slice() {
            [first, second, others @ ..] if others.len() > 1 => {
                format!("{first}, {second} and {} more", others.len())
            }
            few => few.join(", "),
        }
    }

    /// `copying: 40 %, 15 s left, 1.20 GB of 3.00 GB, 120 MB/s, 12 of 40 files`. The most important values come first: a narrow
    /// terminal cuts off the end.
    fn transfer_line(&self, total: u64, elapsed: f64) -> String {
        let done = self.done.bytes;
        let rate = per_second(done, elapsed);
        let mut parts = vec![format!("{} %", percent(done, total))];
        let left = total.saturating_sub(done).checked_div(rate);
        if let Some(seconds) = left {
            let left = unit::format_duration(Duration::from_secs(seconds));
            parts.push(format!("{left} left"));
        }
        parts.push(of_total(done, self.total.bytes, unit::format_bytes));
        if left.is_some() {
            parts.push(format!("{}/s", unit::format_bytes(rate)));
        }
        let files = of_total(self.done.files, self.total.files, unit::format_count);
        parts.push(format!("{files} files"));
        format!("{}: {}", self.name, parts.join(", "))
    }
}

/// Returns the completed percentage, at most 100 even if more was done than expected.
fn percent(done: u64, total: u64) -> u64 {
    let percent = done.saturating_mul(100).checked_div(total);
    percent.unwrap_or(100).min(100)
}

/// `12 of 40`, or `12` if the total is unknown.
fn of_total(done: u64, total: Option<u64>, show: fn(u64) -> String) -> String {
    total.map_or_else(
        || show(done),
        |total| format!("{} of {}", show(done), show(total)),
    )
}

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
                *self.lock_task() = Some(ActiveTask::new(
                    task.word(),
                    Totals {
                        files: *files,
                        bytes: *bytes,
                    },
                ));
            }
            ProgressEvent::DatabaseStarted(place) => {
                self.update(|task| task.databases.push((*place).to_owned()));
            }
            ProgressEvent::DatabaseFinished(place) => {
                self.update(|task| task.databases.retain(|other| other != place));
            }
            ProgressEvent::Files(number) => self.update(|task| task.done.files += number),
            ProgressEvent::Folders(number) => self.update(|task| task.done.folders += number),
            ProgressEvent::Bytes(number) => self.update(|task| task.done.bytes += number),
            ProgressEvent::TotalsRaised { files, bytes } => self.update(|task| {
                let add = |total: &mut Option<u64>, more| {
                    *total = Some(total.unwrap_or(0).saturating_add(more));
                };
                add(&mut task.total.files, *files);
                add(&mut task.total.bytes, *bytes);
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
    fn narrow_terminal_shows_percentage() {
        let mut task = ActiveTask::new(
            "copying",
            Totals {
                files: Some(1003),
                bytes: Some(5_500_000_000),
            },
        );
        task.done = Counts {
            files: 12,
            folders: 0,
            bytes: 1_540_000_000,
        };
        let line = task.transfer_line(5_500_000_000, 10.0);
        assert_eq!(
            line,
            "copying: 28 %, 25 s left, 1.54 GB of 5.50 GB, 154 MB/s, 12 of 1,003 files"
        );
        let mut task = ActiveTask::new(
            "scanning",
            Totals {
                files: Some(1_000_000),
                bytes: None,
            },
        );
        task.databases = vec!["NAS".to_owned()];
        task.done = Counts {
            files: 120_000,
            folders: 1_300,
            bytes: 0,
        };
        assert_eq!(
            task.scan_line(2.0),
            "scanning NAS: 12 %, 120,000 of 1,000,000 files, 60,000 files/s, 1,300 folders"
        );
    }
}
