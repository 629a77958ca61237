//! The interface of the two executors of plans: the local one and the one for remotes.

use super::destination::DestinationCopy;
use super::plan::Plan;
use crate::base::error::Result;
use crate::index::{Index, RunId};
use crate::storage::Storage;
use crate::storage::lock::Lock;

/// Executes plans at an opened destination.
pub(super) trait Executor {
    /// Takes the lock, and settles what an interrupted run left open, so that the plans are made for the files that are
    /// really there. A folder has no lock before its first copy, because a run writes nothing before it has a file to copy.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Locked`] if another run holds the lock.
    fn begin(&self, index: &mut Index, source: &Storage, run: RunId) -> Result<Option<Lock>>;

    /// Fails unless the destination is known to have room for the plans, as far as it can tell.
    fn require_space(&self, copy: &DestinationCopy<'_>, plans: &[Plan]) -> Result<()>;

    /// Executes the plans: reports every item exactly once, and records what was done in the index. Cancellation is not an
    /// error; items not reached are reported as `Unreached`.
    fn execute(
        &self,
        copy: &mut DestinationCopy<'_>,
        plans: &[Plan],
        lock: Option<Lock>,
    ) -> Result<()>;
}
