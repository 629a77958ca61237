//! Whether a remote answers, and as which database: asked before anything is done with it.

use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;

use super::daemon::{Answer, Daemon};
use super::log;
use super::process::{self, End, Line, Patience};
use super::{Remote, names};
use crate::error::{Result, Trouble};
use crate::exclusions::OWN_FOLDER;
use crate::identity;
use crate::name::Name;
use crate::os::scratch::ScratchFolder;

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
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let is_own = |name: &Name| *name == Name::from(OWN_FOLDER);
        let names = self.names.as_ref();
        !self.left_out && names.is_some_and(|names| names.iter().all(is_own))
    }
}

/// What came of asking.
#[derive(Debug)]
struct Said {
    end: End,
    out: Vec<u8>,
    error: Option<String>,
    /// Whether something was left out.
    left_out: bool,
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
        let identity = known.map_or(Ok(None), |_| self.identity(patience))?;
        if let Some(identity) = identity {
            self.note_answered(start);
            return Ok(Ok(Reached {
                identity: Some(identity),
                ..Reached::default()
            }));
        }
        let left = patience.saturating_sub(start.elapsed());
        let answer = self.ask(
            "lsf",
            &self.argument(Path::new(""))?,
            &["--max-depth=1"],
            left,
        )?;
        if !answer.end.is_good() {
            return Ok(Err(trouble(answer, patience)));
        }
        self.note_answered(start);
        let left_out = answer.left_out;
        let names: Vec<Name> = answer
            .out
            .split(|byte| *byte == b'\n')
            .filter_map(name)
            .collect();
        let own = Name::from(OWN_FOLDER);
        let left = patience.saturating_sub(start.elapsed());
        let identity = if names.contains(&own) {
            self.identity(left)?
        } else {
            None
        };
        Ok(Ok(Reached {
            identity,
            names: Some(names),
            left_out,
        }))
    }

    /// Notes how long it took to answer.
    fn note_answered(&self, start: Instant) {
        let answered = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.answered.store(answered.max(1), Ordering::Relaxed);
    }

    /// What its identity file says; `None` where there is none, or it cannot be read.
    pub(super) fn identity(&self, patience: Duration) -> Result<Option<String>> {
        let file = identity::path();
        if let Some(daemon) = self.daemon() {
            return self.fetch_identity(daemon, patience);
        }
        let answer = self.ask("cat", &self.argument(&file)?, &[], patience)?;
        let text = String::from_utf8_lossy(&answer.out).into_owned();
        Ok(identity::parse(&text, &self.path(&file)).ok())
    }

    /// Fetches the identity file and reads it.
    fn fetch_identity(&self, daemon: &Daemon, patience: Duration) -> Result<Option<String>> {
        let folder = ScratchFolder::new()?;
        let file = identity::path();
        let question = json!({
            "srcFs": self.root().to_str().unwrap_or_default(),
            "srcRemote": file.to_str().unwrap_or_default(),
            "dstFs": folder.path().to_str().unwrap_or_default(),
            "dstRemote": "identity",
        });
        if !matches!(
            daemon.ask("operations/copyfile", &question, patience)?,
            Answer::Good(_)
        ) {
            return Ok(None);
        }
        let text = fs::read_to_string(folder.path().join("identity")).unwrap_or_default();
        Ok(identity::parse(&text, &self.path(&file)).ok())
    }

    fn ask(&self, verb: &str, what: &OsString, more: &[&str], patience: Duration) -> Result<Said> {
        let words: Vec<OsString> = [verb]
            .into_iter()
            .chain(process::ALWAYS)
            .chain(["--low-level-retries=1", "--contimeout=10s", "--timeout=15s"])
            .chain(more.iter().copied())
            .chain(["--"])
            .map(OsString::from)
            .chain([what.clone()])
            .collect();
        let (mut out, mut said, mut left_out) = (Vec::new(), None, false);
        let end = process::run(
            &self.program,
            &words,
            Patience::within(patience),
            &mut |line| {
                match line {
                    Line::Out(line) => {
                        out.extend(line);
                        out.push(b'\n');
                    }
                    Line::Log(line) => {
                        let entry = log::read(&line);
                        left_out |= entry.is_notice && entry.object.is_some();
                        if entry.is_error {
                            // The first says most; the last only how many there were.
                            said.get_or_insert(entry.message);
                        }
                    }
                }
                ControlFlow::Continue(())
            },
        )?;
        Ok(Said {
            end,
            out,
            error: said,
            left_out,
        })
    }
}

/// A name in the list of a folder; folders have a slash at their end.
fn name(line: &[u8]) -> Option<Name> {
    let line = std::str::from_utf8(line).ok()?;
    let line = line.strip_suffix('/').unwrap_or(line);
    (!line.is_empty()).then(|| names::real(line))
}

/// What is in the way of a remote that did not answer as it should.
fn trouble(answer: Said, patience: Duration) -> Trouble {
    match answer {
        Said {
            end: End::Late | End::Silent,
            ..
        } => Trouble::Late(patience.as_secs()),
        Said {
            error: Some(said), ..
        } => Trouble::of(&said),
        Said { end, .. } => Trouble::Other(format!("rclone ended with {end:?}")),
    }
}
