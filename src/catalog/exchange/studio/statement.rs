//! The statements of the exchange of the studio. Times are seconds UTC by the clock of the server.

pub(super) const READ_STUDIO: &str = "
SELECT revision, CAST(extract(epoch FROM now()) * 1000 AS bigint) FROM auto_backup.studio WHERE id = 1";

/// The lock orders all pushes of the studio.
pub(super) const LOCK_STUDIO: &str = "
SELECT revision, CAST(extract(epoch FROM now()) * 1000 AS bigint) FROM auto_backup.studio WHERE id = 1 FOR UPDATE";

pub(super) const RAISE_STUDIO: &str = "
UPDATE auto_backup.studio SET revision = $1 WHERE id = 1";

pub(super) const READ_POLICIES: &str = "
SELECT category, CAST(copies AS bigint), CAST(offsite AS bigint), verified_seconds, host_id, changed_at
FROM auto_backup.policies WHERE revision > $1 ORDER BY category";

pub(super) const WRITE_POLICIES: &str = "
INSERT INTO auto_backup.policies (category, copies, offsite, verified_seconds, host_id, changed_at, revision)
SELECT p.category, CAST(p.copies AS int), CAST(p.offsite AS int), p.verified_seconds, p.host_id, p.changed_at, $7
FROM unnest(CAST($1 AS bytea[]), CAST($2 AS bigint[]), CAST($3 AS bigint[]), CAST($4 AS bigint[]), CAST($5 AS bigint[]),
            CAST($6 AS bigint[])) AS p (category, copies, offsite, verified_seconds, host_id, changed_at)
ON CONFLICT (category) DO UPDATE
SET copies = excluded.copies, offsite = excluded.offsite, verified_seconds = excluded.verified_seconds,
    host_id = excluded.host_id, changed_at = excluded.changed_at, revision = excluded.revision";

pub(super) const READ_RUNS: &str = "
SELECT host_id, number, command, subject, source, destination, state, started_at, ended_at, files, bytes, failed,
       conflicts, refused
FROM auto_backup.runs WHERE revision > $1 ORDER BY host_id, number";

pub(super) const WRITE_RUNS: &str = "
INSERT INTO auto_backup.runs (host_id, number, client, command, subject, source, destination, state, started_at, ended_at,
                              files, bytes, failed, conflicts, refused, revision)
SELECT $1, r.number, r.client, r.command, r.subject, r.source, r.destination, r.state, r.started_at, r.ended_at,
       r.files, r.bytes, r.failed, r.conflicts, r.refused, $16
FROM unnest(CAST($2 AS bigint[]), CAST($3 AS bytea[]), CAST($4 AS text[]), CAST($5 AS text[]), CAST($6 AS text[]),
            CAST($7 AS text[]), CAST($8 AS text[]), CAST($9 AS bigint[]), CAST($10 AS bigint[]), CAST($11 AS bigint[]),
            CAST($12 AS bigint[]), CAST($13 AS bigint[]), CAST($14 AS bigint[]), CAST($15 AS bigint[]))
     AS r (number, client, command, subject, source, destination, state, started_at, ended_at, files, bytes, failed,
           conflicts, refused)
ON CONFLICT (host_id, number) DO UPDATE
SET client = excluded.client, command = excluded.command, subject = excluded.subject, source = excluded.source,
    destination = excluded.destination, state = excluded.state, started_at = excluded.started_at,
    ended_at = excluded.ended_at, files = excluded.files, bytes = excluded.bytes, failed = excluded.failed,
    conflicts = excluded.conflicts, refused = excluded.refused, revision = excluded.revision";

/// Says of runs that others may have seen that they left no trace.
pub(super) const DISCARD_RUNS: &str = "
UPDATE auto_backup.runs SET state = $3, revision = $4
WHERE host_id = $1 AND number IN (SELECT unnest(CAST($2 AS bigint[])))";

pub(super) const TRIM_RUNS: &str = "
DELETE FROM auto_backup.runs
WHERE host_id = $1
  AND number <= (SELECT max(r.number) FROM auto_backup.runs r WHERE r.host_id = $1) - CAST($2 AS bigint)";

pub(super) const READ_FAILURES: &str = "
SELECT host_id, destination, source, path, destination_name, source_name, error, attempts, first_at, last_at, run,
       is_permanent
FROM auto_backup.failures WHERE revision > $1 ORDER BY host_id, destination, source, path";

pub(super) const WRITE_FAILURES: &str = "
INSERT INTO auto_backup.failures (host_id, destination, source, path, client, destination_name, source_name, error,
                                  attempts, first_at, last_at, run, is_permanent, revision)
SELECT $1, f.destination, f.source, f.path, f.client, f.destination_name, f.source_name, f.error, f.attempts, f.first_at,
       f.last_at, f.run, f.is_permanent, $14
FROM unnest(CAST($2 AS text[]), CAST($3 AS text[]), CAST($4 AS bytea[]), CAST($5 AS bytea[]), CAST($6 AS text[]),
            CAST($7 AS text[]), CAST($8 AS text[]), CAST($9 AS bigint[]), CAST($10 AS bigint[]), CAST($11 AS bigint[]),
            CAST($12 AS bigint[]), CAST($13 AS boolean[]))
     AS f (destination, source, path, client, destination_name, source_name, error, attempts, first_at, last_at, run,
           is_permanent)
ON CONFLICT (host_id, destination, source, path) DO UPDATE
SET client = excluded.client, destination_name = excluded.destination_name, source_name = excluded.source_name,
    error = excluded.error, attempts = excluded.attempts, first_at = excluded.first_at, last_at = excluded.last_at,
    run = excluded.run, is_permanent = excluded.is_permanent, revision = excluded.revision";

/// Says of failures that others may have seen that they were resolved.
pub(super) const RESOLVE_FAILURES: &str = "
UPDATE auto_backup.failures SET error = NULL, revision = $5
WHERE host_id = $1 AND (destination, source, path) IN
      (SELECT f.destination, f.source, f.path
       FROM unnest(CAST($2 AS text[]), CAST($3 AS text[]), CAST($4 AS bytea[])) AS f (destination, source, path))";

pub(super) const READ_CARDS: &str = "
SELECT host_id, number, name, serial, place, path, media, own_storages, seen_at, unread
FROM auto_backup.cards WHERE revision > $1 ORDER BY host_id, number";

pub(super) const READ_CARD_FOLDERS: &str = "
SELECT path, manifest, checksum, evidence_manifest, digests, evidence_checksum, proofs
FROM auto_backup.card_folders WHERE host_id = $1 AND number = $2 ORDER BY path";

pub(super) const READ_CARD_TARGETS: &str = "
SELECT category, client, project, inside, offloaded_at
FROM auto_backup.card_targets WHERE host_id = $1 AND number = $2";

pub(super) const WRITE_CARD: &str = "
INSERT INTO auto_backup.cards (host_id, number, client, name, serial, place, path, media, own_storages, seen_at, unread,
                               revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (host_id, number) DO UPDATE
SET client = excluded.client, name = excluded.name, serial = excluded.serial, place = excluded.place,
    path = excluded.path, media = excluded.media, own_storages = excluded.own_storages, seen_at = excluded.seen_at,
    unread = excluded.unread, revision = excluded.revision";

pub(super) const REMOVE_CARD_FOLDERS: &str = "
DELETE FROM auto_backup.card_folders WHERE host_id = $1 AND number = $2";

pub(super) const WRITE_CARD_FOLDERS: &str = "
INSERT INTO auto_backup.card_folders (host_id, number, path, client, manifest, checksum, evidence_manifest, digests,
                                      evidence_checksum, proofs)
SELECT $1, $2, f.path, $3, f.manifest, f.checksum, f.evidence_manifest, f.digests, f.evidence_checksum, f.proofs
FROM unnest(CAST($4 AS bytea[]), CAST($5 AS bytea[]), CAST($6 AS bytea[]), CAST($7 AS bytea[]), CAST($8 AS bytea[]),
            CAST($9 AS bytea[]), CAST($10 AS bytea[]))
     AS f (path, manifest, checksum, evidence_manifest, digests, evidence_checksum, proofs)";

pub(super) const WRITE_CARD_TARGETS: &str = "
INSERT INTO auto_backup.card_targets (host_id, number, category, client, project, inside, offloaded_at)
SELECT $1, $2, t.category, t.client, t.project, t.inside, t.offloaded_at
FROM unnest(CAST($3 AS bytea[]), CAST($4 AS bytea[]), CAST($5 AS bytea[]), CAST($6 AS bytea[]), CAST($7 AS bigint[]))
     AS t (category, client, project, inside, offloaded_at)
ON CONFLICT (host_id, number, category, client, project, inside) DO UPDATE SET offloaded_at = excluded.offloaded_at";
