//! A copy from beginning to end: which replicas, looking at both sides, planning, carrying out, looking again.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::exclusions::Exclusions;
use crate::identity;
use crate::index::Index;
use crate::interrupt;
use crate::listing::{self, require_mounted};
use crate::monitor::{Event, Monitor};
use crate::os::folder::is_missing;
use crate::os::stat::Kind;
use crate::plan::{Action, Plan, PlannedFolder, Rules, Step, plan};
use crate::project::{ProjectId, Scope, below};
use crate::registry::{Category, Database, Registry};
use crate::report::Report;
use crate::scan::look_again;
use crate::sides::{Destinations, Side, open_destinations};
use crate::transfer::{Outcome, Route, sweep_own, transfer};
use crate::tree::{self, Problem, Tree};
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

/// One replica that is to be copied to one destination.
struct Job<'a> {
    category: &'a Category,
    project: ProjectId,
    destination: &'a Side<'a>,
    plan: Plan,
    /// Whether the destination could be looked at.
    reachable: bool,
    /// Whether it came to be carried out.
    touched: Cell<bool>,
}

impl Job<'_> {
    /// Where an item is or belongs at the destination; the replica's own folder has no slash at its end.
    fn place(&self, path: &Path) -> PathBuf {
        let base = self
            .destination
            .root
            .path()
            .join(below(&self.category.path, &self.project));
        if path == Path::new("") {
            base
        } else {
            base.join(path)
        }
    }
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
    let source = Side::open(index, request.source)?;
    let Destinations { sides, offline } = open_destinations(index, &source, &request.destinations)?;
    for (database, error) in offline {
        report.add(database.root.clone(), Outcome::Failed(error.line()));
    }
    let replicas = replicas(&source, registry, request, &mut report)?;
    let jobs = compare(
        &source,
        &sides,
        registry,
        request.rules,
        replicas,
        &mut report,
        monitor,
    )?;
    report.planned_bytes = jobs
        .iter()
        .fold(0, |sum, job| job.plan.bytes().saturating_add(sum));
    if request.dry_run {
        for job in &jobs {
            foresee(job, &mut report);
        }
    } else {
        carry_out(&jobs, &sides, &source, run, monitor, &mut report);
        // Also after a stop: the look is short beside the copy, and `fetch` must not call missing what is there.
        let sides = (sides.as_slice(), &source);
        interrupt::shielded(|| record(index, registry, &jobs, sides, &mut report, monitor));
    }
    report.elapsed = start.elapsed();
    report.interrupted = interrupt::requested();
    report.items.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

/// The replicas at the source that are meant; folders that cannot be listed are reported.
fn replicas<'a>(
    source: &Side<'_>,
    registry: &Registry,
    request: &Request<'a>,
    report: &mut Report,
) -> Result<Vec<(&'a Category, ProjectId)>> {
    let (root, scope) = (&source.root, &request.scope);
    let mut replicas = Vec::new();
    for category in &request.categories {
        let inner = registry.inner_categories(category);
        let listing = listing::list(root, category, scope, &inner, &source.mounted)?;
        for problem in &listing.problems {
            report.add(
                root.path().join(&category.path),
                Outcome::Failed(problem.line()),
            );
        }
        for link in &listing.links {
            let why = "it is a symbolic link, and is not followed".to_owned();
            report.add(root.path().join(link), Outcome::Skipped(why));
        }
        let there = |project: &ProjectId| match root.beneath(&below(&category.path, project)) {
            Err(error) => !is_missing(&error),
            Ok(_) => true,
        };
        let projects = listing.projects.into_iter().filter(there);
        replicas.extend(projects.map(|project| (*category, project)));
    }
    if replicas.is_empty() && report.items.is_empty() {
        let (categories, database) = (&request.categories, &request.source.name);
        return Err(listing::no_replica(
            root, registry, categories, scope, database,
        )?);
    }
    Ok(replicas)
}

/// Looks at both sides of every replica and plans.
fn compare<'a>(
    source: &Side<'_>,
    destinations: &'a [Side<'a>],
    registry: &Registry,
    rules: Rules,
    replicas: Vec<(&'a Category, ProjectId)>,
    report: &mut Report,
    monitor: &dyn Monitor,
) -> Result<Vec<Job<'a>>> {
    let exclusions = Arc::new(Exclusions::new(registry.exclusions())?);
    let mut jobs = Vec::new();
    monitor.event(&Event::Started {
        task: "comparing",
        files: None,
        bytes: None,
    });
    for (category, project) in replicas {
        let relative = below(&category.path, &project);
        let inner = registry.inner_categories(category);
        let tree = match tree::walk(&source.root, &relative, &exclusions, &inner) {
            Ok(tree) => tree,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                report.add(
                    source.root.path().join(&relative),
                    Outcome::Failed(error.line()),
                );
                continue;
            }
        };
        monitor.event(&Event::Files(tree.entries.len() as u64));
        for destination in destinations {
            let there = existing(destination, category, &relative, &exclusions, &inner)?;
            let reachable = !there
                .problems
                .iter()
                .any(|problem| problem.path == Path::new(""));
            let plan = with_own_folder(plan(&tree, &there, rules), &tree, &there);
            jobs.push(Job {
                category,
                project: project.clone(),
                destination,
                plan,
                reachable,
                touched: Cell::new(false),
            });
        }
    }
    monitor.event(&Event::Finished);
    Ok(jobs)
}

/// The destination's tree; empty where there is none yet, a problem where it cannot be read or is not mounted.
fn existing(
    side: &Side<'_>,
    category: &Category,
    relative: &Path,
    exclusions: &Arc<Exclusions>,
    inner: &[PathBuf],
) -> Result<Tree> {
    let walked = require_mounted(&side.root, category, &side.mounted)
        .and_then(|()| tree::walk(&side.root, relative, exclusions, inner));
    match walked {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) if is_missing(&error) => Ok(Tree::default()),
        Err(error) => Ok(Tree {
            problems: vec![Problem {
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
            PlannedFolder {
                entry,
                exists: there.stat.is_some(),
                replaces: None,
            },
        );
    }
    plan
}

/// Reports what a plan would do.
fn foresee(job: &Job<'_>, report: &mut Report) {
    for step in &job.plan.steps {
        let path = job.place(&step.path);
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

/// Reports that nothing of a job can be carried out.
fn refuse(job: &Job<'_>, error: &Error, report: &mut Report) {
    if job.plan.steps.is_empty() {
        report.add(job.place(Path::new("")), Outcome::Failed(error.line()));
    }
    for step in &job.plan.steps {
        let outcome = match &step.action {
            Action::Skip(why) => Outcome::Skipped(why.clone()),
            _ => Outcome::Failed(error.line()),
        };
        report.add(job.place(&step.path), outcome);
    }
}

/// Carries out all plans.
fn carry_out(
    jobs: &[Job<'_>],
    destinations: &[Side<'_>],
    source: &Side<'_>,
    run: i64,
    monitor: &dyn Monitor,
    report: &mut Report,
) {
    let files = jobs.iter().map(|job| job.plan.copies()).sum();
    let bytes = report.planned_bytes;
    monitor.event(&Event::Started {
        task: "copying",
        files: Some(files),
        bytes: Some(bytes),
    });
    for side in destinations {
        sweep_own(&side.root);
        let versions = Versions::new(&side.root, run);
        let mine = || {
            jobs.iter()
                .filter(|job| job.destination.database == side.database)
        };
        if mine().any(|job| job.plan.copies() > 0)
            && let Err(error) = identity::ensure(&side.root, &side.database.name)
        {
            monitor.event(&Event::Problem(&error));
            report.unrecorded = true;
        }
        for job in mine() {
            // It may have been unmounted while others were copied.
            if let Err(error) = require_mounted(&side.root, job.category, &side.mounted) {
                refuse(job, &error, report);
                continue;
            }
            job.touched.set(job.reachable && !interrupt::requested());
            let relative = below(&job.category.path, &job.project);
            let route = Route {
                source: &source.root,
                destination: &side.root,
                relative: &relative,
            };
            transfer(
                &job.plan,
                &route,
                &versions,
                monitor,
                &mut |path, outcome| {
                    report.add(job.place(path), outcome);
                },
            );
        }
        report
            .versions
            .extend(versions.path().map(|path| side.root.path().join(path)));
    }
    monitor.event(&Event::Finished);
}

/// Looks again at what was copied, on both sides, so that the index knows it. A side that cannot be looked at or noted
/// holds nobody up.
fn record(
    index: &mut Index,
    registry: &Registry,
    jobs: &[Job<'_>],
    (destinations, source): (&[Side<'_>], &Side<'_>),
    report: &mut Report,
    monitor: &dyn Monitor,
) {
    // After a stop only what was written is looked at, and nothing else keeps anybody waiting.
    let stopped = interrupt::requested();
    let sides = destinations.iter().chain((!stopped).then_some(source));
    for side in sides {
        let concerns = |job: &&Job<'_>| {
            side.database == source.database || side.database == job.destination.database
        };
        let changed = |job: &&Job<'_>| job.touched.get() && (!stopped || job.plan.copies() > 0);
        let mine = jobs.iter().filter(changed).filter(concerns);
        let mut replicas: Vec<_> = mine
            .map(|job| (job.category, job.project.clone()))
            .collect();
        replicas.sort_by(|(a, one), (b, other)| (&a.path, one).cmp(&(&b.path, other)));
        replicas.dedup();
        if let Err(error) = look_again(index, registry, side.database, &side.root, &replicas) {
            monitor.event(&Event::Problem(&error));
            report.unrecorded = true;
        }
    }
}
