//! Digests of the ASC MHL histories of a report.

use serde::Serialize;

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::model::project::ProjectId;

/// One generation of an ASC MHL history.
#[derive(Debug, Serialize)]
pub struct MhlHistory {
    pub project: ProjectId,
    pub category: String,
    pub database: String,
    /// The manifest's path below the replica's folder.
    pub path: Name,
    pub generation: u64,
    /// The C4 digest of the manifest.
    pub digest: String,
    pub at: Option<Timestamp>,
}

/// Returns the known histories. The index has no table of them yet.
pub(super) const fn histories() -> Vec<MhlHistory> {
    Vec::new()
}
