//! Coverage: sums over the evidence of one replica, so that answers about a whole studio read no digest.
//!
//! A row is derived, like those of unions: it is deleted when evidence is added below its replica, ignored when the files of
//! the replica changed, and computed again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::pack::EvidenceKind;
use super::replica::ProvenFolder;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::checksum::row_checksum;
use crate::index::sql::{bytes, encode_fingerprints, execute, one, read_path};
use crate::index::{DatabaseId, Index, KnownReplica};
use crate::model::layout::CategoryLayout;
use crate::model::project::ProjectId;
use crate::snapshot::aggregate::Aggregate;
use crate::snapshot::digest::Digest;
use crate::snapshot::varint::{read_varint, unzigzag, write_varint, zigzag};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Sums over the evidence of the files of a replica. Links have none: a scan reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Number of files whose content was neither read nor stated by the storage.
    pub unproven_files: u64,
    /// Bytes of them.
    pub unproven_bytes: u64,
    /// Number of files that were found damaged; they are among the unproven.
    pub damaged: u64,
    /// The oldest time at which one of the other files was proven; `None` without any.
    pub oldest: Option<Timestamp>,
    /// Bytes of them by day: days since 1970 UTC.
    pub days: BTreeMap<i64, u64>,
}

impl Coverage {
    /// Sums over regular files without any evidence.
    pub(in crate::index) fn unproven(files: u64, bytes: u64) -> Self {
        Self {
            unproven_files: files,
            unproven_bytes: bytes,
            ..Self::default()
        }
    }

    /// True if every file was proven at this time or later.
    pub fn is_proven_since(&self, time: Timestamp) -> bool {
        self.unproven_files == 0 && self.oldest.is_none_or(|oldest| oldest >= time)
    }

    /// Bytes of files that were proven at this time or later, to the day.
    pub fn bytes_since(&self, time: Timestamp) -> u64 {
        let days = self.days.range(time.seconds.div_euclid(DAY)..);
        days.map(|(_, bytes)| *bytes).fold(0, u64::saturating_add)
    }

    fn add(&mut self, folder: &ProvenFolder<'_>) {
        folder.visit(&mut |file, content| {
            if file.target.is_some() {
                return;
            }
            let proof = content.map(|content| content.proof);
            let Some(proof) = proof.filter(super::pack::Proof::is_intact) else {
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

    fn encode(&self) -> Vec<u8> {
        let mut packed = Vec::new();
        for number in [self.unproven_files, self.unproven_bytes, self.damaged] {
            write_varint(&mut packed, number);
        }
        let oldest = self.oldest.map_or(0, |oldest| oldest.seconds);
        packed.push(u8::from(self.oldest.is_some()));
        write_varint(&mut packed, zigzag(oldest));
        for (day, bytes) in &self.days {
            write_varint(&mut packed, zigzag(*day));
            write_varint(&mut packed, *bytes);
        }
        packed
    }

    fn decode(mut packed: &[u8]) -> Option<Self> {
        let rest = &mut packed;
        let (unproven_files, unproven_bytes) = (read_varint(rest)?, read_varint(rest)?);
        let damaged = read_varint(rest)?;
        let has_oldest = *rest.split_off_first()? != 0;
        let seconds = unzigzag(read_varint(rest)?);
        let mut days = BTreeMap::new();
        while !rest.is_empty() {
            days.insert(unzigzag(read_varint(rest)?), read_varint(rest)?);
        }
        Some(Self {
            unproven_files,
            unproven_bytes,
            damaged,
            oldest: has_oldest.then_some(Timestamp {
                seconds,
                nanoseconds: 0,
            }),
            days,
        })
    }
}

/// The coverage of a replica, and the state of its files that it was computed from.
#[derive(Clone, Debug)]
pub struct StoredCoverage {
    database: DatabaseId,
    /// The replica's folder below the root.
    replica: PathBuf,
    basis: Digest,
    coverage: Coverage,
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

fn insert(connection: &Connection, row: &StoredCoverage) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO coverage (database_id, replica, basis, sums, checksum)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let (basis, sums) = (row.basis.0.to_le_bytes(), row.coverage.encode());
    let replica = bytes(&row.replica);
    let checksum = coverage_checksum(row.database, replica, &basis, &sums);
    let parameters = params![row.database, replica, basis, sums, checksum];
    execute(connection, sql, parameters)
}

/// Returns the folder of a replica without the slash at its end, as the ancestors of a folder have none.
fn coverage_folder(category: &Path, project: &ProjectId) -> PathBuf {
    let folder = CategoryLayout::from_key(category).replica_path(project);
    folder.components().collect()
}

/// Stores the coverage of a replica that was scanned, unless there is evidence of its files. Without evidence the scan itself
/// has counted everything, and no folder must be read for it.
pub(in crate::index) fn store_if_without_evidence(
    connection: &Connection,
    database: DatabaseId,
    (category, project): (&Path, &ProjectId),
    aggregate: &Aggregate,
    coverage: Coverage,
) -> rusqlite::Result<()> {
    let replica = coverage_folder(category, project);
    // All folders that begin like the replica's; some of them may be of others.
    let sql = "SELECT EXISTS (SELECT 1 FROM digests WHERE database_id = ?1 AND folder >= ?2 AND folder < ?3)";
    let end = [bytes(&replica), b"0"].concat();
    let has_evidence = one(
        connection,
        sql,
        params![database, bytes(&replica), end],
        |row| row.get(0),
    )?;
    if has_evidence {
        return Ok(());
    }
    let row = StoredCoverage {
        database,
        replica,
        basis: basis(aggregate),
        coverage,
    };
    insert(connection, &row)
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

/// Returns the digest of the files that a coverage is computed from.
fn basis(sum: &Aggregate) -> Digest {
    let mut bytes = encode_fingerprints(&sum.fingerprints);
    for number in [sum.files, sum.bytes, sum.precision as u64] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    Digest::of_bytes(&bytes)
}

fn coverage_checksum(database: DatabaseId, replica: &[u8], basis: &[u8], sums: &[u8]) -> [u8; 16] {
    row_checksum(&[&database.0.to_le_bytes(), replica, basis, sums])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
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
