//! State of the files of one batch, and the outcomes that follow from it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::listed::ListedState;
use super::upload::{OutgoingFile, SendOutcomeFn};
use crate::copy::outcome::{CopiedItem, Outcome, VANISHED};
use crate::index::{SentFile, SentPath};

/// State of a file of a batch, according to rclone's log and to the source.
#[derive(Clone, Debug, Default)]
pub(super) enum SendState {
    /// Not reported.
    #[default]
    Unknown,
    /// Reported as sent.
    ReportedSent,
    /// Not sent, for this reason.
    Failed(String),
    /// Not sent because it was written to meanwhile, in rclone's words.
    Changing(String),
    /// Missing at the source.
    Vanished,
}

impl SendState {
    /// True unless the file is known to be missing at the destination or at the source.
    pub(super) const fn may_be_sent(&self) -> bool {
        matches!(self, Self::ReportedSent | Self::Unknown)
    }

    /// Returns the outcome of the file: `reported` if rclone reported it as sent, `unknown` if rclone reported nothing.
    fn outcome(&self, reported: &Outcome, unknown: &Outcome) -> Outcome {
        match self {
            Self::ReportedSent => reported.clone(),
            Self::Unknown => unknown.clone(),
            Self::Failed(why) | Self::Changing(why) => Outcome::Failed(why.clone()),
            Self::Vanished => Outcome::Skipped(VANISHED.to_owned()),
        }
    }
}

/// A batch of files. All vectors have one element for each file.
pub(super) struct SendBatch<'a> {
    pub(super) files: &'a [OutgoingFile],
    /// Size and mtime at the source just before the file was sent.
    pub(super) source_stats: Vec<SentFile>,
    pub(super) states: Vec<SendState>,
    /// True if rclone was requested to send the file.
    pub(super) attempted: Vec<bool>,
}

impl<'a> SendBatch<'a> {
    pub(super) fn new(files: &'a [OutgoingFile]) -> Self {
        Self {
            files,
            source_stats: vec![SentFile::default(); files.len()],
            states: vec![SendState::Unknown; files.len()],
            attempted: vec![false; files.len()],
        }
    }

    /// Sets the state of one of these files.
    pub(super) fn set_state(
        &mut self,
        index_of: &HashMap<PathBuf, usize>,
        path: &Path,
        state: SendState,
    ) {
        if let Some(index) = index_of.get(path) {
            self.states[*index] = state;
        }
    }

    /// Returns the indexes and paths of those of these files that have no state yet.
    pub(super) fn unreported_files(&self, indexes: &[usize]) -> (Vec<usize>, Vec<PathBuf>) {
        let indexes = indexes.iter().copied();
        let unreported = indexes.filter(|index| matches!(self.states[*index], SendState::Unknown));
        unreported
            .map(|index| (index, self.files[index].path_below_root()))
            .unzip()
    }

    /// Marks these files as attempted, and returns their rows for the upload journal.
    pub(super) fn mark_attempted(&mut self, indexes: &[usize]) -> Vec<(SentPath, SentFile, u64)> {
        let mut rows = Vec::with_capacity(indexes.len());
        for index in indexes {
            self.attempted[*index] = true;
            let file = &self.files[*index];
            let stat = self.source_stats[*index];
            rows.push((file.journal_file(), stat, file.previous_tag));
        }
        rows
    }

    /// Returns the outcome of a file from rclone's log and from a listing. `stopped` is the error that ended rclone;
    /// `past_deadline` is true if the remaining files were left for another run.
    pub(super) fn outcome(
        &self,
        index: usize,
        listed: &ListedState,
        stopped: Option<&str>,
        past_deadline: bool,
    ) -> Outcome {
        let state = &self.states[index];
        match listed {
            ListedState::AsSent { verification, .. } => {
                let copied = Outcome::Copied(CopiedItem {
                    bytes: self.source_stats[index].bytes,
                    replaced: self.files[index].replaces,
                    verification: *verification,
                    ..CopiedItem::default()
                });
                state.outcome(&copied, &copied)
            }
            ListedState::Mismatch(why) => {
                let unknown = if past_deadline {
                    Outcome::Unreached
                } else {
                    Outcome::Failed(stopped.unwrap_or(why).to_owned())
                };
                state.outcome(&Outcome::Failed(why.clone()), &unknown)
            }
        }
    }

    /// Reports a batch that was canceled. The next run verifies the files that rclone reported as sent.
    pub(super) fn report_interrupted(&self, on_outcome: &mut SendOutcomeFn<'_>) {
        let why = "rclone reported it as sent; the next run verifies it";
        self.report_unlisted(
            &Outcome::Skipped(why.to_owned()),
            &Outcome::Unreached,
            on_outcome,
        );
    }

    /// Reports a batch that no listing could verify.
    pub(super) fn report_unverified(&self, why: &str, on_outcome: &mut SendOutcomeFn<'_>) {
        let reported = format!("it was sent, but could not be verified: {why}");
        self.report_unlisted(
            &Outcome::Failed(reported),
            &Outcome::Failed(why.to_owned()),
            on_outcome,
        );
    }

    fn report_unlisted(
        &self,
        reported: &Outcome,
        unknown: &Outcome,
        on_outcome: &mut SendOutcomeFn<'_>,
    ) {
        for (file, state) in self.files.iter().zip(&self.states) {
            on_outcome(file, state.outcome(reported, unknown));
        }
    }
}

/// Reports the same outcome for all of these files.
pub(super) fn report_all(
    files: &[OutgoingFile],
    outcome: &Outcome,
    on_outcome: &mut SendOutcomeFn<'_>,
) {
    for file in files {
        on_outcome(file, outcome.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::copy::outcome::Verification;
    use crate::index::OutcomeKind;

    fn file(path: &str) -> OutgoingFile {
        OutgoingFile {
            replica: "footage/acme/spot".into(),
            path: path.into(),
            bytes: 7,
            modified: Timestamp::default(),
            replaces: false,
            previous_tag: 0,
        }
    }

    fn states() -> [SendState; 5] {
        [
            SendState::ReportedSent,
            SendState::Unknown,
            SendState::Failed("no".to_owned()),
            SendState::Changing("busy".to_owned()),
            SendState::Vanished,
        ]
    }

    fn kinds(outcomes: impl IntoIterator<Item = Outcome>) -> Vec<OutcomeKind> {
        outcomes.into_iter().map(|outcome| outcome.kind()).collect()
    }

    #[test]
    fn only_a_listed_file_counts_as_copied() {
        use OutcomeKind::{Copied, Failed, Skipped, Unreached};
        let files = [file("a")];
        let outcomes = |listed: &ListedState, past_deadline| {
            kinds(states().map(|state| {
                let mut batch = SendBatch::new(&files);
                batch.states = vec![state];
                batch.outcome(0, listed, None, past_deadline)
            }))
        };
        let as_sent = ListedState::AsSent {
            tag: 1,
            verification: Verification::Written,
        };
        let other = ListedState::Mismatch("another size".to_owned());
        assert_eq!(
            outcomes(&as_sent, false),
            [Copied, Copied, Failed, Failed, Skipped]
        );
        assert_eq!(
            outcomes(&other, false),
            [Failed, Failed, Failed, Failed, Skipped]
        );
        assert_eq!(
            outcomes(&other, true),
            [Failed, Unreached, Failed, Failed, Skipped]
        );
    }

    #[test]
    fn error_of_the_program_explains_unreported_files() {
        let files = [file("a")];
        let batch = SendBatch::new(&files);
        let other = ListedState::Mismatch("missing".to_owned());
        let outcome = batch.outcome(0, &other, Some("disk full"), false);
        assert_eq!(outcome, Outcome::Failed("disk full".to_owned()));
    }

    #[test]
    fn unlisted_batch_claims_no_copy() {
        use OutcomeKind::{Failed, Skipped, Unreached};
        let files: Vec<_> = ["a", "b", "c", "d", "e"].map(file).into();
        let mut batch = SendBatch::new(&files);
        batch.states = states().into();
        let mut outcomes = Vec::new();
        batch.report_interrupted(&mut |_, outcome| outcomes.push(outcome));
        assert_eq!(
            kinds(outcomes),
            [Skipped, Unreached, Failed, Failed, Skipped]
        );
        let mut outcomes = Vec::new();
        batch.report_unverified("lost", &mut |_, outcome| outcomes.push(outcome));
        assert_eq!(kinds(outcomes), [Failed, Failed, Failed, Failed, Skipped]);
    }

    #[test]
    fn retry_sends_only_unreported_files() {
        let files: Vec<_> = ["a", "b", "c", "d", "e"].map(file).into();
        let mut batch = SendBatch::new(&files);
        batch.states = states().into();
        let (indexes, paths) = batch.unreported_files(&[0, 1, 2, 3, 4]);
        assert_eq!(indexes, [1]);
        assert_eq!(paths, [Path::new("footage/acme/spot/b")]);
        assert_eq!(batch.mark_attempted(&indexes).len(), 1);
        assert_eq!(batch.attempted, [false, true, false, false, false]);
    }
}
