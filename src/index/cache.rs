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

/// Number of replicas in each category of a database.
pub(super) type ReplicaCounts = BTreeMap<Vec<u8>, usize>;

/// Verified databases with their numbers of replicas, valid for one state of the index.
#[derive(Debug, Default)]
pub(super) struct VerifiedDatabases {
    pub(super) change_counter: Option<ChangeCounter>,
    pub(super) databases: BTreeMap<DatabaseId, ReplicaCounts>,
}

/// The verified databases of an open index.
pub(super) type VerifiedCache = RefCell<VerifiedDatabases>;
