//! The journal of what is said to be there: written while files are sent, settled by a listing.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Outgoing;
use super::prove::{judge, list, shown_step};
use crate::error::Result;
use crate::index::{Index, Said, SentFile, SentRecord};
use crate::sides::{RemoteSide, Side};

/// The index is told after so many files at the latest.
const FILES: usize = 512;

/// And after so long.
const WHILE: Duration = Duration::from_millis(500);

/// Files that the index was not told of yet.
pub(super) struct Journal<'a> {
    index: &'a mut Index,
    destination: &'a Path,
    source: &'a Path,
    files: Vec<(Said, SentFile)>,
    told: Instant,
    failure: Result<()>,
}

impl<'a> Journal<'a> {
    pub(super) fn of(index: &'a mut Index, destination: &'a Path, source: &'a Path) -> Self {
        Self {
            index,
            destination,
            source,
            files: Vec::new(),
            told: Instant::now(),
            failure: Ok(()),
        }
    }

    /// Notes a file that is said to be there.
    pub(super) fn note(&mut self, file: &Outgoing, sent: SentFile) {
        let said = Said {
            replica: file.replica.clone(),
            path: file.path.clone(),
        };
        self.files.push((said, sent));
        if self.files.len() >= FILES || self.told.elapsed() > WHILE {
            self.write();
        }
    }

    fn write(&mut self) {
        let files = std::mem::take(&mut self.files);
        self.told = Instant::now();
        let written = self
            .index
            .note_sending(self.destination, self.source, &files);
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

/// Settles what a run left that died while it sent files from a source: what a listing shows of them is there.
///
/// # Errors
/// The files could not be listed, or the index cannot be written.
pub fn settle(index: &mut Index, destination: &RemoteSide, source: &Side) -> Result<()> {
    let step = shown_step(source.abilities(), destination);
    let (root, source) = (&destination.database.root, &source.database().root);
    let left = index.sending(root, source)?;
    if left.is_empty() {
        return Ok(());
    }
    let whole = |said: &Said| said.replica.join(&said.path);
    let paths: Vec<PathBuf> = left.iter().map(|(said, _)| whole(said)).collect();
    let listed = list(destination, &paths)?;
    let mut record = SentRecord::new();
    let mut good = Vec::new();
    for (said, sent) in left {
        if let Ok(mark) = judge(step, &sent, listed.file(&whole(&said))) {
            good.push(whole(&said));
            let changes = record.entry(said.replica).or_default();
            changes.there(&said.path, SentFile { mark, ..sent });
        }
    }
    index.keep_sent(root, source, &record)?;
    // That no listing proved them may have been told as a failure.
    index.clear_failures(source, root, &good)?;
    index.end_sending(root, source)
}
