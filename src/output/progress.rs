//! Progress on standard error: a bar on a terminal, a line every 30 seconds elsewhere.

use std::cell::RefCell;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::messages::Messages;
use crate::monitor::{Event, Monitor};
use crate::units;

/// Nothing is shown of work that is done sooner.
const SILENCE: Duration = Duration::from_millis(300);

/// How often a line is written where there is no terminal.
const INTERVAL: Duration = Duration::from_secs(30);

/// How often a bar is redrawn.
const REDRAW: Duration = Duration::from_millis(100);

/// Shows events.
#[derive(Debug)]
pub struct Progress {
    messages: Messages,
    bar: bool,
    task: RefCell<Option<Task>>,
}

/// The task under way.
#[derive(Debug)]
struct Task {
    name: String,
    start: Instant,
    shown: Instant,
    done: (u64, u64),
    total: (Option<u64>, Option<u64>),
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Progress beside these messages.
    #[must_use]
    pub fn new(messages: Messages) -> Self {
        let capable = std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        Self {
            messages,
            bar: io::stderr().is_terminal() && capable,
            task: RefCell::new(None),
        }
    }

    /// Shows the task under way, if it is time to.
    fn show(&self, task: &mut Task) {
        let now = Instant::now();
        let pause = if self.bar { REDRAW } else { INTERVAL };
        if self.messages.quiet() || now - task.start < SILENCE || now - task.shown < pause {
            return;
        }
        task.shown = now;
        let line = task.line();
        if self.bar {
            task.bar.get_or_insert_with(spinner).set_message(line);
        } else {
            self.messages.line(&line);
        }
    }

    /// Writes a message without tearing the bar.
    fn beside_bar(&self, write: impl FnOnce()) {
        match self
            .task
            .borrow()
            .as_ref()
            .and_then(|task| task.bar.as_ref())
        {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// One line at the bottom of the terminal.
fn spinner() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(
        ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar
}

impl Task {
    /// `copying: 12 of 40 files, 1.20 GB of 3.00 GB (40 %), 120 MB/s, 15 s left`.
    fn line(&self) -> String {
        let files = of(self.done.0, self.total.0, units::count);
        let elapsed = self.start.elapsed().as_secs_f64().max(0.001);
        let Some(total) = self.total.1 else {
            return format!(
                "{}: {files} files, {}/s",
                self.name,
                units::count(per(self.done.0, elapsed))
            );
        };
        let (done, rate) = (self.done.1, per(self.done.1, elapsed));
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
        let bytes = of(done, self.total.1, units::bytes);
        let mut line = format!("{}: {files} files, {bytes} ({percent} %)", self.name);
        if let Some(seconds) = total.saturating_sub(done).checked_div(rate) {
            let left = units::duration(Duration::from_secs(seconds));
            line = format!("{line}, {}/s, {left} left", units::bytes(rate));
        }
        line
    }
}

/// `12 of 40`, or `12` where the total is not known.
fn of(done: u64, total: Option<u64>, show: fn(u64) -> String) -> String {
    total.map_or_else(
        || show(done),
        |total| format!("{} of {}", show(done), show(total)),
    )
}

/// How many a second.
fn per(done: u64, seconds: f64) -> u64 {
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
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started { task, files, bytes } => {
                let now = Instant::now();
                let (name, total) = ((*task).to_owned(), (*files, *bytes));
                *self.task.borrow_mut() = Some(Task {
                    name,
                    start: now,
                    shown: now,
                    done: (0, 0),
                    total,
                    bar: None,
                });
            }
            Event::Files(number) | Event::Bytes(number) => {
                if let Some(task) = self.task.borrow_mut().as_mut() {
                    let sum = if matches!(event, Event::Files(_)) {
                        &mut task.done.0
                    } else {
                        &mut task.done.1
                    };
                    *sum += number;
                    self.show(task);
                }
            }
            Event::Problem(error) => self.beside_bar(|| self.messages.problem(error)),
            Event::Notice(text) => self.beside_bar(|| self.messages.notice(text)),
            Event::Finished => {
                if let Some(bar) = self.task.borrow_mut().take().and_then(|task| task.bar) {
                    bar.finish_and_clear();
                }
            }
        }
    }
}
