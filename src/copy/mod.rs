//! Copies replicas from one database to others through one pipeline: list, plan, check, execute, record.
//!
//! `copy` finds the requested replicas, scans them at the source once, and starts one thread for each destination
//! (`fan_out`); a sync starts the same pipeline with what changed since the last one. For each destination `pipeline` plans
//! against the files there (`prepare`, `plan`), checks overlaps and free space (`preflight`), and hands the plans to an
//! executor (`local` or `remote`). Every item ends in exactly one outcome, and the outcomes add up to the planned items
//! (`outcome`, `report`). `record` writes the results to the index.
//!
//! No file is replaced without keeping the old version, and none counts as copied before it is on stable storage.

mod adopt;
pub mod destination;
mod emptied;
mod executor;
mod fan_out;
mod local;
pub mod outcome;
mod pipeline;
pub mod plan;
mod preflight;
mod prepare;
mod question;
pub mod record;
mod remote;
pub mod report;
mod shared_source;
pub mod source;
pub mod source_root;
mod stall;
mod verification_record;

pub use self::pipeline::begin;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use self::destination::{CopyLimits, CopySpec, Destination, SourceReplica, SyncChanges};
use self::fan_out::DestinationCopies;
use self::outcome::Outcome;
use self::plan::CopyRules;
use self::report::Report;
use self::source::SourceSnapshot;
use self::source_root::SourceRoot;
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, IndexProblem, Result};
use crate::base::monitor::{Monitor, ProgressEvent, Task};
use crate::base::timestamp::Timestamp;
use crate::index::overview::add_holders;
use crate::index::{Index, RunId};
use crate::model::project::{ProjectId, Scope, path_within};
use crate::model::registry::{Category, Database, Registry};
use crate::snapshot::tree::Tree;
use crate::storage::observation;
use crate::storage::{Layout, Storage};

/// Start of the comparison of source and destination.
pub const COMPARING_STARTED: ProgressEvent<'_> = ProgressEvent::Started {
    task: Task::Compare,
    files: None,
    bytes: None,
};

/// A request to copy.
#[derive(Debug)]
pub struct CopyRequest<'a> {
    /// Projects to copy.
    pub scope: Scope,
    pub categories: Vec<&'a Category>,
    pub source: &'a Database,
    pub destinations: Vec<&'a Database>,
    pub rules: CopyRules,
    /// Reads copies back.
    pub verify: bool,
    /// Plans and writes nothing.
    pub dry_run: bool,
    /// Confirmation before files are replaced. Without an interactive user the rules alone decide.
    pub confirmation: Confirmation,
    /// The only files to copy, by their paths below both roots; `None` for all.
    pub only: Option<HashSet<PathBuf>>,
}

/// Copies, or plans a dry run. Replicas and files that fail are reported, and the others are copied.
///
/// # Errors
/// Nothing could be started: the source or all destinations are offline, locked or full, the project does not exist, or
/// the index cannot be written.
pub fn copy(
    index: &mut Index,
    registry: &Registry,
    request: &CopyRequest<'_>,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<Report> {
    let start = Instant::now();
    let mut report = Report::default();
    let source = Storage::open(index, &Layout::new(registry)?, request.source)?;
    monitor.on_event(&COMPARING_STARTED);
    let replicas = read_source(index, &source, request, &mut report, monitor).or_else(|error| {
        let (categories, scope) = (&request.categories, &request.scope);
        Err(add_holders(error, index, registry, categories, scope)?)
    })?;
    let spec = CopySpec {
        scope: request.scope.clone(),
        source: Arc::new(source),
        replicas,
        rules: request.rules,
        verify: request.verify,
        dry_run: request.dry_run,
        confirm: request.confirmation.is_interactive(),
        run,
        limits: CopyLimits {
            only: request.only.clone(),
            ..CopyLimits::default()
        },
        source_root: SourceRoot::default(),
        sync: None,
    };
    let destinations = request.destinations.iter();
    let destinations = destinations.map(|database| Destination::closed((*database).clone()));
    let destinations = destinations.collect();
    execute(
        index,
        &Arc::new(spec),
        destinations,
        request.confirmation,
        monitor,
        &mut report,
    )?;
    report.finish(start);
    Ok(report)
}

/// Executes a prepared copy to all destinations and adds to the report.
///
/// # Errors
/// The first failure, if no copy could be started.
pub fn execute(
    index: &Index,
    spec: &Arc<CopySpec>,
    destinations: Vec<Destination>,
    confirmation: Confirmation,
    monitor: &dyn Monitor,
    report: &mut Report,
) -> Result<()> {
    let mut copies = DestinationCopies::start(index, spec, destinations);
    copies.watch(confirmation, monitor);
    copies.finish(report)
}

/// Reads the requested replicas at the source, and reports those that cannot be read. Unless it is a dry run, they are
/// recorded in the index.
fn read_source(
    index: &mut Index,
    source: &Storage,
    request: &CopyRequest<'_>,
    report: &mut Report,
    monitor: &dyn Monitor,
) -> Result<Vec<SourceReplica>> {
    let (started, scope) = (Timestamp::now(), &request.scope);
    let categories: Vec<Category> = request.categories.iter().copied().cloned().collect();
    let on_files = |files| monitor.on_event(&ProgressEvent::Files(files));
    let snapshot = SourceSnapshot::read(source, &categories, scope, &on_files)?;
    let path = |path: &Path| source.path(path, Path::new(""));
    for (folder, why) in snapshot.problems {
        report.add(Outcome::Failed(why), || path(&folder));
    }
    if !snapshot.replicas.is_empty() {
        for project in &snapshot.absent {
            let why = format!("it is not on {}", request.source.name);
            report.add(Outcome::Failed(why), || project.path());
        }
    }
    for link in &snapshot.links {
        let why = "it is a symbolic link, and is not followed".to_owned();
        report.add(Outcome::Skipped(why), || path(link));
    }
    if snapshot.replicas.is_empty() && report.items.is_empty() {
        let (categories, database) = (&request.categories, &request.source.name);
        return Err(source.no_replica_error(categories, scope, database)?);
    }
    let mut replicas = Vec::new();
    for (place, project, tree) in snapshot.replicas {
        let replica = SourceReplica {
            inside: PathBuf::new(),
            category: categories[place].clone(),
            project,
            tree,
            changes: SyncChanges::default(),
        };
        if let Some(error) = replica.tree.failure() {
            let outcome = Outcome::Failed(error.full_message());
            report.add(outcome, || path(&replica.relative()));
        } else {
            replicas.push(replica);
        }
    }
    if !request.dry_run {
        let trees = replicas.iter().map(SourceReplica::as_tree);
        record_source(index, source, started, trees, monitor, report)?;
    }
    if let Some(only) = &request.only {
        for replica in &mut replicas {
            let relative = replica.relative();
            // The contents of other files need not be compared.
            let tree = &mut replica.tree;
            tree.retain_files(|path| only.contains(&path_within(&relative, path)));
        }
        replicas.retain(|replica| !replica.tree.folders.is_empty());
    }
    Ok(replicas)
}

/// Records replicas of the source in the index, which were read since `started`. A failure to write them stops no copy.
///
/// # Errors
/// The index is damaged.
pub fn record_source<'t>(
    index: &mut Index,
    source: &'t Storage,
    started: Timestamp,
    replicas: impl IntoIterator<Item = (&'t Category, &'t ProjectId, &'t Tree)>,
    monitor: &dyn Monitor,
    report: &mut Report,
) -> Result<()> {
    let (database, root) = (source.database(), source.observed_root());
    let recorded = observation::record(index, database, root, |builder| {
        builder.set_started(started);
        let mut replicas = replicas.into_iter();
        replicas.try_for_each(|(category, project, tree)| builder.add(category, project, tree))
    });
    match recorded {
        // The steps that follow end at once.
        Ok(()) | Err(Error::Interrupted) => {}
        Err(error) if error.index_problem() == Some(IndexProblem::Damaged) => return Err(error),
        Err(error) => {
            monitor.on_event(&ProgressEvent::Problem(&error));
            report.unrecorded = true;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod law;
