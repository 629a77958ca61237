//! Several reads of the index that see the same looks.

use rusqlite::Transaction;

use super::Index;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;

/// While it lives, looks that are written by others are not seen.
#[derive(Debug)]
pub struct ReadTransaction<'a> {
    /// It only reads, so there is nothing to lose when it ends.
    _transaction: Transaction<'a>,
}

impl Index {
    /// Lets all reads from now on see the same looks.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn read_transaction(&self) -> Result<ReadTransaction<'_>> {
        let transaction = self.connection.unchecked_transaction();
        Ok(ReadTransaction {
            _transaction: transaction.explain("read", &self.path)?,
        })
    }
}
