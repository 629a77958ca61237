//! The single files of the index: what a new look is compared with, and what `find` searches.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::Index;
use super::failure::Explain as _;
use crate::aggregate::Item;
use crate::error::Result;
use crate::interrupt;
use crate::manifest::Files;
use crate::moment::Moment;
use crate::name::Name;
use crate::os::stat::Kind;
use crate::project::{ProjectId, Scope};

/// A file or link as the last look saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredItem {
    /// The row of the folder it is in.
    pub folder: i64,
    /// Apparent size in bytes.
    pub bytes: u64,
    /// When its content was last changed.
    pub modified: Moment,
    /// Where a link points; `None` for a file.
    pub target: Option<Name>,
}

impl StoredItem {
    /// As an aggregate counts it.
    #[must_use]
    pub fn item<'a>(&'a self, path: &'a Path) -> Item<'a> {
        let kind = if self.target.is_some() {
            Kind::Link
        } else {
            Kind::File
        };
        Item {
            path,
            kind,
            bytes: self.bytes,
            modified: self.modified,
            target: self.target.as_ref(),
        }
    }
}

/// A file that `find` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The project it belongs to.
    pub project: ProjectId,
    /// The path below the project's folder.
    pub path: PathBuf,
    /// Apparent size in bytes.
    pub bytes: u64,
    /// When its content was last changed.
    pub modified: Moment,
}

/// The rows of a replica: folders and files by their paths below its folder.
#[derive(Debug, Default)]
pub(super) struct StoredTree {
    pub(super) folders: HashMap<PathBuf, i64>,
    pub(super) files: HashMap<PathBuf, StoredItem>,
}

/// Reads the rows of a replica.
pub(super) fn stored_tree(connection: &Connection, replica: i64) -> rusqlite::Result<StoredTree> {
    let mut tree = StoredTree::default();
    let sql = "SELECT id, path FROM folders WHERE replica_id = ?1";
    let mut paths = HashMap::new();
    for row in connection
        .prepare_cached(sql)?
        .query_map([replica], |row| Ok((row.get(0)?, row.get(1)?)))?
    {
        let (id, path): (i64, Vec<u8>) = row?;
        let path = PathBuf::from(OsStr::from_bytes(&path));
        tree.folders.insert(path.clone(), id);
        paths.insert(id, path);
    }
    let sql = "SELECT folder_id, name, bytes, modified, modified_ns, target
               FROM folders JOIN files ON files.folder_id = folders.id WHERE replica_id = ?1";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query([replica])?;
    while let Some(row) = rows.next()? {
        let folder: i64 = row.get(0)?;
        let Some(parent) = paths.get(&folder) else {
            continue;
        };
        let item = StoredItem {
            folder,
            bytes: row.get::<_, i64>(2)?.cast_unsigned(),
            modified: Moment {
                seconds: row.get(3)?,
                nanoseconds: row.get(4)?,
            },
            target: row.get::<_, Option<Vec<u8>>>(5)?.map(Name::from_bytes),
        };
        tree.files.insert(
            parent.join(OsStr::from_bytes(row.get_ref(1)?.as_blob()?)),
            item,
        );
    }
    Ok(tree)
}

/// The files of one folder, as the last look saw them.
#[derive(Clone, Copy, Debug)]
pub struct FolderFiles<'a> {
    /// The project it belongs to.
    pub project: &'a ProjectId,
    /// The path below the project's folder; empty for that folder itself.
    pub path: &'a Path,
    packed: &'a [u8],
}

impl FolderFiles<'_> {
    /// The files, in the order of their names.
    #[must_use]
    pub const fn files(&self) -> Files<'_> {
        Files::of(self.packed)
    }
}

impl Index {
    /// Hands the folders of a category of a database to `visit`, sorted by project and path, while it says to go on.
    ///
    /// # Errors
    /// What `visit` says; the index cannot be read, or the search was interrupted.
    pub fn visit_folders(
        &self,
        database: i64,
        category: &Path,
        scope: &Scope,
        visit: &mut dyn FnMut(&FolderFiles<'_>) -> Result<bool>,
    ) -> Result<()> {
        let mut folders: std::collections::BTreeMap<(ProjectId, PathBuf), crate::manifest::Packer> =
            std::collections::BTreeMap::new();
        self.visit_files(database, category, &mut |found| {
            if scope.contains(&found.project) {
                let folder = found.path.parent().unwrap_or(Path::new("")).to_owned();
                folders
                    .entry((found.project, folder))
                    .or_default()
                    .add(&crate::manifest::File {
                        name: found.path.file_name().unwrap_or_default().as_bytes(),
                        bytes: found.bytes,
                        modified: found.modified,
                        target: None,
                    });
            }
            true
        })?;
        for ((project, path), packer) in folders {
            interrupt::check()?;
            let manifest = packer.finish();
            let folder = FolderFiles {
                project: &project,
                path: &path,
                packed: manifest.packed(),
            };
            if !visit(&folder)? {
                break;
            }
        }
        Ok(())
    }

    /// Hands every file of a category of a database to `visit`, sorted by project and path, while it says to go on.
    ///
    /// # Errors
    /// The index cannot be read, or the search was interrupted.
    pub fn visit_files(
        &self,
        database: i64,
        category: &Path,
        visit: &mut dyn FnMut(Found) -> bool,
    ) -> Result<()> {
        let sql = "SELECT client, project, path, name, files.bytes, modified, modified_ns
                   FROM replicas JOIN folders ON folders.replica_id = replicas.id
                   JOIN files ON files.folder_id = folders.id
                   WHERE database_id = ?1 AND category = ?2 AND present
                   ORDER BY client, project, path, name";
        let mut query = self
            .connection
            .prepare_cached(sql)
            .explain("read", &self.path)?;
        let parameters = params![database, category.as_os_str().as_bytes()];
        let rows = query.query_map(parameters, |row| {
            let folder = PathBuf::from(std::ffi::OsString::from_vec(row.get(2)?));
            Ok(Found {
                project: ProjectId {
                    client: Name::from_bytes(row.get(0)?),
                    project: Name::from_bytes(row.get(1)?),
                },
                path: folder.join(OsStr::from_bytes(row.get_ref(3)?.as_blob()?)),
                bytes: row.get::<_, i64>(4)?.cast_unsigned(),
                modified: Moment {
                    seconds: row.get(5)?,
                    nanoseconds: row.get(6)?,
                },
            })
        });
        for found in rows.explain("read", &self.path)? {
            interrupt::check()?;
            if !visit(found.explain("read", &self.path)?) {
                break;
            }
        }
        Ok(())
    }
}
