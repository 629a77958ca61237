//! Databases and replicas, from their aggregates: no manifest is read here.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Row, params};

use super::checksum::REPLICA_QUERY;
use super::replica_row::decode_precision;
use super::sql::{
    bytes, decode_fingerprints, from_seconds, read_path, read_project, read_seconds, read_u64,
};
use super::sqlite_error::Explain as _;
use super::{DatabaseId, Index};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::model::layout::CategoryLayout;
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::snapshot::aggregate::Aggregate;

/// Selects the present projects of a category, sorted.
const PROJECTS_SQL: &str =
    "SELECT client, project, bytes FROM replicas WHERE database_id = ?1 AND category = ?2 AND present
                            ORDER BY client, project";

/// Data of a database in the index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownDatabase {
    /// Its row; `None` before its first scan.
    pub id: Option<DatabaseId>,
    /// Its identity; `None` before the first copy to it.
    pub identity: Option<String>,
    /// The root id of its folder, if the file system has one.
    pub root_id: Option<String>,
    /// Time of the last scan of the whole database.
    pub scanned_at: Option<Timestamp>,
    /// Time of the first scan that found it offline; `None` while it is online.
    pub offline_since: Option<Timestamp>,
    /// Number of scans written.
    pub revision: i64,
    /// Number of files in all its replicas, also in categories that are no longer tracked.
    pub files: u64,
    /// Keys of the categories with files.
    pub categories: Vec<PathBuf>,
}

impl KnownDatabase {
    /// True if it has files in a category.
    pub fn has_files_in(&self, category: &Category) -> bool {
        self.categories.iter().any(|key| key == category.key())
    }

    /// The folders below the root that contain the categories with files.
    pub fn category_folders(&self) -> impl Iterator<Item = PathBuf> {
        let keys = self.categories.iter();
        keys.map(|key| CategoryLayout::from_key(key).base())
    }
}

/// Data of a replica in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownReplica {
    /// The project.
    pub project: ProjectId,
    /// False if the last scan found it missing.
    pub present: bool,
    /// Time of its last scan.
    pub scanned_at: Timestamp,
    /// Its totals.
    pub aggregate: Aggregate,
}

/// The replicas of a database by the key of their category, each list sorted by project.
pub type ReplicasByCategory = BTreeMap<PathBuf, Vec<KnownReplica>>;

impl Index {
    /// Returns what is known about the database with this root, and all its replicas. They are read only once.
    pub fn database_with_replicas(
        &self,
        root: &Path,
    ) -> Result<(KnownDatabase, ReplicasByCategory)> {
        let _view = self.read_transaction()?;
        let mut replicas = ReplicasByCategory::new();
        if let Some(id) = self.database_id(root)? {
            self.visit_verified(id, &mut |row| {
                let key = OsStr::from_bytes(row.get_ref(0)?.as_blob()?);
                if !replicas.contains_key(Path::new(key)) {
                    replicas.insert(key.into(), Vec::new());
                }
                if let Some(list) = replicas.get_mut(Path::new(key)) {
                    list.push(read_replica(row)?);
                }
                Ok(())
            })?;
        }
        for list in replicas.values_mut() {
            list.sort_by(|a, b| a.project.cmp(&b.project));
        }
        Ok((self.database(root)?, replicas))
    }

    /// Returns what is known about the database with this root.
    pub fn database(&self, root: &Path) -> Result<KnownDatabase> {
        let _view = self.read_transaction()?;
        self.verify_roots()?;
        let sql = "SELECT id, identity, looked_at, offline_since, revision, birth FROM databases WHERE root = ?1";
        let known = self.optional(sql, [bytes(root)], read_database)?;
        let mut known = known.unwrap_or_default();
        if let Some(id) = known.id {
            self.with_verified(id, |totals| {
                let with_files = totals.iter().filter(|(_, total)| total.files > 0);
                for (key, total) in with_files {
                    known.files = known.files.saturating_add(total.files);
                    known.categories.push(OsStr::from_bytes(key).into());
                }
                Ok(())
            })?;
        }
        Ok(known)
    }

    /// Returns the row of the database with this root, if it was scanned. Cheaper than [`Self::database`].
    pub fn database_id(&self, root: &Path) -> Result<Option<DatabaseId>> {
        let _view = self.read_transaction()?;
        self.verify_roots()?;
        let sql = "SELECT id FROM databases WHERE root = ?1";
        self.optional(sql, [bytes(root)], |row| row.get(0))
    }

    /// Returns the last known identity of the database with this root.
    pub fn identity(&self, root: &Path) -> Result<Option<String>> {
        let sql = "SELECT identity FROM databases WHERE root = ?1";
        let identity = self.optional(sql, [bytes(root)], |row| row.get(0))?;
        Ok(identity.flatten())
    }

    /// Returns the project folders with files below a database's root, also in categories that are no longer tracked.
    pub fn project_folders(&self, database: DatabaseId) -> Result<Vec<PathBuf>> {
        let _view = self.read_transaction()?;
        self.verify(database)?;
        let sql =
            "SELECT client, project, category FROM replicas WHERE database_id = ?1 AND files > 0";
        self.rows(sql, [database], |row| {
            let layout = CategoryLayout::from_key(&read_path(row, 2)?);
            Ok(layout.replica_path(&read_project(row)?))
        })
    }

    /// Returns the time of the last scan of a whole category.
    pub fn category_scanned_at(
        &self,
        database: DatabaseId,
        category: &Path,
    ) -> Result<Option<Timestamp>> {
        let _view = self.read_transaction()?;
        self.verify(database)?;
        let sql = "SELECT looked_at FROM looks WHERE database_id = ?1 AND category = ?2";
        self.optional(sql, params![database, bytes(category)], |row| {
            Ok(from_seconds(row.get(0)?))
        })
    }

    /// Returns the folders of a database, categories and others, that were mount points at a scan.
    pub fn mounted_folders(&self, database: DatabaseId) -> Result<BTreeSet<PathBuf>> {
        let _view = self.read_transaction()?;
        // A lost row would let a scan report the files below an absent mount as deleted.
        self.verify(database)?;
        let sql = "SELECT category FROM mounts WHERE database_id = ?1";
        self.rows(sql, [database], |row| read_path(row, 0))
    }

    /// Returns all replicas in a category of a database, sorted by project.
    pub fn replicas(&self, database: DatabaseId, category: &Path) -> Result<Vec<KnownReplica>> {
        let _view = self.read_transaction()?;
        let sql = format!("{REPLICA_QUERY} AND category = ?2 ORDER BY client, project");
        let known: Vec<_> = self.rows(&sql, params![database, bytes(category)], read_replica)?;
        self.verify_count(database, bytes(category), known.len())?;
        Ok(known)
    }

    /// Returns one replica, if it is known.
    pub fn replica(
        &self,
        database: DatabaseId,
        category: &Path,
        project: &ProjectId,
    ) -> Result<Option<KnownReplica>> {
        let sql = format!("{REPLICA_QUERY} AND category = ?2 AND client = ?3 AND project = ?4");
        let ProjectId { client, project } = project;
        let parameters = params![
            database,
            bytes(category),
            client.as_bytes(),
            project.as_bytes()
        ];
        self.optional(&sql, parameters, read_replica)
    }

    /// Returns the projects that are present in a category of a database, sorted.
    pub fn projects(&self, database: DatabaseId, category: &Path) -> Result<Vec<ProjectId>> {
        let _view = self.read_transaction()?;
        self.verify(database)?;
        self.rows(
            PROJECTS_SQL,
            params![database, bytes(category)],
            read_project,
        )
    }

    /// Passes client, project and bytes of each present replica of a category to `visit`, sorted. For completion: faster
    /// than [`Self::projects`], because it neither copies names nor verifies checksums.
    pub fn visit_projects(
        &self,
        database: DatabaseId,
        category: &Path,
        mut visit: impl FnMut(&[u8], &[u8], u64),
    ) -> Result<()> {
        let visited = self
            .connection
            .prepare_cached(PROJECTS_SQL)
            .and_then(|mut query| {
                let mut rows = query.query(params![database, bytes(category)])?;
                while let Some(row) = rows.next()? {
                    let bytes = read_u64(row, 2)?;
                    visit(
                        row.get_ref(0)?.as_blob()?,
                        row.get_ref(1)?.as_blob()?,
                        bytes,
                    );
                }
                Ok(())
            });
        visited.explain("read", &self.path)
    }

    /// Returns the first present project of a category, if any, as an example for help texts.
    pub fn first_project(
        &self,
        database: DatabaseId,
        category: &Path,
    ) -> Result<Option<ProjectId>> {
        let sql = "SELECT client, project FROM replicas WHERE database_id = ?1 AND category = ?2 AND present LIMIT 1";
        self.optional(sql, params![database, bytes(category)], read_project)
    }
}

/// Reads the row of a database, without the totals of its replicas.
fn read_database(row: &Row<'_>) -> rusqlite::Result<KnownDatabase> {
    Ok(KnownDatabase {
        id: row.get(0)?,
        identity: row.get(1)?,
        scanned_at: read_seconds(row, 2)?,
        offline_since: read_seconds(row, 3)?,
        revision: row.get(4)?,
        root_id: row.get(5)?,
        files: 0,
        categories: Vec::new(),
    })
}

/// Reads a row of [`REPLICA_QUERY`].
fn read_replica(row: &Row<'_>) -> rusqlite::Result<KnownReplica> {
    let newest = match row.get(10)? {
        Some(seconds) => Some(Timestamp {
            seconds,
            nanoseconds: row.get(11)?,
        }),
        None => None,
    };
    Ok(KnownReplica {
        project: ProjectId {
            client: Name::from_bytes(row.get(1)?),
            project: Name::from_bytes(row.get(2)?),
        },
        present: row.get(4)?,
        scanned_at: from_seconds(row.get(5)?),
        aggregate: Aggregate {
            files: read_u64(row, 7)?,
            bytes: read_u64(row, 8)?,
            folders: read_u64(row, 9)?,
            newest,
            unreadable: read_u64(row, 12)?,
            precision: decode_precision(row.get(13)?),
            fingerprints: decode_fingerprints(row.get_ref(14)?.as_blob()?),
        },
    })
}
