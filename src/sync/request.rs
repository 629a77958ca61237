//! A request to sync two databases.

use crate::base::confirmation::Confirmation;
use crate::model::project::Scope;
use crate::model::registry::{Category, Database};
use crate::rclone::TransferLimits;

/// Replicas to sync, and the options of the sync.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the line"
)]
pub struct SyncRequest<'a> {
    /// Projects in scope.
    pub scope: Scope,
    /// Categories in scope.
    pub categories: Vec<&'a Category>,
    /// Source database.
    pub source: &'a Database,
    /// Destination database.
    pub destination: &'a Database,
    /// Retry only the files that failed before.
    pub retry_failed: bool,
    /// Move files that are missing at the source to the old versions.
    pub delete: bool,
    /// Delete even if more than half of the sent files are missing.
    pub force: bool,
    /// Print the plan without executing it.
    pub dry_run: bool,
    /// Read copies back to compare their content, if the storage returns no checksums.
    pub verify: bool,
    /// Maximum number of files to send.
    pub max_files: Option<u64>,
    /// Limits of a transfer.
    pub limits: TransferLimits,
    /// Confirmation required before a deletion.
    pub confirmation: Confirmation,
}
