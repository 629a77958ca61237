//! The leases of the runs of a session: one for each storage that a run writes, kept until the run ends.
//!
//! A lease that another run holds is refused at once. No run waits while it holds one, so that no two wait for each other. A
//! server that cannot be reached is tried once for each run; without it, the lock files are all that excludes others, and
//! the run says so.

use std::collections::BTreeMap;
use std::mem;
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::address::CatalogAddress;
use super::connection::Catalog;
use super::lease::{self, LeaseAnswer, LeaseHeld, LeaseHolder};
use super::lease_keeper::{LeaseGuard, LeaseKeeper, LeaseTiming};
use super::migration::ensure_schema;
use super::server_error::catalog_error;
use crate::base::error::{CatalogProblem, Error, Result};
use crate::base::lease::{LeaseRequest, LeaseSource, WriteLease};
use crate::base::name::Name;
use crate::os::{host, process_mark};

/// The command that removes copies with proof.
const FREE: &str = "free";

/// The leases of a session, one run at a time.
#[derive(Debug)]
pub struct CatalogLeases {
    address: CatalogAddress,
    run: Mutex<RunLeases>,
}

/// The leases of a run.
#[derive(Debug, Default)]
struct RunLeases {
    command: String,
    server: ServerState,
    /// By the identity of the storage.
    kept: BTreeMap<String, KeptLease>,
    /// Messages for the end of the run.
    notices: Vec<String>,
}

/// The server, as the run knows it.
#[derive(Debug, Default)]
enum ServerState {
    #[default]
    Unasked,
    Reached(Box<Catalog>),
    /// It cannot be used, and a message has said so.
    Away,
    /// It does not let the role use the tables.
    Denied,
}

/// A lease with its keeper.
#[derive(Debug)]
struct KeptLease {
    keeper: LeaseKeeper,
    lease: Arc<RunLease>,
}

/// A lease as the writers of a run see it.
#[derive(Debug)]
struct RunLease {
    guard: LeaseGuard,
    database: String,
}

/// What stands in for a lease where only the lock files exclude others.
#[derive(Debug)]
struct NoLease;

impl WriteLease for NoLease {
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl WriteLease for RunLease {
    fn check(&self) -> Result<()> {
        self.guard.check().map_err(|_| Error::LeaseLost {
            database: self.database.clone(),
            holder: None,
        })
    }
}

impl CatalogLeases {
    /// Returns the source of leases of a catalog; it connects when a run begins.
    pub fn new(address: CatalogAddress) -> Self {
        Self {
            address,
            run: Mutex::default(),
        }
    }

    /// Returns the address of the catalog.
    pub const fn address(&self) -> &CatalogAddress {
        &self.address
    }

    fn lock(&self) -> MutexGuard<'_, RunLeases> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<Catalog> {
        let mut catalog = Catalog::connect(&self.address)?;
        ensure_schema(&mut catalog)?;
        Ok(catalog)
    }

    /// Opens the session of a run. Returns a message if the server cannot be used.
    fn connect(&self, run: &mut RunLeases) -> Result<Option<String>> {
        let (state, message) = match self.open() {
            Ok(catalog) => (ServerState::Reached(Box::new(catalog)), None),
            Err(error @ Error::Catalog { .. }) => match error.catalog_problem() {
                Some(CatalogProblem::NoRights { .. }) => (ServerState::Denied, None),
                _ => (ServerState::Away, Some(without_leases(&error))),
            },
            Err(error) => return Err(error),
        };
        run.server = state;
        Ok(message)
    }

    /// Asks the server, by another session if the one at hand was lost. `None` if it is away.
    fn ask<T>(
        &self,
        run: &mut RunLeases,
        question: impl Fn(&mut Catalog) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut is_repeated = false;
        loop {
            if matches!(run.server, ServerState::Unasked) {
                let message = self.connect(run)?;
                run.notices.extend(message);
            }
            let ServerState::Reached(catalog) = &mut run.server else {
                return Ok(None);
            };
            match question(catalog) {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) if is_away(&error) => {
                    if is_repeated {
                        run.notices.push(without_leases(&error));
                        run.server = ServerState::Away;
                        return Ok(None);
                    }
                    run.server = ServerState::Unasked;
                    is_repeated = true;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the error of a role without the right to take leases.
    fn denied(&self, storage: &str) -> Error {
        let problem = CatalogProblem::NoLeaseRights {
            role: self.address.user.clone(),
            storage: storage.to_owned(),
        };
        catalog_error(&self.address, problem)
    }

    fn locked(&self, storage: &str, held: &LeaseHeld) -> Error {
        Error::Locked {
            database: storage.to_owned(),
            holder: Some(held.description()),
            lock: format!(
                "the lease of the catalog `{}`, which ends in {} s unless that run renews it",
                Name::from(self.address.to_string().as_str()),
                held.seconds_left
            ),
        }
    }
}

impl LeaseSource for CatalogLeases {
    fn acquire(&self, request: &LeaseRequest<'_>) -> Result<Arc<dyn WriteLease>> {
        let mut run = self.lock();
        let Some(identity) = request.identity else {
            run.notices.push(format!(
                "{} has no identity file, and none can be written: only its lock file keeps other workstations from writing there",
                request.database
            ));
            return Ok(Arc::new(NoLease));
        };
        if let Some(kept) = run.kept.get(identity) {
            let lease = Arc::clone(&kept.lease);
            lease.check()?;
            return Ok(lease);
        }
        let holder = LeaseHolder {
            host: host::name(),
            process: process::id(),
            run: request.run,
            what: run.command.clone(),
            mark: process_mark::own().unwrap_or_default(),
        };
        let acquired = self.ask(&mut run, |catalog| {
            lease::acquire(catalog, identity, &holder)
        });
        let answer = match acquired {
            Err(error)
                if matches!(
                    error.catalog_problem(),
                    Some(CatalogProblem::NoRights { .. })
                ) =>
            {
                return Err(self.denied(request.database));
            }
            acquired => acquired?,
        };
        match answer {
            Some(LeaseAnswer::Granted(granted)) => {
                let keeper = LeaseKeeper::start(&self.address, granted, LeaseTiming::default())?;
                let lease = Arc::new(RunLease {
                    guard: keeper.guard(),
                    database: request.database.to_owned(),
                });
                let kept = KeptLease {
                    keeper,
                    lease: Arc::clone(&lease),
                };
                run.kept.insert(identity.to_owned(), kept);
                Ok(lease)
            }
            Some(LeaseAnswer::Held(held)) => Err(self.locked(request.database, &held)),
            None if matches!(run.server, ServerState::Denied) => Err(self.denied(request.database)),
            None => Ok(Arc::new(NoLease)),
        }
    }

    fn begin(&self, command: &str) -> Result<Option<String>> {
        let mut run = self.lock();
        *run = RunLeases {
            command: command.to_owned(),
            ..RunLeases::default()
        };
        self.connect(&mut run)
    }

    fn end(&self) -> Vec<String> {
        let mut run = mem::take(&mut *self.lock());
        let mut kept = mem::take(&mut run.kept).into_values();
        for KeptLease { keeper, .. } in kept.by_ref() {
            let lease = keeper.lease();
            keeper.abandon();
            match self.ask(&mut run, |catalog| lease::release(catalog, &lease)) {
                Ok(Some(_)) => {}
                // What is left ends by itself; the waits would only add up.
                Ok(None) | Err(_) => break,
            }
        }
        kept.for_each(|kept| kept.keeper.abandon());
        run.notices
    }

    fn freeing(&self, identity: &str) -> Result<Option<String>> {
        let held = self.ask(&mut self.lock(), |catalog| lease::holder(catalog, identity))?;
        let held = held.flatten().filter(|held| held.holder.what == FREE);
        Ok(held.map(|held| held.description()))
    }
}

/// True if the server does not answer, or cannot record a lease whoever asks for it.
fn is_away(error: &Error) -> bool {
    matches!(
        error.catalog_problem(),
        Some(CatalogProblem::Unreachable(_) | CatalogProblem::Lost(_) | CatalogProblem::DiskFull)
    )
}

fn without_leases(error: &Error) -> String {
    format!(
        "{}; only lock files keep other workstations from writing during this run",
        error.full_message()
    )
}
