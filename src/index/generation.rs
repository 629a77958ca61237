//! The generations of ASC MHL histories that were written, or seen on a storage.

use std::path::{Path, PathBuf};

use rusqlite::params;

use super::checksum::{corruption_error, row_checksum};
use super::sql::{bytes, execute, read_path, read_project, subtree_bounds};
use super::{DatabaseId, Index};
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::mhl::hash_list::Process;
use crate::mhl::history::Generation;
use crate::model::project::ProjectId;

/// A generation as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownGeneration {
    /// The folder of the history below the root.
    pub folder: PathBuf,
    /// Its number, from 1.
    pub number: u64,
    /// The name of the hash list.
    pub name: String,
    /// The C4 of the hash list.
    pub c4: String,
    /// The kind of its work.
    pub process: Process,
    /// The number of files that it names.
    pub files: u64,
    /// The time at which its work began; [`Timestamp::UNKNOWN`] if it does not say.
    pub created: Timestamp,
}

impl KnownGeneration {
    /// The generation of a history in this folder below the root.
    pub fn of(folder: &Path, generation: &Generation) -> Self {
        Self {
            folder: folder.to_owned(),
            number: generation.entry.number,
            name: generation.entry.name.clone(),
            c4: generation.entry.c4.to_string(),
            process: generation.process,
            files: generation.files,
            created: Timestamp {
                nanoseconds: 0,
                ..generation.created
            },
        }
    }

    fn checksum(&self, database: DatabaseId) -> [u8; 16] {
        row_checksum(&[
            &database.0.to_le_bytes(),
            bytes(&self.folder),
            &self.number.to_le_bytes(),
            self.name.as_bytes(),
            self.c4.as_bytes(),
            self.process.word().as_bytes(),
            &self.files.to_le_bytes(),
            &self.created.seconds.to_le_bytes(),
        ])
    }
}

impl Index {
    /// Replaces the known generations of the history in a folder below the root.
    pub fn record_generations(
        &mut self,
        database: DatabaseId,
        folder: &Path,
        generations: &[KnownGeneration],
    ) -> Result<()> {
        self.write(|transaction| {
            let sql = "DELETE FROM generations WHERE database_id = ?1 AND folder = ?2";
            execute(transaction, sql, params![database, bytes(folder)])?;
            let sql = "INSERT INTO generations
                       (database_id, folder, number, name, c4, process, files, created_at, checksum)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            for one in generations {
                let parameters = params![
                    database,
                    bytes(folder),
                    one.number.cast_signed(),
                    one.name,
                    one.c4,
                    one.process.word(),
                    one.files.cast_signed(),
                    one.created.seconds,
                    one.checksum(database)
                ];
                execute(transaction, sql, parameters)?;
            }
            Ok(())
        })
    }

    /// Returns the folders of histories that the last scan of a database found: the path of the category, the project, and
    /// the folder of the history below that of the project.
    pub fn history_folders(
        &self,
        database: DatabaseId,
    ) -> Result<Vec<(PathBuf, ProjectId, PathBuf)>> {
        let sql = "SELECT client, project, category, path FROM folders JOIN replicas ON replicas.id = replica_id
                   WHERE database_id = ?1 AND present
                     AND (path = CAST('ascmhl' AS BLOB) OR substr(path, -7) = CAST('/ascmhl' AS BLOB))
                   ORDER BY path";
        self.rows(sql, [database], |row| {
            let path = read_path(row, 3)?;
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            Ok((read_path(row, 2)?, read_project(row)?, folder))
        })
    }

    /// Returns the known generations of the histories in a folder below the root and in the folders below it, by folder and
    /// number.
    pub fn generations(&self, database: DatabaseId, folder: &Path) -> Result<Vec<KnownGeneration>> {
        let folder: PathBuf = folder.components().collect();
        let [from, to] = subtree_bounds(&folder);
        let sql =
            "SELECT folder, number, name, c4, process, files, created_at, checksum FROM generations
                   WHERE database_id = ?1 AND (length(?2) = 0 OR folder = ?2 OR (folder >= ?3 AND folder < ?4))
                   ORDER BY folder, number";
        let parameters = params![database, bytes(&folder), from, to];
        self.rows(sql, parameters, |row| {
            let word: String = row.get(4)?;
            let unknown = || corruption_error("the process of a generation is unknown");
            let known = KnownGeneration {
                folder: read_path(row, 0)?,
                number: row.get::<_, i64>(1)?.cast_unsigned(),
                name: row.get(2)?,
                c4: row.get(3)?,
                process: Process::from_word(&word).ok_or_else(unknown)?,
                files: row.get::<_, i64>(5)?.cast_unsigned(),
                created: Timestamp {
                    seconds: row.get(6)?,
                    nanoseconds: 0,
                },
            };
            if row.get_ref(7)?.as_blob()? == known.checksum(database) {
                Ok(known)
            } else {
                Err(corruption_error("the checksum of a row is wrong"))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(folder: &str, number: u64) -> KnownGeneration {
        KnownGeneration {
            folder: folder.into(),
            number,
            name: format!("{number:04}_a.mhl"),
            c4: "c4".to_owned(),
            process: Process::Transfer,
            files: 7,
            created: Timestamp::default(),
        }
    }

    #[test]
    fn generations_are_read_back_by_folder() {
        let temporary = tempfile::tempdir().unwrap();
        let mut index = Index::open(&temporary.path().join("index")).unwrap().index;
        let root = Path::new("/nas");
        let known = index.database(root).unwrap();
        let writer = index.write_scan(root, &known).unwrap();
        writer.finish(false).unwrap();
        let id = index.database(root).unwrap().id.unwrap();
        for folder in ["f/acme/spot", "f/acme/spot/A001", "f/acme/spot 2"] {
            let both = [generation(folder, 1), generation(folder, 2)];
            index
                .record_generations(id, Path::new(folder), &both)
                .unwrap();
        }
        let folder = Path::new("f/acme/spot");
        index
            .record_generations(id, folder, &[generation("f/acme/spot", 1)])
            .unwrap();
        let found = index.generations(id, Path::new("f/acme/spot/")).unwrap();
        let inner = |number| generation("f/acme/spot/A001", number);
        assert_eq!(found, [generation("f/acme/spot", 1), inner(1), inner(2)]);
        assert_eq!(index.generations(id, Path::new("")).unwrap().len(), 5);
        let sql = "UPDATE generations SET files = 8";
        index.connection.execute(sql, []).unwrap();
        assert!(
            index.generations(id, folder).is_err(),
            "a damaged row is noticed"
        );
    }
}
