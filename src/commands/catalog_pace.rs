//! The pace at which a session asks the catalog: before a question, but not for each of several in a row, and seldom while
//! the server is away.

use std::time::{Duration, Instant};

use crate::catalog::CatalogAddress;

/// Time for which the answers of the catalog are fresh.
const FRESH: Duration = Duration::from_secs(1);

/// Time after a failure in which the catalog is not asked again: each attempt may wait for seconds.
const OUTAGE_PAUSE: Duration = Duration::from_secs(60);

/// The last time that a session asked a catalog.
#[derive(Debug, Default)]
pub struct CatalogPace {
    last: Option<Asked>,
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
        last.is_none_or(|last| {
            let pause = if last.has_failed { OUTAGE_PAUSE } else { FRESH };
            now.saturating_duration_since(last.at) >= pause
        })
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
}
