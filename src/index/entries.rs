//! The rows below a replica: brought from the last look to this one, touching only what differs.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::params;

use super::files::StoredTree;
use super::looks::{Changes, LookWriter};
use crate::name::Name;
use crate::os::stat::Kind;
use crate::tree::{Entry, Tree};

impl LookWriter<'_> {
    /// Brings the rows below a replica from `stored` to `tree`, touching only what differs.
    pub(super) fn write_entries(
        &self,
        replica: i64,
        mut stored: StoredTree,
        tree: &Tree,
        hidden: &dyn Fn(&Path) -> bool,
    ) -> rusqlite::Result<Changes> {
        let mut changes = Changes::default();
        let mut seen_folders = BTreeSet::from([PathBuf::new()]);
        self.folder_id(replica, Path::new(""), &mut stored)?;
        for entry in &tree.entries {
            if entry.kind == Kind::Folder {
                self.folder_id(replica, &entry.path, &mut stored)?;
                seen_folders.insert(entry.path.clone());
            } else if entry.kind != Kind::Special {
                self.write_file(replica, entry, &mut stored, &mut changes)?;
            }
        }
        let mut delete = self
            .transaction
            .prepare_cached("DELETE FROM files WHERE folder_id = ?1 AND name = ?2")?;
        for (path, item) in stored.files.iter().filter(|(path, _)| !hidden(path)) {
            let name = path.file_name().unwrap_or_default();
            delete.execute(params![item.folder, name.as_bytes()])?;
            changes.gone += 1;
        }
        let mut delete = self
            .transaction
            .prepare_cached("DELETE FROM folders WHERE id = ?1")?;
        for (path, id) in &stored.folders {
            if !seen_folders.contains(path) && !hidden(path) {
                delete.execute([id])?;
            }
        }
        Ok(changes)
    }

    /// The row of a folder, made where there is none.
    fn folder_id(
        &self,
        replica: i64,
        path: &Path,
        stored: &mut StoredTree,
    ) -> rusqlite::Result<i64> {
        if let Some(id) = stored.folders.get(path) {
            return Ok(*id);
        }
        let sql = "INSERT INTO folders (replica_id, path) VALUES (?1, ?2)";
        self.transaction
            .prepare_cached(sql)?
            .execute(params![replica, path.as_os_str().as_bytes()])?;
        let id = self.transaction.last_insert_rowid();
        stored.folders.insert(path.to_owned(), id);
        Ok(id)
    }

    /// Writes a file's row unless it is the same as before, and takes it out of `stored`.
    fn write_file(
        &self,
        replica: i64,
        entry: &Entry,
        stored: &mut StoredTree,
        changes: &mut Changes,
    ) -> rusqlite::Result<()> {
        let known = stored.files.remove(&entry.path);
        let same = known.as_ref().is_some_and(|known| {
            (known.bytes, known.modified, &known.target)
                == (entry.bytes, entry.modified, &entry.target)
        });
        if same {
            return Ok(());
        }
        *(if known.is_some() {
            &mut changes.changed
        } else {
            &mut changes.added
        }) += 1;
        let folder = self.folder_id(
            replica,
            entry.path.parent().unwrap_or(Path::new("")),
            stored,
        )?;
        let sql =
            "INSERT OR REPLACE INTO files (folder_id, name, bytes, modified, modified_ns, target)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.transaction.prepare_cached(sql)?.execute(params![
            folder,
            entry.path.file_name().unwrap_or_default().as_bytes(),
            entry.bytes.cast_signed(),
            entry.modified.seconds,
            entry.modified.nanoseconds,
            entry.target.as_ref().map(Name::as_bytes),
        ])?;
        Ok(())
    }

    /// Drops the files of a replica; says how many there were.
    pub(super) fn drop_contents(&self, replica: i64) -> rusqlite::Result<u64> {
        let sql = "SELECT files FROM replicas WHERE id = ?1";
        let files: i64 = self
            .transaction
            .prepare_cached(sql)?
            .query_row([replica], |row| row.get(0))?;
        self.transaction
            .prepare_cached("DELETE FROM folders WHERE replica_id = ?1")?
            .execute([replica])?;
        Ok(files.cast_unsigned())
    }
}
