//! Files on their way to a remote, many in one rclone process: sent, proven by a listing, and noted down.
//!
//! A file counts as there once the listing afterwards shows it with its size, and with its time where the storage keeps
//! times; where it keeps none and rclone did not say that it was sent, its content decides. From before it is sent until then
//! it is in the index's journal, so that a run which dies has only to list it.

mod attempt;
mod prove;
mod round;
mod source;
mod unicode_twin;
mod upload_journal;

use std::path::PathBuf;
use std::time::Instant;

pub(crate) use self::source::{SourceProbe, SourceState};
pub use self::upload_journal::settle_journal;

use self::prove::ListedState;
use self::round::{
    SendBatch, SendState, report_failed, report_interrupted, report_unreached, report_unverified,
};
use self::upload_journal::listed_version;
use super::outcome::{Outcome, Verification};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::timestamp::Timestamp;
use crate::index::{
    Index, ListedVersion, RunId, SentChanges, SentFile, SentFolder, SentPath, SentRecord,
};
use crate::model::project::path_within;
use crate::rclone::{RemoteListing, TransferLimits};
use crate::snapshot::manifest::{Manifest, ManifestBuilder, ManifestFile};
use crate::storage::{RemoteStorage, Storage};

/// How many files one rclone process is given.
const MAX_BATCH_FILES: usize = 20_000;

/// Why nothing is replaced at a storage that can neither rename nor copy.
pub const CANNOT_KEEP_VERSION: &str =
    "another version is there, and this storage cannot keep it: it neither renames nor copies";

/// A file that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingFile {
    /// The replica's folder below both roots.
    pub replica: PathBuf,
    /// The path below the replica's folder.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its modification time at the source.
    pub modified: Timestamp,
    /// Whether something of its name is known to be there.
    pub replaces: bool,
    /// What a listing showed of that; 0 where it is not known.
    pub previous_tag: u64,
}

impl OutgoingFile {
    /// The path below both roots.
    pub fn path_below_root(&self) -> PathBuf {
        self.replica.join(&self.path)
    }

    /// The file as the journal has it.
    fn journal_file(&self) -> SentPath {
        SentPath {
            replica: self.replica.clone(),
            path: self.path.clone(),
        }
    }
}

/// Told how each file ended.
pub type SendOutcomeFn<'a> = dyn FnMut(&OutgoingFile, Outcome) + 'a;

/// Where files go from and to, and how.
pub struct Upload<'a> {
    /// The database they are on.
    pub source: &'a Storage,
    /// The database they go to.
    pub destination: &'a RemoteStorage,
    /// What bounds it.
    pub limits: &'a TransferLimits,
    /// Whether content is compared too.
    pub verify: bool,
    /// The run's number.
    pub run: RunId,
    /// Told of files and bytes that were moved.
    pub on_progress: &'a dyn Fn(u64, u64),
}

impl std::fmt::Debug for Upload<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Sending")
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}

/// Whether the destination answered to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadEnd {
    /// It did.
    Answered,
    /// Not any more, in rclone's words: what was sent last is not proven.
    Lost(String),
}

impl Upload<'_> {
    /// Sends files, and tells how each ended. Stopping on request is no error here: what was not reached is told so.
    /// `kept` gets every folder of old versions, below the destination's root, in which something was kept: each attempt has
    /// one of its own, so that nothing ever replaces an old version.
    ///
    /// # Errors
    /// The index cannot be written, or rclone cannot be started.
    pub fn send(
        &self,
        index: &mut Index,
        files: &[OutgoingFile],
        kept: &mut Vec<PathBuf>,
        tell: &mut SendOutcomeFn<'_>,
    ) -> Result<UploadEnd> {
        let mut end = UploadEnd::Answered;
        for batch in files.chunks(MAX_BATCH_FILES) {
            match &end {
                UploadEnd::Lost(why) => report_failed(batch, why, tell),
                UploadEnd::Answered if interrupt::is_requested() || self.is_past_deadline() => {
                    report_unreached(batch, tell);
                }
                UploadEnd::Answered => end = self.send_batch(index, batch, kept, tell)?,
            }
        }
        Ok(end)
    }

    /// Whether the time is over in which files may be begun.
    fn is_past_deadline(&self) -> bool {
        self.limits
            .deadline
            .is_some_and(|until| Instant::now() >= until)
    }

    fn send_batch(
        &self,
        index: &mut Index,
        files: &[OutgoingFile],
        kept: &mut Vec<PathBuf>,
        tell: &mut SendOutcomeFn<'_>,
    ) -> Result<UploadEnd> {
        let mut round = SendBatch::new(files);
        let all: Vec<usize> = (0..files.len()).collect();
        let mut stopped = self.send_once(index, &mut round, &all, kept)?;
        let changing = self.find_changing(&round);
        if !changing.is_empty() && stopped.is_none() {
            // Written to while they were sent: once more, in case that was the end of it.
            for place in &changing {
                round.states[*place] = SendState::Unknown;
            }
            stopped = self.send_once(index, &mut round, &changing, kept)?;
            for place in self.find_changing(&round) {
                round.states[place] =
                    SendState::Failed("it changed while it was sent, twice".to_owned());
            }
        }
        self.mark_vanished(&mut round);
        if interrupt::is_requested() {
            report_interrupted(&round, tell);
            return Ok(UploadEnd::Answered);
        }
        match self.verify_batch(&round) {
            Ok((shown, listed)) => {
                self.record_outcomes(index, &round, &shown, stopped.as_deref(), tell)?;
                self.settle_batch(index, &round, &shown, &listed)?;
                Ok(UploadEnd::Answered)
            }
            Err(Error::Interrupted) => {
                report_interrupted(&round, tell);
                Ok(UploadEnd::Answered)
            }
            // What the log says is there stays in the journal, for the next run to prove.
            Err(error) => {
                let why = stopped.unwrap_or_else(|| error.full_message());
                report_unverified(&round, &why, tell);
                Ok(UploadEnd::Lost(why))
            }
        }
    }

    /// Proves what the log says, notes it down and tells of it.
    fn record_outcomes(
        &self,
        index: &mut Index,
        round: &SendBatch<'_>,
        shown: &[ListedState],
        stopped: Option<&str>,
        tell: &mut SendOutcomeFn<'_>,
    ) -> Result<()> {
        let over = self.is_past_deadline();
        let mut record = SentRecord::new();
        let mut outcomes = Vec::with_capacity(round.files.len());
        for (place, file) in round.files.iter().enumerate() {
            let outcome = round.outcome(place, &shown[place], stopped, over);
            match (&outcome, &shown[place]) {
                (Outcome::Copied(_), ListedState::AsSent { tag: mark, .. }) => {
                    let sent = SentFile {
                        tag: *mark,
                        ..round.source_stats[place]
                    };
                    changes_for(&mut record, file).add(&file.path, sent);
                }
                // Nobody knows what is there now, unless nothing was done.
                (Outcome::Failed(_), _) if !matches!(round.states[place], SendState::Unknown) => {
                    changes_for(&mut record, file).remove(&file.path);
                }
                _ => {}
            }
            outcomes.push(outcome);
        }
        self.record_sent(index, &record)?;
        for (file, outcome) in round.files.iter().zip(outcomes) {
            tell(file, outcome);
        }
        Ok(())
    }

    /// Settles the journal: what is there as it was sent, what is as it was before, and what is neither.
    fn settle_batch(
        &self,
        index: &mut Index,
        round: &SendBatch<'_>,
        shown: &[ListedState],
        listed: &RemoteListing,
    ) -> Result<()> {
        let destination = &self.destination.database.root;
        let source = &self.source.database().root;
        let (mut settled, mut other) = (Vec::new(), Vec::new());
        for (place, file) in round.files.iter().enumerate() {
            if !round.attempted[place] {
                continue;
            }
            let is_right = matches!(shown[place], ListedState::AsSent { .. })
                && matches!(
                    round.states[place],
                    SendState::ReportedSent | SendState::Unknown
                );
            match listed.file(&file.path_below_root()).map(listed_version) {
                Some(found) if !is_right && !is_previous_version(file, found) => {
                    other.push((file.journal_file(), found));
                }
                _ => settled.push(file.journal_file()),
            }
        }
        index.settle_uploads(destination, source, &settled, &other)
    }

    /// Notes down what is there.
    fn record_sent(&self, index: &mut Index, record: &SentRecord) -> Result<()> {
        let destination = &self.destination.database.root;
        let source = &self.source.database().root;
        index.update_sent(destination, source, record)?;
        let mut kept = Vec::new();
        for (replica, changes) in record {
            let folders = changes.folders();
            kept.extend(
                folders.map(|(folder, there)| (path_within(replica, folder), pack_files(there))),
            );
        }
        index.add_run_files(self.run, destination, &kept)
    }
}

/// Whether a listing shows what was there before a file was sent.
const fn is_previous_version(file: &OutgoingFile, found: ListedVersion) -> bool {
    file.previous_tag != 0 && file.previous_tag == found.tag
}

/// What is noted down of the replica that a file is in.
fn changes_for<'a>(record: &'a mut SentRecord, file: &OutgoingFile) -> &'a mut SentChanges {
    record.entry(file.replica.clone()).or_default()
}

/// The files of a folder, for the journal of the run.
fn pack_files(files: &SentFolder) -> Manifest {
    let mut packer = ManifestBuilder::with_capacity(files.len());
    for (name, file) in files {
        packer.add(&ManifestFile {
            name: name.as_bytes(),
            bytes: file.bytes,
            modified: file.modified,
            target: None,
        });
    }
    packer.finish()
}

/// What is known of the bytes of files that a remote says a digest of, or that were read back.
const VERIFIED: Verification = Verification::ReadBack;
