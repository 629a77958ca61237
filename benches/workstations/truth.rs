//! Checks that a measured exchange has happened.

use std::path::PathBuf;

use auto_backup::index::Index;

use crate::commands::Workstation;
use crate::common::outcome::Outcome;
use crate::server::Server;

/// Fails unless workstations know each storage at the revision of the server. Returns the sum of the revisions.
pub(crate) fn check(
    (server, database): (&Server, &str),
    workstations: [&Workstation; 2],
    roots: &[PathBuf],
) -> Outcome<i64> {
    let sql = "SELECT coalesce(sum(revision), 0) FROM auto_backup.databases";
    let expected: i64 = server.query(database, sql)?.parse()?;
    for workstation in workstations {
        let index = Index::open(workstation.index())?.index;
        let mut known = 0;
        for root in roots {
            let id = index.database_id(root)?;
            let revisions = id.map(|id| index.shared_revisions(id)).transpose()?;
            known += revisions.flatten().unwrap_or_default().complete;
        }
        if known != expected || expected == 0 {
            return Err(
                format!("the server is at revision {expected}, a workstation at {known}").into(),
            );
        }
    }
    Ok(expected)
}
