//! Pulling: rows of the catalog with a higher revision than this index knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::ToSql;
use postgres::{Row, Transaction};

use super::damage::{CatalogDamage, CheckedStorage, evidence_folder};
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

/// A pull of one storage.
pub(super) struct Pull<'a> {
    pub(super) index: &'a mut Index,
    pub(super) storage: &'a ExchangedStorage,
    pub(super) database: DatabaseId,
    /// The database when `unshared` was read: what other processes wrote since is newer than the pull.
    pub(super) known: &'a KnownDatabase,
    pub(super) row: &'a StorageRow,
    /// The revision that this index knows.
    pub(super) known_revision: i64,
    pub(super) unshared: &'a Unshared,
    /// True if what is marked is pushed.
    pub(super) is_push: bool,
}

/// The result of a pull.
#[derive(Debug, Default)]
pub(super) struct Pulled {
    pub(super) changes: PulledChanges,
    /// Replicas of which the catalog has a newer scan than the one that was marked.
    pub(super) newer_there: BTreeSet<SharedReplicaKey>,
    /// Replicas that changed in the catalog and were marked here with a newer scan: any of their folders may differ.
    pub(super) newer_here: BTreeSet<SharedReplicaKey>,
    /// What is damaged in the catalog and was left out. What the push writes anew is not among it.
    pub(super) damaged: Vec<CatalogDamage>,
}

/// The replicas that changed in the catalog.
#[derive(Default)]
struct ChangedReplicas {
    taken: Vec<PulledReplica>,
    newer_there: BTreeSet<SharedReplicaKey>,
    newer_here: BTreeSet<SharedReplicaKey>,
    damaged: Vec<CatalogDamage>,
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
        let (taken, newer_there) = (replicas.taken, &replicas.newer_there);
        let unsound = self.stage(transaction, &mut incoming, taken, newer_there)?;
        let staged = incoming.finish()?;
        let mut damaged = replicas.damaged;
        damaged.extend(unsound.into_iter().map(CatalogDamage::Replica));
        // A listing without a replica that was left out would make it look deleted.
        let categories = if damaged.is_empty() {
            self.categories(transaction, &mut damaged)?
        } else {
            Vec::new()
        };
        let evidence = self.evidence(transaction, &mut damaged)?;
        let written = self.index.write_incoming(
            &self.storage.root,
            self.known,
            &staged,
            (&evidence, &hosts, self.storage.keeps_tags),
            &categories,
        )?;
        let written = written.ok_or(ExchangeFailure::Overtaken)?;
        damaged.extend(self.damaged_evidence(written.damaged_evidence));
        Ok(Pulled {
            changes: written.changes,
            newer_there: replicas.newer_there,
            newer_here: replicas.newer_here,
            damaged,
        })
    }

    /// Reads everything, and writes nothing.
    pub(super) fn check(
        self,
        transaction: &mut Transaction<'_>,
        hosts: &ForeignHosts,
    ) -> Result<CheckedStorage, ExchangeFailure> {
        let replicas = self.changed_replicas(transaction, hosts)?;
        let all = replicas.taken.len() as u64;
        let mut incoming = self.index.stage_incoming(self.known)?;
        let newer_there = &replicas.newer_there;
        let unsound = self.stage(transaction, &mut incoming, replicas.taken, newer_there)?;
        drop(incoming);
        let sound_replicas = all - unsound.len() as u64;
        let mut damaged = replicas.damaged;
        damaged.extend(unsound.into_iter().map(CatalogDamage::Replica));
        self.listings(transaction, &mut damaged)?;
        let evidence = self.evidence(transaction, &mut damaged)?;
        let unsound = evidence
            .into_iter()
            .filter(|evidence| !evidence.is_sound(hosts, self.storage.keeps_tags));
        damaged.extend(unsound.map(|evidence| CatalogDamage::Evidence(evidence.folder)));
        Ok(CheckedStorage {
            sound_replicas,
            damaged,
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
            let Some(replica) = self.read_replica(row, hosts) else {
                // What is marked is written anew by this push, or by the next one.
                let marked = read_key(row, 1).filter(|key| marked.contains_key(key));
                if marked.is_none() || !self.is_push {
                    changed.damaged.push(CatalogDamage::of_replica_row(row));
                }
                changed.newer_here.extend(marked);
                continue;
            };
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

    /// Reads a replica; `None` if its row is damaged.
    fn read_replica(&self, row: &Row, hosts: &ForeignHosts) -> Option<PulledReplica> {
        let aggregate: Option<&[u8]> = row.get(4);
        let aggregate = match aggregate {
            Some(packed) => Some(unpack_aggregate(packed)?),
            None => None,
        };
        Some(PulledReplica {
            id: row.get(0),
            key: read_key(row, 1)?,
            state: SharedReplica {
                scanned_at: self.row.clock.local_time(row.get(5)).min(Timestamp::now()),
                host: hosts.number_here(row.get(6))?,
                aggregate,
            },
        })
    }

    /// Stages the replicas: only the folders that changed, or all where this index has another state than the one before.
    /// Returns those that are damaged and were left out.
    fn stage(
        &self,
        transaction: &mut Transaction<'_>,
        incoming: &mut IncomingScan<'_>,
        taken: Vec<PulledReplica>,
        newer_there: &BTreeSet<SharedReplicaKey>,
    ) -> Result<Vec<SharedReplicaKey>, ExchangeFailure> {
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
        whole.extend(stage_group(transaction, incoming, query, changed, true)?);
        whole.sort_by_key(|replica| replica.id);
        let ids: Vec<i64> = whole.iter().map(|replica| replica.id).collect();
        let parameters: [&(dyn ToSql + Sync); 1] = [&ids];
        let query = (READ_ALL_FOLDERS, &parameters[..]);
        let unsound = stage_group(transaction, incoming, query, whole, false)?;
        Ok(unsound.into_iter().map(|replica| replica.key).collect())
    }

    /// Returns the evidence that changed.
    fn evidence(
        &self,
        transaction: &mut Transaction<'_>,
        damaged: &mut Vec<CatalogDamage>,
    ) -> Result<Vec<IncomingEvidence>, ExchangeFailure> {
        let rows = transaction.query(READ_EVIDENCE, &[&self.row.id, &self.known_revision])?;
        let mut evidence = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(folder) = evidence_folder(row) else {
                damaged.push(CatalogDamage::Nameless("folder with evidence"));
                continue;
            };
            let manifest: Option<Vec<u8>> = row.get(4);
            evidence.push(IncomingEvidence {
                parts: manifest.map(|manifest| [manifest, row.get(5), row.get(6), row.get(7)]),
                folder,
            });
        }
        Ok(evidence)
    }

    /// Returns the folders of damaged evidence that the push does not write anew.
    fn damaged_evidence(&self, folders: Vec<PathBuf>) -> Vec<CatalogDamage> {
        let marked: &[PathBuf] = if self.is_push {
            &self.unshared.evidence
        } else {
            &[]
        };
        let left = folders
            .into_iter()
            .filter(|folder| !marked.contains(folder));
        left.map(CatalogDamage::Evidence).collect()
    }

    /// Returns the categories that were listed later than here.
    fn categories(
        &self,
        transaction: &mut Transaction<'_>,
        damaged: &mut Vec<CatalogDamage>,
    ) -> Result<Vec<(PathBuf, Timestamp)>, ExchangeFailure> {
        let mut categories = Vec::new();
        for (category, seconds) in self.listings(transaction, damaged)? {
            let at = self.row.clock.past_time(seconds);
            if self.index.category_scanned_at(self.database, &category)? < Some(at) {
                categories.push((category, at));
            }
        }
        Ok(categories)
    }

    /// Returns the categories whose listings changed, with the times of the server.
    fn listings(
        &self,
        transaction: &mut Transaction<'_>,
        damaged: &mut Vec<CatalogDamage>,
    ) -> Result<Vec<(PathBuf, i64)>, ExchangeFailure> {
        let rows = transaction.query(READ_CATEGORIES, &[&self.row.id, &self.known_revision])?;
        let mut listings = Vec::new();
        for row in &rows {
            match path_of(row.get(0)) {
                Some(category) => listings.push((category.to_owned(), row.get(1))),
                None => damaged.push(CatalogDamage::Nameless("category")),
            }
        }
        Ok(listings)
    }
}

/// Stages replicas, which are sorted by id like the rows of their folders. Returns those whose folders are damaged or do not
/// add up.
fn stage_group(
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
        let mut is_sound = true;
        while let Some(row) = next
            .as_ref()
            .filter(|row| row.get::<_, i64>(0) == replica.id)
        {
            if is_sound {
                match incoming.add_folder(place, row.get(1), row.get(2), row.get(3)) {
                    Ok(()) => {}
                    Err(ForeignFailure::Own(error)) => return Err(error.into()),
                    Err(ForeignFailure::Foreign(_)) => is_sound = false,
                }
            }
            next = rows.next()?;
        }
        if is_sound {
            is_sound = incoming.end(place, &replica.state)?;
        } else {
            incoming.leave_out(place, &replica.state)?;
        }
        if !is_sound {
            unsound.push(replica);
        }
    }
    Ok(unsound)
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
