//! One thread of a walk: takes folders from the queue, reads them, and sends the converted folders.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::folder::FolderContents;
use super::queue::{FolderQueue, FolderTask, WalkStep};
use super::visit::{FolderVisit, VisitBatch, VisitFn, VisitOutcome};
use crate::base::error::{Error, Result};
use crate::model::exclusion::Exclusions;
use crate::os::folder::{Folder, is_not_found};
use crate::os::reader::FolderReader;
use crate::os::stat::{EntryKind, Stat};

/// Number of entries after which a batch is sent. One folder may have more.
const BATCH_ENTRIES: usize = 2048;

/// Values that all walkers of a walk share.
pub(super) struct WalkShared<T> {
    pub(super) root: Arc<Folder>,
    pub(super) exclusions: Arc<Exclusions>,
    pub(super) queue: Arc<FolderQueue>,
    pub(super) visit: Box<VisitFn<T>>,
}

pub(super) struct Walker<T> {
    shared: Arc<WalkShared<T>>,
    sender: SyncSender<VisitBatch<T>>,
    batch: Vec<(usize, T)>,
    entries: usize,
    contents: FolderContents,
    reader: FolderReader,
}

/// Stops the walk if a walker panics: the others would wait for its folders.
struct StopOnPanic(Arc<FolderQueue>);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

impl<T> Walker<T> {
    pub(super) fn new(shared: Arc<WalkShared<T>>, sender: SyncSender<VisitBatch<T>>) -> Self {
        Self {
            shared,
            sender,
            batch: Vec::new(),
            entries: 0,
            contents: FolderContents::default(),
            reader: FolderReader::default(),
        }
    }

    /// Reads folders until the walk is done, or its receiver is dropped.
    pub(super) fn run(mut self) {
        let queue = Arc::clone(&self.shared.queue);
        let _guard = StopOnPanic(Arc::clone(&queue));
        loop {
            let mut next = queue.next();
            if matches!(next, WalkStep::Idle) {
                self.send_batch();
                next = queue.wait();
            }
            let WalkStep::Read(task) = next else {
                break;
            };
            let found = self.read(task);
            queue.finish_folder(found);
            if self.entries >= BATCH_ENTRIES {
                self.send_batch();
            }
        }
        self.send_batch();
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
    fn read_contents(&mut self, path: &Path, folder: Folder) -> Result<(Folder, Option<Stat>)> {
        let (exclusions, stop) = (&self.shared.exclusions, self.shared.queue.stop_flag());
        let stat = (path == Path::new(""))
            .then(|| folder.stat_self())
            .transpose()?;
        self.contents
            .read(&folder, path, exclusions, &mut self.reader, stop)?;
        Ok((folder, stat))
    }

    /// The subfolders of the folder that was just read, without other categories.
    fn subfolders(&self, replica: usize, path: &Path, folder: Folder) -> Vec<FolderTask> {
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
        let send = |batch| {
            if self.sender.send(batch).is_err() {
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
