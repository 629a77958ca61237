//! A look at a database behind rclone: a listing of each category, set beside the index like what is walked on a disk.

use std::path::Path;
use std::sync::Arc;

use super::discover::{Discovery, ScanScope};
use super::walk::WalkSummary;
use super::{CompletedScan, emptied_error, expected_projects};
use crate::base::error::Result;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::Timestamp;
use crate::index::{Index, ScanStaging};
use crate::model::exclusion::Exclusions;
use crate::model::project::Scope;
use crate::model::registry::{Database, Registry};
use crate::snapshot::tree::Tree;
use crate::storage::RemoteStorage;
use crate::storage::availability::RootIds;

/// Lists everything in an extent, without writing.
pub(super) fn scan_remote<'a>(
    index: &Index,
    registry: &Registry,
    database: &Database,
    extent: &ScanScope<'a>,
    monitor: &dyn Monitor,
) -> Result<CompletedScan<'a>> {
    let began = Timestamp::now();
    let known = index.database(&database.root)?;
    let storage = RemoteStorage::open(index, database)?;
    let exclusions = Arc::new(Exclusions::new(registry.exclusion_rules())?);
    let discovery = discover(&storage, index, registry, extent, monitor)?;
    let mut staging = index
        .stage_scan(&known)?
        .with_exclusions(Arc::clone(&exclusions));
    let mut walked = WalkSummary::default();
    for (category, project) in discovery.replicas() {
        let tree = storage.tree(registry, &exclusions, category, project)?;
        if tree.folders.is_empty() && tree.failure().is_none() {
            walked.missing.push((category, project.clone()));
            continue;
        }
        let place = staging.begin_replica(&category.path, project)?;
        stage_tree(&mut walked, &mut staging, place, tree, monitor)?;
        staging.end_replica(place)?;
    }
    let drafted = staging.finish()?;
    let clients: usize = discovery
        .listings
        .iter()
        .map(|listing| listing.client_count)
        .sum();
    let is_blind = discovery.unreadable + walked.unreadable > 0 || walked.has_content;
    let whole = extent.is_whole(registry);
    if whole && known.files > 0 && known.identity.is_none() && !is_blind && clients == 0 {
        return Err(emptied_error(database, &known));
    }
    Ok(CompletedScan {
        previous: known,
        started: began,
        root_ids: RootIds::of_remote(storage.identity()),
        discovery,
        walked,
        staged: drafted,
        remote: Some(storage),
    })
}

/// What is in the categories.
fn discover<'a>(
    storage: &RemoteStorage,
    index: &Index,
    registry: &Registry,
    extent: &ScanScope<'a>,
    monitor: &dyn Monitor,
) -> Result<Discovery<'a>> {
    let known = index.database(&storage.database.root)?;
    let mut expected = expected_projects(index, &known, extent)?;
    let mut discovery = Discovery::default();
    for category in &extent.categories {
        let inner = registry.inner_categories(category);
        let mut listing = storage.list_projects(category, &extent.scope, &inner)?;
        match &extent.scope {
            Scope::Project(project) => {
                listing.projects.insert(project.clone());
            }
            Scope::Client(_) => expected.extend(listing.projects.iter().cloned()),
            Scope::All => {}
        }
        for problem in &listing.problems {
            discovery.unreadable += 1;
            monitor.on_event(&ProgressEvent::Problem(problem));
        }
        discovery.listings.push(listing);
    }
    if matches!(extent.scope, Scope::Client(_)) {
        for listing in &mut discovery.listings {
            listing.add_expected(&expected);
        }
    }
    Ok(discovery)
}

/// Takes in the tree of a replica.
fn stage_tree(
    walked: &mut WalkSummary<'_>,
    staging: &mut ScanStaging<'_>,
    place: usize,
    tree: Tree,
    monitor: &dyn Monitor,
) -> Result<()> {
    for problem in &tree.problems {
        walked.unreadable += 1;
        monitor.on_event(&ProgressEvent::Problem(&problem.error));
    }
    if let Some(step) = tree.proven_precision {
        staging.add_precision(place, step);
    }
    if tree.failure().is_some() {
        return staging.add_unreadable_folder(place, Path::new(""));
    }
    for (path, folder) in tree.folders {
        match folder.files {
            Some(files) => {
                walked.has_content |= files.totals.files > 0;
                monitor.on_event(&ProgressEvent::Folders(1));
                monitor.on_event(&ProgressEvent::Files(files.totals.files));
                staging.add_folder(place, files)?;
            }
            None => staging.add_unreadable_folder(place, &path)?,
        }
    }
    Ok(())
}
