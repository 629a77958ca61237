//! The tables of the catalog, version by version.
//!
//! Times are seconds UTC by the clock of the server. Names and paths may hold any bytes. A revision is that of the storage
//! when the row was written.

/// Statements that turn each version into the next one. The version of the schema is the number of these steps.
pub const STEPS: [&[&str]; 1] = [&[
    STORAGES, REPLICAS, STUDIO, POLICIES, RUNS, FAILURES, CARDS, LEASES,
]];

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

/// The revision of everything that is not of one storage: policies, runs and failed files. Its row is also the lock of their
/// pushes. A row with a client is of that client only. The epoch changes when revisions begin anew, as after a restore.
const STUDIO: &str = "
CREATE TABLE auto_backup.studio (
    id       int PRIMARY KEY CHECK (id = 1),
    epoch    text NOT NULL,
    revision bigint NOT NULL
);
INSERT INTO auto_backup.studio (id, epoch, revision) VALUES (1, CAST(now() AS text), 0);
";

/// Policies. Without copies the policy was removed and the default counts; with 0 losing the category is acceptable.
const POLICIES: &str = "
CREATE TABLE auto_backup.policies (
    category         bytea PRIMARY KEY,
    copies           int,
    offsite          int NOT NULL,
    verified_seconds bigint,
    host_id          bigint NOT NULL REFERENCES auto_backup.hosts (id),
    changed_at       bigint NOT NULL,
    revision         bigint NOT NULL
);
";

/// The last runs of each workstation. One that was discarded has the state of that name.
const RUNS: &str = "
CREATE TABLE auto_backup.runs (
    host_id     bigint NOT NULL REFERENCES auto_backup.hosts (id),
    number      bigint NOT NULL,
    client      bytea,
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
    revision    bigint NOT NULL,
    PRIMARY KEY (host_id, number)
);
CREATE INDEX runs_by_revision ON auto_backup.runs (revision);
";

/// Files that workstations could not copy, by the identities of the storages. One without an error was resolved.
const FAILURES: &str = "
CREATE TABLE auto_backup.failures (
    host_id          bigint NOT NULL REFERENCES auto_backup.hosts (id),
    destination      text NOT NULL,
    source           text NOT NULL,
    path             bytea NOT NULL,
    client           bytea,
    destination_name text NOT NULL,
    source_name      text NOT NULL,
    error            text,
    attempts         bigint NOT NULL,
    first_at         bigint NOT NULL,
    last_at          bigint NOT NULL,
    run              bigint NOT NULL,
    is_permanent     boolean NOT NULL,
    revision         bigint NOT NULL,
    PRIMARY KEY (host_id, destination, source, path)
);
CREATE INDEX failures_by_revision ON auto_backup.failures (revision);
";

/// Cards that workstations offloaded, with their files, the evidence of these, and the folders that they were copied to. A
/// card is of one client if it was copied to no other.
const CARDS: &str = "
CREATE TABLE auto_backup.cards (
    host_id      bigint NOT NULL REFERENCES auto_backup.hosts (id),
    number       bigint NOT NULL,
    client       bytea,
    name         text NOT NULL,
    serial       text,
    place        bytea NOT NULL,
    path         bytea NOT NULL,
    media        text NOT NULL,
    own_storages text NOT NULL,
    seen_at      bigint NOT NULL,
    unread       bigint NOT NULL,
    revision     bigint NOT NULL,
    PRIMARY KEY (host_id, number)
);
CREATE INDEX cards_by_revision ON auto_backup.cards (revision);
CREATE TABLE auto_backup.card_folders (
    host_id           bigint NOT NULL,
    number            bigint NOT NULL,
    path              bytea NOT NULL,
    client            bytea,
    manifest          bytea NOT NULL,
    checksum          bytea NOT NULL,
    evidence_manifest bytea,
    digests           bytea,
    evidence_checksum bytea,
    proofs            bytea,
    PRIMARY KEY (host_id, number, path),
    FOREIGN KEY (host_id, number) REFERENCES auto_backup.cards (host_id, number) ON DELETE CASCADE
);
CREATE TABLE auto_backup.card_targets (
    host_id      bigint NOT NULL,
    number       bigint NOT NULL,
    category     bytea NOT NULL,
    client       bytea NOT NULL,
    project      bytea NOT NULL,
    inside       bytea NOT NULL,
    offloaded_at bigint NOT NULL,
    PRIMARY KEY (host_id, number, category, client, project, inside),
    FOREIGN KEY (host_id, number) REFERENCES auto_backup.cards (host_id, number) ON DELETE CASCADE
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
