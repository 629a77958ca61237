//! What the catalog knows better, written to this index as scans of other workstations.

use std::ops::Add;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::mark::marked_evidence;
use super::unshared::{SharedReplica, SharedReplicaKey, shared_checksum};
use crate::base::error::Result;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::index::checksum::corruption_error;
use crate::index::evidence::{ForeignRow, remove_row, replace_row, take_row};
use crate::index::foreign::{ForeignFailure, checked_folder};
use crate::index::host::ForeignHosts;
use crate::index::name_check::{checked_path, checked_totals, impossible_name};
use crate::index::replica_origin::ReplicaOrigin;
use crate::index::{DatabaseId, Index, KnownDatabase, ScanChanges, ScanStaging, StagedScan};
use crate::snapshot::aggregate::Aggregate;

/// A pull while it is staged.
#[derive(Debug)]
pub struct IncomingScan<'a> {
    staging: ScanStaging<'a>,
    missing: Vec<(SharedReplicaKey, ReplicaOrigin)>,
    replicas: u64,
}

/// A pull, ready to be written.
#[derive(Debug)]
pub struct StagedIncoming {
    staged: StagedScan,
    missing: Vec<(SharedReplicaKey, ReplicaOrigin)>,
    replicas: u64,
}

/// The evidence of a folder in a catalog.
#[derive(Clone, Debug)]
pub struct IncomingEvidence {
    /// The folder below the root.
    pub folder: PathBuf,
    /// Manifest, digests, checksum and proofs; `None` if the catalog has no evidence any more.
    pub parts: Option<[Vec<u8>; 4]>,
}

/// The result of a pull.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PulledChanges {
    /// Number of replicas.
    pub replicas: u64,
    /// Number of folders with new evidence.
    pub folders_with_evidence: u64,
    /// Changes of files, as of a scan.
    pub changes: ScanChanges,
}

impl Add for PulledChanges {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.changes += other.changes;
        Self {
            replicas: self.replicas + other.replicas,
            folders_with_evidence: self.folders_with_evidence + other.folders_with_evidence,
            ..self
        }
    }
}

/// A pull that was written.
#[derive(Clone, Debug, Default)]
pub struct WrittenPull {
    /// What changed.
    pub changes: PulledChanges,
    /// Folders whose evidence is damaged or impossible, below the root. It was left out.
    pub damaged_evidence: Vec<PathBuf>,
}

impl Index {
    /// Begins a pull.
    pub fn stage_incoming(&self, known: &KnownDatabase) -> Result<IncomingScan<'_>> {
        Ok(IncomingScan {
            staging: self.stage_scan(known)?,
            missing: Vec::new(),
            replicas: 0,
        })
    }

    /// Writes a pull. `known` is the database when what the catalog lacks was read: what others wrote since is newer. Then the
    /// result is `None`, nothing is written, and the pull must be repeated.
    pub fn write_incoming(
        &mut self,
        root: &Path,
        known: &KnownDatabase,
        staged: &StagedIncoming,
        (evidence, hosts, keeps_tags): (&[IncomingEvidence], &ForeignHosts, bool),
        categories: &[(PathBuf, Timestamp)],
    ) -> Result<Option<WrittenPull>> {
        let mut damaged_evidence = Vec::new();
        let mut rows = Vec::with_capacity(evidence.len());
        for incoming in evidence {
            match incoming.check(hosts, keeps_tags) {
                Ok(row) => rows.push((&*incoming.folder, row)),
                Err(_) => damaged_evidence.push(incoming.folder.clone()),
            }
        }
        let writer = self.write_scan(root, known)?.without_marks();
        let mut changes = writer.write_replicas(&staged.staged)?;
        for (key, origin) in &staged.missing {
            changes += writer.record_missing_at(&key.category, &key.project, *origin)?;
        }
        for (category, at) in categories {
            writer.record_category_scan_at(category, *at)?;
        }
        let database = writer.database();
        let mut folders_with_evidence = 0;
        for (folder, row) in rows {
            let written = writer.within(|transaction| {
                write_evidence(transaction, database, folder, row.as_ref())
            })?;
            folders_with_evidence += u64::from(written);
        }
        if writer.was_overtaken() {
            return Ok(None);
        }
        writer.finish_elsewhere()?;
        Ok(Some(WrittenPull {
            changes: PulledChanges {
                replicas: staged.replicas,
                folders_with_evidence,
                changes,
            },
            damaged_evidence,
        }))
    }
}

/// Writes the evidence of a folder, and returns true if any of it is new. What the catalog lacks is merged with it; otherwise it
/// replaces what is here.
fn write_evidence(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
    row: Option<&ForeignRow<'_>>,
) -> rusqlite::Result<bool> {
    match (marked_evidence(connection, database, folder)?, row) {
        (Some(mark), Some(row)) => take_row(connection, database, row, mark.forgotten_at),
        (Some(_), None) => Ok(false),
        (None, Some(row)) => replace_row(connection, database, row),
        (None, None) => remove_row(connection, database, folder),
    }
}

impl IncomingEvidence {
    /// True if it can be taken over. `keeps_tags`: the state of a file at its storage is the same for all workstations.
    pub fn is_sound(&self, hosts: &ForeignHosts, keeps_tags: bool) -> bool {
        self.check(hosts, keeps_tags).is_ok()
    }

    fn check(
        &self,
        hosts: &ForeignHosts,
        keeps_tags: bool,
    ) -> rusqlite::Result<Option<ForeignRow<'_>>> {
        let Some(parts) = &self.parts else {
            return Ok(None);
        };
        let parts = parts.each_ref().map(Vec::as_slice);
        let row = ForeignRow::new(&self.folder, parts, hosts, keeps_tags)?;
        checked_totals(row.manifest()).ok_or_else(impossible_name)?;
        Ok(Some(row))
    }
}

impl IncomingScan<'_> {
    /// Begins a replica, and returns its place for the other functions. `is_delta`: only the folders that changed follow.
    pub fn begin(&mut self, key: &SharedReplicaKey, is_delta: bool) -> Result<usize> {
        self.replicas += 1;
        if is_delta {
            self.staging.begin_delta(&key.category, &key.project)
        } else {
            self.staging.begin_replica(&key.category, &key.project)
        }
    }

    /// Adds a folder of a replica: its packed files, or `None` if it no longer exists.
    ///
    /// # Errors
    /// The row is damaged, or no scan could have found it.
    pub fn add_folder(
        &mut self,
        place: usize,
        path: &[u8],
        manifest: Option<&[u8]>,
        checksum: &[u8],
    ) -> Result<(), ForeignFailure> {
        if checksum != shared_checksum(path, manifest) {
            let error = corruption_error("the checksum of a folder is wrong");
            return Err(ForeignFailure::Foreign(error));
        }
        let added = if let Some(manifest) = manifest {
            let folder = checked_folder(path, manifest).map_err(ForeignFailure::Foreign)?;
            self.staging.change_folder(place, folder)
        } else {
            let path = checked_path(path).map_err(ForeignFailure::Foreign)?;
            self.staging.remove_folder(place, path)
        };
        added.map_err(ForeignFailure::Own)
    }

    /// Ends a replica. Returns false, and leaves it out, if its folders are not those of this state.
    pub fn end(&mut self, place: usize, state: &SharedReplica) -> Result<bool> {
        let missing = Aggregate::new(TimePrecision::Nanosecond);
        let stated = state.aggregate.as_ref().unwrap_or(&missing);
        let is_sound = self.staging.end_foreign(place, origin(state), stated)?;
        self.replicas -= u64::from(!is_sound);
        Ok(is_sound)
    }

    /// Ends a replica of which a row is damaged, and leaves it out.
    pub fn leave_out(&mut self, place: usize, state: &SharedReplica) -> Result<()> {
        if self.end(place, state)? {
            self.staging.leave_out(place);
            self.replicas -= 1;
        }
        Ok(())
    }

    /// Adds a replica that is missing.
    pub fn add_missing(&mut self, key: SharedReplicaKey, state: &SharedReplica) {
        self.replicas += 1;
        self.missing.push((key, origin(state)));
    }

    /// Ends the pull.
    pub fn finish(self) -> Result<StagedIncoming> {
        Ok(StagedIncoming {
            staged: self.staging.finish()?,
            missing: self.missing,
            replicas: self.replicas,
        })
    }
}

const fn origin(state: &SharedReplica) -> ReplicaOrigin {
    ReplicaOrigin {
        at: state.scanned_at,
        host: state.host,
    }
}
