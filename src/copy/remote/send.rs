//! Sends files in batches, and records what a listing confirms.

use std::path::PathBuf;

use super::batch::{SendBatch, SendState, report_all};
use super::listed::{ListedState, is_previous_version, listed_version};
use super::upload::{OutgoingFile, SendOutcomeFn, Upload, UploadEnd};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::outcome::Outcome;
use crate::copy::record::record_stated;
use crate::index::{Index, SentChanges, SentFile, SentFolder, SentRecord};
use crate::model::project::path_within;
use crate::rclone::RemoteListing;
use crate::snapshot::manifest::{Manifest, ManifestFile};
use crate::storage::observation;

/// Maximum number of files for one rclone process.
const MAX_BATCH_FILES: usize = 20_000;

impl Upload<'_> {
    /// Sends files and reports the outcome of each. Cancellation is not an error; files not reached are reported as
    /// `Unreached`. Each attempt adds to `kept` the folder of its old versions, relative to the destination's root; every
    /// attempt uses a new folder, so that no old version is ever replaced.
    ///
    /// # Errors
    /// The index cannot be written, or rclone cannot be started.
    pub fn send(
        &self,
        index: &mut Index,
        files: &[OutgoingFile],
        kept: &mut Vec<PathBuf>,
        on_outcome: &mut SendOutcomeFn<'_>,
    ) -> Result<UploadEnd> {
        let mut end = UploadEnd::Answered;
        for batch in files.chunks(MAX_BATCH_FILES) {
            match &end {
                UploadEnd::Lost(why) => {
                    report_all(batch, &Outcome::Failed(why.clone()), on_outcome);
                }
                UploadEnd::Answered if self.must_stop() || self.is_past_deadline() => {
                    report_all(batch, &Outcome::Unreached, on_outcome);
                }
                UploadEnd::Answered => end = self.send_batch(index, batch, kept, on_outcome)?,
            }
        }
        Ok(end)
    }

    /// True after a cancellation, or the loss of the lease.
    fn must_stop(&self) -> bool {
        interrupt::is_requested() || self.destination.remote.write_guard().is_lost()
    }

    fn is_past_deadline(&self) -> bool {
        interrupt::is_past(self.limits.deadline)
    }

    fn send_batch(
        &self,
        index: &mut Index,
        files: &[OutgoingFile],
        kept: &mut Vec<PathBuf>,
        on_outcome: &mut SendOutcomeFn<'_>,
    ) -> Result<UploadEnd> {
        let mut batch = SendBatch::new(files);
        let all: Vec<usize> = (0..files.len()).collect();
        let mut end = self.send_once(index, &mut batch, &all, kept)?;
        let changing = self.find_changing(&batch);
        if !changing.is_empty() && end.exited_normally {
            // These files were written to while they were sent; one retry, in case the writer has finished.
            for file in &changing {
                batch.states[*file] = SendState::Unknown;
            }
            end = self.send_once(index, &mut batch, &changing, kept)?;
            for file in self.find_changing(&batch) {
                let why = "it changed during both attempts to send it";
                batch.states[file] = SendState::Failed(why.to_owned());
            }
        }
        self.mark_vanished(&mut batch);
        if self.must_stop() {
            batch.report_interrupted(on_outcome);
            return Ok(UploadEnd::Answered);
        }
        match self.verify_batch(&batch) {
            Ok((listed, listing)) => {
                self.record_outcomes(index, &batch, &listed, end.error.as_deref(), on_outcome)?;
                self.settle_batch(index, &batch, &listed, &listing)?;
                Ok(UploadEnd::Answered)
            }
            Err(Error::Interrupted) => {
                batch.report_interrupted(on_outcome);
                Ok(UploadEnd::Answered)
            }
            // Files reported as sent stay in the journal, and the next run verifies them.
            Err(error) => {
                let why = end.error.unwrap_or_else(|| error.full_message());
                batch.report_unverified(&why, on_outcome);
                Ok(UploadEnd::Lost(why))
            }
        }
    }

    /// Records the verified files in the index, then reports all outcomes.
    fn record_outcomes(
        &self,
        index: &mut Index,
        batch: &SendBatch<'_>,
        listed: &[ListedState],
        stopped: Option<&str>,
        on_outcome: &mut SendOutcomeFn<'_>,
    ) -> Result<()> {
        let past_deadline = self.is_past_deadline();
        let mut record = SentRecord::new();
        let mut outcomes = Vec::with_capacity(batch.files.len());
        for (number, file) in batch.files.iter().enumerate() {
            let outcome = batch.outcome(number, &listed[number], stopped, past_deadline);
            match (&outcome, &listed[number]) {
                (Outcome::Copied(_), ListedState::AsSent { tag, .. }) => {
                    let sent = SentFile {
                        tag: *tag,
                        ..batch.source_stats[number]
                    };
                    changes_for(&mut record, file).add(&file.path, sent);
                }
                // The attempt may have changed the destination, so the old record of this file is no longer valid.
                (Outcome::Failed(_), _) if !matches!(batch.states[number], SendState::Unknown) => {
                    changes_for(&mut record, file).remove(&file.path);
                }
                _ => {}
            }
            outcomes.push(outcome);
        }
        self.record_sent(index, &record)?;
        for (file, outcome) in batch.files.iter().zip(outcomes) {
            on_outcome(file, outcome);
        }
        Ok(())
    }

    /// Removes settled files from the journal: those listed as sent or as before. Files listed otherwise stay in it with
    /// the version found.
    fn settle_batch(
        &self,
        index: &mut Index,
        batch: &SendBatch<'_>,
        listed: &[ListedState],
        listing: &RemoteListing,
    ) -> Result<()> {
        let destination = &self.destination.database.root;
        let source = &self.source.database().root;
        let (mut settled, mut doubtful) = (Vec::new(), Vec::new());
        for (number, file) in batch.files.iter().enumerate() {
            if !batch.attempted[number] {
                continue;
            }
            let is_as_sent = matches!(listed[number], ListedState::AsSent { .. })
                && batch.states[number].may_be_sent();
            let path = file.path_below_root();
            match listing.file(&path).map(listed_version) {
                // A folder that could not be listed settles nothing.
                None if listing.is_unread(&path) => {}
                Some(found) if !is_as_sent && !is_previous_version(file, found) => {
                    doubtful.push((file.journal_file(), found));
                }
                _ => settled.push(file.journal_file()),
            }
        }
        index.settle_uploads(destination, source, &settled, &doubtful)
    }

    /// Adds verified files to the sync record and to the files of the run.
    fn record_sent(&self, index: &mut Index, record: &SentRecord) -> Result<()> {
        let destination = &self.destination.database.root;
        let source = &self.source.database().root;
        index.update_sent(destination, source, record)?;
        let mut sent = Vec::new();
        for (replica, changes) in record {
            let folders = changes.folders();
            sent.extend(
                folders.map(|(folder, files)| (path_within(replica, folder), pack_files(&files))),
            );
        }
        index.add_run_files(self.run, destination, &sent)?;
        if !self.destination.features.has_hashes() {
            return Ok(());
        }
        let root = self.destination.observed_root();
        observation::ensure_database_id(index, &self.destination.database, root)?;
        record_stated(index, self.source, destination, &sent)
    }
}

/// Returns the recorded changes of the replica that a file is in.
fn changes_for<'a>(record: &'a mut SentRecord, file: &OutgoingFile) -> &'a mut SentChanges {
    record.entry(file.replica.clone()).or_default()
}

/// Packs the files of a folder for the files of the run.
fn pack_files(files: &SentFolder) -> Manifest {
    let files = files
        .iter()
        .map(|(name, file)| ManifestFile::regular(name.as_bytes(), file.bytes, file.modified));
    Manifest::of_files(files).0
}
