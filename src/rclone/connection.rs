//! Whether a remote answers, and as which database: asked before anything is done with it.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Remote;
use super::absence::{Found, Names};
use crate::base::error::{Result, Trouble};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::own_name::OWN_FOLDER;

/// What a remote showed of itself.
#[derive(Debug, Default)]
pub struct Reached {
    /// What its identity file says, if it has one.
    pub identity: Option<String>,
    /// The names at its root; `None` where the identity said enough.
    pub names: Option<Vec<Name>>,
    /// Whether something at its root is not among the names.
    left_out: bool,
}

impl Reached {
    /// Whether there is nothing of anybody's.
    pub fn is_empty(&self) -> bool {
        let is_own = |name: &Name| *name == Name::from(OWN_FOLDER);
        let names = self.names.as_ref();
        !self.left_out && names.is_some_and(|names| names.iter().all(is_own))
    }
}

impl Remote {
    /// Asks whether it answers, within this time. Where an identity is known, the file that says it is all that is read.
    ///
    /// # Errors
    /// An interruption, or rclone cannot be started; what is in the way is the inner error.
    pub fn reach(
        &self,
        known: Option<&str>,
        patience: Duration,
    ) -> Result<Result<Reached, Trouble>> {
        let start = Instant::now();
        let left = || patience.saturating_sub(start.elapsed());
        if known.is_some() {
            match try_again(patience, || self.identity(left()))? {
                Ok(Some(identity)) => {
                    self.note_answered(start);
                    return Ok(Ok(Reached {
                        identity: Some(identity),
                        ..Reached::default()
                    }));
                }
                Ok(None) => {}
                Err(trouble) => return Ok(Err(trouble)),
            }
        }
        let names = try_again(left(), || {
            Ok(match self.names_alone(Path::new(""), left())? {
                Found::Names(names) => Ok(names),
                Found::Absent => Err(Trouble::NoFolder),
                Found::Unread(trouble) => Err(trouble),
            })
        })?;
        let Names { names, left_out } = match names {
            Ok(names) => names,
            Err(Trouble::Late(_)) => return Ok(Err(Trouble::Late(patience.as_secs()))),
            Err(trouble) => return Ok(Err(trouble)),
        };
        self.note_answered(start);
        let identity = if names.contains(&Name::from(OWN_FOLDER)) {
            match self.identity(left())? {
                Ok(identity) => identity,
                Err(trouble) => return Ok(Err(trouble)),
            }
        } else {
            None
        };
        Ok(Ok(Reached {
            identity,
            names: Some(names.into_iter().collect()),
            left_out,
        }))
    }

    /// Notes how long it took to answer.
    fn note_answered(&self, start: Instant) {
        let answered = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.answered.store(answered.max(1), Ordering::Relaxed);
    }
}

/// Asks again, within this time, where a storage limits the rate of requests.
fn try_again<T>(
    patience: Duration,
    ask: impl Fn() -> Result<Result<T, Trouble>>,
) -> Result<Result<T, Trouble>> {
    let start = Instant::now();
    let mut wait = Duration::from_secs(1);
    loop {
        let answer = ask()?;
        let is_limited = matches!(answer, Err(Trouble::RateLimited));
        if !is_limited || start.elapsed() + wait > patience / 2 {
            return Ok(answer);
        }
        interrupt::sleep(wait)?;
        wait *= 2;
    }
}
