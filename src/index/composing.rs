//! From version 6 of the index to version 7: fingerprints no longer depend on the Unicode normal form of names.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use rusqlite::{Transaction, params};

use super::folder::{decode_fingerprints, encode_fingerprints};
use crate::base::timestamp::TimePrecision;
use crate::base::unicode::to_nfc;
use crate::snapshot::aggregate::{Aggregate, FileTotals, folder_fingerprints};
use crate::snapshot::manifest::ManifestFiles;

/// Computes the fingerprints of folders with decomposed names anew, and those of their replicas.
pub(super) fn recompute_fingerprints(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut replicas = BTreeSet::new();
    let mut folders = transaction.prepare("SELECT id, replica_id, path, manifest FROM folders")?;
    let mut write = transaction.prepare("UPDATE folders SET fingerprints = ?2 WHERE id = ?1")?;
    let mut rows = folders.query([])?;
    while let Some(row) = rows.next()? {
        let (id, replica): (i64, i64) = (row.get(0)?, row.get(1)?);
        let path: Vec<u8> = row.get(2)?;
        let manifest = row.get_ref(3)?.as_blob()?;
        if *to_nfc(&path) == *path && !has_decomposed_name(manifest) {
            continue;
        }
        replicas.insert(replica);
        let path = PathBuf::from(OsString::from_vec(path));
        // One that is damaged stays as it is.
        if let Ok(sums) = folder_fingerprints(&path, ManifestFiles::of(manifest)) {
            write.execute(params![id, encode_fingerprints(&sums)])?;
        }
    }
    for replica in replicas {
        sum_fingerprints(transaction, replica)?;
    }
    Ok(())
}

/// Whether any file has a name that is not composed.
fn has_decomposed_name(manifest: &[u8]) -> bool {
    let mut files = ManifestFiles::of(manifest);
    while let Ok(Some(file)) = files.next() {
        if *to_nfc(file.name) != *file.name {
            return true;
        }
    }
    false
}

/// Adds up the fingerprints of a replica's folders.
fn sum_fingerprints(transaction: &Transaction<'_>, replica: i64) -> rusqlite::Result<()> {
    let sql = "SELECT path, fingerprints FROM folders WHERE replica_id = ?1";
    let mut folders = transaction.prepare_cached(sql)?;
    let mut rows = folders.query([replica])?;
    let mut sum = Aggregate::new(TimePrecision::Nanosecond);
    while let Some(row) = rows.next()? {
        let path = PathBuf::from(OsString::from_vec(row.get(0)?));
        let own = decode_fingerprints(row.get_ref(1)?.as_blob()?);
        sum.add_folder(&path, &FileTotals::default(), &own);
    }
    let sql = "UPDATE replicas SET fingerprints = ?2 WHERE id = ?1";
    let mut write = transaction.prepare_cached(sql)?;
    write.execute(params![replica, encode_fingerprints(&sum.fingerprints)])?;
    Ok(())
}
