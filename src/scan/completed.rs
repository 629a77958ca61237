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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::ScanState;
    use crate::scan::tests::{Studio, project};

    /// A studio whose index knows three replicas in `footage`.
    fn studio() -> Studio {
        let mut studio = Studio::new(&[
            "footage/acme/film/a",
            "footage/acme/spot/a",
            "footage/zoo/spot/a",
            "grades/acme/spot/a",
        ]);
        studio.scan_all();
        studio
    }

    /// Writes a listing of `footage` after this edit, and returns the number of missing files.
    fn write(studio: &mut Studio, is_complete: bool, edit: fn(&mut ProjectListing<'_>)) -> u64 {
        let root = studio.database().root;
        let known = studio.index.database(&root).unwrap();
        let mut listing = ProjectListing::empty(&studio.registry.categories()[0]);
        listing.projects.insert(project("acme", "spot"));
        edit(&mut listing);
        let writer = studio.index.write_scan(&root, &known).unwrap();
        let changes = write_listing(&writer, &listing, is_complete).unwrap();
        writer.finish(false).unwrap();
        changes.missing
    }

    #[test]
    fn complete_listing_deletes_unlisted_replicas() {
        let mut studio = studio();
        assert_eq!(write(&mut studio, true, |_| {}), 2);
        assert_eq!(studio.stored("footage"), ["acme/spot 1"]);
        assert!(studio.is_listed("footage"));
    }

    #[test]
    fn unreadable_or_partial_listing_deletes_nothing() {
        let mut studio = studio();
        assert_eq!(write(&mut studio, false, |_| {}), 0);
        assert_eq!(
            studio.stored("footage"),
            ["acme/film 1", "acme/spot 1", "zoo/spot 1"]
        );
        assert_eq!(
            write(&mut studio, true, |listing| listing.is_unreadable = true),
            0
        );
        assert_eq!(
            studio.stored("footage"),
            ["acme/film 1?", "acme/spot 1?", "zoo/spot 1?"]
        );
        assert!(!studio.is_listed("footage"));
    }

    #[test]
    fn unreadable_client_keeps_its_replicas() {
        let mut studio = studio();
        let missing = write(&mut studio, true, |listing| {
            listing.unreadable_clients.push("zoo".into());
        });
        assert_eq!(missing, 1);
        assert_eq!(studio.stored("footage"), ["acme/spot 1", "zoo/spot 1?"]);
        assert!(!studio.is_listed("footage"));
    }

    #[test]
    fn scan_that_read_nothing_deletes_nothing() {
        let mut studio = studio();
        studio.make_unreadable("footage");
        studio.remove("grades/acme");
        let summary = studio.scan_all();
        assert_eq!(
            (summary.state, summary.changes.missing),
            (ScanState::Partial, 0)
        );
        assert_eq!(studio.stored("grades"), ["acme/spot 1"]);
        // With content elsewhere, the missing project is known to be missing.
        studio.write("grades/zoo/film/a");
        assert_eq!(studio.scan_all().changes.missing, 1);
        assert_eq!(studio.stored("grades"), ["zoo/film 1"]);
        assert_eq!(studio.stored("footage").len(), 3);
    }

    #[test]
    fn only_a_whole_scan_counts_as_one() {
        let mut studio = Studio::new(&["footage/acme/spot/a"]);
        let is_whole = |studio: &Studio| {
            let known = studio.index.database(&studio.database().root).unwrap();
            known.scanned_at.is_some()
        };
        studio.scan(Scope::Client("acme".into()));
        assert!(!is_whole(&studio));
        let footage = vec![studio.registry.categories()[0].clone()];
        studio.scan_in(&footage, Scope::All);
        assert!(!is_whole(&studio));
        studio.write("grades");
        studio.scan_all();
        assert!(!is_whole(&studio));
        std::fs::remove_file(studio.path("grades")).unwrap();
        studio.scan_all();
        assert!(is_whole(&studio));
    }
}
