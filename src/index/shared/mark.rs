//! Marks on changes that the catalog lacks.

use std::path::Path;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, params};

use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::sql::{bytes, execute, optional, read_seconds, read_u64};
use crate::index::{DatabaseId, Index};
use crate::model::project::ProjectId;

/// Marks the folders of the replica ?2 that were staged at place ?1, with the mark ?3.
const MARK_FOLDERS: [&str; 2] = [
    "INSERT OR REPLACE INTO unshared_folders (replica_id, path, mark)
     SELECT ?2, path, ?3 FROM folders
     WHERE replica_id = ?2 AND id IN (SELECT id FROM temp.staged_deletions WHERE replica = ?1)",
    "INSERT OR REPLACE INTO unshared_folders (replica_id, path, mark)
     SELECT ?2, path, ?3 FROM temp.staged_folders WHERE replica = ?1",
];

/// The number of changes that the catalog lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitingChanges {
    /// Number of replicas.
    pub replicas: u64,
    /// Number of folders with evidence.
    pub evidence_folders: u64,
}

/// The folders that a marked replica shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkExtent {
    /// Those that are marked.
    Marked,
    /// Those that differ from the catalog: any may.
    Differing,
    /// All, because rows in the catalog are damaged.
    Anew,
}

impl MarkExtent {
    const ALL: [Self; 3] = [Self::Marked, Self::Differing, Self::Anew];
}

impl ToSql for MarkExtent {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok((*self as i64).into())
    }
}

impl FromSql for MarkExtent {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        let known = usize::try_from(number).ok();
        let known = known.and_then(|place| Self::ALL.get(place).copied());
        known.ok_or(FromSqlError::OutOfRange(number))
    }
}

/// The mark of one scan; `None` if its database takes no part in a catalog, or the scan is from there.
#[derive(Clone, Copy, Debug)]
pub(in crate::index) struct ReplicaMarks(Option<i64>);

impl ReplicaMarks {
    /// Marks nothing.
    pub(in crate::index) const NONE: Self = Self(None);

    /// Begins to mark changes of a database.
    pub(in crate::index) fn begin(
        connection: &Connection,
        database: DatabaseId,
    ) -> rusqlite::Result<Self> {
        next_mark(connection, database).map(Self)
    }

    /// Marks a replica, of which the folders that changed are marked too.
    pub(in crate::index) fn mark_replica(
        self,
        connection: &Connection,
        database: DatabaseId,
        key: (&Path, &ProjectId),
    ) -> rusqlite::Result<()> {
        self.mark(connection, database, key, MarkExtent::Marked)
    }

    /// Marks a replica whose folders were all removed. If it comes back before it is pushed, any of them may differ.
    pub(in crate::index) fn mark_removed_replica(
        self,
        connection: &Connection,
        database: DatabaseId,
        key: (&Path, &ProjectId),
    ) -> rusqlite::Result<()> {
        self.mark(connection, database, key, MarkExtent::Differing)
    }

    fn mark(
        self,
        connection: &Connection,
        database: DatabaseId,
        (category, project): (&Path, &ProjectId),
        extent: MarkExtent,
    ) -> rusqlite::Result<()> {
        let Self(Some(mark)) = self else {
            return Ok(());
        };
        let sql =
            "INSERT INTO unshared_replicas (database_id, category, client, project, mark, extent)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT DO UPDATE SET mark = ?5, extent = max(extent, ?6)";
        let (client, project) = (project.client.as_bytes(), project.project.as_bytes());
        let parameters = params![database, bytes(category), client, project, mark, extent];
        execute(connection, sql, parameters)
    }

    /// Marks the folders of a replica that were staged, before they are written.
    pub(in crate::index) fn mark_folders(
        self,
        connection: &Connection,
        place: i64,
        replica: i64,
    ) -> rusqlite::Result<()> {
        let Self(Some(mark)) = self else {
            return Ok(());
        };
        MARK_FOLDERS
            .into_iter()
            .try_for_each(|sql| execute(connection, sql, params![place, replica, mark]))
    }
}

/// Marks the evidence of a folder below the root. `is_forgotten`: evidence was removed, and must not come back.
pub(in crate::index) fn mark_evidence(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
    is_forgotten: bool,
) -> rusqlite::Result<()> {
    let Some(mark) = next_mark(connection, database)? else {
        return Ok(());
    };
    let forgotten_at = is_forgotten.then(|| Timestamp::now().seconds);
    let sql = "INSERT INTO unshared_evidence (database_id, folder, mark, forgotten_at) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO UPDATE SET mark = ?3, forgotten_at = coalesce(?4, forgotten_at)";
    let folder = bytes(folder);
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    execute(
        connection,
        sql,
        params![database, folder, mark, forgotten_at],
    )
}

/// A mark on the evidence of a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct EvidenceMark {
    /// Evidence from before this time was removed here, and does not come back.
    pub(super) forgotten_at: Option<Timestamp>,
}

/// Returns the mark on the evidence of a folder, if it has one.
pub(super) fn marked_evidence(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
) -> rusqlite::Result<Option<EvidenceMark>> {
    let sql = "SELECT forgotten_at FROM unshared_evidence WHERE database_id = ?1 AND folder = ?2";
    optional(connection, sql, params![database, bytes(folder)], |row| {
        let forgotten_at = read_seconds(row, 0)?;
        Ok(EvidenceMark { forgotten_at })
    })
}

/// Returns a mark that is higher than all before; `None` if the database takes no part in a catalog.
fn next_mark(connection: &Connection, database: DatabaseId) -> rusqlite::Result<Option<i64>> {
    let sql = "UPDATE shared_databases SET mark = mark + 1 WHERE database_id = ?1 RETURNING mark";
    optional(connection, sql, [database], |row| row.get(0))
}

/// The revisions of a database in the catalog that an index knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedRevisions {
    /// All rows up to this one are known.
    pub complete: i64,
    /// The revision at the last exchange. It is higher only while rows are damaged in the catalog.
    pub seen: i64,
}

impl SharedRevisions {
    /// All rows up to this revision are known.
    pub const fn up_to(revision: i64) -> Self {
        Self {
            complete: revision,
            seen: revision,
        }
    }

    /// True while rows are damaged in the catalog.
    pub const fn is_incomplete(self) -> bool {
        self.complete < self.seen
    }
}

impl Index {
    /// Returns the revisions of the catalog that are known of a database; `None` if it takes no part.
    pub fn shared_revisions(&self, database: DatabaseId) -> Result<Option<SharedRevisions>> {
        let sql = "SELECT revision, seen FROM shared_databases WHERE database_id = ?1";
        self.optional(sql, [database], |row| {
            Ok(SharedRevisions {
                complete: row.get(0)?,
                seen: row.get(1)?,
            })
        })
    }

    /// Returns the name of a database that the catalog was told; `None` if it takes no part, or was told none.
    pub fn told_name(&self, database: DatabaseId) -> Result<Option<String>> {
        let sql = "SELECT nullif(told_name, '') FROM shared_databases WHERE database_id = ?1";
        Ok(self.optional(sql, [database], |row| row.get(0))?.flatten())
    }

    /// Records the name of a database that the catalog was told.
    pub fn record_told_name(&mut self, database: DatabaseId, name: &str) -> Result<()> {
        let sql = "UPDATE shared_databases SET told_name = ?2 WHERE database_id = ?1";
        self.write(|transaction| execute(transaction, sql, params![database, name]))
    }

    /// Lets the database with this root take part in a catalog, unless it does, and returns its row. One that was never
    /// scanned here gets a row.
    pub fn ensure_shared(&mut self, root: &Path, identity: &str) -> Result<DatabaseId> {
        let known = self.database(root)?;
        let id = match known.id {
            Some(id) if known.identity.as_deref() == Some(identity) => id,
            _ => {
                let writer = self.write_scan(root, &known)?;
                writer.record_root(Some(identity), known.root_id.as_deref())?;
                let id = writer.database();
                writer.finish_elsewhere()?;
                id
            }
        };
        if self.shared_revisions(id)?.is_none() {
            self.share_database(id)?;
        }
        Ok(id)
    }

    /// Lets a database take part in a catalog of which it knows nothing yet. All that is known of the database is marked.
    pub fn share_database(&mut self, database: DatabaseId) -> Result<()> {
        self.write(|transaction| {
            let sql = "INSERT OR REPLACE INTO shared_databases (database_id, revision, mark) VALUES (?1, 0, 1)";
            execute(transaction, sql, [database])?;
            let sql = "INSERT OR REPLACE INTO unshared_replicas (database_id, category, client, project, mark, extent)
                       SELECT database_id, category, client, project, 1, 1 FROM replicas WHERE database_id = ?1";
            execute(transaction, sql, [database])?;
            let sql = "INSERT OR REPLACE INTO unshared_evidence (database_id, folder, mark)
                       SELECT DISTINCT database_id, folder, 1 FROM digests
                       WHERE database_id = ?1 AND substr(folder, -1) <> x'2f'";
            execute(transaction, sql, [database])
        })
    }

    /// Marks a replica whose rows in the catalog are damaged: the next push writes all of them anew.
    pub fn mark_damaged_replica(
        &mut self,
        database: DatabaseId,
        key: (&Path, &ProjectId),
    ) -> Result<()> {
        self.write(|transaction| {
            let marks = ReplicaMarks(next_mark(transaction, database)?);
            marks.mark(transaction, database, key, MarkExtent::Anew)
        })
    }

    /// Marks the evidence of a folder whose row in the catalog is damaged: the next push writes it anew.
    pub fn mark_damaged_evidence(&mut self, database: DatabaseId, folder: &Path) -> Result<()> {
        self.write(|transaction| mark_evidence(transaction, database, folder, false))
    }

    /// True if the catalog lacks anything of a database.
    pub fn has_unshared(&self, database: DatabaseId) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM unshared_replicas WHERE database_id = ?1)
                       OR EXISTS (SELECT 1 FROM unshared_evidence WHERE database_id = ?1)";
        self.one(sql, [database], |row| row.get(0))
    }

    /// Returns what the catalog lacks of a database, as numbers.
    pub fn waiting_changes(&self, database: DatabaseId) -> Result<WaitingChanges> {
        let sql = "SELECT (SELECT count(*) FROM unshared_replicas WHERE database_id = ?1),
                          (SELECT count(*) FROM unshared_evidence WHERE database_id = ?1)";
        self.one(sql, [database], |row| {
            Ok(WaitingChanges {
                replicas: read_u64(row, 0)?,
                evidence_folders: read_u64(row, 1)?,
            })
        })
    }

    /// Takes a database out of the catalog: nothing is marked any more.
    pub fn unshare_database(&mut self, database: DatabaseId) -> Result<()> {
        let sql = "DELETE FROM shared_databases WHERE database_id = ?1";
        self.write(|transaction| {
            let folders = "DELETE FROM unshared_folders WHERE replica_id IN (SELECT id FROM replicas WHERE database_id = ?1)";
            execute(transaction, folders, [database])?;
            execute(transaction, sql, [database])
        })
    }
}

/// Removes the marks up to one, and records the revisions of the catalog that are known of a database.
pub(super) fn clear(
    connection: &Connection,
    database: DatabaseId,
    mark: i64,
    revisions: SharedRevisions,
) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM unshared_folders WHERE mark <= ?2 AND replica_id IN (SELECT id FROM replicas WHERE database_id = ?1)",
        "DELETE FROM unshared_replicas WHERE mark <= ?2 AND database_id = ?1",
        "DELETE FROM unshared_evidence WHERE mark <= ?2 AND database_id = ?1",
    ] {
        execute(connection, sql, params![database, mark])?;
    }
    record_revisions(connection, database, revisions)
}

/// Records the revisions of the catalog that are known of a database.
pub(super) fn record_revisions(
    connection: &Connection,
    database: DatabaseId,
    SharedRevisions { complete, seen }: SharedRevisions,
) -> rusqlite::Result<()> {
    let sql = "UPDATE shared_databases SET revision = ?2, seen = ?3 WHERE database_id = ?1";
    execute(connection, sql, params![database, complete, seen])
}
