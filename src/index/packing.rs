//! From version 1 of the index to version 2: the rows of a folder's files become one manifest.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use rusqlite::{Transaction, params};

use super::folder::encode_fingerprints;
use crate::base::timestamp::Timestamp;
use crate::snapshot::aggregate::folder_fingerprints;
use crate::snapshot::manifest::{MalformedManifest, Manifest, ManifestBuilder, ManifestFile};

/// Packs the files of every folder, and drops the table they were in.
pub(super) fn pack_files(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut folders = transaction.prepare("SELECT id, path FROM folders ORDER BY id")?;
    let mut write =
        transaction.prepare("UPDATE folders SET manifest = ?2, fingerprints = ?3 WHERE id = ?1")?;
    let mut rows = folders.query([])?;
    while let Some(row) = rows.next()? {
        let (id, path): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let manifest = pack_folder(transaction, id)?;
        let path = PathBuf::from(OsString::from_vec(path));
        let sums = folder_fingerprints(&path, manifest.files())
            .map_err(|MalformedManifest| rusqlite::Error::InvalidQuery)?;
        write.execute(params![id, manifest.packed(), encode_fingerprints(&sums)])?;
    }
    drop(rows);
    transaction.execute_batch("DROP TABLE files")
}

/// The files of one folder.
fn pack_folder(transaction: &Transaction<'_>, folder: i64) -> rusqlite::Result<Manifest> {
    let sql = "SELECT name, bytes, modified, modified_ns, target FROM files WHERE folder_id = ?1 ORDER BY name";
    let mut query = transaction.prepare_cached(sql)?;
    let mut rows = query.query([folder])?;
    let mut packer = ManifestBuilder::default();
    while let Some(row) = rows.next()? {
        packer.add(&ManifestFile {
            name: row.get_ref(0)?.as_blob()?,
            bytes: row.get::<_, i64>(1)?.cast_unsigned(),
            modified: Timestamp {
                seconds: row.get(2)?,
                nanoseconds: row.get(3)?,
            },
            target: row.get_ref(4)?.as_blob_or_null()?,
        });
    }
    Ok(packer.finish())
}
