//! Policies, runs and failed files that a pull brought, written in one transaction with the end of the exchange.

use std::collections::BTreeSet;

use rusqlite::{Transaction, params};

use super::failure::{self, FailureKey, SharedFailure};
use super::policy::{self, SharedPolicy};
use super::run::{self, SharedRun};
use super::unshared::UnsharedStudio;
use crate::base::error::Result;
use crate::index::sql::{bytes, execute, optional};
use crate::index::{HostId, Index, RunId};

/// What a pull brought.
#[derive(Clone, Debug, Default)]
pub struct IncomingStudio {
    /// Policies that count instead of those that are known here.
    pub policies: Vec<SharedPolicy>,
    /// Runs that began or changed.
    pub runs: Vec<SharedRun>,
    /// Runs that left no trace.
    pub discarded_runs: Vec<(HostId, RunId)>,
    /// Failures that are new or changed.
    pub failures: Vec<SharedFailure>,
    /// Failures that were resolved.
    pub resolved_failures: Vec<FailureKey>,
}

impl IncomingStudio {
    /// Number of rows.
    pub const fn len(&self) -> usize {
        self.policies.len()
            + self.runs.len()
            + self.discarded_runs.len()
            + self.failures.len()
            + self.resolved_failures.len()
    }

    /// True without rows.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Index {
    /// Writes what an exchange brought, clears the marks of what it pushed, and records the revision of the catalog that is
    /// known now. Returns false, and writes nothing, if another process of this workstation exchanged the studio meanwhile.
    pub fn end_studio_exchange(
        &mut self,
        pushed: &UnsharedStudio,
        incoming: &IncomingStudio,
        revision: i64,
    ) -> Result<bool> {
        self.write(|transaction| {
            let sql = "UPDATE shared_studio SET revision = ?2 WHERE revision = ?1 RETURNING 1";
            let begun = params![pushed.revision, revision];
            let is_current = optional(transaction, sql, begun, |_| Ok(()))?.is_some();
            if is_current {
                clear_marks(transaction, pushed)?;
                write_incoming(transaction, incoming)?;
            }
            Ok(is_current)
        })
    }
}

/// Clears the marks of what was pushed. A change that was marked again meanwhile stays marked.
fn clear_marks(transaction: &Transaction<'_>, pushed: &UnsharedStudio) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM unshared_runs WHERE mark <= ?1",
        "DELETE FROM unshared_cards WHERE mark <= ?1",
        "UPDATE shared_policies SET mark = NULL WHERE mark <= ?1",
    ] {
        execute(transaction, sql, [pushed.mark])?;
    }
    // Failures between storages without an identity wait for it.
    let sql = "DELETE FROM unshared_failures WHERE destination = ?1 AND source = ?2 AND path = ?3 AND mark <= ?4";
    for one in &pushed.failures {
        let [destination, source, path] =
            [&one.destination_root, &one.source_root, &one.path].map(|path| bytes(path));
        execute(
            transaction,
            sql,
            params![destination, source, path, pushed.mark],
        )?;
    }
    Ok(())
}

fn write_incoming(
    transaction: &Transaction<'_>,
    incoming: &IncomingStudio,
) -> rusqlite::Result<()> {
    let is_marked = "SELECT 1 FROM shared_policies WHERE category = ?1 AND mark IS NOT NULL";
    for shared in &incoming.policies {
        let category = bytes(&shared.category);
        // What was set here meanwhile is newer, and waits for the next exchange.
        if optional(transaction, is_marked, [category], |_| Ok(()))?.is_none() {
            policy::write_pulled(transaction, shared)?;
        }
    }
    for shared in &incoming.runs {
        run::write_pulled(transaction, shared)?;
    }
    let sql = "DELETE FROM shared_runs WHERE host_id = ?1 AND number = ?2";
    for (host, number) in &incoming.discarded_runs {
        execute(transaction, sql, params![host, number])?;
    }
    let hosts: BTreeSet<i64> = incoming.runs.iter().map(|shared| shared.host.0).collect();
    for host in hosts {
        run::trim(transaction, HostId(host))?;
    }
    for shared in &incoming.failures {
        failure::write_pulled(transaction, shared.key.host, shared)?;
    }
    for key in &incoming.resolved_failures {
        failure::remove(transaction, key.host, key)?;
    }
    Ok(())
}
