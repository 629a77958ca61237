//! Files of two databases whose contents were compared and differ, though their sizes and times say that they are the same.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use rusqlite::{Connection, params};

use super::Index;
use super::sqlite_error::Explain as _;
use super::time_alias::{pack, unpack};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::snapshot::manifest::{Files, Manifest};
use crate::snapshot::time_alias::{Held, HeldFolder};

/// A row a folder and pair of databases; the one with the lower number is first.
const BELOW: &str = "first_id = ?1 AND second_id = ?2
                     AND (folder = ?3 OR ?3 = x'' OR (folder > ?4 AND folder < ?5))";

impl Index {
    /// Replaces what is known of a replica on two databases. The times of the first are the meant ones, those of the second
    /// the shown ones.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn keep_differing(
        &mut self,
        databases: [i64; 2],
        replica: &Path,
        files: &Held,
    ) -> Result<()> {
        if files.is_empty() && !self.knows_differing()? {
            return Ok(());
        }
        let path = self.path.clone();
        let transaction = self.transaction()?;
        replace(&transaction, databases, replica, files).explain("write", &path)?;
        transaction.commit().explain("write", &path)
    }

    /// What is known of a folder of two databases and of all folders below it.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn differing(&self, databases: [i64; 2], below: &Path) -> Result<Held> {
        read_below(&self.connection, databases, below).explain("read", &self.path)
    }

    /// Whether any file is known to differ.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn knows_differing(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM differing)";
        let query = self.connection.prepare_cached(sql);
        query
            .and_then(|mut query| query.query_row([], |row| row.get(0)))
            .explain("read", &self.path)
    }
}

/// Forgets files of a folder of a database, which were written.
pub(super) fn forget(
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
        let mut files = unpack(row.get_ref(3)?.as_blob()?, row.get_ref(2)?.as_blob()?);
        let mut names = Files::of(written.packed());
        while let Ok(Some(file)) = names.next() {
            files.remove(&Name::from_bytes(file.name.to_vec()));
        }
        write(connection, databases, folder, &files)?;
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

fn swapped(mut files: HeldFolder) -> HeldFolder {
    for file in files.values_mut() {
        std::mem::swap(&mut file.meant, &mut file.shown);
    }
    files
}

/// All paths below a folder are between these two: `0` follows `/`.
fn below_keys(folder: &[u8]) -> [Vec<u8>; 2] {
    [b"/", b"0"].map(|end| [folder, end].concat())
}

fn replace(
    connection: &Connection,
    databases: [i64; 2],
    replica: &Path,
    files: &Held,
) -> rusqlite::Result<()> {
    let ([first, second], is_swapped) = ordered(databases);
    let own = replica.as_os_str().as_bytes();
    let [from, to] = below_keys(own);
    let sql = format!("DELETE FROM differing WHERE {BELOW}");
    let mut query = connection.prepare_cached(&sql)?;
    query.execute(params![first, second, own, from, to])?;
    for (folder, files) in files {
        let files = files.clone();
        let files = if is_swapped { swapped(files) } else { files };
        write(connection, [first, second], folder, &files)?;
    }
    Ok(())
}

/// Writes a row, or removes it where nothing is left to say.
fn write(
    connection: &Connection,
    [first, second]: [i64; 2],
    folder: &Path,
    files: &HeldFolder,
) -> rusqlite::Result<()> {
    let key = folder.as_os_str().as_bytes();
    if files.is_empty() {
        let sql = "DELETE FROM differing WHERE first_id = ?1 AND second_id = ?2 AND folder = ?3";
        let mut query = connection.prepare_cached(sql)?;
        query.execute(params![first, second, key])?;
        return Ok(());
    }
    let (meant, shown) = (
        pack(files, |file| file.meant),
        pack(files, |file| file.shown),
    );
    let sql = "INSERT OR REPLACE INTO differing (first_id, second_id, folder, meant, shown)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut query = connection.prepare_cached(sql)?;
    query.execute(params![first, second, key, meant, shown])?;
    Ok(())
}

fn read_below(
    connection: &Connection,
    databases: [i64; 2],
    below: &Path,
) -> rusqlite::Result<Held> {
    let ([first, second], is_swapped) = ordered(databases);
    let own = below.as_os_str().as_bytes();
    let [from, to] = below_keys(own);
    let sql = format!("SELECT folder, meant, shown FROM differing WHERE {BELOW}");
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query(params![first, second, own, from, to])?;
    let mut found = Held::new();
    while let Some(row) = rows.next()? {
        let folder = OsString::from_vec(row.get(0)?);
        let files = unpack(row.get_ref(2)?.as_blob()?, row.get_ref(1)?.as_blob()?);
        let files = if is_swapped { swapped(files) } else { files };
        found.insert(folder.into(), files);
    }
    Ok(found)
}
