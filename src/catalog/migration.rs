//! Makes the tables of a catalog, or brings those of an older version up to date, with any number of clients at once.

use std::thread;
use std::time::Duration;

use postgres::Transaction;

use super::connection::Catalog;
use super::schema::{
    BASE, INSERT_META, LOCK_VERSION, READ_OWNER, READ_VERSION, STEPS, WRITE_VERSION,
};
use super::server_error::{is_creation_race, is_missing_right, is_missing_table};
use crate::base::error::{CatalogProblem, Error, Result};

/// Maximum number of attempts while others create the same tables.
const MAX_ATTEMPTS: u32 = 20;

/// Pause before the second attempt; each further one is longer by as much.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(20);

/// Makes the tables of this program's version, if they are missing or older.
///
/// # Errors
/// [`CatalogProblem::TooNew`], before anything is written; [`CatalogProblem::MayNotCreate`].
pub fn ensure_schema(catalog: &mut Catalog) -> Result<()> {
    ensure_steps(catalog, &STEPS)
}

/// Makes the tables of the version that these steps lead to.
///
/// # Errors
/// As for [`ensure_schema`].
pub fn ensure_steps(catalog: &mut Catalog, steps: &[&[&str]]) -> Result<()> {
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let found = match catalog.try_query(READ_VERSION) {
        Ok(rows) => rows.first().map_or(Ok(0), |row| row.try_get(0)),
        Err(error) if is_missing_table(&error) => Ok(0),
        Err(error) => Err(error),
    };
    let found: i64 = found.map_err(|error| catalog.error(&error))?;
    if found > known {
        return Err(catalog.refuse(CatalogProblem::TooNew { found, known }));
    }
    if found < known {
        create_base(catalog)?;
        take_steps(catalog, steps, known)?;
    }
    Ok(())
}

/// Makes the schema and its row, unless another client does so.
fn create_base(catalog: &mut Catalog) -> Result<()> {
    let creator = format!("auto-backup {}", env!("CARGO_PKG_VERSION"));
    repeat(catalog, |transaction| {
        transaction.batch_execute(BASE)?;
        transaction.execute(INSERT_META, &[&creator]).map(|_| ())
    })
}

/// Takes the missing steps in one transaction that holds the lock of migrations.
fn take_steps(catalog: &mut Catalog, steps: &[&[&str]], known: i64) -> Result<()> {
    let found = repeat(catalog, |transaction| {
        let row = transaction.query_one(LOCK_VERSION, &[])?;
        let found: i64 = row.try_get(0)?;
        if found < known {
            take_steps_from(transaction, steps, found)?;
            transaction.execute(WRITE_VERSION, &[&known])?;
        }
        Ok(found)
    })?;
    if found > known {
        // A newer program has brought it up to date meanwhile.
        return Err(catalog.refuse(CatalogProblem::TooNew { found, known }));
    }
    Ok(())
}

/// Executes a transaction, again if another client has just created the same.
fn repeat<T>(
    catalog: &mut Catalog,
    mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, postgres::Error>,
) -> Result<T> {
    let mut attempt = 1;
    loop {
        match catalog.try_transaction(&mut work) {
            Err(error) if attempt < MAX_ATTEMPTS && is_creation_race(&error) => {
                thread::sleep(ATTEMPT_PAUSE * attempt);
                attempt += 1;
            }
            done => return done.map_err(|error| creation_error(catalog, &error)),
        }
    }
}

fn take_steps_from(
    transaction: &mut Transaction<'_>,
    steps: &[&[&str]],
    found: i64,
) -> Result<(), postgres::Error> {
    let done = usize::try_from(found).unwrap_or_default();
    let missing = steps.iter().skip(done);
    missing
        .flat_map(|step| step.iter())
        .try_for_each(|sql| transaction.batch_execute(sql))
}

/// Returns the error of a creation: a role without the right needs another one, whose name the server may know.
fn creation_error(catalog: &mut Catalog, error: &postgres::Error) -> Error {
    if !is_missing_right(error) {
        return catalog.error(error);
    }
    let owner = catalog.try_query(READ_OWNER).ok();
    let owner = owner.and_then(|rows| rows.first().and_then(|row| row.try_get(0).ok()));
    let role = catalog.address().user.clone();
    catalog.refuse(CatalogProblem::MayNotCreate { role, owner })
}
