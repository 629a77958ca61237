//! One replica as the disk holds it: every entry below its folder, found without following a link.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::exclusions::{Exclusions, is_housekeeping, is_temporary};
use crate::interrupt;
use crate::moment::{Moment, Step};
use crate::name::Name;
use crate::os::folder::{Folder, is_missing};
use crate::os::stat::{Kind, Stat};

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

/// Looks at everything below `root`/`relative`, but for what is excluded and the `inner` folders (relative to the root).
///
/// Entries that vanish while they are looked at are not there; folders and entries that cannot be read are problems.
///
/// # Errors
/// The folder itself cannot be opened, or the walk was interrupted.
pub fn walk(
    root: &Folder,
    relative: &Path,
    exclusions: &Exclusions,
    inner: &[PathBuf],
) -> Result<Tree> {
    let top = root.beneath(relative)?;
    let stat = top.stat_self()?;
    let mut tree = Tree {
        step: stat.changed.coarsest_step(),
        stat: Some(stat),
        ..Tree::default()
    };
    let mut pending = vec![PathBuf::new()];
    while let Some(path) = pending.pop() {
        interrupt::check()?;
        let opened = top
            .beneath(&path)
            .and_then(|folder| Ok((folder.entries()?, folder)));
        let (names, folder) = match opened {
            Ok(opened) => opened,
            Err(error) if is_missing(&error) && path != Path::new("") => {
                tree.entries.retain(|entry| entry.path != path);
                continue;
            }
            Err(error) => {
                tree.problems.push(Problem { path, error });
                continue;
            }
        };
        for name in names {
            if let Some(entry) = look(&folder, &path, &name, exclusions, &mut tree)
                && !(entry.kind == Kind::Folder && inner.contains(&relative.join(&entry.path)))
            {
                if entry.kind == Kind::Folder {
                    pending.push(entry.path.clone());
                }
                tree.entries.push(entry);
            }
        }
    }
    tree.entries
        .sort_unstable_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    // Some network file systems list a name twice while a folder changes.
    tree.entries.dedup_by(|a, b| a.path == b.path);
    Ok(tree)
}

/// Looks at one entry; `None` if it is left alone, gone, or a problem.
fn look(
    folder: &Folder,
    path: &Path,
    name: &OsStr,
    exclusions: &Exclusions,
    tree: &mut Tree,
) -> Option<Entry> {
    let path = path.join(name);
    let seen = folder.stat(name).and_then(|stat| {
        let target = if stat.kind == Kind::Link {
            Some(folder.read_link(name)?.into())
        } else {
            None
        };
        Ok((stat, target))
    });
    let (stat, target) = match seen {
        Ok(seen) => seen,
        Err(error) if is_missing(&error) => return None,
        Err(error) => {
            tree.problems.push(Problem { path, error });
            return None;
        }
    };
    if is_temporary(name) {
        tree.leftovers.push(path);
        return None;
    }
    if exclusions.excludes(&path, stat.kind == Kind::Folder) {
        tree.excluded += 1;
        return None;
    }
    tree.step = tree.step.min(stat.changed.coarsest_step());
    Some(Entry {
        path,
        kind: stat.kind,
        bytes: if stat.kind == Kind::File {
            stat.bytes
        } else {
            0
        },
        modified: stat.modified,
        mode: stat.mode,
        target,
        shared: (stat.kind == Kind::File && stat.links > 1).then_some((stat.device, stat.inode)),
    })
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
