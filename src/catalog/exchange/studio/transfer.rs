//! A pull and a push of the studio, whose parts are in the other files.

use std::collections::BTreeMap;

use crate::catalog::exchange::failure::ExchangeFailure;
use crate::catalog::exchange::server_clock::ServerClock;
use crate::index::{ForeignHosts, HostId, Index, SharedPolicy, UnsharedStudio};
use crate::model::registry::Registry;

/// A pull of the studio.
pub(super) struct StudioPull<'a> {
    pub(super) clock: ServerClock,
    /// The revision that this index knows.
    pub(super) known_revision: i64,
    pub(super) hosts: &'a ForeignHosts,
    /// Policies that the push writes anew.
    pub(super) own_policies: &'a [SharedPolicy],
    /// True to read the rows of this workstation, too, and to go on after a damaged policy.
    pub(super) is_check: bool,
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
        host.ok_or_else(|| damaged("the workstation of a row"))
    }

    /// Returns the workstation that a row of a single workstation is of; `None` for one that is not read. Own rows come back
    /// after an exchange that ended early.
    pub(super) fn owner(&self, number: i64) -> Result<Option<HostId>, ExchangeFailure> {
        let own = self.is_check.then_some(HostId(0));
        Ok(self.host(number)?.or(own))
    }
}

/// The failure of a damaged row.
pub(super) fn damaged(what: &str) -> ExchangeFailure {
    ExchangeFailure::Damaged(what.to_owned())
}

/// Adds what is damaged to the list of what is left out. Other failures stay.
pub(super) fn leave_out(
    read: Result<(), ExchangeFailure>,
    left_out: &mut Vec<String>,
) -> Result<(), ExchangeFailure> {
    match read {
        Err(ExchangeFailure::Damaged(what)) => left_out.push(what),
        read => read?,
    }
    Ok(())
}
