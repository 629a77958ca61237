//! The move of everything known about a database to another root: its identity was found there.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, params};

use super::checksum::{row_checksum, store_checksum, verify_row};
use super::sql::{bytes, execute, read_path, rows};
use super::{DatabaseId, Index, RunId, RunState};
use crate::base::error::Result;

/// Tables whose rows belong to a root, with the columns that name roots. `run_files` keeps the paths of its time, and
/// `remotes` is asked again.
const ROOT_COLUMNS: [(&str, &[&str]); 7] = [
    ("under_way", &["root"]),
    ("staging", &["root", "source"]),
    ("failures", &["destination", "source"]),
    ("unshared_failures", &["destination", "source"]),
    ("sent_folders", &["destination", "source"]),
    ("sending", &["destination", "source"]),
    ("sent", &["destination"]),
];

impl Index {
    /// Returns the roots and identities of all databases that have an identity.
    pub fn identified_roots(&self) -> Result<Vec<(PathBuf, String)>> {
        let _view = self.read_transaction()?;
        self.verify_roots()?;
        let sql = "SELECT root, identity FROM databases WHERE identity IS NOT NULL ORDER BY id";
        self.rows(sql, [], |row| Ok((read_path(row, 0)?, row.get(1)?)))
    }

    /// True if nothing is known of a root but that it was offline.
    pub fn is_unknown_root(&self, root: &Path) -> Result<bool> {
        let known = self.database(root)?;
        let Some(id) = known.id else {
            return Ok(true);
        };
        let sql = "SELECT EXISTS (SELECT 1 FROM replicas WHERE database_id = ?1)";
        let has_replicas: bool = self.one(sql, [id], |row| row.get(0))?;
        Ok(known.identity.is_none() && known.scanned_at.is_none() && !has_replicas)
    }

    /// Moves a database with its scans, digests, sent files and failures to an unknown root. What was recorded for that root
    /// is deleted. Returns false, and moves nothing, while a run writes to the database.
    pub fn move_database(&mut self, from: &Path, to: &Path) -> Result<bool> {
        if !self.is_unknown_root(to)? || self.is_written_to(from)? {
            return Ok(false);
        }
        let [from, to] = [from, to].map(bytes);
        self.write(|transaction| {
            // Another process may have scanned the new root meanwhile: its row stays, and nothing moves.
            let sql =
                "DELETE FROM databases WHERE root = ?1 AND identity IS NULL AND looked_at IS NULL
                       AND NOT EXISTS (SELECT 1 FROM replicas WHERE database_id = databases.id)";
            execute(transaction, sql, [to])?;
            let sql =
                "UPDATE OR IGNORE databases SET root = ?2, birth = NULL, revision = revision + 1
                       WHERE root = ?1 RETURNING id";
            let moved: Vec<DatabaseId> = rows(transaction, sql, [from, to], |row| row.get(0))?;
            let &[database] = moved.as_slice() else {
                return Ok(false);
            };
            for (table, columns) in ROOT_COLUMNS {
                for column in columns {
                    let sql = format!("DELETE FROM {table} WHERE {column} = ?1");
                    execute(transaction, &sql, [to])?;
                    let sql = format!("UPDATE {table} SET {column} = ?2 WHERE {column} = ?1");
                    execute(transaction, &sql, [from, to])?;
                }
            }
            move_sent_source(transaction, from, to)?;
            store_checksum(transaction, database)?;
            Ok(true)
        })
    }

    /// True if a run that has not ended writes to this root.
    fn is_written_to(&self, root: &Path) -> Result<bool> {
        let sql = "SELECT DISTINCT run FROM under_way WHERE root = ?1";
        let writers: Vec<RunId> = self.rows(sql, [bytes(root)], |row| row.get(0))?;
        let running = writers.into_iter().map(|run| self.run(run));
        Ok(running.flatten().any(|run| run.state == RunState::Running))
    }
}

/// Changes the source of sent files. Their checksums cover it.
fn move_sent_source(connection: &Connection, from: &[u8], to: &[u8]) -> rusqlite::Result<()> {
    execute(connection, "DELETE FROM sent WHERE source = ?1", [to])?;
    let read = |row: &Row<'_>| {
        let mut parts: [&[u8]; 6] = Default::default();
        for (column, part) in parts.iter_mut().enumerate() {
            *part = row.get_ref(column)?.as_blob()?;
        }
        let [folder, _, manifest, numbers, marks, checksum] = parts;
        verify_row(checksum, &parts[..5])?;
        let row_id: i64 = row.get(6)?;
        Ok((
            row_id,
            row_checksum(&[folder, to, manifest, numbers, marks]),
        ))
    };
    let sql = "SELECT folder, source, manifest, numbers, marks, checksum, rowid FROM sent WHERE source = ?1";
    let checksums: Vec<(i64, [u8; 16])> = rows(connection, sql, [from], read)?;
    for (row_id, checksum) in checksums {
        let sql = "UPDATE sent SET source = ?2, checksum = ?3 WHERE rowid = ?1";
        execute(connection, sql, params![row_id, to, checksum])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::index::{RunStart, SentChanges, SentFile, SentRecord};

    /// A scanned database with an identity at `/nas`.
    fn index() -> (tempfile::TempDir, Index) {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::open(&folder.path().join("index")).unwrap().index;
        scan(&mut index, Path::new("/nas"), Some("abc"));
        (folder, index)
    }

    fn scan(index: &mut Index, root: &Path, identity: Option<&str>) {
        let known = index.database(root).unwrap();
        let writer = index.write_scan(root, &known).unwrap();
        writer.record_root(identity, None).unwrap();
        writer.finish(true).unwrap();
    }

    #[test]
    fn moved_database_keeps_all_that_is_known() {
        let (_folder, mut index) = index();
        let [from, to, cloud] = ["/nas", "/mnt/nas", "s3:b"].map(Path::new);
        let sent = |name: &str| {
            let file = SentFile {
                bytes: 7,
                modified: Timestamp::now(),
                ..SentFile::default()
            };
            let mut changes = SentChanges::default();
            changes.add(Path::new(name), file);
            SentRecord::from([(PathBuf::from("footage/a/b"), changes)])
        };
        index.update_sent(cloud, from, &sent("x")).unwrap();
        index.update_sent(from, cloud, &sent("y")).unwrap();
        // Left over from an earlier disk at the new root.
        index.update_sent(to, cloud, &sent("stale")).unwrap();
        let before = index.database(from).unwrap();
        assert!(index.move_database(from, to).unwrap());
        let after = index.database(to).unwrap();
        assert_eq!(
            (after.id, after.identity.as_deref()),
            (before.id, Some("abc"))
        );
        assert_eq!(after.scanned_at, before.scanned_at);
        assert_eq!(index.database(from).unwrap().id, None);
        let replica = Path::new("footage/a/b");
        let rows = index.sent_rows(cloud, replica).unwrap();
        assert_eq!(
            rows.iter().map(|row| &*row.source).collect::<Vec<_>>(),
            [to]
        );
        let rows = index.sent_rows(to, replica).unwrap();
        let names: Vec<_> = rows
            .iter()
            .flat_map(|row| row.files().into_keys())
            .collect();
        assert_eq!(names, ["y".into()]);
        assert!(index.sent_rows(from, replica).unwrap().is_empty());
    }

    #[test]
    fn known_root_is_never_replaced() {
        let (_folder, mut index) = index();
        let [from, to] = ["/nas", "/other"].map(Path::new);
        scan(&mut index, to, None);
        assert!(!index.move_database(from, to).unwrap());
        assert!(index.database(from).unwrap().id.is_some());
        assert!(
            !index
                .move_database(Path::new("/none"), Path::new("/new"))
                .unwrap()
        );
        let offline = index.database(Path::new("/away")).unwrap();
        let writer = index.write_scan(Path::new("/away"), &offline).unwrap();
        writer.finish_offline().unwrap();
        assert!(index.move_database(from, Path::new("/away")).unwrap());
    }

    #[test]
    fn database_of_a_live_run_stays() {
        let (_folder, mut index) = index();
        let [from, to] = ["/nas", "/mnt/nas"].map(Path::new);
        let start = RunStart {
            command: "copy",
            subject: "all",
            source: None,
            destination: Some("NAS"),
        };
        let run = index.begin_run(&start).unwrap();
        let folder = Path::new("footage/a/b");
        index.mark_in_progress(run, from, &[folder]).unwrap();
        assert!(!index.move_database(from, to).unwrap());
        index.clear_in_progress(run, from, &[folder]).unwrap();
        assert!(index.move_database(from, to).unwrap());
    }

    #[test]
    fn every_column_of_roots_is_listed() {
        let (_folder, index) = index();
        let sql = "SELECT tables.name, columns.name
                   FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
                   WHERE tables.type = 'table' AND columns.type = 'BLOB'
                     AND columns.name IN ('root', 'source', 'destination')";
        let found: Vec<(String, String)> = index
            .rows(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        let found: BTreeSet<(String, String)> = found.into_iter().collect();
        let listed = ROOT_COLUMNS.into_iter().flat_map(|(table, columns)| {
            columns
                .iter()
                .map(move |column| (table.to_owned(), (*column).to_owned()))
        });
        let apart = [
            ("databases", "root"),
            ("run_files", "root"),
            ("remotes", "root"),
            ("sent", "source"),
        ];
        let apart = apart.map(|(table, column)| (table.to_owned(), column.to_owned()));
        assert_eq!(found, listed.chain(apart).collect());
    }
}
