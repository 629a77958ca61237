//! One attempt to send the files of a batch.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::batch::{SendBatch, SendState};
use super::upload::{OutgoingFile, Upload};
use super::upload_journal::SendJournal;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::plan::CANNOT_KEEP_VERSION;
use crate::index::{Index, SentFile};
use crate::rclone;
use crate::rclone::{BatchEnd, TransferBatch, TransferEvent};
use crate::storage::version;
use crate::storage::{EntryProbe, EntryState};

impl Upload<'_> {
    /// Sends these files, except those that are known to fail, and sets their states from rclone's log. Returns how
    /// rclone ended.
    pub(super) fn send_once(
        &self,
        index: &mut Index,
        batch: &mut SendBatch<'_>,
        indexes: &[usize],
        kept: &mut Vec<PathBuf>,
    ) -> Result<BatchEnd> {
        self.stat_sources(batch, indexes);
        self.reject_unicode_variants(batch, indexes)?;
        let (due, paths) = batch.unreported_files(indexes);
        let index_of: HashMap<PathBuf, usize> = paths.iter().cloned().zip(due.clone()).collect();
        let journal_rows = batch.mark_attempted(&due);
        let destination = &self.destination.database.root;
        let source = &self.source.database().root;
        let mut versions = version::remote_version_folder(self.run)?;
        let transfer = self.transfer_batch(&paths, &versions);
        let transfer = transfer.with_new_destination(self.is_new_destination(batch, &due));
        let mut journal = SendJournal::begin(index, destination, source, &journal_rows)?;
        let mut has_kept_version = false;
        let ended = transfer.run(&mut |event| match event {
            TransferEvent::Bytes(bytes) => (self.on_progress)(0, bytes),
            TransferEvent::Done(path) => {
                if let Some(index) = index_of.get(path) {
                    let file = &batch.files[*index];
                    batch.states[*index] = SendState::ReportedSent;
                    (self.on_progress)(1, 0);
                    has_kept_version |= file.replaces;
                    journal.record_sent(file);
                }
            }
            TransferEvent::VersionKept => has_kept_version = true,
            TransferEvent::Repeated(next) => {
                kept.extend(has_kept_version.then(|| versions.clone()));
                (versions, has_kept_version) = (next.to_owned(), false);
            }
            // After cancellation rclone reports the files it abandons as failed.
            TransferEvent::Failed(..) | TransferEvent::Changing(..)
                if interrupt::is_requested() => {}
            TransferEvent::Failed(path, why) => {
                batch.set_state(&index_of, path, SendState::Failed(why.to_owned()));
            }
            TransferEvent::Changing(path, why) => {
                batch.set_state(&index_of, path, SendState::Changing(why.to_owned()));
            }
        });
        has_kept_version &= self.destination.features.can_move();
        kept.extend(has_kept_version.then_some(versions));
        let written = journal.finish();
        match ended {
            Err(Error::Interrupted | Error::LeaseLost { .. }) => Ok(BatchEnd::default()),
            ended => {
                written?;
                ended
            }
        }
    }

    /// True if the folders of these files are known to be missing at the destination.
    fn is_new_destination(&self, batch: &SendBatch<'_>, indexes: &[usize]) -> bool {
        let mut files = indexes.iter().map(|index| &batch.files[*index]);
        files.all(|file| self.destination.is_known_missing(&file.replica))
    }

    /// Returns the transfer of these files. It replaces files only if the storage can keep their old versions.
    fn transfer_batch<'b>(&'b self, paths: &'b [PathBuf], versions: &Path) -> TransferBatch<'b> {
        let (remote, source) = (&self.destination.remote, &self.source.database().root);
        if self.destination.features.can_move() {
            TransferBatch::upload(remote, source, paths, versions, self.limits)
        } else {
            TransferBatch::upload_new(remote, source, paths, self.limits)
        }
    }

    /// Sets the source stats of these files, and the states of those that cannot be sent.
    fn stat_sources(&self, batch: &mut SendBatch<'_>, indexes: &[usize]) {
        let mut probe = EntryProbe::new(self.source);
        for index in indexes {
            let file = &batch.files[*index];
            let (stat, state) = self.stat_source(&mut probe, file);
            batch.source_stats[*index] = stat;
            if let Some(state) = state {
                batch.states[*index] = state;
            }
        }
    }

    fn stat_source(
        &self,
        probe: &mut EntryProbe<'_>,
        file: &OutgoingFile,
    ) -> (SentFile, Option<SendState>) {
        let planned = SentFile {
            bytes: file.bytes,
            modified: file.modified,
            ..SentFile::default()
        };
        if let Some(why) = rclone::unsupported_reason(&file.path_below_root()) {
            return (planned, Some(SendState::Failed(why)));
        }
        if file.replaces && !self.destination.features.can_move() {
            let why = CANNOT_KEEP_VERSION.to_owned();
            return (planned, Some(SendState::Failed(why)));
        }
        match probe.stat_in_replica(&file.replica, &file.path) {
            EntryState::File(stat) => (stat, None),
            EntryState::Missing => (planned, Some(SendState::Vanished)),
            EntryState::NotAFile(kind) => {
                let why = format!("it is now {}", kind.noun_with_article());
                (planned, Some(SendState::Failed(why)))
            }
            // rclone will report the reason.
            EntryState::Unknown => (planned, None),
        }
    }

    /// Returns the files that changed while they were sent, by their stat or by rclone's log.
    pub(super) fn find_changing(&self, batch: &SendBatch<'_>) -> Vec<usize> {
        let mut probe = EntryProbe::new(self.source);
        let mut changing = Vec::new();
        for (index, file) in batch.files.iter().enumerate() {
            let is_changing = match &batch.states[index] {
                SendState::ReportedSent => {
                    matches!(probe.stat_in_replica(&file.replica, &file.path), EntryState::File(now) if now != batch.source_stats[index])
                }
                SendState::Changing(_) => true,
                SendState::Failed(_) | SendState::Unknown | SendState::Vanished => false,
            };
            if is_changing {
                changing.push(index);
            }
        }
        changing
    }

    /// Marks the files that were not sent and are missing at the source by now.
    pub(super) fn mark_vanished(&self, batch: &mut SendBatch<'_>) {
        let mut probe = EntryProbe::new(self.source);
        for (file, state) in batch.files.iter().zip(&mut batch.states) {
            let was_sent = matches!(state, SendState::ReportedSent | SendState::Vanished);
            if !was_sent
                && matches!(
                    probe.stat_in_replica(&file.replica, &file.path),
                    EntryState::Missing
                )
            {
                *state = SendState::Vanished;
            }
        }
    }
}
