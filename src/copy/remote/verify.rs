//! Verification of a sent batch: one listing of its files, and their content where requested or necessary.

use std::path::PathBuf;

use super::batch::{SendBatch, SendState};
use super::listed::{
    ListedState, check_listed, is_previous_version, listed_version, listing_precision,
};
use super::upload::Upload;
use crate::base::error::Result;
use crate::copy::outcome::Verification;
use crate::rclone;
use crate::rclone::{CheckVerdict, RemoteListing};

impl Upload<'_> {
    /// Returns the listed state of each file of a batch, and the listing itself.
    pub(super) fn verify_batch(
        &self,
        batch: &SendBatch<'_>,
    ) -> Result<(Vec<ListedState>, RemoteListing)> {
        let attempted: Vec<PathBuf> = batch
            .files
            .iter()
            .zip(&batch.attempted)
            .filter(|(_, attempted)| **attempted)
            .map(|(file, _)| file.path_below_root())
            .collect();
        let listing = self.destination.list_files(&attempted)?;
        let precision = listing_precision(self.source.features(), self.destination);
        let mut listed: Vec<ListedState> = Vec::with_capacity(batch.files.len());
        let mut needs_content = vec![false; batch.files.len()];
        for (index, file) in batch.files.iter().enumerate() {
            let found = listing.file(&file.path_below_root());
            let is_previous =
                found.is_some_and(|found| is_previous_version(file, listed_version(found)));
            let was_sent = matches!(batch.states[index], SendState::ReportedSent);
            let sent = &batch.source_stats[index];
            let with_time = check_listed(precision, sent, found);
            let without_time = check_listed(None, sent, found);
            // A sent file with another time: the storage cannot hold the time, or another program wrote the file.
            let differs_in_time = was_sent && with_time.is_err() && without_time.is_ok();
            listed.push(
                match if differs_in_time {
                    without_time
                } else {
                    with_time
                } {
                    // The previous version is listed unchanged, so nothing replaced it.
                    Ok(_) if !was_sent && file.replaces && is_previous => ListedState::Mismatch(
                        "it was not sent, and rclone reported no reason".to_owned(),
                    ),
                    Ok(tag) => {
                        // The listing cannot tell this file from another of its size.
                        needs_content[index] =
                            differs_in_time || (precision.is_none() && (!was_sent || is_previous));
                        ListedState::AsSent {
                            tag,
                            verification: Verification::Written,
                        }
                    }
                    Err(why) => ListedState::Mismatch(why),
                },
            );
        }
        self.verify_content(batch, &mut listed, &needs_content)?;
        Ok((listed, listing))
    }

    /// Compares the content of all files if requested, and otherwise of those that need it. Uses checksums that both
    /// storages provide, or reads both sides.
    fn verify_content(
        &self,
        batch: &SendBatch<'_>,
        listed: &mut [ListedState],
        needs_content: &[bool],
    ) -> Result<()> {
        let source_features = self.source.features();
        let method = rclone::CheckMethod::best_for(&self.destination.features, source_features);
        let is_due = |index: &usize| {
            (self.verify || needs_content[*index])
                && matches!(listed[*index], ListedState::AsSent { .. })
                && batch.states[*index].may_be_sent()
        };
        let due: Vec<usize> = (0..batch.files.len()).filter(is_due).collect();
        let files: Vec<PathBuf> = due
            .iter()
            .map(|index| batch.files[*index].path_below_root())
            .collect();
        let root = &self.source.database().root;
        let remote = &self.destination.remote;
        let verdicts = remote.check(root, &files, method, &mut |_| {})?;
        for (index, file) in due.into_iter().zip(files) {
            let mismatch = match verdicts.get(&file) {
                Some(CheckVerdict::Same) => {
                    if let ListedState::AsSent { verification, .. } = &mut listed[index] {
                        *verification = Verification::ReadBack;
                    }
                    continue;
                }
                Some(CheckVerdict::Differs) => {
                    "verification failed: the copy differs from the source".to_owned()
                }
                Some(CheckVerdict::Unknown(why)) => {
                    format!("verification failed: the copy could not be read back: {why}")
                }
                None => "verification failed: the copy could not be read back".to_owned(),
            };
            listed[index] = ListedState::Mismatch(mismatch);
        }
        Ok(())
    }
}
