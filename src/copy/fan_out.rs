//! Runs the copies to all destinations, one thread each, and shows their common progress.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::destination::{CopyEvent, CopySpec, Destination, DestinationCopy};
use super::pipeline;
use super::report::Report;
use super::shared_source::{ReadFrom, SeatGuard, SharedSource};
use super::stall::StallTimers;
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressCounter, ProgressEvent, Task};
use crate::index::Index;
use crate::model::registry::Database;
use crate::os::disk::Disk;

/// Interval at which progress is shown.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Time after cancellation at which the user is shown the storages that are still writing.
const SLOW_STOP: Duration = Duration::from_millis(800);

/// The running copies to all destinations. Every copy is waited for: a started flush cannot be aborted, and before a copy
/// ends its counts are not final and its lock is not free.
pub(super) struct DestinationCopies {
    databases: Vec<Database>,
    reports: Vec<Arc<Mutex<Report>>>,
    states: Vec<CopyState>,
    /// By destination.
    meters: Vec<Arc<ProgressCounter>>,
    /// Bytes that each destination will get.
    planned_bytes: Vec<u64>,
    compare_meter: Arc<ProgressCounter>,
    /// Number of times that each byte is counted: 2 if copies are read back.
    passes: u64,
    /// Events, each with the number of its destination.
    events: Receiver<(usize, CopyEvent)>,
}

/// Progress that the display shows already.
#[derive(Debug, Default)]
struct ShownProgress {
    /// Files and bytes.
    done: (u64, u64),
    /// Files and bytes of all plans; `None` before the first one.
    planned: Option<(u64, u64)>,
}

/// Measures the time since cancellation.
#[derive(Debug, Default)]
struct StopTimer {
    requested: Option<Instant>,
    is_reported: bool,
}

impl StopTimer {
    /// True once, when cancellation has taken longer than [`SLOW_STOP`].
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

/// Returns the event that copying this number of files and bytes starts.
const fn copying_started((files, bytes): (u64, u64)) -> ProgressEvent<'static> {
    ProgressEvent::Started {
        task: Task::Copy,
        files: Some(files),
        bytes: Some(bytes),
    }
}

/// Lets all destinations on disks of this machine share one read of the source, if there are several. Remotes are sent to by
/// rclone, which reads by itself.
fn share_source(spec: &CopySpec, destinations: &[Destination]) -> Vec<Option<SeatGuard>> {
    let is_local = |to: &Destination| !to.database.is_remote();
    let local = destinations.iter().filter(|to| is_local(to));
    let source = spec.source.root_folder();
    let Some(root) = source.filter(|_| !spec.dry_run && local.clone().count() > 1) else {
        return destinations.iter().map(|_| None).collect();
    };
    let from = ReadFrom {
        root: Arc::clone(root),
        kind: spec.source_root,
        verify: spec.verify,
        threads: spec.source.database().access.read_threads(&Disk::of(root)),
    };
    let names = local.map(|to| to.database.name.clone());
    let shared = SharedSource::new(from, names);
    let mut seats = 0..;
    let seat = |to| {
        let seat = if is_local(to) { seats.next() } else { None };
        seat.map(|seat| SeatGuard::new(Arc::clone(&shared), seat))
    };
    destinations.iter().map(seat).collect()
}

/// State of the copy to one destination.
#[derive(Debug)]
enum CopyState {
    Running,
    Ended(Result<()>),
}

impl DestinationCopies {
    /// Starts a copy to each destination. One that cannot be started ends with its failure; the others continue.
    pub(super) fn start(
        index: &Index,
        spec: &Arc<CopySpec>,
        destinations: Vec<Destination>,
    ) -> Self {
        let (sender, events) = mpsc::channel();
        let databases = destinations.iter().map(|to| to.database.clone());
        let mut copies = Self {
            databases: databases.collect(),
            reports: Vec::new(),
            states: Vec::new(),
            meters: destinations.iter().map(|_| Arc::default()).collect(),
            planned_bytes: vec![0; destinations.len()],
            compare_meter: Arc::default(),
            passes: if spec.verify { 2 } else { 1 },
            events,
        };
        let mut seats = share_source(spec, &destinations);
        for (number, destination) in destinations.into_iter().enumerate() {
            copies.reports.push(Arc::default());
            let seat = seats[number].take();
            let work = (number, destination, seat);
            let started = copies.start_one(index, spec, work, sender.clone());
            copies.states.push(match started {
                Ok(()) => CopyState::Running,
                Err(error) => CopyState::Ended(Err(error)),
            });
        }
        copies
    }

    /// Starts the copy to one destination in a thread of its own.
    fn start_one(
        &self,
        index: &Index,
        spec: &Arc<CopySpec>,
        (number, destination, seat): (usize, Destination, Option<SeatGuard>),
        sender: Sender<(usize, CopyEvent)>,
    ) -> Result<()> {
        let report = Arc::clone(&self.reports[number]);
        let meters = [&self.meters[number], &self.compare_meter].map(Arc::clone);
        let spec = Arc::clone(spec);
        let Destination { database, opened } = destination;
        let index = index.try_clone()?;
        let work = move || {
            let on_event = |event| {
                ignore(
                    sender.send((number, event)),
                    "the receiver outlives every copy, except at exit",
                );
            };
            let copy = DestinationCopy {
                spec: &spec,
                database: &database,
                index,
                report: &report,
                meter: &meters[0],
                compare_meter: &meters[1],
                on_event: &on_event,
                seat,
                hashes: BTreeMap::new(),
            };
            let ended = pipeline::run(copy, opened);
            // Releases the source first, because the process may exit after the last copy has ended.
            drop(spec);
            on_event(CopyEvent::Ended(ended));
        };
        let root = &self.databases[number].root;
        let started = thread::Builder::new().spawn(work);
        started.at("start a thread for the copy to", root).map(drop)
    }

    /// Shows progress and requests confirmations until all copies have ended. A slow cancellation is reported once.
    pub(super) fn watch(&mut self, confirmation: Confirmation, monitor: &dyn Monitor) {
        let mut shown = ShownProgress::default();
        let mut stop = StopTimer::default();
        let mut stalls = StallTimers::new(self.databases.len(), Instant::now());
        while self.is_running().contains(&true) {
            match self.events.recv_timeout(POLL_INTERVAL) {
                Ok((number, event)) => {
                    self.handle(number, event, confirmation, monitor, &mut shown);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.show_progress(&mut shown, monitor);
            if stop.is_slow() {
                monitor.on_event(&ProgressEvent::Warning(&self.waiting_message()));
            }
            self.warn_of_stalls(&mut stalls, monitor);
        }
        monitor.on_event(&ProgressEvent::Finished);
    }

    fn handle(
        &mut self,
        number: usize,
        event: CopyEvent,
        confirmation: Confirmation,
        monitor: &dyn Monitor,
        shown: &mut ShownProgress,
    ) {
        match event {
            CopyEvent::Comparing { files, bytes } => {
                monitor.on_event(&ProgressEvent::TotalsRaised { files, bytes });
            }
            CopyEvent::Planned { files, bytes } => {
                if shown.planned.is_none() {
                    monitor.on_event(&ProgressEvent::Finished);
                    monitor.on_event(&copying_started((0, 0)));
                }
                let before = shown.planned.unwrap_or((0, 0));
                shown.planned = Some((before.0 + files, before.1 + bytes));
                self.planned_bytes[number] += bytes;
                monitor.on_event(&ProgressEvent::TotalsRaised { files, bytes });
            }
            CopyEvent::Confirm { question, answer } => {
                // The question replaces the progress display.
                monitor.on_event(&ProgressEvent::Finished);
                let sent = answer.send(confirmation.require(&question));
                ignore(sent, "a copy that has ended needs no answer");
                if let Some(planned) = shown.planned {
                    monitor.on_event(&copying_started(planned));
                    shown.done = (0, 0);
                }
            }
            CopyEvent::Notice(text) => monitor.on_event(&ProgressEvent::Notice(&text)),
            CopyEvent::Problem(error) => monitor.on_event(&ProgressEvent::Problem(&error)),
            CopyEvent::Ended(result) => self.states[number] = CopyState::Ended(result),
        }
    }

    /// Shows what was done since the last call, and how far each of several destinations is.
    fn show_progress(&self, shown: &mut ShownProgress, monitor: &dyn Monitor) {
        let totals: Vec<(u64, u64)> = self.meters.iter().map(|meter| meter.totals()).collect();
        let files = totals.iter().map(|(files, _)| files).sum();
        let bytes: u64 = totals.iter().map(|(_, bytes)| bytes / self.passes).sum();
        let done = (files, bytes + self.compare_meter.totals().1);
        for meter in &self.meters {
            if let Some(name) = meter.take_current() {
                monitor.on_event(&ProgressEvent::CurrentFile(&name));
            }
        }
        let parts = self.databases.iter().zip(&totals).zip(&self.planned_bytes);
        for ((database, (_, bytes)), planned) in parts {
            if shown.planned.is_some() && self.databases.len() > 1 && *planned > 0 {
                monitor.on_event(&ProgressEvent::Destination {
                    name: &database.name,
                    bytes: bytes / self.passes,
                    total: *planned,
                });
            }
        }
        monitor.on_event(&ProgressEvent::Files(done.0 - shown.done.0));
        monitor.on_event(&ProgressEvent::Bytes(done.1 - shown.done.1));
        shown.done = done;
    }

    /// By destination, true while its copy runs.
    fn is_running(&self) -> Vec<bool> {
        let states = self.states.iter();
        states
            .map(|state| matches!(state, CopyState::Running))
            .collect()
    }

    /// Warns of destinations that show no progress while others are complete.
    fn warn_of_stalls(&self, stalls: &mut StallTimers, monitor: &dyn Monitor) {
        let done: Vec<(u64, u64)> = self.meters.iter().map(|meter| meter.totals()).collect();
        for number in stalls.find(Instant::now(), &done, &self.is_running()) {
            let name = &self.databases[number].name;
            monitor.on_event(&ProgressEvent::Warning(&format!(
                "`{name}` has shown no progress for a minute, and other storages are complete; Ctrl-C ends the wait for it"
            )));
        }
    }

    /// Returns the message about the storages that still write after cancellation.
    fn waiting_message(&self) -> String {
        let copies = self.databases.iter().zip(&self.states);
        let running = copies.filter(|(_, state)| matches!(state, CopyState::Running));
        let names: Vec<_> = running
            .map(|(database, _)| format!("`{}`", database.name))
            .collect();
        let again = if interrupt::was_terminated() {
            "a second signal"
        } else {
            "Ctrl-C again"
        };
        format!(
            "stopping: waiting for {} to finish writes that cannot be aborted; {again} exits at once, without a report",
            names.join(" and ")
        )
    }

    /// Adds the reports of all copies.
    ///
    /// # Errors
    /// The first failure, if no copy could be started.
    pub(super) fn finish(self, report: &mut Report) -> Result<()> {
        let mut has_started = false;
        let mut first = None;
        let parts = self
            .databases
            .into_iter()
            .zip(self.reports)
            .zip(self.states);
        for ((database, part), state) in parts {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            has_started |= part.planned_files > 0;
            let failure = match state {
                CopyState::Ended(Ok(())) => {
                    has_started = true;
                    None
                }
                CopyState::Ended(Err(error)) => Some(error),
                CopyState::Running => Some(Error::Io {
                    action: "copy to",
                    path: database.root.clone(),
                    source: io::Error::other("the copy ended unexpectedly; copy again"),
                }),
            };
            report.add_destination(&database, std::mem::take(&mut part), failure.as_ref());
            first = first.or(failure);
        }
        match first {
            Some(error) if !has_started => Err(error),
            _ => Ok(()),
        }
    }
}
