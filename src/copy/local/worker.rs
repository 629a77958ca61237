//! One thread of a transfer: copies files to temporary names until it has a group of them, then finishes the group.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::folder::Folders;
use super::group::Group;
use super::queue::{Item, Piece, Queue};
use super::{Job, Route};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::outcome::{Outcome, VANISHED};
use crate::os::descent::Descent;
use crate::os::folder::{Folder, is_missing};
use crate::os::limit;
use crate::storage::copy_file::{Mover, Part, copy_file, make_link, take_file};

/// So many files make a group full, however many handles there are.
const GROUP_FILES: usize = 1024;

/// So many bytes make a group full, however few files they are: 512 MiB.
const GROUP_BYTES: u64 = 512 << 20;

/// A thread's own.
pub(super) struct Worker<'a> {
    pub(super) jobs: &'a [Job],
    pub(super) route: &'a Route<'a>,
    folders: &'a Folders,
    queue: &'a Queue<'a>,
    pub(super) mover: Mover,
    /// Opens folders at the source and at the destination.
    descents: [Descent; 2],
    group: Group,
    held: Held,
}

/// Handles that the group of a thread holds.
#[derive(Debug)]
struct Held {
    /// How many files make a group full; fewer after a shortage.
    files: usize,
    /// Folders of the files under temporary names, in pairs.
    pairs: usize,
    /// Folders of the files whose names are not flushed yet, in pairs.
    named: usize,
    /// Whether the piece under way is among the pairs.
    counted: bool,
    /// The number of shortages that this thread knows of.
    shortages: u64,
}

impl Held {
    /// Whether a group of this many files has as many handles as this thread may hold.
    fn is_full(&self, files: usize) -> bool {
        /// Those of a file, its copy and the two folders that are being opened.
        const UNDER_WAY: usize = 6;
        // A file that waits is open, and mostly so is its source.
        let handles = 2 * (files + self.pairs + self.named) + UNDER_WAY;
        files >= self.files || (files > 0 && handles >= limit::for_a_thread())
    }
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
    ) -> Self {
        let mut mover = Mover::default();
        mover.digests = route.verify;
        Self {
            jobs,
            route,
            folders,
            queue,
            mover,
            descents: [route.source, route.destination].map(Descent::from),
            group: Group::default(),
            held: Held {
                files: GROUP_FILES,
                pairs: 0,
                named: 0,
                counted: false,
                shortages: limit::shortages(),
            },
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
        self.end_group();
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
            Some(why) => Err(Outcome::Failed(why.to_owned())),
            None => self.open_pair(&piece).map_err(|error| {
                let is_gone = is_missing(&error) && self.is_gone(piece.job, path);
                vanished_or_failed(is_gone, &error)
            }),
        };
        match opened {
            Ok(pair) => {
                self.held.counted = false;
                self.folders.touch(piece.job, piece.folder);
                self.mover.enter(&pair.to, pair.device);
                for item in piece.items {
                    self.copy_item(&pair, item);
                }
            }
            Err(outcome) => {
                for item in &piece.items {
                    let outcome = outcome.clone();
                    (self.route.tell)(piece.job, path, &item.name, outcome);
                    self.route.meter.files(1);
                }
            }
        }
    }

    /// How an item ended that could not be copied: a file that went away by itself is nobody's failure.
    pub(super) fn failure(&self, pair: &Pair, item: &Item, error: &Error) -> Outcome {
        let is_gone = is_missing(error)
            && !self.route.takes
            && is_missing_in(&pair.from, item)
            && self.is_there(pair.job, Path::new(""));
        vanished_or_failed(is_gone, error)
    }

    /// Whether a folder of a replica went away from the source, and the replica did not.
    fn is_gone(&self, job: usize, folder: &Path) -> bool {
        !self.route.takes && !self.is_there(job, folder) && self.is_there(job, Path::new(""))
    }

    /// Whether the source has a folder of a replica. A whole replica that is not there may be on a disk that is not
    /// mounted.
    fn is_there(&self, job: usize, folder: &Path) -> bool {
        let path = self.jobs[job].relative.join(folder);
        !self
            .route
            .source
            .beneath(&path)
            .is_err_and(|error| is_missing(&error))
    }

    /// Opens both folders of a piece; where no handle is left, once more without those of the group.
    fn open_pair(&mut self, piece: &Piece) -> Result<Pair> {
        match self.open(piece) {
            Err(error) if self.is_out_of_handles(&error) => self.open(piece),
            opened => opened,
        }
    }

    fn open(&mut self, piece: &Piece) -> Result<Pair> {
        let path = self.jobs[piece.job]
            .relative
            .join(self.path(piece.job, piece.folder));
        let from = Arc::new(self.descents[0].open(&path)?);
        let to = Arc::new(self.descents[1].open(&path)?);
        Ok(Pair {
            job: piece.job,
            folder: piece.folder,
            from,
            device: to.stat_self()?.device,
            to,
        })
    }

    /// Whether something failed for want of handles. Then the group has closed its own, and the next is smaller.
    fn is_out_of_handles(&mut self, error: &Error) -> bool {
        let is_shortage = limit::is_shortage(error);
        if is_shortage {
            self.close_group();
        }
        is_shortage
    }

    /// Finishes the group and flushes its names, so that it holds no handle.
    fn close_group(&mut self) {
        self.held.files = (self.group.len() / 2).clamp(1, self.held.files);
        self.finish_group();
        self.end_group();
        self.held.named = 0;
        self.held.shortages = limit::shortages();
        limit::hold_files(false);
    }

    /// Copies one file to a temporary name, and finishes the group once it is full.
    fn copy_item(&mut self, pair: &Pair, item: Item) {
        if interrupt::check().is_err() || self.is_over() {
            return self.tell(pair, &item, Outcome::Unreached);
        }
        if limit::shortages() != self.held.shortages {
            self.close_group();
        }
        let part = match self.copy(pair, &item) {
            Err(error) if self.is_out_of_handles(&error) => self.copy(pair, &item),
            // Written to while it was read: once more, in case that was the end of it.
            Err(Error::Changed { .. }) => self.copy_carefully(pair, &item),
            Err(Error::Copy { source, .. }) if source.kind() == std::io::ErrorKind::Interrupted => {
                self.copy(pair, &item)
            }
            copied => copied,
        };
        match part {
            Ok(part) => {
                self.held.pairs += usize::from(!self.held.counted);
                self.held.counted = true;
                limit::hold_files(true);
                self.group.add(Waiting {
                    pair: pair.clone(),
                    item,
                    part,
                });
            }
            Err(Error::Interrupted) => self.tell(pair, &item, Outcome::Unreached),
            Err(error) => self.tell(pair, &item, self.failure(pair, &item, &error)),
        }
        if self.held.is_full(self.group.len()) || self.group.bytes() >= GROUP_BYTES {
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

    /// Copies a file once more, with nothing but reads and writes.
    pub(super) fn copy_carefully(&mut self, pair: &Pair, item: &Item) -> Result<Part> {
        self.mover.careful = true;
        let copied = self.copy(pair, item);
        self.mover.careful = false;
        copied
    }

    /// Flushes, reads back and names what was copied since the last time.
    fn finish_group(&mut self) {
        let mut group = std::mem::take(&mut self.group);
        // What finishing opens is waited for: the files that wait are needed until then.
        limit::hold_files(false);
        group.finish(self);
        self.group = group;
        limit::hold_files(self.held.pairs > 0);
        self.held.named = self.held.pairs;
        self.held.pairs = 0;
        self.held.counted = false;
    }

    /// Flushes the names of the last group.
    fn end_group(&mut self) {
        let mut group = std::mem::take(&mut self.group);
        group.end(self);
        self.group = group;
    }
}

fn is_missing_in(folder: &Folder, item: &Item) -> bool {
    folder
        .stat(&item.name)
        .is_err_and(|error| is_missing(&error))
}

fn vanished_or_failed(is_gone: bool, error: &Error) -> Outcome {
    if is_gone {
        Outcome::Skipped(VANISHED.to_owned())
    } else {
        Outcome::Failed(error.line())
    }
}
