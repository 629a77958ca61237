//! The journal of runs: when each began and ended, what it came to, and what it handled.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::Index;
use super::failure::Explain as _;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::manifest::{Files, Malformed, Manifest, merged};
use crate::moment::Moment;
use crate::os::host;

/// The columns of a run, as [`run`] reads them.
const COLUMNS: &str = "id, command, what, source, destination, started_at, ended_at, files, bytes, failed, state, host, process";

/// What is known of a run when it begins.
#[derive(Clone, Copy, Debug)]
pub struct Begun<'a> {
    /// The command's name.
    pub command: &'a str,
    /// What it is about, in words: `acme/spot footage`.
    pub what: &'a str,
    /// The database that is read, where there is one.
    pub source: Option<&'a str>,
    /// The databases that are written or looked at, joined by commas.
    pub destination: Option<&'a str>,
}

/// What a run came to.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// `complete`, `partial`, `interrupted`, `refused` or `unreachable`.
    pub state: &'a str,
    /// Files that were plainly handled.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that failed.
    pub failed: u64,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub number: i64,
    /// The command's name.
    pub command: String,
    /// What it was about, in words; not known of runs of older programs.
    pub what: Option<String>,
    /// The database that was read.
    pub source: Option<String>,
    /// The databases that were written or looked at, joined by commas.
    pub destination: Option<String>,
    /// When it began.
    pub started: Moment,
    /// When it ended, if it came to that.
    pub ended: Option<Moment>,
    /// Files that were plainly handled.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that failed.
    pub failed: u64,
    /// `running`, `complete`, `partial`, `interrupted`, `refused` or `unreachable`.
    pub state: String,
}

/// Something that a run did not plainly handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunItem {
    /// Where it is or belongs.
    pub path: PathBuf,
    /// How it ended.
    pub outcome: String,
    /// Why.
    pub reason: Option<String>,
}

/// The files of one folder that a run plainly handled.
#[derive(Clone, Copy, Debug)]
pub struct RunFiles<'a> {
    /// The root of the database they went to.
    pub root: &'a Path,
    /// The folder below the root.
    pub folder: &'a Path,
    packed: &'a [u8],
}

impl RunFiles<'_> {
    /// The files, in the order of their names.
    #[must_use]
    pub const fn files(&self) -> Files<'_> {
        Files::of(self.packed)
    }
}

impl Index {
    /// Notes that a run of this process begins; gives its number.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn begin_run(&mut self, begun: &Begun<'_>) -> Result<i64> {
        self.require_writable()?;
        self.follow()?;
        let sql = "INSERT INTO runs (command, what, source, destination, host, process, started_at, state)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'running')";
        let parameters = params![
            begun.command,
            begun.what,
            begun.source,
            begun.destination,
            host::name(),
            process::id(),
            Moment::now().seconds
        ];
        self.connection
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Notes how a run ended.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn end_run(&mut self, run: i64, ended: &Ended<'_>) -> Result<()> {
        let sql = "UPDATE runs SET ended_at = ?2, state = ?3, files = ?4, bytes = ?5, failed = ?6 WHERE id = ?1";
        let parameters = params![
            run,
            Moment::now().seconds,
            ended.state,
            stored(ended.files),
            stored(ended.bytes),
            stored(ended.failed)
        ];
        self.connection
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        Ok(())
    }

    /// Keeps what a run did not plainly handle: paths, outcomes and reasons, after those that were kept before.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn keep_items<'i>(
        &mut self,
        run: i64,
        items: impl IntoIterator<Item = (&'i Path, &'i str, Option<&'i str>)>,
    ) -> Result<()> {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return Ok(());
        }
        let path = self.path.clone();
        let transaction = self.transaction()?;
        insert_items(&transaction, run, items).explain("write", &path)?;
        transaction.commit().explain("write", &path)
    }

    /// Keeps files that a run plainly handled, by their folders below the root of a database; files of a folder may be
    /// kept bit by bit.
    ///
    /// # Errors
    /// The index cannot be written, or is damaged.
    pub fn keep_files(
        &mut self,
        run: i64,
        root: &Path,
        folders: &[(PathBuf, Manifest)],
    ) -> Result<()> {
        if folders.is_empty() {
            return Ok(());
        }
        let path = self.path.clone();
        let transaction = self.transaction()?;
        for (folder, manifest) in folders {
            let place = (run, root, folder.as_path());
            insert_files(&transaction, place, manifest).explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
    }

    /// The last runs, the newest first: so many, or all. What died without a word is noted as `interrupted`.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn runs(&self, limit: Option<u64>) -> Result<Vec<Run>> {
        let sql = format!("SELECT {COLUMNS} FROM runs ORDER BY id DESC LIMIT ?1");
        // A negative limit is none.
        let limit = limit.map_or(-1, stored);
        let rows = self.connection.prepare_cached(&sql).and_then(|mut query| {
            let rows = query.query_map([limit], run)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        let rows = rows.explain("read", &self.path)?.into_iter();
        Ok(rows.map(|row| self.told(row)).collect())
    }

    /// The run of this number.
    ///
    /// # Errors
    /// [`Error::NoSuchRun`], or the index cannot be read.
    pub fn run(&self, number: i64) -> Result<Run> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
        let query = self.connection.prepare_cached(&sql);
        let found = query
            .and_then(|mut query| query.query_row([number], run).optional())
            .explain("read", &self.path)?;
        match found {
            Some(row) => Ok(self.told(row)),
            None => Err(Error::NoSuchRun {
                run: number,
                known: self.run_numbers()?,
            }),
        }
    }

    /// The numbers of the first and the last run that are known.
    fn run_numbers(&self) -> Result<Option<(i64, i64)>> {
        let sql = "SELECT min(id), max(id) FROM runs";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let (first, last): (Option<i64>, Option<i64>) = self
            .connection
            .query_row(sql, [], read)
            .explain("read", &self.path)?;
        Ok(first.zip(last))
    }

    /// A run as it is told; one whose process is gone is noted as interrupted.
    fn told(&self, (mut run, process): (Run, Option<u32>)) -> Run {
        if run.state == "running" && process.is_some_and(|process| !host::is_alive(process)) {
            "interrupted".clone_into(&mut run.state);
            let sql = "UPDATE runs SET state = 'interrupted' WHERE id = ?1 AND state = 'running'";
            if !self.read_only {
                // What is told is true, whether it can be noted or not.
                self.connection
                    .execute(sql, [run.number])
                    .unwrap_or_default();
            }
        }
        run
    }

    /// Hands what a run did not plainly handle to `visit`, while it says to go on.
    ///
    /// # Errors
    /// What `visit` says; the index cannot be read, or the search was interrupted.
    pub fn visit_run_items(
        &self,
        run: i64,
        visit: &mut dyn FnMut(&RunItem) -> Result<bool>,
    ) -> Result<()> {
        let sql = "SELECT path, outcome, reason FROM run_items WHERE run = ?1 ORDER BY place";
        let query = self.connection.prepare_cached(sql);
        let mut query = query.explain("read", &self.path)?;
        let mut rows = query.query([run]).explain("read", &self.path)?;
        while let Some(row) = rows.next().explain("read", &self.path)? {
            interrupt::check()?;
            if !visit(&item(row).explain("read", &self.path)?)? {
                break;
            }
        }
        Ok(())
    }

    /// Hands the folders with files that a run plainly handled to `visit`, sorted by root and path, while it says to go
    /// on.
    ///
    /// # Errors
    /// What `visit` says; the index cannot be read, or the search was interrupted.
    pub fn visit_run_files(
        &self,
        run: i64,
        visit: &mut dyn FnMut(&RunFiles<'_>) -> Result<bool>,
    ) -> Result<()> {
        let sql =
            "SELECT root, folder, manifest FROM run_files WHERE run = ?1 ORDER BY root, folder";
        let query = self.connection.prepare_cached(sql);
        let mut query = query.explain("read", &self.path)?;
        let mut rows = query.query([run]).explain("read", &self.path)?;
        while let Some(row) = rows.next().explain("read", &self.path)? {
            interrupt::check()?;
            let (root, folder) = (path(row, 0), path(row, 1));
            let packed = row.get_ref(2).explain("read", &self.path)?;
            let files = RunFiles {
                root: &root.explain("read", &self.path)?,
                folder: &folder.explain("read", &self.path)?,
                packed: packed.as_blob().map_err(|_| self.malformed(Malformed))?,
            };
            if !visit(&files)? {
                break;
            }
        }
        Ok(())
    }
}

/// A number as `SQLite` holds it.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The number of a [`stored`] one.
pub(super) fn counted(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or_default())
}

/// A path, kept as its bytes.
pub(super) fn path(row: &Row<'_>, column: usize) -> rusqlite::Result<PathBuf> {
    Ok(OsString::from_vec(row.get(column)?).into())
}

/// A point in time, kept in seconds.
pub(super) const fn at(seconds: i64) -> Moment {
    Moment {
        seconds,
        nanoseconds: 0,
    }
}

/// A run and, where it is one of this host, its process.
fn run(row: &Row<'_>) -> rusqlite::Result<(Run, Option<u32>)> {
    let run = Run {
        number: row.get(0)?,
        command: row.get(1)?,
        what: row.get(2)?,
        source: row.get(3)?,
        destination: row.get(4)?,
        started: at(row.get(5)?),
        ended: row.get::<_, Option<i64>>(6)?.map(at),
        files: counted(row, 7)?,
        bytes: counted(row, 8)?,
        failed: counted(row, 9)?,
        state: row.get(10)?,
    };
    let is_here = row.get::<_, Option<String>>(11)?.as_deref() == Some(host::name().as_str());
    let process: Option<u32> = row.get(12)?;
    Ok((run, process.filter(|_| is_here)))
}

fn item(row: &Row<'_>) -> rusqlite::Result<RunItem> {
    Ok(RunItem {
        path: path(row, 0)?,
        outcome: row.get(1)?,
        reason: row.get(2)?,
    })
}

fn insert_items<'i>(
    connection: &Connection,
    run: i64,
    items: impl Iterator<Item = (&'i Path, &'i str, Option<&'i str>)>,
) -> rusqlite::Result<()> {
    let sql = "SELECT coalesce(max(place) + 1, 0) FROM run_items WHERE run = ?1";
    let first: i64 = connection.query_row(sql, [run], |row| row.get(0))?;
    let sql =
        "INSERT INTO run_items (run, place, path, outcome, reason) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut query = connection.prepare_cached(sql)?;
    for (place, (path, outcome, reason)) in (first..).zip(items) {
        let path = path.as_os_str().as_bytes();
        query.execute(params![run, place, path, outcome, reason])?;
    }
    Ok(())
}

/// Adds the files of a folder to those that are kept already.
fn insert_files(
    connection: &Connection,
    (run, root, folder): (i64, &Path, &Path),
    manifest: &Manifest,
) -> rusqlite::Result<()> {
    let (root, folder) = (root.as_os_str().as_bytes(), folder.as_os_str().as_bytes());
    let sql = "SELECT manifest FROM run_files WHERE run = ?1 AND root = ?2 AND folder = ?3";
    let mut query = connection.prepare_cached(sql)?;
    let read = |row: &Row<'_>| row.get::<_, Vec<u8>>(0);
    let kept = query
        .query_row(params![run, root, folder], read)
        .optional()?;
    // One that cannot be understood gives way.
    let both = kept.and_then(|kept| merged(&kept, manifest.packed()).ok());
    let packed = both.as_ref().unwrap_or(manifest).packed();
    let sql =
        "INSERT OR REPLACE INTO run_files (run, root, folder, manifest) VALUES (?1, ?2, ?3, ?4)";
    let mut query = connection.prepare_cached(sql)?;
    query.execute(params![run, root, folder, packed])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::manifest::{File, Packer};

    const BEGUN: Begun<'_> = Begun {
        command: "copy",
        what: "acme/spot footage",
        source: Some("WORK"),
        destination: Some("NAS,CLOUD"),
    };

    fn index() -> (tempfile::TempDir, Index) {
        let temporary = tempfile::tempdir().unwrap();
        let index = Index::open(&temporary.path().join("index")).unwrap().index;
        (temporary, index)
    }

    fn manifest(names: &[&str]) -> Manifest {
        let mut packer = Packer::default();
        for name in names {
            packer.add(&File {
                name: name.as_bytes(),
                bytes: 7,
                modified: Moment::default(),
                target: None,
            });
        }
        packer.finish()
    }

    #[test]
    fn the_newest_runs_come_first_with_what_they_came_to() {
        let (_folder, mut index) = index();
        let first = index.begin_run(&BEGUN).unwrap();
        let ended = Ended {
            state: "partial",
            files: 12,
            bytes: u64::MAX,
            failed: 1,
        };
        index.end_run(first, &ended).unwrap();
        let second = index.begin_run(&BEGUN).unwrap();
        let runs = index.runs(None).unwrap();
        assert_eq!([runs[0].number, runs[1].number], [second, first]);
        assert_eq!((runs[0].state.as_str(), runs[0].ended), ("running", None));
        assert_eq!((runs[1].state.as_str(), runs[1].files), ("partial", 12));
        assert_eq!(runs[1].what.as_deref(), Some("acme/spot footage"));
        assert_eq!(runs[1].destination.as_deref(), Some("NAS,CLOUD"));
        assert!(runs[1].ended.is_some());
        assert_eq!(index.runs(Some(1)).unwrap(), runs[..1]);
        assert_eq!(index.run(first).unwrap(), runs[1]);
    }

    #[test]
    fn a_number_that_no_run_has_is_told_with_those_there_are() {
        let (_folder, mut index) = index();
        let known = |error| match error {
            Error::NoSuchRun { known, .. } => known,
            error => panic!("{error}"),
        };
        assert_eq!(known(index.run(1).unwrap_err()), None);
        index.begin_run(&BEGUN).unwrap();
        index.begin_run(&BEGUN).unwrap();
        assert_eq!(known(index.run(7).unwrap_err()), Some((1, 2)));
    }

    #[test]
    fn a_run_whose_process_is_gone_was_interrupted() {
        let (_folder, mut index) = index();
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        for (host, state) in [(host::name(), "interrupted"), ("far".to_owned(), "running")] {
            let run = index.begin_run(&BEGUN).unwrap();
            let sql = "UPDATE runs SET process = ?2, host = ?3 WHERE id = ?1";
            let parameters = params![run, child.id(), host];
            index.connection.execute(sql, parameters).unwrap();
            assert_eq!(index.run(run).unwrap().state, state);
            let sql = "SELECT state FROM runs WHERE id = ?1";
            let read = |row: &Row<'_>| row.get::<_, String>(0);
            let noted = index.connection.query_row(sql, [run], read).unwrap();
            assert_eq!(noted, state);
        }
    }

    #[test]
    fn items_come_back_in_their_order() {
        let (_folder, mut index) = index();
        let run = index.begin_run(&BEGUN).unwrap();
        let (b, a) = (Path::new("/nas/b"), Path::new("/nas/a"));
        let none: [(&Path, &str, Option<&str>); 0] = [];
        index.keep_items(run, none).unwrap();
        index
            .keep_items(run, [(b, "failed", Some("it is gone"))])
            .unwrap();
        index.keep_items(run, [(a, "unreached", None)]).unwrap();
        let mut items = Vec::new();
        let mut take = |item: &RunItem| {
            items.push((item.path.clone(), item.outcome.clone(), item.reason.clone()));
            Ok(true)
        };
        index.visit_run_items(run, &mut take).unwrap();
        let failed = (b.into(), "failed".into(), Some("it is gone".into()));
        assert_eq!(items, [failed, (a.into(), "unreached".into(), None)]);
    }

    #[test]
    fn files_of_a_folder_are_kept_bit_by_bit() {
        let (_folder, mut index) = index();
        let run = index.begin_run(&BEGUN).unwrap();
        let root = Path::new("/nas");
        for (folder, names) in [("b", &["3", "1"][1..]), ("a", &["x"]), ("b", &["0", "2"])] {
            let folders = [(folder.into(), manifest(names))];
            index.keep_files(run, root, &folders).unwrap();
        }
        let mut found = Vec::new();
        let mut take = |folder: &RunFiles<'_>| {
            let mut files = folder.files();
            while let Some(file) = files.next().unwrap() {
                let name = String::from_utf8(file.name.to_vec()).unwrap();
                found.push(folder.root.join(folder.folder).join(name));
            }
            Ok(true)
        };
        index.visit_run_files(run, &mut take).unwrap();
        let paths = ["/nas/a/x", "/nas/b/0", "/nas/b/1", "/nas/b/2"];
        assert_eq!(found, paths.map(PathBuf::from));
    }
}
