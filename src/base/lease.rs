//! The right to write to a storage, which another workstation may take over.
//!
//! Every function that changes a name below a root demands a [`WritePermit`]. The [`WriteGuard`] of the root gives one if the
//! lease is not lost, so that no writer can omit the check. Without a lease it always gives one.

use std::fmt::Debug;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use super::error::Result;
use super::name::Name;
use super::timestamp::Timestamp;

/// The right of one run to write to a database. Dropping it gives it back.
pub trait WriteLease: Debug + Send + Sync {
    /// Fails once the lease is lost. A lost lease stays lost.
    ///
    /// # Errors
    /// [`super::error::Error::LeaseLost`].
    fn check(&self) -> Result<()>;
}

/// The place that gives out leases.
pub trait LeaseSource: Debug + Send + Sync {
    /// Takes the lease of a database.
    ///
    /// # Errors
    /// [`super::error::Error::Locked`] if another run holds it.
    fn acquire(&self, request: &LeaseRequest<'_>) -> Result<Arc<dyn WriteLease>>;

    /// Begins a run of a command, such as `sync`. Returns a message if its storages will have no leases.
    ///
    /// # Errors
    /// [`super::error::Error::Interrupted`].
    fn begin(&self, _command: &str) -> Result<Option<String>> {
        Ok(None)
    }

    /// Gives back the leases of the run. Returns messages of what was not as it should be.
    fn end(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the run that removes copies with proof from a database at this moment, in words; `None` if none is known.
    ///
    /// # Errors
    /// The place that gives out leases cannot tell.
    fn freeing(&self, _identity: &str) -> Result<Option<String>> {
        Ok(None)
    }
}

/// The source of leases; `None` if the locks of the storages are all. Equal if they are one source.
#[derive(Clone, Debug, Default)]
pub struct Leases(pub Option<Arc<dyn LeaseSource>>);

impl PartialEq for Leases {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Eq for Leases {}

/// A request for the lease of a database.
#[derive(Clone, Copy, Debug)]
pub struct LeaseRequest<'a> {
    /// The name of the database on this workstation.
    pub database: &'a str,
    pub root: &'a Path,
    /// The id in its identity file; `None` before that exists.
    pub identity: Option<&'a str>,
    /// The number of the run.
    pub run: i64,
}

/// Returns ``run 7 (sync) of process 1234 on `ws1`, since 2026-11-22T04:28:55Z``: a run with its command, a process with its
/// host, and seconds UTC. The texts may be those of another program.
pub fn describe_holder(
    (run, command): (i64, &str),
    (process, host): (u32, &str),
    since: i64,
) -> String {
    let since = Timestamp {
        seconds: since,
        nanoseconds: 0,
    };
    let since = since.rfc3339().map(|time| format!(", since {time}"));
    format!(
        "run {run} ({}) of process {process} on `{}`{}",
        Name::from(command),
        Name::from(host),
        since.unwrap_or_default()
    )
}

/// The check before each write below one root. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct WriteGuard(Arc<RwLock<Option<Arc<dyn WriteLease>>>>);

/// Proof that the right to write was checked, for one operation: the change of a name, and what undoes it if a step fails.
#[derive(Debug)]
pub struct WritePermit(());

impl WriteGuard {
    /// Returns the permit for one operation.
    ///
    /// # Errors
    /// [`super::error::Error::LeaseLost`].
    pub fn permit(&self) -> Result<WritePermit> {
        let lease = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let checked = lease.as_ref().map_or(Ok(()), |lease| lease.check());
        checked.map(|()| WritePermit(()))
    }

    /// True if nothing may be written any more.
    pub fn is_lost(&self) -> bool {
        self.permit().is_err()
    }

    /// Demands this lease from now on.
    pub fn hold(&self, lease: Arc<dyn WriteLease>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(lease);
    }

    /// Gives the lease back. A lost one stays until another is held: what was not written must not be written without a lock.
    pub fn release(&self) {
        if !self.is_lost() {
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Error;
    use crate::base::fixture::CountedLease;

    #[test]
    fn holder_is_described_on_one_line() {
        let described = describe_holder((7, "sync"), (12, "ws1"), 1_795_321_735);
        assert_eq!(
            described,
            "run 7 (sync) of process 12 on `ws1`, since 2026-11-22T04:28:55Z"
        );
        let hostile = describe_holder((7, "sync\n"), (12, "\u{1b}[1m"), i64::MAX);
        assert!(!hostile.chars().any(char::is_control), "{hostile}");
    }

    #[test]
    fn root_without_a_lease_is_writable() {
        let guard = WriteGuard::default();
        guard.permit().unwrap();
        guard.release();
        guard.permit().unwrap();
    }

    #[test]
    fn clones_share_the_lease() {
        let guard = WriteGuard::default();
        let clone = guard.clone();
        guard.hold(Arc::new(CountedLease::lost_after(1)));
        clone.permit().unwrap();
        assert!(matches!(guard.permit(), Err(Error::LeaseLost { .. })));
        assert!(clone.is_lost());
    }

    #[test]
    fn lost_lease_stays_until_the_next() {
        let guard = WriteGuard::default();
        guard.hold(Arc::new(CountedLease::lost_after(0)));
        guard.release();
        assert!(guard.is_lost());
        guard.hold(Arc::new(CountedLease::lost_after(9)));
        guard.release();
        assert!(!guard.is_lost());
    }
}
