//! How the files of one batch stand, from what the log and a listing say, and how each of them is told to have ended.

use super::prove::Shown;
use super::{Outgoing, Tell};
use crate::copy::outcome::{Copied, Outcome, VANISHED};
use crate::index::SentFile;

/// How a file of a batch stands.
#[derive(Clone, Debug, Default)]
pub(super) enum Fate {
    /// Nothing was said of it.
    #[default]
    Unknown,
    /// The log says it is there.
    Said,
    /// It is not, for this reason.
    Failed(String),
    /// It is no longer at the source.
    Vanished,
}

/// A batch under way.
pub(super) struct Round<'a> {
    pub(super) files: &'a [Outgoing],
    /// What each is at the source, looked at just before it is sent.
    pub(super) sent: Vec<SentFile>,
    pub(super) fates: Vec<Fate>,
    /// Whether rclone was ever asked to send each.
    pub(super) begun: Vec<bool>,
}

impl<'a> Round<'a> {
    /// One of which nothing is known yet.
    pub(super) fn of(files: &'a [Outgoing]) -> Self {
        Self {
            files,
            sent: vec![SentFile::default(); files.len()],
            fates: vec![Fate::Unknown; files.len()],
            begun: vec![false; files.len()],
        }
    }

    /// How a file ended, from what the log said and what a listing shows.
    pub(super) fn outcome(
        &self,
        place: usize,
        shown: &Shown,
        stopped: Option<&str>,
        over: bool,
    ) -> Outcome {
        match (&self.fates[place], shown) {
            (Fate::Vanished, _) => gone(),
            (Fate::Failed(why), _) | (Fate::Said, Shown::Wrong(why)) => {
                Outcome::Failed(why.clone())
            }
            (Fate::Said | Fate::Unknown, Shown::Right { proof, .. }) => Outcome::Copied(Copied {
                bytes: self.sent[place].bytes,
                replaced: self.files[place].replaces,
                proof: *proof,
                ..Copied::default()
            }),
            (Fate::Unknown, Shown::Wrong(_)) if over => Outcome::Unreached,
            (Fate::Unknown, Shown::Wrong(why)) => {
                Outcome::Failed(stopped.unwrap_or(why).to_owned())
            }
        }
    }
}

/// Tells of a batch that was stopped. What rclone says is there is proven by the next run.
pub(super) fn give_up(round: &Round<'_>, tell: &mut Tell<'_>) {
    for (file, fate) in round.files.iter().zip(&round.fates) {
        let outcome = match fate {
            Fate::Said => {
                let why = "rclone says that it was sent; the next run looks whether it is there";
                Outcome::Skipped(why.to_owned())
            }
            Fate::Failed(why) => Outcome::Failed(why.clone()),
            Fate::Vanished => gone(),
            Fate::Unknown => Outcome::Unreached,
        };
        tell(file, outcome);
    }
}

/// Tells of a batch that no listing proves.
pub(super) fn leave_unproven(round: &Round<'_>, why: &str, tell: &mut Tell<'_>) {
    for (file, fate) in round.files.iter().zip(&round.fates) {
        let outcome = match fate {
            Fate::Said => Outcome::Failed(format!("it was sent, but no listing proves it: {why}")),
            Fate::Failed(why) => Outcome::Failed(why.clone()),
            Fate::Vanished => gone(),
            Fate::Unknown => Outcome::Failed(why.to_owned()),
        };
        tell(file, outcome);
    }
}

pub(super) fn failed(files: &[Outgoing], why: &str, tell: &mut Tell<'_>) {
    for file in files {
        tell(file, Outcome::Failed(why.to_owned()));
    }
}

/// It went away by itself, which is nobody's failure.
fn gone() -> Outcome {
    Outcome::Skipped(VANISHED.to_owned())
}

pub(super) fn unreached(files: &[Outgoing], tell: &mut Tell<'_>) {
    for file in files {
        tell(file, Outcome::Unreached);
    }
}
