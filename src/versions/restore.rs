//! Puts old versions of files back.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use super::current::CurrentEntries;
use super::list::{KeptVersion, VersionList, VersionScope};
use super::place::{FileChange, make_changes};
use super::report::{VersionItem, VersionReport};
use crate::base::confirmation::{Confirmation, Question};
use crate::base::error::Result;
use crate::base::monitor::Monitor;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::{Index, OutcomeKind, RunId};
use crate::model::registry::{Database, Registry};
use crate::storage::lock::Lock;
use crate::storage::{Layout, Storage};

/// The versions that are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichVersion {
    /// The newest of each file.
    Newest,
    /// Those that this run kept.
    OfRun(RunId),
    /// Those that were current at this time.
    AsOf(Timestamp),
}

/// A request to put versions back.
#[derive(Debug)]
pub struct RestoreRequest<'a> {
    pub scope: VersionScope<'a>,
    pub target: &'a Database,
    /// Only this file, or the files in this folder, below the projects' folders.
    pub path: Option<PathBuf>,
    pub which: WhichVersion,
    pub dry_run: bool,
    pub confirmation: Confirmation,
}

/// Puts versions back.
///
/// # Errors
/// The target is offline or locked; its versions cannot all be read; the user declines.
pub fn restore(
    index: &mut Index,
    registry: &Registry,
    request: &RestoreRequest<'_>,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<VersionReport> {
    let start = Instant::now();
    let storage = Storage::open(index, &Layout::new(registry)?, request.target)?;
    let lock = take_lock(&storage, run, request.dry_run)?;
    let changes = chosen(registry, request, &storage)?;
    let mut report = VersionReport::default();
    if request.dry_run {
        report.plan(&storage, &changes);
        report.elapsed = start.elapsed();
        return Ok(report);
    }
    if !changes.is_empty() {
        if request.confirmation.is_interactive() {
            request.confirmation.require(&question(request, &changes))?;
        }
        let place = (&storage, run);
        make_changes(index, registry, place, &changes, monitor, &mut report);
    }
    report.add_loss(&request.target.root, lock.as_ref());
    drop(lock);
    report.elapsed = start.elapsed();
    Ok(report)
}

/// Takes the lock of a storage, unless nothing will be written.
pub(super) fn take_lock(storage: &Storage, run: RunId, dry_run: bool) -> Result<Option<Lock>> {
    (!dry_run).then(|| storage.lock(run)).transpose()
}

fn question(request: &RestoreRequest<'_>, changes: &[FileChange]) -> Question {
    let replaced = changes
        .iter()
        .filter(|change| change.expected.is_some())
        .count() as u64;
    let kept = match replaced {
        0 => String::new(),
        number => format!(
            " (the current {} kept)",
            if number == 1 {
                "file is".to_owned()
            } else {
                format!("{number} files are")
            }
        ),
    };
    Question {
        text: format!(
            "Put {} back on {}{kept}?",
            unit::format_counted(changes.len() as u64, "version"),
            request.target.name
        ),
        list: list_lines(changes),
    }
}

/// Returns a line for each change.
pub(super) fn list_lines(changes: &[FileChange]) -> Vec<String> {
    let lines = changes.iter().map(|change| {
        let path = change.folder.join(change.name.as_path());
        format!("  {}", Name::from(path.as_path()))
    });
    lines.collect()
}

/// Returns the changes that put the chosen versions back.
fn chosen(
    registry: &Registry,
    request: &RestoreRequest<'_>,
    storage: &Storage,
) -> Result<Vec<FileChange>> {
    let versions = VersionList::of_storage(storage)?;
    // A newer version might be among those that cannot be read.
    versions.require_complete()?;
    let mut chosen: BTreeMap<PathBuf, FileChange> = BTreeMap::new();
    versions.visit(registry, &request.scope, &mut |version| {
        let path = version.place.join(version.name.as_path());
        if !is_meant(request, version) {
            return Ok(());
        }
        let known = chosen.get(&path).and_then(|change| change.version.as_ref());
        // The visits of a file are in the order of time.
        let is_better = match request.which {
            WhichVersion::Newest => true,
            WhichVersion::OfRun(run) => version.folder.run == run,
            WhichVersion::AsOf(time) => known.is_none() && version.folder.at >= time,
        };
        if is_better {
            let change = FileChange {
                folder: version.place.to_owned(),
                name: version.name.clone(),
                bytes: version.bytes,
                version: Some(version.folder.clone()),
                expected: None,
            };
            chosen.insert(path, change);
        }
        Ok(())
    })?;
    let current = CurrentEntries::read(storage, chosen.keys())?;
    for (path, change) in &mut chosen {
        // What cannot be looked at fails when it is put back, because nothing may be replaced there.
        let entry = current.entry(path).ok().flatten();
        change.expected = entry.map(|current| current.entry);
    }
    Ok(chosen.into_values().collect())
}

/// True if a version is of the requested file, or in the requested folder.
fn is_meant(request: &RestoreRequest<'_>, version: &KeptVersion<'_>) -> bool {
    let Some(wanted) = &request.path else {
        return true;
    };
    let path = version.place.join(version.name.as_path());
    let located = request.scope.locate(version.place);
    located.is_some_and(|(project, category)| {
        let replica = category.replica_path(&project);
        path.starts_with(replica.join(wanted))
    })
}

impl VersionReport {
    /// Adds changes that would be made.
    pub(super) fn plan(&mut self, storage: &Storage, changes: &[FileChange]) {
        for change in changes {
            self.bytes = self.bytes.saturating_add(change.bytes);
            let path = change.folder.join(change.name.as_path());
            self.items.push(VersionItem {
                path: storage.database().path(&path),
                outcome: OutcomeKind::Planned,
                bytes: change.bytes,
                reason: Some(match (&change.version, &change.expected) {
                    (None, _) => "move to the old versions".to_owned(),
                    (Some(_), None) => "put back".to_owned(),
                    (Some(_), Some(_)) => "put back, and keep the current one".to_owned(),
                }),
            });
        }
    }
}
