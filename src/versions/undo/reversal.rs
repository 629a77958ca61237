//! The changes that reverse a run on one storage, from its old versions and from the files that it wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::index::{Index, Run, RunId};
use crate::model::path::split_path;
use crate::model::project::Scope;
use crate::model::registry::Registry;
use crate::os::host;
use crate::os::stat::EntryKind;
use crate::storage::Storage;
use crate::storage::version::run_folder::VersionFolder;
use crate::versions::current::{CurrentEntries, CurrentEntry};
use crate::versions::list::{VersionList, VersionScope};
use crate::versions::place::FileChange;

/// The name of the command in the history.
pub const COMMAND: &str = "undo";

/// Returns the arguments in the history of an undo of this run.
pub fn subject(run: RunId) -> String {
    format!("run {run}")
}

/// Returns the changes that reverse a run on one storage. Files that changed since are added to `altered`.
pub(super) fn reversal(
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
        let entry = current.entry(&path)?;
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
pub(super) fn earlier_undos(index: &Index, run: RunId) -> Result<Vec<Run>> {
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
