//! The rows of the evidence of one folder: read, added, merged and deleted.

use std::path::Path;

use rusqlite::{Connection, params};

use super::file::{FileEvidence, FolderEvidence};
use super::pack::{self, Proof};
use super::row::{SELECT_SQL, contents_checksum, folder_forms, verified_contents};
use crate::base::name::Name;
use crate::index::DatabaseId;
use crate::index::checksum::{parse_manifest, row_checksum};
use crate::index::sql::{execute, one};
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::{ManifestBuilder, ManifestFile, ManifestRef};

const DELETE_SQL: &str = "DELETE FROM digests WHERE database_id = ?1 AND folder IN (?2, ?3)";

/// Adds a row in the place of an earlier one of the same files, and returns the number of rows of the folder.
pub(super) fn insert(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
    files: &FolderEvidence,
) -> rusqlite::Result<i64> {
    let mut manifest = ManifestBuilder::with_capacity(files.len());
    let mut digests = Vec::with_capacity(files.len() * size_of::<u128>());
    let mut proofs = Vec::with_capacity(files.len());
    for (name, file) in files {
        manifest.add(&ManifestFile::regular(
            name.as_bytes(),
            file.bytes,
            file.modified,
        ));
        digests.extend_from_slice(&file.digest.0.to_le_bytes());
        proofs.push(file.proof);
    }
    insert_row(
        connection,
        database,
        folder,
        manifest.finish().as_ref(),
        &digests,
        &proofs,
    )
}

/// Adds a row of these files, and returns the number of rows of the folder.
pub(super) fn insert_row(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
    manifest: ManifestRef<'_>,
    digests: &[u8],
    proofs: &[Proof],
) -> rusqlite::Result<i64> {
    let [folder, _] = folder_forms(folder);
    let folder = folder.as_slice();
    let earlier = "DELETE FROM digests WHERE database_id = ?1 AND folder = ?2 AND manifest = ?3";
    execute(
        connection,
        earlier,
        params![database, folder, manifest.packed()],
    )?;
    let sql = "INSERT INTO digests (database_id, folder, part, manifest, digests, checksum, proofs) VALUES (?1, ?2,
                   (SELECT coalesce(max(part) + 1, 0) FROM digests WHERE database_id = ?1 AND folder = ?2), ?3, ?4, ?5, ?6)
               RETURNING part + 1";
    let (checksum, proofs) = pack_proofs(folder, manifest, digests, proofs);
    let parameters = params![
        database,
        folder,
        manifest.packed(),
        digests,
        checksum,
        proofs
    ];
    one(connection, sql, parameters, |row| row.get(0))
}

/// Returns the checksum of a row and its packed proofs, which have a checksum of their own: the first is equal for two
/// databases with equal contents.
pub(super) fn pack_proofs(
    folder: &[u8],
    manifest: ManifestRef<'_>,
    digests: &[u8],
    proofs: &[Proof],
) -> ([u8; 16], Vec<u8>) {
    let checksum = contents_checksum(folder, manifest.packed(), digests, proofs);
    let mut proofs = pack::pack(proofs);
    proofs.extend_from_slice(&row_checksum(&[&checksum, &proofs]));
    (checksum, proofs)
}

pub(super) fn delete(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
) -> rusqlite::Result<()> {
    let [plain, slashed] = folder_forms(folder);
    execute(connection, DELETE_SQL, params![database, plain, slashed])
}

pub(super) fn merge_rows(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
) -> rusqlite::Result<()> {
    let files = read_folder(connection, database, folder)?;
    delete(connection, database, folder)?;
    insert(connection, database, folder, &files).map(|_| ())
}

pub(super) fn read_folder(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
) -> rusqlite::Result<FolderEvidence> {
    let [plain, slashed] = folder_forms(folder);
    let mut query = connection.prepare_cached(SELECT_SQL)?;
    let mut rows = query.query(params![database, plain, slashed])?;
    let mut files = FolderEvidence::new();
    while let Some(row) = rows.next()? {
        let (manifest, digests) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
        let checksum = row.get_ref(2)?.as_blob()?;
        let proofs = row.get_ref(3)?.as_blob()?;
        let (digests, proofs) = verified_contents(
            row.get_ref(4)?.as_blob()?,
            [manifest, digests, checksum, proofs],
        )?;
        read_row(parse_manifest(manifest)?, digests, &proofs, &mut files);
    }
    Ok(files)
}

pub(super) fn read_row(
    manifest: ManifestRef<'_>,
    digests: &[[u8; 16]],
    proofs: &[Proof],
    found: &mut FolderEvidence,
) {
    let mut files = manifest.files();
    let mut contents = digests.iter().zip(proofs);
    while let (Some(file), Some((digest, proof))) = (files.next(), contents.next()) {
        let evidence = FileEvidence {
            bytes: file.bytes,
            modified: file.modified,
            digest: Digest(u128::from_le_bytes(*digest)),
            proof: *proof,
        };
        found.insert(Name::from_bytes(file.name.to_vec()), evidence);
    }
}
