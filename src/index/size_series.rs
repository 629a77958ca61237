//! Reading of sizes over time.

use std::path::Path;

use super::checksum::corruption_error;
use super::size_record::{SIZE_COLUMNS, SizeRow, key_checksum, read_checksum};
use super::sql::{bytes, from_seconds, read_project, rows};
use super::sqlite_error::Explain as _;
use super::{DatabaseId, Index};
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::model::project::ProjectId;

/// The size of a replica from one scan to the next that saw a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizePoint {
    /// Time of the scan that saw the change, to the second.
    pub at: Timestamp,
    /// False if the replica was missing.
    pub present: bool,
    /// Number of files.
    pub files: u64,
    /// Apparent bytes.
    pub bytes: u64,
}

/// The sizes over time of one replica. Its points are read with [`Index::size_points`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeSeries {
    /// The project.
    pub project: ProjectId,
    id: i64,
    /// Sum of the checksums of its rows.
    rows_checksum: u128,
}

impl Index {
    /// Returns the series of all replicas in a category of a database, sorted by project, also those of projects that no
    /// longer exist.
    pub fn size_series(&self, database: DatabaseId, category: &Path) -> Result<Vec<SizeSeries>> {
        let sql = "SELECT client, project, id, checksum FROM size_series
                   WHERE database_id = ?1 AND category = ?2 ORDER BY client, project";
        let key: (DatabaseId, &[u8]) = (database, bytes(category));
        self.rows(sql, key, |row| {
            let (project, id) = (read_project(row)?, row.get(2)?);
            let own = key_checksum(id, (database, category, &project));
            Ok(SizeSeries {
                rows_checksum: read_checksum(row, 3)?.wrapping_sub(own),
                project,
                id,
            })
        })
    }

    /// Returns the time of the first row of a series. The row is not verified.
    pub fn first_size_at(&self, series: &SizeSeries) -> Result<Option<Timestamp>> {
        let sql = "SELECT at FROM sizes WHERE series_id = ?1 ORDER BY number LIMIT 1";
        self.optional(sql, [series.id], |row| Ok(from_seconds(row.get(0)?)))
    }

    /// Returns the time of the last row of a series. The row is not verified.
    pub fn last_size_at(&self, series: &SizeSeries) -> Result<Option<Timestamp>> {
        let sql = "SELECT at FROM sizes WHERE series_id = ?1 ORDER BY number DESC LIMIT 1";
        self.optional(sql, [series.id], |row| Ok(from_seconds(row.get(0)?)))
    }

    /// Returns the points of a series in the order in which they were recorded.
    ///
    /// # Errors
    /// [`crate::base::error::IndexProblem::Damaged`] if the rows are not those that were written.
    pub fn size_points(&self, series: &SizeSeries) -> Result<Vec<SizePoint>> {
        let sql = format!("SELECT {SIZE_COLUMNS} FROM sizes WHERE series_id = ?1 ORDER BY number");
        let read = || -> rusqlite::Result<Vec<SizePoint>> {
            let stored: Vec<SizeRow> = rows(&self.connection, &sql, [series.id], SizeRow::read)?;
            let checksums = stored.iter().map(|row| row.checksum(series.id));
            if checksums.fold(0, u128::wrapping_add) != series.rows_checksum {
                return Err(corruption_error("the checksum of sizes over time is wrong"));
            }
            Ok(stored.iter().map(point).collect())
        };
        read().explain("read", &self.path)
    }
}

const fn point(row: &SizeRow) -> SizePoint {
    SizePoint {
        at: from_seconds(row.at),
        present: row.size.present,
        files: row.size.files,
        bytes: row.size.bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::IndexProblem;
    use crate::index::replica_row::ReplicaSize;
    use crate::index::size_record::record_size;

    const ROOT: &str = "/nas";
    const CATEGORY: &str = "footage";
    const DAY: i64 = 86_400;

    /// An index with one database.
    fn index() -> (tempfile::TempDir, Index, DatabaseId) {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::open(&folder.path().join("index")).unwrap().index;
        let known = index.database(Path::new(ROOT)).unwrap();
        let writer = index.write_scan(Path::new(ROOT), &known).unwrap();
        writer.finish(true).unwrap();
        let id = index.database_id(Path::new(ROOT)).unwrap().unwrap();
        (folder, index, id)
    }

    fn project() -> ProjectId {
        ProjectId {
            client: "acme".into(),
            project: "spot".into(),
        }
    }

    const fn held(bytes: u64) -> ReplicaSize {
        ReplicaSize {
            present: true,
            files: 1,
            bytes,
        }
    }

    /// Records sizes at these days.
    fn record(index: &mut Index, id: DatabaseId, sizes: &[(i64, ReplicaSize)]) {
        let key = (Path::new(CATEGORY), &project());
        index
            .write(|transaction| {
                for (day, size) in sizes {
                    record_size(transaction, id, key, from_seconds(day * DAY), *size)?;
                }
                Ok(())
            })
            .unwrap();
    }

    /// Returns the days and bytes that are recorded; missing as 0.
    fn recorded(index: &Index, id: DatabaseId) -> Result<Vec<(i64, u64)>> {
        let series = index.size_series(id, Path::new(CATEGORY))?;
        let points = series.iter().map(|series| index.size_points(series));
        let points = points.collect::<Result<Vec<_>>>()?.concat();
        let dated = points
            .iter()
            .map(|point| (point.at.seconds / DAY, point.bytes));
        Ok(dated.collect())
    }

    #[test]
    fn only_changes_are_recorded() {
        let (_folder, mut index, id) = index();
        let missing = ReplicaSize::default();
        let sizes = [
            (1, missing),
            (2, held(5)),
            (3, held(5)),
            (4, missing),
            (5, missing),
            (6, held(5)),
        ];
        record(&mut index, id, &sizes);
        assert_eq!(recorded(&index, id).unwrap(), [(2, 5), (4, 0), (6, 5)]);
        let root = Path::new(ROOT);
        index.move_database(root, Path::new("/mnt")).unwrap();
        assert_eq!(recorded(&index, id).unwrap().len(), 3);
        index.forget_database(Path::new("/mnt")).unwrap();
        assert!(recorded(&index, id).unwrap().is_empty());
    }

    #[test]
    fn old_rows_are_thinned_out_with_their_checksums() {
        let (_folder, mut index, id) = index();
        let sizes: Vec<_> = (0..1000_i64)
            .map(|day| (day, held(day.unsigned_abs() + 1)))
            .collect();
        record(&mut index, id, &sizes);
        let left = recorded(&index, id).unwrap();
        assert!((760..800).contains(&left.len()), "{}", left.len());
        assert_eq!((left[0], left[left.len() - 1]), ((0, 1), (999, 1000)));
    }

    #[test]
    fn lost_or_changed_rows_are_damage() {
        for sql in [
            "DELETE FROM sizes WHERE number = 0",
            "DELETE FROM sizes WHERE number = 1",
            "UPDATE sizes SET bytes = bytes + 1 WHERE number = 1",
            "UPDATE sizes SET at = at - 1",
            "UPDATE size_series SET client = x'00'",
            "UPDATE size_series SET checksum = x'00'",
        ] {
            let (_folder, mut index, id) = index();
            record(&mut index, id, &[(1, held(5)), (2, held(6))]);
            index.connection.execute_batch(sql).unwrap();
            let found = recorded(&index, id).unwrap_err().index_problem();
            assert_eq!(found, Some(IndexProblem::Damaged), "{sql}");
            // A change that is recorded later hides nothing.
            let later = sql.contains("size_series") || {
                record(&mut index, id, &[(3, held(7))]);
                recorded(&index, id).is_err()
            };
            assert!(later, "{sql}");
        }
    }
}
