//! The listing of a category in a scan: projects that are missing, and those of which nothing is known.

use std::path::Path;

use rusqlite::params;

use super::host::record_origin;
use super::replica_origin::ReplicaOrigin;
use super::replica_row::{ReplicaSize, delete_folders, find_replica, upsert_replica};
use super::size_record::record_size;
use super::sql::{bytes, execute, read_project, read_u64, rows};
use super::sqlite_error::Explain as _;
use super::{ScanChanges, ScanWriter};
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::model::project::ProjectId;

impl ScanWriter<'_> {
    /// Records that a project is missing in a category.
    pub fn record_missing(&self, category: &Path, project: &ProjectId) -> Result<ScanChanges> {
        self.record_missing_at(category, project, self.origin())
    }

    /// Records that a project was missing in a category at this scan.
    pub(super) fn record_missing_at(
        &self,
        category: &Path,
        project: &ProjectId,
        origin: ReplicaOrigin,
    ) -> Result<ScanChanges> {
        let write = || -> rusqlite::Result<u64> {
            let transaction = &self.transaction;
            let stored = find_replica(transaction, Some(self.database), category, project)?;
            if stored.is_some_and(|stored| stored.revision > self.base_revision) {
                return Ok(0);
            }
            let missing = stored.map_or(Ok(0), |stored| delete_folders(transaction, stored.id))?;
            let key = (category, project);
            let id = upsert_replica(transaction, self.database, key, origin.at, None)?;
            record_origin(transaction, id, origin.host)?;
            self.marks
                .mark_removed_replica(transaction, self.database, key)?;
            if stored.is_some_and(|stored| stored.size.present) {
                self.record_missing_size(key)?;
            }
            Ok(missing)
        };
        Ok(ScanChanges {
            missing: write().explain("write", &self.path)?,
            ..ScanChanges::default()
        })
    }

    /// Ends the scan of a whole category: deletes the replicas of projects that are not listed.
    pub fn delete_unlisted_replicas(
        &self,
        category: &Path,
        is_listed: &dyn Fn(&ProjectId) -> bool,
    ) -> Result<ScanChanges> {
        let delete = || -> rusqlite::Result<u64> {
            let sql = "SELECT client, project, id, files FROM replicas
                       WHERE database_id = ?1 AND category = ?2 AND revision <= ?3";
            let parameters = params![self.database, bytes(category), self.base_revision];
            let known: Vec<(ProjectId, i64, u64)> =
                rows(&self.transaction, sql, parameters, |row| {
                    Ok((read_project(row)?, row.get(2)?, read_u64(row, 3)?))
                })?;
            let mut missing = 0;
            for (project, id, files) in known {
                if !is_listed(&project) {
                    let sql = "DELETE FROM replicas WHERE id = ?1";
                    execute(&self.transaction, sql, [id])?;
                    missing += files;
                    let key = (category, &project);
                    self.marks
                        .mark_removed_replica(&self.transaction, self.database, key)?;
                    self.record_missing_size((category, &project))?;
                }
            }
            Ok(missing)
        };
        Ok(ScanChanges {
            missing: delete().explain("write", &self.path)?,
            ..ScanChanges::default()
        })
    }

    /// Records that a replica has no size any more.
    fn record_missing_size(&self, key: (&Path, &ProjectId)) -> rusqlite::Result<()> {
        let missing = ReplicaSize::default();
        record_size(
            &self.transaction,
            self.database,
            key,
            self.scanned_at,
            missing,
        )
    }

    /// Records that a whole category was listed: projects without a replica are missing there.
    pub fn record_category_scan(&self, category: &Path) -> Result<()> {
        self.record_category_scan_at(category, self.scanned_at)
    }

    /// Records that a whole category was listed at this time.
    pub(super) fn record_category_scan_at(&self, category: &Path, at: Timestamp) -> Result<()> {
        if self.is_superseded {
            return Ok(());
        }
        let sql =
            "INSERT OR REPLACE INTO looks (database_id, category, looked_at) VALUES (?1, ?2, ?3)";
        let parameters = params![self.database, bytes(category), at.seconds];
        self.execute(sql, parameters)
    }

    /// Records that folders of a category could not be read: the replicas in them are from an earlier scan, and projects
    /// without a replica are unknown, not missing.
    pub fn record_unreadable(
        &self,
        category: &Path,
        is_unknown: &dyn Fn(&ProjectId) -> bool,
    ) -> Result<()> {
        let (key, category) = (category, bytes(category));
        let sql = "SELECT client, project, id FROM replicas
                   WHERE database_id = ?1 AND category = ?2 AND present AND unreadable = 0";
        let parameters = params![self.database, category];
        let known: Vec<(ProjectId, i64)> = rows(&self.transaction, sql, parameters, |row| {
            Ok((read_project(row)?, row.get(2)?))
        })
        .explain("write", &self.path)?;
        for (project, id) in known.iter().filter(|(project, _)| is_unknown(project)) {
            let sql = "UPDATE replicas SET unreadable = 1 WHERE id = ?1";
            self.execute(sql, params![id])?;
            let key = (key, project);
            self.within(|transaction| self.marks.mark_replica(transaction, self.database, key))?;
        }
        let sql = "DELETE FROM looks WHERE database_id = ?1 AND category = ?2";
        self.execute(sql, params![self.database, category])
    }
}
