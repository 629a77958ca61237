//! Leases: one workstation at a time writes to a storage. The server's clock alone decides when one ends.

use std::time::Duration;

use postgres::Row;

use super::connection::Catalog;
use super::lease_term::TERM;
use crate::base::error::{CatalogProblem, Result};
use crate::base::lease::describe_holder;
use crate::os::boot_clock;
use crate::os::{host, process_mark};

/// Maximum number of attempts while others release and acquire the same lease.
const MAX_ATTEMPTS: u32 = 8;

/// Takes the lease of a storage that is free or whose lease has expired. `since` of the refused row is the time now.
const ACQUIRE: &str = "
INSERT INTO auto_backup.leases (database_id, host, process, run, what, mark, token, since, expires_at)
SELECT id, CAST($2 AS text), CAST($3 AS bigint), CAST($4 AS bigint), CAST($5 AS text), CAST($6 AS text),
       CAST($7 AS text), CAST(extract(epoch FROM now()) AS bigint),
       CAST(extract(epoch FROM now()) AS bigint) + CAST($8 AS bigint)
FROM auto_backup.databases WHERE identity = $1
ON CONFLICT (database_id) DO UPDATE
SET host = excluded.host, process = excluded.process, run = excluded.run, what = excluded.what,
    mark = excluded.mark, token = excluded.token, since = excluded.since, expires_at = excluded.expires_at
WHERE leases.expires_at <= excluded.since
RETURNING database_id";

/// Makes the row of a storage that is not known yet. Its name follows with the first push.
const INSERT_STORAGE: &str = "
INSERT INTO auto_backup.databases (identity, name) VALUES ($1, $1)
ON CONFLICT (identity) DO NOTHING";

const RENEW: &str = "
UPDATE auto_backup.leases SET expires_at = CAST(extract(epoch FROM now()) AS bigint) + CAST($3 AS bigint)
WHERE database_id = $1 AND token = $2 AND expires_at > CAST(extract(epoch FROM now()) AS bigint)";

const RELEASE: &str = "
DELETE FROM auto_backup.leases WHERE database_id = $1 AND token = $2";

const READ_ONE: &str = "
SELECT d.identity, d.name, l.host, l.process, l.run, l.what, l.since, l.expires_at,
       l.expires_at - CAST(extract(epoch FROM now()) AS bigint), l.mark, l.token, l.database_id
FROM auto_backup.leases l JOIN auto_backup.databases d ON d.id = l.database_id
WHERE d.identity = $1";

const READ_ALL: &str = "
SELECT d.identity, d.name, l.host, l.process, l.run, l.what, l.since, l.expires_at,
       l.expires_at - CAST(extract(epoch FROM now()) AS bigint), l.mark, l.token, l.database_id
FROM auto_backup.leases l JOIN auto_backup.databases d ON d.id = l.database_id
ORDER BY d.name, d.identity";

/// The run that has a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseHolder {
    /// Name of the workstation.
    pub host: String,
    /// Number of the process there.
    pub process: u32,
    /// Number of the run there.
    pub run: i64,
    /// The command, such as `sync`.
    pub what: String,
    /// The mark of the process (`os/process_mark.rs`); empty where the system does not tell enough.
    pub mark: String,
}

/// A lease that was granted.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Identity of the storage.
    pub identity: String,
    database: i64,
    token: String,
    /// Time of the clock before it was requested.
    pub(super) requested: Duration,
}

/// A lease that another has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseHeld {
    /// The run that has it.
    pub holder: LeaseHolder,
    /// Seconds UTC by the server's clock when it was acquired.
    pub since: i64,
    /// Seconds UTC by the server's clock when it ends unless it is renewed.
    pub expires: i64,
    /// Seconds until then; not positive for one that has expired, and can be acquired.
    pub seconds_left: i64,
}

impl LeaseHeld {
    /// Returns the holder in words.
    pub fn description(&self) -> String {
        let LeaseHolder {
            host,
            process,
            run,
            what,
            ..
        } = &self.holder;
        describe_holder((*run, what), (*process, host), self.since)
    }
}

/// A lease as the server lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Identity of the storage.
    pub identity: String,
    /// Name of the storage.
    pub name: String,
    /// Its holder and its times.
    pub held: LeaseHeld,
}

/// The answer to a request for a lease.
#[derive(Clone, Debug)]
pub enum LeaseAnswer {
    /// The lease was granted.
    Granted(Lease),
    /// Another has it.
    Held(LeaseHeld),
}

/// Requests the lease of a storage.
pub fn acquire(catalog: &mut Catalog, identity: &str, holder: &LeaseHolder) -> Result<LeaseAnswer> {
    acquire_by(catalog, identity, holder, boot_clock::since_boot)
}

/// Requests the lease of a storage; its keeper must use the same clock.
pub fn acquire_by(
    catalog: &mut Catalog,
    identity: &str,
    holder: &LeaseHolder,
    clock: fn() -> Duration,
) -> Result<LeaseAnswer> {
    let token = host::random_id()?;
    for _ in 0..MAX_ATTEMPTS {
        let requested = clock();
        let granted = catalog.query(
            ACQUIRE,
            &[
                &identity,
                &holder.host,
                &i64::from(holder.process),
                &holder.run,
                &holder.what,
                &holder.mark,
                &token,
                &term_seconds(),
            ],
        )?;
        if let Some(row) = granted.first() {
            return Ok(LeaseAnswer::Granted(Lease {
                identity: identity.to_owned(),
                database: catalog.get(row, 0)?,
                token,
                requested,
            }));
        }
        let held = catalog.query(READ_ONE, &[&identity])?;
        match held.first() {
            Some(row) => {
                let held = record(catalog, row)?.held;
                if held.seconds_left > 0 {
                    if !is_abandoned(&held.holder, holder) {
                        return Ok(LeaseAnswer::Held(held));
                    }
                    // Its process was killed: nobody writes under this token any more.
                    let (database, token): (i64, String) =
                        (catalog.get(row, 11)?, catalog.get(row, 10)?);
                    catalog.execute(RELEASE, &[&database, &token])?;
                }
            }
            // It was released meanwhile, or the storage is new.
            None => {
                catalog.execute(INSERT_STORAGE, &[&identity])?;
            }
        }
    }
    let why = "many others acquire the same lease".to_owned();
    Err(catalog.refuse(CatalogProblem::Busy(why)))
}

/// True if the holder is a process of this machine that surely has ended.
fn is_abandoned(holder: &LeaseHolder, own: &LeaseHolder) -> bool {
    holder.host == own.host && process_mark::has_ended(&holder.mark)
}

/// Renews a lease for another term. False if it has expired or another has it.
pub fn renew(catalog: &mut Catalog, lease: &Lease) -> Result<bool> {
    let values: &[&(dyn postgres::types::ToSql + Sync)] =
        &[&lease.database, &lease.token, &term_seconds()];
    Ok(catalog.execute(RENEW, values)? == 1)
}

/// Releases a lease. False if another has it.
pub fn release(catalog: &mut Catalog, lease: &Lease) -> Result<bool> {
    Ok(catalog.execute(RELEASE, &[&lease.database, &lease.token])? == 1)
}

/// Returns the holder of the lease of a storage, unless it has expired.
pub fn holder(catalog: &mut Catalog, identity: &str) -> Result<Option<LeaseHeld>> {
    let rows = catalog.query(READ_ONE, &[&identity])?;
    let held = match rows.first() {
        Some(row) => Some(record(catalog, row)?.held),
        None => None,
    };
    Ok(held.filter(|held| held.seconds_left > 0))
}

/// Lists all leases, also those that have expired.
pub fn list(catalog: &mut Catalog) -> Result<Vec<LeaseRecord>> {
    let rows = catalog.query(READ_ALL, &[])?;
    rows.iter().map(|row| record(catalog, row)).collect()
}

fn record(catalog: &Catalog, row: &Row) -> Result<LeaseRecord> {
    let process: i64 = catalog.get(row, 3)?;
    Ok(LeaseRecord {
        identity: catalog.get(row, 0)?,
        name: catalog.get(row, 1)?,
        held: LeaseHeld {
            holder: LeaseHolder {
                host: catalog.get(row, 2)?,
                process: u32::try_from(process).unwrap_or_default(),
                run: catalog.get(row, 4)?,
                what: catalog.get(row, 5)?,
                mark: catalog.get(row, 9)?,
            },
            since: catalog.get(row, 6)?,
            expires: catalog.get(row, 7)?,
            seconds_left: catalog.get(row, 8)?,
        },
    })
}

fn term_seconds() -> i64 {
    i64::try_from(TERM.as_secs()).unwrap_or(i64::MAX)
}
