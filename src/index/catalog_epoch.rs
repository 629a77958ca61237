//! The epoch of the catalog: revisions of another epoch say nothing about this one.

use rusqlite::params;

use super::sql::execute;
use super::{DatabaseId, Index};
use crate::base::error::Result;

impl Index {
    /// Enters an epoch of the catalog. If it is another one than before, as with a new or restored catalog, all that this index
    /// knows is compared again.
    pub fn enter_epoch(&mut self, epoch: &str) -> Result<()> {
        self.ensure_studio_shared()?;
        let known: String = self.one("SELECT epoch FROM shared_studio", [], |row| row.get(0))?;
        if known == epoch {
            return Ok(());
        }
        let sql = "SELECT database_id FROM shared_databases";
        let databases: Vec<DatabaseId> = self.rows(sql, [], |row| row.get(0))?;
        for database in databases {
            self.share_database(database)?;
        }
        self.share_studio()?;
        // Last: what was interrupted before is repeated.
        let sql = "UPDATE shared_studio SET epoch = ?1";
        self.write(|transaction| execute(transaction, sql, params![epoch]))
    }
}
