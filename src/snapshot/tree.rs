//! One replica as its storage holds it: every folder below the replica's folder, with its files packed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::manifest::{
    FileTotals, Manifest, ManifestBuilder, ManifestFile, ManifestFiles, ManifestRef,
};
use super::time_alias::{AlteredTimes, AlteredTimesByFolder};
use crate::base::error::Error;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::os::stat::FileId;

/// The files of one folder, as a scan found them.
#[derive(Clone, Debug, Default)]
pub struct ScannedFolder {
    /// Path below the replica's folder; empty for that folder itself.
    pub path: PathBuf,
    /// Files and links.
    pub manifest: Manifest,
    pub totals: FileTotals,
    /// Id and bytes of each file with several names.
    pub hard_links: Vec<(FileId, u64)>,
    /// Names whose stat failed: the index keeps older entries for them.
    pub unreadable: Vec<Name>,
    /// Times that the storage reports, for files whose time in the manifest is the one that was set.
    pub reported_times: BTreeMap<Name, Timestamp>,
}

impl ScannedFolder {
    /// A folder with the files that were added to the builder.
    pub fn from_builder(path: &Path, builder: ManifestBuilder) -> Self {
        let (manifest, totals) = builder.finish_with_totals();
        Self {
            path: path.to_owned(),
            manifest,
            totals,
            ..Self::default()
        }
    }

    /// Replaces reported times by the times that were set, for files whose size and reported time did not change since.
    pub fn restore_original_times(&mut self, altered: &AlteredTimes) {
        let reported_times = &mut self.reported_times;
        (self.manifest, self.totals) = self.manifest.edited(|mut file| {
            let name = Name::from_bytes(file.name.to_vec());
            let reported = reported_times.get(&name).copied().unwrap_or(file.modified);
            if let Some(time) = altered.get(&name)
                && file.target.is_none()
                && (time.bytes, time.reported) == (file.bytes, reported)
            {
                reported_times.insert(name, reported);
                file.modified = time.original;
            }
            Some(file)
        });
    }
}

#[derive(Clone, Debug)]
pub struct TreeFolder {
    /// Permission bits.
    pub mode: u32,
    /// The folder's mtime: time of the last entry that was added or removed.
    pub modified: Timestamp,
    /// The folder's ctime; the epoch if it is unknown.
    pub changed: Timestamp,
    pub file_id: FileId,
    /// Files and links; `None` if the folder could not be read.
    pub files: Option<ScannedFolder>,
    /// Names of sockets, pipes and devices.
    pub specials: Vec<Name>,
    /// Names of subfolders, sorted. One may have been deleted meanwhile.
    pub subfolders: Vec<Name>,
}

impl TreeFolder {
    /// A folder of which only the files are known: storages behind rclone keep neither permissions nor inodes.
    pub fn from_files(files: ScannedFolder) -> Self {
        Self {
            mode: 0o755,
            modified: Timestamp::now(),
            changed: Timestamp::default(),
            file_id: FileId::default(),
            files: Some(files),
            specials: Vec::new(),
            subfolders: Vec::new(),
        }
    }

    /// The files and links; empty if the folder could not be read.
    pub fn manifest(&self) -> ManifestRef<'_> {
        let files = self.files.as_ref();
        files
            .map(|files| files.manifest.as_ref())
            .unwrap_or_default()
    }

    /// Returns the file or link of this name.
    pub fn file<'a>(&'a self, name: &'a [u8]) -> Option<ManifestFile<'a>> {
        self.manifest().find(name)
    }

    /// The time that the storage reports for a file, if it differs from the time that was set.
    pub fn reported_time(&self, name: &[u8]) -> Option<Timestamp> {
        let reported = &self.files.as_ref()?.reported_times;
        if reported.is_empty() {
            return None;
        }
        reported.get(&Name::from_bytes(name.to_vec())).copied()
    }
}

/// A path below a replica's folder that could not be read.
#[derive(Debug)]
pub struct Problem {
    /// Path below the replica's folder.
    pub path: PathBuf,
    pub error: Error,
}

/// All folders of a replica, and the paths that could not be read.
#[derive(Debug, Default)]
pub struct Tree {
    /// By paths below the replica's folder, each before its subfolders. The replica's own folder is the empty path.
    pub folders: BTreeMap<PathBuf, TreeFolder>,
    /// Unreadable paths: everything below them is unknown.
    pub problems: Vec<Problem>,
    /// Our temporary files, of runs that were killed or are in progress.
    pub leftovers: Vec<PathBuf>,
    /// Folders that are left out: they are excluded, or belong to another category. No file can have their names.
    pub hidden_folders: BTreeSet<PathBuf>,
    /// Finest precision that a time in the tree proves.
    pub proven_precision: Option<TimePrecision>,
}

impl Tree {
    /// A replica that could not be read. It may exist.
    pub fn unreadable(error: Error) -> Self {
        Self {
            problems: vec![Problem {
                path: PathBuf::new(),
                error,
            }],
            ..Self::default()
        }
    }

    /// The precision of the file system's times; the coarsest if no time proves a finer one.
    pub fn precision(&self) -> TimePrecision {
        self.proven_precision.unwrap_or(TimePrecision::TwoSeconds)
    }

    /// The reason why the whole replica could not be read, if so.
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

    /// Returns the part of the tree in one of its folders.
    pub fn below(mut self, inside: &Path) -> Self {
        let below = |path: &Path| path.strip_prefix(inside).ok().map(Path::to_owned);
        let parts = |paths: &mut dyn Iterator<Item = &PathBuf>| -> Vec<PathBuf> {
            paths.filter_map(|path| below(path)).collect()
        };
        let mut problems = Vec::new();
        for problem in std::mem::take(&mut self.problems) {
            // Nothing is known of a folder within an unreadable one.
            let path = if inside.starts_with(&problem.path) {
                Some(PathBuf::new())
            } else {
                below(&problem.path)
            };
            problems.extend(path.map(|path| Problem { path, ..problem }));
        }
        Self {
            leftovers: parts(&mut self.leftovers.iter()),
            hidden_folders: parts(&mut self.hidden_folders.iter()).into_iter().collect(),
            folders: self
                .folders
                .into_iter()
                .filter_map(|(path, folder)| Some((below(&path)?, folder)))
                .collect(),
            problems,
            proven_precision: self.proven_precision,
        }
    }

    /// Adds a folder of which only the files are known.
    pub fn add_folder(&mut self, path: &Path, mut files: ManifestFiles<'_>) {
        let mut builder = ManifestBuilder::default();
        while let Some(file) = files.next() {
            builder.add(&file);
        }
        let files = ScannedFolder::from_builder(path, builder);
        self.folders
            .insert(path.to_owned(), TreeFolder::from_files(files));
    }

    /// Adds a folder without files, unless the tree has it.
    pub fn add_parent(&mut self, path: &Path) {
        if !self.folders.contains_key(path) {
            self.add_folder(path, ManifestRef::default().files());
        }
    }

    /// Sets the names of the subfolders of every folder.
    pub fn set_subfolder_names(&mut self) {
        for folder in self.folders.values_mut() {
            folder.subfolders.clear();
        }
        let paths: Vec<PathBuf> = self.folders.keys().cloned().collect();
        for path in paths {
            if let (Some(above), Some(name)) = (path.parent(), path.file_name())
                && let Some(folder) = self.folders.get_mut(above)
            {
                folder.subfolders.push(name.into());
            }
        }
        for folder in self.folders.values_mut() {
            folder.subfolders.sort_unstable();
        }
    }

    /// Replaces reported times by the times that were set, for files in these folders.
    pub fn restore_original_times(&mut self, altered: &AlteredTimesByFolder) {
        for (path, times) in altered {
            let folder = self.folders.get_mut(path);
            if let Some(files) = folder.and_then(|folder| folder.files.as_mut()) {
                files.restore_original_times(times);
            }
        }
    }

    /// The time that the storage reports for a file whose time in the manifest is `modified`.
    pub fn reported_time(&self, folder: &Path, name: &[u8], modified: Timestamp) -> Timestamp {
        let folder = self.folders.get(folder);
        folder
            .and_then(|folder| folder.reported_time(name))
            .unwrap_or(modified)
    }

    /// The time that was set for a file and the reported one, if they differ.
    pub fn altered_time(&self, folder: &Path, name: &Name) -> Option<(Timestamp, Timestamp)> {
        let folder = self.folders.get(folder)?;
        let reported = folder.reported_time(name.as_bytes())?;
        Some((folder.file(name.as_bytes())?.modified, reported))
    }

    /// Removes a file from the tree.
    pub fn remove_file(&mut self, path: &Path) {
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return;
        };
        let folder = self.folders.get_mut(above);
        if let Some(files) = folder.and_then(|folder| folder.files.as_mut()) {
            let is_other = |file: &ManifestFile<'_>| file.name != name.as_encoded_bytes();
            (files.manifest, files.totals) =
                files.manifest.edited(|file| Some(file).filter(is_other));
        }
    }

    /// Removes all files from the tree but those with paths that are to be kept, and the folders without such files.
    pub fn retain_files(&mut self, is_kept: impl Fn(&Path) -> bool) {
        let mut needed: BTreeSet<PathBuf> = BTreeSet::new();
        for (folder, found) in &mut self.folders {
            if let Some(files) = &mut found.files {
                (files.manifest, files.totals) = files.manifest.edited(|file| {
                    let name = OsStr::from_bytes(file.name);
                    is_kept(&folder.join(name)).then_some(file)
                });
                if !files.manifest.packed().is_empty() {
                    needed.extend(folder.ancestors().map(Path::to_owned));
                }
            }
        }
        self.folders.retain(|folder, _| needed.contains(folder));
        self.set_subfolder_names();
    }

    /// Removes a folder from the tree if the tree holds nothing in it.
    pub fn drop_empty_folder(&mut self, path: &Path) {
        let mut below = self.folders.range(path.to_owned()..);
        let own = below.next().filter(|(folder, _)| *folder == path);
        let is_empty = own.is_some_and(|(_, folder)| folder.manifest().is_empty());
        let is_alone = below
            .next()
            .is_none_or(|(folder, _)| !folder.starts_with(path));
        if is_empty && is_alone {
            self.folders.remove(path);
        }
    }

    /// Records that a folder and everything below it is unknown.
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

    /// True if a folder contains a folder that is left out.
    pub fn contains_hidden_folder(&self, folder: &Path) -> bool {
        let from = (Bound::Excluded(folder), Bound::Unbounded);
        let mut below = self.hidden_folders.range::<Path, _>(from);
        below
            .next()
            .is_some_and(|hidden| hidden.starts_with(folder))
    }

    /// Number of files and links.
    pub fn file_count(&self) -> u64 {
        let folders = self.folders.values();
        folders
            .filter_map(|folder| folder.files.as_ref())
            .map(|files| files.totals.files)
            .sum()
    }
}

#[cfg(test)]
mod fixture {
    use super::*;

    /// A file of a test's tree: path, size in bytes, and mtime in seconds. A path with a slash at its end is a folder.
    pub(crate) type FileRow = (&'static str, u64, i64);

    impl Tree {
        /// A tree of these files and folders.
        pub(crate) fn of_files(rows: &[FileRow]) -> Self {
            let mut folders: BTreeMap<PathBuf, BTreeMap<&str, FileRow>> = BTreeMap::new();
            folders.insert(PathBuf::new(), BTreeMap::new());
            for row in rows {
                match (row.0.strip_suffix('/'), row.0.rsplit_once('/')) {
                    (Some(folder), _) => drop(folders.entry(folder.into()).or_default()),
                    (None, Some((folder, name))) => {
                        folders.entry(folder.into()).or_default().insert(name, *row);
                    }
                    (None, None) => {
                        folders
                            .entry(PathBuf::new())
                            .or_default()
                            .insert(row.0, *row);
                    }
                }
            }
            let mut tree = Self {
                proven_precision: Some(TimePrecision::Second),
                ..Self::default()
            };
            for (path, files) in folders {
                let files = files.into_iter().map(|(name, (_, bytes, seconds))| {
                    let modified = Timestamp {
                        seconds,
                        nanoseconds: 0,
                    };
                    ManifestFile::regular(name.as_bytes(), bytes, modified)
                });
                let (manifest, totals) = Manifest::of_files(files);
                let scanned = ScannedFolder {
                    path: path.clone(),
                    manifest,
                    totals,
                    ..ScannedFolder::default()
                };
                let folder = TreeFolder {
                    modified: Timestamp::default(),
                    ..TreeFolder::from_files(scanned)
                };
                tree.folders.insert(path, folder);
            }
            tree.set_subfolder_names();
            tree
        }
    }
}
