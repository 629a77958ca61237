//! Stored shortfalls: how the replicas of one project and category compare with the union of them all.
//!
//! A row is derived from folders that are in the index, and may be lost at any time. A row that is damaged, or was computed
//! from other replicas than those of now, is ignored and written again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Row, params};

use super::checksum::{parse_manifest, row_checksum, verify_row};
use super::sql::{bytes, decode_fingerprints, execute, read_path, read_project};
use super::{DatabaseId, Index};
use crate::base::error::Result;
use crate::model::project::ProjectId;
use crate::snapshot::aggregate::Fingerprints;
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::Manifest;
use crate::snapshot::union::{Shortfall, Union};
use crate::snapshot::varint::{read_varint, write_varint};

/// The union of the replicas of one project and category, and the state of the index that it was computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUnion {
    /// The category's path.
    pub category: PathBuf,
    /// The project.
    pub project: ProjectId,
    /// Digest of that state.
    pub basis: Digest,
    /// The union.
    pub union: Union,
}

/// A folder of a replica with the fingerprints of its files, which are not read.
#[derive(Clone, Debug)]
pub struct FolderPrints {
    /// The path below the replica's folder.
    pub path: PathBuf,
    /// Sums over its files.
    pub fingerprints: Fingerprints,
    row: i64,
}

impl Index {
    /// Returns the stored shortfalls of a category, by project.
    pub fn unions(&self, category: &Path) -> Result<BTreeMap<ProjectId, StoredUnion>> {
        let sql = "SELECT client, project, basis, counts, checksum FROM unions WHERE category = ?1";
        let rows: Vec<Option<StoredUnion>> =
            self.rows(sql, [bytes(category)], |row| read_union(category, row))?;
        let rows = rows.into_iter().flatten();
        Ok(rows.map(|row| (row.project.clone(), row)).collect())
    }

    /// Stores shortfalls. Those of replicas that agree need no row.
    pub fn store_unions(&mut self, shortfalls: &[StoredUnion]) -> Result<()> {
        if shortfalls.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            for shortfall in shortfalls {
                let ProjectId { client, project } = &shortfall.project;
                let (basis, counts) = (shortfall.basis.0.to_le_bytes(), encode(&shortfall.union));
                let key = [bytes(&shortfall.category), client.as_bytes(), project.as_bytes()];
                let checksum = row_checksum(&[key[0], key[1], key[2], &basis, &counts]);
                let sql = "INSERT OR REPLACE INTO unions (category, client, project, basis, counts, checksum)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                execute(
                    transaction,
                    sql,
                    params![key[0], key[1], key[2], basis, counts, checksum],
                )?;
            }
            Ok(())
        })
    }

    /// Returns the folders of a replica, sorted by path.
    pub fn folder_prints(
        &self,
        database: DatabaseId,
        category: &Path,
        project: &ProjectId,
    ) -> Result<Vec<FolderPrints>> {
        let sql = "SELECT folders.id, path, folders.fingerprints FROM folders
                   JOIN replicas ON replicas.id = replica_id
                   WHERE database_id = ?1 AND category = ?2 AND client = ?3 AND project = ?4 ORDER BY path";
        let ProjectId { client, project } = project;
        let key = params![
            database,
            bytes(category),
            client.as_bytes(),
            project.as_bytes()
        ];
        self.rows(sql, key, |row| {
            Ok(FolderPrints {
                row: row.get(0)?,
                path: read_path(row, 1)?,
                fingerprints: decode_fingerprints(row.get_ref(2)?.as_blob()?),
            })
        })
    }

    /// Returns the files of a folder.
    pub fn folder_manifest(&self, folder: &FolderPrints) -> Result<Manifest> {
        let sql = "SELECT path, fingerprints, manifest, checksum FROM folders WHERE id = ?1";
        self.one(sql, [folder.row], |row| {
            let [path, fingerprints, manifest, checksum] =
                [0, 1, 2, 3].map(|column| row.get_ref(column));
            let (path, fingerprints) = (path?.as_blob()?, fingerprints?.as_blob()?);
            let manifest = manifest?.as_blob()?;
            verify_row(checksum?.as_blob()?, &[path, fingerprints, manifest])?;
            Ok(parse_manifest(manifest)?.to_owned())
        })
    }
}

/// Reads a row; `None` if it is damaged.
fn read_union(category: &Path, row: &Row<'_>) -> rusqlite::Result<Option<StoredUnion>> {
    let [client, project, basis, counts, checksum] =
        [0, 1, 2, 3, 4].map(|column| row.get_ref(column));
    let parts = [
        client?.as_blob()?,
        project?.as_blob()?,
        basis?.as_blob()?,
        counts?.as_blob()?,
    ];
    let [client, project, basis, counts] = parts;
    let is_intact =
        checksum?.as_blob()? == row_checksum(&[bytes(category), client, project, basis, counts]);
    let read = || {
        Some(StoredUnion {
            category: category.to_owned(),
            project: read_project(row).ok()?,
            basis: Digest(u128::from_le_bytes(basis.try_into().ok()?)),
            union: decode(counts)?,
        })
    };
    Ok(is_intact.then(read).flatten())
}

fn encode(union: &Union) -> Vec<u8> {
    let mut packed = Vec::new();
    let counts = union.shortfalls.iter();
    let counts = counts.flat_map(|one| [one.lacks, one.older, one.differs]);
    for number in [union.files, union.bytes].into_iter().chain(counts) {
        write_varint(&mut packed, number);
    }
    packed
}

fn decode(mut packed: &[u8]) -> Option<Union> {
    let (files, bytes) = (read_varint(&mut packed)?, read_varint(&mut packed)?);
    let mut shortfalls = Vec::new();
    while !packed.is_empty() {
        let mut next = || read_varint(&mut packed);
        shortfalls.push(Shortfall {
            lacks: next()?,
            older: next()?,
            differs: next()?,
        });
    }
    Some(Union {
        shortfalls,
        files,
        bytes,
    })
}
