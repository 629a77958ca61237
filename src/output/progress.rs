//! Progress on standard error: a bar on a terminal, else (and for accessible output) a line every 30 seconds.

use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::active_task::{ActiveTask, Totals, percent};
use super::message::{Messages, write_line};
use crate::base::monitor::{Monitor, ProgressEvent};
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
    shown: Mutex<Option<ShownTask>>,
}

/// The current task as it is shown.
#[derive(Debug)]
struct ShownTask {
    task: ActiveTask,
    last_shown: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Returns a monitor that writes between these messages. Accessible output gets no bar: a screen reader would read it aloud
    /// on each redraw.
    pub fn new(messages: Messages, accessible: bool) -> Self {
        Self {
            messages,
            draws_bar: io::stderr().is_terminal() && terminal::can_move_cursor() && !accessible,
            shown: Mutex::new(None),
        }
    }

    /// Shows the current task if the interval has passed.
    fn show(&self, shown: &mut ShownTask) {
        let now = Instant::now();
        let pause = if self.draws_bar {
            REDRAW_INTERVAL
        } else {
            LINE_INTERVAL
        };
        if self.messages.is_quiet()
            || self.messages.is_json()
            || now - shown.task.started < INITIAL_DELAY
            || now - shown.last_shown < pause
        {
            return;
        }
        shown.last_shown = now;
        let room = terminal::stderr_width().filter(|_| self.draws_bar);
        let line = shown.task.line(room.map_or(usize::MAX, usize::from));
        if self.draws_bar {
            shown.bar.get_or_insert_with(spinner).set_message(line);
        } else {
            write_line(&line);
        }
    }

    /// Writes a message above the bar.
    fn suspend_bar(&self, write: impl FnOnce()) {
        let shown = self.lock_shown();
        match shown.as_ref().and_then(|shown| shown.bar.as_ref()) {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn lock_shown(&self) -> MutexGuard<'_, Option<ShownTask>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Updates the current task and shows it if the interval has passed.
    fn update(&self, change: impl FnOnce(&mut ActiveTask)) {
        if let Some(shown) = self.lock_shown().as_mut() {
            change(&mut shown.task);
            self.show(shown);
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

impl Monitor for Progress {
    fn on_event(&self, event: &ProgressEvent<'_>) {
        match event {
            ProgressEvent::Started { task, files, bytes } => {
                let total = Totals {
                    files: *files,
                    bytes: *bytes,
                };
                let task = ActiveTask::new(*task, total);
                *self.lock_shown() = Some(ShownTask {
                    last_shown: task.started,
                    task,
                    bar: None,
                });
            }
            ProgressEvent::DatabaseStarted(place) => {
                self.update(|task| task.databases.push((*place).to_owned()));
            }
            ProgressEvent::DatabaseFinished(place) => {
                self.update(|task| task.databases.retain(|other| other != place));
            }
            ProgressEvent::Files(number) => self.update(|task| task.done.files += number),
            ProgressEvent::CurrentFile(name) => {
                self.update(|task| task.current = Some((*name).to_owned()));
            }
            ProgressEvent::Folders(number) => self.update(|task| task.done.folders += number),
            ProgressEvent::Bytes(number) => self.update(|task| task.done.bytes += number),
            ProgressEvent::TotalsRaised { files, bytes } => self.update(|task| {
                let add = |total: &mut Option<u64>, more| {
                    *total = Some(total.unwrap_or(0).saturating_add(more));
                };
                add(&mut task.total.files, *files);
                add(&mut task.total.bytes, *bytes);
            }),
            ProgressEvent::Destination { name, bytes, total } => {
                self.update(|task| task.set_destination(name, percent(*bytes, *total)));
            }
            ProgressEvent::Problem(error) => self.suspend_bar(|| self.messages.problem(error)),
            ProgressEvent::Notice(text) => self.suspend_bar(|| self.messages.notice(text)),
            ProgressEvent::Warning(text) => self.suspend_bar(|| self.messages.warning(text)),
            ProgressEvent::Finished => {
                if let Some(bar) = self.lock_shown().take().and_then(|shown| shown.bar) {
                    bar.finish_and_clear();
                }
            }
        }
    }
}
