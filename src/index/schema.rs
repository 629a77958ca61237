//! The tables, and how an older index becomes a newer one.

use rusqlite::Transaction;

use super::checksum::store_all_checksums;
use super::composing::recompute_fingerprints;
use super::packing::pack_files;

/// Says that an `SQLite` file is ours (`AUBK`).
pub(super) const APPLICATION_ID: i64 = 0x4155_424b;

/// What brings an index from one version to the next.
#[derive(Clone, Copy)]
pub(super) enum Migration {
    /// Tables alone.
    Tables(&'static str),
    /// Tables, and rows that are written anew.
    Rows(&'static str, fn(&Transaction<'_>) -> rusqlite::Result<()>),
}

impl Migration {
    pub(super) fn apply(self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        match self {
            Self::Tables(sql) => transaction.execute_batch(sql),
            Self::Rows(sql, write) => {
                transaction.execute_batch(sql)?;
                write(transaction)
            }
        }
    }
}

/// Each entry brings the index from the version of its place to the next; never remove or change one.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration::Tables(VERSION_1),
    Migration::Rows(VERSION_2, pack_files),
    Migration::Tables(VERSION_3),
    Migration::Tables(VERSION_4),
    Migration::Tables(VERSION_5),
    Migration::Tables(VERSION_6),
    Migration::Rows(VERSION_7, migrate_to_7),
];

fn migrate_to_7(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    recompute_fingerprints(transaction)?;
    store_all_checksums(transaction)
}

/// The version this program writes.
pub(super) const VERSION: i64 = {
    #[expect(clippy::cast_possible_wrap, reason = "a handful of migrations")]
    let version = MIGRATIONS.len() as i64;
    version
};

/// A row a file.
const VERSION_1: &str = "
CREATE TABLE databases (
    id            INTEGER PRIMARY KEY,
    root          BLOB NOT NULL UNIQUE,
    identity      TEXT,                 -- from ROOT/.auto-backup/database.json
    looked_at     INTEGER,              -- seconds UTC; the last look that saw the whole of it
    revision      INTEGER NOT NULL DEFAULT 0, -- counts the looks that were written
    offline_since INTEGER               -- seconds UTC; null while it is online
) STRICT;

-- A category that was wholly looked at: what has no replica there is missing, not unknown.
CREATE TABLE looks (
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    category    BLOB NOT NULL,          -- the path below the root
    looked_at   INTEGER NOT NULL,
    PRIMARY KEY (database_id, category)
) STRICT, WITHOUT ROWID;

-- A category whose folder was seen to be a file system of its own: where it is none, it is not mounted.
CREATE TABLE mounts (
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    category    BLOB NOT NULL,
    PRIMARY KEY (database_id, category)
) STRICT, WITHOUT ROWID;

CREATE TABLE replicas (
    id           INTEGER PRIMARY KEY,
    database_id  INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    category     BLOB NOT NULL,
    client       BLOB NOT NULL,
    project      BLOB NOT NULL,
    present      INTEGER NOT NULL,      -- 0: looked for, not there
    looked_at    INTEGER NOT NULL,
    revision     INTEGER NOT NULL,      -- of the database when this was written
    files        INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    folders      INTEGER NOT NULL,
    newest       INTEGER,
    newest_ns    INTEGER,
    unreadable   INTEGER NOT NULL,
    step         INTEGER NOT NULL,
    fingerprints BLOB NOT NULL,
    UNIQUE (database_id, category, client, project)
) STRICT;

CREATE TABLE folders (
    id         INTEGER PRIMARY KEY,
    replica_id INTEGER NOT NULL REFERENCES replicas (id) ON DELETE CASCADE,
    path       BLOB NOT NULL,           -- empty for the replica's own folder
    UNIQUE (replica_id, path)
) STRICT;

CREATE TABLE files (
    folder_id   INTEGER NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    name        BLOB NOT NULL,
    bytes       INTEGER NOT NULL,
    modified    INTEGER NOT NULL,       -- seconds since 1970 UTC
    modified_ns INTEGER NOT NULL,
    target      BLOB,                   -- of a symbolic link; null for a file
    PRIMARY KEY (folder_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    command    TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    state      TEXT NOT NULL            -- running, complete, partial, interrupted or refused
) STRICT;
";

/// A row a folder, with all its files in one manifest (see `manifest`): a folder in which nothing changed costs one
/// comparison, and a file a few bytes.
const VERSION_2: &str = "
ALTER TABLE folders ADD COLUMN fingerprints BLOB NOT NULL DEFAULT x'';  -- of its files, as in replicas
ALTER TABLE folders ADD COLUMN manifest     BLOB NOT NULL DEFAULT x'';
";

/// What a root is recognised by that no copy went to yet.
const VERSION_3: &str = "
ALTER TABLE databases ADD COLUMN birth TEXT;  -- file system of the root's folder, its number there, and when it was made
";

/// What copies leave: digests of what was read whole, and what a run that dies was writing to.
const VERSION_4: &str = "
CREATE TABLE digests (
    id          INTEGER PRIMARY KEY,
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    folder      BLOB NOT NULL,          -- below the root
    part        INTEGER NOT NULL,       -- a later one stands for the files it names
    manifest    BLOB NOT NULL,          -- names, sizes and times when they were read
    digests     BLOB NOT NULL,          -- XXH3-128 of each, 16 bytes, little-endian
    UNIQUE (database_id, folder, part)
) STRICT;

CREATE TABLE under_way (
    run    INTEGER NOT NULL,
    root   BLOB NOT NULL,
    folder BLOB NOT NULL,               -- of the replica that the run writes to, below the root
    swept  INTEGER NOT NULL DEFAULT 0,  -- 1: no temporary file is left there
    PRIMARY KEY (run, root, folder)
) STRICT, WITHOUT ROWID;
";

/// What runs handled, and the files that a sync could not bring to its destination.
const VERSION_5: &str = "
ALTER TABLE runs ADD COLUMN what        TEXT;    -- in words: acme/spot footage
ALTER TABLE runs ADD COLUMN source      TEXT;    -- the name of a database; null where there is none
ALTER TABLE runs ADD COLUMN destination TEXT;    -- names of databases, joined by commas
ALTER TABLE runs ADD COLUMN host        TEXT;
ALTER TABLE runs ADD COLUMN process     INTEGER; -- its number on that host
ALTER TABLE runs ADD COLUMN files       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN bytes       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN failed      INTEGER NOT NULL DEFAULT 0;

-- Whose process is not known cannot be told to have ended. One that has not sets its state when it does.
UPDATE runs SET state = 'interrupted' WHERE state = 'running';

-- Everything that was not plainly handled.
CREATE TABLE run_items (
    run     INTEGER NOT NULL,
    place   INTEGER NOT NULL,           -- counts the items of the run
    path    BLOB NOT NULL,
    outcome TEXT NOT NULL,              -- failed, conflict, skipped ...
    reason  TEXT,
    PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;

-- Everything that was.
CREATE TABLE run_files (
    run      INTEGER NOT NULL,
    root     BLOB NOT NULL,             -- of the destination
    folder   BLOB NOT NULL,             -- below the root
    manifest BLOB NOT NULL,
    PRIMARY KEY (run, root, folder)
) STRICT, WITHOUT ROWID;

CREATE TABLE failures (
    destination BLOB NOT NULL,          -- the root of a database
    source      BLOB NOT NULL,          -- the root of a database
    path        BLOB NOT NULL,          -- below both
    error       TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    first_at    INTEGER NOT NULL,       -- seconds UTC
    last_at     INTEGER NOT NULL,
    run         INTEGER NOT NULL,       -- the last that tried
    PRIMARY KEY (destination, source, path)
) STRICT, WITHOUT ROWID;
";

/// What was sent where: a sync knows from it what a destination holds without asking.
const VERSION_6: &str = "
-- What a remote can do, as rclone said when it was asked.
CREATE TABLE remotes (
    root      BLOB PRIMARY KEY,
    stamp     TEXT NOT NULL,            -- of the program and its configuration; with another one it is asked again
    abilities TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Which version of rclone a program is.
CREATE TABLE programs (
    stamp   TEXT PRIMARY KEY,
    version TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sent (
    destination BLOB NOT NULL,          -- a database's root
    replica     BLOB NOT NULL,          -- the replica's folder below both roots
    folder      BLOB NOT NULL,          -- below the replica's
    source      BLOB NOT NULL,          -- the root of the database it came from
    manifest    BLOB NOT NULL,          -- names, sizes and times at the source when they were sent
    numbers     BLOB NOT NULL,          -- of each what tells the file there whatever its name, 8 bytes, little-endian; 0: not known
    marks       BLOB NOT NULL,          -- of each what a listing of the destination showed of it, likewise
    PRIMARY KEY (destination, replica, folder, source)
) STRICT;

-- Files that were said to be there while a run sends them, and that no listing has proven yet.
CREATE TABLE sending (
    destination BLOB NOT NULL,
    source      BLOB NOT NULL,
    replica     BLOB NOT NULL,          -- the replica's folder below both roots
    path        BLOB NOT NULL,          -- below the replica's
    bytes       INTEGER NOT NULL,
    modified    INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    PRIMARY KEY (destination, source, replica, path)
) STRICT, WITHOUT ROWID;
";

/// Records of storages that hold something else than what was written.
const VERSION_7: &str = "
-- Times that a storage does not return as they were set: while a file has its size and the time shown, it is a file of
-- the time meant.
CREATE TABLE held (
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    folder      BLOB NOT NULL,          -- below the root
    shown       BLOB NOT NULL,          -- a manifest: names, sizes, and the times that the storage shows
    meant       BLOB NOT NULL,          -- the same with the times that were set
    PRIMARY KEY (database_id, folder)
) STRICT, WITHOUT ROWID;

-- Files of two databases that were compared and hold other bytes, while both have the size and the time of then; the
-- times of the database with the lower number are the meant ones.
CREATE TABLE differing (
    first_id  INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    second_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    folder    BLOB NOT NULL,            -- below both roots
    meant     BLOB NOT NULL,            -- manifests, as in held
    shown     BLOB NOT NULL,
    PRIMARY KEY (first_id, second_id, folder)
) STRICT, WITHOUT ROWID;

-- `sending` holds from now on every file from before it is sent until it is proven to be there, or not to be.
ALTER TABLE sending ADD COLUMN said        INTEGER NOT NULL DEFAULT 1; -- whether rclone said that it is there
ALTER TABLE sending ADD COLUMN mark_before INTEGER NOT NULL DEFAULT 0; -- of what a listing showed there before; 0: not known
ALTER TABLE sending ADD COLUMN left_mark   INTEGER;                    -- of what was found there that is not what was sent
ALTER TABLE sending ADD COLUMN left_bytes  INTEGER;

-- What the folders of a replica were like when it was last synced to a disk.
CREATE TABLE sent_folders (
    destination BLOB NOT NULL,          -- a database's root
    source      BLOB NOT NULL,          -- likewise
    replica     BLOB NOT NULL,          -- the replica's folder below both roots
    digest      BLOB NOT NULL,          -- XXH3-128 of paths, permissions and times
    PRIMARY KEY (destination, source, replica)
) STRICT, WITHOUT ROWID;

-- Private folders in which files of remotes wait for their names, until they are removed.
CREATE TABLE staging (
    root        BLOB NOT NULL,          -- of the database that they go to
    folder      TEXT NOT NULL,          -- its name in our own folder
    source      BLOB NOT NULL,          -- the root of the database that they come from
    PRIMARY KEY (root, folder)
) STRICT, WITHOUT ROWID;

-- XXH3-128 of what a row holds; that of a database is over its replicas and what is known of its categories too.
ALTER TABLE databases ADD COLUMN checksum    BLOB NOT NULL DEFAULT x'';
ALTER TABLE folders   ADD COLUMN checksum    BLOB NOT NULL DEFAULT x'';
ALTER TABLE digests   ADD COLUMN checksum    BLOB NOT NULL DEFAULT x'';
ALTER TABLE sent      ADD COLUMN checksum    BLOB NOT NULL DEFAULT x'';
ALTER TABLE run_files ADD COLUMN checksum    BLOB NOT NULL DEFAULT x'';
ALTER TABLE replicas  ADD COLUMN folder_rows INTEGER NOT NULL DEFAULT 0;  -- number of rows in folders
CREATE TABLE checksums (
    name     TEXT PRIMARY KEY,          -- databases: of all roots
    checksum BLOB NOT NULL
) STRICT, WITHOUT ROWID;

";

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, Row};

    use super::*;

    #[test]
    fn runs_of_version_4_are_kept_and_none_is_left_running() {
        let mut connection = Connection::open_in_memory().unwrap();
        let mut apply = |migrations: &[Migration], then: &str| {
            let transaction = connection.transaction().unwrap();
            for migration in migrations {
                migration.apply(&transaction).unwrap();
            }
            transaction.execute_batch(then).unwrap();
            transaction.commit().unwrap();
        };
        let runs = "INSERT INTO runs (command, started_at, ended_at, state)
                    VALUES ('load', 7, 8, 'complete'), ('copy', 9, NULL, 'running')";
        apply(&MIGRATIONS[..4], runs);
        apply(&MIGRATIONS[4..], "");
        let sql = "SELECT command || ' ' || state || ' ' || files || coalesce(what, '') FROM runs ORDER BY id";
        let read = |row: &Row<'_>| row.get(0);
        let mut query = connection.prepare(sql).unwrap();
        let rows: Vec<String> = query
            .query_map([], read)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(rows, ["load complete 0", "copy interrupted 0"]);
    }
}
