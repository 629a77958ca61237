//! The budget of a run: a time after which no file is begun, and a number of bytes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::base::interrupt;

/// Limits of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    deadline: Option<Instant>,
    bytes: Option<u64>,
}

impl Budget {
    /// A budget; `None` is no limit.
    pub const fn new(deadline: Option<Instant>, bytes: Option<u64>) -> Self {
        Self { deadline, bytes }
    }

    /// The limit in bytes.
    pub const fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// Begins to use it.
    pub(super) fn begin(self) -> RemainingBudget {
        RemainingBudget {
            deadline: self.deadline,
            bytes: AtomicU64::new(self.bytes.unwrap_or(u64::MAX)),
        }
    }
}

/// What is left of a budget that several threads use.
#[derive(Debug)]
pub(super) struct RemainingBudget {
    deadline: Option<Instant>,
    bytes: AtomicU64,
}

impl RemainingBudget {
    /// True if a file may be begun, whose bytes are then used. A file that is larger than the rest may be begun, because it
    /// might be larger than every budget.
    pub(super) fn take(&self, bytes: u64) -> bool {
        if interrupt::is_past(self.deadline) {
            return false;
        }
        let take = |left: u64| (left > 0).then(|| left.saturating_sub(bytes));
        self.bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_larger_than_the_rest_is_the_last() {
        let budget = Budget::new(None, Some(10)).begin();
        assert!(budget.take(4) && budget.take(0) && budget.take(400));
        assert!(!budget.take(0) && !budget.take(1));
        let past = Budget::new(Some(Instant::now()), None).begin();
        assert!(!past.take(1));
        assert!(Budget::default().begin().take(u64::MAX));
    }
}
