//! The policies of the studio: for each category the newest change by any workstation.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, params};

use super::mark::next_mark;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::checksum::corruption_error;
use crate::index::sql::{bytes, execute, read_path, read_seconds};
use crate::index::{HostId, Index};
use crate::model::policy::Policy;

/// The policy of a category that all workstations share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedPolicy {
    /// The category, by its key.
    pub category: PathBuf,
    /// The policy; `None` if it was removed and the default counts.
    pub policy: Option<Policy>,
    /// The workstation that set it; `None` for this one.
    pub host: Option<HostId>,
    /// Time of the change; `None` if a start-up file stated it before anybody set one.
    pub changed_at: Option<Timestamp>,
}

impl SharedPolicy {
    /// True if this change counts, and not one that the catalog has. What was set last counts; what only a start-up file states
    /// replaces nothing.
    pub fn replaces(&self, known: &Self) -> bool {
        self.changed_at > known.changed_at
    }
}

const COLUMNS: &str = "category, demand, host_id, changed_at";

impl Index {
    /// Returns the policies of the studio, sorted by category.
    pub fn shared_policies(&self) -> Result<Vec<SharedPolicy>> {
        let sql = format!("SELECT {COLUMNS} FROM shared_policies ORDER BY category");
        self.rows(&sql, [], read_policy)
    }

    /// Returns the policies of the studio that the catalog lacks.
    pub(super) fn unshared_policies(&self) -> Result<Vec<SharedPolicy>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM shared_policies WHERE mark IS NOT NULL ORDER BY category"
        );
        self.rows(&sql, [], read_policy)
    }

    /// Sets the policy of a category for the studio, or removes it.
    pub fn set_shared_policy(&mut self, category: &Path, policy: Option<Policy>) -> Result<()> {
        self.ensure_studio_shared()?;
        self.write(|transaction| {
            let mark = next_mark(transaction)?;
            let sql = "INSERT OR REPLACE INTO shared_policies (category, demand, host_id, changed_at, mark)
                       VALUES (?1, ?2, NULL, ?3, ?4)";
            let demand = policy.map(|policy| policy.to_string());
            let now = Timestamp::now().seconds;
            execute(transaction, sql, params![bytes(category), demand, now, mark])
        })
    }

    /// Shares policies that the start-up file states, where the studio has none.
    pub fn state_policies(&mut self, stated: &[(PathBuf, Policy)]) -> Result<()> {
        if stated.is_empty() {
            return Ok(());
        }
        let known = self.shared_policies()?;
        let stated = stated.iter();
        let new: Vec<_> = stated
            .filter(|(category, _)| known.iter().all(|one| one.category != *category))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        self.ensure_studio_shared()?;
        self.write(|transaction| {
            let sql = "INSERT OR IGNORE INTO shared_policies (category, demand, mark) VALUES (?1, ?2, ?3)";
            for (category, policy) in new {
                let mark = next_mark(transaction)?;
                execute(transaction, sql, params![bytes(category), policy.to_string(), mark])?;
            }
            Ok(())
        })
    }
}

/// Writes a policy that the catalog has.
pub(super) fn write_pulled(connection: &Connection, shared: &SharedPolicy) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO shared_policies (category, demand, host_id, changed_at) VALUES (?1, ?2, ?3, ?4)";
    let demand = shared.policy.map(|policy| policy.to_string());
    let changed_at = shared.changed_at.map(|at| at.seconds);
    let parameters = params![bytes(&shared.category), demand, shared.host, changed_at];
    execute(connection, sql, parameters)
}

fn read_policy(row: &Row<'_>) -> rusqlite::Result<SharedPolicy> {
    let demand: Option<String> = row.get(1)?;
    let parse = |text: String| {
        let words: Vec<&str> = text.split(' ').collect();
        Policy::parse(&words).map_err(|_| corruption_error("a policy cannot be read"))
    };
    Ok(SharedPolicy {
        category: read_path(row, 0)?,
        policy: demand.map(parse).transpose()?,
        host: row.get(2)?,
        changed_at: read_seconds(row, 3)?,
    })
}
