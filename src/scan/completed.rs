//! A scan that has read everything and not yet written anything.

use super::discover::{Discovery, ScanScope};
use super::walk::WalkSummary;
use crate::base::error::{Error, Result};
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::{Index, KnownDatabase, ScanChanges, ScanWriter, StagedScan};
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Database, Registry};
use crate::snapshot::discovery::ProjectListing;
use crate::storage::RemoteStorage;
use crate::storage::availability::RootIds;

/// Results of a scan, ready to be written to the index.
pub(super) struct CompletedScan<'a> {
    /// The database as the index knew it when the scan began.
    pub(super) previous: KnownDatabase,
    pub(super) started: Timestamp,
    pub(super) root_ids: RootIds,
    pub(super) discovery: Discovery<'a>,
    pub(super) walked: WalkSummary<'a>,
    pub(super) staged: StagedScan,
    /// The open database, if it is behind rclone.
    pub(super) remote: Option<RemoteStorage>,
}

impl CompletedScan<'_> {
    pub(super) fn unreadable(&self) -> u64 {
        self.discovery.unreadable + self.walked.unreadable
    }

    /// Writes the differences to the index. Reads nothing from the storage, because other processes wait for the index.
    pub(super) fn write(
        &self,
        index: &mut Index,
        registry: &Registry,
        database: &Database,
        scan_scope: &ScanScope<'_>,
    ) -> Result<ScanChanges> {
        // If every folder that was found is unreadable, nothing is known to be missing.
        let is_blind = self.unreadable() > 0 && !self.walked.has_content;
        let is_listed = scan_scope.scope == Scope::All && !is_blind;
        let writer = index
            .write_scan(&database.root, &self.previous)?
            .started_at(self.started);
        let ids = &self.root_ids;
        writer.record_root(ids.identity.as_deref(), ids.root_id.as_deref())?;
        let mut changes = writer.write_replicas(&self.staged)?;
        for (category, project) in &self.walked.missing {
            changes += writer.record_missing(&category.path, project)?;
        }
        for mount in &self.discovery.mounts {
            writer.record_mount(mount)?;
        }
        for listing in &self.discovery.listings {
            changes += write_listing(&writer, listing, is_listed)?;
        }
        let is_whole = is_listed && self.unreadable() == 0 && scan_scope.is_whole(registry);
        writer.finish(is_whole)?;
        Ok(changes)
    }

    /// True if the scan found no content in a database that no identity file identifies. The root may then be another
    /// disk, or a mount point that holds only category folders.
    pub(super) fn may_be_other_database(&self) -> bool {
        self.previous.identity.is_none() && self.unreadable() == 0 && !self.walked.has_content
    }

    /// Reports a database without clients as offline, so that it is never recorded as empty.
    pub(super) fn emptied_error(&self, database: &Database) -> Error {
        let files = unit::format_counted(self.previous.files, "file");
        Error::Offline {
            database: database.name.clone(),
            root: database.root.clone(),
            why: format!("holds no client in any category, though the index knows {files} there"),
            may_be_right_disk: true,
        }
    }
}

/// Writes the listing of a category. Replicas that it lacks are deleted from the index only if `is_complete`.
fn write_listing(
    writer: &ScanWriter<'_>,
    listing: &ProjectListing<'_>,
    is_complete: bool,
) -> Result<ScanChanges> {
    let category = &listing.category.path;
    let mut changes = ScanChanges::default();
    if listing.is_unreadable {
        writer.record_unreadable(category, None)?;
        return Ok(changes);
    }
    if is_complete {
        changes = writer.delete_unlisted_replicas(category, &|project: &ProjectId| {
            listing.projects.contains(project)
                || listing.unreadable_clients.contains(&project.client)
        })?;
        if listing.unreadable_clients.is_empty() {
            writer.record_category_scan(category)?;
        }
    }
    for client in &listing.unreadable_clients {
        writer.record_unreadable(category, Some(client))?;
    }
    Ok(changes)
}
