//! The journal of files on their way: written before and while files are sent, settled by a listing.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Outgoing;
use super::prove::{judge, list, shown_step};
use crate::base::error::{Error, Result};
use crate::index::{Index, Left, Said, SentFile, SentRecord, Unproven};
use crate::rclone;
use crate::rclone::{ListedFile, Verdict};
use crate::storage::{RemoteSide, Side};

/// The index is told after so many files at the latest.
const FILES: usize = 512;

/// And after so long.
const WHILE: Duration = Duration::from_millis(500);

/// Files that the index was not told of yet.
pub(super) struct Journal<'a> {
    index: &'a mut Index,
    destination: &'a Path,
    source: &'a Path,
    files: Vec<Said>,
    told: Instant,
    failure: Result<()>,
}

impl<'a> Journal<'a> {
    /// Begins one: notes the files that are about to be sent.
    pub(super) fn begin(
        index: &'a mut Index,
        destination: &'a Path,
        source: &'a Path,
        files: &[(Said, SentFile, u64)],
    ) -> Result<Self> {
        index.begin_sending(destination, source, files)?;
        Ok(Self {
            index,
            destination,
            source,
            files: Vec::new(),
            told: Instant::now(),
            failure: Ok(()),
        })
    }

    /// Notes a file that is said to be there.
    pub(super) fn note(&mut self, file: &Outgoing) {
        self.files.push(file.said());
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

/// What a listing shows of the files that a run left when it died.
#[derive(Default)]
struct Settled {
    /// Files that are there as they were sent, with their marks.
    good: Vec<(Said, SentFile)>,
    /// Files that are not there, are as they were before, or were brought by somebody else.
    done: Vec<Said>,
    /// What was found that is none of these.
    left: Vec<(Said, Left)>,
    /// Files of which the listing says too little, with their marks.
    unsure: Vec<(Unproven, ListedFile)>,
}

impl Settled {
    fn add(&mut self, row: Unproven, found: Option<&ListedFile>, is_proof: bool) {
        let Some(found) = found else {
            return self.done.push(row.file);
        };
        match judge(None, &row.sent, Some(found)) {
            _ if !row.may_be(left(found)) && !is_proof => self.done.push(row.file),
            Ok(mark) if is_proof => {
                let sent = SentFile { mark, ..row.sent };
                self.good.push((row.file, sent));
            }
            Ok(_) => self.unsure.push((row, found.clone())),
            Err(_) => self.left.push((row.file, left(found))),
        }
    }

    /// Compares the content of what a listing says too little of.
    fn compare(&mut self, destination: &RemoteSide, source: &Side) -> Result<()> {
        let unsure = std::mem::take(&mut self.unsure);
        let files: Vec<PathBuf> = unsure.iter().map(|(row, _)| row.file.whole()).collect();
        let how = rclone::Proof::between(&destination.abilities, source.abilities());
        let root = &source.database().root;
        let verdicts = match destination.remote.check(root, &files, how, &mut |_| {}) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            verdicts => verdicts.unwrap_or_default(),
        };
        for ((row, found), whole) in unsure.into_iter().zip(files) {
            if verdicts.get(&whole) == Some(&Verdict::Same) {
                let mark = found.mark;
                self.good.push((row.file, SentFile { mark, ..row.sent }));
            } else {
                self.left.push((row.file, left(&found)));
            }
        }
        Ok(())
    }
}

/// What a listing shows, as the index keeps it.
pub(super) const fn left(found: &ListedFile) -> Left {
    Left {
        bytes: found.bytes,
        mark: found.mark,
    }
}

/// Settles what a run left that died while it sent files from a source: what a listing shows of them as they were sent is
/// there, and of what else it shows in their place the index knows that it may be half.
///
/// # Errors
/// The files could not be listed, or the index cannot be written.
pub fn settle(index: &mut Index, destination: &RemoteSide, source: &Side) -> Result<()> {
    let step = shown_step(source.abilities(), destination);
    let (root, source_root) = (&destination.database.root, &source.database().root);
    let rows = index.sending(root, source_root)?;
    if rows.is_empty() {
        return Ok(());
    }
    let paths: Vec<PathBuf> = rows.iter().map(|row| row.file.whole()).collect();
    let listed = list(destination, &paths)?;
    let mut settled = Settled::default();
    for row in rows {
        let found = listed.file(&row.file.whole());
        let is_as_sent = judge(step, &row.sent, found).is_ok();
        // Where times are kept, size and time say that it is whole; elsewhere rclone must have said so.
        let is_proof = is_as_sent && (step.is_some() || (row.is_said && row.left.is_none()));
        settled.add(row, found, is_proof);
    }
    settled.compare(destination, source)?;
    let mut record = SentRecord::new();
    let mut good = Vec::new();
    for (file, sent) in settled.good {
        good.push(file.whole());
        let changes = record.entry(file.replica.clone()).or_default();
        changes.there(&file.path, sent);
        settled.done.push(file);
    }
    for (file, _) in &settled.left {
        let changes = record.entry(file.replica.clone()).or_default();
        changes.gone(&file.path);
    }
    index.keep_sent(root, source_root, &record)?;
    // That no listing proved them may have been told as a failure.
    index.clear_failures(source_root, root, &good)?;
    index.settle_sending(root, source_root, &settled.done, &settled.left)
}
