//! Parts of tests in process: a monitor, a lease, a folder in memory, and the length of random tests.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::error::{Error, Result};
use super::lease::{LeaseRequest, LeaseSource, WriteLease};
use super::monitor::{Monitor, ProgressEvent};

/// The problems, notices and warnings of a run, in their order.
#[derive(Default)]
pub(crate) struct RecordedMessages(Mutex<Vec<String>>);

impl RecordedMessages {
    /// Returns the messages, one per line.
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

/// A lease that is lost after a number of checks.
pub(crate) struct CountedLease {
    left: AtomicU64,
    on_loss: Box<dyn Fn() + Send + Sync>,
}

impl CountedLease {
    pub(crate) fn lost_after(checks: u64) -> Self {
        Self::with_loss(checks, || {})
    }

    /// A lease that runs this at the moment of its loss.
    pub(crate) fn with_loss(checks: u64, on_loss: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            left: AtomicU64::new(checks + 1),
            on_loss: Box::new(on_loss),
        }
    }
}

impl fmt::Debug for CountedLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} checks", self.left)
    }
}

impl WriteLease for CountedLease {
    fn check(&self) -> Result<()> {
        let next = |left: u64| left.checked_sub(1);
        match self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next)
        {
            Ok(left) if left > 1 => return Ok(()),
            Ok(_) => (self.on_loss)(),
            Err(_) => {}
        }
        Err(Error::LeaseLost {
            database: "NAS".to_owned(),
            holder: Some("run 9 on `ws2`".to_owned()),
        })
    }
}

/// The source of one lease.
#[derive(Debug)]
pub(crate) struct OneLease(pub(crate) Arc<CountedLease>);

impl LeaseSource for OneLease {
    fn acquire(&self, _: &LeaseRequest<'_>) -> Result<Arc<dyn WriteLease>> {
        let lease = Arc::clone(&self.0);
        Ok(lease)
    }
}

/// Creates a folder in memory where there is one: random tests write hundreds of studios and indexes.
pub(crate) fn temporary_folder() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}

/// Returns the number of random cases of a law: `AUTO_BACKUP_HISTORIES` sets it for long campaigns.
pub(crate) fn case_count(usual: u32) -> u32 {
    std::env::var("AUTO_BACKUP_HISTORIES").map_or(usual, |count| count.parse().unwrap())
}

impl Monitor for RecordedMessages {
    fn on_event(&self, event: &ProgressEvent<'_>) {
        let message = match event {
            ProgressEvent::Problem(error) => error.full_message(),
            ProgressEvent::Notice(text) | ProgressEvent::Warning(text) => (*text).to_owned(),
            _ => return,
        };
        self.0.lock().unwrap().push(message);
    }
}
