//! The share of this index in what the catalog knows of the studio: policies, and the runs, failed
//! files and cards of all workstations.
//!
//! `mark` records each change of this workstation in the transaction of the change. `unshared` reads what was marked, for a
//! push. `pull` writes what a pull brought, and clears the marks.
//!
//! Rules: what other workstations did stands in tables of its own, so that no undo, restore or retry acts on it; and only a
//! row that says so removes anything, never the absence of one.

mod card;
mod failure;
#[cfg(test)]
mod law;
mod mark;
mod policy;
mod pull;
mod run;
mod unshared;

pub use self::card::{CardOrigin, SharedCard, SharedCardFolder};
pub use self::failure::{FailureKey, SharedFailure};
pub use self::mark::KEPT_RUNS;
pub(super) use self::mark::{mark_card, mark_failures, mark_run};
pub use self::policy::SharedPolicy;
pub use self::pull::IncomingStudio;
pub use self::run::SharedRun;
pub use self::unshared::{UnsharedFailure, UnsharedStudio};
