//! Which files of one size hold the same bytes on two sides: known from the index, or read, both sides at once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::diff::{self, Change, Difference, Seen, Visit};
use crate::digest::Digest;
use crate::error::{At as _, Error, Result};
use crate::index::{Content, Contents, Index};
use crate::interrupt;
use crate::manifest::Files;
use crate::moment::Step;
use crate::name::Name;
use crate::os::folder::Folder;
use crate::os::stat::Kind;
use crate::tree::Tree;

/// Files below this size are read one side after the other: a thread costs more than it saves.
const AT_ONCE: u64 = 1 << 20;

/// One of two replicas whose contents are compared.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The database's root.
    pub root: &'a Arc<Folder>,
    /// The replica's folder below it.
    pub relative: &'a Path,
    /// What is there.
    pub tree: &'a Tree,
}

/// What a comparison of contents found.
#[derive(Debug, Default)]
pub struct Found {
    /// Files whose bytes differ, by their paths below the replica's folder.
    pub differing: HashSet<PathBuf>,
    /// Files that could not be read on one side, and why.
    pub unread: HashMap<PathBuf, String>,
    /// What was read, by folder: of the first side and of the second.
    pub read: BTreeMap<PathBuf, [Contents; 2]>,
    /// How many files were read on either side.
    pub files_read: u64,
}

/// A file of one size on both sides.
#[derive(Clone, Debug)]
struct Twin {
    name: Name,
    seen: [Seen; 2],
}

/// What is known of the contents of a folder's files, of the first side and of the second.
pub type Known<'a> = dyn Fn(&Path) -> Result<[Contents; 2]> + 'a;

/// Told of bytes of the first side while they are compared.
pub type Told<'a> = dyn Fn(u64) + Sync + 'a;

/// How many files, and bytes on one side, would have to be compared at most.
#[must_use]
pub fn extent(a: &Tree, b: &Tree) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for path in a.folders.keys() {
        for twin in twins(a, b, path) {
            files += 1;
            bytes += twin.seen[0].bytes;
        }
    }
    (files, bytes)
}

/// Compares the contents of all files that have one size on both sides, by so many threads.
///
/// # Errors
/// The index cannot be read, or the work was interrupted; files that cannot be read are among what is found.
pub fn compare(
    sides: [Side<'_>; 2],
    known: &Known<'_>,
    threads: usize,
    told: &Told<'_>,
) -> Result<Found> {
    let mut found = Found::default();
    for path in sides[0].tree.folders.keys() {
        let twins = twins(sides[0].tree, sides[1].tree, path);
        if twins.is_empty() {
            continue;
        }
        let known = known(path)?;
        let steps = sides.map(|side| side.tree.step());
        let mut unknown = Vec::new();
        for twin in twins {
            let digests = [0, 1].map(|side| recall(&known[side], &twin, side, steps[side]));
            match digests {
                [Some(a), Some(b)] => {
                    told(twin.seen[0].bytes);
                    if a != b {
                        found.differing.insert(path.join(twin.name.as_path()));
                    }
                }
                digests => unknown.push((twin, digests)),
            }
        }
        read_folder(sides, path, unknown, threads, told, &mut found)?;
    }
    Ok(found)
}

/// The digest that is known of a file, if it still has its size and time.
fn recall(known: &Contents, twin: &Twin, side: usize, step: Step) -> Option<Digest> {
    let (content, seen) = (known.get(&twin.name)?, &twin.seen[side]);
    let same = content.bytes == seen.bytes && content.modified.same_as(seen.modified, step);
    same.then_some(content.digest)
}

/// The files of one folder that have one size on both sides.
fn twins(a: &Tree, b: &Tree, path: &Path) -> Vec<Twin> {
    struct Twins(Vec<Twin>);
    impl Visit for Twins {
        fn all_same(&mut self, packed: &[u8]) {
            let mut files = Files::of(packed);
            while let Ok(Some(file)) = files.next() {
                self.name(file.name, Change::Same(file.into(), file.into()));
            }
        }

        fn name(&mut self, name: &[u8], change: Change) {
            if let Change::Same(a, b) | Change::Differs(a, b, Difference::Time) = change
                && a.kind == Kind::File
            {
                let name = Name::from_bytes(name.to_vec());
                self.0.push(Twin { name, seen: [a, b] });
            }
        }
    }
    let mut twins = Twins(Vec::new());
    // A tree's own manifests are never damaged.
    diff::folder(a, b, path, &mut twins).unwrap_or_default();
    twins.0
}

/// What reading one pair came to.
type Pair = (Twin, Result<[Content; 2], String>);

/// Reads the files of one folder on both sides.
fn read_folder(
    sides: [Side<'_>; 2],
    path: &Path,
    twins: Vec<(Twin, [Option<Digest>; 2])>,
    threads: usize,
    told: &Told<'_>,
    found: &mut Found,
) -> Result<()> {
    if twins.is_empty() {
        return Ok(());
    }
    let open = |side: Side<'_>| side.root.beneath(&side.relative.join(path));
    let folders = match (open(sides[0]), open(sides[1])) {
        (Ok(a), Ok(b)) => [a, b],
        (Err(error), _) | (_, Err(error)) => {
            let unread = twins
                .into_iter()
                .map(|(twin, _)| (path.join(twin.name.as_path()), error.line()));
            found.unread.extend(unread);
            return Ok(());
        }
    };
    let threads = threads.clamp(1, twins.len());
    let twins = Mutex::new(twins.into_iter());
    let read = Mutex::new(Vec::new());
    let work = || {
        let mut buffer = Vec::new();
        while interrupt::check().is_ok() {
            let next = twins.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((twin, known)) = next else { break };
            let digests = read_pair(&folders, &twin, known, &mut buffer, told);
            let pair = (twin, digests.map_err(|error| error.line()));
            read.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(pair);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Where the system gives no more threads, this one does it all.
            let _begun = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    interrupt::check()?;
    let read = read.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.take(path, read);
    Ok(())
}

impl Found {
    /// What became of the file with this path, now that its content is known.
    ///
    /// # Errors
    /// It could not be read, for this reason.
    pub fn judge(&self, path: &Path, change: Change) -> Result<Change, String> {
        let (Change::Same(a, b) | Change::Differs(a, b, Difference::Time)) = change else {
            return Ok(change);
        };
        if a.kind != Kind::File {
            return Ok(change);
        }
        if let Some(why) = self.unread.get(path) {
            return Err(why.clone());
        }
        Ok(if self.differing.contains(path) {
            Change::Differs(a, b, Difference::Content)
        } else {
            Change::Same(a, b)
        })
    }

    /// Takes in what was read of a folder.
    fn take(&mut self, folder: &Path, pairs: Vec<Pair>) {
        let contents = self.read.entry(folder.to_owned()).or_default();
        for (twin, read) in pairs {
            let path = folder.join(twin.name.as_path());
            match read {
                Ok([a, b]) => {
                    self.files_read += 1;
                    if a.digest != b.digest {
                        self.differing.insert(path);
                    }
                    contents[0].insert(twin.name.clone(), a);
                    contents[1].insert(twin.name, b);
                }
                Err(why) => {
                    self.unread.insert(path, why);
                }
            }
        }
    }
}

/// Reads one file on both sides, or on the one that is not known.
fn read_pair(
    folders: &[Folder; 2],
    twin: &Twin,
    known: [Option<Digest>; 2],
    buffer: &mut Vec<u8>,
    told: &Told<'_>,
) -> Result<[Content; 2]> {
    let quiet = |_| {};
    let read = |side: usize, buffer: &mut Vec<u8>, told: &dyn Fn(u64)| {
        let digest = match known[side] {
            Some(digest) => {
                told(twin.seen[side].bytes);
                digest
            }
            None => read(&folders[side], twin, side, buffer, told)?,
        };
        Ok(Content {
            bytes: twin.seen[side].bytes,
            modified: twin.seen[side].modified,
            digest,
        })
    };
    if twin.seen[0].bytes < AT_ONCE || known.iter().any(Option::is_some) {
        return Ok([read(0, buffer, told)?, read(1, buffer, &quiet)?]);
    }
    thread::scope(|scope| {
        let second = scope.spawn(|| read(1, &mut Vec::new(), &quiet));
        let first = read(0, buffer, told);
        let second = second.join().unwrap_or_else(|_| {
            Err(io::Error::other("reading it failed")).at("read", folders[1].path())
        });
        Ok([first?, second?])
    })
}

/// Reads one file, which must be what the tree saw.
fn read(
    folder: &Folder,
    twin: &Twin,
    side: usize,
    buffer: &mut Vec<u8>,
    told: &dyn Fn(u64),
) -> Result<Digest> {
    let name = twin.name.as_os_str();
    let (file, stat) = folder.open_file(name)?;
    let path = || folder.path().join(name);
    let is_seen = |file: &File| {
        crate::os::file::stat(file)
            .is_ok_and(|now| now.unchanged_since(&stat) && now.modified == twin.seen[side].modified)
    };
    let digest = Digest::of_file(&file, buffer, told).at("read", path())?;
    if is_seen(&file) && stat.bytes == twin.seen[side].bytes {
        Ok(digest)
    } else {
        Err(Error::Raced { path: path() })
    }
}

/// What was read of one replica: its folder below the roots, and for each folder in it the contents on both sides.
pub type Read = (PathBuf, BTreeMap<PathBuf, [Contents; 2]>);

/// Keeps the digests of what was read, for the two databases with these rows.
///
/// # Errors
/// The index cannot be written.
pub fn keep(index: &mut Index, databases: [Option<i64>; 2], read: &[Read]) -> Result<()> {
    let mut rows = Vec::new();
    for (relative, folders) in read {
        for (folder, contents) in folders {
            for (database, contents) in databases.into_iter().zip(contents) {
                if let (Some(database), false) = (database, contents.is_empty()) {
                    rows.push((database, relative.join(folder), contents));
                }
            }
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = rows
        .iter()
        .map(|(database, folder, contents)| (*database, folder.as_path(), *contents))
        .collect();
    index.keep_digests(&rows)
}
