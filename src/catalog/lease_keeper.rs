//! Keeps a lease while a run writes: a thread renews it through a session of its own, and writers check it.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::address::CatalogAddress;
use super::connection::Catalog;
use super::lease::{self, Lease};
use super::lease_term::LeaseTerm;
use super::server_error::catalog_error;
use crate::base::error::{CatalogProblem, Result};
use crate::base::ignore::ignore;
use crate::os::boot_clock;

/// Time for the release of a lease; after that, it expires by itself.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);

/// The pace of a keeper.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTiming {
    /// Time between two renewals.
    pub interval: Duration,
    /// Time between two attempts at a renewal that failed.
    pub retry: Duration,
    /// The clock, which nobody sets and which goes on while the machine is suspended.
    pub clock: fn() -> Duration,
}

impl Default for LeaseTiming {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(15),
            retry: Duration::from_secs(1),
            clock: boot_clock::since_boot,
        }
    }
}

/// The check of a lease, for any number of writing threads.
#[derive(Clone, Debug)]
pub struct LeaseGuard {
    term: Arc<LeaseTerm>,
    clock: fn() -> Duration,
    address: CatalogAddress,
    identity: String,
}

impl LeaseGuard {
    /// Checks that the lease surely holds. Writers call this before each write; it waits for nothing.
    ///
    /// # Errors
    /// [`CatalogProblem::LeaseLost`], from then on for ever.
    pub fn check(&self) -> Result<()> {
        if self.term.holds((self.clock)()) {
            return Ok(());
        }
        // The clock may not go back to a time at which it held.
        self.term.lose();
        let problem = CatalogProblem::LeaseLost(self.identity.clone());
        Err(catalog_error(&self.address, problem))
    }
}

/// A lease that is renewed until it is released. Dropping it releases the lease, too.
#[derive(Debug)]
pub struct LeaseKeeper {
    guard: LeaseGuard,
    lease: Lease,
    /// Dropped to stop the thread, which then releases the lease; a message stops it without that.
    stop: Option<Sender<()>>,
    released: Receiver<Result<()>>,
}

impl LeaseKeeper {
    /// Starts to renew a lease.
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn start(address: &CatalogAddress, lease: Lease, timing: LeaseTiming) -> Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let (report, released) = mpsc::channel();
        let guard = LeaseGuard {
            term: Arc::new(LeaseTerm::new(lease.requested)),
            clock: timing.clock,
            address: address.clone(),
            identity: lease.identity.clone(),
        };
        let mut renewal = Renewal {
            guard: guard.clone(),
            lease: lease.clone(),
            timing,
            session: None,
        };
        let started = thread::Builder::new()
            .name("lease".to_owned())
            .spawn(move || {
                if renewal.run(&stopped) == RenewalEnd::Abandoned {
                    return;
                }
                ignore(
                    report.send(renewal.release()),
                    "after its timeout nobody waits for the release",
                );
            });
        started.map_err(|error| {
            let problem = CatalogProblem::Failed(format!("cannot start a thread: {error}"));
            catalog_error(address, problem)
        })?;
        Ok(Self {
            guard,
            lease,
            stop: Some(stop),
            released,
        })
    }

    /// Checks that the lease surely holds.
    ///
    /// # Errors
    /// [`CatalogProblem::LeaseLost`].
    pub fn check(&self) -> Result<()> {
        self.guard.check()
    }

    /// Returns the check for other threads.
    pub fn guard(&self) -> LeaseGuard {
        self.guard.clone()
    }

    /// Releases the lease, so that others need not wait for its end.
    ///
    /// # Errors
    /// The server did not confirm it in time; the lease then ends by itself.
    pub fn release(mut self) -> Result<()> {
        self.finish()
    }

    /// Returns the lease that it keeps.
    pub fn lease(&self) -> Lease {
        self.lease.clone()
    }

    /// Renews the lease no more, and waits for nothing: whoever abandons it releases it, or it ends by itself.
    pub fn abandon(mut self) {
        self.guard.term.lose();
        if let Some(stop) = self.stop.take() {
            ignore(stop.send(()), "a thread that lost its lease has ended");
        }
    }

    fn finish(&mut self) -> Result<()> {
        if self.stop.is_none() {
            return Ok(());
        }
        // Whatever the server does, this process writes no more.
        self.guard.term.lose();
        self.stop = None;
        let released = self.released.recv_timeout(RELEASE_TIMEOUT);
        released.unwrap_or_else(|_| {
            let why = "it did not confirm the release of a lease".to_owned();
            Err(catalog_error(
                &self.guard.address,
                CatalogProblem::Unreachable(why),
            ))
        })
    }
}

impl Drop for LeaseKeeper {
    fn drop(&mut self) {
        ignore(self.finish(), "a lease that is not released expires");
    }
}

/// The reason why a lease is renewed no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RenewalEnd {
    /// It is lost, or its keeper is gone.
    Released,
    /// The keeper releases it, or leaves it to the server.
    Abandoned,
}

/// The work of the renewing thread.
struct Renewal {
    guard: LeaseGuard,
    lease: Lease,
    timing: LeaseTiming,
    session: Option<Catalog>,
}

impl Renewal {
    /// Renews the lease until the keeper stops it or the lease is lost.
    fn run(&mut self, stopped: &Receiver<()>) -> RenewalEnd {
        let mut pause = self.timing.interval;
        loop {
            match stopped.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return RenewalEnd::Released,
                Ok(()) => return RenewalEnd::Abandoned,
            }
            let requested = (self.timing.clock)();
            pause = match self.renew() {
                Ok(true) => {
                    self.guard.term.renew(requested, (self.timing.clock)());
                    self.timing.interval
                }
                Ok(false) => {
                    self.guard.term.lose();
                    return RenewalEnd::Released;
                }
                Err(_) => {
                    // The next attempt opens another session; writers stop when the term ends.
                    self.session = None;
                    self.timing.retry
                }
            };
            if self.guard.check().is_err() {
                return RenewalEnd::Released;
            }
        }
    }

    fn renew(&mut self) -> Result<bool> {
        let session = open(&mut self.session, &self.guard.address)?;
        lease::renew(session, &self.lease)
    }

    /// Releases the lease, by another session if the one at hand was lost.
    fn release(&mut self) -> Result<()> {
        if let Some(mut session) = self.session.take()
            && lease::release(&mut session, &self.lease).is_ok()
        {
            return Ok(());
        }
        let session = open(&mut self.session, &self.guard.address)?;
        lease::release(session, &self.lease).map(|_| ())
    }
}

/// Returns the session, and opens one if there is none.
fn open<'a>(session: &'a mut Option<Catalog>, address: &CatalogAddress) -> Result<&'a mut Catalog> {
    let opened = match session.take() {
        Some(opened) => opened,
        None => Catalog::connect(address)?,
    };
    Ok(session.insert(opened))
}
