//! How the files of one batch stand, from what the log and a listing say, and how each of them is told to have ended.

use super::prove::ListedState;
use super::{OutgoingFile, SendOutcomeFn};
use crate::copy::outcome::{CopiedItem, Outcome, VANISHED};
use crate::index::SentFile;

/// How a file of a batch stands.
#[derive(Clone, Debug, Default)]
pub(super) enum SendState {
    /// Nothing was said of it.
    #[default]
    Unknown,
    /// The log says it is there.
    ReportedSent,
    /// It is not, for this reason.
    Failed(String),
    /// It is no longer at the source.
    Vanished,
}

/// A batch under way.
pub(super) struct SendBatch<'a> {
    pub(super) files: &'a [OutgoingFile],
    /// What each is at the source, looked at just before it is sent.
    pub(super) source_stats: Vec<SentFile>,
    pub(super) states: Vec<SendState>,
    /// Whether rclone was ever asked to send each.
    pub(super) attempted: Vec<bool>,
}

impl<'a> SendBatch<'a> {
    /// One of which nothing is known yet.
    pub(super) fn new(files: &'a [OutgoingFile]) -> Self {
        Self {
            files,
            source_stats: vec![SentFile::default(); files.len()],
            states: vec![SendState::Unknown; files.len()],
            attempted: vec![false; files.len()],
        }
    }

    /// How a file ended, from what the log said and what a listing shows.
    pub(super) fn outcome(
        &self,
        place: usize,
        shown: &ListedState,
        stopped: Option<&str>,
        over: bool,
    ) -> Outcome {
        match (&self.states[place], shown) {
            (SendState::Vanished, _) => vanished(),
            (SendState::Failed(why), _) | (SendState::ReportedSent, ListedState::Mismatch(why)) => {
                Outcome::Failed(why.clone())
            }
            (
                SendState::ReportedSent | SendState::Unknown,
                ListedState::AsSent {
                    verification: proof,
                    ..
                },
            ) => Outcome::Copied(CopiedItem {
                bytes: self.source_stats[place].bytes,
                replaced: self.files[place].replaces,
                verification: *proof,
                ..CopiedItem::default()
            }),
            (SendState::Unknown, ListedState::Mismatch(_)) if over => Outcome::Unreached,
            (SendState::Unknown, ListedState::Mismatch(why)) => {
                Outcome::Failed(stopped.unwrap_or(why).to_owned())
            }
        }
    }
}

/// Tells of a batch that was stopped. What rclone says is there is proven by the next run.
pub(super) fn report_interrupted(round: &SendBatch<'_>, tell: &mut SendOutcomeFn<'_>) {
    for (file, fate) in round.files.iter().zip(&round.states) {
        let outcome = match fate {
            SendState::ReportedSent => {
                let why = "rclone says that it was sent; the next run looks whether it is there";
                Outcome::Skipped(why.to_owned())
            }
            SendState::Failed(why) => Outcome::Failed(why.clone()),
            SendState::Vanished => vanished(),
            SendState::Unknown => Outcome::Unreached,
        };
        tell(file, outcome);
    }
}

/// Tells of a batch that no listing proves.
pub(super) fn report_unverified(round: &SendBatch<'_>, why: &str, tell: &mut SendOutcomeFn<'_>) {
    for (file, fate) in round.files.iter().zip(&round.states) {
        let outcome = match fate {
            SendState::ReportedSent => {
                Outcome::Failed(format!("it was sent, but no listing proves it: {why}"))
            }
            SendState::Failed(why) => Outcome::Failed(why.clone()),
            SendState::Vanished => vanished(),
            SendState::Unknown => Outcome::Failed(why.to_owned()),
        };
        tell(file, outcome);
    }
}

pub(super) fn report_failed(files: &[OutgoingFile], why: &str, tell: &mut SendOutcomeFn<'_>) {
    for file in files {
        tell(file, Outcome::Failed(why.to_owned()));
    }
}

/// It went away by itself, which is nobody's failure.
fn vanished() -> Outcome {
    Outcome::Skipped(VANISHED.to_owned())
}

pub(super) fn report_unreached(files: &[OutgoingFile], tell: &mut SendOutcomeFn<'_>) {
    for file in files {
        tell(file, Outcome::Unreached);
    }
}
