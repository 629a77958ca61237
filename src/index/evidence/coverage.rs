//! Coverage: sums over the evidence of one replica, so that answers about a whole studio read no digest.
//!
//! A row is derived, like those of unions: it is deleted when evidence is added below its replica, ignored when the files of
//! the replica changed, and computed again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::coverage_row::{
    Coverage, DAY, StoredCoverage, basis, coverage_checksum, coverage_folder, insert,
};
use super::pack::{EvidenceKind, Proof};
use super::replica::ProvenFolder;
use crate::base::error::Result;
use crate::index::sql::{bytes, execute, read_path};
use crate::index::{DatabaseId, Index, KnownReplica};
use crate::snapshot::digest::Digest;

impl Coverage {
    fn add(&mut self, folder: &ProvenFolder<'_>) {
        folder.visit(&mut |file, content| {
            if file.target.is_some() {
                return;
            }
            let proof = content.map(|content| content.proof);
            let Some(proof) = proof.filter(Proof::is_intact) else {
                self.unproven_files += 1;
                self.unproven_bytes = self.unproven_bytes.saturating_add(file.bytes);
                let is_damaged = proof.is_some_and(|proof| proof.kind == EvidenceKind::Damaged);
                self.damaged += u64::from(is_damaged);
                return;
            };
            self.oldest = Some(self.oldest.map_or(proof.at, |oldest| oldest.min(proof.at)));
            let day = self
                .days
                .entry(proof.at.seconds.div_euclid(DAY))
                .or_default();
            *day = day.saturating_add(file.bytes);
        });
    }
}

/// The stored coverages of one database, by the replica's folder.
#[derive(Debug, Default)]
pub struct CoverageTable(BTreeMap<PathBuf, (Digest, Coverage)>);

impl Index {
    /// Reads the stored coverages of a database. Rows that are damaged are left out.
    pub(crate) fn coverages(&self, database: DatabaseId) -> Result<CoverageTable> {
        let sql = "SELECT replica, basis, sums, checksum FROM coverage WHERE database_id = ?1";
        let rows: Vec<Option<(PathBuf, (Digest, Coverage))>> =
            self.rows(sql, [database], |row| {
                let [replica, basis, sums, checksum] =
                    [0, 1, 2, 3].map(|column| row.get_ref(column));
                let (replica, basis) = (replica?.as_blob()?, basis?.as_blob()?);
                let (sums, checksum) = (sums?.as_blob()?, checksum?.as_blob()?);
                if checksum != coverage_checksum(database, replica, basis, sums) {
                    return Ok(None);
                }
                let basis = basis
                    .try_into()
                    .map(|basis| Digest(u128::from_le_bytes(basis)));
                let path = read_path(row, 0)?;
                Ok(basis
                    .ok()
                    .zip(Coverage::decode(sums))
                    .map(|known| (path, known)))
            })?;
        Ok(CoverageTable(rows.into_iter().flatten().collect()))
    }

    /// Returns the coverage of a present replica: the stored one, or one that is computed from its files and then added to
    /// `computed`.
    pub(crate) fn coverage(
        &self,
        (database, category): (DatabaseId, &Path),
        replica: &KnownReplica,
        stored: &CoverageTable,
        computed: &mut Vec<StoredCoverage>,
    ) -> Result<Coverage> {
        let folder = coverage_folder(category, &replica.project);
        let basis = basis(&replica.aggregate);
        if let Some((known, coverage)) = stored.0.get(&folder)
            && *known == basis
        {
            return Ok(coverage.clone());
        }
        let coverage = self.compute_coverage(database, category, replica)?;
        computed.push(StoredCoverage {
            database,
            replica: folder,
            basis,
            coverage: coverage.clone(),
        });
        Ok(coverage)
    }

    fn compute_coverage(
        &self,
        database: DatabaseId,
        category: &Path,
        replica: &KnownReplica,
    ) -> Result<Coverage> {
        let mut coverage = Coverage::default();
        let precision = replica.aggregate.precision;
        if let Some(present) = self.present_replica(database, category, &replica.project)? {
            self.visit_proven_folders(database, category, &present, precision, &mut |folder| {
                coverage.add(folder);
                Ok(())
            })?;
        }
        Ok(coverage)
    }

    /// Stores computed coverages.
    pub(crate) fn store_coverages(&mut self, computed: &[StoredCoverage]) -> Result<()> {
        if computed.is_empty() {
            return Ok(());
        }
        self.write(|transaction| computed.iter().try_for_each(|row| insert(transaction, row)))
    }
}

/// Deletes the coverage of the replica that a folder belongs to: of each folder above it.
pub(super) fn forget(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
) -> rusqlite::Result<()> {
    let sql = "DELETE FROM coverage WHERE database_id = ?1 AND replica = ?2";
    let folder: PathBuf = folder.components().collect();
    for replica in folder.ancestors() {
        execute(connection, sql, params![database, bytes(replica)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::model::project::ProjectId;
    use crate::os::stat::FileId;
    use crate::snapshot::manifest::{ManifestBuilder, ManifestFile};
    use crate::snapshot::tree::ScannedFolder;

    /// Scans a project with two files, one of them under two names, and a link.
    fn scan(index: &mut Index, root: &Path) {
        let mut builder = ManifestBuilder::default();
        let at = Timestamp::default();
        for name in ["a", "b", "c"] {
            builder.add(&ManifestFile::regular(name.as_bytes(), 100, at));
        }
        let link = ManifestFile {
            target: Some(b"a"),
            ..ManifestFile::regular(b"d", 0, at)
        };
        builder.add(&link);
        let mut folder = ScannedFolder::from_builder(Path::new("plates"), builder);
        let id = FileId {
            device: 1,
            inode: 7,
        };
        folder.hard_links = vec![(id, 100), (id, 100)];
        let project = ProjectId {
            client: "acme".into(),
            project: "spot".into(),
        };
        let known = index.database(root).unwrap();
        let mut staging = index.stage_scan(&known).unwrap();
        let replica = staging
            .begin_replica(Path::new("footage"), &project)
            .unwrap();
        staging.add_folder(replica, folder).unwrap();
        staging.end_replica(replica).unwrap();
        let staged = staging.finish().unwrap();
        let writer = index.write_scan(root, &known).unwrap();
        writer.write_replicas(&staged).unwrap();
        writer.finish(true).unwrap();
    }

    #[test]
    fn scan_without_evidence_stores_its_coverage() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::open(&folder.path().join("index")).unwrap().index;
        let root = Path::new("/mnt/studio");
        scan(&mut index, root);
        let id = index.database_id(root).unwrap().unwrap();
        let category = Path::new("footage");
        let replica = index.replicas(id, category).unwrap().remove(0);
        let (table, mut computed) = (index.coverages(id).unwrap(), Vec::new());
        let place = (id, category);
        let stored = index
            .coverage(place, &replica, &table, &mut computed)
            .unwrap();
        assert!(computed.is_empty());
        assert_eq!(
            stored,
            index.compute_coverage(id, category, &replica).unwrap()
        );
        assert_eq!((stored.unproven_files, stored.unproven_bytes), (3, 300));
        assert_eq!(replica.aggregate.bytes, 200);
    }

    proptest! {
        #[test]
        fn stored_coverage_is_read_back(
            numbers in prop::array::uniform3(any::<u64>()),
            oldest in prop::option::of(any::<i64>()),
            days in prop::collection::btree_map(any::<i64>(), any::<u64>(), 0..8),
        ) {
            let [unproven_files, unproven_bytes, damaged] = numbers;
            let oldest = oldest.map(|seconds| Timestamp { seconds, nanoseconds: 0 });
            let coverage = Coverage { unproven_files, unproven_bytes, damaged, oldest, days };
            prop_assert_eq!(Coverage::decode(&coverage.encode()), Some(coverage));
        }
    }
}
