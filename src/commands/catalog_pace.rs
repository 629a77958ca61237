//! The pace at which a session asks the catalog: before a question, but not for each of several in a row, and seldom while
//! the server is away. A catalog that takes no changes is told seldom, too, and only once what waits is announced.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::base::error::CatalogProblem;
use crate::catalog::CatalogAddress;

/// Time for which the answers of the catalog are fresh.
const FRESH: Duration = Duration::from_secs(1);

/// Time after a failure in which the catalog is not asked again: each attempt may wait for seconds.
const OUTAGE_PAUSE: Duration = Duration::from_secs(60);

/// The last time that a session asked a catalog.
#[derive(Debug, Default)]
pub struct CatalogPace {
    last: Option<Asked>,
    refusal: WriteRefusal,
    /// Notices that were given, and are not repeated.
    given: BTreeSet<String>,
}

#[derive(Debug)]
struct Asked {
    address: CatalogAddress,
    at: Instant,
    has_failed: bool,
}

impl CatalogPace {
    /// True if the catalog with this address is to be asked now.
    pub(super) fn is_due(&self, address: &CatalogAddress, now: Instant) -> bool {
        let last = self.last.as_ref().filter(|last| last.address == *address);
        let is_fresh = last.is_some_and(|last| now.saturating_duration_since(last.at) < FRESH);
        !is_fresh && self.pause_end(address).is_none_or(|end| now >= end)
    }

    /// Returns the time until which the catalog with this address is not asked, because it was away.
    pub(super) fn pause_end(&self, address: &CatalogAddress) -> Option<Instant> {
        let last = self.last.as_ref().filter(|last| last.address == *address)?;
        last.has_failed.then(|| last.at + OUTAGE_PAUSE)
    }

    /// Returns the refusal that all runs of the session share.
    pub(super) const fn refusal(&self) -> &WriteRefusal {
        &self.refusal
    }

    /// True if this notice was not given in the session yet.
    pub(super) fn is_new(&mut self, notice: &str) -> bool {
        self.given.insert(notice.to_owned())
    }

    /// Records that the catalog was asked.
    pub(super) fn record(&mut self, address: CatalogAddress, now: Instant, has_failed: bool) {
        self.last = Some(Asked {
            address,
            at: now,
            has_failed,
        });
    }
}

/// The last refusal of a change by the catalog of a session. All clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct WriteRefusal(Arc<Mutex<Option<Refused>>>);

#[derive(Debug)]
struct Refused {
    address: CatalogAddress,
    at: Instant,
    why: CatalogProblem,
}

impl WriteRefusal {
    /// Returns the reason why this catalog took no change a short while ago, so that none is sent now.
    pub(super) fn recent(&self, address: &CatalogAddress, now: Instant) -> Option<CatalogProblem> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.as_ref().filter(|last| last.address == *address)?;
        let is_recent = now.saturating_duration_since(last.at) < OUTAGE_PAUSE;
        is_recent.then(|| last.why.clone())
    }

    /// Records a refusal. Returns true if it is the first of this catalog for this reason.
    pub(super) fn record(
        &self,
        address: &CatalogAddress,
        now: Instant,
        why: &CatalogProblem,
    ) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = last
            .as_ref()
            .is_some_and(|last| last.address == *address && last.why == *why);
        *last = Some(Refused {
            address: address.clone(),
            at: now,
            why: why.clone(),
        });
        !is_known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(name: &str) -> CatalogAddress {
        CatalogAddress::parse(&format!("postgres://studio@nas/{name}")).unwrap()
    }

    #[test]
    fn questions_in_a_row_ask_once() {
        let (mut pace, start) = (CatalogPace::default(), Instant::now());
        assert!(pace.is_due(&address("one"), start));
        pace.record(address("one"), start, false);
        assert!(!pace.is_due(&address("one"), start + FRESH / 2));
        assert!(pace.is_due(&address("one"), start + FRESH));
        assert!(pace.is_due(&address("other"), start));
    }

    #[test]
    fn absent_server_is_asked_seldom() {
        let (mut pace, start) = (CatalogPace::default(), Instant::now());
        pace.record(address("one"), start, true);
        assert!(!pace.is_due(&address("one"), start + OUTAGE_PAUSE / 2));
        assert!(pace.is_due(&address("one"), start + OUTAGE_PAUSE));
    }

    #[test]
    fn refused_change_is_told_once_and_tried_again() {
        let (refusal, start) = (WriteRefusal::default(), Instant::now());
        let why = CatalogProblem::ReadOnly;
        assert_eq!(refusal.recent(&address("one"), start), None);
        assert!(refusal.record(&address("one"), start, &why));
        let again = refusal.clone();
        assert_eq!(
            again.recent(&address("one"), start + OUTAGE_PAUSE / 2),
            Some(why.clone())
        );
        assert_eq!(again.recent(&address("other"), start), None);
        assert_eq!(again.recent(&address("one"), start + OUTAGE_PAUSE), None);
        assert!(!again.record(&address("one"), start + OUTAGE_PAUSE, &why));
        assert!(again.record(&address("other"), start, &why));
    }
}
