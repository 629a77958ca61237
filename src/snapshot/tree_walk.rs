//! The walk of one replica: from the folders that the walkers read to a [`Tree`].

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::manifest::{ManifestBuilder, ManifestFile};
use super::tree::{Problem, ScannedFolder, Tree, TreeFolder};
use super::walk::{FolderContents, FolderEntry, FolderVisit, VisitOutcome, Walk, WalkTarget};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::name::Name;
use crate::base::timestamp::TimePrecision;
use crate::model::exclusion::Exclusions;
use crate::model::layout::InnerFolders;
use crate::os::disk::WalkPace;
use crate::os::folder::Folder;
use crate::os::stat::{EntryKind, Stat};

/// Walks `root`/`relative` at this pace, without excluded entries and without the `inner` folders, which are relative to the root.
///
/// Entries that vanish during the walk count as missing. Folders and entries that cannot be read become problems.
///
/// # Errors
/// The folder itself cannot be opened or read, or interruption.
pub fn walk(
    root: &Arc<Folder>,
    relative: &Path,
    exclusions: &Arc<Exclusions>,
    inner: &Arc<InnerFolders>,
    pace: WalkPace,
) -> Result<Tree> {
    let target = WalkTarget {
        path: relative.to_owned(),
        inner_folders: Arc::clone(inner),
    };
    let mut walk = Walk::begin(root, vec![target], exclusions, pace, WalkItem::from_visit);
    let mut builder = TreeBuilder {
        relative,
        inner,
        tree: Tree::default(),
        folders: Vec::new(),
        walked: Vec::new(),
        missing: BTreeSet::new(),
    };
    while let Some(batch) = walk.next()? {
        for (_, item) in batch.folders {
            match item {
                WalkItem::Unreadable(problem) if problem.path == Path::new("") => {
                    return Err(problem.error);
                }
                WalkItem::Missing(path) if path == Path::new("") => {
                    let missing = io::Error::from(io::ErrorKind::NotFound);
                    return Err(missing).at("open", root.path().join(relative));
                }
                WalkItem::Missing(path) => {
                    builder.missing.insert(path);
                }
                WalkItem::Unreadable(problem) => builder.tree.problems.push(problem),
                WalkItem::Read(read) => builder.add(*read),
            }
        }
    }
    Ok(builder.finish())
}

/// Result for one folder.
enum WalkItem {
    Read(Box<WalkedFolder>),
    Unreadable(Problem),
    Missing(PathBuf),
}

/// A folder that was read.
struct WalkedFolder {
    files: ScannedFolder,
    specials: Vec<Name>,
    subfolders: Vec<Name>,
    /// Subfolders by their paths below the replica's folder.
    folders: Vec<(PathBuf, TreeFolder)>,
    problems: Vec<Problem>,
    leftovers: Vec<PathBuf>,
    excluded_folders: Vec<PathBuf>,
    precision: Option<TimePrecision>,
    /// Only of the replica's own folder.
    stat: Option<Stat>,
}

impl WalkItem {
    /// Converts a visited folder, on a walker's thread.
    fn from_visit(visit: FolderVisit<'_>) -> Self {
        let path = visit.path.to_owned();
        match visit.outcome {
            VisitOutcome::Missing => Self::Missing(path),
            VisitOutcome::Unreadable(error) => Self::Unreadable(Problem { path, error }),
            VisitOutcome::Read(contents, stat) => {
                Self::Read(Box::new(WalkedFolder::from_contents(&path, contents, stat)))
            }
        }
    }
}

impl ScannedFolder {
    /// Packs the files and links of a folder. Also returns the errors of the names in `unreadable`, in their order.
    pub fn of(path: &Path, contents: &mut FolderContents) -> (Self, Vec<Error>) {
        let mut builder = ManifestBuilder::with_capacity(contents.len());
        let mut hard_links = Vec::new();
        for child in contents.entries() {
            if matches!(child.kind, EntryKind::Folder | EntryKind::Special) {
                continue;
            }
            builder.add(&ManifestFile {
                name: child.name.as_encoded_bytes(),
                bytes: child.bytes,
                modified: child.modified,
                target: child.target.map(Name::as_bytes),
            });
            hard_links.extend(child.file_id.map(|file_id| (file_id, child.bytes)));
        }
        let (unreadable, errors) = std::mem::take(&mut contents.problems).into_iter().unzip();
        let folder = Self {
            hard_links,
            unreadable,
            ..Self::from_builder(path, builder)
        };
        (folder, errors)
    }
}

impl WalkedFolder {
    fn from_contents(path: &Path, contents: &mut FolderContents, stat: Option<Stat>) -> Self {
        let below = |name: &Name| path.join(name.as_path());
        let (files, errors) = ScannedFolder::of(path, contents);
        let unreadable = files.unreadable.iter().map(below);
        let problems = unreadable
            .zip(errors)
            .map(|(path, error)| Problem { path, error });
        let of_kind = |kind| contents.entries().filter(move |child| child.kind == kind);
        let own = stat.map(|stat| stat.status_changed.coarsest_precision());
        let names = |kind| of_kind(kind).map(|child| child.name.into()).collect();
        Self {
            specials: names(EntryKind::Special),
            subfolders: names(EntryKind::Folder),
            folders: of_kind(EntryKind::Folder)
                .map(|child| (path.join(child.name), TreeFolder::from_entry(&child)))
                .collect(),
            problems: problems.collect(),
            leftovers: contents.leftovers.iter().map(below).collect(),
            excluded_folders: contents.excluded_folders.iter().map(below).collect(),
            precision: contents.precision.into_iter().chain(own).min(),
            stat,
            files,
        }
    }
}

impl TreeFolder {
    /// A folder as its parent folder shows it.
    fn from_entry(child: &FolderEntry<'_>) -> Self {
        Self {
            mode: child.mode,
            modified: child.modified,
            changed: child.changed.unwrap_or_default(),
            file_id: child.file_id.unwrap_or_default(),
            files: None,
            specials: Vec::new(),
            subfolders: Vec::new(),
        }
    }

    /// The replica's own folder.
    fn from_stat(stat: &Stat) -> Self {
        Self {
            mode: stat.mode,
            modified: stat.modified,
            changed: stat.status_changed,
            file_id: stat.file_id(),
            files: None,
            specials: Vec::new(),
            subfolders: Vec::new(),
        }
    }
}

/// Collects folders in any order.
struct TreeBuilder<'a> {
    relative: &'a Path,
    inner: &'a InnerFolders,
    tree: Tree,
    /// All folders found so far. They are sorted once, at the end: in a deep tree each comparison of paths is slow.
    folders: Vec<(PathBuf, TreeFolder)>,
    /// Folders that were read.
    walked: Vec<WalkedFolder>,
    missing: BTreeSet<PathBuf>,
}

impl TreeBuilder<'_> {
    fn add(&mut self, mut walked: WalkedFolder) {
        if let Some(stat) = &walked.stat {
            self.folders
                .push((PathBuf::new(), TreeFolder::from_stat(stat)));
        }
        let (relative, inner) = (self.relative, self.inner);
        let is_own = |path: &Path| inner.is_empty() || !inner.contains(&relative.join(path));
        let hidden = &mut self.tree.hidden_folders;
        hidden.extend(std::mem::take(&mut walked.excluded_folders));
        for (path, folder) in std::mem::take(&mut walked.folders) {
            if is_own(&path) {
                self.folders.push((path, folder));
            } else {
                hidden.insert(path);
            }
        }
        self.tree.problems.append(&mut walked.problems);
        self.tree.leftovers.append(&mut walked.leftovers);
        let proven = self.tree.proven_precision.into_iter();
        self.tree.proven_precision = proven.chain(walked.precision).min();
        self.walked.push(walked);
    }

    fn finish(mut self) -> Tree {
        self.folders.sort_by(|a, b| a.0.cmp(&b.0));
        self.walked.sort_by(|a, b| a.files.path.cmp(&b.files.path));
        let mut walked = self.walked.into_iter().peekable();
        for (path, folder) in &mut self.folders {
            // A folder that was read but is not in its parent any more is not part of the tree.
            while walked.next_if(|read| read.files.path < *path).is_some() {}
            if let Some(read) = walked.next_if(|read| read.files.path == *path) {
                folder.files = Some(read.files);
                folder.specials = read.specials;
                folder.subfolders = read.subfolders;
            }
        }
        self.tree.folders = self.folders.into_iter().collect();
        for path in &self.missing {
            self.tree.folders.remove(path);
        }
        self.tree
    }
}
