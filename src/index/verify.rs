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
    use std::fmt::Write as _;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::base::ignore::ignore;
    use crate::base::name::Name;
    use crate::base::timestamp::Timestamp;
    use crate::index::schema::{OLDEST_VERSION, STEPS, VERSION};
    use crate::index::{
        ContentOrigin, EvidenceKind, FileEvidence, NewEvidence, Proof, RunId, RunStart,
        SentChanges, SentFile, SentRecord,
    };
    use crate::model::project::{ProjectId, Scope};
    use crate::snapshot::digest::Digest;
    use crate::snapshot::manifest::{ManifestBuilder, ManifestFile};
    use crate::snapshot::tree::ScannedFolder;

    const ROOT: &str = "/mnt/studio";
    const CATEGORIES: [&str; 2] = ["footage", "scratch/render"];

    fn project(name: &str) -> ProjectId {
        ProjectId {
            client: Name::from("acme"),
            project: Name::from(name),
        }
    }

    fn folder(path: &str, files: u64) -> ScannedFolder {
        let mut builder = ManifestBuilder::default();
        let mut seen = ScannedFolder {
            path: path.into(),
            ..ScannedFolder::default()
        };
        for number in 0..files {
            let modified = Timestamp {
                seconds: 1_767_323_045,
                nanoseconds: 7,
            };
            let name = format!("frame.{number:04}.exr");
            let file = ManifestFile::regular(name.as_bytes(), 1000 + number, modified);
            builder.add(&file);
            seen.totals.add(&file);
        }
        seen.manifest = builder.finish();
        seen
    }

    /// Fills every table that has checksums.
    fn fill(path: &Path) {
        let mut index = Index::open(path).unwrap().index;
        let known = index.database(Path::new(ROOT)).unwrap();
        let mut staging = index.stage_scan(&known).unwrap();
        for category in CATEGORIES {
            for name in ["spot", "teaser"] {
                let replica = staging
                    .begin_replica(Path::new(category), &project(name))
                    .unwrap();
                for (folder_path, files) in [("", 3), ("plates", 20), ("plates/sh010", 0)] {
                    staging
                        .add_folder(replica, folder(folder_path, files))
                        .unwrap();
                }
                staging.end_replica(replica).unwrap();
            }
        }
        let staged = staging.finish().unwrap();
        let writer = index.write_scan(Path::new(ROOT), &known).unwrap();
        writer.write_replicas(&staged).unwrap();
        for category in CATEGORIES {
            writer.record_category_scan(Path::new(category)).unwrap();
        }
        writer.record_mount(Path::new(CATEGORIES[0])).unwrap();
        writer
            .record_root(Some("0123456789abcdef"), Some("root id"))
            .unwrap();
        writer.finish(true).unwrap();
        let id = index.database_id(Path::new(ROOT)).unwrap().unwrap();
        let content = FileEvidence {
            bytes: 7,
            modified: Timestamp::default(),
            digest: Digest(77),
            proof: Proof {
                kind: EvidenceKind::Stored,
                at: Timestamp::default(),
                tag: 7,
            },
        };
        let contents = [(Name::from("reel.mov"), content)].into();
        index
            .add_evidence(&[NewEvidence {
                database: id,
                folder: Path::new("footage/acme/spot"),
                files: &contents,
                origin: ContentOrigin::Found,
            }])
            .unwrap();
        let mut changes = SentChanges::default();
        changes.add(Path::new("reel.mov"), SentFile::default());
        let record = SentRecord::from([(PathBuf::from("footage/acme/spot"), changes)]);
        index
            .update_sent(Path::new("s3:b"), Path::new(ROOT), &record)
            .unwrap();
        let begun = RunStart {
            command: "copy",
            subject: "all",
            source: None,
            destination: None,
        };
        let run = index.begin_run(&begun).unwrap();
        let handled = [(PathBuf::from("plates"), folder("", 4).manifest)];
        index.add_run_files(run, Path::new(ROOT), &handled).unwrap();
    }

    /// Returns the index's answers about replicas with their files, and about single files, which may be forgotten.
    fn answers(index: &Index) -> Result<(String, Vec<String>)> {
        let known = index.database(Path::new(ROOT))?;
        let id = known.id.unwrap_or(DatabaseId(0));
        let (_, all) = index.database_with_replicas(Path::new(ROOT))?;
        let mut said = format!("{known:?} {:?} {all:?}", index.mounted_folders(id)?);
        for category in CATEGORIES.map(Path::new) {
            let replicas = index.replicas(id, category)?;
            let looked_at = index.category_scanned_at(id, category)?;
            write!(said, "{replicas:?} {looked_at:?}").unwrap();
            index.visit_folders(id, category, &Scope::All, &mut |folder| {
                write!(said, "{:?} {:?}", folder.project, folder.path).unwrap();
                let mut files = folder.files();
                while let Some(file) = files.next() {
                    write!(said, "{file:?}").unwrap();
                }
                Ok(true)
            })?;
        }
        let digests = index.evidence(id, Path::new("footage/acme/spot"))?;
        let mut single: Vec<String> = digests.iter().map(|digest| format!("{digest:?}")).collect();
        for category in CATEGORIES.map(Path::new) {
            for series in index.size_series(id, category)? {
                let points = index.size_points(&series)?;
                single.push(format!("{:?} {points:?}", series.project));
            }
        }
        let sent = index.sent_rows(Path::new("s3:b"), Path::new("footage/acme/spot"))?;
        single.extend(sent.iter().map(|row| format!("{row:?} {:?}", row.files())));
        index.visit_run_files(RunId(1), &mut |folder| {
            single.push(format!("{folder:?}"));
            Ok(true)
        })?;
        Ok((said, single))
    }

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
    fn older_versions_are_brought_up_to_date() {
        for version in OLDEST_VERSION..VERSION {
            let temporary = tempfile::tempdir().unwrap();
            let path = temporary.path().join("index");
            fill(&path);
            let index = Index::open(&path).unwrap().index;
            let (before, columns) = (answers(&index).unwrap(), columns(&index));
            index.connection.execute_batch(&downgrade(version)).unwrap();
            drop(index);
            let opened = Index::open(&path).unwrap();
            assert!(opened.set_aside.is_none());
            let index = opened.index;
            assert_eq!(self::columns(&index), columns);
            let after = answers(&index).unwrap();
            assert_eq!(after.0, before.0);
            // An index without sizes over time begins them with those of the last scan.
            assert_eq!(sizes(&after.1), sizes(&before.1));
            let id = index.database_id(Path::new(ROOT)).unwrap().unwrap();
            let folder = Path::new("footage/acme/spot");
            let evidence = &index.evidence(id, folder).unwrap()[&Name::from("reel.mov")];
            assert_eq!(evidence.digest, Digest(77));
            if version == OLDEST_VERSION {
                assert_eq!(evidence.proof, Proof::UNDATED);
                assert_eq!(index.seen_medium(id).unwrap(), None);
            }
        }
    }

    /// Returns the answers about sizes over time.
    fn sizes(single: &[String]) -> Vec<&String> {
        let sizes = single.iter().filter(|answer| answer.contains("SizePoint"));
        sizes.collect()
    }

    /// Returns the SQL that takes away what the steps from `version` on add.
    fn downgrade(version: i64) -> String {
        let done = usize::try_from(version - OLDEST_VERSION).unwrap();
        let lines = STEPS[done..]
            .iter()
            .rev()
            .flat_map(|step| step.iter().rev())
            .flat_map(|sql| sql.lines().rev());
        let undo = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["CREATE", "TABLE", "IF", "NOT", "EXISTS", table, ..]
            | ["CREATE", "TABLE", table, ..] => Some(format!("DROP TABLE {table}")),
            ["ALTER", "TABLE", table, "ADD", "COLUMN", column, ..] => {
                Some(format!("ALTER TABLE {table} DROP COLUMN {column}"))
            }
            _ => None,
        };
        let version = format!("PRAGMA user_version = {version}");
        let statements: Vec<String> = lines.filter_map(undo).chain([version]).collect();
        statements.join(";")
    }

    /// Returns the columns of all tables with their types.
    fn columns(index: &Index) -> Vec<(String, String, String)> {
        let sql =
            "SELECT tables.name, columns.name, columns.type || columns.\"notnull\" || columns.pk
                   FROM pragma_table_list AS tables, pragma_table_info(tables.name) AS columns
                   ORDER BY tables.name, columns.name";
        let mut statement = index.connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.unwrap().map(Result::unwrap).collect()
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
