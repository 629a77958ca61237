//! A copy from beginning to end: which replicas, looking at the source, and one lane for each destination.

pub mod destination;
mod fan_out;
pub mod local;
pub mod name_rules;
pub mod outcome;
pub mod plan;
pub mod preflight;
pub mod remote;
pub mod report;
pub mod run_recorder;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use self::destination::{CopyLimits, CopySpec, SourceReplica};
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

/// What is to be copied.
#[derive(Debug)]
pub struct CopyRequest<'a> {
    /// Which projects.
    pub scope: Scope,
    /// Which categories.
    pub categories: Vec<&'a Category>,
    /// The database they are on.
    pub source: &'a Database,
    /// The databases they go to.
    pub destinations: Vec<&'a Database>,
    /// How differing files are handled.
    pub rules: CopyRules,
    /// Whether copies are read back.
    pub verify: bool,
    /// Only plan.
    pub dry_run: bool,
    /// Who is asked before files are replaced. Where there is nobody the rules alone say what is done.
    pub confirmation: Confirmation,
}

/// Copies, or plans to. Replicas and files that fail are in the report; the rest is copied all the same.
///
/// # Errors
/// Nothing could be begun: the source or all destinations are offline, locked or full, the project is not there, the
/// index cannot be written.
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
    let meant = find_replicas(&source, registry, request, &mut report).or_else(|error| {
        let (categories, scope) = (&request.categories, &request.scope);
        Err(add_holders(error, index, registry, categories, scope)?)
    })?;
    monitor.on_event(&ProgressEvent::Started {
        task: Task::Compare,
        files: None,
        bytes: None,
    });
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
        confirm_replacements: request.confirmation.is_interactive(),
        run,
        limits: CopyLimits::default(),
    };
    scan_source(index, &mut spec, &meant, &mut report, monitor)?;
    let mut copies = DestinationCopies::start(index, &Arc::new(spec), &request.destinations);
    copies.watch(request.confirmation, monitor);
    monitor.on_event(&ProgressEvent::Finished);
    copies.finish(&mut report)?;
    report.elapsed = start.elapsed();
    report.interrupted = interrupt::is_requested();
    report.items.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

/// Carries out an errand that was put together elsewhere, to one destination; gives it back.
///
/// # Errors
/// Nothing could be begun.
pub fn execute(
    index: &Index,
    spec: CopySpec,
    destination: &Database,
    monitor: &dyn Monitor,
    report: &mut Report,
) -> Result<Arc<CopySpec>> {
    monitor.on_event(&ProgressEvent::Started {
        task: Task::Compare,
        files: None,
        bytes: None,
    });
    let spec = Arc::new(spec);
    let mut copies = DestinationCopies::start(index, &spec, &[destination]);
    copies.watch(Confirmation::NonInteractive, monitor);
    monitor.on_event(&ProgressEvent::Finished);
    copies.finish(report)?;
    Ok(spec)
}

/// The replicas at the source that are meant; folders that cannot be listed are reported.
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
        for (place, problem) in listing.problems.iter().enumerate() {
            let folder = listing.problem_folder(place);
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

/// Looks at every replica at the source; what was seen is told to the index, unless nothing is to be done.
fn scan_source(
    index: &mut Index,
    spec: &mut CopySpec,
    meant: &[(&Category, ProjectId)],
    report: &mut Report,
    monitor: &dyn Monitor,
) -> Result<()> {
    let (source, registry) = (&spec.source, &spec.registry);
    let mut builder = ObservationBuilder::start(index, source.database())?;
    for (category, project) in meant {
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
