//! A model of leases: two workstations, requests and answers that take any time or are lost, and a server with a clock.
//! Every interleaving is walked, with the terms that the program uses. At no time do two terms hold.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::{LOST, LeaseTerm, MARGIN, TERM, nanoseconds};

/// Time of one step.
const TICK: Duration = Duration::from_secs(10);

/// Ticks of a term at the server.
const TERM_TICKS: u8 = 6;

/// Ticks after which it no longer matters how old a request is.
const OLD: u8 = TERM_TICKS + 1;

/// The time of every state: all other times are relative to it.
const NOW: Duration = Duration::from_secs(1_000);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum RequestKind {
    Acquire,
    Renew,
}

/// A request that was sent some ticks ago.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Request {
    kind: RequestKind,
    age: u8,
    /// The answer, once the server has executed it.
    answer: Option<bool>,
}

/// A workstation. Its token is replaced when it gives up a lease.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Workstation {
    request: Option<Request>,
    /// End of its term in nanoseconds; none without a lease.
    until: Option<u64>,
}

/// The row of the lease: its owner, none for a token that nobody has any more, and the ticks until it expires.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct LeaseRow {
    owner: Option<usize>,
    left: i8,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    row: Option<LeaseRow>,
    stations: [Workstation; 2],
}

/// The time from which a workstation counts its term.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CountFrom {
    Request,
    /// A mistake that the model must find.
    Answer,
}

impl Workstation {
    fn term(&self) -> LeaseTerm {
        LeaseTerm {
            until: AtomicU64::new(self.until.unwrap_or(LOST)),
        }
    }

    fn holds(&self) -> bool {
        self.term().holds(NOW)
    }
}

impl World {
    const START: Self = Self {
        row: None,
        stations: [Workstation {
            request: None,
            until: None,
        }; 2],
    };

    /// Returns every world that one event leads to.
    fn successors(&self, from: CountFrom) -> Vec<Self> {
        let mut worlds = vec![self.after_tick()];
        for station in 0..2 {
            match self.stations[station].request {
                None => worlds.extend(self.after_send(station)),
                Some(Request {
                    answer: None, age, ..
                }) => {
                    // The transaction began at any time since the request was sent, even if it waited for a lock.
                    worlds.extend((0..=age).map(|began| self.after_execution(station, began)));
                    worlds.push(self.after_loss(station));
                }
                Some(_) => {
                    worlds.push(self.after_answer(station, from));
                    worlds.push(self.after_loss(station));
                }
            }
        }
        worlds
    }

    fn after_tick(&self) -> Self {
        let mut next = self.clone();
        if let Some(row) = &mut next.row {
            row.left = (row.left - 1).max(-1);
        }
        for station in &mut next.stations {
            if let Some(request) = &mut station.request {
                request.age = (request.age + 1).min(OLD);
            }
            let earlier = |until: u64| until.saturating_sub(nanoseconds(TICK));
            // All terms that have ended for long are alike.
            let oldest = nanoseconds(NOW.saturating_sub(TERM * 2));
            station.until = station.until.map(earlier);
            station.until = station.until.map(|until| match until {
                LOST => LOST,
                until => until.max(oldest),
            });
        }
        next
    }

    /// A workstation asks for a lease, or renews the one it has; one that has lost it gives it up first.
    fn after_send(&self, station: usize) -> Vec<Self> {
        let mut next = self.clone();
        let has_lease = next.stations[station].until.is_some();
        if has_lease && !next.stations[station].holds() {
            next.stations[station].until = None;
            if let Some(row) = next.row.as_mut().filter(|row| row.owner == Some(station)) {
                row.owner = None;
            }
            return vec![next];
        }
        next.stations[station].request = Some(Request {
            kind: if has_lease {
                RequestKind::Renew
            } else {
                RequestKind::Acquire
            },
            age: 0,
            answer: None,
        });
        vec![next]
    }

    /// The server executes a request; its transaction began some ticks ago.
    fn after_execution(&self, station: usize, began: u8) -> Self {
        let mut next = self.clone();
        let Some(request) = &mut next.stations[station].request else {
            return next;
        };
        let began = i8::try_from(began).unwrap();
        let is_expired = next.row.is_none_or(|row| row.left + began <= 0);
        let is_own = next.row.is_some_and(|row| row.owner == Some(station));
        let granted = match request.kind {
            RequestKind::Acquire => is_expired,
            RequestKind::Renew => is_own && !is_expired,
        };
        request.answer = Some(granted);
        if granted {
            next.row = Some(LeaseRow {
                owner: Some(station),
                left: i8::try_from(TERM_TICKS).unwrap() - began,
            });
        }
        next
    }

    fn after_answer(&self, station: usize, from: CountFrom) -> Self {
        let mut next = self.clone();
        let station = &mut next.stations[station];
        let Some(request) = station.request.take() else {
            return next;
        };
        let requested = match from {
            CountFrom::Request => NOW.saturating_sub(TICK * request.age.into()),
            CountFrom::Answer => NOW,
        };
        let is_granted = request.answer == Some(true);
        let term = match request.kind {
            RequestKind::Acquire if is_granted => LeaseTerm::new(requested),
            RequestKind::Acquire => return next,
            RequestKind::Renew => station.term(),
        };
        match (request.kind, is_granted) {
            (RequestKind::Renew, true) => term.renew(requested, NOW),
            (RequestKind::Renew, false) => term.lose(),
            (RequestKind::Acquire, _) => {}
        }
        station.until = Some(term.until.into_inner());
        next
    }

    /// The answer, or the request, is lost with the connection. An unknown token stays in the row of an acquired lease.
    fn after_loss(&self, station: usize) -> Self {
        let mut next = self.clone();
        let request = next.stations[station].request.take();
        let is_acquisition = request.is_some_and(|request| request.kind == RequestKind::Acquire);
        if let Some(row) = next.row.as_mut().filter(|row| row.owner == Some(station))
            && is_acquisition
        {
            row.owner = None;
        }
        next
    }

    /// True if two terms hold, or one began less than the margin after the other ended.
    fn is_unsafe(&self) -> bool {
        let [first, second] = self.stations;
        let overlaps = |holder: Workstation, other: Workstation| {
            let ended = other.until.filter(|until| *until != LOST);
            holder.holds()
                && ended.is_some_and(|ended| ended + nanoseconds(MARGIN) > nanoseconds(NOW))
        };
        overlaps(first, second) || overlaps(second, first)
    }
}

/// Walks every world, and returns their number, or none at the first unsafe one.
fn walk(from: CountFrom) -> Option<usize> {
    let mut seen = HashSet::from([World::START]);
    let mut pending = vec![World::START];
    while let Some(world) = pending.pop() {
        for next in world.successors(from) {
            if next.is_unsafe() {
                return None;
            }
            if seen.insert(next.clone()) {
                pending.push(next);
            }
        }
    }
    Some(seen.len())
}

#[test]
fn no_interleaving_lets_two_leases_hold() {
    assert_eq!(TERM, TICK * TERM_TICKS.into());
    assert!(walk(CountFrom::Request).unwrap() > 10_000);
}

#[test]
fn model_finds_terms_counted_from_the_answer() {
    assert_eq!(walk(CountFrom::Answer), None);
}
