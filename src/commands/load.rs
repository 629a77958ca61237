//! `load`: look at the disks and bring the index up to date.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::Run;
use crate::catalogue;
use crate::consent::Consent;
use crate::error::{Error, Result};
use crate::exit_status::ExitStatus;
use crate::index::Index;
use crate::loading::look_at_all;
use crate::moment::Moment;
use crate::monitor::Monitor;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::project::Scope;
use crate::registry::{Database, Registry};
use crate::scan::{self, Look, LookState};
use crate::survey::Extent;
use crate::units;
use crate::workspace::Workspace;

/// Look at the disks and bring the index up to date
///
/// Without a name, at every database. One that is not there, is empty although the index knows files there, or
/// holds nothing of what is known, is offline: its last look stays until `--forget` drops it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  load
  load NAS WORK
  load --older-than 1h
  load NAS --project acme/spot
  load --category render
  load --forget OLD-NAS
  load --forget OLD-NAS --yes")]
pub(crate) struct Load {
    /// Only these databases
    #[arg(value_name = "DATABASE")]
    databases: Vec<String>,
    /// Only at this project, or this client's projects
    #[arg(long, value_name = "PROJECT")]
    project: Option<OsString>,
    /// Only in this category; repeatable
    #[arg(long = "category", value_name = "CATEGORY")]
    categories: Vec<String>,
    /// Only where the last look is older than this: 90s, 15m, 1h, 2d
    #[arg(long, value_name = "AGE", value_parser = units::parse_duration)]
    older_than: Option<Duration>,
    /// Drop what the index knows of this database; no file is touched
    #[arg(long, value_name = "DATABASE", conflicts_with_all = ["databases", "project", "categories", "older_than"])]
    forget: Option<String>,
    /// Forget without asking
    #[arg(long, requires = "forget")]
    yes: bool,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub(crate) struct Loaded {
    /// `None` for a dry run, which is none.
    run: Option<i64>,
    state: &'static str,
    databases: Vec<LoadedDatabase>,
    #[serde(skip)]
    lacking: Option<&'static str>,
    /// How long all of it took; databases are looked at side by side.
    #[serde(skip)]
    elapsed: Duration,
}

#[derive(Debug, Serialize)]
struct LoadedDatabase {
    name: String,
    state: &'static str,
    files: u64,
    bytes: u64,
    projects: u64,
    added: u64,
    changed: u64,
    gone: u64,
    unreadable: u64,
    seconds: f64,
}

impl Run for Load {
    type Answer = Loaded;

    fn run(self, workspace: &mut Workspace) -> Result<Loaded> {
        let start = Instant::now();
        let databases = self.databases(&workspace.registry)?;
        let extent = self.extent(&workspace.registry)?;
        if workspace.dry_run {
            return self.foresee(workspace, &databases);
        }
        let run = workspace.index.begin_run("load")?;
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let looked = if self.forget.is_some() {
            let consent = workspace.consent.or_given(self.yes);
            forget(index, registry, &databases, consent)
        } else {
            let monitor = workspace.monitor.as_ref();
            load(
                index,
                registry,
                &databases,
                &extent,
                self.older_than,
                monitor,
            )
        };
        let state = match &looked {
            Err(Error::Interrupted) => "interrupted",
            Err(_) => "refused",
            Ok(looked) if looked.iter().any(LoadedDatabase::needs_attention) => "partial",
            Ok(_) => "complete",
        };
        let ended = workspace.index.end_run(run, state);
        let databases = looked?;
        ended?;
        if databases.iter().all(|database| database.gone == 0) {
            // Nothing of this name is known or was there: a slip of the pen, not a look.
            catalogue::known_projects(&workspace.index, &workspace.registry, &extent.scope)?;
        }
        Ok(Loaded {
            run: Some(run),
            state,
            databases,
            lacking: workspace.registry.lacking(),
            elapsed: start.elapsed(),
        })
    }
}

impl Load {
    /// What would be looked at, or forgotten, and what is known of it.
    fn foresee(&self, workspace: &Workspace, databases: &[Database]) -> Result<Loaded> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let planned = if self.forget.is_some() {
            "would be forgotten"
        } else {
            "would be looked at"
        };
        let foreseen = databases.iter().map(|database| {
            let known = scan::summary(index, registry, database)?;
            Ok(LoadedDatabase::new(database, planned, &known))
        });
        Ok(Loaded {
            run: None,
            state: "planned",
            databases: foreseen.collect::<Result<_>>()?,
            lacking: registry.lacking(),
            elapsed: Duration::ZERO,
        })
    }

    /// The databases that are meant, each once.
    fn databases(&self, registry: &Registry) -> Result<Vec<Database>> {
        if self.databases.is_empty() && self.forget.is_none() {
            return Ok(registry.databases().to_vec());
        }
        let mut named: Vec<Database> = Vec::new();
        for name in self.databases.iter().chain(&self.forget) {
            let database = registry.database(name)?;
            if !named.contains(database) {
                named.push(database.clone());
            }
        }
        Ok(named)
    }

    /// What is to be looked at on them.
    fn extent<'a>(&self, registry: &'a Registry) -> Result<Extent<'a>> {
        let scope = self
            .project
            .as_deref()
            .map_or(Ok(Scope::All), Scope::parse)?;
        let mut extent = Extent::of(registry, scope);
        if !self.categories.is_empty() {
            extent.categories.clear();
            for name in &self.categories {
                let category = registry.category(name)?;
                if !extent.categories.contains(&category) {
                    extent.categories.push(category);
                }
            }
        }
        Ok(extent)
    }
}

/// Looks at databases, but for those whose last look is recent enough.
fn load(
    index: &mut Index,
    registry: &Registry,
    databases: &[Database],
    extent: &Extent<'_>,
    older_than: Option<Duration>,
    monitor: &dyn Monitor,
) -> Result<Vec<LoadedDatabase>> {
    let mut stale = Vec::new();
    for database in databases {
        if !is_recent(index, registry, database, extent, older_than)? {
            stale.push(database);
        }
    }
    let mut looks = look_at_all(index, registry, &stale, extent, monitor)?.into_iter();
    let look = |database| {
        let look = if stale.contains(&database) {
            looks.next()
        } else {
            None
        };
        let look = look.map_or_else(|| scan::summary(index, registry, database), Ok)?;
        Ok(LoadedDatabase::new(database, look.state.word(), &look))
    };
    databases.iter().map(look).collect()
}

/// Whether the last look at a part of a database is not older than this.
fn is_recent(
    index: &Index,
    registry: &Registry,
    database: &Database,
    extent: &Extent<'_>,
    older_than: Option<Duration>,
) -> Result<bool> {
    let known = index.database(&database.root)?;
    let (Some(limit), Some(id), None) = (older_than, known.id, known.offline_since) else {
        return Ok(false);
    };
    let is_young = |looked_at: Option<Moment>| {
        looked_at.is_some_and(|looked_at| looked_at <= Moment::now() && looked_at.age() < limit)
    };
    if is_young(known.looked_at) {
        return Ok(true);
    }
    if extent.is_whole(registry) {
        // Categories may have been listed of which not all could be read.
        return Ok(false);
    }
    for category in &extent.categories {
        if !is_young(index.looked_at(id, &category.path)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Drops what the index knows.
fn forget(
    index: &mut Index,
    registry: &Registry,
    databases: &[Database],
    consent: Consent,
) -> Result<Vec<LoadedDatabase>> {
    let mut forgotten = Vec::new();
    for database in databases {
        let known = scan::summary(index, registry, database)?;
        let files = units::counted(known.files, "file");
        let question = format!(
            "forget what the index knows of `{}` ({files})? no file is touched",
            database.name
        );
        consent.to(&question)?;
        index.forget(&database.root)?;
        let mut look = scan::summary(index, registry, database)?;
        look.changes.gone = known.files;
        forgotten.push(LoadedDatabase::new(database, "forgotten", &look));
    }
    Ok(forgotten)
}

impl Loaded {
    /// What was done in all; nothing where no disk was looked at.
    fn headline(&self) -> Option<String> {
        let looked_at =
            |database: &&LoadedDatabase| ["complete", "partial"].contains(&database.state);
        let seen: Vec<_> = self.databases.iter().filter(looked_at).collect();
        let (number, all) = (seen.len() as u64, self.databases.len() as u64);
        let databases = match (number, all) {
            (0, _) => return None,
            _ if number == all => units::counted(all, "database"),
            _ => format!(
                "{} of {}",
                units::count(number),
                units::counted(all, "database")
            ),
        };
        let files = units::counted(seen.iter().map(|database| database.files).sum(), "file");
        let bytes = units::bytes(seen.iter().map(|database| database.bytes).sum());
        let time = units::duration(self.elapsed);
        Some(format!("looked at {databases}, {files}, {bytes} in {time}"))
    }
}

impl LoadedDatabase {
    fn new(database: &Database, state: &'static str, look: &Look) -> Self {
        Self {
            name: database.name.clone(),
            state,
            files: look.files,
            bytes: look.bytes,
            projects: look.projects,
            added: look.changes.added,
            changed: look.changes.changed,
            gone: look.changes.gone,
            unreadable: look.unreadable,
            seconds: (look.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        }
    }

    fn needs_attention(&self) -> bool {
        [LookState::Partial, LookState::Offline]
            .iter()
            .any(|state| state.word() == self.state)
    }

    fn state(&self) -> Cell {
        let tone = match self.state {
            "partial" | "offline" => Tone::Warning,
            _ => Tone::Good,
        };
        Cell::Toned(self.state.to_owned(), tone)
    }
}

/// One number of a database.
type Count = fn(&LoadedDatabase) -> u64;

/// What was different or could not be read: a column for people only where it is not zero everywhere.
const COUNTS: [(&str, Count); 4] = [
    ("added", |database| database.added),
    ("changed", |database| database.changed),
    ("gone", |database| database.gone),
    ("unreadable", |database| database.unreadable),
];

impl Answer for Loaded {
    const COMMAND: &'static str = "load";

    fn page(&self, page: &mut Page) {
        // A dry run takes none.
        let has_time = self.run.is_some();
        let shown = |count: Count| self.databases.iter().any(|database| count(database) > 0);
        let counts: Vec<_> = COUNTS
            .into_iter()
            .filter(|(_, count)| shown(*count))
            .collect();
        let rows = self.databases.iter().map(|database| {
            let mut row = vec![
                database.name.as_str().into(),
                database.state(),
                Cell::Count(database.projects),
                Cell::Count(database.files),
                Cell::Bytes(database.bytes),
            ];
            row.extend(counts.iter().map(|(_, count)| Cell::Count(count(database))));
            let seconds = Duration::from_secs_f64(database.seconds);
            row.extend(has_time.then(|| Cell::text(units::duration(seconds))));
            row
        });
        let mut headings = vec!["database", "state", "projects", "files", "size"];
        headings.extend(counts.iter().map(|(heading, _)| heading));
        headings.extend(has_time.then_some("time"));
        page.table(&headings, rows.collect());
        if let Some(line) = self.headline() {
            page.line(line);
        }
        if let Some(lacking) = self.lacking {
            page.line(lacking);
        }
    }

    fn records(&self) -> Records {
        let rows = self.databases.iter().map(|database| {
            vec![
                database.name.as_str().into(),
                Cell::text(database.state),
                Cell::Count(database.files),
                Cell::Bytes(database.bytes),
                Cell::Count(database.projects),
                Cell::Count(database.added),
                Cell::Count(database.changed),
                Cell::Count(database.gone),
                Cell::Count(database.unreadable),
                Cell::text(database.seconds.to_string()),
            ]
        });
        let headings = &[
            "database",
            "state",
            "files",
            "bytes",
            "projects",
            "added",
            "changed",
            "gone",
            "unreadable",
            "seconds",
        ];
        Records {
            headings,
            rows: rows.collect(),
        }
    }

    fn status(&self) -> ExitStatus {
        if matches!(self.state, "complete" | "planned") {
            ExitStatus::Done
        } else {
            ExitStatus::Partial
        }
    }

    fn next(&self) -> Option<String> {
        let is_first = |database: &LoadedDatabase| database.files == database.added;
        let found = self.databases.iter().any(|database| database.added > 0);
        (found && self.databases.iter().all(is_first))
            .then(|| "`fetch all` shows what is where; `save` keeps what you added".to_owned())
    }

    fn is_routine(&self) -> bool {
        self.status() == ExitStatus::Done
    }
}
