//! The files of replicas that are taken over, staged like those of a scan.

use rusqlite::Row;

use super::file::Publication;
use super::replica::PublishedReplica;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::index::checksum::{corruption_error, verify_row};
use crate::index::foreign::{ForeignFailure, checked_folder};
use crate::index::host::ForeignHosts;
use crate::index::{Index, KnownDatabase, ScanStaging, StagedScan};
use crate::snapshot::tree::ScannedFolder;

/// Stages the present ones of these replicas, which are sorted by id.
pub(super) fn stage(
    index: &Index,
    known: &KnownDatabase,
    publication: &Publication,
    (replicas, hosts): (&[PublishedReplica], &ForeignHosts),
) -> Result<StagedScan> {
    let mut stager = Stager {
        staging: index.stage_scan(known)?,
        replicas,
        hosts,
        current: None,
        before: i64::MIN,
        ended: 0,
    };
    let sql = "SELECT replica_id, path, fingerprints, manifest, checksum FROM published_folders ORDER BY id";
    publication.visit(sql, &mut |row| stager.add(row))?;
    stager.end().map_err(|failure| match failure {
        ForeignFailure::Foreign(error) => publication.damaged(&error),
        ForeignFailure::Own(error) => error,
    })?;
    let present = replicas.iter().filter(|replica| replica.present).count();
    publication.require(stager.ended == present)?;
    stager.staging.finish()
}

/// Adds folders, which are sorted by replica.
struct Stager<'a> {
    staging: ScanStaging<'a>,
    replicas: &'a [PublishedReplica],
    hosts: &'a ForeignHosts,
    /// The replica of the last folder, its place in the scan, and the number of its folders so far.
    current: Option<(&'a PublishedReplica, usize, u64)>,
    /// The replica of the last folder, whether it is taken over or not.
    before: i64,
    /// Number of replicas that were staged.
    ended: usize,
}

impl Stager<'_> {
    fn add(&mut self, row: &Row<'_>) -> Result<(), ForeignFailure> {
        let replica: i64 = row.get(0).map_err(ForeignFailure::Foreign)?;
        if replica != self.before {
            self.begin(replica)?;
        }
        let Some((_, place, folders)) = &mut self.current else {
            return Ok(());
        };
        *folders += 1;
        let folder = read_folder(row).map_err(ForeignFailure::Foreign)?;
        self.staging
            .add_folder(*place, folder)
            .map_err(ForeignFailure::Own)
    }

    fn begin(&mut self, id: i64) -> Result<(), ForeignFailure> {
        interrupt::check().map_err(ForeignFailure::Own)?;
        if id < self.before {
            return Err(ForeignFailure::Foreign(corruption_error(
                "folders are not sorted",
            )));
        }
        self.before = id;
        self.end()?;
        let found = self
            .replicas
            .binary_search_by_key(&id, |replica| replica.id);
        let replica = found.ok().map(|place| &self.replicas[place]);
        if let Some(replica) = replica.filter(|replica| replica.present) {
            let (category, project) = (&replica.category, &replica.project);
            let begun = self.staging.begin_replica(category, project);
            self.current = Some((replica, begun.map_err(ForeignFailure::Own)?, 0));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), ForeignFailure> {
        let Some((replica, place, folders)) = self.current.take() else {
            return Ok(());
        };
        if folders != replica.folders {
            return Err(ForeignFailure::Foreign(corruption_error(
                "folders are missing",
            )));
        }
        self.ended += 1;
        let origin = replica
            .origin(self.hosts)
            .map_err(ForeignFailure::Foreign)?;
        let ended = self
            .staging
            .end_taken_replica(place, origin, replica.totals);
        ended.map_err(ForeignFailure::Own)
    }
}

fn read_folder(row: &Row<'_>) -> rusqlite::Result<ScannedFolder> {
    let (path, manifest) = (row.get_ref(1)?.as_blob()?, row.get_ref(3)?.as_blob()?);
    let parts = [path, row.get_ref(2)?.as_blob()?, manifest];
    verify_row(row.get_ref(4)?.as_blob()?, &parts)?;
    checked_folder(path, manifest)
}
