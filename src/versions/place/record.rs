//! The record of changed files: their evidence moves with them, and their projects are scanned again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::change::FileChange;
use crate::base::error::Result;
use crate::base::monitor::Monitor;
use crate::base::name::Name;
use crate::index::{Index, OutcomeKind};
use crate::model::address;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Registry;
use crate::scan::discover::ScanScope;
use crate::scan::load::scan_all;
use crate::storage::Storage;
use crate::storage::version::run_folder::VersionFolder;
use crate::versions::report::VersionReport;

/// Moves what is known of the contents with the files: of what was there to the versions of this run, and of the versions to
/// their original folders.
pub(super) fn move_evidence(
    index: &mut Index,
    storage: &Storage,
    changes: &[FileChange],
    report: &VersionReport,
) -> Result<()> {
    let database = storage.database();
    let Some(id) = index.database_id(&database.root)? else {
        return Ok(());
    };
    // After an interruption, some changes have no result: nothing is known to have moved.
    let done = report
        .items
        .iter()
        .filter(|item| matches!(item.outcome, OutcomeKind::Restored | OutcomeKind::Deleted));
    let done: BTreeSet<&Path> = done.map(|item| item.path.as_path()).collect();
    let kept = report.version_folders.last();
    let kept = kept.and_then(|path| address::strip(&database.root, path));
    let mut folders: BTreeMap<(&Path, Option<&VersionFolder>), Vec<&Name>> = BTreeMap::new();
    for change in changes {
        if done.contains(database.path(&change.path()).as_path()) {
            let key = (change.folder.as_path(), change.version.as_ref());
            folders.entry(key).or_default().push(&change.name);
        }
    }
    for ((folder, version), names) in folders {
        let names = || names.iter().copied();
        match &kept {
            Some(kept) => index.move_evidence(id, [folder, &kept.join(folder)], names())?,
            None => index.forget_evidence(id, folder, names())?,
        }
        if let Some(version) = version {
            index.move_evidence(id, [&version.path().join(folder), folder], names())?;
        }
    }
    Ok(())
}

/// Scans the projects again.
pub(super) fn scan_again(
    index: &mut Index,
    registry: &Registry,
    storage: &Storage,
    changes: &[FileChange],
    monitor: &dyn Monitor,
) -> Result<()> {
    let database = storage.database();
    let projects: BTreeSet<ProjectId> = changes
        .iter()
        .filter_map(|change| {
            let mut categories = registry.categories().iter();
            categories.find_map(|category| category.locate(&change.folder))
        })
        .map(|(project, _)| project)
        .collect();
    if projects.is_empty() {
        return Ok(());
    }
    let scope =
        ScanScope::all_categories(registry, Scope::Projects(projects.into_iter().collect()));
    scan_all(index, registry, &[database], &scope, monitor).map(drop)
}
