//! Connection check: whether a remote answers, and which database it holds. It runs before every other request.

use std::path::Path;
use std::time::{Duration, Instant};

use super::folder_name::NamesResult;
use super::remote::Remote;
use crate::base::error::{ConnectionError, Result};
use crate::base::name::Name;
use crate::base::own_name::OWN_FOLDER;
use crate::model::identity::Identity;

/// Answer of a remote to the connection check.
#[derive(Debug, Default)]
pub struct ConnectionCheck {
    /// The remote's identity file, if it has one.
    pub identity: Option<Identity>,
    /// The names at the root; `None` if the identity made a listing unnecessary.
    pub names: Option<Vec<Name>>,
    /// True if the root holds entries that are not among the names.
    is_incomplete: bool,
}

impl ConnectionCheck {
    /// True if the root holds nothing but our own folder.
    pub fn is_empty(&self) -> bool {
        let is_own = |name: &Name| *name == Name::from(OWN_FOLDER);
        let names = self.names.as_ref();
        !self.is_incomplete && names.is_some_and(|names| names.iter().all(is_own))
    }
}

impl Remote {
    /// Checks that the remote answers within this time. With a known identity, only the identity file is read.
    ///
    /// # Errors
    /// Interruption, or rclone cannot be started. The inner error is the reason why the remote is unavailable.
    pub fn check_connection(
        &self,
        known_identity: Option<&str>,
        timeout: Duration,
    ) -> Result<Result<ConnectionCheck, ConnectionError>> {
        let start = Instant::now();
        let left = || timeout.saturating_sub(start.elapsed());
        if known_identity.is_some() {
            match self.read_identity(left())? {
                Ok(Some(identity)) => {
                    self.record_latency(start);
                    return Ok(Ok(ConnectionCheck {
                        identity: Some(identity),
                        ..ConnectionCheck::default()
                    }));
                }
                Ok(None) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        let found = match self.list_names_by_process(Path::new(""), left())? {
            NamesResult::Listed(found) => found,
            NamesResult::Missing => return Ok(Err(ConnectionError::FolderNotFound)),
            NamesResult::Failed(ConnectionError::Timeout(_)) => {
                return Ok(Err(ConnectionError::Timeout(timeout.as_secs())));
            }
            NamesResult::Failed(error) => return Ok(Err(error)),
        };
        self.record_latency(start);
        let mut identity = None;
        if found.names.contains(&Name::from(OWN_FOLDER)) {
            match self.read_identity(left())? {
                Ok(stored) => identity = stored,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(ConnectionCheck {
            identity,
            names: Some(found.names.into_iter().collect()),
            is_incomplete: found.is_incomplete,
        }))
    }
}
