//! Input and by-products of an overview: what the index holds of a database, and the rows that had to be computed.

use crate::base::error::Result;
use crate::index::{
    CoverageTable, Index, KnownDatabase, ReplicasByCategory, StoredCoverage, StoredUnion,
};
use crate::model::registry::Database;

/// A database with what the index holds of it.
#[derive(Debug)]
pub(super) struct IndexedDatabase {
    pub(super) known: KnownDatabase,
    pub(super) replicas: ReplicasByCategory,
    pub(super) coverages: CoverageTable,
}

impl IndexedDatabase {
    pub(super) fn read(index: &Index, database: &Database) -> Result<Self> {
        let (known, replicas) = index.database_with_replicas(&database.root)?;
        let coverages = match known.id {
            Some(id) => index.coverages(id)?,
            None => CoverageTable::default(),
        };
        Ok(Self {
            known,
            replicas,
            coverages,
        })
    }
}

/// Rows that were computed for an overview. Stored, they spare the next overview from reading folders.
#[derive(Debug, Default)]
pub struct DerivedRows {
    /// Shortfalls of replicas.
    pub unions: Vec<StoredUnion>,
    /// Sums over their evidence.
    pub coverages: Vec<StoredCoverage>,
}
