//! Reverses a run: what it added is moved away, what it replaced or removed is put back.
//!
//! Rule: it is all or nothing. A file that changed since the run is named, and then nothing is touched. An undo that was killed
//! is finished by the next one.

mod reversal;

use std::path::PathBuf;
use std::time::Instant;

pub use self::reversal::{COMMAND, subject};
use self::reversal::{earlier_undos, reversal};
use super::place::{FileChange, make_changes};
use super::report::VersionReport;
use super::restore::{list_lines, take_lock};
use crate::base::confirmation::{Confirmation, Question};
use crate::base::error::{Error, Result};
use crate::base::monitor::Monitor;
use crate::base::name::Name;
use crate::base::unit;
use crate::index::{Index, OutcomeKind, Run, RunId, RunState};
use crate::model::registry::{Database, Registry};
use crate::storage::lock::Lock;
use crate::storage::{Layout, Storage};

/// Commands whose runs can be undone.
const UNDONE_COMMANDS: [&str; 5] = ["copy", "offload", "sync", "heal", "free"];

/// Number of changed files that a refusal names.
const MAX_NAMED: usize = 5;

/// A request to undo a run.
#[derive(Debug)]
pub struct UndoRequest {
    pub run: RunId,
    pub dry_run: bool,
    pub confirmation: Confirmation,
}

/// Undoes a run on all storages that it wrote to.
///
/// # Errors
/// [`Error::UndoRefused`] if its command cannot be undone, a storage is offline, or a file changed since; the user declines.
pub fn undo(
    index: &mut Index,
    registry: &Registry,
    request: &UndoRequest,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<VersionReport> {
    let start = Instant::now();
    let undone = index.run(request.run)?;
    if !UNDONE_COMMANDS.contains(&undone.command.as_str()) {
        let commands = UNDONE_COMMANDS.join(", ");
        return Err(Error::UndoRefused {
            run: request.run.0,
            why: format!("it was a `{}`; {commands} can be undone", undone.command),
        });
    }
    refuse_renames(index, request.run)?;
    let work = plan(index, registry, &undone, (run, request.dry_run))?;
    let mut report = VersionReport::default();
    if request.dry_run {
        for reversal in &work {
            report.plan(&reversal.storage, &reversal.changes);
        }
        report.elapsed = start.elapsed();
        return Ok(report);
    }
    require_consent(request, &work)?;
    for reversal in work {
        let (place, changes) = ((&reversal.storage, run), &reversal.changes);
        make_changes(index, registry, place, changes, monitor, &mut report);
        let root = &reversal.storage.database().root;
        report.add_loss(root, reversal.lock.as_ref());
    }
    report.elapsed = start.elapsed();
    Ok(report)
}

/// What an undo changes on one storage.
struct Reversal {
    storage: Storage,
    changes: Vec<FileChange>,
    /// Held until the changes are made.
    lock: Option<Lock>,
}

/// Plans the undo of a run on all its storages.
///
/// # Errors
/// [`Error::UndoRefused`] if a file changed since, or there is nothing to do.
fn plan(
    index: &Index,
    registry: &Registry,
    undone: &Run,
    (run, dry_run): (RunId, bool),
) -> Result<Vec<Reversal>> {
    let layout = Layout::new(registry)?;
    let mut work = Vec::new();
    let mut altered = Vec::new();
    for database in destinations(registry, undone) {
        let storage = Storage::open(index, &layout, database?)?;
        let lock = take_lock(&storage, run, dry_run)?;
        let changes = reversal(index, registry, &storage, undone, &mut altered)?;
        if !changes.is_empty() {
            work.push(Reversal {
                storage,
                changes,
                lock,
            });
        }
    }
    let why = if !altered.is_empty() {
        altered_words(&altered)
    } else if work.is_empty() {
        let earlier = earlier_undos(index, undone.id)?;
        let earlier = earlier.iter().find(|undo| undo.state == RunState::Complete);
        earlier.map_or_else(
            || "it left nothing that could be reversed".to_owned(),
            |undo| format!("run {} undid it", undo.id),
        )
    } else {
        return Ok(work);
    };
    let run = undone.id.0;
    Err(Error::UndoRefused { run, why })
}

/// Names the files that changed since a run, the first ones of many.
fn altered_words(altered: &[PathBuf]) -> String {
    let named: Vec<String> = altered
        .iter()
        .take(MAX_NAMED)
        .map(|path| format!("`{}`", Name::from(path.as_path())))
        .collect();
    let more = altered.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let files = unit::format_counted(altered.len() as u64, "file");
    format!("{files} changed since: {}{more}", named.join(", "))
}

fn require_consent(request: &UndoRequest, work: &[Reversal]) -> Result<()> {
    let changes = work.iter().flat_map(|reversal| &reversal.changes);
    let changes: Vec<FileChange> = changes.cloned().collect();
    let back = changes
        .iter()
        .filter(|change| change.version.is_some())
        .count() as u64;
    let away = changes.len() as u64 - back;
    let mut parts = Vec::new();
    if back > 0 {
        parts.push(format!("put {} back", unit::format_counted(back, "file")));
    }
    if away > 0 {
        let files = unit::format_counted(away, "added file");
        parts.push(format!("move {files} to the old versions"));
    }
    request.confirmation.require(&Question {
        text: format!("Undo run {}: {}?", request.run, parts.join(", ")),
        list: list_lines(&changes),
    })
}

/// Returns the databases that a run wrote to.
fn destinations<'r>(registry: &'r Registry, run: &Run) -> Vec<Result<&'r Database>> {
    let names = run.destination.as_deref().unwrap_or_default();
    let names = names.split(',').filter(|name| !name.is_empty());
    names.map(|name| registry.database(name)).collect()
}

/// Refuses a run that renamed files: their old names are not recorded.
fn refuse_renames(index: &Index, run: RunId) -> Result<()> {
    let mut renamed = 0;
    index.visit_run_items(run, &mut |item| {
        renamed += u64::from(item.outcome == OutcomeKind::Moved);
        Ok(true)
    })?;
    if renamed == 0 {
        return Ok(());
    }
    let files = unit::format_counted(renamed, "file");
    Err(Error::UndoRefused {
        run: run.0,
        why: format!("it renamed {files}, and renames are not undone"),
    })
}
