//! The tables about other workstations: who they are, what was taken over from them, and what a catalog lacks.

/// What other workstations know: who they are, and what was taken over from them.
pub(super) const WORKSTATION_TABLES: &str = "
CREATE TABLE hosts (
    id   INTEGER PRIMARY KEY,
    key  TEXT NOT NULL UNIQUE,          -- random; made by the workstation itself
    name TEXT NOT NULL,                 -- for people; two may have one name
    seen_at INTEGER NOT NULL            -- seconds UTC
) STRICT;
-- Replicas whose last scan is one of another workstation.
CREATE TABLE origins (
    replica_id INTEGER PRIMARY KEY REFERENCES replicas (id) ON DELETE CASCADE,
    host_id    INTEGER NOT NULL REFERENCES hosts (id)
) STRICT;
-- Published indexes: those that this workstation wrote or took over last, and changes since changes are counted.
CREATE TABLE publications (
    database_id INTEGER PRIMARY KEY REFERENCES databases (id) ON DELETE CASCADE,
    changes     INTEGER NOT NULL,       -- number of scans and of additions to the evidence
    bytes       INTEGER,                -- size of its file
    modified    INTEGER,                -- its time at the storage, seconds UTC; null before the first
    modified_ns INTEGER,
    is_refused  INTEGER NOT NULL DEFAULT 0  -- 1: it was neither written nor taken over
) STRICT;
-- Databases that take part in a catalog.
CREATE TABLE shared_databases (
    database_id INTEGER PRIMARY KEY REFERENCES databases (id) ON DELETE CASCADE,
    revision    INTEGER NOT NULL,       -- of the catalog, up to which this index knows it
    mark        INTEGER NOT NULL        -- the highest mark of a change that the catalog may lack
) STRICT;
-- Changes that the catalog lacks, each with a mark: one that is marked again while it is pushed stays.
CREATE TABLE unshared_replicas (
    database_id INTEGER NOT NULL REFERENCES shared_databases (database_id) ON DELETE CASCADE,
    category    BLOB NOT NULL,
    client      BLOB NOT NULL,
    project     BLOB NOT NULL,
    mark        INTEGER NOT NULL,
    is_whole    INTEGER NOT NULL DEFAULT 0, -- 1: any of its folders may differ, not only those marked
    PRIMARY KEY (database_id, category, client, project)
) STRICT, WITHOUT ROWID;
CREATE TABLE unshared_folders (
    replica_id INTEGER NOT NULL REFERENCES replicas (id) ON DELETE CASCADE,
    path       BLOB NOT NULL,
    mark       INTEGER NOT NULL,
    PRIMARY KEY (replica_id, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE unshared_evidence (
    database_id  INTEGER NOT NULL REFERENCES shared_databases (database_id) ON DELETE CASCADE,
    folder       BLOB NOT NULL,
    mark         INTEGER NOT NULL,
    forgotten_at INTEGER,               -- seconds UTC; evidence from before is not taken over any more
    PRIMARY KEY (database_id, folder)
) STRICT, WITHOUT ROWID;
";
