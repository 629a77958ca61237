//! One replica as the disk holds it: every entry below its folder, found without following a link.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{At as _, Error, Result};
use crate::exclusions::{Exclusions, is_housekeeping};
use crate::moment::{Moment, Step};
use crate::name::Name;
use crate::os::disk::Disk;
use crate::os::folder::{Folder, is_missing};
use crate::os::stat::{Kind, Stat};
use crate::walk::{Child, Contents, Start, Visited, Walk, What};

/// A file, folder, link or special file below a replica's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path below the replica's folder.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Apparent size in bytes; 0 for everything but files.
    pub bytes: u64,
    /// When its content was last changed.
    pub modified: Moment,
    /// Permission bits.
    pub mode: u32,
    /// Where a link points.
    pub target: Option<Name>,
    /// Device and number of a file with several names, so that it is counted once.
    pub shared: Option<(u64, u64)>,
}

/// Something below a replica's folder that could not be looked at.
#[derive(Debug)]
pub struct Problem {
    /// The path below the replica's folder.
    pub path: PathBuf,
    /// Why not.
    pub error: Error,
}

/// All entries of a replica, a folder before what is in it, and what could not be seen.
#[derive(Debug)]
pub struct Tree {
    /// Sorted by the bytes of their paths.
    pub entries: Vec<Entry>,
    /// What could not be looked at. Nothing is known of what is below these paths.
    pub problems: Vec<Problem>,
    /// Temporary files of ours, from runs that were killed or are under way.
    pub leftovers: Vec<PathBuf>,
    /// How many entries were left alone.
    pub excluded: u64,
    /// The step in which the file system keeps times.
    pub step: Step,
    /// The replica's own folder.
    pub stat: Option<Stat>,
}

impl Default for Tree {
    fn default() -> Self {
        let step = Step::Nanosecond;
        Self {
            entries: Vec::new(),
            problems: Vec::new(),
            leftovers: Vec::new(),
            excluded: 0,
            step,
            stat: None,
        }
    }
}

/// What became of one folder.
enum Part {
    /// What is in it.
    Read(Tree),
    /// It could not be read.
    Closed(Problem),
    /// It is no longer there.
    Gone(PathBuf),
}

impl Part {
    fn of(sight: Visited<'_>) -> Self {
        let path = sight.path.to_owned();
        match sight.what {
            What::Gone => Self::Gone(path),
            What::Closed(error) => Self::Closed(Problem { path, error }),
            What::Read(contents, stat) => Self::Read(Tree::of_folder(&path, contents, stat)),
        }
    }
}

impl Tree {
    /// What is in one folder.
    fn of_folder(path: &Path, contents: &mut Contents, stat: Option<Stat>) -> Self {
        let steps = [contents.step, stat.map(|stat| stat.changed.coarsest_step())];
        let problems = std::mem::take(&mut contents.problems).into_iter();
        Self {
            entries: contents
                .children()
                .map(|child| Entry::of(path, &child))
                .collect(),
            problems: problems
                .map(|(name, error)| Problem {
                    path: path.join(name.as_path()),
                    error,
                })
                .collect(),
            leftovers: contents
                .leftovers
                .iter()
                .map(|name| path.join(name.as_path()))
                .collect(),
            excluded: contents.excluded,
            step: steps
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(Step::TwoSeconds),
            stat,
        }
    }

    /// Adds what is in another folder.
    fn append(&mut self, mut other: Self) {
        self.entries.append(&mut other.entries);
        self.problems.append(&mut other.problems);
        self.leftovers.append(&mut other.leftovers);
        self.excluded += other.excluded;
        self.step = self.step.min(other.step);
        self.stat = self.stat.or(other.stat);
    }
}

impl Entry {
    /// An entry of the folder with this path.
    fn of(folder: &Path, child: &Child<'_>) -> Self {
        Self {
            path: folder.join(child.name),
            kind: child.kind,
            bytes: child.bytes,
            modified: child.modified,
            mode: child.mode,
            target: child.target.cloned(),
            shared: child.shared,
        }
    }
}

/// Looks at everything below `root`/`relative`, but for what is excluded and the `inner` folders (relative to the root).
///
/// Entries that vanish while they are looked at are not there; folders and entries that cannot be read are problems.
///
/// # Errors
/// The folder itself cannot be opened or read, or the walk was interrupted.
pub fn walk(
    root: &Arc<Folder>,
    relative: &Path,
    exclusions: &Arc<Exclusions>,
    inner: &[PathBuf],
) -> Result<Tree> {
    let start = Start {
        path: relative.to_owned(),
        inner: inner.into(),
    };
    let walkers = Disk::of(root).walkers();
    let mut walk = Walk::begin(root, vec![start], exclusions, walkers, Part::of);
    let mut tree = Tree {
        step: Step::TwoSeconds,
        ..Tree::default()
    };
    let mut gone = BTreeSet::new();
    while let Some(batch) = walk.next()? {
        for (_, part) in batch.folders {
            match part {
                Part::Closed(problem) if problem.path == Path::new("") => return Err(problem.error),
                Part::Gone(path) if path == Path::new("") => {
                    let missing = io::Error::from(io::ErrorKind::NotFound);
                    return Err(missing).at("open", root.path().join(relative));
                }
                Part::Gone(path) => {
                    gone.insert(path);
                }
                Part::Closed(problem) => tree.problems.push(problem),
                Part::Read(part) => tree.append(part),
            }
        }
    }
    tree.entries.retain(|entry| {
        let path = || relative.join(&entry.path);
        let is_folder = entry.kind == Kind::Folder;
        !(is_folder && (gone.contains(&entry.path) || inner.contains(&path())))
    });
    tree.entries
        .sort_unstable_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    Ok(tree)
}

/// What clients and projects are among.
#[derive(Debug, Default)]
pub struct Folders {
    /// The folders, sorted.
    pub folders: Vec<Name>,
    /// The symbolic links, sorted.
    pub links: Vec<Name>,
    /// What could not be looked at.
    pub unread: Vec<(Name, Error)>,
}

/// The folders in a folder, without those that are no client or project of anybody; and the links.
/// Patterns are for what is in a project, not for clients and projects.
///
/// # Errors
/// The folder cannot be read.
pub fn folders(folder: &Folder) -> Result<Folders> {
    let mut found = Folders::default();
    for name in folder.entries()? {
        if is_housekeeping(&name) {
            continue;
        }
        match folder.stat(&name).map(|stat| stat.kind) {
            Ok(Kind::Folder) => found.folders.push(name.into()),
            Ok(Kind::Link) => found.links.push(name.into()),
            Err(error) if !is_missing(&error) => found.unread.push((name.into(), error)),
            _ => {}
        }
    }
    found.folders.sort_unstable();
    found.links.sort_unstable();
    Ok(found)
}
