//! Verification of the index by its checksums. A database is verified once, until the index changes.

use std::cell::RefMut;
use std::collections::btree_map::Entry;

use super::cache::{DatabaseTotals, VerifiedDatabases};
use super::checksum::{
    ROOTS_KEY, ReplicaVisitor, corruption_error, database_checksum, roots_checksum,
};
use super::sql::optional;
use super::sqlite_error::Explain as _;
use super::{DatabaseId, Index};
use crate::base::error::{Error, IndexProblem, Result};

impl Index {
    /// Fails if the rows of a database are not those that were written.
    pub(super) fn verify(&self, database: DatabaseId) -> Result<()> {
        self.with_verified(database, |_| Ok(()))
    }

    /// Fails if the roots of the databases are not those that were written.
    pub(super) fn verify_roots(&self) -> Result<()> {
        let sql = "SELECT checksum FROM checksums WHERE name = ?1";
        let verify = || {
            let stored: Option<Vec<u8>> =
                optional(&self.connection, sql, [ROOTS_KEY], |row| row.get(0))?;
            if stored == Some(roots_checksum(&self.connection)?.to_vec()) {
                Ok(())
            } else {
                Err(corruption_error("the checksum of the storages is wrong"))
            }
        };
        verify().explain("read", &self.path)
    }

    /// Fails unless a category has this number of replicas.
    pub(super) fn verify_count(
        &self,
        database: DatabaseId,
        category: &[u8],
        found: usize,
    ) -> Result<()> {
        self.with_verified(database, |totals| {
            if totals.get(category).copied().unwrap_or_default().replicas == found {
                Ok(())
            } else {
                Err(corruption_error("replicas are missing"))
            }
        })
    }

    /// Passes the totals of a database to `inspect`. Fails like [`Self::verify`].
    pub(super) fn with_verified<T>(
        &self,
        database: DatabaseId,
        inspect: impl FnOnce(&DatabaseTotals) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let _view = self.read_transaction()?;
        let mut verified = self.verified_now()?;
        let totals = match verified.databases.entry(database) {
            Entry::Occupied(totals) => totals.into_mut(),
            Entry::Vacant(place) => place.insert(self.read_verified(database, &mut |_| Ok(()))?),
        };
        inspect(totals).explain("read", &self.path)
    }

    /// Passes all replicas of a database to `visit` while it is verified, so that they are read only once. What was visited
    /// holds only if this succeeds.
    pub(super) fn visit_verified(
        &self,
        database: DatabaseId,
        visit: &mut ReplicaVisitor<'_>,
    ) -> Result<()> {
        let _view = self.read_transaction()?;
        let totals = self.read_verified(database, visit)?;
        self.verified_now()?.databases.insert(database, totals);
        Ok(())
    }

    /// Returns the databases that were verified since the index last changed.
    fn verified_now(&self) -> Result<RefMut<'_, VerifiedDatabases>> {
        let now = self.change_counter()?;
        let mut verified = self.verified.borrow_mut();
        if verified.change_counter != Some(now) {
            *verified = VerifiedDatabases {
                change_counter: Some(now),
                ..VerifiedDatabases::default()
            };
        }
        Ok(verified)
    }

    /// Reads the totals of a database and compares its checksum. Another process may have forgotten the database.
    fn read_verified(
        &self,
        database: DatabaseId,
        visit: &mut ReplicaVisitor<'_>,
    ) -> Result<DatabaseTotals> {
        let sql = "SELECT checksum FROM databases WHERE id = ?1";
        let stored: Option<Vec<u8>> = self.optional(sql, [database], |row| row.get(0))?;
        let Some(stored) = stored else {
            return Err(Error::index(
                IndexProblem::DatabaseForgotten,
                self.path.clone(),
            ));
        };
        let mut compare = || match database_checksum(&self.connection, database, visit)? {
            (checksum, totals) if stored == checksum => totals,
            _ => Err(corruption_error("the checksum of a storage is wrong")),
        };
        compare().explain("read", &self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::base::ignore::ignore;
    use crate::index::fixture::{ROOT, answers, fill};

    #[test]
    fn no_flipped_bit_changes_an_answer() {
        /// Interval of the flipped bytes: a prime, so that every kind of place is tested.
        const STRIDE: usize = 41;
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("index");
        fill(&path);
        let sound = fs::read(&path).unwrap();
        let index = Index::open(&path).unwrap().index;
        let (said, single) = answers(&index).unwrap();
        assert!(single.len() == 3 + 4 && said.contains("bytes: 1019"));
        let known = index.database(Path::new(ROOT)).unwrap();
        assert_eq!((known.files, known.categories.len()), (2 * 2 * 23, 2));
        drop(index);
        let flipped_path = temporary.path().join("flipped");
        let mut noticed = 0;
        let is_used = |place: &usize| sound[*place..].iter().take(16).any(|byte| *byte != 0);
        for place in (0..sound.len()).filter(is_used).step_by(STRIDE) {
            let mut flipped = sound.clone();
            flipped[place] ^= 1 << (place % 8);
            for suffix in ["", "-wal", "-shm"] {
                let file = temporary.path().join(format!("flipped{suffix}"));
                ignore(fs::remove_file(file), "not every open leaves one");
            }
            fs::write(&flipped_path, &flipped).unwrap();
            let answered = Index::open_strict(&flipped_path).and_then(|index| answers(&index));
            match answered {
                Err(_) => noticed += 1,
                Ok((answered, some)) => {
                    assert!(answered == said, "bit {} of byte {place}", place % 8);
                    assert!(some.iter().all(|one| single.contains(one)), "byte {place}");
                }
            }
        }
        assert!(noticed > 100, "{noticed}");
    }

    #[test]
    fn recomputed_checksums_are_accepted() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("index");
        fill(&path);
        let mut index = Index::open(&path).unwrap().index;
        let before = answers(&index).unwrap();
        let sql = "UPDATE databases SET checksum = x''; UPDATE folders SET checksum = x'';
                   DELETE FROM checksums; UPDATE replicas SET folder_rows = 0;";
        index.connection.execute_batch(sql).unwrap();
        let problem = answers(&index).unwrap_err().index_problem();
        assert_eq!(problem, Some(IndexProblem::Damaged));
        index.recompute_checksums().unwrap();
        assert_eq!(answers(&index).unwrap(), before);
    }

    #[test]
    fn impossible_value_is_damage() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("index");
        fill(&path);
        let index = Index::open(&path).unwrap().index;
        let sql = "UPDATE replicas SET step = 300";
        index.connection.execute_batch(sql).unwrap();
        let error = index.database_with_replicas(Path::new(ROOT)).unwrap_err();
        assert_eq!(error.index_problem(), Some(IndexProblem::Damaged));
    }

    #[test]
    fn forgotten_database_is_named() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("index");
        fill(&path);
        let index = Index::open_strict(&path).unwrap();
        let id = index.database_id(Path::new(ROOT)).unwrap().unwrap();
        let mut other = Index::open_strict(&path).unwrap();
        other.forget_database(Path::new(ROOT)).unwrap();
        let error = index.mounted_folders(id).unwrap_err();
        assert_eq!(error.index_problem(), Some(IndexProblem::DatabaseForgotten));
    }
}
