//! The failure of one attempt at an exchange.

use crate::base::error::Error;

/// An attempt that must be repeated, or cannot be.
pub(super) enum ExchangeFailure {
    Server(postgres::Error),
    /// Another process of this workstation changed the same replicas.
    Overtaken,
    /// A row is damaged. Holds what it is.
    Damaged(String),
    Final(Error),
}

impl From<postgres::Error> for ExchangeFailure {
    fn from(error: postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<Error> for ExchangeFailure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}
