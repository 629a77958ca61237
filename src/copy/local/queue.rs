//! The files that are still to be copied, handed out in pieces: files of one folder together, large ones each by itself.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};

use super::{Job, TransferContext};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::copy::outcome::Outcome;
use crate::copy::plan::{PlannedFolder, Replacement};
use crate::os::stat::EntryKind;
use crate::snapshot::diff::DiffEntry;
use crate::snapshot::manifest::{ManifestFile, ManifestFiles};

/// So many files are handed out at once.
const MAX_BATCH_FILES: usize = 128;

/// And so many bytes: with more, one thread would be left with much at the end, and the others with nothing. 8 MiB.
const MAX_BATCH_BYTES: u64 = 8 << 20;

/// From this size on a file is handed out by itself, and before others, so that no large one is left for the end: 64 MiB.
const LARGE_FILE_BYTES: u64 = 64 << 20;

/// A file or link that is to be copied.
#[derive(Clone, Debug)]
pub(super) struct QueuedItem {
    pub(super) name: OsString,
    pub(super) bytes: u64,
    /// Its time at the source when the plan was made.
    pub(super) modified: Timestamp,
    pub(super) is_link: bool,
    /// What it replaces.
    pub(super) replaced: Option<DiffEntry>,
}

/// Files of one folder.
#[derive(Debug)]
pub(super) struct CopyBatch {
    pub(super) job: usize,
    pub(super) folder: usize,
    pub(super) items: Vec<QueuedItem>,
}

/// What is left to be handed out.
#[derive(Debug)]
pub(super) struct CopyQueue<'a> {
    jobs: &'a [Job],
    state: Mutex<CopyQueueState<'a>>,
}

#[derive(Debug)]
struct CopyQueueState<'a> {
    /// The largest first.
    large: VecDeque<(usize, usize, QueuedItem)>,
    job: usize,
    folder: usize,
    /// Of the folder under way.
    add: ManifestFiles<'a>,
    replace: &'a [Replacement],
}

impl<'a> CopyQueue<'a> {
    pub(super) fn new(jobs: &'a [Job]) -> Self {
        let mut large = Vec::new();
        for (job, planned) in jobs.iter().enumerate() {
            for (folder, planned) in planned.plan.folders.iter().enumerate() {
                let items = items_in(planned).filter(QueuedItem::is_large);
                large.extend(items.map(|item| (job, folder, item)));
            }
        }
        large.sort_by_key(|(.., item)| std::cmp::Reverse(item.bytes));
        let mut state = CopyQueueState {
            large: large.into(),
            job: 0,
            folder: 0,
            add: ManifestFiles::of(&[]),
            replace: &[],
        };
        state.enter_folder(jobs);
        Self {
            jobs,
            state: Mutex::new(state),
        }
    }

    /// The next files; `None` once all were handed out.
    pub(super) fn next(&self, large_first: bool) -> Option<CopyBatch> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if large_first {
            state.next_large().or_else(|| state.next_small(self.jobs))
        } else {
            state.next_small(self.jobs).or_else(|| state.next_large())
        }
    }

    /// Tells of everything that is left that it was not reached.
    pub(super) fn report_unreached(&self, context: &TransferContext<'_>) {
        while let Some(piece) = self.next(false) {
            let folder = &self.jobs[piece.job].plan.folders[piece.folder].path;
            for item in &piece.items {
                (context.on_outcome)(piece.job, folder, &item.name, Outcome::Unreached);
            }
        }
    }
}

impl<'a> CopyQueueState<'a> {
    /// Begins the folder under way.
    fn enter_folder(&mut self, jobs: &'a [Job]) {
        let folder = jobs
            .get(self.job)
            .and_then(|job| job.plan.folders.get(self.folder));
        self.add = folder.map_or(ManifestFiles::of(&[]), |folder| folder.add.files());
        self.replace = folder.map_or(&[], |folder| &folder.replace);
    }

    fn next_large(&mut self) -> Option<CopyBatch> {
        let (job, folder, item) = self.large.pop_front()?;
        Some(CopyBatch {
            job,
            folder,
            items: vec![item],
        })
    }

    fn next_small(&mut self, jobs: &'a [Job]) -> Option<CopyBatch> {
        while let Some(job) = jobs.get(self.job) {
            if self.folder < job.plan.folders.len() {
                let items = self.take_small();
                if !items.is_empty() {
                    return Some(CopyBatch {
                        job: self.job,
                        folder: self.folder,
                        items,
                    });
                }
                self.folder += 1;
            } else {
                self.job += 1;
                self.folder = 0;
            }
            self.enter_folder(jobs);
        }
        None
    }

    /// The next small files of the folder under way.
    fn take_small(&mut self) -> Vec<QueuedItem> {
        let mut items = Vec::new();
        let mut bytes = 0;
        while items.len() < MAX_BATCH_FILES && bytes < MAX_BATCH_BYTES {
            let item = match self.add.next() {
                Ok(Some(file)) => QueuedItem::from_file(&file),
                _ => match self.replace.split_first() {
                    Some((replacement, rest)) => {
                        self.replace = rest;
                        QueuedItem::from_replacement(replacement)
                    }
                    None => break,
                },
            };
            if !item.is_large() {
                bytes += item.bytes;
                items.push(item);
            }
        }
        items
    }
}

/// Everything that is to be copied into a folder.
fn items_in(folder: &PlannedFolder) -> impl Iterator<Item = QueuedItem> {
    let mut files = folder.add.files();
    let added = std::iter::from_fn(move || {
        let file = files.next().ok().flatten()?;
        Some(QueuedItem::from_file(&file))
    });
    added.chain(folder.replace.iter().map(QueuedItem::from_replacement))
}

impl QueuedItem {
    fn from_file(file: &ManifestFile<'_>) -> Self {
        Self {
            name: Name::from_bytes(file.name.to_vec()).as_os_str().to_owned(),
            bytes: file.bytes,
            modified: file.modified,
            is_link: file.target.is_some(),
            replaced: None,
        }
    }

    fn from_replacement(replacement: &Replacement) -> Self {
        Self {
            name: replacement.name.as_os_str().to_owned(),
            bytes: replacement.new.bytes,
            modified: replacement.new.modified,
            is_link: replacement.new.kind == EntryKind::Link,
            replaced: Some(replacement.old),
        }
    }

    const fn is_large(&self) -> bool {
        self.bytes >= LARGE_FILE_BYTES
    }
}
