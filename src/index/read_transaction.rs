//! Several reads of the index that see the same state.

use rusqlite::Transaction;

use super::Index;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;

/// A consistent view of the index. While it exists, the handle does not see what other processes write.
#[derive(Debug)]
pub struct ReadTransaction<'a> {
    /// `None` inside an outer transaction. Dropping it loses nothing, because it only reads.
    _transaction: Option<Transaction<'a>>,
}

impl Index {
    /// Begins a consistent view, unless one exists. Without it, a concurrent scan looks like damage.
    pub fn read_transaction(&self) -> Result<ReadTransaction<'_>> {
        let is_outermost = self.connection.is_autocommit();
        let transaction = is_outermost.then(|| self.connection.unchecked_transaction());
        Ok(ReadTransaction {
            _transaction: transaction.transpose().explain("read", &self.path)?,
        })
    }
}
