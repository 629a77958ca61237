//! A copy from beginning to end: which replicas, looking at both sides, planning, carrying out, looking again.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::exclusions::Exclusions;
use crate::identity;
use crate::index::Index;
use crate::interrupt;
use crate::listing;
use crate::monitor::{Event, Monitor};
use crate::os::folder::{Folder, Kind, is_missing};
use crate::plan::{Action, Plan, Rules, Step, plan};
use crate::presence;
use crate::project::{ProjectId, Scope, below};
use crate::registry::{Category, Database, Registry, overlap, resolved};
use crate::scan::look_again;
use crate::transfer::{Outcome, Route, transfer};
use crate::tree::{self, Tree};
use crate::versions::Versions;

/// What is to be copied.
#[derive(Debug)]
pub struct Request<'a> {
    /// Which projects.
    pub scope: Scope,
    /// Which categories.
    pub categories: Vec<&'a Category>,
    /// The database they are on.
    pub source: &'a Database,
    /// The databases they go to.
    pub destinations: Vec<&'a Database>,
    /// How differing files are handled.
    pub rules: Rules,
    /// Only plan.
    pub dry_run: bool,
}

/// An item that was not plainly copied or the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedItem {
    /// Where it is or belongs at the destination.
    pub path: PathBuf,
    /// How it ended.
    pub outcome: Outcome,
}

/// What a copy came to. All items are files and links, and folders that could not be made;
/// `planned_files` is the sum of copied, same, conflict, failed and skipped (of a dry run: with what would be copied).
#[derive(Debug, Default)]
pub struct Report {
    /// Items looked at.
    pub planned_files: u64,
    /// Bytes that were to be copied.
    pub planned_bytes: u64,
    /// Items that are whole at the destination now and were not before.
    pub copied_files: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Items that were there already.
    pub same_files: u64,
    /// Items of which another version was kept.
    pub conflict_files: u64,
    /// Items that are not at the destination as they should be.
    pub failed_files: u64,
    /// Items left out, or not reached.
    pub skipped_files: u64,
    /// Everything that was not plainly copied or the same.
    pub items: Vec<ReportedItem>,
    /// Items that would be copied; only of a dry run.
    pub to_copy: Vec<(PathBuf, bool)>,
    /// The run was stopped on request.
    pub interrupted: bool,
    /// The files are there, but the index could not be told.
    pub unrecorded: bool,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    /// Counts one outcome and lists what a person must know of.
    fn add(&mut self, path: PathBuf, outcome: Outcome) {
        self.planned_files += 1;
        match &outcome {
            Outcome::Copied(bytes) => {
                self.copied_files += 1;
                self.copied_bytes += bytes;
                return;
            }
            Outcome::Same => {
                self.same_files += 1;
                return;
            }
            Outcome::Conflict(_) => self.conflict_files += 1,
            Outcome::Skipped(_) | Outcome::Unreached => self.skipped_files += 1,
            Outcome::Failed(_) => self.failed_files += 1,
        }
        self.items.push(ReportedItem { path, outcome });
    }
}

/// One replica that is to be copied to one destination.
struct Job<'a> {
    category: &'a Category,
    project: ProjectId,
    destination: &'a Database,
    root: &'a Folder,
    plan: Plan,
}

/// Copies, or plans to. Replicas and files that fail are in the report; the rest is copied all the same.
///
/// # Errors
/// Nothing could be begun: the source or all destinations are offline, the project is not there, the index cannot
/// be written.
pub fn copy(
    index: &mut Index,
    registry: &Registry,
    request: &Request<'_>,
    run: i64,
    monitor: &dyn Monitor,
) -> Result<Report> {
    let start = Instant::now();
    let mut report = Report::default();
    let source = open(index, registry, request.source)?;
    let destinations = open_destinations(index, registry, request, &mut report)?;
    for (database, root) in &destinations {
        refuse_overlap(&source, root, request.source, database)?;
    }
    let replicas = replicas(&source, registry, request, &mut report)?;
    let exclusions = Exclusions::new(registry.exclusions())?;
    let mut jobs = Vec::new();
    monitor.event(&Event::Started {
        task: "comparing",
        files: None,
        bytes: None,
    });
    for (category, project) in &replicas {
        let relative = below(&category.path, project);
        let inner = registry.inner_categories(category);
        let tree = match tree::walk(&source, &relative, &exclusions, &inner) {
            Ok(tree) => tree,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                report.add(source.path().join(&relative), Outcome::Failed(error.line()));
                continue;
            }
        };
        monitor.event(&Event::Files(tree.entries.len() as u64));
        for (destination, root) in &destinations {
            let there = existing(root, &relative, &exclusions, &inner)?;
            let plan = with_own_folder(plan(&tree, &there, request.rules), &tree, &there);
            jobs.push(Job {
                category,
                project: project.clone(),
                destination,
                root,
                plan,
            });
        }
    }
    monitor.event(&Event::Finished);
    report.planned_bytes = jobs.iter().map(|job| job.plan.bytes()).sum();
    if request.dry_run {
        for job in &jobs {
            foresee(job, &mut report);
        }
    } else {
        carry_out(&jobs, &source, run, monitor, &mut report);
        // After a stop the last look stays: it is older, not wrong.
        let recorded =
            interrupt::check().and_then(|()| record(index, registry, &jobs, request, &source));
        if let Err(error) = recorded.or_else(ignore_interruption) {
            monitor.event(&Event::Problem(&error));
            report.unrecorded = true;
        }
    }
    report.elapsed = start.elapsed();
    report.interrupted = interrupt::requested();
    report.items.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

/// Refuses to copy between roots that hold the same files by now, through a mount or a link that came after `add`.
fn refuse_overlap(
    source: &Folder,
    destination: &Folder,
    from: &Database,
    to: &Database,
) -> Result<()> {
    let (a, b) = (source.stat_self()?, destination.stat_self()?);
    let relation = if (a.device, a.inode) == (b.device, b.inode) {
        Some("is already")
    } else {
        overlap(&resolved(&to.root), &resolved(&from.root))
    };
    relation.map_or(Ok(()), |relation| {
        Err(Error::Overlap {
            noun: "database",
            path: to.root.clone(),
            relation,
            other: from.name.clone(),
            existing: from.root.clone(),
        })
    })
}

/// Opens a database that is there.
fn open(index: &Index, registry: &Registry, database: &Database) -> Result<Folder> {
    presence::open(
        database,
        &index.database(&database.root)?,
        registry.categories(),
    )
}

/// Opens the destinations; one of several that is offline is reported and holds nobody up.
fn open_destinations<'a>(
    index: &Index,
    registry: &Registry,
    request: &Request<'a>,
    report: &mut Report,
) -> Result<Vec<(&'a Database, Folder)>> {
    let mut opened = Vec::new();
    for database in &request.destinations {
        match open(index, registry, database) {
            Ok(root) => opened.push((*database, root)),
            Err(error) if request.destinations.len() == 1 => return Err(error),
            Err(error) => {
                report.add(database.root.clone(), Outcome::Failed(error.line()));
            }
        }
    }
    match (opened.is_empty(), request.destinations.first()) {
        (true, Some(first)) => open(index, registry, first).map(|root| vec![(*first, root)]),
        _ => Ok(opened),
    }
}

/// The replicas at the source that are meant; folders that cannot be listed are reported.
fn replicas<'a>(
    source: &Folder,
    registry: &Registry,
    request: &Request<'a>,
    report: &mut Report,
) -> Result<Vec<(&'a Category, ProjectId)>> {
    let mut replicas = Vec::new();
    for category in &request.categories {
        let inner = registry.inner_categories(category);
        let listing = listing::list(source, category, &request.scope, &inner)?;
        for problem in &listing.problems {
            report.add(
                source.path().join(&category.path),
                Outcome::Failed(problem.line()),
            );
        }
        let there = |project: &ProjectId| match source.beneath(&below(&category.path, project)) {
            Err(error) => !is_missing(&error),
            Ok(_) => true,
        };
        replicas.extend(
            listing
                .projects
                .into_iter()
                .filter(there)
                .map(|project| (*category, project)),
        );
    }
    if replicas.is_empty() && report.items.is_empty() {
        return Err(listing::no_replica(
            source,
            registry,
            &request.categories,
            &request.scope,
            &request.source.name,
        )?);
    }
    Ok(replicas)
}

/// The destination's tree; empty where there is none yet, a problem where it cannot be read.
fn existing(
    root: &Folder,
    relative: &Path,
    exclusions: &Exclusions,
    inner: &[PathBuf],
) -> Result<Tree> {
    match tree::walk(root, relative, exclusions, inner) {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) if is_missing(&error) => Ok(Tree::default()),
        Err(error) => Ok(Tree {
            problems: vec![tree::Problem {
                path: PathBuf::new(),
                error,
            }],
            ..Tree::default()
        }),
        walked => walked,
    }
}

/// Adds the replica's own folder to a plan, so that it gets the source's time, and where it is new the permissions.
fn with_own_folder(mut plan: Plan, source: &Tree, there: &Tree) -> Plan {
    let unread = there
        .problems
        .iter()
        .find(|problem| problem.path == Path::new(""));
    if let Some(problem) = unread {
        // With nothing in it, nothing else would tell that it cannot be made.
        if there.stat.is_none() && plan.steps.is_empty() {
            plan.steps.push(Step {
                path: PathBuf::new(),
                entry: None,
                action: Action::Fail(problem.error.line()),
            });
        }
    } else if let Some(stat) = source.stat {
        let entry = tree::Entry {
            path: PathBuf::new(),
            kind: Kind::Folder,
            bytes: 0,
            modified: stat.modified,
            mode: stat.mode,
            target: None,
            shared: None,
        };
        plan.folders.insert(
            0,
            crate::plan::PlannedFolder {
                entry,
                exists: there.stat.is_some(),
                replaces: None,
            },
        );
    }
    plan
}

/// A path in a replica's folder; the folder itself is written without a slash at its end.
fn within(base: &Path, path: &Path) -> PathBuf {
    if path == Path::new("") {
        base.to_owned()
    } else {
        base.join(path)
    }
}

/// Reports what a plan would do.
fn foresee(job: &Job<'_>, report: &mut Report) {
    let base = job
        .root
        .path()
        .join(below(&job.category.path, &job.project));
    for step in &job.plan.steps {
        let path = within(&base, &step.path);
        match &step.action {
            Action::Copy { replaces } => {
                report.planned_files += 1;
                report.to_copy.push((path, replaces.is_some()));
            }
            Action::Same => report.add(path, Outcome::Same),
            Action::Conflict(why) => report.add(path, Outcome::Conflict(why.clone())),
            Action::Skip(why) => report.add(path, Outcome::Skipped(why.clone())),
            Action::Fail(why) => report.add(path, Outcome::Failed(why.clone())),
        }
    }
}

/// Carries out all plans.
fn carry_out(
    jobs: &[Job<'_>],
    source: &Folder,
    run: i64,
    monitor: &dyn Monitor,
    report: &mut Report,
) {
    let files = jobs.iter().map(|job| job.plan.copies()).sum();
    monitor.event(&Event::Started {
        task: "copying",
        files: Some(files),
        bytes: Some(report.planned_bytes),
    });
    for job in jobs {
        let relative = below(&job.category.path, &job.project);
        let base = job.root.path().join(&relative);
        if job.plan.copies() > 0
            && let Err(error) = identity::ensure(job.root, &job.destination.name)
        {
            monitor.event(&Event::Problem(&error));
            report.unrecorded = true;
        }
        let route = Route {
            source,
            destination: job.root,
            relative: &relative,
        };
        let versions = Versions::new(job.root, run);
        transfer(
            &job.plan,
            &route,
            &versions,
            monitor,
            &mut |path, outcome| report.add(within(&base, path), outcome),
        );
    }
    monitor.event(&Event::Finished);
}

/// Looks again at what was copied, on both sides, so that the index knows it.
fn record(
    index: &mut Index,
    registry: &Registry,
    jobs: &[Job<'_>],
    request: &Request<'_>,
    source: &Folder,
) -> Result<()> {
    for database in &request.destinations {
        let mine = jobs
            .iter()
            .filter(|job| job.destination.name == database.name);
        let replicas: Vec<_> = mine
            .clone()
            .map(|job| (job.category, &job.project))
            .collect();
        if let Some(job) = mine.clone().next() {
            look_again(index, registry, database, job.root, replicas)?;
        }
    }
    let replicas = jobs.iter().map(|job| (job.category, &job.project));
    look_again(index, registry, request.source, source, replicas)
}

/// A stop between two looks is no failure of the copy.
fn ignore_interruption(error: Error) -> Result<()> {
    if matches!(error, Error::Interrupted) {
        Ok(())
    } else {
        Err(error)
    }
}
