//! The order in which a source is read: small files of one folder together, each larger file by itself.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::union::{FileNumber, FileUnion, UnionFolder};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::snapshot::manifest::ManifestFiles;
use crate::storage::copy_file::BLOCK_BYTES;

/// Maximum number of files that are read together.
const MAX_BATCH_FILES: usize = 128;

/// Minimum size of a file that is read before the small ones: 64 MiB.
const LARGE_FILE_BYTES: u64 = 64 << 20;

/// A file of the union.
#[derive(Clone, Debug)]
pub(super) struct UnionFile {
    pub(super) number: FileNumber,
    /// Index of its folder in the union.
    pub(super) folder: usize,
    pub(super) name: Name,
    pub(super) bytes: u64,
    pub(super) modified: Timestamp,
}

/// The next files to read.
#[derive(Debug)]
pub(super) enum Job {
    /// Files of one folder that fit into one block together.
    Batch(Vec<UnionFile>),
    /// A file that is larger than a block.
    FileStream(UnionFile),
}

/// The files that no reader has taken yet.
pub(super) struct JobQueue<'a> {
    state: Mutex<JobState<'a>>,
}

struct JobState<'a> {
    /// Large files, the largest first.
    large: VecDeque<UnionFile>,
    small: UnionFiles<'a>,
    /// A small file that did not fit into the last batch.
    next: Option<UnionFile>,
}

/// Iterator over the files of a union in their order.
pub(super) struct UnionFiles<'a> {
    union: &'a FileUnion,
    folder: usize,
    files: Option<ManifestFiles<'a>>,
    number: FileNumber,
}

impl<'a> UnionFiles<'a> {
    pub(super) fn new(union: &'a FileUnion) -> Self {
        Self {
            union,
            folder: 0,
            files: union
                .folders
                .first()
                .map(|folder: &UnionFolder| folder.files.files()),
            number: 0,
        }
    }
}

impl Iterator for UnionFiles<'_> {
    type Item = UnionFile;

    fn next(&mut self) -> Option<UnionFile> {
        loop {
            if let Some(file) = self.files.as_mut()?.next() {
                let file = UnionFile {
                    number: self.number,
                    folder: self.folder,
                    name: Name::from_bytes(file.name.to_vec()),
                    bytes: file.bytes,
                    modified: file.modified,
                };
                self.number += 1;
                return Some(file);
            }
            self.folder += 1;
            let next = self.union.folders.get(self.folder);
            self.files = next.map(|folder| folder.files.files());
        }
    }
}

impl<'a> JobQueue<'a> {
    pub(super) fn new(union: &'a FileUnion) -> Self {
        let large = UnionFiles::new(union).filter(|file| file.bytes >= LARGE_FILE_BYTES);
        let mut large: Vec<_> = large.collect();
        large.sort_by_key(|file| std::cmp::Reverse(file.bytes));
        Self {
            state: Mutex::new(JobState {
                large: large.into(),
                small: UnionFiles::new(union),
                next: None,
            }),
        }
    }

    /// Returns the next job, or `None` if all files are taken.
    pub(super) fn next(&self, large_first: bool) -> Option<Job> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if large_first {
            let large = state.large.pop_front().map(Job::FileStream);
            large.or_else(|| state.next_small())
        } else {
            let small = state.next_small();
            small.or_else(|| state.large.pop_front().map(Job::FileStream))
        }
    }
}

impl JobState<'_> {
    fn next_small(&mut self) -> Option<Job> {
        let mut batch: Vec<UnionFile> = Vec::new();
        let mut left = BLOCK_BYTES as u64;
        while batch.len() < MAX_BATCH_FILES {
            let mut small = self
                .small
                .by_ref()
                .filter(|file| file.bytes < LARGE_FILE_BYTES);
            let Some(file) = self.next.take().or_else(|| small.next()) else {
                break;
            };
            let is_other_folder = batch
                .first()
                .is_some_and(|first| first.folder != file.folder);
            if batch.is_empty() && file.bytes > left {
                return Some(Job::FileStream(file));
            }
            if is_other_folder || file.bytes > left {
                self.next = Some(file);
                break;
            }
            left -= file.bytes;
            batch.push(file);
        }
        (!batch.is_empty()).then_some(Job::Batch(batch))
    }
}

#[cfg(test)]
mod tests {
    use super::super::union::wanted_folders;
    use super::*;
    use crate::copy::plan::Plan;
    use crate::snapshot::tree::Tree;

    #[test]
    fn every_file_is_read_once_and_fits() {
        const BLOCK: u64 = BLOCK_BYTES as u64;
        let files = [
            ("a", 100, 1),
            ("b", BLOCK - 100, 1),
            ("c", 1, 1),
            ("d", BLOCK + 1, 1),
            ("e", 90 << 20, 1),
            ("f", 0, 1),
            ("x/", 0, 1),
            ("x/g", BLOCK, 1),
            ("x/h", 0, 1),
            ("x/i", 80 << 20, 1),
        ];
        let plan = Plan::of_trees("spot", &Tree::of_files(&files), &Tree::default());
        let wanted = wanted_folders(&[&plan], &|_, _| true);
        let union = FileUnion::of(&[&wanted], 1);
        for (large_first, expected) in [(true, "E I AB C D F GH"), (false, "AB C D F GH E I")] {
            let queue = JobQueue::new(&union);
            let mut jobs = Vec::new();
            while let Some(job) = queue.next(large_first) {
                let files = match job {
                    Job::Batch(files) => files,
                    Job::FileStream(file) => vec![file],
                };
                let names = files
                    .iter()
                    .map(|file| file.name.to_string().to_uppercase());
                jobs.push(names.collect::<String>());
            }
            assert_eq!(jobs.join(" "), expected);
        }
        let numbers: Vec<_> = UnionFiles::new(&union).map(|file| file.number).collect();
        assert_eq!(numbers, (0..9).collect::<Vec<_>>());
    }
}
