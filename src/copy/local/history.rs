//! The ASC MHL histories of what was copied: one generation `transfer` for each history, appended when the copy is complete.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::error::Error;
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::copy::destination::{DestinationCopy, SourceReplica, find_replica};
use crate::copy::plan::Plan;
use crate::copy::record::copied_paths;
use crate::copy::source_root::SourceRoot;
use crate::mhl::hash_list::Process;
use crate::model::registry::Category;
use crate::seal::report::{SealFindingKind, SealReport};
use crate::seal::request::{CopiedFiles, SealRequest, SealScope};
use crate::seal::seal;
use crate::storage::LocalStorage;

/// Shows nothing: the progress of a copy is that of its files.
struct SilentMonitor;

impl Monitor for SilentMonitor {
    fn on_event(&self, _: &ProgressEvent<'_>) {}
}

/// Appends a generation to the histories of the copied replicas whose categories keep some. A run that is stopped writes
/// none; the next one writes it for the files of both. The caller holds the lock.
pub(super) fn seal_copied(
    copy: &mut DestinationCopy<'_>,
    storage: &LocalStorage,
    plans: &[&Plan],
    unfinished: &BTreeSet<PathBuf>,
    started: Timestamp,
) {
    let mut total = SealReport::default();
    for plan in plans {
        let Some(replica) = find_replica(&copy.spec.replicas, plan) else {
            continue;
        };
        let category = &replica.category;
        if category.attributes.history_format().is_none()
            || !has_news(copy, storage, (plan, replica), unfinished)
        {
            continue;
        }
        let path = copy.path(&plan.replica, Path::new(""));
        if interrupt::is_requested() || storage.root.write_guard().is_lost() {
            copy.report_problem(Error::HistoryNotWritten { path });
            continue;
        }
        let was_killed = unfinished.contains(&plan.replica);
        match seal_replica(copy, storage, category, (plan, was_killed), started) {
            Ok(mut sealed) => {
                for error in std::mem::take(&mut sealed.unwritten) {
                    copy.report_problem(error);
                }
                report_findings(copy, &sealed);
                total.merge(sealed);
            }
            Err(Error::Interrupted) => copy.report_problem(Error::HistoryNotWritten { path }),
            Err(error) => copy.report_problem(error),
        }
    }
    notify(copy, &total);
}

/// True if a history may lack something: files were copied, a run was stopped, or there is no history yet.
fn has_news(
    copy: &DestinationCopy<'_>,
    storage: &LocalStorage,
    (plan, replica): (&Plan, &SourceReplica),
    unfinished: &BTreeSet<PathBuf>,
) -> bool {
    if plan.has_work() || unfinished.contains(&plan.replica) {
        return true;
    }
    let id = copy.index.database_id(&storage.database.root);
    let known = id.and_then(|id| match id {
        Some(id) => copy.index.generations(id, &replica.whole()),
        None => Ok(Vec::new()),
    });
    known.is_ok_and(|known| known.is_empty())
}

fn seal_replica(
    copy: &mut DestinationCopy<'_>,
    storage: &LocalStorage,
    category: &Category,
    (plan, was_killed): (&Plan, bool),
    started: Timestamp,
) -> crate::base::error::Result<SealReport> {
    let Some(replica) = find_replica(&copy.spec.replicas, plan) else {
        return Ok(SealReport::default());
    };
    let format = category.attributes.history_format();
    let from = match copy.spec.source_root {
        SourceRoot::Database => copy.spec.source.path(&plan.replica, Path::new("")),
        SourceRoot::Replica => copy.spec.source.shown_root(),
    };
    let to = copy.path(&plan.replica, Path::new(""));
    let request = SealRequest {
        storage,
        category,
        project: &replica.project,
        process: Process::Transfer,
        format: format.unwrap_or_default(),
        scope: SealScope::Copied(CopiedFiles {
            files: copied_paths(copy, plan, &replica.inside),
            was_killed,
        }),
        started,
        comment: Some(format!(
            "copied from {} to {}",
            from.display(),
            to.display()
        )),
        dry_run: false,
    };
    seal(&mut copy.index, &request, &SilentMonitor)
}

/// Reports what a history is about that is not as it was recorded.
fn report_findings(copy: &DestinationCopy<'_>, sealed: &SealReport) {
    for found in sealed
        .findings
        .iter()
        .filter(|found| found.kind.is_failure())
    {
        copy.report_problem(Error::HistoryMismatch {
            path: found.path.clone(),
            why: found
                .reason
                .clone()
                .unwrap_or_else(|| found.kind.outcome().as_str().to_owned()),
        });
    }
    if sealed.is_unrecorded {
        copy.lock_report().unrecorded = true;
    }
}

fn notify(copy: &DestinationCopy<'_>, total: &SealReport) {
    for path in &total.listed {
        let path = Name::from(path.as_path());
        copy.notify(format!(
            "continued `{path}`: it was complete when its run was stopped"
        ));
    }
    if total.generations.is_empty() {
        return;
    }
    let generations = unit::format_counted(total.generations.len() as u64, "generation");
    let files: u64 = total.generations.iter().map(|one| one.files).sum();
    let files = unit::format_counted(files, "file");
    let name = &copy.database.name;
    let lacking = total.findings.iter();
    let lacking = lacking.filter(|found| found.kind == SealFindingKind::Unrepresentable);
    let lacking = match lacking.count() as u64 {
        0 => String::new(),
        count => format!(
            "; {} cannot be recorded: `mhl` says why",
            unit::format_counted(count, "other")
        ),
    };
    copy.notify(format!(
        "wrote {generations} of ASC MHL histories on {name}, {files}{lacking}"
    ));
}
