//! Attempts at an exchange: repeated while others stand in its way, and without a push where none is accepted.

use super::failure::ExchangeFailure;
use crate::base::error::{CatalogProblem, Result};
use crate::catalog::connection::Catalog;
use crate::catalog::server_error::{self, statement_error};

/// Maximum number of attempts while other processes of this workstation scan the storage, or the server undoes the
/// transaction because of another.
const ATTEMPTS: u32 = 8;

/// Repeats an exchange while other transactions or other processes of this workstation stand in its way. `what`: what those
/// processes do, for people.
pub(super) fn repeat<T>(
    catalog: &mut Catalog,
    what: &str,
    mut once: impl FnMut(&mut Catalog) -> Result<T, ExchangeFailure>,
) -> Result<T> {
    let address = catalog.address().clone();
    let mut attempt = 1;
    loop {
        let is_last = attempt == ATTEMPTS;
        attempt += 1;
        match once(catalog) {
            Ok(done) => return Ok(done),
            Err(ExchangeFailure::Final(error)) => return Err(error),
            Err(ExchangeFailure::Damaged(what)) => {
                return Err(server_error::damaged_rows(&address, &what));
            }
            Err(ExchangeFailure::Server(error)) if catalog.refuses_writes_by(&error) => {}
            Err(ExchangeFailure::Server(error))
                if is_last || !server_error::is_transient(&error) =>
            {
                return Err(statement_error(&error, &address));
            }
            Err(ExchangeFailure::Overtaken) if is_last => {
                let why = format!("other runs of this workstation {what}");
                return Err(catalog.refuse(CatalogProblem::Busy(why)));
            }
            Err(ExchangeFailure::Server(_) | ExchangeFailure::Overtaken) => {}
        }
    }
}

impl Catalog {
    /// True if this error is the first that refuses a change to a session that may still read. From then on it only pulls.
    fn refuses_writes_by(&mut self, error: &postgres::Error) -> bool {
        let refusal = server_error::write_refusal(error, self.address());
        let is_first = self.may_push();
        match refusal {
            Some(why) if is_first => {
                self.refuse_writes(why);
                true
            }
            _ => false,
        }
    }
}
