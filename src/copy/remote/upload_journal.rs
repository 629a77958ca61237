//! Journal of the files that an upload may have sent: written before and during the upload, settled by a listing.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::listed::{check_listed, listed_version, listing_precision};
use super::upload::OutgoingFile;
use crate::base::error::{Error, Result};
use crate::index::{Index, ListedVersion, SentFile, SentPath, SentRecord, UnverifiedUpload};
use crate::rclone;
use crate::rclone::{CheckVerdict, ListedFile};
use crate::storage::{RemoteStorage, Storage};

/// Maximum number of reported files that are not written to the index yet.
const MAX_UNWRITTEN_FILES: usize = 512;

/// Maximum time between two writes to the index.
const WRITE_INTERVAL: Duration = Duration::from_millis(500);

/// Journal of one attempt; collects files that rclone reports as sent, and writes them to the index in groups.
pub(super) struct SendJournal<'a> {
    index: &'a mut Index,
    destination: &'a Path,
    source: &'a Path,
    files: Vec<SentPath>,
    last_write: Instant,
    failure: Result<()>,
}

impl<'a> SendJournal<'a> {
    /// Records the files that are about to be sent: path, stat at the source, and version tag at the destination.
    pub(super) fn begin(
        index: &'a mut Index,
        destination: &'a Path,
        source: &'a Path,
        files: &[(SentPath, SentFile, u64)],
    ) -> Result<Self> {
        index.begin_uploads(destination, source, files)?;
        Ok(Self {
            index,
            destination,
            source,
            files: Vec::new(),
            last_write: Instant::now(),
            failure: Ok(()),
        })
    }

    /// Records a file that rclone reported as sent.
    pub(super) fn record_sent(&mut self, file: &OutgoingFile) {
        self.files.push(file.journal_file());
        if self.files.len() >= MAX_UNWRITTEN_FILES || self.last_write.elapsed() > WRITE_INTERVAL {
            self.write();
        }
    }

    fn write(&mut self) {
        let files = std::mem::take(&mut self.files);
        self.last_write = Instant::now();
        let written = self
            .index
            .mark_uploads_reported(self.destination, self.source, &files);
        if self.failure.is_ok() {
            self.failure = written;
        }
    }

    /// Writes the remaining files and returns the first failure.
    pub(super) fn finish(mut self) -> Result<()> {
        if !self.files.is_empty() {
            self.write();
        }
        self.failure
    }
}

/// Files that an interrupted run left in the journal, sorted by what a listing shows.
#[derive(Default)]
struct SettledFiles {
    /// Files listed as they were sent, with their version tags.
    confirmed: Vec<(SentPath, SentFile)>,
    /// Files that are missing, unchanged, or written by another program.
    resolved: Vec<SentPath>,
    /// Files that may be incomplete, with the version found.
    doubtful: Vec<(SentPath, ListedVersion)>,
    /// Files that the listing can neither confirm nor reject.
    undecided: Vec<(UnverifiedUpload, ListedFile)>,
}

impl SettledFiles {
    fn add(&mut self, row: UnverifiedUpload, found: Option<&ListedFile>, is_proof: bool) {
        let Some(found) = found else {
            return self.resolved.push(row.file);
        };
        match check_listed(None, &row.sent, Some(found)) {
            _ if !row.may_be_incomplete(listed_version(found)) && !is_proof => {
                self.resolved.push(row.file);
            }
            Ok(tag) if is_proof => {
                self.confirmed
                    .push((row.file, SentFile { tag, ..row.sent }));
            }
            Ok(_) => self.undecided.push((row, found.clone())),
            Err(_) => self.doubtful.push((row.file, listed_version(found))),
        }
    }

    /// Compares the content of the undecided files with the source.
    fn compare_undecided(&mut self, destination: &RemoteStorage, source: &Storage) -> Result<()> {
        let undecided = std::mem::take(&mut self.undecided);
        let files: Vec<PathBuf> = undecided
            .iter()
            .map(|(row, _)| row.file.below_root())
            .collect();
        let method = rclone::CheckMethod::best_for(&destination.features, source.features());
        let root = &source.database().root;
        let verdicts = match destination.remote.check(root, &files, method, &mut |_| {}) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            verdicts => verdicts.unwrap_or_default(),
        };
        for ((row, found), whole) in undecided.into_iter().zip(files) {
            if verdicts.get(&whole) == Some(&CheckVerdict::Same) {
                let tag = found.tag;
                self.confirmed
                    .push((row.file, SentFile { tag, ..row.sent }));
            } else {
                self.doubtful.push((row.file, listed_version(&found)));
            }
        }
        Ok(())
    }
}

/// Settles the files that an interrupted upload from this source left in the journal. Files that a listing, or their
/// content, confirms count as sent. Other versions found in their place stay in the journal as possibly incomplete.
pub fn settle_journal(
    index: &mut Index,
    destination: &RemoteStorage,
    source: &Storage,
) -> Result<()> {
    let precision = listing_precision(source.features(), destination);
    let (root, source_root) = (&destination.database.root, &source.database().root);
    let rows = index.unverified_uploads(root, source_root)?;
    if rows.is_empty() {
        return Ok(());
    }
    let paths: Vec<PathBuf> = rows.iter().map(|row| row.file.below_root()).collect();
    let listed = destination.list_files(&paths)?;
    let mut settled = SettledFiles::default();
    for row in rows {
        let found = listed.file(&row.file.below_root());
        let is_as_sent = check_listed(precision, &row.sent, found).is_ok();
        // Size and time prove that a file is complete. A storage without times needs rclone's report too.
        let is_proof =
            is_as_sent && (precision.is_some() || (row.is_reported && row.found.is_none()));
        settled.add(row, found, is_proof);
    }
    settled.compare_undecided(destination, source)?;
    let mut record = SentRecord::new();
    let mut confirmed = Vec::new();
    for (file, sent) in settled.confirmed {
        confirmed.push(file.below_root());
        let changes = record.entry(file.replica.clone()).or_default();
        changes.add(&file.path, sent);
        settled.resolved.push(file);
    }
    for (file, _) in &settled.doubtful {
        let changes = record.entry(file.replica.clone()).or_default();
        changes.remove(&file.path);
    }
    index.update_sent(root, source_root, &record)?;
    // The interrupted run may have recorded a failure for files that are confirmed now.
    index.clear_failures(source_root, root, &confirmed)?;
    index.settle_uploads(root, source_root, &settled.resolved, &settled.doubtful)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;

    fn row(previous_tag: u64, found: Option<ListedVersion>) -> UnverifiedUpload {
        UnverifiedUpload {
            file: SentPath {
                replica: "footage/acme/spot".into(),
                path: "a".into(),
            },
            sent: SentFile {
                bytes: 7,
                ..SentFile::default()
            },
            is_reported: true,
            previous_tag,
            found,
        }
    }

    const fn listed(bytes: u64, tag: u64) -> ListedFile {
        ListedFile {
            bytes: Some(bytes),
            modified: Timestamp::UNKNOWN,
            tag,
        }
    }

    /// Returns the numbers of confirmed, resolved, doubtful and undecided files.
    fn settle(row: UnverifiedUpload, found: Option<&ListedFile>, is_proof: bool) -> [usize; 4] {
        let mut settled = SettledFiles::default();
        settled.add(row, found, is_proof);
        [
            settled.confirmed.len(),
            settled.resolved.len(),
            settled.doubtful.len(),
            settled.undecided.len(),
        ]
    }

    #[test]
    fn interrupted_upload_is_settled_by_proof_only() {
        let [confirmed, resolved, doubtful, undecided] =
            [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];
        assert_eq!(settle(row(0, None), Some(&listed(7, 2)), true), confirmed);
        // The size alone proves nothing.
        assert_eq!(settle(row(0, None), Some(&listed(7, 2)), false), undecided);
        assert_eq!(settle(row(0, None), Some(&listed(3, 2)), false), doubtful);
        // Nothing was sent: the file is missing, or as it was before.
        assert_eq!(settle(row(0, None), None, false), resolved);
        assert_eq!(settle(row(2, None), Some(&listed(3, 2)), false), resolved);
        // Another program wrote the file after the doubtful version was found.
        let found = Some(listed_version(&listed(3, 2)));
        assert_eq!(settle(row(0, found), Some(&listed(3, 2)), false), doubtful);
        assert_eq!(settle(row(0, found), Some(&listed(9, 4)), false), resolved);
    }
}
