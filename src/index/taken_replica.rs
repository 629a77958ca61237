//! Replicas that other workstations scanned, staged like those of a scan: whole, or only the folders that changed.

use std::path::Path;

use super::ScanStaging;
use super::folder::StoredFolder;
use super::replica_origin::ReplicaOrigin;
use super::sqlite_error::Explain as _;
use super::staged_scan::staging_key;
use crate::base::error::Result;
use crate::base::timestamp::TimePrecision;
use crate::model::project::ProjectId;
use crate::snapshot::aggregate::Aggregate;
use crate::snapshot::manifest::FileTotals;
use crate::snapshot::tree::ScannedFolder;

/// What files alone do not say of a replica.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatedTotals {
    /// Bytes, with each file of several names counted once.
    pub(super) bytes: u64,
    /// Number of entries that could not be read.
    pub(super) unreadable: u64,
    pub(super) precision: TimePrecision,
}

impl ScanStaging<'_> {
    /// Begins a replica of which only the folders that changed follow.
    pub(super) fn begin_delta(&mut self, category: &Path, project: &ProjectId) -> Result<usize> {
        let place = self.begin_replica(category, project)?;
        let known = match self.database {
            Some(database) => self.index.replica(database, category, project)?,
            None => None,
        };
        let staged = &mut self.replicas[place];
        staged.is_delta = true;
        if let Some(known) = known.filter(|known| known.present) {
            staged.aggregate = known.aggregate;
        }
        Ok(place)
    }

    /// Adds a folder of a replica that is taken over: one of all, or one that changed.
    pub(super) fn change_folder(&mut self, replica: usize, seen: ScannedFolder) -> Result<()> {
        if self.replicas[replica].is_delta {
            self.subtract_stored(replica, &seen.path)?;
        }
        self.add_folder(replica, seen)
    }

    /// Adds a folder that no longer exists, of a replica of which only changes follow.
    pub(super) fn remove_folder(&mut self, replica: usize, path: &Path) -> Result<()> {
        match self.subtract_stored(replica, path)? {
            Some(stored) => self.end_unseen_folder(replica, &stored),
            None => Ok(()),
        }
    }

    /// Takes a stored folder out of the aggregate of a replica, and returns it.
    fn subtract_stored(&mut self, replica: usize, path: &Path) -> Result<Option<StoredFolder>> {
        let stored = self.stored_folder(replica, path)?;
        if let Some(stored) = &stored {
            let totals = FileTotals::of(stored.manifest.files());
            let aggregate = &mut self.replicas[replica].aggregate;
            aggregate.remove_folder(&stored.path, &totals, &stored.fingerprints);
        }
        Ok(stored)
    }

    /// Ends a replica that is taken over. Returns false, and leaves it out, if its folders do not add up to `stated`.
    pub(super) fn end_foreign(
        &mut self,
        replica: usize,
        origin: ReplicaOrigin,
        stated: &Aggregate,
    ) -> Result<bool> {
        if self.replicas[replica].is_delta {
            let connection = &self.index.connection;
            self.names
                .end_replica(connection, staging_key(replica))
                .explain_temporary("write a scan of", &self.index.path)?;
        } else {
            self.end_replica(replica)?;
        }
        let taken = &mut self.replicas[replica];
        let found = &taken.aggregate;
        let is_sound = (found.files, found.folders) == (stated.files, stated.folders)
            && found.fingerprints == stated.fingerprints;
        taken.origin = Some(origin);
        taken.aggregate = stated.clone();
        taken.is_left_out = !is_sound;
        Ok(is_sound)
    }

    /// Leaves a replica out that ended.
    pub(super) fn leave_out(&mut self, replica: usize) {
        self.replicas[replica].is_left_out = true;
    }

    /// Ends a replica whose folders were taken over from another scan.
    pub(super) fn end_taken_replica(
        &mut self,
        replica: usize,
        origin: ReplicaOrigin,
        totals: StatedTotals,
    ) -> Result<()> {
        self.end_replica(replica)?;
        let staged = &mut self.replicas[replica];
        staged.origin = Some(origin);
        // Hard links make the replica smaller than the sum of its files, never larger.
        staged.aggregate.bytes = staged.aggregate.bytes.min(totals.bytes);
        staged.aggregate.unreadable = totals.unreadable;
        staged.aggregate.precision = totals.precision;
        Ok(())
    }
}
