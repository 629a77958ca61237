//! Pulling: rows of the catalog with a higher revision than this index knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::ToSql;
use postgres::{Row, Transaction};

use super::failure::ExchangeFailure;
use super::host::CatalogHosts;
use super::replica_key::{path_of, read_key};
use super::statement::{
    READ_ALL_FOLDERS, READ_CATEGORIES, READ_CHANGED_FOLDERS, READ_EVIDENCE, READ_REPLICAS,
};
use super::storage_row::{ExchangedStorage, StorageRow};
use crate::base::timestamp::Timestamp;
use crate::catalog::address::CatalogAddress;
use crate::catalog::server_error::damaged_rows;
use crate::index::{
    DatabaseId, ForeignFailure, ForeignHosts, IncomingEvidence, IncomingScan, Index, KnownDatabase,
    KnownHost, PulledChanges, SharedReplica, SharedReplicaKey, Unshared, unpack_aggregate,
};
use crate::model::layout::CategoryLayout;

/// A pull of one storage.
pub(super) struct Pull<'a> {
    pub(super) index: &'a mut Index,
    pub(super) address: &'a CatalogAddress,
    pub(super) storage: &'a ExchangedStorage,
    pub(super) database: DatabaseId,
    /// The database when `unshared` was read: what other processes wrote since is newer than the pull.
    pub(super) known: &'a KnownDatabase,
    pub(super) row: &'a StorageRow,
    /// The revision that this index knows.
    pub(super) known_revision: i64,
    pub(super) unshared: &'a Unshared,
}

/// The result of a pull.
#[derive(Debug, Default)]
pub(super) struct Pulled {
    pub(super) changes: PulledChanges,
    /// Replicas of which the catalog has a newer scan than the one that was marked.
    pub(super) newer_there: BTreeSet<SharedReplicaKey>,
    /// Replicas that changed in the catalog and were marked here with a newer scan: any of their folders may differ.
    pub(super) newer_here: BTreeSet<SharedReplicaKey>,
}

/// The replicas that changed in the catalog.
#[derive(Default)]
struct ChangedReplicas {
    taken: Vec<PulledReplica>,
    newer_there: BTreeSet<SharedReplicaKey>,
    newer_here: BTreeSet<SharedReplicaKey>,
}

/// A replica that is taken over.
struct PulledReplica {
    id: i64,
    key: SharedReplicaKey,
    state: SharedReplica,
}

impl Pull<'_> {
    /// Pulls, and writes the result to the index.
    pub(super) fn run(
        self,
        transaction: &mut Transaction<'_>,
        (hosts, own): (&CatalogHosts, &KnownHost),
    ) -> Result<Pulled, ExchangeFailure> {
        let hosts = hosts.add_to(self.index, own)?;
        let replicas = self.changed_replicas(transaction, &hosts)?;
        let mut incoming = self.index.stage_incoming(self.known)?;
        self.stage(
            transaction,
            &mut incoming,
            replicas.taken,
            &replicas.newer_there,
        )?;
        let staged = incoming.finish()?;
        let evidence = self.evidence(transaction)?;
        let categories = self.categories(transaction)?;
        let written = self.index.write_incoming(
            &self.storage.root,
            self.known,
            &staged,
            (&evidence, &hosts, self.storage.keeps_tags),
            &categories,
        );
        let changes = written.map_err(|failure| foreign_failure(failure, self.address))?;
        Ok(Pulled {
            changes: changes.ok_or(ExchangeFailure::Overtaken)?,
            newer_there: replicas.newer_there,
            newer_here: replicas.newer_here,
        })
    }

    /// Returns the replicas that changed in the catalog: for each one the newer scan counts, by the server's clock.
    fn changed_replicas(
        &self,
        transaction: &mut Transaction<'_>,
        hosts: &ForeignHosts,
    ) -> Result<ChangedReplicas, ExchangeFailure> {
        let marked: BTreeMap<&SharedReplicaKey, i64> = self
            .unshared
            .replicas
            .iter()
            .map(|replica| {
                let scanned_at = self.row.clock.server_seconds(replica.state.scanned_at);
                (&replica.key, scanned_at)
            })
            .collect();
        let rows = transaction.query(READ_REPLICAS, &[&self.row.id, &self.known_revision])?;
        let mut changed = ChangedReplicas::default();
        for row in &rows {
            let replica = self.read_replica(row, hosts)?;
            let seconds: i64 = row.get(5);
            match marked.get(&replica.key) {
                Some(own) if *own >= seconds => {
                    changed.newer_here.insert(replica.key);
                    continue;
                }
                Some(_) => {
                    changed.newer_there.insert(replica.key.clone());
                }
                None => {}
            }
            changed.taken.push(replica);
        }
        Ok(changed)
    }

    fn read_replica(
        &self,
        row: &Row,
        hosts: &ForeignHosts,
    ) -> Result<PulledReplica, ExchangeFailure> {
        let damaged = || ExchangeFailure::Final(damaged_rows(self.address, "a replica"));
        let aggregate: Option<&[u8]> = row.get(4);
        let aggregate = match aggregate {
            Some(packed) => Some(unpack_aggregate(packed).ok_or_else(damaged)?),
            None => None,
        };
        Ok(PulledReplica {
            id: row.get(0),
            key: read_key(row, 1).ok_or_else(damaged)?,
            state: SharedReplica {
                scanned_at: self.row.clock.local_time(row.get(5)).min(Timestamp::now()),
                host: hosts.number_here(row.get(6)).ok_or_else(damaged)?,
                aggregate,
            },
        })
    }

    /// Stages the replicas: only the folders that changed, or all where this index has another state than the one before.
    fn stage(
        &self,
        transaction: &mut Transaction<'_>,
        incoming: &mut IncomingScan<'_>,
        taken: Vec<PulledReplica>,
        newer_there: &BTreeSet<SharedReplicaKey>,
    ) -> Result<(), ExchangeFailure> {
        let (mut changed, mut whole) = (Vec::new(), Vec::new());
        let knows_all_before =
            self.known_revision > 0 && self.known_revision >= self.row.purged_revision;
        for replica in taken {
            if replica.state.aggregate.is_none() {
                incoming.add_missing(replica.key, &replica.state);
            } else if knows_all_before && !newer_there.contains(&replica.key) {
                changed.push(replica);
            } else {
                whole.push(replica);
            }
        }
        let ids: Vec<i64> = changed.iter().map(|replica| replica.id).collect();
        let parameters: [&(dyn ToSql + Sync); 2] = [&ids, &self.known_revision];
        let query = (READ_CHANGED_FOLDERS, &parameters[..]);
        whole.extend(self.stage_group(transaction, incoming, query, changed, true)?);
        whole.sort_by_key(|replica| replica.id);
        let ids: Vec<i64> = whole.iter().map(|replica| replica.id).collect();
        let parameters: [&(dyn ToSql + Sync); 1] = [&ids];
        let query = (READ_ALL_FOLDERS, &parameters[..]);
        if self
            .stage_group(transaction, incoming, query, whole, false)?
            .is_empty()
        {
            Ok(())
        } else {
            Err(ExchangeFailure::Final(damaged_rows(
                self.address,
                "the folders of a replica",
            )))
        }
    }

    /// Stages replicas, which are sorted by id like the rows of their folders. Returns those whose folders do not add up.
    fn stage_group(
        &self,
        transaction: &mut Transaction<'_>,
        incoming: &mut IncomingScan<'_>,
        (sql, parameters): (&str, &[&(dyn ToSql + Sync)]),
        replicas: Vec<PulledReplica>,
        is_delta: bool,
    ) -> Result<Vec<PulledReplica>, ExchangeFailure> {
        let mut unsound = Vec::new();
        if replicas.is_empty() {
            return Ok(unsound);
        }
        let mut rows = transaction.query_raw(sql, parameters.iter().copied())?;
        let mut next = rows.next()?;
        for replica in replicas {
            let place = incoming.begin(&replica.key, is_delta)?;
            while let Some(row) = next
                .as_ref()
                .filter(|row| row.get::<_, i64>(0) == replica.id)
            {
                incoming
                    .add_folder(place, row.get(1), row.get(2), row.get(3))
                    .map_err(|failure| foreign_failure(failure, self.address))?;
                next = rows.next()?;
            }
            if !incoming.end(place, &replica.state)? {
                unsound.push(replica);
            }
        }
        Ok(unsound)
    }

    /// Returns the evidence that changed.
    fn evidence(
        &self,
        transaction: &mut Transaction<'_>,
    ) -> Result<Vec<IncomingEvidence>, ExchangeFailure> {
        let damaged = || ExchangeFailure::Final(damaged_rows(self.address, "evidence"));
        let rows = transaction.query(READ_EVIDENCE, &[&self.row.id, &self.known_revision])?;
        let mut evidence = Vec::with_capacity(rows.len());
        for row in &rows {
            let key = read_key(row, 0).ok_or_else(damaged)?;
            let path = path_of(row.get(3)).ok_or_else(damaged)?;
            let replica = CategoryLayout::from_key(&key.category).replica_path(&key.project);
            let folder = if path == Path::new("") {
                replica
            } else {
                replica.join(path)
            };
            let manifest: Option<Vec<u8>> = row.get(4);
            evidence.push(IncomingEvidence {
                parts: manifest.map(|manifest| [manifest, row.get(5), row.get(6), row.get(7)]),
                folder,
            });
        }
        Ok(evidence)
    }

    /// Returns the categories that were listed later than here.
    fn categories(
        &self,
        transaction: &mut Transaction<'_>,
    ) -> Result<Vec<(PathBuf, Timestamp)>, ExchangeFailure> {
        let rows = transaction.query(READ_CATEGORIES, &[&self.row.id, &self.known_revision])?;
        let mut categories = Vec::new();
        for row in &rows {
            let category = path_of(row.get(0));
            let category = category
                .ok_or_else(|| ExchangeFailure::Final(damaged_rows(self.address, "a category")))?;
            let at = self.row.clock.local_time(row.get(1)).min(Timestamp::now());
            if self.index.category_scanned_at(self.database, category)? < Some(at) {
                categories.push((category.to_owned(), at));
            }
        }
        Ok(categories)
    }
}

pub(super) fn foreign_failure(
    failure: ForeignFailure,
    address: &CatalogAddress,
) -> ExchangeFailure {
    ExchangeFailure::Final(match failure {
        ForeignFailure::Own(error) => error,
        ForeignFailure::Foreign(source) => damaged_rows(address, &source.to_string()),
    })
}
