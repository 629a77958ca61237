//! Files of two databases whose contents were compared and differ, although their sizes and times are equal.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::sql::{SUBTREE, bytes, execute, read_path, rows, subtree_bounds};
use super::time_alias::{pack_times, read_times};
use super::{DatabaseId, Index};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::snapshot::manifest::Manifest;
use crate::snapshot::time_alias::{AlteredTimes, AlteredTimesByFolder};

/// Files of one folder that two databases are known to hold with different contents, while both keep their size and time.
#[derive(Clone, Debug)]
pub struct DifferingFolder {
    /// The path below both roots.
    pub folder: PathBuf,
    /// Both databases, the lower id first.
    pub databases: [DatabaseId; 2],
    /// The original time is that on the first database, the reported time that on the second.
    pub files: AlteredTimes,
}

impl Index {
    /// Replaces the known differences of a replica on two databases. `original` holds the times of the first database,
    /// `reported` those of the second.
    pub fn replace_differing(
        &mut self,
        databases: [DatabaseId; 2],
        replica: &Path,
        files: &AlteredTimesByFolder,
    ) -> Result<()> {
        if files.is_empty() && !self.has_differing_files()? {
            return Ok(());
        }
        let ([first, second], is_swapped) = ordered(databases);
        let sql =
            format!("DELETE FROM differing WHERE first_id = ?4 AND second_id = ?5 AND {SUBTREE}");
        self.write(|transaction| {
            let [from, to] = subtree_bounds(replica);
            let parameters = params![bytes(replica), from, to, first, second];
            execute(transaction, &sql, parameters)?;
            for (folder, files) in files {
                let files = swap_times_if(is_swapped, files.clone());
                write_row(transaction, [first, second], folder, &files)?;
            }
            Ok(())
        })
    }

    /// Returns the known differences of a folder of two databases and all folders below it.
    pub fn differing_files(
        &self,
        databases: [DatabaseId; 2],
        folder: &Path,
    ) -> Result<AlteredTimesByFolder> {
        let ([first, second], is_swapped) = ordered(databases);
        let sql = format!(
            "SELECT folder, shown, meant FROM differing WHERE first_id = ?4 AND second_id = ?5 AND {SUBTREE}"
        );
        let [from, to] = subtree_bounds(folder);
        let parameters = params![bytes(folder), from, to, first, second];
        self.rows(&sql, parameters, |row| {
            let files = swap_times_if(is_swapped, read_times(row, 1, 2)?);
            Ok((read_path(row, 0)?, files))
        })
    }

    /// Returns all known differences.
    pub fn all_differing_files(&self) -> Result<Vec<DifferingFolder>> {
        let sql = "SELECT folder, first_id, second_id, shown, meant FROM differing ORDER BY folder, first_id, second_id";
        self.rows(sql, [], |row| {
            Ok(DifferingFolder {
                folder: read_path(row, 0)?,
                databases: [row.get(1)?, row.get(2)?],
                files: read_times(row, 3, 4)?,
            })
        })
    }

    /// True if any difference is known.
    pub fn has_differing_files(&self) -> Result<bool> {
        self.one("SELECT EXISTS (SELECT 1 FROM differing)", [], |row| {
            row.get(0)
        })
    }
}

/// Deletes the known differences of files that were written to a folder of a database.
pub(super) fn forget_written(
    connection: &Connection,
    root: &Path,
    folder: &Path,
    written: &Manifest,
) -> rusqlite::Result<()> {
    let sql = "SELECT first_id, second_id, shown, meant FROM differing
               WHERE folder = ?2
                 AND EXISTS (SELECT 1 FROM databases WHERE root = ?1 AND id IN (first_id, second_id))";
    let known: Vec<([DatabaseId; 2], AlteredTimes)> =
        rows(connection, sql, [root, folder].map(bytes), |row| {
            Ok(([row.get(0)?, row.get(1)?], read_times(row, 2, 3)?))
        })?;
    for (databases, mut files) in known {
        let mut names = written.files();
        while let Some(file) = names.next() {
            files.remove(&Name::from_bytes(file.name.to_vec()));
        }
        write_row(connection, databases, folder, &files)?;
    }
    Ok(())
}

/// Orders two databases as in the rows; `true` if they were swapped.
fn ordered([a, b]: [DatabaseId; 2]) -> ([DatabaseId; 2], bool) {
    if a <= b {
        ([a, b], false)
    } else {
        ([b, a], true)
    }
}

fn swap_times_if(is_swapped: bool, mut files: AlteredTimes) -> AlteredTimes {
    if is_swapped {
        for file in files.values_mut() {
            std::mem::swap(&mut file.original, &mut file.reported);
        }
    }
    files
}

/// Writes a row, or deletes it if no file is left.
fn write_row(
    connection: &Connection,
    [first, second]: [DatabaseId; 2],
    folder: &Path,
    files: &AlteredTimes,
) -> rusqlite::Result<()> {
    let folder = bytes(folder);
    if files.is_empty() {
        let sql = "DELETE FROM differing WHERE first_id = ?1 AND second_id = ?2 AND folder = ?3";
        return execute(connection, sql, params![first, second, folder]);
    }
    let (original, reported) = (
        pack_times(files, |file| file.original),
        pack_times(files, |file| file.reported),
    );
    let sql = "INSERT OR REPLACE INTO differing (first_id, second_id, folder, meant, shown)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    execute(
        connection,
        sql,
        params![first, second, folder, original, reported],
    )
}
