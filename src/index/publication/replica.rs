//! The replicas of a published index.

use std::path::PathBuf;

use super::file::Publication;
use crate::base::timestamp::Timestamp;
use crate::index::HostId;
use crate::index::checksum::corruption_error;
use crate::index::host::ForeignHosts;
use crate::index::name_check::{is_possible_name, possible_path};
use crate::index::replica_origin::ReplicaOrigin;
use crate::index::replica_row::decode_precision;
use crate::index::sql::{from_seconds, read_project, read_u64, rows};
use crate::index::taken_replica::StatedTotals;
use crate::model::project::ProjectId;

/// A replica of a published index.
#[derive(Debug)]
pub(super) struct PublishedReplica {
    pub(super) id: i64,
    pub(super) category: PathBuf,
    pub(super) project: ProjectId,
    pub(super) present: bool,
    pub(super) scanned_at: Timestamp,
    /// The workstation that scanned it, by its number in the published index; `None` for the publisher.
    pub(super) host: Option<HostId>,
    pub(super) totals: StatedTotals,
    /// Number of its folders.
    pub(super) folders: u64,
}

impl PublishedReplica {
    /// Returns its scan, with the number that this index gives to the workstation.
    pub(super) fn origin(&self, hosts: &ForeignHosts) -> rusqlite::Result<ReplicaOrigin> {
        Ok(ReplicaOrigin {
            at: self.scanned_at,
            host: hosts.own(self.host)?,
        })
    }
}

/// Returns all replicas of a published index.
pub(super) fn replicas(publication: &Publication) -> rusqlite::Result<Vec<PublishedReplica>> {
    let sql = "SELECT client, project, id, category, present, scanned_at, host, bytes, unreadable, precision, folder_rows
               FROM published_replicas ORDER BY id";
    let now = Timestamp::now();
    rows(&publication.connection, sql, [], |row| {
        let project = read_project(row)?;
        let names = [&project.client, &project.project];
        let category: Vec<u8> = row.get(3)?;
        let category = possible_path(&category)
            .filter(|_| names.iter().all(|name| is_possible_name(name.as_bytes())))
            .ok_or_else(|| corruption_error("the name of a project or category is impossible"))?;
        Ok(PublishedReplica {
            id: row.get(2)?,
            category: category.to_owned(),
            project,
            present: row.get(4)?,
            // The clock of the other workstation may be ahead.
            scanned_at: from_seconds(row.get(5)?).min(now),
            host: row.get(6)?,
            totals: StatedTotals {
                bytes: read_u64(row, 7)?,
                unreadable: read_u64(row, 8)?,
                precision: decode_precision(row.get(9)?),
            },
            folders: read_u64(row, 10)?,
        })
    })
}
