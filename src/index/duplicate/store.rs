//! Temporary tables of the index in which records are sorted and grouped on disk.

use rusqlite::{Connection, params};

use super::joined_folder::PlaceFolder;
use super::record::PlaceRecord;
use super::sortable_path::sortable;
use crate::base::name::Name;
use crate::index::sql::{execute, one};
use crate::model::project::ProjectId;

/// `by_digest` and `class` say why a record was stored: others may have its digest, or its size and time.
const TABLES: &str = "
DROP TABLE IF EXISTS temp.equal_folders;
DROP TABLE IF EXISTS temp.equal_files;
DROP TABLE IF EXISTS temp.equal_groups;
DROP TABLE IF EXISTS temp.equal_members;
DROP TABLE IF EXISTS temp.equal_blocks;
CREATE TABLE temp.equal_folders (
    id INTEGER PRIMARY KEY, category INTEGER NOT NULL, client BLOB NOT NULL, project BLOB NOT NULL, path BLOB NOT NULL
) STRICT;
CREATE TABLE temp.equal_files (
    id INTEGER PRIMARY KEY, folder INTEGER NOT NULL, name BLOB NOT NULL, bytes INTEGER NOT NULL, digest BLOB,
    by_digest INTEGER NOT NULL, class INTEGER, holders BLOB NOT NULL
) STRICT;
CREATE TABLE temp.equal_groups (
    id INTEGER PRIMARY KEY, block INTEGER NOT NULL, is_proven INTEGER NOT NULL, bytes INTEGER NOT NULL,
    places INTEGER NOT NULL, extra_files INTEGER NOT NULL, extra_bytes INTEGER NOT NULL, suffix BLOB NOT NULL,
    first_file INTEGER NOT NULL
) STRICT;
CREATE TABLE temp.equal_members (
    group_id INTEGER NOT NULL, file INTEGER NOT NULL, PRIMARY KEY (group_id, file)
) STRICT, WITHOUT ROWID;
";

/// Reads the blocks, the one with the most bytes first.
const BLOCKS: &str = "
CREATE TABLE temp.equal_blocks AS
    SELECT block, min(id) AS first, count(*) AS groups, sum(bytes) AS bytes, sum(extra_files) AS extra_files,
           sum(extra_bytes) AS extra_bytes, min(suffix) AS low, max(suffix) AS high
    FROM temp.equal_groups GROUP BY block ORDER BY sum(extra_bytes) DESC, min(id);
CREATE INDEX temp.equal_groups_of ON equal_groups (block);
";

/// A folder with files of equal content elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StoredPlace {
    /// Position of the category in the registry.
    pub(super) category: u32,
    pub(super) project: ProjectId,
    /// The path below the project's folder, with a `/` before each component.
    pub(super) path: Vec<u8>,
}

/// A group, ready to be stored.
#[derive(Debug)]
pub(super) struct NewGroup<'a> {
    /// Equal for groups that are shown as one.
    pub(super) block: u64,
    pub(super) is_proven: bool,
    pub(super) bytes: u64,
    pub(super) places: u64,
    /// Files beyond the first place, on all databases.
    pub(super) extra_files: u64,
    /// The end of the folders' paths that all places of the group have in common.
    pub(super) suffix: &'a [u8],
    /// The member by which groups are sorted.
    pub(super) first_file: i64,
}

pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)
}

/// Sorts the groups into blocks.
pub(super) fn create_blocks(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(BLOCKS)
}

/// Stores a folder and returns its id.
pub(super) fn add_folder(
    connection: &Connection,
    folder: &PlaceFolder<'_>,
) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO temp.equal_folders (category, client, project, path) VALUES (?1, ?2, ?3, ?4) RETURNING id";
    let ProjectId { client, project } = folder.project;
    let (client, project) = (client.as_bytes(), project.as_bytes());
    let slash: &[u8] = if folder.path.is_empty() { b"" } else { b"/" };
    let path = [slash, folder.path].concat();
    let parameters = params![position(folder.category), client, project, path];
    one(connection, sql, parameters, |row| row.get(0))
}

/// Stores a record of a folder for the reasons that hold.
pub(super) fn add_file(
    connection: &Connection,
    folder: i64,
    record: &PlaceRecord<'_>,
    (by_digest, by_class): (bool, bool),
) -> rusqlite::Result<()> {
    let sql =
        "INSERT INTO temp.equal_files (folder, name, bytes, digest, by_digest, class, holders)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let databases = record
        .databases
        .iter()
        .flat_map(|place| place.to_le_bytes());
    let parameters = params![
        folder,
        record.name,
        record.bytes.cast_signed(),
        record.digest.map(|digest| digest.0.to_le_bytes()),
        by_digest,
        by_class.then_some(record.class.cast_signed()),
        databases.collect::<Vec<u8>>(),
    ];
    execute(connection, sql, parameters)
}

/// Stores a group with its members.
pub(super) fn add_group(
    connection: &Connection,
    id: i64,
    group: &NewGroup<'_>,
    members: impl Iterator<Item = i64>,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO temp.equal_groups (id, block, is_proven, bytes, places, extra_files, extra_bytes, suffix, first_file)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let extra_bytes = group.bytes.saturating_mul(group.extra_files);
    let parameters = params![
        id,
        group.block.cast_signed(),
        group.is_proven,
        group.bytes.cast_signed(),
        group.places.cast_signed(),
        group.extra_files.cast_signed(),
        extra_bytes.cast_signed(),
        sortable(group.suffix),
        group.first_file,
    ];
    execute(connection, sql, parameters)?;
    for file in members {
        let sql = "INSERT INTO temp.equal_members (group_id, file) VALUES (?1, ?2)";
        execute(connection, sql, [id, file])?;
    }
    Ok(())
}

/// Returns a stored folder.
pub(super) fn folder(connection: &Connection, id: i64) -> rusqlite::Result<StoredPlace> {
    let sql = "SELECT category, client, project, path FROM temp.equal_folders WHERE id = ?1";
    one(connection, sql, [id], |row| {
        Ok(StoredPlace {
            category: row.get(0)?,
            project: ProjectId {
                client: Name::from_bytes(row.get(1)?),
                project: Name::from_bytes(row.get(2)?),
            },
            path: row.get(3)?,
        })
    })
}

/// Returns the positions of the databases that hold a stored file.
pub(super) fn holders(connection: &Connection, file: i64) -> rusqlite::Result<Vec<u16>> {
    let sql = "SELECT holders FROM temp.equal_files WHERE id = ?1";
    one(connection, sql, [file], |row| {
        Ok(databases(row.get_ref(0)?.as_blob()?).collect())
    })
}

/// Unpacks positions of databases.
pub(super) fn databases(packed: &[u8]) -> impl Iterator<Item = u16> {
    packed
        .as_chunks()
        .0
        .iter()
        .map(|place| u16::from_le_bytes(*place))
}

fn position(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}
