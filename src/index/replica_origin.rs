//! The scan that a replica is known from.

use super::HostId;
use crate::base::timestamp::Timestamp;

/// The scan of a replica that was taken over from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReplicaOrigin {
    /// Time of the scan.
    pub(super) at: Timestamp,
    /// The workstation that scanned; `None` for this one.
    pub(super) host: Option<HostId>,
}
