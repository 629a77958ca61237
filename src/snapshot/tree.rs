//! One replica as the disk holds it: every folder below its own, found without following a link, its files packed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::aggregate::FileTotals;
use super::manifest::{MalformedManifest, Manifest, ManifestBuilder, ManifestFile, ManifestFiles};
use super::time_alias::{AlteredTimes, AlteredTimesByFolder};
use super::walk::{FolderContents, FolderEntry, FolderVisit, VisitOutcome, Walk, WalkTarget};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::model::exclusion::{Exclusions, is_housekeeping_folder};
use crate::os::disk::Disk;
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::{EntryKind, Stat};

/// The files of one folder as a look sees them.
#[derive(Clone, Debug, Default)]
pub struct ScannedFolder {
    /// The path below the replica's folder; empty for that folder itself.
    pub path: PathBuf,
    /// Its files and links.
    pub manifest: Manifest,
    /// What they amount to.
    pub totals: FileTotals,
    /// Device, number and bytes of those with several names.
    pub hard_links: Vec<(u64, u64, u64)>,
    /// The names in it that could not be looked at: what is known of them is older.
    pub unreadable: Vec<Name>,
    /// The times that the storage shows of files whose time in the manifest is the one that was set.
    pub reported_times: BTreeMap<Name, Timestamp>,
}

impl ScannedFolder {
    /// Packs what was read of the folder with this path; also gives why names in it could not be looked at.
    pub fn of(path: &Path, contents: &mut FolderContents) -> (Self, Vec<Error>) {
        let mut packer = ManifestBuilder::with_capacity(contents.len());
        let (mut totals, mut hard_links) = (FileTotals::default(), Vec::new());
        for child in contents.entries() {
            if matches!(child.kind, EntryKind::Folder | EntryKind::Special) {
                continue;
            }
            packer.add(&ManifestFile {
                name: child.name.as_encoded_bytes(),
                bytes: child.bytes,
                modified: child.modified,
                target: child.target.map(Name::as_bytes),
            });
            totals.add(child.bytes, child.modified);
            hard_links.extend(
                child
                    .file_id
                    .map(|(device, inode)| (device, inode, child.bytes)),
            );
        }
        let (unreadable, errors) = std::mem::take(&mut contents.problems).into_iter().unzip();
        let seen = Self {
            path: path.to_owned(),
            manifest: packer.finish(),
            totals,
            hard_links,
            unreadable,
            reported_times: BTreeMap::new(),
        };
        (seen, errors)
    }

    /// Gives files that still have their size and the time shown the time that this stands for.
    pub fn restore_original_times(&mut self, altered: &AlteredTimes) {
        let mut packer = ManifestBuilder::default();
        let mut totals = FileTotals::default();
        let mut files = self.manifest.files();
        while let Ok(Some(file)) = files.next() {
            let mut file = file;
            let name = Name::from_bytes(file.name.to_vec());
            let reported = self
                .reported_times
                .get(&name)
                .copied()
                .unwrap_or(file.modified);
            if let Some(time) = altered.get(&name)
                && file.target.is_none()
                && (time.bytes, time.reported) == (file.bytes, reported)
            {
                self.reported_times.insert(name, reported);
                file.modified = time.original;
            }
            packer.add(&file);
            totals.add(file.bytes, file.modified);
        }
        (self.manifest, self.totals) = (packer.finish(), totals);
    }
}

/// A folder of a replica.
#[derive(Clone, Debug)]
pub struct TreeFolder {
    /// Permission bits.
    pub mode: u32,
    /// When something in it was last added or taken away.
    pub modified: Timestamp,
    /// When its status was last changed, its mode or time among it; the beginning of time where that is not known.
    pub changed: Timestamp,
    /// Its device and its number there.
    pub file_id: (u64, u64),
    /// Its files and links; `None` if it could not be read.
    pub files: Option<ScannedFolder>,
    /// The names of its sockets, pipes and devices.
    pub specials: Vec<Name>,
    /// The names of the folders in it, sorted; one may be gone by now.
    pub subfolders: Vec<Name>,
}

impl TreeFolder {
    /// Its files, packed; of one that could not be read none.
    pub fn packed(&self) -> &[u8] {
        self.files
            .as_ref()
            .map_or(&[], |files| files.manifest.packed())
    }
}

/// Something below a replica's folder that could not be looked at.
#[derive(Debug)]
pub struct Problem {
    /// The path below the replica's folder.
    pub path: PathBuf,
    /// Why not.
    pub error: Error,
}

/// All folders of a replica, and what could not be seen.
#[derive(Debug, Default)]
pub struct Tree {
    /// By their paths below the replica's folder, each before what is in it; the replica's own is the empty path.
    pub folders: BTreeMap<PathBuf, TreeFolder>,
    /// What could not be looked at. Nothing is known of what is below these paths.
    pub problems: Vec<Problem>,
    /// Temporary files of ours, from runs that were killed or are under way.
    pub leftovers: Vec<PathBuf>,
    /// The step in which the file system keeps times, as far as something in it proves.
    pub proven_precision: Option<TimePrecision>,
}

impl Tree {
    /// One that could not be looked at, though it may be there.
    pub fn unreadable(error: Error) -> Self {
        Self {
            problems: vec![Problem {
                path: PathBuf::new(),
                error,
            }],
            ..Self::default()
        }
    }

    /// The step in which the file system keeps times; the coarsest where nothing proves a finer one.
    pub fn precision(&self) -> TimePrecision {
        self.proven_precision.unwrap_or(TimePrecision::TwoSeconds)
    }

    /// Why nothing of it could be looked at, if so.
    pub fn failure(&self) -> Option<&Error> {
        let whole = self
            .problems
            .iter()
            .find(|problem| problem.path == Path::new(""));
        whole.map(|problem| &problem.error)
    }

    /// True if nothing is known of a path, because it or a folder above it could not be read.
    pub fn is_unread(&self, path: &Path) -> bool {
        let mut problems = self.problems.iter();
        problems.any(|problem| path.starts_with(&problem.path))
    }

    /// Whether it holds a file or link of this path.
    pub fn has_file(&self, path: &Path) -> bool {
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return false;
        };
        let mut files = ManifestFiles::of(self.folders.get(above).map_or(&[], TreeFolder::packed));
        while let Ok(Some(file)) = files.next() {
            if file.name == name.as_encoded_bytes() {
                return true;
            }
        }
        false
    }

    /// Adds a folder of which only the files are known.
    ///
    /// # Errors
    /// [`MalformedManifest`]: they are none.
    pub fn add_folder(
        &mut self,
        path: &Path,
        mut files: ManifestFiles<'_>,
    ) -> Result<(), MalformedManifest> {
        let (mut packer, mut totals) = (ManifestBuilder::default(), FileTotals::default());
        while let Some(file) = files.next()? {
            packer.add(&file);
            totals.add(file.bytes, file.modified);
        }
        let files = ScannedFolder {
            path: path.to_owned(),
            manifest: packer.finish(),
            totals,
            ..ScannedFolder::default()
        };
        self.folders
            .insert(path.to_owned(), TreeFolder::from_files(files));
        Ok(())
    }

    /// Gives files, by folder below the replica's, the times that were set where the storage shows others.
    pub fn restore_original_times(&mut self, altered: &AlteredTimesByFolder) {
        for (path, times) in altered {
            let folder = self.folders.get_mut(path);
            if let Some(files) = folder.and_then(|folder| folder.files.as_mut()) {
                files.restore_original_times(times);
            }
        }
    }

    /// The time that the storage shows of a file, which may stand for the one in its manifest.
    pub fn reported_time(&self, folder: &Path, name: &[u8], modified: Timestamp) -> Timestamp {
        let folder = self.folders.get(folder);
        let files = folder.and_then(|folder| folder.files.as_ref());
        let reported = files.filter(|files| !files.reported_times.is_empty());
        let time =
            reported.and_then(|files| files.reported_times.get(&Name::from_bytes(name.to_vec())));
        time.copied().unwrap_or(modified)
    }

    /// The time that was set for a file and the one that the storage shows, where these differ.
    pub fn altered_time(&self, folder: &Path, name: &Name) -> Option<(Timestamp, Timestamp)> {
        let files = self.folders.get(folder)?.files.as_ref()?;
        let reported = *files.reported_times.get(name)?;
        let mut packed = files.manifest.files();
        while let Ok(Some(file)) = packed.next() {
            if file.name == name.as_bytes() {
                return Some((file.modified, reported));
            }
        }
        None
    }

    /// Takes out a file.
    pub fn remove_file(&mut self, path: &Path) {
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return;
        };
        let Some(seen) = self
            .folders
            .get_mut(above)
            .and_then(|folder| folder.files.as_mut())
        else {
            return;
        };
        let (mut packer, mut totals) = (ManifestBuilder::default(), FileTotals::default());
        let mut files = seen.manifest.files();
        while let Ok(Some(file)) = files.next() {
            if file.name != name.as_encoded_bytes() {
                packer.add(&file);
                totals.add(file.bytes, file.modified);
            }
        }
        (seen.manifest, seen.totals) = (packer.finish(), totals);
    }

    /// Takes out a folder if nothing is known to be in it.
    pub fn remove_empty_folder(&mut self, path: &Path) {
        let mut below = self.folders.range(path.to_owned()..);
        let own = below.next().filter(|(folder, _)| *folder == path);
        let is_empty = own.is_some_and(|(_, folder)| folder.packed().is_empty());
        let is_alone = below
            .next()
            .is_none_or(|(folder, _)| !folder.starts_with(path));
        if is_empty && is_alone {
            self.folders.remove(path);
        }
    }

    /// Notes that nothing is known of a folder and of what is below it.
    pub fn mark_unreadable(&mut self, path: &Path, error: Error) {
        self.folders
            .retain(|folder, _| folder == path || !folder.starts_with(path));
        self.problems
            .retain(|problem| !problem.path.starts_with(path));
        if !self.folders.is_empty() {
            let folder = self.folders.entry(path.to_owned());
            let folder = folder.or_insert_with(|| TreeFolder::from_files(ScannedFolder::default()));
            folder.files = None;
            folder.specials.clear();
            folder.subfolders.clear();
        }
        let path = path.to_owned();
        self.problems.push(Problem { path, error });
    }

    /// How many files and links it holds.
    pub fn file_count(&self) -> u64 {
        let seen = self
            .folders
            .values()
            .filter_map(|folder| folder.files.as_ref());
        seen.map(|files| files.totals.files).sum()
    }
}

/// What became of one folder.
enum WalkItem {
    /// What is in it.
    Read(Box<WalkedFolder>),
    /// It could not be read.
    Unreadable(Problem),
    /// It is no longer there.
    Missing(PathBuf),
}

/// A folder that was read.
struct WalkedFolder {
    files: ScannedFolder,
    specials: Vec<Name>,
    subfolders: Vec<Name>,
    /// The folders in it, by their paths below the replica's folder.
    folders: Vec<(PathBuf, TreeFolder)>,
    problems: Vec<Problem>,
    leftovers: Vec<PathBuf>,
    precision: Option<TimePrecision>,
    /// Of the replica's own folder.
    stat: Option<Stat>,
}

impl WalkItem {
    /// Runs on the walkers' threads.
    fn of(visit: FolderVisit<'_>) -> Self {
        let path = visit.path.to_owned();
        match visit.outcome {
            VisitOutcome::Missing => Self::Missing(path),
            VisitOutcome::Unreadable(error) => Self::Unreadable(Problem { path, error }),
            VisitOutcome::Read(contents, stat) => {
                Self::Read(Box::new(WalkedFolder::of(&path, contents, stat)))
            }
        }
    }
}

impl WalkedFolder {
    fn of(path: &Path, contents: &mut FolderContents, stat: Option<Stat>) -> Self {
        let below = |name: &Name| path.join(name.as_path());
        let (files, errors) = ScannedFolder::of(path, contents);
        let names = files.unreadable.iter().map(below);
        let problems = names
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
            precision: contents.precision.into_iter().chain(own).min(),
            stat,
            files,
        }
    }
}

impl TreeFolder {
    /// One of which only the files are known: storages behind rclone keep neither permissions nor numbers.
    pub fn from_files(files: ScannedFolder) -> Self {
        Self {
            mode: 0o755,
            modified: Timestamp::now(),
            changed: Timestamp::default(),
            file_id: (0, 0),
            files: Some(files),
            specials: Vec::new(),
            subfolders: Vec::new(),
        }
    }

    /// One that is known from the folder it is in.
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
    let start = WalkTarget {
        path: relative.to_owned(),
        inner_categories: inner.into(),
    };
    let walkers = Disk::of(root).walk_threads();
    let mut walk = Walk::begin(root, vec![start], exclusions, walkers, WalkItem::of);
    let mut builder = TreeBuilder {
        tree: Tree::default(),
        folders: Vec::new(),
        relative,
        inner,
        folders_read: Vec::new(),
        missing: BTreeSet::new(),
    };
    while let Some(batch) = walk.next()? {
        for (_, part) in batch.folders {
            match part {
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

/// A tree while its folders come in, in no order.
struct TreeBuilder<'a> {
    tree: Tree,
    /// All folders found so far. They are sorted once: in a deep tree each comparison of paths takes long.
    folders: Vec<(PathBuf, TreeFolder)>,
    relative: &'a Path,
    inner: &'a [PathBuf],
    /// What was read of folders, and the names of the special files and folders in them.
    folders_read: Vec<(ScannedFolder, Vec<Name>, Vec<Name>)>,
    missing: BTreeSet<PathBuf>,
}

impl TreeBuilder<'_> {
    fn add(&mut self, mut read: WalkedFolder) {
        if let Some(stat) = read.stat {
            let own = TreeFolder {
                mode: stat.mode,
                modified: stat.modified,
                changed: stat.status_changed,
                file_id: (stat.device, stat.inode),
                files: None,
                specials: Vec::new(),
                subfolders: Vec::new(),
            };
            self.folders.push((PathBuf::new(), own));
        }
        let (relative, inner) = (self.relative, self.inner);
        let own = |path: &Path| inner.is_empty() || !inner.contains(&relative.join(path));
        let folders = read.folders.into_iter().filter(|(path, _)| own(path));
        self.folders.extend(folders);
        self.tree.problems.append(&mut read.problems);
        self.tree.leftovers.append(&mut read.leftovers);
        self.tree.proven_precision = self
            .tree
            .proven_precision
            .into_iter()
            .chain(read.precision)
            .min();
        self.folders_read
            .push((read.files, read.specials, read.subfolders));
    }

    fn finish(mut self) -> Tree {
        self.folders.sort_by(|a, b| a.0.cmp(&b.0));
        self.folders_read.sort_by(|a, b| a.0.path.cmp(&b.0.path));
        let mut read = self.folders_read.into_iter().peekable();
        for (path, folder) in &mut self.folders {
            // What was read of a folder that is no longer in the one above is not part of the tree.
            while read.next_if(|(files, ..)| files.path < *path).is_some() {}
            if let Some((files, specials, subfolders)) =
                read.next_if(|(files, ..)| files.path == *path)
            {
                folder.files = Some(files);
                folder.specials = specials;
                folder.subfolders = subfolders;
            }
        }
        self.tree.folders = self.folders.into_iter().collect();
        for path in &self.missing {
            self.tree.folders.remove(path);
        }
        self.tree
    }
}

/// What clients and projects are among.
#[derive(Debug, Default)]
pub struct Subfolders {
    /// The folders, sorted.
    pub folders: Vec<Name>,
    /// The symbolic links, sorted.
    pub links: Vec<Name>,
    /// What could not be looked at.
    pub unreadable: Vec<(Name, Error)>,
}

/// The folders in a folder, without those that are no client or project of anybody; and the links.
/// Patterns are for what is in a project, not for clients and projects.
///
/// # Errors
/// The folder cannot be read.
pub fn list_subfolders(folder: &Folder) -> Result<Subfolders> {
    let mut found = Subfolders::default();
    for name in folder.entry_names()? {
        if is_housekeeping_folder(&name) {
            continue;
        }
        match folder.stat(&name).map(|stat| stat.kind) {
            Ok(EntryKind::Folder) => found.folders.push(name.into()),
            Ok(EntryKind::Link) => found.links.push(name.into()),
            Err(error) if !is_not_found(&error) => found.unreadable.push((name.into(), error)),
            _ => {}
        }
    }
    found.folders.sort_unstable();
    found.links.sort_unstable();
    Ok(found)
}
