//! Files of two databases whose contents were compared and differ, though their sizes and times say that they are the same.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use rusqlite::{Connection, params};

use super::Index;
use super::sqlite_error::Explain as _;
use super::time_alias::{pack_times, unpack_times};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::snapshot::manifest::{Manifest, ManifestFiles};
use crate::snapshot::time_alias::{AlteredTimes, AlteredTimesByFolder};

/// A row a folder and pair of databases; the one with the lower number is first.
const SUBTREE_FILTER: &str = "first_id = ?1 AND second_id = ?2
                     AND (folder = ?3 OR ?3 = x'' OR (folder > ?4 AND folder < ?5))";

impl Index {
    /// Replaces what is known of a replica on two databases. The times of the first are the meant ones, those of the second
    /// the shown ones.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn replace_differing(
        &mut self,
        databases: [i64; 2],
        replica: &Path,
        files: &AlteredTimesByFolder,
    ) -> Result<()> {
        if files.is_empty() && !self.has_differing_files()? {
            return Ok(());
        }
        let path = self.path.clone();
        let transaction = self.transaction()?;
        replace_rows(&transaction, databases, replica, files).explain("write", &path)?;
        transaction.commit().explain("write", &path)
    }

    /// What is known of a folder of two databases and of all folders below it.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn differing_files(
        &self,
        databases: [i64; 2],
        below: &Path,
    ) -> Result<AlteredTimesByFolder> {
        read_subtree(&self.connection, databases, below).explain("read", &self.path)
    }

    /// Whether any file is known to differ.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn has_differing_files(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM differing)";
        let query = self.connection.prepare_cached(sql);
        query
            .and_then(|mut query| query.query_row([], |row| row.get(0)))
            .explain("read", &self.path)
    }
}

/// Forgets files of a folder of a database, which were written.
pub(super) fn forget_written(
    connection: &Connection,
    root: &Path,
    folder: &Path,
    written: &Manifest,
) -> rusqlite::Result<()> {
    let sql = "SELECT first_id, second_id, meant, shown FROM differing
               WHERE folder = ?2
                 AND EXISTS (SELECT 1 FROM databases WHERE root = ?1 AND id IN (first_id, second_id))";
    let (root, key) = (root.as_os_str().as_bytes(), folder.as_os_str().as_bytes());
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query(params![root, key])?;
    while let Some(row) = rows.next()? {
        let databases = [row.get(0)?, row.get(1)?];
        let mut files = unpack_times(row.get_ref(3)?.as_blob()?, row.get_ref(2)?.as_blob()?);
        let mut names = ManifestFiles::of(written.packed());
        while let Ok(Some(file)) = names.next() {
            files.remove(&Name::from_bytes(file.name.to_vec()));
        }
        write_row(connection, databases, folder, &files)?;
    }
    Ok(())
}

/// The databases in the order in which rows have them, and whether that is another.
const fn ordered([a, b]: [i64; 2]) -> ([i64; 2], bool) {
    if a <= b {
        ([a, b], false)
    } else {
        ([b, a], true)
    }
}

fn swap_times(mut files: AlteredTimes) -> AlteredTimes {
    for file in files.values_mut() {
        std::mem::swap(&mut file.original, &mut file.reported);
    }
    files
}

/// All paths below a folder are between these two: `0` follows `/`.
fn subtree_bounds(folder: &[u8]) -> [Vec<u8>; 2] {
    [b"/", b"0"].map(|end| [folder, end].concat())
}

fn replace_rows(
    connection: &Connection,
    databases: [i64; 2],
    replica: &Path,
    files: &AlteredTimesByFolder,
) -> rusqlite::Result<()> {
    let ([first, second], is_swapped) = ordered(databases);
    let own = replica.as_os_str().as_bytes();
    let [from, to] = subtree_bounds(own);
    let sql = format!("DELETE FROM differing WHERE {SUBTREE_FILTER}");
    let mut query = connection.prepare_cached(&sql)?;
    query.execute(params![first, second, own, from, to])?;
    for (folder, files) in files {
        let files = files.clone();
        let files = if is_swapped { swap_times(files) } else { files };
        write_row(connection, [first, second], folder, &files)?;
    }
    Ok(())
}

/// Writes a row, or removes it where nothing is left to say.
fn write_row(
    connection: &Connection,
    [first, second]: [i64; 2],
    folder: &Path,
    files: &AlteredTimes,
) -> rusqlite::Result<()> {
    let key = folder.as_os_str().as_bytes();
    if files.is_empty() {
        let sql = "DELETE FROM differing WHERE first_id = ?1 AND second_id = ?2 AND folder = ?3";
        let mut query = connection.prepare_cached(sql)?;
        query.execute(params![first, second, key])?;
        return Ok(());
    }
    let (meant, shown) = (
        pack_times(files, |file| file.original),
        pack_times(files, |file| file.reported),
    );
    let sql = "INSERT OR REPLACE INTO differing (first_id, second_id, folder, meant, shown)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut query = connection.prepare_cached(sql)?;
    query.execute(params![first, second, key, meant, shown])?;
    Ok(())
}

fn read_subtree(
    connection: &Connection,
    databases: [i64; 2],
    below: &Path,
) -> rusqlite::Result<AlteredTimesByFolder> {
    let ([first, second], is_swapped) = ordered(databases);
    let own = below.as_os_str().as_bytes();
    let [from, to] = subtree_bounds(own);
    let sql = format!("SELECT folder, meant, shown FROM differing WHERE {SUBTREE_FILTER}");
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query(params![first, second, own, from, to])?;
    let mut found = AlteredTimesByFolder::new();
    while let Some(row) = rows.next()? {
        let folder = OsString::from_vec(row.get(0)?);
        let files = unpack_times(row.get_ref(2)?.as_blob()?, row.get_ref(1)?.as_blob()?);
        let files = if is_swapped { swap_times(files) } else { files };
        found.insert(folder.into(), files);
    }
    Ok(found)
}
