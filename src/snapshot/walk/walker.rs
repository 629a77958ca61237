//! One thread of a walk: takes folders off the queue, reads them, and hands over what was made of them.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::folder::Contents;
use super::queue::{Next, Queue, Task};
use super::{Batch, Make, Visited, What};
use crate::base::error::{Error, Result};
use crate::model::exclusion::Exclusions;
use crate::os::folder::{Folder, is_missing};
use crate::os::reader::Reader;
use crate::os::stat::{Kind, Stat};

/// After how many entries what was made of folders is handed over; one folder may have more.
const BATCH: usize = 2048;

/// What all walkers of a walk share.
pub(super) struct Ground<T> {
    pub(super) root: Arc<Folder>,
    pub(super) exclusions: Arc<Exclusions>,
    pub(super) queue: Arc<Queue>,
    pub(super) make: Arc<Make<T>>,
}

impl<T> Clone for Ground<T> {
    fn clone(&self) -> Self {
        Self {
            root: Arc::clone(&self.root),
            exclusions: Arc::clone(&self.exclusions),
            queue: Arc::clone(&self.queue),
            make: Arc::clone(&self.make),
        }
    }
}

/// A walker.
pub(super) struct Walker<T> {
    ground: Ground<T>,
    sender: SyncSender<Batch<T>>,
    batch: Vec<(usize, T)>,
    entries: usize,
    contents: Contents,
    reader: Reader,
}

/// Should a walker panic, the others must not wait for it.
struct StopOnPanic(Arc<Queue>);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

impl<T> Walker<T> {
    pub(super) fn new(ground: Ground<T>, sender: SyncSender<Batch<T>>) -> Self {
        Self {
            ground,
            sender,
            batch: Vec::new(),
            entries: 0,
            contents: Contents::default(),
            reader: Reader::default(),
        }
    }

    /// Walks until everything was read or nobody listens any more.
    pub(super) fn run(mut self) {
        let queue = Arc::clone(&self.ground.queue);
        let _guard = StopOnPanic(Arc::clone(&queue));
        loop {
            let mut next = queue.next();
            if matches!(next, Next::Idle) {
                self.hand_over();
                next = queue.wait();
            }
            let Next::Read(task) = next else {
                break;
            };
            let found = self.read(task);
            queue.read(found);
            if self.entries >= BATCH {
                self.hand_over();
            }
        }
        self.hand_over();
    }

    /// Reads one folder; gives the folders that were found in it.
    fn read(&mut self, task: Task) -> Vec<Task> {
        let Task {
            replica,
            path,
            parent,
        } = task;
        let ground = self.ground.clone();
        let opened = match parent {
            _ if ground.queue.starts[replica].is_another() => Err(missing(&ground.root)),
            Some(open) => open.folder.child(path.file_name().unwrap_or_default()),
            None => ground
                .root
                .beneath(&ground.queue.starts[replica].path.join(&path)),
        };
        let read = opened.and_then(|folder| self.contents(&path, folder));
        let (what, folder) = match read {
            // What was read until somebody stopped the walk is not what the folder holds.
            Ok(_) if ground.queue.is_stopped() => return Vec::new(),
            Ok((folder, stat)) => (What::Read(&mut self.contents, stat), Some(folder)),
            Err(error) if is_missing(&error) => (What::Gone, None),
            Err(error) => (What::Closed(error), None),
        };
        let sight = Visited { path: &path, what };
        self.batch.push((replica, (ground.make)(sight)));
        self.entries += 1;
        let Some(folder) = folder else {
            return Vec::new();
        };
        self.entries += self.contents.len();
        self.subfolders(replica, &path, folder)
    }

    /// Reads an open folder into `contents`; a replica's own folder is looked at itself too.
    fn contents(&mut self, path: &Path, folder: Folder) -> Result<(Folder, Option<Stat>)> {
        let (exclusions, stop) = (&self.ground.exclusions, self.ground.queue.stopped());
        let stat = (path == Path::new(""))
            .then(|| folder.stat_self())
            .transpose()?;
        self.contents
            .read(&folder, path, exclusions, &mut self.reader, stop)?;
        Ok((folder, stat))
    }

    /// The folders in the one that was just read, but for those that are other categories'.
    fn subfolders(&self, replica: usize, path: &Path, folder: Folder) -> Vec<Task> {
        let start = &self.ground.queue.starts[replica];
        let children = self.contents.children();
        let mut paths = children
            .filter(|child| child.kind == Kind::Folder)
            .map(|child| path.join(child.name))
            .filter(|path| !start.is_inner(path))
            .peekable();
        if paths.peek().is_none() {
            return Vec::new();
        }
        let parent = Queue::keep_open(folder);
        let task = |path| Task {
            replica,
            path,
            parent: parent.clone(),
        };
        paths.map(task).collect()
    }

    /// Hands over what was made; where nobody listens any more, the walk stops.
    fn hand_over(&mut self) {
        let folders = std::mem::take(&mut self.batch);
        self.entries = 0;
        if folders.is_empty() {
            return;
        }
        let queue = &self.ground.queue;
        let replicas: Vec<usize> = folders.iter().map(|(replica, _)| *replica).collect();
        let send = |batch| {
            if self.sender.send(batch).is_err() {
                queue.stop();
            }
        };
        send(Batch {
            folders,
            complete: Vec::new(),
        });
        // Only now, so that the last of a replica's folders has arrived before it is called complete.
        let complete = queue.hand_over(replicas.into_iter());
        if !complete.is_empty() {
            send(Batch {
                folders: Vec::new(),
                complete,
            });
        }
    }
}

/// As if a folder were not there.
fn missing(root: &Folder) -> Error {
    Error::Io {
        action: "open",
        path: root.path().to_owned(),
        source: io::ErrorKind::NotFound.into(),
    }
}
