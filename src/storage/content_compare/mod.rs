//! Which files of one size hold the same bytes on two sides: known from the index, or read, both sides at once.

mod known_difference;
mod read;
mod record;
mod time;

use std::collections::btree_map::Keys;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec::IntoIter;

pub use self::record::Record;
pub use self::time::OffTimes;

use self::read::{Done, Piece, Reading, Unread};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::{Moment, Step};
use crate::index::Contents;
use crate::os::folder::Folder;
use crate::os::stat::Kind;
use crate::snapshot::diff;
use crate::snapshot::diff::{Change, Difference, Seen, Visit};
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::Files;
use crate::snapshot::tree::{Tree, TreeFolder};

/// A thread is given so many files at once, all of one folder.
const PIECE_FILES: usize = 64;

/// And so many bytes of one side, or one file that is larger: 8 MiB.
const PIECE_BYTES: u64 = 8 << 20;

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
    /// How many files were read on either side.
    pub files_read: u64,
    /// Whether content decides of every file of one size: those that are in neither list are the same.
    pub is_whole: bool,
}

/// A file of one size on both sides.
#[derive(Clone, Debug)]
struct Twin {
    name: Name,
    seen: [Seen; 2],
    /// The times that the storages show of it.
    shown: [Moment; 2],
}

/// Told of bytes of the first side while they are compared.
pub type Told<'a> = dyn Fn(u64) + Sync + 'a;

/// How many files, and bytes on one side, would have to be compared at most.
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

/// The files that have one size on both sides, by their paths below the replica's folder.
pub fn twin_paths(a: &Tree, b: &Tree) -> Vec<PathBuf> {
    let twins_of = |path: &PathBuf| {
        let twins = twins(a, b, path).into_iter();
        let paths = twins.map(|twin| path.join(twin.name.as_path()));
        paths.collect::<Vec<_>>()
    };
    a.folders.keys().flat_map(twins_of).collect()
}

/// Compares the contents of all files that have one size on both sides, by so many threads.
///
/// # Errors
/// The index cannot be read, or the work was interrupted; files that cannot be read are among what is found.
pub fn compare(
    sides: [Side<'_>; 2],
    record: &mut Record,
    threads: usize,
    told: &Told<'_>,
) -> Result<Found> {
    compare_these(sides, record, threads, told, None)
}

/// Compares the contents of these files alone, by their paths below the replica's folder.
///
/// # Errors
/// As for [`compare`].
pub fn compare_some(
    sides: [Side<'_>; 2],
    record: &mut Record,
    threads: usize,
    told: &Told<'_>,
    wanted: &BTreeSet<PathBuf>,
) -> Result<Found> {
    compare_these(sides, record, threads, told, Some(wanted))
}

fn compare_these(
    sides: [Side<'_>; 2],
    record: &mut Record,
    threads: usize,
    told: &Told<'_>,
    wanted: Option<&BTreeSet<PathBuf>>,
) -> Result<Found> {
    let mut comparing = Comparing {
        sides,
        record,
        wanted,
        told,
        folders: sides[0].tree.folders.keys(),
        folder: PathBuf::new(),
        unread: Vec::new().into_iter(),
        found: Found {
            is_whole: wanted.is_none(),
            ..Found::default()
        },
    };
    read::read(sides, threads, told, &mut comparing)?;
    Ok(comparing.found)
}

/// A comparison under way, folder after folder.
struct Comparing<'a> {
    sides: [Side<'a>; 2],
    record: &'a mut Record,
    /// Only these files, where not all are compared.
    wanted: Option<&'a BTreeSet<PathBuf>>,
    told: &'a Told<'a>,
    folders: Keys<'a, PathBuf, TreeFolder>,
    /// The folder under way, and its files that are to be read still.
    folder: PathBuf,
    unread: IntoIter<Unread>,
    found: Found,
}

impl Comparing<'_> {
    /// Judges what is known of a folder's files; those of which it is not are to be read.
    fn begin(&mut self, path: &Path) -> Result<()> {
        let [a, b] = self.sides;
        let mut twins = twins(a.tree, b.tree, path);
        if let Some(wanted) = self.wanted {
            twins.retain(|twin| wanted.contains(&path.join(twin.name.as_path())));
        }
        if twins.is_empty() {
            return Ok(());
        }
        let contents = self.record.known(&a.relative.join(path))?;
        let steps = self.sides.map(|side| side.tree.step());
        let mut unread = Vec::new();
        for twin in twins {
            let known = [0, 1].map(|side| recall(&contents[side], &twin, side, steps[side]));
            if let [Some(a), Some(b)] = known {
                (self.told)(twin.seen[0].bytes);
                if a != b {
                    self.found.differing.insert(path.join(twin.name.as_path()));
                }
            } else {
                unread.push(Unread { twin, known });
            }
        }
        path.clone_into(&mut self.folder);
        self.unread = unread.into_iter();
        Ok(())
    }
}

impl Reading for Comparing<'_> {
    fn next(&mut self) -> Result<Option<Piece>> {
        while self.unread.len() == 0
            && let Some(path) = self.folders.next()
        {
            self.begin(path)?;
        }
        let (mut files, mut bytes) = (Vec::new(), 0);
        while files.len() < PIECE_FILES
            && bytes < PIECE_BYTES
            && let Some(file) = self.unread.next()
        {
            bytes += file.twin.seen[0].bytes;
            files.push(file);
        }
        let folder = self.folder.clone();
        Ok((!files.is_empty()).then_some(Piece { folder, files }))
    }

    fn take(&mut self, Done { folder, files }: Done) {
        let mut read = Vec::with_capacity(files.len());
        for (name, contents) in files {
            match contents {
                Ok(contents) => {
                    if contents[0].digest != contents[1].digest {
                        self.found.differing.insert(folder.join(name.as_path()));
                    }
                    read.push((name, contents));
                }
                Err(why) => {
                    self.found.unread.insert(folder.join(name.as_path()), why);
                }
            }
        }
        self.found.files_read += read.len() as u64;
        self.record.add(self.sides[0].relative.join(folder), read);
    }
}

/// Returns the digest that is known of a file, if it still has its size and time: the time that was set, or the one that
/// the storage shows for it.
fn recall(known: &Contents, twin: &Twin, side: usize, step: Step) -> Option<Digest> {
    let (content, seen) = (known.get(&twin.name)?, &twin.seen[side]);
    let times = [seen.modified, twin.shown[side]];
    let is_time = |time: &Moment| content.modified.same_as(*time, step);
    let same = content.bytes == seen.bytes && times.iter().any(is_time);
    same.then_some(content.digest)
}

/// The files of one folder that have one size on both sides.
fn twins(a: &Tree, b: &Tree, path: &Path) -> Vec<Twin> {
    struct Twins<'a>(Vec<Twin>, [&'a Tree; 2], &'a Path);
    impl Visit for Twins<'_> {
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
                let shown = [a, b].map(|seen| seen.modified);
                let shown = [0, 1].map(|side| self.1[side].shown(self.2, name, shown[side]));
                self.0.push(Twin {
                    name: Name::from_bytes(name.to_vec()),
                    seen: [a, b],
                    shown,
                });
            }
        }
    }
    let mut twins = Twins(Vec::new(), [a, b], path);
    // A tree's own manifests are never damaged.
    diff::folder(a, b, path, &mut twins).unwrap_or_default();
    twins.0
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
        if a.kind != Kind::File || (!self.is_whole && !self.differing.contains(path)) {
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
}
