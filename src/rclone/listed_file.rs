//! The files and folders that a listing of a remote shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::entry::{ListEntry, decode_path_below};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::snapshot::digest::Digest;

/// The subject of a listing.
#[derive(Clone, Copy, Debug)]
pub enum ListTarget<'a> {
    /// A folder below the root, with everything in it.
    Folder(&'a Path),
    /// Files, by their paths below the root.
    Files(&'a [PathBuf]),
}

impl<'a> ListTarget<'a> {
    /// The folder to which paths in the listing are relative.
    pub(super) fn base(self) -> &'a Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Files(_) => Path::new(""),
        }
    }
}

/// The kind of times that a listing shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSource {
    /// Times without extra requests: upload times on a storage where each mtime costs a request.
    Cheap,
    /// The files' own mtimes, at any cost.
    ModTime,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// `None` if the storage does not know the size.
    pub bytes: Option<u64>,
    pub modified: Timestamp,
    /// Digest of the listed time's text. It differs if someone else replaced the file.
    pub tag: u64,
}

/// The files of one folder.
pub type ListedFolder = BTreeMap<Name, ListedFile>;

#[derive(Debug, Default)]
pub struct RemoteListing {
    /// Folders and their files, by paths below the remote's root.
    pub folders: BTreeMap<PathBuf, ListedFolder>,
    /// Folders that could not be listed, with the reason.
    pub problems: Vec<(PathBuf, String)>,
    /// True if anything else was left out, for example a link in a local folder, through which rclone writes.
    pub is_incomplete: bool,
    /// Files whose names were listed twice. Their sizes are `None`, because either file may be meant.
    pub duplicates: BTreeSet<PathBuf>,
}

/// Problem of a folder whose name was listed twice.
pub(super) const DUPLICATE_NAME: &str =
    "the storage holds two entries of its name: rename one of them there";

impl RemoteListing {
    /// Returns a file by its path below the root.
    pub fn file(&self, path: &Path) -> Option<&ListedFile> {
        let folder = self.folders.get(path.parent()?)?;
        folder.get(&Name::from(path.file_name()?))
    }

    /// True if nothing is known of a path, because it or a folder above it could not be listed.
    pub fn is_unread(&self, path: &Path) -> bool {
        let mut problems = self.problems.iter();
        problems.any(|(folder, _)| path.starts_with(folder))
    }

    pub fn file_count(&self) -> usize {
        self.folders.values().map(BTreeMap::len).sum()
    }

    /// Adds an entry whose path is relative to `base`.
    pub(super) fn add(&mut self, base: &Path, entry: &ListEntry<'_>) {
        let path = match decode_path_below(base, &entry.path) {
            Ok(path) => path,
            Err(at) => {
                return self.add_problem(at, "it contains a name that no file can have");
            }
        };
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return;
        };
        if entry.is_dir {
            let files = self.folders.get(above);
            if files.is_some_and(|files| files.contains_key(&Name::from(name))) {
                self.add_problem(path.clone(), DUPLICATE_NAME);
            }
            self.folders.entry(path).or_default();
            return;
        }
        if self.folders.contains_key(&path) {
            self.add_problem(path.clone(), DUPLICATE_NAME);
        }
        let file = ListedFile {
            bytes: u64::try_from(entry.size).ok(),
            modified: Timestamp::parse(&entry.mod_time).unwrap_or(Timestamp::UNKNOWN),
            tag: Digest::of_bytes(entry.mod_time.as_bytes()).low_64(),
        };
        let folder = match self.folders.get_mut(above) {
            Some(folder) => folder,
            None => self.folders.entry(above.to_owned()).or_default(),
        };
        let before = folder.insert(name.into(), file);
        if before.is_some() {
            if let Some(file) = folder.get_mut(&Name::from(name)) {
                file.bytes = None;
            }
            self.duplicates.insert(path);
        }
    }

    /// Records that the content of a folder is unknown.
    pub(super) fn add_problem(&mut self, folder: PathBuf, why: &str) {
        if !self.problems.iter().any(|(path, _)| *path == folder) {
            self.problems.push((folder, why.to_owned()));
        }
    }

    /// Adds the ancestors of the listed folders, which some storages do not list.
    pub(super) fn add_ancestors(&mut self, base: &Path) {
        let known: Vec<PathBuf> = self.folders.keys().cloned().collect();
        for path in known {
            let above = path.ancestors().skip(1);
            for above in above.take_while(|above| above.starts_with(base)) {
                if self.folders.contains_key(above) {
                    break;
                }
                self.folders.insert(above.to_owned(), ListedFolder::new());
            }
        }
    }

    /// Adds the listing of another folder.
    pub(super) fn merge(&mut self, other: Self) {
        self.folders.extend(other.folders);
        self.problems.extend(other.problems);
        self.duplicates.extend(other.duplicates);
        self.is_incomplete |= other.is_incomplete;
    }
}
