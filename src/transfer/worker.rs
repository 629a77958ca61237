//! One thread of a transfer: copies files to temporary names until it has a group of them, then finishes the group.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::folders::Folders;
use super::group::Group;
use super::queue::{Item, Piece, Queue};
use super::{Job, Route};
use crate::copy_file::{Mover, Part, copy_file, make_link, take_file};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::os::folder::Folder;
use crate::outcome::Outcome;

/// So many bytes make a group full, however few files they are: 512 MiB.
const GROUP_BYTES: u64 = 512 << 20;

/// A thread's own.
pub(super) struct Worker<'a> {
    pub(super) jobs: &'a [Job],
    pub(super) route: &'a Route<'a>,
    folders: &'a Folders,
    queue: &'a Queue<'a>,
    pub(super) mover: Mover,
    /// How many files make a group full.
    files: usize,
    group: Group,
}

/// The two folders of a piece, and where it stands in the plan.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) job: usize,
    pub(super) folder: usize,
    pub(super) from: Arc<Folder>,
    pub(super) to: Arc<Folder>,
    /// The file system of the destination.
    pub(super) device: u64,
}

/// A file that has a temporary name.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) pair: Pair,
    pub(super) item: Item,
    pub(super) part: Part,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        jobs: &'a [Job],
        route: &'a Route<'a>,
        folders: &'a Folders,
        queue: &'a Queue<'a>,
        files: usize,
    ) -> Self {
        let mut mover = Mover::default();
        mover.digests = route.verify;
        Self {
            jobs,
            route,
            folders,
            queue,
            mover,
            files,
            group: Group::default(),
        }
    }

    /// Copies until nothing is left, or work should stop.
    pub(super) fn run(mut self, large_first: bool) {
        while interrupt::check().is_ok()
            && !self.is_over()
            && let Some(piece) = self.queue.next(large_first)
        {
            self.copy_piece(piece);
        }
        self.finish_group();
        let mut group = std::mem::take(&mut self.group);
        group.end(&mut self);
    }

    /// Whether the time is over in which files may be begun.
    fn is_over(&self) -> bool {
        self.route
            .until
            .is_some_and(|until| Instant::now() >= until)
    }

    /// The path of a folder below its replica's.
    pub(super) fn path(&self, job: usize, folder: usize) -> &'a Path {
        &self.jobs[job].plan.folders[folder].path
    }

    /// Tells how an item ended.
    pub(super) fn tell(&self, pair: &Pair, item: &Item, outcome: Outcome) {
        let folder = self.path(pair.job, pair.folder);
        (self.route.tell)(pair.job, folder, &item.name, outcome);
        self.route.meter.files(1);
    }

    fn copy_piece(&mut self, piece: Piece) {
        let path = self.path(piece.job, piece.folder);
        let failure = self.folders.failure(piece.job, path);
        let opened = match failure {
            Some(why) => Err(why.to_owned()),
            None => self.open(&piece).map_err(|error| error.line()),
        };
        match opened {
            Ok(pair) => {
                self.folders.touch(piece.job, piece.folder);
                self.mover.enter(&pair.to, pair.device);
                for item in piece.items {
                    self.copy_item(&pair, item);
                }
            }
            Err(why) => {
                for item in &piece.items {
                    let outcome = Outcome::Failed(why.clone());
                    (self.route.tell)(piece.job, path, &item.name, outcome);
                    self.route.meter.files(1);
                }
            }
        }
    }

    /// Opens both folders of a piece.
    fn open(&self, piece: &Piece) -> Result<Pair> {
        let path = self.jobs[piece.job]
            .relative
            .join(self.path(piece.job, piece.folder));
        let from = Arc::new(self.route.source.beneath(&path)?);
        let to = Arc::new(self.route.destination.beneath(&path)?);
        Ok(Pair {
            job: piece.job,
            folder: piece.folder,
            from,
            device: to.stat_self()?.device,
            to,
        })
    }

    /// Copies one file to a temporary name, and finishes the group once it is full.
    fn copy_item(&mut self, pair: &Pair, item: Item) {
        if interrupt::check().is_err() || self.is_over() {
            return self.tell(pair, &item, Outcome::Unreached);
        }
        let part = match self.copy(pair, &item) {
            // Written to while it was read: once more, in case that was the end of it.
            Err(Error::Changed { .. }) => self.copy(pair, &item),
            Err(Error::Copy { source, .. }) if source.kind() == std::io::ErrorKind::Interrupted => {
                self.copy(pair, &item)
            }
            copied => copied,
        };
        match part {
            Ok(part) => self.group.add(Waiting {
                pair: pair.clone(),
                item,
                part,
            }),
            Err(Error::Interrupted) => self.tell(pair, &item, Outcome::Unreached),
            Err(error) => self.tell(pair, &item, Outcome::Failed(error.line())),
        }
        if self.group.len() >= self.files || self.group.bytes() >= GROUP_BYTES {
            self.finish_group();
        }
    }

    /// Copies a file or link to a temporary name.
    pub(super) fn copy(&mut self, pair: &Pair, item: &Item) -> Result<Part> {
        if item.is_link {
            return make_link(&pair.from, &item.name, &pair.to);
        }
        let meter = self.route.meter;
        let told = |bytes| meter.bytes(bytes);
        if self.route.takes
            && let Some(part) = take_file(&pair.from, &item.name, &pair.to, &mut self.mover)?
        {
            return Ok(part);
        }
        copy_file(&pair.from, &item.name, &pair.to, &mut self.mover, &told)
    }

    /// Flushes, reads back and names what was copied since the last time.
    fn finish_group(&mut self) {
        let mut group = std::mem::take(&mut self.group);
        group.finish(self);
        self.group = group;
    }
}
