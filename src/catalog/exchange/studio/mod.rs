//! The exchange of what is of no single storage: policies, and the runs, failed files and cards of all
//! workstations.
//!
//! A push is one transaction. It locks the row of the studio, so that pushes come one after the other; it pulls what others
//! pushed meanwhile, writes its rows with the next revision, and raises that of the studio. Of a policy the newest change
//! counts, by the clock of the server; a run, a failure or a card is of one workstation, which alone writes it. What is gone stays as
//! a row that says so.
//!
//! Rule: the index is written last, and its revision in the last transaction.

mod card;
mod check;
mod column;
mod failure;
mod policy;
mod run;
mod statement;
mod transfer;

use postgres::Transaction;

use self::card::PulledCard;
pub use self::check::check_studio;
use self::policy::merge;
use self::statement::{LOCK_STUDIO, RAISE_STUDIO, READ_STUDIO};
use self::transfer::{StudioPull, StudioPush};
use super::attempt::repeat;
use super::failure::ExchangeFailure;
use super::host::CatalogHosts;
use super::pull::foreign_failure;
use super::server_clock::ServerClock;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::catalog::address::CatalogAddress;
use crate::catalog::connection::Catalog;
use crate::catalog::server_error::damaged_rows;
use crate::index::{IncomingStudio, Index, SharedPolicy};
use crate::model::registry::Registry;

/// The result of an exchange of the studio.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StudioReport {
    /// Number of rows that were pulled.
    pub pulled: usize,
    /// True if anything was pushed.
    pub has_pushed: bool,
    /// What is damaged in the catalog and was left out, for people.
    pub damaged: Vec<String>,
}

/// Exchanges policies, runs, failures and cards, unless there is nothing new. `there`: the revision of the studio in the catalog.
///
/// # Errors
/// [`Error::Catalog`](crate::base::error::Error::Catalog); the index cannot be written. What was marked then stays marked.
pub fn exchange_studio(
    catalog: &mut Catalog,
    (index, registry): (&mut Index, &Registry),
    there: i64,
) -> Result<StudioReport> {
    index.ensure_studio_shared()?;
    index.interrupt_dead_runs()?;
    let is_push = catalog.may_push() && index.has_unshared_studio()?;
    if index.studio_revision()? == Some(there) && !is_push {
        return Ok(StudioReport::default());
    }
    repeat(catalog, "exchange the studio", |catalog| {
        exchange_once(catalog, index, registry)
    })
}

fn exchange_once(
    catalog: &mut Catalog,
    index: &mut Index,
    registry: &Registry,
) -> Result<StudioReport, ExchangeFailure> {
    let unshared = index.unshared_studio()?;
    let is_push = catalog.may_push() && !unshared.is_empty();
    let address = catalog.address().clone();
    let mut transaction = if is_push {
        catalog.begin()?
    } else {
        catalog.begin_snapshot()?
    };
    let (revision, clock) = read_studio(&mut transaction, is_push, &address)?;
    if revision < unshared.revision {
        drop(transaction);
        // The catalog lost revisions, as one that was restored from a backup: all is compared again.
        index.share_studio()?;
        return Err(ExchangeFailure::Overtaken);
    }
    let own = index.own_host()?;
    let known_hosts = index.known_hosts()?;
    if is_push {
        CatalogHosts::write(&mut transaction, &own, &known_hosts, clock.now)?;
    }
    let all_hosts = CatalogHosts::read(&mut transaction, clock)?;
    let hosts = all_hosts.add_to(index, &own)?;
    let pull = StudioPull {
        clock,
        known_revision: unshared.revision,
        hosts: &hosts,
        own_policies: if is_push { &unshared.policies } else { &[] },
        is_check: false,
    };
    let PulledStudio {
        mut incoming,
        cards,
        damaged,
    } = pull.run(&mut transaction)?;
    let own_policies = merge(&unshared.policies, &mut incoming.policies);
    let numbers = all_hosts.numbers(&known_hosts);
    let own_number = numbers.get(&None).filter(|_| is_push).map(|host| host.0);
    let revision = revision + i64::from(own_number.is_some());
    if let Some(own) = own_number {
        let push = StudioPush {
            index,
            registry,
            unshared: &unshared,
            clock,
            revision,
            numbers,
            own,
        };
        push.run(&mut transaction, &own_policies)?;
    }
    transaction.commit()?;
    let pulled = incoming.len() + cards.len();
    for (key, card) in cards {
        let written = index.write_shared_card(key, card, &hosts);
        written.map_err(|failure| foreign_failure(failure, &address))?;
    }
    // Without a push, all that was marked stays marked.
    let pushed = if is_push {
        unshared
    } else {
        unshared.nothing()
    };
    // What was left out is read again until it is whole: an older card may hold fewer files.
    let known = if damaged.is_empty() {
        revision
    } else {
        pushed.revision
    };
    if !index.end_studio_exchange(&pushed, &incoming, known)? {
        return Err(ExchangeFailure::Overtaken);
    }
    Ok(StudioReport {
        pulled,
        has_pushed: own_number.is_some(),
        damaged,
    })
}

/// Returns the revision of the studio, and the clock of the server, in a transaction that has just begun. A push locks the row
/// until the transaction ends.
fn read_studio(
    transaction: &mut Transaction<'_>,
    is_push: bool,
    address: &CatalogAddress,
) -> Result<(i64, ServerClock), ExchangeFailure> {
    let began = Timestamp::now();
    let sql = if is_push { LOCK_STUDIO } else { READ_STUDIO };
    let row = transaction.query_opt(sql, &[])?;
    let row = row.ok_or_else(|| damaged_rows(address, "the revision of the studio is missing"))?;
    Ok((row.get(0), ServerClock::new(row.get(1), began)))
}

/// What others changed.
#[derive(Debug, Default)]
struct PulledStudio {
    incoming: IncomingStudio,
    cards: Vec<PulledCard>,
    /// What is damaged and was left out.
    damaged: Vec<String>,
}

impl StudioPull<'_> {
    /// Returns what others changed since the revision that this index knows.
    fn run(&self, transaction: &mut Transaction<'_>) -> Result<PulledStudio, ExchangeFailure> {
        let mut pulled = PulledStudio::default();
        let (incoming, damaged) = (&mut pulled.incoming, &mut pulled.damaged);
        self.read_policies(transaction, incoming, damaged)?;
        self.read_runs(transaction, incoming, damaged)?;
        self.read_failures(transaction, incoming, damaged)?;
        pulled.cards = self.read_cards(transaction, damaged)?;
        Ok(pulled)
    }
}

impl StudioPush<'_> {
    /// Writes what the catalog lacks, and raises the revision.
    fn run(
        &self,
        transaction: &mut Transaction<'_>,
        policies: &[&SharedPolicy],
    ) -> Result<(), ExchangeFailure> {
        self.write_policies(transaction, policies)?;
        self.write_runs(transaction)?;
        self.write_failures(transaction)?;
        self.write_cards(transaction)?;
        transaction.execute(RAISE_STUDIO, &[&self.revision])?;
        Ok(())
    }
}
