//! The tables of the index, and the version of them in a file.

use std::path::Path;

use rusqlite::{Connection, Row};

use super::name_index::NAME_TABLES;
use super::sqlite_error::Explain as _;
use super::workstation_tables::WORKSTATION_TABLES;
use crate::base::error::{Error, IndexProblem, Result};

/// The id in the header of every index file (`AUBI`).
pub(super) const APPLICATION_ID: i64 = 0x4155_4249;

/// The id of indexes that development versions wrote before the first release (`AUBK`).
const OUTDATED_APPLICATION_ID: i64 = 0x4155_424b;

/// The version of the schema. An index of a version before [`OLDEST_VERSION`] is set aside, one of a newer version is refused.
pub(super) const VERSION: i64 = 6;

/// The oldest version that is brought up to date instead of being set aside.
pub(super) const OLDEST_VERSION: i64 = 2;

/// The SQL that creates all tables.
pub(super) const TABLES: [&str; 4] = [MAIN_TABLES, SIZES_TABLES, NAME_TABLES, WORKSTATION_TABLES];

/// Returns the schema version of an index: from [`OLDEST_VERSION`] to [`VERSION`], or 0 for an empty file.
pub(super) fn schema_version(connection: &Connection, path: &Path) -> Result<i64> {
    // One statement, so that the tables of another process are visible completely or not at all.
    let sql = "SELECT user_version, application_id, schema_version
               FROM pragma_user_version, pragma_application_id, pragma_schema_version";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (version, application, tables): (i64, i64, i64) =
        connection.query_row(sql, [], read).explain("read", path)?;
    let problem = match (application, version) {
        _ if tables == 0 => return Ok(0),
        (APPLICATION_ID, OLDEST_VERSION..=VERSION) => return Ok(version),
        (APPLICATION_ID, _) if version > VERSION => IndexProblem::TooNew {
            found: version,
            known: VERSION,
        },
        (APPLICATION_ID | OUTDATED_APPLICATION_ID, _) => IndexProblem::Outdated,
        _ => IndexProblem::NotAnIndex,
    };
    Err(Error::index(problem, path))
}

/// Sizes over time: a row for each change of a replica that a scan saw.
pub(super) const SIZES_TABLES: &str = "
CREATE TABLE size_series (
    id          INTEGER PRIMARY KEY,
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    category    BLOB NOT NULL,          -- the path below the root
    client      BLOB NOT NULL,
    project     BLOB NOT NULL,
    checksum    BLOB NOT NULL,          -- of this row and, added up, of its rows in sizes
    UNIQUE (database_id, category, client, project)
) STRICT;
CREATE TABLE sizes (
    series_id INTEGER NOT NULL REFERENCES size_series (id) ON DELETE CASCADE,
    number    INTEGER NOT NULL,         -- ascending; the clock may not be
    at        INTEGER NOT NULL,         -- seconds UTC; the scan that saw the change
    present   INTEGER NOT NULL,         -- 0: the replica was missing
    files     INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    PRIMARY KEY (series_id, number)
) STRICT, WITHOUT ROWID;
";

/// All other tables but those of the name index.
const MAIN_TABLES: &str = "
CREATE TABLE databases (
    id            INTEGER PRIMARY KEY,
    root          BLOB NOT NULL UNIQUE,
    identity      TEXT,                 -- from ROOT/.auto-backup/database.json
    birth         TEXT,                 -- root id: file system, inode and creation time of the root's folder
    looked_at     INTEGER,              -- seconds UTC; the last scan of the whole database
    revision      INTEGER NOT NULL DEFAULT 0, -- number of scans written
    offline_since INTEGER,              -- seconds UTC; null while the database is online
    checksum      BLOB NOT NULL DEFAULT x''   -- of this row, its replicas and its categories
) STRICT;

-- Categories that were scanned completely: a project without a replica there is missing, not unknown.
CREATE TABLE looks (
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    category    BLOB NOT NULL,          -- the path below the root
    looked_at   INTEGER NOT NULL,
    PRIMARY KEY (database_id, category)
) STRICT, WITHOUT ROWID;

-- Folders that were mount points at a scan: where one is an ordinary folder now, its file system is not mounted.
CREATE TABLE mounts (
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    category    BLOB NOT NULL,          -- the path of the folder below the root
    PRIMARY KEY (database_id, category)
) STRICT, WITHOUT ROWID;

-- Entries in no project at the last scan of a whole database.
CREATE TABLE outside (
    database_id INTEGER PRIMARY KEY REFERENCES databases (id) ON DELETE CASCADE,
    looked_at   INTEGER NOT NULL,
    unread      INTEGER NOT NULL,       -- number of folders whose entries are from earlier scans
    entries     BLOB NOT NULL,          -- kinds, sizes and paths, packed
    checksum    BLOB NOT NULL
) STRICT;

CREATE TABLE replicas (
    id           INTEGER PRIMARY KEY,
    database_id  INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    category     BLOB NOT NULL,
    client       BLOB NOT NULL,
    project      BLOB NOT NULL,
    present      INTEGER NOT NULL,      -- 0: missing at the last scan
    looked_at    INTEGER NOT NULL,
    revision     INTEGER NOT NULL,      -- of the database when this row was written
    files        INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    folders      INTEGER NOT NULL,
    newest       INTEGER,
    newest_ns    INTEGER,
    unreadable   INTEGER NOT NULL,
    step         INTEGER NOT NULL,      -- precision of the times
    fingerprints BLOB NOT NULL,
    folder_rows  INTEGER NOT NULL DEFAULT 0,  -- number of rows in folders
    UNIQUE (database_id, category, client, project)
) STRICT;

-- One row per folder with all its files in one manifest (decision 9).
CREATE TABLE folders (
    id           INTEGER PRIMARY KEY,
    replica_id   INTEGER NOT NULL REFERENCES replicas (id) ON DELETE CASCADE,
    path         BLOB NOT NULL,         -- empty for the replica's own folder
    fingerprints BLOB NOT NULL,         -- of its files, as in replicas
    manifest     BLOB NOT NULL,
    checksum     BLOB NOT NULL,
    UNIQUE (replica_id, path)
) STRICT;

-- Media and free space of databases, as last seen.
CREATE TABLE media (
    database_id INTEGER PRIMARY KEY REFERENCES databases (id) ON DELETE CASCADE,
    media       TEXT NOT NULL,          -- names of disks or servers, one a line
    free        INTEGER,                -- bytes
    total       INTEGER,                -- bytes
    seen_at     INTEGER NOT NULL,       -- seconds UTC
    checksum    BLOB NOT NULL
) STRICT;

-- Evidence: what is known of the contents of files.
CREATE TABLE digests (
    id          INTEGER PRIMARY KEY,
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    folder      BLOB NOT NULL,          -- below the root
    part        INTEGER NOT NULL,       -- a later part replaces the files that it names
    manifest    BLOB NOT NULL,          -- names, sizes and times when the files were read
    digests     BLOB NOT NULL,          -- XXH3-128 of each, 16 bytes, little-endian
    checksum    BLOB NOT NULL,
    proofs      BLOB NOT NULL DEFAULT x'', -- how and when each was known, packed, with a checksum of 16 bytes
    UNIQUE (database_id, folder, part)
) STRICT;

-- Sums over the evidence of replicas, computed from their files. A row with another basis is outdated.
CREATE TABLE coverage (
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    replica     BLOB NOT NULL,          -- its folder below the root
    basis       BLOB NOT NULL,          -- XXH3-128 of the aggregate that the row was computed from
    sums        BLOB NOT NULL,          -- varints: files, bytes, damaged, oldest time, bytes by day
    checksum    BLOB NOT NULL,
    PRIMARY KEY (database_id, replica)
) STRICT, WITHOUT ROWID;

-- Generations of ASC MHL histories.
CREATE TABLE generations (
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    folder      BLOB NOT NULL,          -- of the history, below the root
    number      INTEGER NOT NULL,
    name        TEXT NOT NULL,          -- of the hash list
    c4          TEXT NOT NULL,
    process     TEXT NOT NULL,          -- in-place, transfer or flatten
    files       INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,      -- seconds UTC
    checksum    BLOB NOT NULL,
    PRIMARY KEY (database_id, folder, number)
) STRICT, WITHOUT ROWID;

-- Times that a storage does not return as they were set: while a file has its size and the reported time, its time is
-- the original one.
CREATE TABLE held (
    database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    folder      BLOB NOT NULL,          -- below the root
    shown       BLOB NOT NULL,          -- a manifest: names, sizes and reported times
    meant       BLOB NOT NULL,          -- a manifest: names, sizes and original times
    PRIMARY KEY (database_id, folder)
) STRICT, WITHOUT ROWID;

-- Files of two databases with different contents, valid while both keep their size and time; `meant` holds the times of
-- the first database, `shown` those of the second.
CREATE TABLE differing (
    first_id  INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,  -- the lower id
    second_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
    folder    BLOB NOT NULL,            -- below both roots
    meant     BLOB NOT NULL,            -- manifests, as in held
    shown     BLOB NOT NULL,
    PRIMARY KEY (first_id, second_id, folder)
) STRICT, WITHOUT ROWID;

-- Shortfalls of replicas that do not agree, computed from their folders. A row with another basis is outdated.
CREATE TABLE unions (
    category BLOB NOT NULL,
    client   BLOB NOT NULL,
    project  BLOB NOT NULL,
    basis    BLOB NOT NULL,             -- XXH3-128 of the aggregates and known differences that the row was computed from
    counts   BLOB NOT NULL,             -- varints: files and bytes of the union; lacks, older, differs of each replica
    checksum BLOB NOT NULL,
    PRIMARY KEY (category, client, project)
) STRICT, WITHOUT ROWID;

-- Folders that were offloaded: camera cards and drives. Their evidence is that of a database of their own.
CREATE TABLE cards (
    id          INTEGER PRIMARY KEY,
    database_id INTEGER NOT NULL UNIQUE REFERENCES databases (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    serial      TEXT,                   -- of its volume, if the system reports one
    place       BLOB NOT NULL,          -- the folder below the root of its volume
    path        BLOB NOT NULL,          -- where it was seen last
    seen_at     INTEGER NOT NULL,       -- seconds UTC
    unread      INTEGER NOT NULL,       -- number of entries that cannot be copied
    files       INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    checksum    BLOB NOT NULL
) STRICT;

-- The files of a card when it was seen last: one manifest for each folder.
CREATE TABLE card_folders (
    card_id  INTEGER NOT NULL REFERENCES cards (id) ON DELETE CASCADE,
    path     BLOB NOT NULL,
    manifest BLOB NOT NULL,
    checksum BLOB NOT NULL,
    PRIMARY KEY (card_id, path)
) STRICT, WITHOUT ROWID;

-- Folders of projects that a card was copied to.
CREATE TABLE card_targets (
    card_id      INTEGER NOT NULL REFERENCES cards (id) ON DELETE CASCADE,
    category     BLOB NOT NULL,         -- the path below the root
    client       BLOB NOT NULL,
    project      BLOB NOT NULL,
    inside       BLOB NOT NULL,         -- the folder within the project
    offloaded_at INTEGER NOT NULL,      -- seconds UTC; the last time
    PRIMARY KEY (card_id, category, client, project, inside)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    command     TEXT NOT NULL,
    what        TEXT,                   -- in words: acme/spot footage
    source      TEXT,                   -- the name of a database, if any
    destination TEXT,                   -- names of databases, joined by commas
    host        TEXT,
    process     INTEGER,                -- process id on that host
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    state       TEXT NOT NULL,          -- running, complete, partial, interrupted, unreachable or refused
    files       INTEGER NOT NULL DEFAULT 0,
    bytes       INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0,
    conflicts   INTEGER NOT NULL DEFAULT 0,
    refused     INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Items of a run that were not simply copied.
CREATE TABLE run_items (
    run     INTEGER NOT NULL,
    place   INTEGER NOT NULL,           -- position in the run
    path    BLOB NOT NULL,
    outcome TEXT NOT NULL,              -- failed, conflict, skipped ...
    reason  TEXT,
    PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;

-- Files that a run copied, one row per folder.
CREATE TABLE run_files (
    run      INTEGER NOT NULL,
    root     BLOB NOT NULL,             -- of the destination
    folder   BLOB NOT NULL,             -- below the root
    manifest BLOB NOT NULL,
    checksum BLOB NOT NULL,
    PRIMARY KEY (run, root, folder)
) STRICT, WITHOUT ROWID;

-- Folders that a run writes to, for the cleanup after a killed run.
CREATE TABLE under_way (
    run    INTEGER NOT NULL,
    root   BLOB NOT NULL,
    folder BLOB NOT NULL,               -- of the replica, below the root
    swept  INTEGER NOT NULL DEFAULT 0,  -- 1: temporary files were removed
    PRIMARY KEY (run, root, folder)
) STRICT, WITHOUT ROWID;

-- Private folders in which fetched files of remotes wait for their final names.
CREATE TABLE staging (
    root   BLOB NOT NULL,               -- of the destination
    folder TEXT NOT NULL,               -- its name in the own folder
    source BLOB NOT NULL,               -- the root of the source
    PRIMARY KEY (root, folder)
) STRICT, WITHOUT ROWID;

-- Files that a sync could not send.
CREATE TABLE failures (
    destination BLOB NOT NULL,          -- the root of a database
    source      BLOB NOT NULL,          -- the root of a database
    path        BLOB NOT NULL,          -- below both
    error       TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    first_at    INTEGER NOT NULL,       -- seconds UTC
    last_at     INTEGER NOT NULL,
    run         INTEGER NOT NULL,       -- of the last attempt
    permanent   INTEGER NOT NULL DEFAULT 0, -- 1: the destination can never hold the file under its name
    PRIMARY KEY (destination, source, path)
) STRICT, WITHOUT ROWID;

-- Files that were sent and verified: a sync compares with them instead of listing the destination.
CREATE TABLE sent (
    destination BLOB NOT NULL,          -- the root of a database
    replica     BLOB NOT NULL,          -- the replica's folder below both roots
    folder      BLOB NOT NULL,          -- below the replica's folder
    source      BLOB NOT NULL,          -- the root of a database
    manifest    BLOB NOT NULL,          -- names, sizes and times at the source when the files were sent
    numbers     BLOB NOT NULL,          -- file id at the source of each, 8 bytes, little-endian; 0: unknown
    marks       BLOB NOT NULL,          -- version tag at the destination of each, likewise
    checksum    BLOB NOT NULL,
    PRIMARY KEY (destination, replica, folder, source)
) STRICT;

-- State of the folders of a replica at its last sync to a disk.
CREATE TABLE sent_folders (
    destination BLOB NOT NULL,          -- the root of a database
    source      BLOB NOT NULL,          -- the root of a database
    replica     BLOB NOT NULL,          -- the replica's folder below both roots
    digest      BLOB NOT NULL,          -- XXH3-128 of paths, permissions and times
    PRIMARY KEY (destination, source, replica)
) STRICT, WITHOUT ROWID;

-- Files that are being sent: recorded before the transfer, removed once a listing shows its result.
CREATE TABLE sending (
    destination BLOB NOT NULL,
    source      BLOB NOT NULL,
    replica     BLOB NOT NULL,          -- the replica's folder below both roots
    path        BLOB NOT NULL,          -- below the replica's folder
    bytes       INTEGER NOT NULL,
    modified    INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    number      INTEGER NOT NULL,       -- file id at the source; 0: unknown
    said        INTEGER NOT NULL,       -- 1: rclone reported the file as sent
    mark_before INTEGER NOT NULL,       -- version tag at the destination before the transfer; 0: unknown
    left_mark   INTEGER,                -- version tag of another file that was found there
    left_bytes  INTEGER,
    PRIMARY KEY (destination, source, replica, path)
) STRICT, WITHOUT ROWID;

-- Features of remotes as rclone reports them.
CREATE TABLE remotes (
    root      BLOB PRIMARY KEY,
    stamp     TEXT NOT NULL,            -- of the program and its configuration; another stamp makes the row invalid
    abilities TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Versions of rclone programs.
CREATE TABLE programs (
    stamp   TEXT PRIMARY KEY,
    version TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE checksums (
    name     TEXT PRIMARY KEY,          -- databases: of all roots
    checksum BLOB NOT NULL
) STRICT, WITHOUT ROWID;
";
