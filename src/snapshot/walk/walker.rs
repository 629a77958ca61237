//! One thread of a walk: takes folders from the queue, reads them, and sends the converted folders.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::{io, thread};

use super::entry_job::EntryJob;
use super::folder::{EntrySource, FolderContents};
use super::pacer::Pacer;
use super::queue::{FolderQueue, FolderTask, WalkStep};
use super::visit::{FolderVisit, VisitBatch, VisitFn, VisitOutcome};
use crate::base::error::{Error, Result};
use crate::model::exclusion::Exclusions;
use crate::os::folder::{Folder, is_not_found};
use crate::os::reader::{EntryNames, FolderReader};
use crate::os::stat::{EntryKind, Stat};

/// Number of entries after which a batch is sent. One folder may have more.
const BATCH_ENTRIES: usize = 2048;

/// Number of entries after which one of very many walkers sends its batch: all their batches are in memory at once.
const SMALL_BATCH_ENTRIES: usize = 256;

/// Number of walkers that fill batches of full size.
const FULL_BATCHES: usize = 8;

/// Values that all walkers of a walk share.
pub(super) struct WalkShared<T> {
    pub(super) root: Arc<Folder>,
    pub(super) exclusions: Arc<Exclusions>,
    pub(super) queue: Arc<FolderQueue>,
    pub(super) visit: Box<VisitFn<T>>,
}

pub(super) struct Walker<T> {
    /// Its number, from 0.
    number: usize,
    shared: Arc<WalkShared<T>>,
    sender: SyncSender<VisitBatch<T>>,
    batch: Vec<(usize, T)>,
    entries: usize,
    contents: FolderContents,
    /// Memory for a part of another walker's folder.
    part: FolderContents,
    list: EntryNames,
    reader: FolderReader,
    pacer: Pacer,
}

/// Stops the walk if a walker panics: the others would wait for its folders.
struct StopOnPanic(Arc<FolderQueue>);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

impl<T: Send + 'static> Walker<T> {
    /// Starts a walker in a thread of its own.
    ///
    /// # Errors
    /// The system starts no further thread.
    pub(super) fn start(
        number: usize,
        shared: Arc<WalkShared<T>>,
        sender: SyncSender<VisitBatch<T>>,
    ) -> io::Result<()> {
        let started = thread::Builder::new().spawn(move || {
            let _guard = StopOnPanic(Arc::clone(&shared.queue));
            let (crew, more) = (Arc::clone(&shared), sender.clone());
            let start = move |number| Self::start(number, Arc::clone(&crew), more.clone());
            let pacer = Pacer::begin(&shared.queue, Box::new(start));
            let walker = Self {
                number,
                shared,
                sender,
                batch: Vec::new(),
                entries: 0,
                contents: FolderContents::default(),
                part: FolderContents::default(),
                list: EntryNames::default(),
                reader: FolderReader::default(),
                pacer,
            };
            walker.run();
        });
        started.map(drop)
    }

    /// Reads folders until the walk is done, or its receiver is dropped.
    fn run(mut self) {
        let queue = Arc::clone(&self.shared.queue);
        loop {
            let mut next = queue.next(self.number);
            if matches!(next, WalkStep::Idle) {
                self.send_batch();
                next = self.pacer.idle(|| queue.wait(self.number));
            }
            match next {
                WalkStep::Read(task) => {
                    let found = self.read(task);
                    queue.finish_folder(found);
                }
                WalkStep::Help(job) => job.work(&mut self.part, || self.pacer.proceed()),
                WalkStep::Idle | WalkStep::Done => break,
            }
            if self.entries >= self.batch_entries() {
                self.send_batch();
            }
            self.pacer.adapt();
        }
        self.send_batch();
    }

    fn batch_entries(&self) -> usize {
        if self.shared.queue.crew.wanted() > FULL_BATCHES {
            SMALL_BATCH_ENTRIES
        } else {
            BATCH_ENTRIES
        }
    }

    /// Reads one folder; returns the subfolders found in it.
    fn read(&mut self, task: FolderTask) -> Vec<FolderTask> {
        let FolderTask {
            replica,
            path,
            parent,
        } = task;
        let shared = Arc::clone(&self.shared);
        let opened = match parent {
            _ if shared.queue.targets[replica].is_in_other_category() => {
                Err(not_found(&shared.root))
            }
            Some(open) => open.folder.open_child(path.file_name().unwrap_or_default()),
            None => shared
                .root
                .open_descendant(&shared.queue.targets[replica].path.join(&path)),
        };
        let read = opened.and_then(|folder| self.read_contents(&path, folder));
        let (outcome, folder) = match read {
            // A folder that was being read when the walk was stopped is incomplete.
            Ok(_) if shared.queue.is_stopped() => return Vec::new(),
            Ok((folder, stat)) => (VisitOutcome::Read(&mut self.contents, stat), Some(folder)),
            Err(error) if is_not_found(&error) => (VisitOutcome::Missing, None),
            Err(error) => (VisitOutcome::Unreadable(error), None),
        };
        let visit = FolderVisit {
            path: &path,
            outcome,
        };
        self.batch.push((replica, (shared.visit)(visit)));
        self.entries += 1;
        let Some(folder) = folder else {
            return Vec::new();
        };
        self.entries += self.contents.len();
        self.subfolders(replica, &path, folder)
    }

    /// Reads an open folder into `contents`. Also returns the stat of a replica's own folder.
    fn read_contents(
        &mut self,
        path: &Path,
        folder: Folder,
    ) -> Result<(Arc<Folder>, Option<Stat>)> {
        let folder = Arc::new(folder);
        let queue = &self.shared.queue;
        let stat = (path == Path::new(""))
            .then(|| folder.stat_self())
            .transpose()?;
        self.contents.clear();
        let pacer = &mut self.pacer;
        self.reader
            .list(&folder, &mut self.list, || pacer.proceed())?;
        if queue.crew.pace().is_rotational {
            self.list.sort_by_inode();
        }
        self.read_entries(&folder, path);
        self.contents.sort();
        Ok((folder, stat))
    }

    /// Reads the metadata of all listed entries, those of a long folder together with walkers that have nothing to do.
    fn read_entries(&mut self, folder: &Arc<Folder>, path: &Path) {
        let (queue, exclusions) = (&self.shared.queue, &self.shared.exclusions);
        let pacer = &mut self.pacer;
        if !EntryJob::is_worthwhile(self.list.len()) || queue.crew.pace().most == 1 {
            let source = EntrySource {
                folder,
                path,
                exclusions,
            };
            let all = 0..self.list.len();
            self.contents
                .add_listed(&source, &self.list, all, || pacer.proceed());
            return;
        }
        let list = std::mem::take(&mut self.list);
        let (folder, exclusions) = (Arc::clone(folder), Arc::clone(exclusions));
        let job = Arc::new(EntryJob::new(folder, path.to_owned(), list, exclusions));
        queue.offer(&job);
        job.work(&mut self.part, || pacer.proceed());
        self.contents = pacer.idle(|| job.finish(queue.stop_flag()));
    }

    /// The subfolders of the folder that was just read, without other categories.
    fn subfolders(&self, replica: usize, path: &Path, folder: Arc<Folder>) -> Vec<FolderTask> {
        let target = &self.shared.queue.targets[replica];
        let children = self.contents.entries();
        let mut paths = children
            .filter(|child| child.kind == EntryKind::Folder)
            .map(|child| path.join(child.name))
            .filter(|path| !target.is_inner_category(path))
            .peekable();
        if paths.peek().is_none() {
            return Vec::new();
        }
        let parent = FolderQueue::keep_open(folder);
        let task = |path| FolderTask {
            replica,
            path,
            parent: parent.clone(),
        };
        paths.map(task).collect()
    }

    /// Sends the batch. Stops the walk if its receiver is dropped.
    fn send_batch(&mut self) {
        let folders = std::mem::take(&mut self.batch);
        self.entries = 0;
        if folders.is_empty() {
            return;
        }
        let queue = &self.shared.queue;
        let replicas: Vec<usize> = folders.iter().map(|(replica, _)| *replica).collect();
        let mut send = |batch| {
            if self.pacer.idle(|| self.sender.send(batch)).is_err() {
                queue.stop();
            }
        };
        send(VisitBatch {
            folders,
            complete: Vec::new(),
        });
        // Counted after sending, so that a replica's last folder arrives before the replica is complete.
        let complete = queue.complete_folders(replicas.into_iter());
        if !complete.is_empty() {
            send(VisitBatch {
                folders: Vec::new(),
                complete,
            });
        }
    }
}

/// The error of a missing folder.
fn not_found(root: &Folder) -> Error {
    Error::Io {
        action: "open",
        path: root.path().to_owned(),
        source: io::ErrorKind::NotFound.into(),
    }
}
