//! Reverses a run: what it added is moved away, what it replaced or removed is put back.
//!
//! Rule: it is all or nothing. A file that changed since the run is named, and then nothing is touched. An undo that was killed
//! is finished by the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use super::current::{CurrentEntries, CurrentEntry};
use super::list::{VersionList, VersionScope};
use super::place::{FileChange, make_changes};
use super::report::VersionReport;
use super::restore::{list_lines, take_lock};
use crate::base::confirmation::{Confirmation, Question};
use crate::base::error::{Error, Result};
use crate::base::monitor::Monitor;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::base::unit;
use crate::index::{Index, OutcomeKind, Run, RunId, RunState};
use crate::model::path::split_path;
use crate::model::project::Scope;
use crate::model::registry::{Database, Registry};
use crate::os::host;
use crate::os::stat::EntryKind;
use crate::storage::version::run_folder::VersionFolder;
use crate::storage::{Layout, Storage};

/// Commands whose runs can be undone.
const UNDONE_COMMANDS: [&str; 4] = ["copy", "sync", "heal", "free"];

/// The name of the command in the history.
pub const COMMAND: &str = "undo";

/// Returns the arguments in the history of an undo of this run.
pub fn subject(run: RunId) -> String {
    format!("run {run}")
}

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
    let refused = |why: String| Error::UndoRefused {
        run: request.run.0,
        why,
    };
    if !UNDONE_COMMANDS.contains(&undone.command.as_str()) {
        let commands = UNDONE_COMMANDS.join(", ");
        return Err(refused(format!(
            "it was a `{}`; {commands} can be undone",
            undone.command
        )));
    }
    refuse_renames(index, request.run)?;
    let layout = Layout::new(registry)?;
    let mut work = Vec::new();
    let mut altered = Vec::new();
    for database in destinations(registry, &undone) {
        let database = database?;
        let storage = Storage::open(index, &layout, database)?;
        let lock = take_lock(&storage, run, request.dry_run)?;
        let changes = reversal(index, registry, &storage, &undone, &mut altered)?;
        if !changes.is_empty() {
            work.push((storage, changes, lock));
        }
    }
    if !altered.is_empty() {
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
        return Err(refused(format!(
            "{files} changed since: {}{more}",
            named.join(", ")
        )));
    }
    if work.is_empty() {
        let earlier = earlier_undos(index, request.run)?;
        let earlier = earlier.iter().find(|undo| undo.state == RunState::Complete);
        return Err(refused(earlier.map_or_else(
            || "it left nothing that could be reversed".to_owned(),
            |undo| format!("run {} undid it", undo.id),
        )));
    }
    let mut report = VersionReport::default();
    if request.dry_run {
        for (storage, changes, _) in &work {
            report.plan(storage, changes);
        }
        report.elapsed = start.elapsed();
        return Ok(report);
    }
    require_consent(request, work.iter().flat_map(|(_, changes, _)| changes))?;
    for (storage, changes, lock) in work {
        let place = (&storage, run);
        make_changes(index, registry, place, &changes, monitor, &mut report);
        drop(lock);
    }
    report.elapsed = start.elapsed();
    Ok(report)
}

fn require_consent<'c>(
    request: &UndoRequest,
    changes: impl Iterator<Item = &'c FileChange>,
) -> Result<()> {
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

/// Returns the changes that reverse a run on one storage. Files that changed since are added to `altered`.
fn reversal(
    index: &Index,
    registry: &Registry,
    storage: &Storage,
    run: &Run,
    altered: &mut Vec<PathBuf>,
) -> Result<Vec<FileChange>> {
    let written = written_files(index, storage, run.id)?;
    let versions = VersionList::of_storage(storage)?;
    versions.require_complete()?;
    let mut changes = replaced_files(registry, &versions, run)?;
    let reversed_before = reversed_before(index, registry, &versions, run)?;
    for (path, file) in &written {
        let (folder, name) = split_path(path);
        changes.entry(path.clone()).or_insert_with(|| FileChange {
            folder: folder.to_owned(),
            name: Name::from(name),
            bytes: file.bytes,
            version: None,
            expected: None,
        });
    }
    let current = CurrentEntries::read(storage, changes.keys())?;
    let mut reversed = Vec::with_capacity(changes.len());
    for (path, mut change) in changes {
        let Ok(entry) = current.entry(&path) else {
            altered.push(storage.database().path(&path));
            continue;
        };
        let is_reversed = reversed_before.contains(&path);
        if is_reversed && change.version.is_none() {
            continue;
        }
        let is_as_left = match (written.get(&path), &entry) {
            (Some(written), Some(entry)) => written.is_same(entry),
            // It was added, and is gone already.
            (Some(_), None) if change.version.is_none() => continue,
            // It was removed, and nothing has its name.
            (None, None) => true,
            // A killed undo moved it away, and did not put the old version back.
            (Some(_), None) => is_reversed,
            (None, Some(_)) => false,
        };
        if !is_as_left {
            altered.push(storage.database().path(&path));
        }
        change.expected = entry.map(|current| current.entry);
        reversed.push(change);
    }
    Ok(reversed)
}

/// Returns the runs that undid a run, or began to.
fn earlier_undos(index: &Index, run: RunId) -> Result<Vec<Run>> {
    let subject = subject(run);
    let mut runs = index.runs(None)?;
    runs.retain(|one| one.command == COMMAND && one.subject.as_ref() == Some(&subject));
    Ok(runs)
}

/// Returns the files that an earlier undo of a run moved away on one storage. It may have been killed.
fn reversed_before(
    index: &Index,
    registry: &Registry,
    versions: &VersionList,
    run: &Run,
) -> Result<BTreeSet<PathBuf>> {
    let undos = earlier_undos(index, run.id)?;
    let mut moved = BTreeSet::new();
    versions.visit(registry, &all_versions(registry), &mut |version| {
        if undos.iter().any(|undo| is_of_run(version.folder, undo)) {
            moved.insert(version.place.join(version.name.as_path()));
        }
        Ok(())
    })?;
    Ok(moved)
}

fn all_versions(registry: &Registry) -> VersionScope<'_> {
    VersionScope {
        scope: Scope::All,
        categories: registry.categories().iter().collect(),
    }
}

/// Returns the files that a run replaced or removed on one storage, with the versions from before the run.
fn replaced_files(
    registry: &Registry,
    versions: &VersionList,
    run: &Run,
) -> Result<BTreeMap<PathBuf, FileChange>> {
    let mut changes: BTreeMap<PathBuf, FileChange> = BTreeMap::new();
    versions.visit(registry, &all_versions(registry), &mut |version| {
        if is_of_run(version.folder, run) {
            let path = version.place.join(version.name.as_path());
            // Each attempt at a remote keeps what it replaces: the first version is the one from before the run.
            changes.entry(path).or_insert_with(|| FileChange {
                folder: version.place.to_owned(),
                name: version.name.clone(),
                bytes: version.bytes,
                version: Some(version.folder.clone()),
                expected: None,
            });
        }
        Ok(())
    })?;
    Ok(changes)
}

/// A file as a run wrote it.
#[derive(Clone, Copy, Debug)]
struct WrittenFile {
    bytes: u64,
    modified: Timestamp,
    is_link: bool,
}

impl WrittenFile {
    /// True if an entry has this size and time, as far as its storage knows them.
    fn is_same(&self, current: &CurrentEntry) -> bool {
        let entry = &current.entry;
        if self.is_link {
            return entry.kind == EntryKind::Link;
        }
        let is_same_time = TimePrecision::ALL
            .iter()
            .any(|precision| self.modified.equals_at(entry.modified, *precision))
            || self.modified.may_be_stored_as(entry.modified);
        entry.kind == EntryKind::File
            && (entry.bytes == self.bytes || !current.has_size)
            && (is_same_time || !current.has_time)
    }
}

/// Returns the files that a run wrote to a storage, by their paths below its root.
fn written_files(
    index: &Index,
    storage: &Storage,
    run: RunId,
) -> Result<BTreeMap<PathBuf, WrittenFile>> {
    let mut written = BTreeMap::new();
    index.visit_run_files(run, &mut |folder| {
        if folder.root != storage.database().root {
            return Ok(true);
        }
        let mut files = folder.files();
        while let Some(file) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            let path: PathBuf = folder.folder.join(name.as_path()).components().collect();
            let is_link = file.target.is_some();
            written.insert(
                path,
                WrittenFile {
                    bytes: file.bytes,
                    modified: file.modified,
                    is_link,
                },
            );
        }
        Ok(true)
    })?;
    Ok(written)
}

/// True if a folder of old versions is of this run of this host.
fn is_of_run(folder: &VersionFolder, run: &Run) -> bool {
    let end = run.ended.map_or(i64::MAX, |ended| ended.seconds + 2);
    folder.run == run.id
        && host::is_own_name(&folder.host)
        && (run.started.seconds - 2..=end).contains(&folder.at.seconds)
}
