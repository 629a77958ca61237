//! The check of all rows of the studio: each one is read as by a pull of everything, and nothing is written.

use super::statement::READ_STUDIO;
use super::transfer::StudioPull;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::catalog::connection::Catalog;
use crate::catalog::exchange::attempt::repeat;
use crate::catalog::exchange::host::CatalogHosts;
use crate::catalog::exchange::server_clock::ServerClock;
use crate::index::Index;

/// Checks the rows of policies, runs, failures and cards, those of this workstation, too. Returns what is damaged, for people.
///
/// # Errors
/// [`Error::Catalog`](crate::base::error::Error::Catalog); the index cannot be read.
pub fn check_studio(catalog: &mut Catalog, index: &mut Index) -> Result<Vec<String>> {
    repeat(catalog, "exchange the studio", |catalog| {
        let own = index.own_host()?;
        let mut transaction = catalog.begin_snapshot()?;
        let began = Timestamp::now();
        let row = transaction.query_one(READ_STUDIO, &[])?;
        let clock = ServerClock::new(row.get(1), began);
        let hosts = CatalogHosts::read(&mut transaction, clock)?.add_to(index, &own)?;
        let pull = StudioPull {
            clock,
            known_revision: 0,
            hosts: &hosts,
            own_policies: &[],
            is_check: true,
        };
        Ok(pull.run(&mut transaction)?.damaged)
    })
}
