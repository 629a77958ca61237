//! The tables of the catalog, version by version.
//!
//! Times are seconds UTC by the clock of the server. Names and paths may hold any bytes. A revision is that of the storage
//! when the row was written.

/// Statements that turn each version into the next one. The version of the schema is the number of these steps.
pub const STEPS: [&[&str]; 1] = [&[STORAGES, REPLICAS, HISTORY, LEASES]];

/// Makes the schema and the row with its version, which is also the lock of migrations.
pub(super) const BASE: &str = "
CREATE SCHEMA IF NOT EXISTS auto_backup;
CREATE TABLE IF NOT EXISTS auto_backup.meta (
    id         int PRIMARY KEY CHECK (id = 1),
    version    int NOT NULL,
    created_by text NOT NULL
);
";

/// Writes that row, before the first step.
pub(super) const INSERT_META: &str = "
INSERT INTO auto_backup.meta (id, version, created_by) VALUES (1, 0, $1)
ON CONFLICT (id) DO NOTHING";

pub(super) const READ_VERSION: &str = "
SELECT CAST(version AS bigint) FROM auto_backup.meta WHERE id = 1";

pub(super) const LOCK_VERSION: &str = "
SELECT CAST(version AS bigint) FROM auto_backup.meta WHERE id = 1 FOR UPDATE";

pub(super) const WRITE_VERSION: &str = "
UPDATE auto_backup.meta SET version = CAST(CAST($1 AS bigint) AS int) WHERE id = 1";

/// Reads the role that owns the `PostgreSQL` database.
pub(super) const READ_OWNER: &str = "
SELECT CAST(r.rolname AS text)
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles r ON r.oid = d.datdba
WHERE d.datname = current_database()";

/// Workstations, and storages by their identity, which every workstation may name and mount as it likes.
const STORAGES: &str = "
CREATE TABLE auto_backup.hosts (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key     text NOT NULL UNIQUE,
    name    text NOT NULL,
    program text NOT NULL,
    seen_at bigint NOT NULL
);
CREATE TABLE auto_backup.databases (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity        text NOT NULL UNIQUE,
    name            text NOT NULL,
    revision        bigint NOT NULL DEFAULT 0,
    purged_revision bigint NOT NULL DEFAULT 0,
    scanned_at      bigint
);
CREATE TABLE auto_backup.aliases (
    database_id bigint NOT NULL REFERENCES auto_backup.databases (id) ON DELETE CASCADE,
    host_id     bigint NOT NULL REFERENCES auto_backup.hosts (id),
    name        text NOT NULL,
    root        bytea NOT NULL,
    PRIMARY KEY (database_id, host_id)
);
CREATE TABLE auto_backup.categories (
    database_id bigint NOT NULL REFERENCES auto_backup.databases (id) ON DELETE CASCADE,
    category    bytea NOT NULL,
    scanned_at  bigint NOT NULL,
    revision    bigint NOT NULL,
    PRIMARY KEY (database_id, category)
);
";

/// Replicas, their folders with packed manifests, and the evidence of their files. A replica without an aggregate is missing, and
/// a folder or evidence without a manifest was removed.
const REPLICAS: &str = "
CREATE TABLE auto_backup.replicas (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    database_id bigint NOT NULL REFERENCES auto_backup.databases (id) ON DELETE CASCADE,
    category    bytea NOT NULL,
    client      bytea NOT NULL,
    project     bytea NOT NULL,
    scanned_at  bigint NOT NULL,
    host_id     bigint NOT NULL REFERENCES auto_backup.hosts (id),
    aggregate   bytea,
    revision    bigint NOT NULL,
    UNIQUE (database_id, category, client, project)
);
CREATE INDEX replicas_by_revision ON auto_backup.replicas (database_id, revision);
CREATE TABLE auto_backup.folders (
    replica_id bigint NOT NULL REFERENCES auto_backup.replicas (id) ON DELETE CASCADE,
    path       bytea NOT NULL,
    manifest   bytea,
    checksum   bytea NOT NULL,
    revision   bigint NOT NULL,
    changed_at bigint NOT NULL,
    PRIMARY KEY (replica_id, path)
);
CREATE INDEX folders_by_revision ON auto_backup.folders (replica_id, revision);
CREATE TABLE auto_backup.evidence (
    replica_id bigint NOT NULL REFERENCES auto_backup.replicas (id) ON DELETE CASCADE,
    path       bytea NOT NULL,
    manifest   bytea,
    digests    bytea NOT NULL,
    proofs     bytea NOT NULL,
    checksum   bytea NOT NULL,
    revision   bigint NOT NULL,
    changed_at bigint NOT NULL,
    PRIMARY KEY (replica_id, path)
);
CREATE INDEX evidence_by_revision ON auto_backup.evidence (replica_id, revision);
";

/// Runs of all workstations, files that could not be copied, and policies.
const HISTORY: &str = "
CREATE TABLE auto_backup.runs (
    host_id     bigint NOT NULL REFERENCES auto_backup.hosts (id),
    number      bigint NOT NULL,
    command     text NOT NULL,
    subject     text NOT NULL,
    source      text,
    destination text,
    state       text NOT NULL,
    started_at  bigint NOT NULL,
    ended_at    bigint,
    files       bigint NOT NULL,
    bytes       bigint NOT NULL,
    failed      bigint NOT NULL,
    conflicts   bigint NOT NULL,
    refused     bigint NOT NULL,
    PRIMARY KEY (host_id, number)
);
CREATE TABLE auto_backup.failures (
    destination text NOT NULL,
    source      text NOT NULL,
    path        bytea NOT NULL,
    error       text NOT NULL,
    attempts    int NOT NULL,
    first_at    bigint NOT NULL,
    last_at     bigint NOT NULL,
    host_id     bigint NOT NULL REFERENCES auto_backup.hosts (id),
    PRIMARY KEY (destination, source, path)
);
CREATE TABLE auto_backup.policies (
    category         bytea PRIMARY KEY,
    copies           int NOT NULL,
    offsite          int NOT NULL,
    verified_seconds bigint,
    host_id          bigint NOT NULL REFERENCES auto_backup.hosts (id),
    changed_at       bigint NOT NULL,
    revision         bigint NOT NULL
);
";

/// The workstation that may write to each storage.
const LEASES: &str = "
CREATE TABLE auto_backup.leases (
    database_id bigint PRIMARY KEY REFERENCES auto_backup.databases (id) ON DELETE CASCADE,
    host        text NOT NULL,
    process     bigint NOT NULL,
    run         bigint NOT NULL,
    what        text NOT NULL,
    mark        text NOT NULL,
    token       text NOT NULL,
    since       bigint NOT NULL,
    expires_at  bigint NOT NULL
);
";
