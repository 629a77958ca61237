//! The journal of files on their way: written before and while files are sent, settled by a listing.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::OutgoingFile;
use super::prove::{check_listed, list_files, listing_precision};
use crate::base::error::{Error, Result};
use crate::index::{Index, ListedVersion, SentFile, SentPath, SentRecord, UnverifiedUpload};
use crate::rclone;
use crate::rclone::{CheckVerdict, ListedFile};
use crate::storage::{RemoteStorage, Storage};

/// The index is told after so many files at the latest.
const MAX_UNWRITTEN_FILES: usize = 512;

/// And after so long.
const WRITE_INTERVAL: Duration = Duration::from_millis(500);

/// Files that the index was not told of yet.
pub(super) struct SendJournal<'a> {
    index: &'a mut Index,
    destination: &'a Path,
    source: &'a Path,
    files: Vec<SentPath>,
    last_write: Instant,
    failure: Result<()>,
}

impl<'a> SendJournal<'a> {
    /// Begins one: notes the files that are about to be sent.
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

    /// Notes a file that is said to be there.
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

    /// Writes the rest; gives the first failure.
    pub(super) fn finish(mut self) -> Result<()> {
        if !self.files.is_empty() {
            self.write();
        }
        self.failure
    }
}

/// What a listing shows of the files that a run left when it died.
#[derive(Default)]
struct SettledFiles {
    /// Files that are there as they were sent, with their marks.
    confirmed: Vec<(SentPath, SentFile)>,
    /// Files that are not there, are as they were before, or were brought by somebody else.
    resolved: Vec<SentPath>,
    /// What was found that is none of these.
    doubtful: Vec<(SentPath, ListedVersion)>,
    /// Files of which the listing says too little, with their marks.
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
            Ok(mark) if is_proof => {
                let sent = SentFile {
                    tag: mark,
                    ..row.sent
                };
                self.confirmed.push((row.file, sent));
            }
            Ok(_) => self.undecided.push((row, found.clone())),
            Err(_) => self.doubtful.push((row.file, listed_version(found))),
        }
    }

    /// Compares the content of what a listing says too little of.
    fn compare_undecided(&mut self, destination: &RemoteStorage, source: &Storage) -> Result<()> {
        let unsure = std::mem::take(&mut self.undecided);
        let files: Vec<PathBuf> = unsure
            .iter()
            .map(|(row, _)| row.file.below_root())
            .collect();
        let how = rclone::CheckMethod::best_for(&destination.features, source.features());
        let root = &source.database().root;
        let verdicts = match destination.remote.check(root, &files, how, &mut |_| {}) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            verdicts => verdicts.unwrap_or_default(),
        };
        for ((row, found), whole) in unsure.into_iter().zip(files) {
            if verdicts.get(&whole) == Some(&CheckVerdict::Same) {
                let mark = found.tag;
                self.confirmed.push((
                    row.file,
                    SentFile {
                        tag: mark,
                        ..row.sent
                    },
                ));
            } else {
                self.doubtful.push((row.file, listed_version(&found)));
            }
        }
        Ok(())
    }
}

/// What a listing shows, as the index keeps it.
pub(super) const fn listed_version(found: &ListedFile) -> ListedVersion {
    ListedVersion {
        bytes: found.bytes,
        tag: found.tag,
    }
}

/// Settles what a run left that died while it sent files from a source: what a listing shows of them as they were sent is
/// there, and of what else it shows in their place the index knows that it may be half.
///
/// # Errors
/// The files could not be listed, or the index cannot be written.
pub fn settle_journal(
    index: &mut Index,
    destination: &RemoteStorage,
    source: &Storage,
) -> Result<()> {
    let step = listing_precision(source.features(), destination);
    let (root, source_root) = (&destination.database.root, &source.database().root);
    let rows = index.unverified_uploads(root, source_root)?;
    if rows.is_empty() {
        return Ok(());
    }
    let paths: Vec<PathBuf> = rows.iter().map(|row| row.file.below_root()).collect();
    let listed = list_files(destination, &paths)?;
    let mut settled = SettledFiles::default();
    for row in rows {
        let found = listed.file(&row.file.below_root());
        let is_as_sent = check_listed(step, &row.sent, found).is_ok();
        // Where times are kept, size and time say that it is whole; elsewhere rclone must have said so.
        let is_proof = is_as_sent && (step.is_some() || (row.is_reported && row.found.is_none()));
        settled.add(row, found, is_proof);
    }
    settled.compare_undecided(destination, source)?;
    let mut record = SentRecord::new();
    let mut good = Vec::new();
    for (file, sent) in settled.confirmed {
        good.push(file.below_root());
        let changes = record.entry(file.replica.clone()).or_default();
        changes.add(&file.path, sent);
        settled.resolved.push(file);
    }
    for (file, _) in &settled.doubtful {
        let changes = record.entry(file.replica.clone()).or_default();
        changes.remove(&file.path);
    }
    index.update_sent(root, source_root, &record)?;
    // That no listing proved them may have been told as a failure.
    index.clear_failures(source_root, root, &good)?;
    index.settle_uploads(root, source_root, &settled.resolved, &settled.doubtful)
}
