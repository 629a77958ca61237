//! The scan of a database behind rclone: its categories are listed.

use std::path::Path;
use std::sync::Arc;

use super::completed::CompletedScan;
use super::discover::{Baseline, Discovery, ScanScope};
use super::walk::WalkSummary;
use crate::base::error::Result;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::Timestamp;
use crate::index::{Index, ScanStaging};
use crate::model::project::Scope;
use crate::model::registry::{Database, Registry};
use crate::snapshot::tree::Tree;
use crate::storage::availability::RootIds;
use crate::storage::{Layout, RemoteStorage};

/// Lists everything in scope without writing.
pub(super) fn scan_remote<'a>(
    index: &Index,
    registry: &Registry,
    database: &Database,
    scan_scope: &ScanScope<'a>,
    monitor: &dyn Monitor,
) -> Result<CompletedScan<'a>> {
    let started = Timestamp::now();
    let known = index.database(&database.root)?;
    let layout = Layout::new(registry)?;
    let storage = RemoteStorage::open(index, &layout, database)?;
    let baseline = Baseline::load(index, &known, scan_scope)?;
    let scope = &scan_scope.scope;
    let discovery = Discovery::discover(
        registry,
        scan_scope,
        &baseline,
        &database.root,
        monitor,
        &mut |category, _| {
            let mut listing = storage.list_projects(category, scope)?;
            if let Scope::Project(project) = scope {
                listing.projects.insert(project.clone());
            }
            Ok(listing)
        },
    )?;
    let mut staging = index
        .stage_scan(&known)?
        .with_exclusions(Arc::clone(&layout.exclusions));
    let mut walked = WalkSummary::default();
    for (category, project) in discovery.replicas() {
        let tree = storage.tree(category, project)?;
        if tree.folders.is_empty() && tree.failure().is_none() {
            walked.missing.push((category, project.clone()));
            continue;
        }
        let replica = staging.begin_replica(&category.path, project)?;
        stage_tree(&mut walked, &mut staging, replica, tree, monitor)?;
        staging.end_replica(replica)?;
    }
    let scanned = CompletedScan {
        staged: staging.finish()?,
        previous: known,
        started,
        root_ids: RootIds::of_remote(storage.identity()),
        discovery,
        walked,
        remote: Some(storage),
    };
    refuse_emptied_database(database, registry, scan_scope, &scanned)?;
    Ok(scanned)
}

/// Refuses a remote without any client folder if the index knows files there. Unlike on a disk, only a scan of the whole
/// database is checked: listing the other categories would cost further requests.
fn refuse_emptied_database(
    database: &Database,
    registry: &Registry,
    scan_scope: &ScanScope<'_>,
    scanned: &CompletedScan<'_>,
) -> Result<()> {
    let mut listings = scanned.discovery.listings.iter();
    if scan_scope.is_whole(registry)
        && scanned.previous.files > 0
        && scanned.may_be_other_database()
        && listings.all(|listing| listing.client_count == 0)
    {
        return Err(scanned.emptied_error(database));
    }
    Ok(())
}

/// Adds the tree of a replica to the staging table.
fn stage_tree(
    walked: &mut WalkSummary<'_>,
    staging: &mut ScanStaging<'_>,
    replica: usize,
    tree: Tree,
    monitor: &dyn Monitor,
) -> Result<()> {
    for problem in &tree.problems {
        walked.report_problem(&problem.error, monitor);
    }
    if let Some(precision) = tree.proven_precision {
        staging.add_precision(replica, precision);
    }
    if tree.failure().is_some() {
        return staging.add_unreadable_folder(replica, Path::new(""));
    }
    for (path, folder) in tree.folders {
        match folder.files {
            Some(files) => {
                walked.has_content |= files.totals.files > 0;
                monitor.on_event(&ProgressEvent::Folders(1));
                monitor.on_event(&ProgressEvent::Files(files.totals.files));
                staging.add_folder(replica, files)?;
            }
            None => staging.add_unreadable_folder(replica, &path)?,
        }
    }
    Ok(())
}
