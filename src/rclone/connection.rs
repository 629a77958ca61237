//! Whether a remote answers, and as which database: asked before anything is done with it.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Remote;
use super::absence::{FolderNames, NamesResult};
use crate::base::error::{ConnectionError, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::own_name::OWN_FOLDER;

/// What a remote showed of itself.
#[derive(Debug, Default)]
pub struct ConnectionCheck {
    /// What its identity file says, if it has one.
    pub identity: Option<String>,
    /// The names at its root; `None` where the identity said enough.
    pub names: Option<Vec<Name>>,
    /// Whether something at its root is not among the names.
    is_incomplete: bool,
}

impl ConnectionCheck {
    /// Whether there is nothing of anybody's.
    pub fn is_empty(&self) -> bool {
        let is_own = |name: &Name| *name == Name::from(OWN_FOLDER);
        let names = self.names.as_ref();
        !self.is_incomplete && names.is_some_and(|names| names.iter().all(is_own))
    }
}

impl Remote {
    /// Asks whether it answers, within this time. Where an identity is known, the file that says it is all that is read.
    ///
    /// # Errors
    /// An interruption, or rclone cannot be started; what is in the way is the inner error.
    pub fn check_connection(
        &self,
        known_identity: Option<&str>,
        timeout: Duration,
    ) -> Result<Result<ConnectionCheck, ConnectionError>> {
        let start = Instant::now();
        let left = || timeout.saturating_sub(start.elapsed());
        if known_identity.is_some() {
            match retry_rate_limited(timeout, || self.read_identity(left()))? {
                Ok(Some(identity)) => {
                    self.record_latency(start);
                    return Ok(Ok(ConnectionCheck {
                        identity: Some(identity),
                        ..ConnectionCheck::default()
                    }));
                }
                Ok(None) => {}
                Err(trouble) => return Ok(Err(trouble)),
            }
        }
        let names = retry_rate_limited(left(), || {
            Ok(match self.list_names_by_process(Path::new(""), left())? {
                NamesResult::Listed(names) => Ok(names),
                NamesResult::Missing => Err(ConnectionError::FolderNotFound),
                NamesResult::Failed(trouble) => Err(trouble),
            })
        })?;
        let FolderNames {
            names,
            is_incomplete,
        } = match names {
            Ok(names) => names,
            Err(ConnectionError::Timeout(_)) => {
                return Ok(Err(ConnectionError::Timeout(timeout.as_secs())));
            }
            Err(trouble) => return Ok(Err(trouble)),
        };
        self.record_latency(start);
        let identity = if names.contains(&Name::from(OWN_FOLDER)) {
            match self.read_identity(left())? {
                Ok(identity) => identity,
                Err(trouble) => return Ok(Err(trouble)),
            }
        } else {
            None
        };
        Ok(Ok(ConnectionCheck {
            identity,
            names: Some(names.into_iter().collect()),
            is_incomplete,
        }))
    }

    /// Notes how long it took to answer.
    fn record_latency(&self, start: Instant) {
        let latency_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.latency_ms.store(latency_ms.max(1), Ordering::Relaxed);
    }
}

/// Asks again, within this time, where a storage limits the rate of requests.
fn retry_rate_limited<T>(
    timeout: Duration,
    ask: impl Fn() -> Result<Result<T, ConnectionError>>,
) -> Result<Result<T, ConnectionError>> {
    let start = Instant::now();
    let mut wait = Duration::from_secs(1);
    loop {
        let answer = ask()?;
        let is_limited = matches!(answer, Err(ConnectionError::RateLimited));
        if !is_limited || start.elapsed() + wait > timeout / 2 {
            return Ok(answer);
        }
        interrupt::sleep(wait)?;
        wait *= 2;
    }
}
