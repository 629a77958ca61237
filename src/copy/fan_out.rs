//! The lanes of a copy: one thread for each destination, what they count, and how they end.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::destination::{CopyEvent, CopySpec, DestinationCopy};
use super::outcome::Outcome;
use super::report::Report;
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressCounter, ProgressEvent, Task};
use crate::index::Index;
use crate::model::registry::Database;

/// How often what the lanes count is shown.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Time after a stop from which on the user is told which storages are still waited for.
const SLOW_STOP: Duration = Duration::from_millis(800);

/// The lanes of a copy while they are under way. Each is waited for: a flush that was begun cannot be abandoned, and
/// before the lane ends neither its counts are final nor its lock is free.
pub(super) struct DestinationCopies {
    databases: Vec<Database>,
    reports: Vec<Arc<Mutex<Report>>>,
    states: Vec<CopyState>,
    meter: Arc<ProgressCounter>,
    compare_meter: Arc<ProgressCounter>,
    /// How often every byte is counted.
    passes: u64,
    events: Receiver<CopyEvent>,
}

/// Measures how long a stop takes.
#[derive(Debug, Default)]
struct StopTimer {
    requested: Option<Instant>,
    is_reported: bool,
}

impl StopTimer {
    /// Whether a stop has taken longer than [`SLOW_STOP`]; true once.
    fn is_slow(&mut self) -> bool {
        if !interrupt::is_requested() {
            return false;
        }
        let since = self.requested.get_or_insert_with(Instant::now);
        let is_slow = !self.is_reported && since.elapsed() > SLOW_STOP;
        self.is_reported |= is_slow;
        is_slow
    }
}

/// Copying so many files and bytes begins.
const fn copying_started((files, bytes): (u64, u64)) -> ProgressEvent<'static> {
    ProgressEvent::Started {
        task: Task::Copy,
        files: Some(files),
        bytes: Some(bytes),
    }
}

/// State of a lane.
#[derive(Debug)]
enum CopyState {
    /// It is under way.
    Running,
    /// It ended.
    Ended(Result<()>),
}

impl DestinationCopies {
    /// Begins a lane for each destination. One that cannot be begun has ended with its failure; the others go on.
    pub(super) fn start(index: &Index, spec: &Arc<CopySpec>, destinations: &[&Database]) -> Self {
        let (sender, news) = mpsc::channel();
        let mut copies = Self {
            databases: destinations.iter().map(|to| (*to).clone()).collect(),
            reports: Vec::new(),
            states: Vec::new(),
            meter: Arc::default(),
            compare_meter: Arc::default(),
            passes: if spec.verify { 2 } else { 1 },
            events: news,
        };
        for place in 0..destinations.len() {
            copies.reports.push(Arc::default());
            let begun = copies.start_one(index, spec, place, sender.clone());
            copies.states.push(match begun {
                Ok(()) => CopyState::Running,
                Err(error) => CopyState::Ended(Err(error)),
            });
        }
        copies
    }

    /// Begins the lane of one destination in a thread of its own.
    fn start_one(
        &self,
        index: &Index,
        spec: &Arc<CopySpec>,
        place: usize,
        sender: Sender<CopyEvent>,
    ) -> Result<()> {
        let report = Arc::clone(&self.reports[place]);
        let meters = [&self.meter, &self.compare_meter].map(Arc::clone);
        let spec = Arc::clone(spec);
        let (index, database) = (index.try_clone()?, self.databases[place].clone());
        let work = move || {
            // The receiver is gone only where the process ends.
            let tell = |news| sender.send(news).unwrap_or_default();
            let copy = DestinationCopy {
                spec: &spec,
                database: &database,
                index,
                report: &report,
                meter: &meters[0],
                compare_meter: &meters[1],
                on_event: &tell,
            };
            let ended = copy.run();
            // What was asked of the source ends here: once the last lane is heard of, this process may end too.
            drop(spec);
            tell(CopyEvent::Ended(place, ended));
        };
        let root = &self.databases[place].root;
        let begun = thread::Builder::new().spawn(work);
        begun.at("begin a thread for the copy to", root).map(drop)
    }

    /// Shows what the lanes do, and asks for them, until all have ended. After a stop it says once which it waits for.
    pub(super) fn watch(&mut self, confirmation: Confirmation, monitor: &dyn Monitor) {
        let (mut shown, mut planned) = ((0, 0), None);
        let mut stop = StopTimer::default();
        while self
            .states
            .iter()
            .any(|end| matches!(end, CopyState::Running))
        {
            match self.events.recv_timeout(POLL_INTERVAL) {
                Ok(CopyEvent::Comparing { files, bytes }) => {
                    monitor.on_event(&ProgressEvent::TotalsRaised { files, bytes });
                }
                Ok(CopyEvent::Planned { files, bytes }) => {
                    if planned.is_none() {
                        monitor.on_event(&ProgressEvent::Finished);
                        monitor.on_event(&copying_started((0, 0)));
                    }
                    let before = planned.unwrap_or((0, 0));
                    planned = Some((before.0 + files, before.1 + bytes));
                    monitor.on_event(&ProgressEvent::TotalsRaised { files, bytes });
                }
                Ok(CopyEvent::Confirm { question, answer }) => {
                    // What is shown of the work gives way to the question.
                    monitor.on_event(&ProgressEvent::Finished);
                    // A lane that has ended waits for no answer.
                    answer
                        .send(confirmation.require(&question))
                        .unwrap_or_default();
                    if let Some(planned) = planned {
                        monitor.on_event(&copying_started(planned));
                        shown = (0, 0);
                    }
                }
                Ok(CopyEvent::Notice(text)) => monitor.on_event(&ProgressEvent::Notice(&text)),
                Ok(CopyEvent::Problem(error)) => monitor.on_event(&ProgressEvent::Problem(&error)),
                Ok(CopyEvent::Ended(place, how)) => self.states[place] = CopyState::Ended(how),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let (files, bytes) = self.meter.totals();
            let done = (files, bytes / self.passes + self.compare_meter.totals().1);
            monitor.on_event(&ProgressEvent::Files(done.0 - shown.0));
            monitor.on_event(&ProgressEvent::Bytes(done.1 - shown.1));
            shown = done;
            if stop.is_slow() {
                monitor.on_event(&ProgressEvent::Warning(&self.waiting_message()));
            }
        }
    }

    /// The message about storages that still write after a stop.
    fn waiting_message(&self) -> String {
        let open = self.databases.iter().zip(&self.states);
        let open = open.filter(|(_, end)| matches!(end, CopyState::Running));
        let names: Vec<_> = open
            .map(|(database, _)| format!("`{}`", database.name))
            .collect();
        let again = if interrupt::was_terminated() {
            "a second signal"
        } else {
            "Ctrl-C again"
        };
        format!(
            "stopping: waiting for {} to finish what is under way there, which cannot be abandoned; {again} leaves at \
             once, without a report",
            names.join(" and ")
        )
    }

    /// Puts together what the lanes came to.
    ///
    /// # Errors
    /// The first failure, if nothing could be begun anywhere.
    pub(super) fn finish(self, report: &mut Report) -> Result<()> {
        let mut began = false;
        let mut first = None;
        let parts = self
            .databases
            .into_iter()
            .zip(self.reports)
            .zip(self.states);
        for ((database, part), end) in parts {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            began |= part.planned_files > 0;
            report.append(std::mem::take(&mut part));
            let root: PathBuf = database.root;
            let failure = match end {
                CopyState::Ended(Ok(())) => {
                    began = true;
                    continue;
                }
                CopyState::Ended(Err(error)) => error,
                CopyState::Running => {
                    let why = io::Error::other("it ended early; copy again");
                    Error::Io {
                        action: "copy to",
                        path: root.clone(),
                        source: why,
                    }
                }
            };
            let outcome = match &failure {
                Error::Interrupted => Outcome::Unreached,
                Error::Declined => Outcome::Skipped("you said no".to_owned()),
                error => Outcome::Failed(error.full_message()),
            };
            report.add(outcome, || root);
            first.get_or_insert(failure);
        }
        match first {
            Some(error) if !began => Err(error),
            _ => Ok(()),
        }
    }
}
