//! The coverage of a replica as it is stored: sums over its evidence.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use crate::base::timestamp::Timestamp;
use crate::index::DatabaseId;
use crate::index::checksum::row_checksum;
use crate::index::sql::{bytes, encode_fingerprints, execute, one};
use crate::model::layout::CategoryLayout;
use crate::model::project::ProjectId;
use crate::snapshot::aggregate::Aggregate;
use crate::snapshot::digest::Digest;
use crate::snapshot::varint::{read_varint, unzigzag, write_varint, zigzag};

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

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

    pub(super) fn encode(&self) -> Vec<u8> {
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

    pub(super) fn decode(mut packed: &[u8]) -> Option<Self> {
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
    pub(super) database: DatabaseId,
    /// The replica's folder below the root.
    pub(super) replica: PathBuf,
    pub(super) basis: Digest,
    pub(super) coverage: Coverage,
}

/// Inserts or replaces the row of a replica.
pub(super) fn insert(connection: &Connection, row: &StoredCoverage) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO coverage (database_id, replica, basis, sums, checksum)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let (basis, sums) = (row.basis.0.to_le_bytes(), row.coverage.encode());
    let replica = bytes(&row.replica);
    let checksum = coverage_checksum(row.database, replica, &basis, &sums);
    let parameters = params![row.database, replica, basis, sums, checksum];
    execute(connection, sql, parameters)
}

/// Returns the folder of a replica without the slash at its end, as the ancestors of a folder have none.
pub(super) fn coverage_folder(category: &Path, project: &ProjectId) -> PathBuf {
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

/// Returns the digest of the files that a coverage is computed from.
pub(super) fn basis(sum: &Aggregate) -> Digest {
    let mut bytes = encode_fingerprints(&sum.fingerprints);
    for number in [sum.files, sum.bytes, sum.precision as u64] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    Digest::of_bytes(&bytes)
}

/// Returns the checksum of a row.
pub(super) fn coverage_checksum(
    database: DatabaseId,
    replica: &[u8],
    basis: &[u8],
    sums: &[u8],
) -> [u8; 16] {
    row_checksum(&[&database.0.to_le_bytes(), replica, basis, sums])
}
