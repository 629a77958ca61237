//! A sync to several destinations, one after the other. One that fails does not stop the others.

use std::time::Instant;

use super::request::SyncRequest;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::monitor::Monitor;
use crate::copy::report::Report;
use crate::index::{Index, RunId};
use crate::model::registry::{Database, Registry};

/// Syncs each destination with its own plan, lock and record of sent files. `request_for` gives the request of each.
///
/// # Errors
/// The first failure, if no destination could be synced. Failures of the index that concern all destinations count so too.
pub fn sync_each<'a>(
    index: &mut Index,
    registry: &Registry,
    destinations: &[&'a Database],
    request_for: impl Fn(&'a Database) -> SyncRequest<'a>,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<Report> {
    let start = Instant::now();
    let mut total = Report::default();
    let (mut first, mut has_started) = (None, false);
    for (number, destination) in destinations.iter().enumerate() {
        let synced = if number > 0 && interrupt::is_requested() {
            Err(Error::Interrupted)
        } else {
            super::sync(index, registry, &request_for(destination), run, monitor)
        };
        match synced {
            Ok(report) => {
                has_started = true;
                total.add_destination(destination, report, None);
            }
            Err(error) => {
                total.add_destination(destination, Report::default(), Some(&error));
                first.get_or_insert(error);
            }
        }
    }
    if let Some(error) = first.filter(|_| !has_started) {
        return Err(error);
    }
    total.finish(start);
    Ok(total)
}
