//! The statements of an exchange. Times are seconds UTC by the clock of the server.

pub(super) const INSERT_STORAGE: &str = "
INSERT INTO auto_backup.databases (identity, name) VALUES ($1, $2)
ON CONFLICT (identity) DO NOTHING";

/// One row without an identity where the catalog knows no storage.
pub(super) const READ_REVISIONS: &str = "
SELECT d.identity, d.revision, s.revision, s.epoch
FROM auto_backup.studio s LEFT JOIN auto_backup.databases d ON s.id = 1 WHERE s.id = 1";

pub(super) const READ_STORAGE: &str = "
SELECT id, revision, purged_revision, CAST(extract(epoch FROM now()) * 1000 AS bigint)
FROM auto_backup.databases WHERE identity = $1";

/// The lock orders the pushes of a storage.
pub(super) const LOCK_STORAGE: &str = "
SELECT id, revision, purged_revision, CAST(extract(epoch FROM now()) * 1000 AS bigint)
FROM auto_backup.databases WHERE identity = $1 FOR UPDATE";

pub(super) const RAISE_REVISION: &str = "
UPDATE auto_backup.databases
SET revision = $2, name = coalesce(nullif(name, identity), $3),
    scanned_at = greatest(scanned_at, CAST($4 AS bigint))
WHERE id = $1";

pub(super) const WRITE_ALIAS: &str = "
INSERT INTO auto_backup.aliases (database_id, host_id, name, root) VALUES ($1, $2, $3, $4)
ON CONFLICT (database_id, host_id) DO UPDATE SET name = excluded.name, root = excluded.root";

/// Reads who calls another storage by this name.
pub(super) const READ_NAMESAKES: &str = "
SELECT h.name
FROM auto_backup.aliases a JOIN auto_backup.hosts h ON h.id = a.host_id
WHERE a.name = $2 AND a.database_id <> $1 ORDER BY h.name";

/// Adds workstations, sorted, so that two pushes never wait for each other.
pub(super) const WRITE_HOSTS: &str = "
INSERT INTO auto_backup.hosts (key, name, program, seen_at)
SELECT h.key, h.name, $4, CAST($3 AS bigint)
FROM unnest(CAST($1 AS text[]), CAST($2 AS text[])) AS h (key, name) ORDER BY h.key
ON CONFLICT (key) DO NOTHING";

pub(super) const TOUCH_HOST: &str = "
UPDATE auto_backup.hosts SET name = $2, program = $3, seen_at = greatest(seen_at, CAST($4 AS bigint)) WHERE key = $1";

pub(super) const READ_HOSTS: &str = "
SELECT id, key, name, seen_at FROM auto_backup.hosts";

pub(super) const READ_REPLICAS: &str = "
SELECT id, category, client, project, aggregate, scanned_at, host_id
FROM auto_backup.replicas WHERE database_id = $1 AND revision > $2 ORDER BY id";

pub(super) const READ_SCAN_TIME: &str = "
SELECT scanned_at FROM auto_backup.replicas
WHERE database_id = $1 AND category = $2 AND client = $3 AND project = $4";

pub(super) const READ_LISTED_CATEGORIES: &str = "
SELECT category FROM auto_backup.categories WHERE database_id = $1";

pub(super) const READ_EVIDENCE_PATHS: &str = "
SELECT e.replica_id, e.path
FROM auto_backup.evidence e JOIN auto_backup.replicas r ON r.id = e.replica_id WHERE r.database_id = $1";

/// With their folders and evidence.
pub(super) const REMOVE_REPLICAS: &str = "
DELETE FROM auto_backup.replicas WHERE id IN (SELECT unnest(CAST($1 AS bigint[])))";

pub(super) const REMOVE_CATEGORIES: &str = "
DELETE FROM auto_backup.categories WHERE database_id = $1 AND category IN (SELECT unnest(CAST($2 AS bytea[])))";

pub(super) const REMOVE_EVIDENCE: &str = "
DELETE FROM auto_backup.evidence WHERE replica_id = $1 AND path = $2";

pub(super) const READ_REPLICA_IDS: &str = "
SELECT id, category, client, project FROM auto_backup.replicas WHERE database_id = $1";

pub(super) const READ_CHANGED_FOLDERS: &str = "
SELECT replica_id, path, manifest, checksum
FROM auto_backup.folders WHERE replica_id IN (SELECT unnest(CAST($1 AS bigint[]))) AND revision > $2 ORDER BY replica_id";

pub(super) const READ_ALL_FOLDERS: &str = "
SELECT replica_id, path, manifest, checksum
FROM auto_backup.folders WHERE replica_id IN (SELECT unnest(CAST($1 AS bigint[]))) AND manifest IS NOT NULL ORDER BY replica_id";

pub(super) const READ_CHECKSUMS: &str = "
SELECT path, checksum FROM auto_backup.folders WHERE replica_id = $1 AND manifest IS NOT NULL";

pub(super) const READ_EVIDENCE: &str = "
SELECT r.category, r.client, r.project, e.path, e.manifest, e.digests, e.checksum, e.proofs
FROM auto_backup.evidence e JOIN auto_backup.replicas r ON r.id = e.replica_id
WHERE r.database_id = $1 AND e.revision > $2";

pub(super) const READ_CATEGORIES: &str = "
SELECT category, scanned_at FROM auto_backup.categories WHERE database_id = $1 AND revision > $2";

pub(super) const WRITE_CATEGORIES: &str = "
INSERT INTO auto_backup.categories (database_id, category, scanned_at, revision)
SELECT $1, c.category, c.scanned_at, $4
FROM unnest(CAST($2 AS bytea[]), CAST($3 AS bigint[])) AS c (category, scanned_at)
ON CONFLICT (database_id, category) DO UPDATE SET scanned_at = excluded.scanned_at, revision = excluded.revision
WHERE categories.scanned_at < excluded.scanned_at";

pub(super) const WRITE_REPLICAS: &str = "
INSERT INTO auto_backup.replicas (database_id, category, client, project, aggregate, scanned_at, host_id, revision)
SELECT $1, r.category, r.client, r.project, r.aggregate, r.scanned_at, r.host_id, $8
FROM unnest(CAST($2 AS bytea[]), CAST($3 AS bytea[]), CAST($4 AS bytea[]), CAST($5 AS bytea[]), CAST($6 AS bigint[]),
            CAST($7 AS bigint[])) AS r (category, client, project, aggregate, scanned_at, host_id)
ON CONFLICT (database_id, category, client, project) DO UPDATE
SET aggregate = excluded.aggregate, scanned_at = excluded.scanned_at, host_id = excluded.host_id,
    revision = excluded.revision
RETURNING id, category, client, project";

pub(super) const WRITE_FOLDERS: &str = "
INSERT INTO auto_backup.folders (replica_id, path, manifest, checksum, revision, changed_at)
SELECT f.replica_id, f.path, f.manifest, f.checksum, $5, $6
FROM unnest(CAST($1 AS bigint[]), CAST($2 AS bytea[]), CAST($3 AS bytea[]), CAST($4 AS bytea[]))
     AS f (replica_id, path, manifest, checksum)
ON CONFLICT (replica_id, path) DO UPDATE
SET manifest = excluded.manifest, checksum = excluded.checksum, revision = excluded.revision,
    changed_at = excluded.changed_at";

/// Removes all folders of replicas that are missing. Their rows stay for those who have not pulled yet.
pub(super) const REMOVE_FOLDERS: &str = "
UPDATE auto_backup.folders SET manifest = NULL, revision = $2, changed_at = $3
WHERE replica_id IN (SELECT unnest(CAST($1 AS bigint[]))) AND manifest IS NOT NULL";

pub(super) const WRITE_EVIDENCE: &str = "
INSERT INTO auto_backup.evidence (replica_id, path, manifest, digests, checksum, proofs, revision, changed_at)
SELECT e.replica_id, e.path, e.manifest, e.digests, e.checksum, e.proofs, $7, $8
FROM unnest(CAST($1 AS bigint[]), CAST($2 AS bytea[]), CAST($3 AS bytea[]), CAST($4 AS bytea[]), CAST($5 AS bytea[]),
            CAST($6 AS bytea[])) AS e (replica_id, path, manifest, digests, checksum, proofs)
ON CONFLICT (replica_id, path) DO UPDATE
SET manifest = excluded.manifest, digests = excluded.digests, checksum = excluded.checksum, proofs = excluded.proofs,
    revision = excluded.revision, changed_at = excluded.changed_at";
