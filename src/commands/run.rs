//! The execution of a run: number, state, log and items in the history. A dry run is not recorded.

use std::path::PathBuf;
use std::time::Instant;

use super::catalog_pace::WriteRefusal;
use super::catalog_session::exchange_after_run;
use super::publication::{ChangesBefore, count_changes, publish_changed};
use super::workspace::Workspace;
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, Result};
use crate::base::lease::LeaseSource;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::Timestamp;
use crate::catalog::CatalogAddress;
use crate::copy::report::Report;
use crate::index::overview;
use crate::index::run_log;
use crate::index::run_log::RunLogEntry;
use crate::index::{Index, RunEnd, RunId, RunItem, RunStart, RunState};
use crate::model::path;
use crate::model::registry::Registry;

/// The options of a line and of its session that every run has.
pub(super) struct RunOptions {
    /// Shows what would be done, and does nothing.
    pub(super) dry_run: bool,
    pub(super) confirmation: Confirmation,
    /// Publishes the index of each storage of which the run learned more.
    publish: bool,
    /// The catalog that the run tells what it learned.
    catalog: Option<RunCatalog>,
    /// The folder of the run log; `None` without a home folder.
    log_folder: Option<PathBuf>,
}

/// The catalog of a run.
struct RunCatalog {
    address: CatalogAddress,
    refusal: WriteRefusal,
    /// Until then it is not asked again: a notice has said that it is away, and that what is learned waits.
    pause_end: Option<Instant>,
}

impl RunOptions {
    /// Combines the options of a line, `--dry-run` and `--yes`, with those of its session.
    pub(super) fn of(workspace: &Workspace, dry_run: bool, yes: bool) -> Self {
        Self {
            dry_run: dry_run || workspace.dry_run,
            confirmation: workspace.confirmation.or_granted(yes),
            publish: workspace.settings.publish,
            catalog: workspace
                .settings
                .catalog
                .clone()
                .map(|address| RunCatalog {
                    refusal: workspace.catalog_pace.refusal().clone(),
                    pause_end: workspace.catalog_pace.pause_end(&address),
                    address,
                }),
            log_folder: path::state_folder(),
        }
    }
}

/// Parses the number of a run.
pub(super) fn parse_run_number(word: &str) -> std::result::Result<RunId, &'static str> {
    word.parse()
        .map(RunId)
        .map_err(|_| "a run is a number; `history` lists them")
}

/// The results of a run, as the history stores them.
pub(super) trait RunReport {
    fn end(&self) -> RunEnd;

    /// Returns the items that were not simply done.
    fn items(&self) -> Vec<RunItem<'_>>;

    /// False for a run that did nothing that the history should show.
    fn is_recorded(&self) -> bool {
        true
    }
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct FinishedRun<R> {
    /// `None` for a run that is not recorded.
    pub(super) run: Option<RunId>,
    pub(super) state: RunState,
    pub(super) report: R,
}

/// Returns a run without a number.
pub(super) fn unrecorded<R: RunReport>(report: R) -> FinishedRun<R> {
    FinishedRun {
        run: None,
        state: report.end().state,
        report,
    }
}

/// Executes `work` as a run, and brings the shortfalls of the replicas up to date. A run that did nothing leaves no trace in
/// the history.
///
/// # Errors
/// The error of `work`, after it was recorded; the run could not be recorded before it began.
pub(super) fn execute<R: RunReport>(
    (index, registry): (&mut Index, &Registry),
    start: &RunStart<'_>,
    options: &RunOptions,
    monitor: &dyn Monitor,
    work: impl FnOnce(&mut Index, RunId) -> Result<R>,
) -> Result<FinishedRun<R>> {
    if options.dry_run {
        return work(index, RunId::DRY_RUN).map(unrecorded);
    }
    let started = Timestamp::now();
    let changes_before = if options.publish {
        Some(count_changes(index, registry)?)
    } else {
        None
    };
    let run = index.begin_run(start)?;
    let result = match with_leases(registry, start.command, monitor, || work(index, run)) {
        Ok(report) if !report.is_recorded() => {
            if let Err(error) = index.discard_run(run) {
                monitor.on_event(&ProgressEvent::Problem(&error));
            }
            return Ok(unrecorded(report));
        }
        result => result,
    };
    let mut end = result.as_ref().map_or_else(failed_end, R::end);
    let entry = RunLogEntry {
        run,
        start,
        started,
        end: &end,
        error: result.as_ref().err(),
    };
    let items = result.as_ref().map(R::items).unwrap_or_default();
    let is_logged = run_log::append(
        options.log_folder.as_deref(),
        &entry,
        items.iter().copied(),
        monitor,
    );
    let items_recorded = index.add_run_items(run, items);
    if items_recorded.is_err() || !is_logged {
        end.state = end.state.downgraded();
    }
    let recorded = items_recorded.and(index.end_run(run, &end));
    overview::refresh(index, registry);
    let report = result?;
    // The work is done, whatever becomes of its results elsewhere.
    if !share((index, registry), changes_before.as_ref(), options, monitor) {
        end.state = end.state.downgraded();
    }
    // The work is done even if the index could not record it.
    if let Err(error) = &recorded {
        monitor.on_event(&ProgressEvent::Problem(error));
        end.state = end.state.downgraded();
    }
    Ok(FinishedRun {
        run: Some(run),
        state: end.state,
        report,
    })
}

/// Works with the leases of the storages that it writes, if the workstations share them, and gives them back whatever happens.
fn with_leases<R>(
    registry: &Registry,
    command: &str,
    monitor: &dyn Monitor,
    work: impl FnOnce() -> Result<R>,
) -> Result<R> {
    // A scan changes nothing that another workstation could be writing.
    let source = registry.access().leases.0.as_ref();
    let Some(source) = source.filter(|_| command != "load") else {
        return work();
    };
    let end = EndOfLeases(source.as_ref(), monitor);
    if let Some(notice) = source.begin(command)? {
        monitor.on_event(&ProgressEvent::Notice(&notice));
    }
    let result = work();
    drop(end);
    result
}

/// Gives the leases of a run back when it is dropped, also by a panic.
struct EndOfLeases<'a>(&'a dyn LeaseSource, &'a dyn Monitor);

impl Drop for EndOfLeases<'_> {
    fn drop(&mut self) {
        for notice in self.0.end() {
            self.1.on_event(&ProgressEvent::Notice(&notice));
        }
    }
}

/// Publishes what a run learned, and exchanges it with the catalog. Returns false, after a message, if a storage could not be
/// written. A catalog that is away is no failure: what it lacks waits.
fn share(
    (index, registry): (&mut Index, &Registry),
    changes_before: Option<&ChangesBefore>,
    options: &RunOptions,
    monitor: &dyn Monitor,
) -> bool {
    let published = match changes_before {
        Some(before) => publish_changed((index, registry), before, monitor),
        None => Ok(true),
    };
    let catalog = options.catalog.as_ref();
    let catalog = catalog.filter(|one| one.pause_end.is_none_or(|end| Instant::now() >= end));
    let exchanged = match catalog {
        Some(RunCatalog {
            address, refusal, ..
        }) => exchange_after_run((index, registry), (address, refusal), monitor),
        None => Ok(()),
    };
    let failures = [published.as_ref().err(), exchanged.as_ref().err()];
    for error in failures.into_iter().flatten() {
        monitor.on_event(&ProgressEvent::Problem(error));
    }
    exchanged.is_ok() && published.unwrap_or(false)
}

/// Returns the end of a run that did nothing because of an error.
const fn failed_end(error: &Error) -> RunEnd {
    let state = match error {
        Error::Interrupted => RunState::Interrupted,
        Error::Offline { .. } | Error::StorageUnreachable { .. } => RunState::Unreachable,
        _ => RunState::Refused,
    };
    RunEnd {
        state,
        files: 0,
        bytes: 0,
        failed: 0,
        conflicts: 0,
        refused: 0,
    }
}

impl RunReport for Report {
    fn end(&self) -> RunEnd {
        RunEnd {
            state: self.state(),
            files: self.copied_files + self.moved_files,
            bytes: self.copied_bytes,
            failed: self.failed_files + self.failed_storages,
            conflicts: self.conflict_files,
            refused: self.refused_files,
        }
    }

    fn items(&self) -> Vec<RunItem<'_>> {
        self.run_items().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;
    use std::path::Path;

    use super::*;
    use crate::base::error::IoResultExt as _;
    use crate::base::fixture::RecordedMessages;
    use crate::copy::outcome::Outcome;
    use crate::index::OutcomeKind;

    /// A session with an index and a folder for the log.
    struct Session {
        index: Index,
        folder: tempfile::TempDir,
        messages: RecordedMessages,
    }

    const START: RunStart<'static> = RunStart {
        command: "copy",
        subject: "acme/spot footage",
        source: Some("WORK"),
        destination: Some("NAS"),
    };

    impl Session {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self {
                index: Index::open(&folder.path().join("index")).unwrap().index,
                folder,
                messages: RecordedMessages::default(),
            }
        }

        fn run(
            &mut self,
            dry_run: bool,
            work: impl FnOnce(&mut Index, RunId) -> Result<Report>,
        ) -> Result<FinishedRun<Report>> {
            let options = RunOptions {
                publish: false,
                catalog: None,
                dry_run,
                confirmation: Confirmation::NonInteractive,
                log_folder: Some(self.folder.path().join("log")),
            };
            let registry = Registry::default();
            execute(
                (&mut self.index, &registry),
                &START,
                &options,
                &self.messages,
                work,
            )
        }

        fn state(&self, run: i64) -> RunState {
            self.index.run(RunId(run)).unwrap().state
        }

        fn log(&self) -> String {
            let folder = fs::read_dir(self.folder.path().join("log")).unwrap();
            let files = folder.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
            files.collect()
        }
    }

    fn failed_report() -> Report {
        let mut report = Report::default();
        report.add(Outcome::Failed("no space".to_owned()), || "/nas/a".into());
        report
    }

    #[test]
    fn run_is_recorded_with_its_items() {
        let mut session = Session::new();
        let finished = session.run(false, |_, _| Ok(failed_report())).unwrap();
        assert_eq!(
            (finished.run, finished.state),
            (Some(RunId(1)), RunState::Partial)
        );
        assert_eq!(session.state(1), RunState::Partial);
        let mut items = Vec::new();
        let visited = session.index.visit_run_items(RunId(1), &mut |item| {
            items.push((item.path.to_owned(), item.outcome));
            Ok(true)
        });
        visited.unwrap();
        assert_eq!(items, [(PathBuf::from("/nas/a"), OutcomeKind::Failed)]);
        assert!(session.log().contains("failed /nas/a: no space"));
    }

    #[test]
    fn dry_run_is_not_recorded() {
        let mut session = Session::new();
        let finished = session.run(true, |_, run| {
            assert_eq!(run, RunId::DRY_RUN);
            Ok(failed_report())
        });
        let finished = finished.unwrap();
        assert_eq!((finished.run, finished.state), (None, RunState::Partial));
        assert!(session.index.run(RunId(1)).is_err());
        assert!(!session.folder.path().join("log").exists());
    }

    #[test]
    fn failed_work_is_recorded_and_returned() {
        let mut session = Session::new();
        let failures: [(Error, RunState); 2] = [
            (Error::Interrupted, RunState::Interrupted),
            (
                Err::<(), _>(io::Error::other("broken"))
                    .at("read", "x")
                    .unwrap_err(),
                RunState::Refused,
            ),
        ];
        for (number, (error, state)) in (1..).zip(failures) {
            let message = error.full_message();
            let returned = session.run(false, |_, _| Err(error)).unwrap_err();
            assert_eq!(returned.full_message(), message);
            assert_eq!(session.state(number), state);
            assert!(session.log().contains(&message));
        }
    }

    #[test]
    fn run_without_its_log_is_not_complete() {
        let mut session = Session::new();
        // A file in place of the folder.
        fs::write(session.folder.path().join("log"), "").unwrap();
        let finished = session.run(false, |_, _| Ok(Report::default())).unwrap();
        assert_eq!(finished.state, RunState::Partial);
        assert_eq!(session.state(1), RunState::Partial);
        let log = session.folder.path().join("log");
        assert!(session.messages.text().contains(log.to_str().unwrap()));
        assert!(Path::new(&log).is_file());
    }
}
