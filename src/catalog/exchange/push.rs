//! Pushing: the replicas, folders and evidence that the catalog lacks, with the next revision of the storage.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use postgres::Transaction;

use super::alias::write_alias;
use super::failure::ExchangeFailure;
use super::pull::Pulled;
use super::replica_key::{bytes_of, read_key};
use super::row_batch::RowBatch;
use super::statement::{
    RAISE_REVISION, READ_CHECKSUMS, READ_REPLICA_IDS, REMOVE_FOLDERS, WRITE_CATEGORIES,
    WRITE_REPLICAS,
};
use super::storage_row::{ExchangedStorage, StorageRow};
use crate::base::interrupt;
use crate::catalog::address::CatalogAddress;
use crate::catalog::server_error::damaged_rows;
use crate::index::{
    DatabaseId, HostId, Index, MarkExtent, SharedReplicaKey, Unshared, UnsharedReplica,
    pack_aggregate, shared_checksum,
};
use crate::model::layout::CategoryLayout;

/// A push of one storage.
pub(super) struct Push<'a> {
    /// The index in the state that was marked.
    pub(super) reader: &'a Index,
    /// The index with what was pulled.
    pub(super) index: &'a Index,
    pub(super) address: &'a CatalogAddress,
    pub(super) storage: &'a ExchangedStorage,
    pub(super) database: DatabaseId,
    pub(super) row: &'a StorageRow,
    pub(super) unshared: &'a Unshared,
    /// The numbers that the catalog gives to workstations.
    pub(super) numbers: BTreeMap<Option<HostId>, HostId>,
}

/// The result of a push.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pushed {
    pub(super) replicas: u64,
    pub(super) folders: u64,
    /// The revision of the storage.
    pub(super) revision: i64,
}

impl Pushed {
    /// The result of an exchange that only pulls.
    pub(super) const fn nothing(revision: i64) -> Self {
        Self {
            replicas: 0,
            folders: 0,
            revision,
        }
    }
}

impl Push<'_> {
    /// Writes all rows.
    pub(super) fn run(
        &self,
        transaction: &mut Transaction<'_>,
        pulled: &Pulled,
    ) -> Result<Pushed, ExchangeFailure> {
        let replicas = self.unshared.replicas.iter();
        let own: Vec<&UnsharedReplica> = replicas
            .filter(|replica| !pulled.newer_there.contains(&replica.key))
            .collect();
        let revision = self.row.revision + 1;
        let ids = self.write_replicas(transaction, &own, revision)?;
        let mut folders = self.write_folders(transaction, (&own, &ids), pulled, revision)?;
        folders += self.write_evidence(transaction, revision)?;
        self.write_categories(transaction, revision)?;
        self.raise_revision(transaction, &own, revision)?;
        Ok(Pushed {
            replicas: own.len() as u64,
            folders,
            revision,
        })
    }

    /// Writes the rows of replicas, and returns their ids.
    fn write_replicas(
        &self,
        transaction: &mut Transaction<'_>,
        own: &[&UnsharedReplica],
        revision: i64,
    ) -> Result<BTreeMap<SharedReplicaKey, i64>, ExchangeFailure> {
        let categories: Vec<&[u8]> = own.iter().map(|one| bytes_of(&one.key.category)).collect();
        let clients: Vec<&[u8]> = own
            .iter()
            .map(|one| one.key.project.client.as_bytes())
            .collect();
        let projects: Vec<&[u8]> = own
            .iter()
            .map(|one| one.key.project.project.as_bytes())
            .collect();
        let aggregates: Vec<Option<Vec<u8>>> = own
            .iter()
            .map(|one| one.state.aggregate.as_ref().map(pack_aggregate))
            .collect();
        let times: Vec<i64> = own
            .iter()
            .map(|one| {
                self.row
                    .clock
                    .server_seconds(one.state.scanned_at)
                    .min(self.row.clock.now)
            })
            .collect();
        let hosts: Vec<Option<i64>> = own
            .iter()
            .map(|one| self.numbers.get(&one.state.host).map(|host| host.0))
            .collect();
        let rows = transaction.query(
            WRITE_REPLICAS,
            &[
                &self.row.id,
                &categories,
                &clients,
                &projects,
                &aggregates,
                &times,
                &hosts,
                &revision,
            ],
        )?;
        let ids = rows
            .iter()
            .filter_map(|row| Some((read_key(row, 1)?, row.get(0))));
        Ok(ids.collect())
    }

    /// Writes the folders that changed, and returns their number.
    fn write_folders(
        &self,
        transaction: &mut Transaction<'_>,
        (own, ids): (&[&UnsharedReplica], &BTreeMap<SharedReplicaKey, i64>),
        pulled: &Pulled,
        revision: i64,
    ) -> Result<u64, ExchangeFailure> {
        let mut batch = RowBatch::of_folders(revision, self.row.clock.now);
        let mut missing = Vec::new();
        for replica in own {
            interrupt::check()?;
            let id = ids.get(&replica.key).copied();
            let id = id.ok_or_else(|| damaged_rows(self.address, "a replica that was written"))?;
            let is_delta =
                replica.extent == MarkExtent::Marked && !pulled.newer_here.contains(&replica.key);
            if replica.state.aggregate.is_none() {
                missing.push(id);
            } else if is_delta {
                self.reader.visit_changed_folders(replica, &mut |folder| {
                    batch.add_folder(id, bytes_of(folder.path), folder.manifest);
                    Ok::<(), ExchangeFailure>(batch.flush_if_full(transaction)?)
                })?;
            } else {
                self.write_whole(transaction, (replica, id), &mut batch)?;
            }
        }
        batch.flush(transaction)?;
        if !missing.is_empty() {
            transaction.execute(REMOVE_FOLDERS, &[&missing, &revision, &self.row.clock.now])?;
        }
        Ok(batch.written())
    }

    /// Writes the folders of a replica that differ from those in the catalog, or all anew.
    fn write_whole(
        &self,
        transaction: &mut Transaction<'_>,
        (replica, id): (&UnsharedReplica, i64),
        batch: &mut RowBatch<2>,
    ) -> Result<(), ExchangeFailure> {
        let rows = transaction.query(READ_CHECKSUMS, &[&id])?;
        let mut there: BTreeMap<Vec<u8>, Vec<u8>> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        self.reader.visit_all_folders(replica, &mut |folder| {
            let known = there.remove(bytes_of(folder.path));
            let checksum = shared_checksum(bytes_of(folder.path), folder.manifest);
            let is_anew = replica.extent == MarkExtent::Anew;
            if is_anew || known.as_deref() != Some(&checksum[..]) {
                batch.add_folder(id, bytes_of(folder.path), folder.manifest);
                batch.flush_if_full(transaction)?;
            }
            Ok::<(), ExchangeFailure>(())
        })?;
        for path in there.into_keys() {
            batch.add_folder(id, &path, None);
            batch.flush_if_full(transaction)?;
        }
        Ok(())
    }

    /// Writes the evidence that changed, and returns the number of its folders.
    fn write_evidence(
        &self,
        transaction: &mut Transaction<'_>,
        revision: i64,
    ) -> Result<u64, ExchangeFailure> {
        if self.unshared.evidence.is_empty() {
            return Ok(0);
        }
        let rows = transaction.query(READ_REPLICA_IDS, &[&self.row.id])?;
        let replicas: BTreeMap<PathBuf, i64> = rows
            .iter()
            .filter_map(|row| {
                let key = read_key(row, 1)?;
                let layout = CategoryLayout::from_key(&key.category);
                Some((layout.replica_path(&key.project), row.get(0)))
            })
            .collect();
        let mut batch = RowBatch::of_evidence(revision, self.row.clock.now);
        for folder in &self.unshared.evidence {
            interrupt::check()?;
            // Evidence in no project, such as that of a folder that was moved away, is of no use to others.
            let Some((id, path)) = replica_of(&replicas, folder) else {
                continue;
            };
            let keeps_tags = self.storage.keeps_tags;
            let parts =
                self.index
                    .outgoing_evidence(self.database, folder, &self.numbers, keeps_tags)?;
            batch.add_evidence(id, bytes_of(path), parts);
            batch.flush_if_full(transaction)?;
        }
        batch.flush(transaction)?;
        Ok(batch.written())
    }

    fn write_categories(
        &self,
        transaction: &mut Transaction<'_>,
        revision: i64,
    ) -> Result<(), ExchangeFailure> {
        let listed = self.reader.category_scans(self.database)?;
        let paths: Vec<&[u8]> = listed.iter().map(|(path, _)| bytes_of(path)).collect();
        let times: Vec<i64> = listed
            .iter()
            .map(|(_, at)| self.row.clock.server_seconds(*at).min(self.row.clock.now))
            .collect();
        transaction.execute(WRITE_CATEGORIES, &[&self.row.id, &paths, &times, &revision])?;
        Ok(())
    }

    fn raise_revision(
        &self,
        transaction: &mut Transaction<'_>,
        own: &[&UnsharedReplica],
        revision: i64,
    ) -> Result<(), ExchangeFailure> {
        let newest = own
            .iter()
            .map(|one| self.row.clock.server_seconds(one.state.scanned_at))
            .max();
        let storage = self.storage;
        transaction.execute(
            RAISE_REVISION,
            &[&self.row.id, &revision, &storage.name, &newest],
        )?;
        if let Some(host) = self.numbers.get(&None) {
            write_alias(transaction, self.row.id, *host, storage)?;
        }
        Ok(())
    }
}

/// Returns the innermost replica that holds a folder, with the path of the folder below it.
fn replica_of<'f>(replicas: &BTreeMap<PathBuf, i64>, folder: &'f Path) -> Option<(i64, &'f Path)> {
    folder.ancestors().find_map(|ancestor| {
        let id = replicas.get(ancestor)?;
        Some((*id, folder.strip_prefix(ancestor).ok()?))
    })
}
