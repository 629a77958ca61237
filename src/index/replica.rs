//! What is known of databases and replicas, from their aggregates: no single file is read here.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension as _, Row, params};

use super::Index;
use super::folder::decode_fingerprints;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::model::project::{ProjectId, replica_path};
use crate::snapshot::aggregate::Aggregate;

/// What is known of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownDatabase {
    /// Its row, once it was looked at.
    pub id: Option<i64>,
    /// Its identity, once a copy went there.
    pub identity: Option<String>,
    /// When and where its root's folder was made, once it was looked at.
    pub root_id: Option<String>,
    /// The last look at the whole of it.
    pub scanned_at: Option<Timestamp>,
    /// Since when it was not there when looked at.
    pub offline_since: Option<Timestamp>,
    /// How many looks at it were written.
    pub revision: i64,
    /// Files in all its replicas, also those in categories that are no longer tracked.
    pub files: u64,
    /// The categories that hold these, below the root.
    pub categories: Vec<PathBuf>,
}

/// What is known of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownReplica {
    /// The project.
    pub project: ProjectId,
    /// Whether it was there.
    pub present: bool,
    /// When it was looked at.
    pub scanned_at: Timestamp,
    /// What it amounted to.
    pub aggregate: Aggregate,
}

impl Index {
    /// What is known of the database with this root.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn database(&self, root: &Path) -> Result<KnownDatabase> {
        let _reading = self.begin_read()?;
        self.verify_roots()?;
        let sql = "SELECT id, identity, looked_at, offline_since,
                          (SELECT coalesce(sum(files), 0) FROM replicas WHERE database_id = databases.id), revision, birth
                   FROM databases WHERE root = ?1";
        let known = self.connection.prepare_cached(sql).and_then(|mut query| {
            query
                .query_row([root.as_os_str().as_bytes()], read_database)
                .optional()
        });
        let mut known = known.explain("read", &self.path)?.unwrap_or_default();
        if let Some(id) = known.id {
            self.verify(id)?;
            known.categories = self.categories(id)?;
        }
        Ok(known)
    }

    /// The categories of a database in which files are known, also those that are no longer tracked.
    fn categories(&self, database: i64) -> Result<Vec<PathBuf>> {
        let sql = "SELECT DISTINCT category FROM replicas WHERE database_id = ?1 AND files > 0";
        let categories = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut query| query.query_map([database], read_path)?.collect());
        categories.explain("read", &self.path)
    }

    /// The folders below a database's root in which files of projects are known, also those of categories that are no
    /// longer tracked.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn project_folders(&self, database: i64) -> Result<Vec<PathBuf>> {
        let _reading = self.begin_read()?;
        self.verify(database)?;
        let sql =
            "SELECT client, project, category FROM replicas WHERE database_id = ?1 AND files > 0";
        let folder = |row: &Row<'_>| {
            let category = PathBuf::from(OsString::from_vec(row.get(2)?));
            Ok(replica_path(&category, &read_project(row)?))
        };
        let folders = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut query| query.query_map([database], folder)?.collect());
        folders.explain("read", &self.path)
    }

    /// When a category of a database was last looked at as a whole.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn category_scanned_at(&self, database: i64, category: &Path) -> Result<Option<Timestamp>> {
        let sql = "SELECT looked_at FROM looks WHERE database_id = ?1 AND category = ?2";
        let seconds = self.connection.prepare_cached(sql).and_then(|mut query| {
            query
                .query_row(params![database, category.as_os_str().as_bytes()], |row| {
                    row.get(0)
                })
                .optional()
        });
        Ok(seconds.explain("read", &self.path)?.map(from_seconds))
    }

    /// The folders of a database that were file systems of their own at the last look: those of categories, and others
    /// in them.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn mounted_folders(&self, database: i64) -> Result<BTreeSet<PathBuf>> {
        let sql = "SELECT category FROM mounts WHERE database_id = ?1";
        let categories = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut query| query.query_map([database], read_path)?.collect());
        categories.explain("read", &self.path)
    }

    /// All replicas in a category of a database, sorted by project.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn replicas(&self, database: i64, category: &Path) -> Result<Vec<KnownReplica>> {
        let sql = "SELECT client, project, present, looked_at, files, bytes, folders, newest, newest_ns, unreadable,
                          step, fingerprints
                   FROM replicas WHERE database_id = ?1 AND category = ?2 ORDER BY client, project";
        let category = category.as_os_str().as_bytes();
        let _reading = self.begin_read()?;
        let known = self.connection.prepare_cached(sql).and_then(|mut query| {
            query
                .query_map(params![database, category], read_replica)?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
        let known = known.explain("read", &self.path)?;
        self.verify_count(database, category, known.len())?;
        Ok(known)
    }

    /// The identity of the database with this root, as it showed it last.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn identity(&self, root: &Path) -> Result<Option<String>> {
        let sql = "SELECT identity FROM databases WHERE root = ?1";
        let identity = self.connection.prepare_cached(sql).and_then(|mut query| {
            let root = root.as_os_str().as_bytes();
            query.query_row([root], |row| row.get(0)).optional()
        });
        Ok(identity.explain("read", &self.path)?.flatten())
    }

    /// What is known of one replica.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn replica(
        &self,
        database: i64,
        category: &Path,
        project: &ProjectId,
    ) -> Result<Option<KnownReplica>> {
        let sql = "SELECT client, project, present, looked_at, files, bytes, folders, newest, newest_ns, unreadable,
                          step, fingerprints
                   FROM replicas WHERE database_id = ?1 AND category = ?2 AND client = ?3 AND project = ?4";
        let parameters = params![
            database,
            category.as_os_str().as_bytes(),
            project.client.as_bytes(),
            project.project.as_bytes()
        ];
        let known = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut query| query.query_row(parameters, read_replica).optional());
        known.explain("read", &self.path)
    }

    /// The row of the database with this root, once it was looked at; nothing is summed up for it.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn database_id(&self, root: &Path) -> Result<Option<i64>> {
        let _reading = self.begin_read()?;
        self.verify_roots()?;
        let sql = "SELECT id FROM databases WHERE root = ?1";
        let id = self.connection.prepare_cached(sql).and_then(|mut query| {
            let root = root.as_os_str().as_bytes();
            query.query_row([root], |row| row.get(0)).optional()
        });
        id.explain("read", &self.path)
    }

    /// The projects that are present in a category of a database, sorted.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn projects(&self, database: i64, category: &Path) -> Result<Vec<ProjectId>> {
        let _reading = self.begin_read()?;
        self.verify(database)?;
        let sql = "SELECT client, project FROM replicas WHERE database_id = ?1 AND category = ?2 AND present
                   ORDER BY client, project";
        let projects = self.connection.prepare_cached(sql).and_then(|mut query| {
            query
                .query_map(
                    params![database, category.as_os_str().as_bytes()],
                    read_project,
                )?
                .collect()
        });
        projects.explain("read", &self.path)
    }

    /// The same, one after the other without taking anything down: client and project.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn visit_projects(
        &self,
        database: i64,
        category: &Path,
        mut visit: impl FnMut(&[u8], &[u8]),
    ) -> Result<()> {
        let sql = "SELECT client, project FROM replicas WHERE database_id = ?1 AND category = ?2 AND present
                   ORDER BY client, project";
        let seen = self.connection.prepare_cached(sql).and_then(|mut query| {
            let mut rows = query.query(params![database, category.as_os_str().as_bytes()])?;
            while let Some(row) = rows.next()? {
                visit(row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
            }
            Ok(())
        });
        seen.explain("read", &self.path)
    }

    /// One of those, if there is any.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn first_project(&self, database: i64, category: &Path) -> Result<Option<ProjectId>> {
        let sql = "SELECT client, project FROM replicas WHERE database_id = ?1 AND category = ?2 AND present LIMIT 1";
        let found = self.connection.prepare_cached(sql).and_then(|mut query| {
            let category = category.as_os_str().as_bytes();
            query
                .query_row(params![database, category], read_project)
                .optional()
        });
        found.explain("read", &self.path)
    }
}

fn read_database(row: &Row<'_>) -> rusqlite::Result<KnownDatabase> {
    Ok(KnownDatabase {
        id: row.get(0)?,
        identity: row.get(1)?,
        scanned_at: row.get::<_, Option<i64>>(2)?.map(from_seconds),
        offline_since: row.get::<_, Option<i64>>(3)?.map(from_seconds),
        files: row.get::<_, i64>(4)?.cast_unsigned(),
        revision: row.get(5)?,
        root_id: row.get(6)?,
        categories: Vec::new(),
    })
}

fn read_path(row: &Row<'_>) -> rusqlite::Result<PathBuf> {
    Ok(OsString::from_vec(row.get(0)?).into())
}

pub(super) fn read_project(row: &Row<'_>) -> rusqlite::Result<ProjectId> {
    Ok(ProjectId {
        client: Name::from_bytes(row.get(0)?),
        project: Name::from_bytes(row.get(1)?),
    })
}

fn read_replica(row: &Row<'_>) -> rusqlite::Result<KnownReplica> {
    let newest: Option<i64> = row.get(7)?;
    let fingerprints: Vec<u8> = row.get(11)?;
    Ok(KnownReplica {
        project: read_project(row)?,
        present: row.get(2)?,
        scanned_at: from_seconds(row.get(3)?),
        aggregate: Aggregate {
            files: row.get::<_, i64>(4)?.cast_unsigned(),
            bytes: row.get::<_, i64>(5)?.cast_unsigned(),
            folders: row.get::<_, i64>(6)?.cast_unsigned(),
            newest: match newest {
                Some(seconds) => Some(Timestamp {
                    seconds,
                    nanoseconds: row.get(8)?,
                }),
                None => None,
            },
            unreadable: row.get::<_, i64>(9)?.cast_unsigned(),
            precision: decode_precision(row.get(10)?),
            fingerprints: decode_fingerprints(&fingerprints),
        },
    })
}

/// A step from its place among all.
pub(super) fn decode_precision(place: u8) -> TimePrecision {
    let mut steps = TimePrecision::ALL.into_iter();
    steps
        .nth(usize::from(place))
        .unwrap_or(TimePrecision::TwoSeconds)
}

/// A moment from the whole seconds in which looks are noted.
pub(super) const fn from_seconds(seconds: i64) -> Timestamp {
    Timestamp {
        seconds,
        nanoseconds: 0,
    }
}
