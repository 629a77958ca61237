//! The check of all rows of the studio: each one is read as by a pull of everything, and nothing is written.

use super::statement::READ_STUDIO;
use super::transfer::StudioPull;
use crate::base::error::{CatalogProblem, Error, Result};
use crate::base::timestamp::Timestamp;
use crate::catalog::connection::Catalog;
use crate::catalog::exchange::attempt::repeat;
use crate::catalog::exchange::host::CatalogHosts;
use crate::catalog::exchange::server_clock::ServerClock;
use crate::index::Index;

/// Checks the rows of policies, runs, failures and cards. Returns what is damaged first, for people.
///
/// # Errors
/// [`Error::Catalog`]; the index cannot be read.
pub fn check_studio(catalog: &mut Catalog, index: &mut Index) -> Result<Option<String>> {
    let address = catalog.address().clone();
    let checked = repeat(catalog, "exchange the studio", |catalog| {
        let own = index.own_host()?;
        let mut transaction = catalog.begin_snapshot()?;
        let began = Timestamp::now();
        let row = transaction.query_one(READ_STUDIO, &[])?;
        let clock = ServerClock::new(row.get(1), began);
        let hosts = CatalogHosts::read(&mut transaction, clock)?.add_to(index, &own)?;
        let pull = StudioPull {
            address: &address,
            clock,
            known_revision: 0,
            hosts: &hosts,
            own_policies: &[],
        };
        pull.run(&mut transaction)?;
        for (_, card) in pull.read_cards(&mut transaction)? {
            if !card.is_sound(&hosts) {
                return Err(pull.damaged("the files of a card"));
            }
        }
        Ok(())
    });
    match checked {
        Ok(()) => Ok(None),
        Err(Error::Catalog {
            problem: CatalogProblem::Damaged(what),
            ..
        }) => Ok(Some(what)),
        Err(error) => Err(error),
    }
}
