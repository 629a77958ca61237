//! A pull and a push of the studio, whose parts are in the other files.

use std::collections::BTreeMap;

use crate::catalog::address::CatalogAddress;
use crate::catalog::exchange::failure::ExchangeFailure;
use crate::catalog::exchange::server_clock::ServerClock;
use crate::catalog::server_error::damaged_rows;
use crate::index::{ForeignHosts, HostId, Index, SharedPolicy, UnsharedStudio};
use crate::model::registry::Registry;

/// A pull of the studio.
pub(super) struct StudioPull<'a> {
    pub(super) address: &'a CatalogAddress,
    pub(super) clock: ServerClock,
    /// The revision that this index knows.
    pub(super) known_revision: i64,
    pub(super) hosts: &'a ForeignHosts,
    /// Policies that the push writes anew.
    pub(super) own_policies: &'a [SharedPolicy],
}

/// A push of the studio.
pub(super) struct StudioPush<'a> {
    pub(super) index: &'a Index,
    pub(super) registry: &'a Registry,
    pub(super) unshared: &'a UnsharedStudio,
    pub(super) clock: ServerClock,
    /// The revision of the rows.
    pub(super) revision: i64,
    /// The numbers that the catalog gives to workstations.
    pub(super) numbers: BTreeMap<Option<HostId>, HostId>,
    /// The number that it gives to this one.
    pub(super) own: i64,
}

impl StudioPull<'_> {
    /// Returns the workstation of a row; `None` within for this one.
    pub(super) fn host(&self, number: i64) -> Result<Option<HostId>, ExchangeFailure> {
        let host = self.hosts.number_here(number);
        host.ok_or_else(|| self.damaged("a workstation is unknown"))
    }

    pub(super) fn damaged(&self, what: &str) -> ExchangeFailure {
        ExchangeFailure::Final(damaged_rows(self.address, what))
    }
}
