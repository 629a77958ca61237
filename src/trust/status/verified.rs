//! The bytes of a studio by the age of their evidence.

use crate::base::timestamp::Timestamp;
use crate::index::overview::ReplicaSummary;

/// Bytes of replicas by the age of their evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifiedBytes {
    /// Bytes of all replicas.
    pub total: u64,
    /// For each number of days of [`AGES`], the bytes that were verified within them.
    pub within: [u64; AGES.len()],
    /// Bytes that were never verified.
    pub never: u64,
}

/// Ages of evidence in days, in ascending order.
pub const AGES: [u64; 3] = [30, 90, 365];

impl VerifiedBytes {
    pub(super) fn add(&mut self, replica: &ReplicaSummary, now: Timestamp) {
        let Some((coverage, bytes)) = replica.coverage.as_ref().zip(replica.bytes) else {
            return;
        };
        self.total = self.total.saturating_add(bytes);
        self.never = self.never.saturating_add(coverage.unproven_bytes);
        for (days, within) in AGES.into_iter().zip(&mut self.within) {
            let since = Timestamp {
                seconds: now.seconds.saturating_sub_unsigned(days * 86_400),
                nanoseconds: 0,
            };
            *within = within.saturating_add(coverage.bytes_since(since));
        }
    }
}
