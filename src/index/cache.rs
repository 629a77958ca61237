//! Databases that were verified since the index last changed.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::id::DatabaseId;
use crate::os::stat::FileId;

/// State of an index at one moment. Two equal states of one handle mean that nothing was written in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeCounter {
    pub(super) file_id: Option<FileId>,
    /// Changes by other connections.
    pub(super) data_version: i64,
    pub(super) own_changes: u64,
}

/// Totals of the replicas in one category of a database.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CategoryTotals {
    /// Number of rows of replicas, also of missing ones.
    pub(super) replicas: usize,
    /// Number of files in them.
    pub(super) files: u64,
}

/// Totals of each category of a database, by the key of the category.
pub(super) type DatabaseTotals = BTreeMap<Vec<u8>, CategoryTotals>;

/// Verified databases with their totals, valid for one state of the index.
#[derive(Debug, Default)]
pub(super) struct VerifiedDatabases {
    pub(super) change_counter: Option<ChangeCounter>,
    pub(super) databases: BTreeMap<DatabaseId, DatabaseTotals>,
}

/// The verified databases of an open index.
pub(super) type VerifiedCache = RefCell<VerifiedDatabases>;
