//! What the catalog lacks: replicas, the folders of them that changed, and evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::params;

use super::mark::{MarkExtent, SharedRevisions, clear, record_revisions};
use crate::base::error::{Error, Result};
use crate::base::timestamp::Timestamp;
use crate::index::checksum::row_checksum;
use crate::index::evidence::pack_outgoing;
use crate::index::folder::verified_folder;
use crate::index::sql::{bytes, execute, from_seconds, read_path, read_project};
use crate::index::sqlite_error::Explain as _;
use crate::index::{DatabaseId, HostId, Index};
use crate::model::project::ProjectId;
use crate::snapshot::aggregate::Aggregate;

/// A project in a category.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharedReplicaKey {
    /// The category, by its key.
    pub category: PathBuf,
    /// The project.
    pub project: ProjectId,
}

/// The state of a replica at one scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedReplica {
    /// Time of the scan.
    pub scanned_at: Timestamp,
    /// The workstation that scanned; `None` for this one.
    pub host: Option<HostId>,
    /// Its totals; `None` for a replica that is missing.
    pub aggregate: Option<Aggregate>,
}

/// A replica whose state the catalog lacks.
#[derive(Clone, Debug)]
pub struct UnsharedReplica {
    /// The replica.
    pub key: SharedReplicaKey,
    /// Its state.
    pub state: SharedReplica,
    /// Which of its folders the catalog lacks.
    pub extent: MarkExtent,
    /// Its folders that changed, by their paths below it.
    pub folders: Vec<PathBuf>,
    /// Its row; `None` if it has none any more.
    row: Option<i64>,
}

/// All that the catalog lacks of one database.
#[derive(Clone, Debug, Default)]
pub struct Unshared {
    /// The highest mark of it.
    pub(super) mark: i64,
    /// Replicas.
    pub replicas: Vec<UnsharedReplica>,
    /// Folders with evidence, below the root.
    pub evidence: Vec<PathBuf>,
}

impl Unshared {
    /// True if the catalog lacks nothing.
    pub const fn is_empty(&self) -> bool {
        self.replicas.is_empty() && self.evidence.is_empty()
    }
}

/// A folder that the catalog lacks.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingFolder<'a> {
    /// The path below the replica's folder.
    pub path: &'a Path,
    /// Its files, packed; `None` for a folder that no longer exists.
    pub manifest: Option<&'a [u8]>,
}

/// Returns the checksum of a folder in the catalog.
pub fn shared_checksum(path: &[u8], manifest: Option<&[u8]>) -> [u8; 16] {
    row_checksum(&[path, manifest.unwrap_or_default()])
}

/// The evidence of a folder as the catalog holds it: manifest, digests, checksum and proofs.
pub type OutgoingEvidence = [Vec<u8>; 4];

impl Index {
    /// Returns what the catalog lacks of a database.
    pub fn unshared(&self, database: DatabaseId) -> Result<Unshared> {
        let _view = self.read_transaction()?;
        let sql = "SELECT mark FROM shared_databases WHERE database_id = ?1";
        let Some(mark) = self.optional(sql, [database], |row| row.get(0))? else {
            return Ok(Unshared::default());
        };
        let sql = "SELECT client, project, category, extent FROM unshared_replicas WHERE database_id = ?1";
        let marked: Vec<(SharedReplicaKey, MarkExtent)> = self.rows(sql, [database], |row| {
            let key = SharedReplicaKey {
                category: read_path(row, 2)?,
                project: read_project(row)?,
            };
            Ok((key, row.get(3)?))
        })?;
        let mut replicas = Vec::with_capacity(marked.len());
        for (key, extent) in marked {
            replicas.push(self.unshared_replica(database, key, extent)?);
        }
        let sql = "SELECT folder FROM unshared_evidence WHERE database_id = ?1";
        let evidence = self.rows(sql, [database], |row| read_path(row, 0))?;
        Ok(Unshared {
            mark,
            replicas,
            evidence,
        })
    }

    fn unshared_replica(
        &self,
        database: DatabaseId,
        key: SharedReplicaKey,
        extent: MarkExtent,
    ) -> Result<UnsharedReplica> {
        let known = self.replica(database, &key.category, &key.project)?;
        let Some(known) = known else {
            // The listing of its category did not show it.
            let listed = self.category_scanned_at(database, &key.category)?;
            return Ok(UnsharedReplica {
                key,
                state: SharedReplica {
                    scanned_at: listed.unwrap_or_else(Timestamp::now),
                    host: None,
                    aggregate: None,
                },
                extent,
                folders: Vec::new(),
                row: None,
            });
        };
        let sql =
            "SELECT id, (SELECT host_id FROM origins WHERE replica_id = replicas.id) FROM replicas
                   WHERE database_id = ?1 AND category = ?2 AND client = ?3 AND project = ?4";
        let (client, project) = (
            key.project.client.as_bytes(),
            key.project.project.as_bytes(),
        );
        let parameters = params![database, bytes(&key.category), client, project];
        let (row, host): (i64, _) =
            self.one(sql, parameters, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let sql = "SELECT path FROM unshared_folders WHERE replica_id = ?1 ORDER BY path";
        let folders = self.rows(sql, [row], |row| read_path(row, 0))?;
        Ok(UnsharedReplica {
            key,
            state: SharedReplica {
                scanned_at: known.scanned_at,
                host,
                aggregate: known.present.then_some(known.aggregate),
            },
            extent,
            folders,
            row: Some(row),
        })
    }

    /// Passes the folders of a replica that were marked to `visit`.
    pub fn visit_changed_folders<E: From<Error>>(
        &self,
        replica: &UnsharedReplica,
        visit: &mut dyn FnMut(OutgoingFolder<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut folders = replica.folders.iter();
        folders.try_for_each(|path| self.visit_outgoing_folder(replica, path, visit))
    }

    /// Passes one folder of a replica to `visit`, whether it exists or not.
    fn visit_outgoing_folder<E: From<Error>>(
        &self,
        replica: &UnsharedReplica,
        path: &Path,
        visit: &mut dyn FnMut(OutgoingFolder<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT path, fingerprints, manifest, checksum FROM folders WHERE replica_id = ?1 AND path = ?2";
        let query = self.connection.prepare_cached(sql);
        let mut query = query.explain("read", &self.path)?;
        let rows = query.query(params![replica.row, bytes(path)]);
        let mut rows = rows.explain("read", &self.path)?;
        let manifest = match rows.next().explain("read", &self.path)? {
            Some(row) => Some(
                verified_folder(row, 0)
                    .explain("read", &self.path)?
                    .1
                    .packed(),
            ),
            None => None,
        };
        visit(OutgoingFolder { path, manifest })
    }

    /// Passes all folders of a replica to `visit`.
    pub fn visit_all_folders<E: From<Error>>(
        &self,
        replica: &UnsharedReplica,
        visit: &mut dyn FnMut(OutgoingFolder<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "SELECT path, fingerprints, manifest, checksum FROM folders WHERE replica_id = ?1 ORDER BY path";
        let query = self.connection.prepare_cached(sql);
        let mut query = query.explain("read", &self.path)?;
        let mut rows = query.query([replica.row]).explain("read", &self.path)?;
        while let Some(row) = rows.next().explain("read", &self.path)? {
            let (path, manifest) = verified_folder(row, 0).explain("read", &self.path)?;
            visit(OutgoingFolder {
                path: Path::new(OsStr::from_bytes(path)),
                manifest: Some(manifest.packed()),
            })?;
        }
        Ok(())
    }

    /// Returns the evidence of a folder below the root, with the numbers that the catalog gives to workstations; `None` if
    /// there is none. `keeps_tags`: the state of a file at its storage is the same for all workstations.
    pub fn outgoing_evidence(
        &self,
        database: DatabaseId,
        folder: &Path,
        hosts: &BTreeMap<Option<HostId>, HostId>,
        keeps_tags: bool,
    ) -> Result<Option<OutgoingEvidence>> {
        let files = self.evidence(database, folder)?;
        Ok(pack_outgoing(folder, files, hosts, keeps_tags))
    }

    /// Records that the catalog has what `pushed` names, and the revisions that this index knows now. What was marked again
    /// since stays marked.
    pub fn record_shared(
        &mut self,
        database: DatabaseId,
        pushed: &Unshared,
        revisions: SharedRevisions,
    ) -> Result<()> {
        self.write(|transaction| clear(transaction, database, pushed.mark, revisions))
    }

    /// Records the revisions that this index knows now, while what the catalog lacks waits. Any folder of the replicas
    /// `newer_here`, which changed in the catalog and are newer here, may then differ.
    pub fn record_pulled(
        &mut self,
        database: DatabaseId,
        newer_here: &BTreeSet<SharedReplicaKey>,
        revisions: SharedRevisions,
    ) -> Result<()> {
        self.write(|transaction| {
            for SharedReplicaKey { category, project } in newer_here {
                let sql = "UPDATE unshared_replicas SET extent = max(extent, 1)
                           WHERE database_id = ?1 AND category = ?2 AND client = ?3 AND project = ?4";
                let (client, project) = (project.client.as_bytes(), project.project.as_bytes());
                let parameters = params![database, bytes(category), client, project];
                execute(transaction, sql, parameters)?;
            }
            record_revisions(transaction, database, revisions)
        })
    }

    /// Returns the categories of a database that were listed completely, with the times.
    pub fn category_scans(&self, database: DatabaseId) -> Result<Vec<(PathBuf, Timestamp)>> {
        let sql = "SELECT category, looked_at FROM looks WHERE database_id = ?1 ORDER BY category";
        self.rows(sql, [database], |row| {
            Ok((read_path(row, 0)?, from_seconds(row.get(1)?)))
        })
    }
}
