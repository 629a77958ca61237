//! Reading files on two sides by several threads, which take them from all folders alike.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::{Side, Told, Twin};
use crate::base::error::{At as _, Error, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::index::Content;
use crate::os::file;
use crate::os::folder::Folder;
use crate::os::stat::Stat;
use crate::snapshot::diff::Seen;
use crate::snapshot::digest::Digest;

/// Files below this size are read one side after the other: a thread costs more than it saves.
const AT_ONCE: u64 = 1 << 20;

/// So many pieces wait for a thread to take them.
const WAITING: usize = 16;

/// Files of one folder that are to be read by one thread.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) folder: PathBuf,
    pub(super) files: Vec<Unread>,
}

/// A file that is to be read on both sides, or on the one that is not known.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) twin: Twin,
    pub(super) known: [Option<Digest>; 2],
}

/// A piece that was read: what each of its files holds on the two sides, or why that is not known.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) folder: PathBuf,
    pub(super) files: Vec<(Name, Result<[Content; 2], String>)>,
}

/// Who has files read.
pub(super) trait Reading {
    /// The next piece; `None` after the last.
    fn next(&mut self) -> Result<Option<Piece>>;

    /// Takes in a piece that was read.
    fn take(&mut self, done: Done);
}

/// Reads files until there are no more. After a stop, or an error of who asks, those are not read that were not begun.
pub(super) fn read(
    sides: [Side<'_>; 2],
    threads: usize,
    told: &Told<'_>,
    reading: &mut dyn Reading,
) -> Result<()> {
    let (give, waiting) = mpsc::sync_channel(WAITING);
    let (tell, done) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        for number in 0..threads.max(1) {
            let reader = Reader {
                sides,
                told,
                buffer: Vec::new(),
            };
            let (waiting, tell) = (&waiting, tell.clone());
            let begun =
                thread::Builder::new().spawn_scoped(scope, move || reader.run(waiting, &tell));
            match begun {
                Ok(_) => {}
                // The system gives no more; those that there are do it all.
                Err(_) if number > 0 => break,
                Err(error) => return Err(error).at("begin a thread to read", sides[0].root.path()),
            }
        }
        drop(tell);
        let given = loop {
            match interrupt::check().and_then(|()| reading.next()) {
                Ok(Some(piece)) => give.send(piece).unwrap_or_default(),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            for done in done.try_iter() {
                reading.take(done);
            }
        };
        drop(give);
        for done in done {
            reading.take(done);
        }
        given.and_then(|()| interrupt::check())
    })
}

/// A thread's own.
struct Reader<'a> {
    sides: [Side<'a>; 2],
    told: &'a Told<'a>,
    buffer: Vec<u8>,
}

impl Reader<'_> {
    fn run(mut self, waiting: &Mutex<Receiver<Piece>>, tell: &Sender<Done>) {
        loop {
            let waiting = waiting.lock();
            let next = waiting.unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(piece) = next else { return };
            tell.send(self.read(piece)).unwrap_or_default();
        }
    }

    /// Reads a piece; after a stop those of its files are left out that were not read.
    fn read(&mut self, Piece { folder, files }: Piece) -> Done {
        let open = |side: Side<'_>| side.root.beneath(&side.relative.join(&folder));
        let folders = open(self.sides[0]).and_then(|a| Ok([a, open(self.sides[1])?]));
        let folders = folders.map_err(|error| error.line());
        let mut done = Vec::with_capacity(files.len());
        for file in files {
            let read = match &folders {
                Ok(folders) => read_both(folders, &file, &mut self.buffer, self.told)
                    .map_err(|error| error.line()),
                Err(why) => Err(why.clone()),
            };
            if read.is_err() && interrupt::check().is_err() {
                break;
            }
            done.push((file.twin.name, read));
        }
        Done {
            folder,
            files: done,
        }
    }
}

/// Reads a file on both sides, or on the one that is not known.
fn read_both(
    folders: &[Folder; 2],
    Unread { twin, known }: &Unread,
    buffer: &mut Vec<u8>,
    told: &Told<'_>,
) -> Result<[Content; 2]> {
    let read = |side: usize, buffer: &mut Vec<u8>, told: &dyn Fn(u64)| {
        let seen = &twin.seen[side];
        let digest = if let Some(digest) = known[side] {
            told(seen.bytes);
            digest
        } else {
            let shown = Seen {
                modified: twin.shown[side],
                ..*seen
            };
            read_one(&folders[side], &twin.name, &shown, buffer, told)?
        };
        Ok(Content {
            bytes: seen.bytes,
            modified: seen.modified,
            digest,
        })
    };
    let quiet = |_| {};
    if twin.seen[0].bytes < AT_ONCE || known.iter().any(Option::is_some) {
        return Ok([read(0, buffer, told)?, read(1, buffer, &quiet)?]);
    }
    thread::scope(|scope| {
        let second = || read(1, &mut Vec::new(), &quiet);
        let begun = thread::Builder::new().spawn_scoped(scope, second);
        let first = read(0, buffer, told)?;
        let second = match begun {
            Ok(second) => second.join().unwrap_or_else(|_| {
                Err(io::Error::other("reading it failed")).at("read", folders[1].path())
            }),
            // The system gives no more threads.
            Err(_) => second(),
        };
        Ok([first, second?])
    })
}

/// Reads one file, which must be what was seen.
fn read_one(
    folder: &Folder,
    name: &Name,
    seen: &Seen,
    buffer: &mut Vec<u8>,
    told: &dyn Fn(u64),
) -> Result<Digest> {
    let name = name.as_os_str();
    let (file, stat) = folder.open_file(name)?;
    let path = || folder.path().join(name);
    let digest = Digest::of_file(&file, buffer, told).at("read", path())?;
    let is_same = |now: Stat| {
        now.unchanged_since(&stat) && now.modified == seen.modified && now.bytes == seen.bytes
    };
    if file::stat(&file).is_ok_and(is_same) {
        Ok(digest)
    } else {
        Err(Error::Raced { path: path() })
    }
}
