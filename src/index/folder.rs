//! The folders of the index: a row each, with all the files in it as one packed manifest.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension as _, Row, params};

use super::Index;
use super::checksum::{corruption_error, verify_row};
use super::sqlite_error::Explain as _;
use crate::base::error::{Error, IndexProblem, Result};
use crate::base::interrupt;
use crate::model::project::{ProjectId, Scope};
use crate::snapshot::aggregate::Fingerprints;
use crate::snapshot::manifest::{MalformedManifest, Manifest, ManifestFiles};

/// A folder as the last look saw it.
#[derive(Debug)]
pub(super) struct StoredFolder {
    pub(super) id: i64,
    pub(super) path: PathBuf,
    pub(super) fingerprints: Fingerprints,
    pub(super) manifest: Manifest,
}

/// The files of one folder, as the last look saw them.
#[derive(Clone, Copy, Debug)]
pub struct FolderFiles<'a> {
    /// The project it belongs to.
    pub project: &'a ProjectId,
    /// The path below the project's folder; empty for that folder itself.
    pub path: &'a Path,
    packed: &'a [u8],
}

impl FolderFiles<'_> {
    /// The files, in the order of their names.
    pub const fn files(&self) -> ManifestFiles<'_> {
        ManifestFiles::of(self.packed)
    }
}

impl Index {
    /// Hands the folders of a category of a database to `visit`, sorted by project and path, while it says to go on.
    ///
    /// # Errors
    /// What `visit` says; the index cannot be read, or the search was interrupted.
    pub fn visit_folders(
        &self,
        database: i64,
        category: &Path,
        scope: &Scope,
        visit: &mut dyn FnMut(&FolderFiles<'_>) -> Result<bool>,
    ) -> Result<()> {
        let _reading = self.begin_read()?;
        self.verify(database)?;
        for (replica, folders, project) in self.present_replicas(database, category)? {
            if scope.contains(&project)
                && !self.visit_replica((replica, folders), &project, visit)?
            {
                break;
            }
        }
        Ok(())
    }

    /// The rows of the replicas that are there, sorted by project, each with the number of its folders.
    fn present_replicas(
        &self,
        database: i64,
        category: &Path,
    ) -> Result<Vec<(i64, i64, ProjectId)>> {
        let sql = "SELECT client, project, id, folder_rows FROM replicas
                   WHERE database_id = ?1 AND category = ?2 AND present ORDER BY client, project";
        let parameters = params![database, category.as_os_str().as_bytes()];
        let rows = self.connection.prepare_cached(sql).and_then(|mut query| {
            query
                .query_map(parameters, |row| {
                    Ok((row.get(2)?, row.get(3)?, super::replica::read_project(row)?))
                })?
                .collect()
        });
        rows.explain("read", &self.path)
    }

    /// Hands the folders of a replica to `visit`; says whether it wants more.
    fn visit_replica(
        &self,
        (replica, folders): (i64, i64),
        project: &ProjectId,
        visit: &mut dyn FnMut(&FolderFiles<'_>) -> Result<bool>,
    ) -> Result<bool> {
        let sql = "SELECT path, manifest, fingerprints, checksum FROM folders WHERE replica_id = ?1 ORDER BY path";
        let query = self.connection.prepare_cached(sql);
        let mut query = query.explain("read", &self.path)?;
        let mut rows = query.query([replica]).explain("read", &self.path)?;
        let mut found = 0;
        while let Some(row) = rows.next().explain("read", &self.path)? {
            interrupt::check()?;
            found += 1;
            let (path, packed) = verified_folder(row).explain("read", &self.path)?;
            let folder = FolderFiles {
                project,
                path: Path::new(OsStr::from_bytes(path)),
                packed,
            };
            if !visit(&folder)? {
                return Ok(false);
            }
        }
        if found == folders {
            Ok(true)
        } else {
            Err(corruption_error("folders are missing")).explain("read", &self.path)
        }
    }

    /// Says that a manifest in this index cannot be read.
    pub fn damaged_error(&self, _: MalformedManifest) -> Error {
        Error::Index {
            path: self.path.clone(),
            problem: IndexProblem::Damaged,
            source: Some("the files of a folder cannot be read".into()),
        }
    }

    /// What is known of the folder with this path in a replica.
    pub(super) fn find_folder(&self, replica: i64, path: &Path) -> Result<Option<StoredFolder>> {
        let sql = "SELECT id, path, fingerprints, manifest, checksum FROM folders WHERE replica_id = ?1 AND path = ?2";
        let parameters = params![replica, path.as_os_str().as_bytes()];
        let query = self.connection.prepare_cached(sql);
        query
            .and_then(|mut query| query.query_row(parameters, read_stored_folder).optional())
            .explain("read", &self.path)
    }

    /// The folder of this row.
    pub(super) fn folder_by_id(&self, id: i64) -> Result<StoredFolder> {
        let sql = "SELECT id, path, fingerprints, manifest, checksum FROM folders WHERE id = ?1";
        let query = self.connection.prepare_cached(sql);
        query
            .and_then(|mut query| query.query_row([id], read_stored_folder))
            .explain("read", &self.path)
    }
}

/// Path and manifest of a row of path, manifest, fingerprints and checksum.
fn verified_folder<'a>(row: &'a Row<'_>) -> rusqlite::Result<(&'a [u8], &'a [u8])> {
    let (path, manifest) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
    let fingerprints = row.get_ref(2)?.as_blob()?;
    verify_row(row.get_ref(3)?.as_blob()?, &[path, fingerprints, manifest])?;
    Ok((path, manifest))
}

fn read_stored_folder(row: &Row<'_>) -> rusqlite::Result<StoredFolder> {
    let parts = [
        row.get_ref(1)?.as_blob()?,
        row.get_ref(2)?.as_blob()?,
        row.get_ref(3)?.as_blob()?,
    ];
    verify_row(row.get_ref(4)?.as_blob()?, &parts)?;
    Ok(StoredFolder {
        id: row.get(0)?,
        path: OsString::from_vec(row.get(1)?).into(),
        fingerprints: decode_fingerprints(row.get_ref(2)?.as_blob()?),
        manifest: Manifest::from_packed(row.get(3)?),
    })
}

/// Four 128-bit sums, little-endian, one after the other.
pub(super) fn decode_fingerprints(stored: &[u8]) -> Fingerprints {
    let mut sums = Fingerprints::default();
    for (sum, bytes) in sums.iter_mut().zip(stored.as_chunks().0) {
        *sum = u128::from_le_bytes(*bytes);
    }
    sums
}

/// The form that [`decode_fingerprints`] reads.
pub(super) fn encode_fingerprints(sums: &Fingerprints) -> Vec<u8> {
    sums.iter().flat_map(|sum| sum.to_le_bytes()).collect()
}
