//! Items of runs: one row for each item that was not simply copied, one manifest per folder for the files that were.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, params};

use super::checksum::{parse_manifest, row_checksum, verify_row};
use super::content_difference;
use super::sql::{bytes, execute, one, optional};
use super::sqlite_error::Explain as _;
use super::{Index, OutcomeKind, RunId};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::snapshot::manifest::{Manifest, ManifestFiles, ManifestRef};
use crate::snapshot::manifest_join::merge;

/// An item that was not simply copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunItem<'a> {
    /// Its path at the destination.
    pub path: &'a Path,
    /// Its outcome.
    pub outcome: OutcomeKind,
    /// The reason, for people.
    pub reason: Option<&'a str>,
}

/// The files of one folder that a run copied.
#[derive(Clone, Copy, Debug)]
pub struct RunFiles<'a> {
    /// The root of the destination.
    pub root: &'a Path,
    /// The folder below the root.
    pub folder: &'a Path,
    manifest: ManifestRef<'a>,
}

impl RunFiles<'_> {
    /// The files, sorted by name.
    pub const fn files(&self) -> ManifestFiles<'_> {
        self.manifest.files()
    }
}

impl Index {
    /// Appends items to a run.
    pub fn add_run_items<'i>(
        &mut self,
        run: RunId,
        items: impl IntoIterator<Item = RunItem<'i>>,
    ) -> Result<()> {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return Ok(());
        }
        self.write(|transaction| insert_items(transaction, run, items))
    }

    /// Adds copied files to a run, by folder below the root of the destination. A folder may be added in parts.
    pub fn add_run_files(
        &mut self,
        run: RunId,
        root: &Path,
        folders: &[(PathBuf, Manifest)],
    ) -> Result<()> {
        if folders.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            for (folder, manifest) in folders {
                insert_files(transaction, (run, root, folder), manifest)?;
                content_difference::forget_written(transaction, root, folder, manifest)?;
            }
            Ok(())
        })
    }

    /// Passes the items of a run to `visit` in their order until it returns `false`.
    pub fn visit_run_items(
        &self,
        run: RunId,
        visit: &mut dyn FnMut(&RunItem<'_>) -> Result<bool>,
    ) -> Result<()> {
        let sql = "SELECT path, outcome, reason FROM run_items WHERE run = ?1 ORDER BY place";
        self.visit_rows(sql, run, &mut |row| {
            let item = read_run_item(row).explain("read", &self.path)?;
            visit(&item)
        })
    }

    /// Passes the folders with copied files of a run, sorted by root and path, to `visit` until it returns `false`.
    pub fn visit_run_files(
        &self,
        run: RunId,
        visit: &mut dyn FnMut(&RunFiles<'_>) -> Result<bool>,
    ) -> Result<()> {
        let sql = "SELECT root, folder, manifest, checksum FROM run_files WHERE run = ?1 ORDER BY root, folder";
        self.visit_rows(sql, run, &mut |row| {
            let files = read_run_files(row).explain("read", &self.path)?;
            visit(&files)
        })
    }

    fn visit_rows(
        &self,
        sql: &str,
        run: RunId,
        visit: &mut dyn FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        let query = self.connection.prepare_cached(sql);
        let mut query = query.explain("read", &self.path)?;
        let mut rows = query.query([run]).explain("read", &self.path)?;
        while let Some(row) = rows.next().explain("read", &self.path)? {
            interrupt::check()?;
            if !visit(row)? {
                break;
            }
        }
        Ok(())
    }
}

fn read_run_item<'a>(row: &'a Row<'_>) -> rusqlite::Result<RunItem<'a>> {
    Ok(RunItem {
        path: Path::new(OsStr::from_bytes(row.get_ref(0)?.as_blob()?)),
        outcome: row.get(1)?,
        reason: row.get_ref(2)?.as_str_or_null()?,
    })
}

fn read_run_files<'a>(row: &'a Row<'_>) -> rusqlite::Result<RunFiles<'a>> {
    let (root, folder) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
    let packed = row.get_ref(2)?.as_blob()?;
    verify_row(row.get_ref(3)?.as_blob()?, &[root, folder, packed])?;
    Ok(RunFiles {
        root: Path::new(OsStr::from_bytes(root)),
        folder: Path::new(OsStr::from_bytes(folder)),
        manifest: parse_manifest(packed)?,
    })
}

fn insert_items<'i>(
    connection: &Connection,
    run: RunId,
    items: impl Iterator<Item = RunItem<'i>>,
) -> rusqlite::Result<()> {
    let sql = "SELECT coalesce(max(place) + 1, 0) FROM run_items WHERE run = ?1";
    let first: i64 = one(connection, sql, [run], |row| row.get(0))?;
    let sql =
        "INSERT INTO run_items (run, place, path, outcome, reason) VALUES (?1, ?2, ?3, ?4, ?5)";
    for (place, item) in (first..).zip(items) {
        let parameters = params![run, place, bytes(item.path), item.outcome, item.reason];
        execute(connection, sql, parameters)?;
    }
    Ok(())
}

/// Merges the files of a folder with those that are already stored.
fn insert_files(
    connection: &Connection,
    (run, root, folder): (RunId, &Path, &Path),
    manifest: &Manifest,
) -> rusqlite::Result<()> {
    let [root, folder] = [root, folder].map(bytes);
    let sql = "SELECT root, folder, manifest, checksum FROM run_files WHERE run = ?1 AND root = ?2 AND folder = ?3";
    let merge = |row: &Row<'_>| {
        let stored = read_run_files(row)?.manifest;
        Ok(merge(stored, manifest.as_ref()).0)
    };
    let merged = optional(connection, sql, params![run, root, folder], merge)?;
    let packed = merged.as_ref().unwrap_or(manifest).packed();
    let sql = "INSERT OR REPLACE INTO run_files (run, root, folder, manifest, checksum) VALUES (?1, ?2, ?3, ?4, ?5)";
    let checksum = row_checksum(&[root, folder, packed]);
    execute(
        connection,
        sql,
        params![run, root, folder, packed, checksum],
    )
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

    fn begin(index: &mut Index) -> RunId {
        let begun = RunStart {
            command: "copy",
            subject: "acme/spot footage",
            source: Some("WORK"),
            destination: Some("NAS"),
        };
        index.begin_run(&begun).unwrap()
    }

    fn manifest(names: &[&str]) -> Manifest {
        let mut builder = ManifestBuilder::default();
        for name in names {
            builder.add(&ManifestFile {
                name: name.as_bytes(),
                bytes: 7,
                modified: Timestamp::default(),
                target: None,
            });
        }
        builder.finish()
    }

    #[test]
    fn run_items_keep_their_order() {
        let (_folder, mut index) = index();
        let run = begin(&mut index);
        let failed = RunItem {
            path: Path::new("/nas/b"),
            outcome: OutcomeKind::Failed,
            reason: Some("it is gone"),
        };
        let unreached = RunItem {
            path: Path::new("/nas/a"),
            outcome: OutcomeKind::Unreached,
            reason: None,
        };
        index.add_run_items(run, []).unwrap();
        index.add_run_items(run, [failed]).unwrap();
        index.add_run_items(run, [unreached]).unwrap();
        let mut expected = vec![failed, unreached].into_iter();
        let mut compare = |item: &RunItem<'_>| {
            assert_eq!(Some(*item), expected.next());
            Ok(true)
        };
        index.visit_run_items(run, &mut compare).unwrap();
        assert_eq!(expected.next(), None);
    }

    #[test]
    fn files_of_one_folder_accumulate() {
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
            while let Some(file) = files.next() {
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
