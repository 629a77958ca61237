//! `load`: scans databases and updates the index.
//!
//! Databases on different disks are scanned at the same time. One that is offline keeps its last scan; only `--forget`
//! removes it from the index.

mod answer;
mod layout_notice;

use std::ffi::OsString;
use std::time::{Duration, Instant};

use clap::Args;

use self::answer::{DatabaseState, LoadAnswer, LoadedDatabase};
use self::layout_notice::layout_notices;
use super::check::check_scope;
use super::command::{RunCommand, database_names};
use super::last_answer::LastAnswer;
use super::publication;
use super::run;
use super::run::{RunOptions, RunReport};
use super::workspace::Workspace;
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::overview;
use crate::index::{Index, RunEnd, RunId, RunItem, RunStart, RunState};
use crate::language::lexer::quote;
use crate::model::project::Scope;
use crate::model::registry::{Database, Registry};
use crate::scan;
use crate::scan::discover::ScanScope;
use crate::scan::load::scan_all;
use crate::seal::import::import_histories;
use crate::storage::Layout;
use crate::storage::availability::Reach;

/// Scan storages and update the index
///
/// Without a name, all storages are scanned. A storage is offline if its root is missing, if the root is empty although
/// the index has files for it, or if it contains none of the known projects. The index keeps the last scan of an offline
/// storage until `--forget` removes it. A storage added with `--shelf` may be away, unless it is named.
///
/// With `set publish on`, the index of each storage is also written to the storage itself. `--published` takes it over on
/// another workstation, which does not have to walk the storage then. What was scanned or verified here later stays.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  load
  load NAS WORK
  load --older-than 1h
  load NAS --project acme/spot
  load --category render
  load NAS --published
  load --forget OLD-NAS
  load --forget OLD-NAS --yes")]
pub(crate) struct LoadArgs {
    /// The storages; all if left out
    #[arg(value_name = "STORAGE")]
    databases: Vec<String>,
    /// Only this project, or the projects of this client
    #[arg(long, value_name = "PROJECT")]
    project: Option<OsString>,
    /// Only this category; repeatable
    #[arg(long = "category", value_name = "CATEGORY")]
    categories: Vec<String>,
    /// Only storages whose last scan is older than this: 90s, 15m, 1h, 2d
    #[arg(long, value_name = "AGE", value_parser = unit::parse_duration)]
    older_than: Option<Duration>,
    /// Scan slowly while other programs use the disk, as with `set polite on`
    #[arg(long, conflicts_with = "forget")]
    polite: bool,
    /// Take over the index that the storage carries, instead of scanning it
    #[arg(long, conflicts_with_all = ["project", "categories", "older_than", "polite", "forget"])]
    published: bool,
    /// Remove this storage from the index; no file is touched
    #[arg(long, value_name = "STORAGE", conflicts_with_all = ["databases", "project", "categories", "older_than"])]
    forget: Option<String>,
    /// Forget without asking
    #[arg(long, requires = "forget")]
    yes: bool,
}

impl RunCommand for LoadArgs {
    type Answer = LoadAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<LoadAnswer> {
        let was_polite = workspace.registry.access().polite;
        workspace.set_polite(was_polite || self.polite);
        let loaded = self.load(workspace);
        workspace.set_polite(was_polite);
        loaded
    }
}

impl LoadArgs {
    fn load(&self, workspace: &mut Workspace) -> Result<LoadAnswer> {
        let begin = Instant::now();
        workspace.adopt_moved_databases(Reach::All)?;
        let databases = self.databases(&workspace.registry)?;
        let scan_scope = self.scan_scope(&workspace.registry, &workspace.last_answer)?;
        let (what, names) = (self.description(), database_names(&databases));
        let start = RunStart {
            command: "load",
            subject: &what,
            source: None,
            destination: Some(names.as_str()).filter(|names| !names.is_empty()),
        };
        let options = RunOptions::of(workspace, false, self.yes);
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let monitor = workspace.monitor.as_ref();
        let stale = self.stale_databases(index, registry, &databases, &scan_scope)?;
        let mut notices = Vec::new();
        let mut work = |index: &mut Index, _| match (options.dry_run, &self.forget) {
            (true, _) => self.plan(index, registry, &databases),
            (_, Some(_)) => forget(index, registry, &databases, options.confirmation),
            _ if self.published => take_over_all(index, registry, &databases, monitor),
            _ => {
                let (loaded, found) =
                    scan_stale(index, registry, &databases, &stale, &scan_scope, monitor)?;
                notices = found;
                Ok(loaded)
            }
        };
        let loaded = if stale.is_empty() && !databases.is_empty() && !options.dry_run {
            run::unrecorded(work(index, RunId::DRY_RUN)?)
        } else {
            run::execute((index, registry), &start, &options, monitor, work)?
        };
        if !options.dry_run && loaded.report.iter().all(|database| database.gone == 0) {
            // Reports a misspelled project as an error instead of as a scan without files.
            overview::known_projects(&workspace.index, &workspace.registry, &scan_scope.scope)?;
        }
        Ok(LoadAnswer {
            run: loaded.run,
            state: loaded.state,
            databases: loaded.report,
            notices,
            setup_hint: workspace.setup_hint(),
            has_unsaved_entries: workspace.registry.entries() != workspace.saved_registry.entries(),
            elapsed: begin.elapsed(),
        })
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        let registry = &workspace.registry;
        self.databases(registry)?;
        self.scan_scope(registry, &workspace.last_answer)?;
        match &self.project {
            Some(word) => check_scope(word, workspace),
            None => Ok(()),
        }
    }

    /// Returns what the run scans, for the history.
    fn description(&self) -> String {
        if self.forget.is_some() {
            return "forget".to_owned();
        }
        if self.published {
            return "published".to_owned();
        }
        let project = self.project.as_deref().map(quote);
        let categories = (!self.categories.is_empty()).then(|| self.categories.join(","));
        match (project, categories) {
            (None, None) => "all".to_owned(),
            (project, categories) => {
                let or_all = |word: Option<String>| word.unwrap_or_else(|| "all".to_owned());
                format!("{} {}", or_all(project), or_all(categories))
            }
        }
    }

    /// Returns the databases to scan or forget, with their totals from the index.
    fn plan(
        &self,
        index: &Index,
        registry: &Registry,
        databases: &[Database],
    ) -> Result<Vec<LoadedDatabase>> {
        let planned = if self.forget.is_some() {
            DatabaseState::WouldForget
        } else {
            DatabaseState::WouldScan
        };
        let databases = databases.iter().map(|database| {
            let known = scan::stored_summary(index, registry, database)?;
            Ok(LoadedDatabase::new(database, planned, &known))
        });
        databases.collect()
    }

    /// Returns the databases whose last scan is too old; all without `--older-than`.
    fn stale_databases<'a>(
        &self,
        index: &Index,
        registry: &Registry,
        databases: &'a [Database],
        scan_scope: &ScanScope<'_>,
    ) -> Result<Vec<&'a Database>> {
        let mut stale = Vec::new();
        for database in databases {
            if !is_recent(index, registry, database, scan_scope, self.older_than)? {
                stale.push(database);
            }
        }
        Ok(stale)
    }

    /// Returns the named databases, each once.
    fn databases(&self, registry: &Registry) -> Result<Vec<Database>> {
        if self.databases.is_empty() && self.forget.is_none() {
            return Ok(registry.databases().to_vec());
        }
        let mut named: Vec<Database> = Vec::new();
        for name in self.databases.iter().chain(&self.forget) {
            // A database that is named is expected to be online.
            let mut database = registry.database(name)?.clone();
            database.attributes.is_shelf = false;
            if !named.contains(&database) {
                named.push(database);
            }
        }
        Ok(named)
    }

    /// Returns the projects and categories to scan.
    fn scan_scope<'a>(&self, registry: &'a Registry, last: &LastAnswer) -> Result<ScanScope<'a>> {
        let scope = self
            .project
            .as_deref()
            .map_or(Ok(Scope::All), |word| last.scope(word))?;
        let mut scan_scope = ScanScope::all_categories(registry, scope);
        if !self.categories.is_empty() {
            scan_scope.categories.clear();
            for name in &self.categories {
                let category = registry.category(name)?;
                if !scan_scope.categories.contains(&category) {
                    scan_scope.categories.push(category);
                }
            }
        }
        Ok(scan_scope)
    }
}

impl RunReport for Vec<LoadedDatabase> {
    fn end(&self) -> RunEnd {
        let state = if self.iter().any(LoadedDatabase::is_planned) {
            RunState::Planned
        } else if self.iter().any(LoadedDatabase::needs_attention) {
            RunState::Partial
        } else {
            RunState::Complete
        };
        RunEnd {
            state,
            files: self.iter().map(|database| database.files).sum(),
            bytes: self.iter().map(|database| database.bytes).sum(),
            failed: self.iter().map(|database| database.unreadable).sum(),
            conflicts: 0,
            refused: 0,
        }
    }

    fn items(&self) -> Vec<RunItem<'_>> {
        Vec::new()
    }

    fn is_recorded(&self) -> bool {
        self.is_empty() || !self.iter().all(LoadedDatabase::is_unread)
    }
}

/// Scans the databases whose last scan is too old, and returns all.
fn scan_stale(
    index: &mut Index,
    registry: &Registry,
    databases: &[Database],
    stale: &[&Database],
    scan_scope: &ScanScope<'_>,
    monitor: &dyn Monitor,
) -> Result<(Vec<LoadedDatabase>, Vec<String>)> {
    let scans = scan_all(index, registry, stale, scan_scope, monitor)?;
    import_histories(index, registry, stale, monitor)?;
    let mut notices = Vec::new();
    if scan_scope.is_whole(registry) {
        let scanned: Vec<_> = stale.iter().copied().zip(&scans).collect();
        notices = layout_notices(index, registry, &scanned)?;
    }
    let mut scans = scans.into_iter();
    let summarize = |database| {
        let fresh = if stale.contains(&database) {
            scans.next()
        } else {
            None
        };
        let summary = fresh.map_or_else(|| scan::stored_summary(index, registry, database), Ok)?;
        let outcome = DatabaseState::Scanned(summary.state);
        let last_scan = index.database(&database.root)?.scanned_at;
        Ok(LoadedDatabase::new(database, outcome, &summary).scanned_at(last_scan))
    };
    let loaded = databases.iter().map(summarize).collect::<Result<_>>()?;
    Ok((loaded, notices))
}

/// Takes over the published indexes of databases.
fn take_over_all(
    index: &mut Index,
    registry: &Registry,
    databases: &[Database],
    monitor: &dyn Monitor,
) -> Result<Vec<LoadedDatabase>> {
    let layout = Layout::new(registry)?;
    let mut loaded = Vec::new();
    for database in databases {
        let begin = Instant::now();
        let taken = match publication::take_over(index, &layout, database) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                monitor.on_event(&ProgressEvent::Problem(&error));
                None
            }
            Ok(taken) => Some(taken),
        };
        let mut summary = scan::stored_summary(index, registry, database)?;
        summary.elapsed = begin.elapsed();
        if let Some(taken) = &taken {
            summary.changes = taken.taken.changes;
        }
        let last_scan = index.database(&database.root)?.scanned_at;
        let state = match taken {
            Some(_) => DatabaseState::TakenOver,
            None => DatabaseState::NotTakenOver,
        };
        let row = LoadedDatabase::new(database, state, &summary).scanned_at(last_scan);
        loaded.push(row.published(taken.map(|taken| taken.header.host)));
    }
    Ok(loaded)
}

/// True if the last scan of all of `scan_scope` is more recent than `older_than`.
fn is_recent(
    index: &Index,
    registry: &Registry,
    database: &Database,
    scan_scope: &ScanScope<'_>,
    older_than: Option<Duration>,
) -> Result<bool> {
    let known = index.database(&database.root)?;
    let (Some(limit), Some(id), None) = (older_than, known.id, known.offline_since) else {
        return Ok(false);
    };
    let is_fresh = |scanned_at: Option<Timestamp>| {
        // A time in the future comes from a clock that was set back.
        scanned_at.is_some_and(|at| at <= Timestamp::now() && at.age() < limit)
    };
    if is_fresh(known.scanned_at) {
        return Ok(true);
    }
    if scan_scope.is_whole(registry) {
        // The categories alone may leave out folders that could not be read.
        return Ok(false);
    }
    for category in &scan_scope.categories {
        if !is_fresh(index.category_scanned_at(id, category.key())?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes databases from the index, after confirmation.
fn forget(
    index: &mut Index,
    registry: &Registry,
    databases: &[Database],
    confirmation: Confirmation,
) -> Result<Vec<LoadedDatabase>> {
    let mut forgotten = Vec::new();
    for database in databases {
        let known = scan::stored_summary(index, registry, database)?;
        let files = unit::format_counted(known.files, "file");
        let question = format!(
            "remove `{}` ({files}) from the index? no file is touched",
            database.name
        );
        confirmation.require_plain(question)?;
        index.forget_database(&database.root)?;
        let mut summary = scan::stored_summary(index, registry, database)?;
        summary.changes.missing = known.files;
        forgotten.push(LoadedDatabase::new(
            database,
            DatabaseState::Forgotten,
            &summary,
        ));
    }
    Ok(forgotten)
}
