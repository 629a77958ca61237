//! The folders of replicas: one row each, with all files in one packed manifest (decision 9).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Row, params};

use super::checksum::{corruption_error, parse_manifest, verify_row};
use super::sql::{bytes, decode_fingerprints, read_path, read_project};
use super::sqlite_error::Explain as _;
use super::{DatabaseId, Index};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::model::project::{ProjectId, Scope};
use crate::snapshot::aggregate::Fingerprints;
use crate::snapshot::manifest::{Manifest, ManifestFiles, ManifestRef};

/// A folder at the last scan.
#[derive(Debug)]
pub(super) struct StoredFolder {
    pub(super) id: i64,
    pub(super) path: PathBuf,
    pub(super) fingerprints: Fingerprints,
    pub(super) manifest: Manifest,
}

/// The files of one folder at the last scan.
#[derive(Clone, Copy, Debug)]
pub struct FolderFiles<'a> {
    /// The project.
    pub project: &'a ProjectId,
    /// The path below the project's folder; empty for that folder itself.
    pub path: &'a Path,
    /// Its files, packed.
    pub manifest: ManifestRef<'a>,
}

impl FolderFiles<'_> {
    /// The files, sorted by name.
    pub const fn files(&self) -> ManifestFiles<'_> {
        self.manifest.files()
    }
}

/// A replica that is present.
#[derive(Clone, Debug)]
pub struct PresentReplica {
    id: i64,
    folders: i64,
    /// The project.
    pub project: ProjectId,
}

impl PresentReplica {
    /// The project, as this database spells it.
    pub const fn project(&self) -> &ProjectId {
        &self.project
    }

    /// Number of its folders.
    pub(super) const fn folder_count(&self) -> u64 {
        self.folders.unsigned_abs()
    }

    /// Its row.
    pub(super) const fn id(&self) -> i64 {
        self.id
    }
}

impl Index {
    /// Passes the folders of a category, sorted by project and path, to `visit` until it returns `false`.
    pub fn visit_folders(
        &self,
        database: DatabaseId,
        category: &Path,
        scope: &Scope,
        visit: &mut dyn FnMut(&FolderFiles<'_>) -> Result<bool>,
    ) -> Result<()> {
        let _view = self.read_transaction()?;
        for replica in self.present_replicas(database, category)? {
            if scope.contains(&replica.project) && !self.visit_replica(&replica, visit)? {
                break;
            }
        }
        Ok(())
    }

    /// Returns the present replicas of a category, sorted by project.
    pub fn present_replicas(
        &self,
        database: DatabaseId,
        category: &Path,
    ) -> Result<Vec<PresentReplica>> {
        let _view = self.read_transaction()?;
        self.verify(database)?;
        let sql = "SELECT client, project, id, folder_rows FROM replicas
                   WHERE database_id = ?1 AND category = ?2 AND present ORDER BY client, project";
        self.rows(sql, params![database, bytes(category)], |row| {
            Ok(PresentReplica {
                id: row.get(2)?,
                folders: row.get(3)?,
                project: read_project(row)?,
            })
        })
    }

    /// Returns one replica of a category, if it is present.
    pub fn present_replica(
        &self,
        database: DatabaseId,
        category: &Path,
        project: &ProjectId,
    ) -> Result<Option<PresentReplica>> {
        let sql = "SELECT id, folder_rows FROM replicas
                   WHERE database_id = ?1 AND category = ?2 AND client = ?3 AND project = ?4 AND present";
        let ProjectId {
            client,
            project: name,
        } = project;
        let key = params![
            database,
            bytes(category),
            client.as_bytes(),
            name.as_bytes()
        ];
        self.optional(sql, key, |row| {
            Ok(PresentReplica {
                id: row.get(0)?,
                folders: row.get(1)?,
                project: project.clone(),
            })
        })
    }

    /// Passes the folders of a replica to `visit` until it returns `false`. Returns `false` if it did.
    pub fn visit_replica(
        &self,
        replica: &PresentReplica,
        visit: &mut dyn FnMut(&FolderFiles<'_>) -> Result<bool>,
    ) -> Result<bool> {
        let sql = "SELECT path, fingerprints, manifest, checksum FROM folders WHERE replica_id = ?1 ORDER BY path";
        let query = self.connection.prepare_cached(sql);
        let mut query = query.explain("read", &self.path)?;
        let mut rows = query.query([replica.id]).explain("read", &self.path)?;
        let mut found = 0;
        while let Some(row) = rows.next().explain("read", &self.path)? {
            interrupt::check()?;
            found += 1;
            let (path, manifest) = verified_folder(row, 0).explain("read", &self.path)?;
            let folder = FolderFiles {
                project: &replica.project,
                path: Path::new(OsStr::from_bytes(path)),
                manifest,
            };
            if !visit(&folder)? {
                return Ok(false);
            }
        }
        if found == replica.folders {
            Ok(true)
        } else {
            Err(corruption_error("folders are missing")).explain("read", &self.path)
        }
    }

    /// Fails if a row of a replica's folders is lost.
    pub(super) fn require_all_folders(&self, replica: &PresentReplica) -> Result<()> {
        let sql = "SELECT count(*) FROM folders WHERE replica_id = ?1";
        let count: i64 = self.one(sql, [replica.id], |row| row.get(0))?;
        if count == replica.folders {
            Ok(())
        } else {
            Err(corruption_error("folders are missing")).explain("read", &self.path)
        }
    }

    /// Returns the paths of a replica's folders, sorted.
    pub(super) fn folder_paths(&self, replica: &PresentReplica) -> Result<Vec<PathBuf>> {
        let sql = "SELECT path FROM folders WHERE replica_id = ?1 ORDER BY path";
        let paths: Vec<PathBuf> = self.rows(sql, [replica.id], |row| read_path(row, 0))?;
        if i64::try_from(paths.len()) == Ok(replica.folders) {
            Ok(paths)
        } else {
            Err(corruption_error("folders are missing")).explain("read", &self.path)
        }
    }

    /// Returns the folder with this path in a replica, if it is known.
    pub(super) fn find_folder(&self, replica: i64, path: &Path) -> Result<Option<StoredFolder>> {
        let sql = "SELECT id, path, fingerprints, manifest, checksum FROM folders WHERE replica_id = ?1 AND path = ?2";
        self.optional(sql, params![replica, bytes(path)], read_stored_folder)
    }

    /// Returns the folder in this row.
    pub(super) fn folder_by_id(&self, id: i64) -> Result<StoredFolder> {
        let sql = "SELECT id, path, fingerprints, manifest, checksum FROM folders WHERE id = ?1";
        self.one(sql, [id], read_stored_folder)
    }
}

/// Returns path and manifest of a row with path, fingerprints, manifest and checksum from this column on.
pub(super) fn verified_folder<'a>(
    row: &'a Row<'_>,
    column: usize,
) -> rusqlite::Result<(&'a [u8], ManifestRef<'a>)> {
    let part =
        |offset: usize| -> rusqlite::Result<&[u8]> { Ok(row.get_ref(column + offset)?.as_blob()?) };
    let (path, manifest) = (part(0)?, part(2)?);
    verify_row(part(3)?, &[path, part(1)?, manifest])?;
    Ok((path, parse_manifest(manifest)?))
}

fn read_stored_folder(row: &Row<'_>) -> rusqlite::Result<StoredFolder> {
    let (_, manifest) = verified_folder(row, 1)?;
    Ok(StoredFolder {
        id: row.get(0)?,
        path: read_path(row, 1)?,
        fingerprints: decode_fingerprints(row.get_ref(2)?.as_blob()?),
        manifest: manifest.to_owned(),
    })
}
