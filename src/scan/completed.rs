//! A scan that has read everything and not yet written anything.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use super::absent::{AbsentCategory, find_absent};
use super::discover::{ScanScope, discover, replicas};
use super::emptied::refuse_emptied;
use crate::base::error::Result;
use crate::base::monitor::Monitor;
use crate::index::{Index, ScanChanges, ScanWriter};
use crate::model::outside::OutsideListing;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Registry;
use crate::snapshot::discovery::ProjectListing;
use crate::storage::Storage;
use crate::storage::observation::{Observation, ObservationBuilder};

/// Results of a scan, ready to be written to the index.
pub(super) struct CompletedScan<'a> {
    pub(super) start: Instant,
    pub(super) storage: Storage,
    /// One listing for each category.
    listings: Vec<ProjectListing<'a>>,
    observation: Observation,
    /// What lies in no project, after a scan of the whole database.
    outside: Option<OutsideListing>,
    /// Categories without a folder, likewise.
    pub(super) absent: Vec<AbsentCategory>,
}

impl<'a> CompletedScan<'a> {
    /// Reads everything in scope without writing.
    pub(super) fn read(
        index: &Index,
        registry: &Registry,
        storage: Storage,
        scan_scope: &ScanScope<'a>,
        monitor: &dyn Monitor,
    ) -> Result<Self> {
        let start = Instant::now();
        let (database, root) = (storage.database(), storage.observed_root());
        let mut builder = ObservationBuilder::start(index, database, root)?
            .with_exclusions(&storage.layout().exclusions);
        let mut discovery = storage.discovery();
        let listings = discover(index, &storage, &mut discovery, scan_scope, monitor)?;
        let (mut outside, mut absent) = (None, Vec::new());
        if scan_scope.is_whole(registry) {
            let unread = listings.iter().flat_map(|listing| &listing.unread);
            let unread = unread.map(|unread| unread.path.clone()).collect();
            let found = discovery.find_outside(&scan_scope.categories, unread)?;
            absent = find_absent(&mut discovery, &listings, &found);
            outside = Some(found);
        }
        drop(discovery);
        for listing in &listings {
            builder.add_category(listing.category);
        }
        let replicas: Vec<_> = replicas(&listings)
            .map(|(category, project)| (category, project.clone()))
            .collect();
        storage.observe(&replicas, &mut builder, monitor)?;
        let scan = Self {
            start,
            observation: builder.finish()?,
            storage,
            listings,
            outside,
            absent,
        };
        if scan.unreadable() == 0 && !scan.observation.has_content {
            let known = &scan.observation.previous;
            refuse_emptied(registry, scan_scope, &scan.storage, known)?;
        }
        Ok(scan)
    }

    /// Number of files and folders that could not be read.
    pub(super) fn unreadable(&self) -> u64 {
        let unread = self.listings.iter().flat_map(|listing| &listing.unread);
        let folders: BTreeSet<&Path> = unread.map(|unread| &*unread.path).collect();
        folders.len() as u64 + self.observation.unreadable
    }

    /// Writes the differences to the index. Reads nothing from the storage, because other processes wait for the index.
    pub(super) fn write(
        &self,
        index: &mut Index,
        registry: &Registry,
        scan_scope: &ScanScope<'_>,
    ) -> Result<ScanChanges> {
        // If every folder that was found is unreadable, nothing is known to be missing.
        let is_blind = self.unreadable() > 0 && !self.observation.has_content;
        let is_listed = scan_scope.scope == Scope::All && !is_blind;
        let (writer, mut changes) = self.observation.begin_write(index)?;
        for listing in &self.listings {
            changes += write_listing(&writer, listing, is_listed)?;
        }
        if let Some(outside) = self.outside.as_ref().filter(|_| is_listed) {
            writer.record_outside(outside)?;
        }
        let is_whole = is_listed && self.unreadable() == 0 && scan_scope.is_whole(registry);
        writer.finish(is_whole)?;
        Ok(changes)
    }
}

/// Writes the listing of a category. Replicas that it lacks are deleted from the index only if `is_complete`.
fn write_listing(
    writer: &ScanWriter<'_>,
    listing: &ProjectListing<'_>,
    is_complete: bool,
) -> Result<ScanChanges> {
    let category = listing.category.key();
    let mut changes = ScanChanges::default();
    if listing.is_unreadable() {
        writer.record_unreadable(category, &|_| true)?;
        return Ok(changes);
    }
    if is_complete {
        changes = writer.delete_unlisted_replicas(category, &|project: &ProjectId| {
            listing.projects.contains(project) || listing.is_unknown(project)
        })?;
        if listing.unread.is_empty() {
            writer.record_category_scan(category)?;
        }
    }
    if !listing.unread.is_empty() {
        writer.record_unreadable(category, &|project| listing.is_unknown(project))?;
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::error::Error;
    use crate::base::timestamp::Timestamp;
    use crate::os::folder::Folder;
    use crate::scan::ScanState;
    use crate::scan::tests::{Studio, project};
    use crate::snapshot::discovery::UnreadFolder;
    use crate::snapshot::time_alias::AlteredTime;
    use crate::storage::Layout;

    const SHOTS: &str = "footage/acme/spot/shots";

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

    fn unread(folder: &str) -> UnreadFolder {
        UnreadFolder {
            path: folder.into(),
            error: Error::Interrupted,
        }
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
            write(&mut studio, true, |listing| listing
                .unread
                .push(unread("footage"))),
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
            listing.unread.push(unread("footage/zoo"));
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
        fs::remove_file(studio.path("grades")).unwrap();
        studio.scan_all();
        assert!(is_whole(&studio));
    }

    /// A scanned studio in which the files of this folder are gone.
    fn studio_without(folder: &str) -> Studio {
        let mut studio = Studio::new(&[
            "footage/acme/spot/a",
            "footage/acme/spot/shots/b",
            "footage/zoo/film/c",
        ]);
        studio.scan_all();
        studio.remove(folder);
        studio
    }

    /// True if `NAS` holds anything.
    fn has_content(studio: &Studio) -> bool {
        let (database, scope) = (studio.database(), studio.scope(Scope::All));
        let (index, registry) = (&studio.index, &studio.registry);
        let layout = Layout::new(registry).unwrap();
        let storage = Storage::open(index, &layout, &database).unwrap();
        let scan = CompletedScan::read(index, registry, storage, &scope, &studio.messages);
        scan.unwrap().observation.has_content
    }

    #[test]
    fn missing_mount_in_a_replica_keeps_its_files() {
        for is_folder in [true, false] {
            let mut studio = studio_without(SHOTS);
            studio.record_mount(SHOTS);
            if is_folder {
                studio.write("footage/acme/spot/shots/unrelated");
            }
            let summary = studio.scan_all();
            assert_eq!(summary.state, ScanState::Partial);
            assert_eq!(summary.changes, ScanChanges::default());
            assert_eq!(studio.stored("footage"), ["acme/spot 2?", "zoo/film 1"]);
            assert!(studio.messages.text().contains("is not mounted now"));
        }
    }

    #[test]
    fn missing_mount_of_a_replica_is_no_deletion() {
        for mount in ["footage/acme/spot", "footage/acme", "footage"] {
            let mut studio = studio_without("footage/acme/spot");
            studio.record_mount(mount);
            let summary = studio.scan_all();
            assert_eq!(
                (summary.state, summary.changes.missing),
                (ScanState::Partial, 0)
            );
            assert_eq!(studio.stored("footage")[0], "acme/spot 2?", "{mount}");
        }
    }

    #[test]
    fn excluded_mount_is_not_missed() {
        let mut studio = studio_without(SHOTS);
        studio.registry.add_exclusion("shots/");
        studio.record_mount(SHOTS);
        assert_eq!(studio.scan_all().state, ScanState::Complete);
        assert_eq!(studio.stored("footage"), ["acme/spot 1", "zoo/film 1"]);
    }

    #[test]
    fn deleted_folder_without_mount_is_missing() {
        let mut studio = studio_without(SHOTS);
        assert_eq!(studio.scan_all().changes.missing, 1);
        assert_eq!(studio.stored("footage"), ["acme/spot 1", "zoo/film 1"]);
        studio.remove("footage/acme/spot");
        studio.scan(Scope::Project(project("acme", "spot")));
        assert_eq!(studio.stored("footage"), ["acme/spot -", "zoo/film 1"]);
    }

    #[test]
    fn folders_alone_are_no_content() {
        let mut studio = Studio::new(&[]);
        fs::create_dir_all(studio.path(SHOTS)).unwrap();
        assert!(!has_content(&studio));
        studio.write("footage/acme/spot/shots/a.tmp");
        assert!(has_content(&studio));
        studio.registry.add_exclusion("*.tmp");
        assert!(has_content(&studio));
    }

    #[test]
    fn altered_time_is_no_change() {
        let mut studio = Studio::new(&["footage/acme/spot/a"]);
        let folder = Folder::open(&studio.path("footage/acme/spot")).unwrap();
        let [original, reported] = [1001, 1000].map(|seconds| Timestamp {
            seconds,
            nanoseconds: 0,
        });
        folder.set_modified("a".as_ref(), original).unwrap();
        studio.scan_all();
        let id = studio.index.database_id(&studio.database().root).unwrap();
        let time = AlteredTime {
            bytes: 5,
            reported,
            original,
        };
        let times = [("footage/acme/spot".into(), [("a".into(), time)].into())].into();
        studio.index.add_altered_times(id.unwrap(), &times).unwrap();
        folder.set_modified("a".as_ref(), reported).unwrap();
        assert_eq!(studio.scan_all().changes.changed, 0);
        folder
            .set_modified("a".as_ref(), Timestamp::default())
            .unwrap();
        assert_eq!(studio.scan_all().changes.changed, 1);
    }
}
