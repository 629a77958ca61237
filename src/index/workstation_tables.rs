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
    revision    INTEGER NOT NULL,       -- of the catalog, up to which this index knows all of it
    seen        INTEGER NOT NULL DEFAULT 0, -- of the catalog, at the last exchange: rows between the two are damaged
    mark        INTEGER NOT NULL,       -- the highest mark of a change that the catalog may lack
    told_name   TEXT NOT NULL DEFAULT '' -- the name that the catalog knows of this workstation
) STRICT;
-- Changes that the catalog lacks, each with a mark: one that is marked again while it is pushed stays.
CREATE TABLE unshared_replicas (
    database_id INTEGER NOT NULL REFERENCES shared_databases (database_id) ON DELETE CASCADE,
    category    BLOB NOT NULL,
    client      BLOB NOT NULL,
    project     BLOB NOT NULL,
    mark        INTEGER NOT NULL,
    extent      INTEGER NOT NULL DEFAULT 0, -- 0: the marked folders differ, 1: any may differ, 2: all are written anew
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
-- The share of this index in what the catalog knows of the studio; no row before the first exchange.
CREATE TABLE shared_studio (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    epoch    TEXT NOT NULL DEFAULT '',  -- of the catalog: another one has other revisions
    revision INTEGER NOT NULL,          -- of the catalog, up to which this index knows it
    mark     INTEGER NOT NULL           -- the highest mark of a change that the catalog may lack
) STRICT;
-- Runs and failed files of this workstation that the catalog lacks, or that are gone here and still there.
CREATE TABLE unshared_runs (
    run  INTEGER PRIMARY KEY,
    mark INTEGER NOT NULL
) STRICT;
CREATE TABLE unshared_failures (
    destination BLOB NOT NULL,          -- the root of a database
    source      BLOB NOT NULL,          -- the root of a database
    path        BLOB NOT NULL,          -- below both
    mark        INTEGER NOT NULL,
    PRIMARY KEY (destination, source, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE unshared_cards (
    card_id INTEGER PRIMARY KEY REFERENCES cards (id) ON DELETE CASCADE,
    mark    INTEGER NOT NULL
) STRICT;
-- Cards of other workstations, whose ids are below zero.
CREATE TABLE card_origins (
    card_id      INTEGER PRIMARY KEY REFERENCES cards (id) ON DELETE CASCADE,
    host_id      INTEGER NOT NULL REFERENCES hosts (id),
    number       INTEGER NOT NULL,      -- the id of the card at that workstation
    own_storages TEXT NOT NULL,         -- identities of the storages on the medium of the card, joined by line feeds
    UNIQUE (host_id, number)
) STRICT;
-- The policies of the studio: for each category the newest change.
CREATE TABLE shared_policies (
    category   BLOB PRIMARY KEY,        -- the key of a category
    demand     TEXT,                    -- as it is typed; null: removed, the default counts
    host_id    INTEGER,                 -- the workstation that set it; null for this one
    changed_at INTEGER,                 -- seconds UTC; null: stated by a start-up file before anybody set one
    mark       INTEGER                  -- null: the catalog has it
) STRICT, WITHOUT ROWID;
-- Runs and failed files of other workstations.
CREATE TABLE shared_runs (
    host_id     INTEGER NOT NULL REFERENCES hosts (id),
    number      INTEGER NOT NULL,       -- at that workstation
    command     TEXT NOT NULL,
    what        TEXT,
    source      TEXT,                   -- names as that workstation calls its databases
    destination TEXT,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    state       TEXT NOT NULL,
    files       INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    conflicts   INTEGER NOT NULL,
    refused     INTEGER NOT NULL,
    PRIMARY KEY (host_id, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE shared_failures (
    host_id          INTEGER NOT NULL REFERENCES hosts (id),
    destination      TEXT NOT NULL,     -- the identity of a database
    source           TEXT NOT NULL,     -- the identity of a database
    path             BLOB NOT NULL,     -- below both roots
    destination_name TEXT NOT NULL,     -- as that workstation calls it
    source_name      TEXT NOT NULL,
    error            TEXT NOT NULL,
    attempts         INTEGER NOT NULL,
    first_at         INTEGER NOT NULL,  -- seconds UTC
    last_at          INTEGER NOT NULL,
    run              INTEGER NOT NULL,  -- of the last attempt, at that workstation
    permanent        INTEGER NOT NULL,
    PRIMARY KEY (host_id, destination, source, path)
) STRICT, WITHOUT ROWID;
";
