//! What runs handled: item by item what was not plainly brought, and folder by folder what was.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::Index;
use super::checksum::{row_checksum, verify_row};
use super::content_difference;
use super::run::read_path;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::snapshot::manifest::{Manifest, ManifestFiles, merge};

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
    pub const fn files(&self) -> ManifestFiles<'_> {
        ManifestFiles::of(self.packed)
    }
}

impl Index {
    /// Keeps what a run did not plainly handle: paths, outcomes and reasons, after those that were kept before.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn add_run_items<'i>(
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
    pub fn add_run_files(
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
            let key = (run, root, folder.as_path());
            insert_files(&transaction, key, manifest).explain("write", &path)?;
            content_difference::forget_written(&transaction, root, folder, manifest)
                .explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
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
            if !visit(&read_run_item(row).explain("read", &self.path)?)? {
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
        let sql = "SELECT root, folder, manifest, checksum FROM run_files WHERE run = ?1 ORDER BY root, folder";
        let query = self.connection.prepare_cached(sql);
        let mut query = query.explain("read", &self.path)?;
        let mut rows = query.query([run]).explain("read", &self.path)?;
        while let Some(row) = rows.next().explain("read", &self.path)? {
            interrupt::check()?;
            let (root, folder) = (read_path(row, 0), read_path(row, 1));
            let packed = verified_manifest(row).explain("read", &self.path)?;
            let files = RunFiles {
                root: &root.explain("read", &self.path)?,
                folder: &folder.explain("read", &self.path)?,
                packed,
            };
            if !visit(&files)? {
                break;
            }
        }
        Ok(())
    }
}

/// The manifest of a row of root, folder, manifest and checksum.
fn verified_manifest<'a>(row: &'a Row<'_>) -> rusqlite::Result<&'a [u8]> {
    let (root, folder) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
    let manifest = row.get_ref(2)?.as_blob()?;
    verify_row(row.get_ref(3)?.as_blob()?, &[root, folder, manifest])?;
    Ok(manifest)
}

fn read_run_item(row: &Row<'_>) -> rusqlite::Result<RunItem> {
    Ok(RunItem {
        path: read_path(row, 0)?,
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
    let sql = "SELECT root, folder, manifest, checksum FROM run_files WHERE run = ?1 AND root = ?2 AND folder = ?3";
    let mut query = connection.prepare_cached(sql)?;
    let read = |row: &Row<'_>| verified_manifest(row).map(<[u8]>::to_vec);
    let stored = query
        .query_row(params![run, root, folder], read)
        .optional()?;
    // One that cannot be understood gives way.
    let both = stored.and_then(|kept| merge(&kept, manifest.packed()).ok());
    let packed = both.as_ref().unwrap_or(manifest).packed();
    let sql = "INSERT OR REPLACE INTO run_files (run, root, folder, manifest, checksum) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut query = connection.prepare_cached(sql)?;
    let checksum = row_checksum(&[root, folder, packed]);
    query.execute(params![run, root, folder, packed, checksum])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::index::RunStart;
    use crate::snapshot::manifest::{ManifestBuilder, ManifestFile};

    fn index() -> (tempfile::TempDir, Index) {
        let temporary = tempfile::tempdir().unwrap();
        let index = Index::open(&temporary.path().join("index")).unwrap().index;
        (temporary, index)
    }

    fn begin(index: &mut Index) -> i64 {
        let begun = RunStart {
            command: "copy",
            subject: "acme/spot footage",
            source: Some("WORK"),
            destination: Some("NAS"),
        };
        index.begin_run(&begun).unwrap()
    }

    fn manifest(names: &[&str]) -> Manifest {
        let mut packer = ManifestBuilder::default();
        for name in names {
            packer.add(&ManifestFile {
                name: name.as_bytes(),
                bytes: 7,
                modified: Timestamp::default(),
                target: None,
            });
        }
        packer.finish()
    }

    #[test]
    fn items_come_back_in_their_order() {
        let (_folder, mut index) = index();
        let run = begin(&mut index);
        let (b, a) = (Path::new("/nas/b"), Path::new("/nas/a"));
        let none: [(&Path, &str, Option<&str>); 0] = [];
        index.add_run_items(run, none).unwrap();
        index
            .add_run_items(run, [(b, "failed", Some("it is gone"))])
            .unwrap();
        index.add_run_items(run, [(a, "unreached", None)]).unwrap();
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
        let run = begin(&mut index);
        let root = Path::new("/nas");
        for (folder, names) in [("b", &["3", "1"][1..]), ("a", &["x"]), ("b", &["0", "2"])] {
            let folders = [(folder.into(), manifest(names))];
            index.add_run_files(run, root, &folders).unwrap();
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
