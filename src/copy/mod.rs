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
pub mod record;
mod remote;
pub mod report;

pub use self::pipeline::begin;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use self::destination::{CopyLimits, CopySpec, Destination, SourceReplica, SyncChanges};
use self::fan_out::DestinationCopies;
use self::outcome::Outcome;
use self::plan::CopyRules;
use self::report::Report;
use crate::base::confirmation::Confirmation;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent, Task};
use crate::index::overview::add_holders;
use crate::index::{Index, RunId};
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope, replica_path};
use crate::model::registry::{Category, Database, Registry};
use crate::storage::Storage;
use crate::storage::observation::ObservationBuilder;

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
    let source = Storage::open(index, request.source)?;
    let replicas = find_replicas(&source, registry, request, &mut report).or_else(|error| {
        let (categories, scope) = (&request.categories, &request.scope);
        Err(add_holders(error, index, registry, categories, scope)?)
    })?;
    monitor.on_event(&COMPARING_STARTED);
    let exclusions = Arc::new(Exclusions::new(registry.exclusion_rules())?);
    let mut spec = CopySpec {
        registry: registry.clone(),
        scope: request.scope.clone(),
        exclusions,
        source: Arc::new(source),
        replicas: Vec::new(),
        rules: request.rules,
        verify: request.verify,
        dry_run: request.dry_run,
        confirm: request.confirmation.is_interactive(),
        run,
        limits: CopyLimits::default(),
        sync: None,
    };
    scan_source(index, &mut spec, &replicas, &mut report, monitor)?;
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
    report.elapsed = start.elapsed();
    report.interrupted = interrupt::is_requested();
    report.items.sort_by(|a, b| a.path.cmp(&b.path));
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

/// Returns the requested replicas at the source, and reports the folders that cannot be listed.
fn find_replicas<'a>(
    source: &Storage,
    registry: &Registry,
    request: &CopyRequest<'a>,
    report: &mut Report,
) -> Result<Vec<(&'a Category, ProjectId)>> {
    let scope = &request.scope;
    let mut replicas = Vec::new();
    for category in &request.categories {
        let listing = source.list_projects(registry, category, scope)?;
        let path = |path: &Path| source.path(path, Path::new(""));
        for (index, problem) in listing.problems.iter().enumerate() {
            let folder = listing.problem_folder(index);
            report.add(Outcome::Failed(problem.full_message()), || path(&folder));
        }
        for link in &listing.links {
            let why = "it is a symbolic link, and is not followed".to_owned();
            report.add(Outcome::Skipped(why), || path(link));
        }
        let projects = listing.projects.into_iter();
        replicas.extend(projects.map(|project| (*category, project)));
    }
    if replicas.is_empty() && report.items.is_empty() {
        let (categories, database) = (&request.categories, &request.source.name);
        return Err(source.no_replica_error(registry, categories, scope, database)?);
    }
    Ok(replicas)
}

/// Scans every replica at the source. Unless it is a dry run, the scan is recorded in the index.
fn scan_source(
    index: &mut Index,
    spec: &mut CopySpec,
    replicas: &[(&Category, ProjectId)],
    report: &mut Report,
    monitor: &dyn Monitor,
) -> Result<()> {
    let (source, registry) = (&spec.source, &spec.registry);
    let mut builder = ObservationBuilder::start(index, source.database())?;
    for (category, project) in replicas {
        let tree = source.tree(registry, &spec.exclusions, category, project)?;
        monitor.on_event(&ProgressEvent::Files(tree.file_count()));
        if let Some(error) = tree.failure() {
            let path = source.path(&replica_path(&category.path, project), Path::new(""));
            report.add(Outcome::Failed(error.full_message()), || path);
            continue;
        }
        builder.add(category, project, &tree)?;
        spec.replicas.push(SourceReplica {
            category: (*category).clone(),
            project: project.clone(),
            tree,
            changes: SyncChanges::default(),
        });
    }
    let observation = builder.finish()?;
    if !spec.dry_run
        && let Err(error) = source.record_observation(&observation, index)
    {
        monitor.on_event(&ProgressEvent::Problem(&error));
        report.unrecorded = true;
    }
    Ok(())
}
