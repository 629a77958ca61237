//! The plan of a copy or sync, made before anything is written and never changed afterwards. A dry run prints it.
//!
//! `plan` compares the trees of source and destination under the rules of the copy (`rule`) and the constraints of the
//! destination (`constraint`). The result lists the folders with the files to add and to replace, and every omitted item
//! with its reason. A sync adds renames and missing files (`action`); `limit_files` leaves files for a later run.
//!
//! Files to add are stored as packed manifests, at about twenty bytes each.

mod action;
mod constraint;
mod history;
mod limit;
mod planner;
mod rule;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

pub use self::action::{MissingFile, Rename};
pub use self::constraint::{CANNOT_KEEP_VERSION, Constraints};
pub use self::limit::limit_files;
pub use self::planner::{PlanInput, plan};
pub use self::rule::{CopyRules, OmissionReason};

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::os::stat::EntryKind;
use crate::snapshot::diff::DiffEntry;
use crate::snapshot::manifest::{Manifest, ManifestBuilder, ManifestFile, ManifestFiles};

/// An item that is not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omission {
    /// Path relative to the replica.
    pub path: PathBuf,
    pub reason: OmissionReason,
}

/// A file or link that replaces an entry of the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    pub name: Name,
    /// The entry at the source.
    pub new: DiffEntry,
    /// The entry at the destination, to be kept as an old version.
    pub old: DiffEntry,
}

/// A folder of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFolder {
    /// Path relative to the replica; empty for the replica's own folder.
    pub path: PathBuf,
    /// Permission bits at the source.
    pub mode: u32,
    /// The mtime at the source.
    pub modified: Timestamp,
    /// True if the destination has the folder.
    pub exists: bool,
    /// Permission bits at the destination, if known.
    pub destination_mode: Option<u32>,
    /// True if mode or mtime differ at the destination, and the source folder was the last to change.
    pub needs_metadata: bool,
    /// The file or link of the same name at the destination, to be kept as an old version.
    pub displaced: Option<DiffEntry>,
    /// Files and links to add, whose names are free at the destination.
    pub add: Manifest,
    /// Files and links that replace an entry.
    pub replace: Vec<Replacement>,
}

/// The plan for one replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The replica's folder, relative to both roots.
    pub replica: PathBuf,
    /// Folders, each before its contents.
    pub folders: Vec<PlannedFolder>,
    /// Items that are neither copied nor already the same.
    pub omissions: Vec<Omission>,
    /// Number of files and links that the destination already has.
    pub same_files: u64,
    /// Number of files and links to copy.
    pub files: u64,
    /// Number of bytes to copy.
    pub bytes: u64,
    /// Temporary files that interrupted runs left at the destination.
    pub leftovers: Vec<PathBuf>,
    /// Entries whose names differ only in case: path at the source, and name at the destination.
    pub case_renames: Vec<(PathBuf, Name)>,
    /// True if the client or project is spelled differently at the source since the last sync.
    pub renames_project: bool,
    /// Files to rename at the destination.
    pub renames: Vec<Rename>,
    /// Files that are missing at the source, and were sent from there.
    pub missing: Vec<MissingFile>,
    /// Folders that are missing at the source, the deepest first. They are removed if they are empty.
    pub emptied_folders: Vec<PathBuf>,
    /// True if the destination spells names otherwise than the source.
    pub is_respelled: bool,
}

impl PlannedFolder {
    /// True if files or links are copied into the folder.
    pub fn has_files(&self) -> bool {
        !self.add.packed().is_empty() || !self.replace.is_empty()
    }

    /// Returns the files and links to copy: first those to add, in the order of their names, then the replacements.
    pub fn files(&self) -> PlannedFiles<'_> {
        PlannedFiles {
            add: self.add.files(),
            replace: self.replace.iter(),
        }
    }

    /// Returns the files and links to copy, without those of these names.
    pub fn manifest_without(&self, names: &BTreeSet<&OsStr>) -> Manifest {
        if names.is_empty() && self.replace.is_empty() {
            return self.add.clone();
        }
        let mut builder = ManifestBuilder::default();
        let mut replace: Vec<_> = self.replace.iter().collect();
        replace.sort_by(|a, b| a.name.cmp(&b.name));
        let mut replace = replace.into_iter().peekable();
        let mut keep = |file: &ManifestFile<'_>| {
            if !names.contains(OsStr::from_bytes(file.name)) {
                builder.add(file);
            }
        };
        let mut files = self.add.files();
        while let Some(file) = files.next() {
            while let Some(new) = replace.next_if(|new| new.name.as_bytes() < file.name) {
                keep(&new.to_manifest_file());
            }
            keep(&file);
        }
        replace.for_each(|new| keep(&new.to_manifest_file()));
        builder.finish()
    }
}

/// A file or link to copy.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    pub name: Name,
    pub bytes: u64,
    /// The mtime at the source when the plan was made.
    pub modified: Timestamp,
    pub is_link: bool,
    /// The entry that it replaces at the destination, if any.
    pub replaced: Option<DiffEntry>,
    /// Number of the file in a shared read of the source, if it is part of one.
    pub shared: Option<u32>,
}

/// Iterator over the files and links of a planned folder.
#[derive(Debug)]
pub struct PlannedFiles<'a> {
    add: ManifestFiles<'a>,
    replace: std::slice::Iter<'a, Replacement>,
}

impl Iterator for PlannedFiles<'_> {
    type Item = PlannedFile;

    fn next(&mut self) -> Option<PlannedFile> {
        if let Some(file) = self.add.next() {
            return Some(PlannedFile {
                name: Name::from_bytes(file.name.to_vec()),
                bytes: file.bytes,
                modified: file.modified,
                is_link: file.target.is_some(),
                replaced: None,
                shared: None,
            });
        }
        self.replace.next().map(|replacement| PlannedFile {
            name: replacement.name.clone(),
            bytes: replacement.new.bytes,
            modified: replacement.new.modified,
            is_link: replacement.new.kind == EntryKind::Link,
            replaced: Some(replacement.old),
            shared: None,
        })
    }
}

impl Replacement {
    /// Returns the manifest entry of the source file. The target of a link is not known.
    fn to_manifest_file(&self) -> ManifestFile<'_> {
        ManifestFile {
            name: self.name.as_bytes(),
            bytes: self.new.bytes,
            modified: self.new.modified,
            target: (self.new.kind == EntryKind::Link).then_some(&[]),
        }
    }
}

impl Plan {
    /// True if files or folders are added, replaced or renamed.
    pub fn has_work(&self) -> bool {
        self.files > 0
            || !self.renames.is_empty()
            || !self.case_renames.is_empty()
            || self.folders.iter().any(|folder| !folder.exists)
    }

    /// True if an existing folder gets the mode or mtime of its source.
    pub fn has_metadata_updates(&self) -> bool {
        self.folders.iter().any(|folder| folder.needs_metadata)
    }

    /// True if anything is written, or removed if missing files are deleted.
    pub fn changes_destination(&self, deletes: bool) -> bool {
        let deletes_files = deletes && !self.missing.is_empty();
        self.has_work() || deletes_files || !self.emptied_folders.is_empty()
    }

    /// Returns the new folders into which no files are copied.
    pub fn empty_folders(&self) -> impl Iterator<Item = &Path> {
        let folders = self.folders.iter();
        let empty = folders.filter(|folder| !folder.exists && !folder.has_files());
        empty.map(|folder| folder.path.as_path())
    }

    /// Returns the plan of a replica that is not copied at all.
    pub fn refused(replica: PathBuf, reason: OmissionReason) -> Self {
        Self {
            replica,
            omissions: vec![Omission {
                path: PathBuf::new(),
                reason,
            }],
            ..Self::default()
        }
    }

    /// Returns the number of entries at the destination that are replaced and kept as old versions.
    pub fn replacement_count(&self) -> usize {
        let replaced =
            |folder: &PlannedFolder| folder.replace.len() + usize::from(folder.displaced.is_some());
        self.folders.iter().map(replaced).sum()
    }

    /// Returns all files and links to copy, with their paths relative to the replica.
    pub fn files(&self) -> impl Iterator<Item = (PathBuf, PlannedFile)> {
        self.folders.iter().flat_map(|folder| {
            let files = folder.files();
            files.map(|file| (folder.path.join(file.name.as_path()), file))
        })
    }

    /// Returns the paths of all files and links to copy, with true for a replacement.
    pub fn paths(&self) -> impl Iterator<Item = (PathBuf, bool)> {
        let files = self.files();
        files.map(|(path, file)| (path, file.replaced.is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: EntryKind) -> DiffEntry {
        DiffEntry {
            kind,
            bytes: 7,
            modified: Timestamp::default(),
        }
    }

    fn folder(add: &[&str], replace: &[&str]) -> PlannedFolder {
        let mut builder = ManifestBuilder::default();
        for name in add {
            builder.add(&ManifestFile {
                name: name.as_bytes(),
                bytes: 7,
                modified: Timestamp::default(),
                target: None,
            });
        }
        let replace = replace.iter().map(|name| Replacement {
            name: (*name).into(),
            new: entry(EntryKind::Link),
            old: entry(EntryKind::File),
        });
        PlannedFolder {
            path: PathBuf::new(),
            mode: 0o755,
            modified: Timestamp::default(),
            exists: true,
            destination_mode: None,
            needs_metadata: false,
            displaced: None,
            add: builder.finish(),
            replace: replace.collect(),
        }
    }

    #[test]
    fn folder_without_names_keeps_the_order() {
        let names = |folder: &PlannedFolder, without: &[&str]| {
            let without = without.iter().map(OsStr::new).collect();
            let manifest = folder.manifest_without(&without);
            let mut files = manifest.files();
            let mut names = Vec::new();
            while let Some(file) = files.next() {
                names.push(String::from_utf8(file.name.to_vec()).unwrap());
            }
            names.concat()
        };
        let mixed = folder(&["b", "d"], &["e", "a", "c"]);
        assert_eq!(names(&mixed, &[]), "abcde");
        assert_eq!(names(&mixed, &["a", "d", "x"]), "bce");
        assert_eq!(names(&folder(&["b", "d"], &[]), &[]), "bd");
        assert_eq!(names(&folder(&["b", "d"], &[]), &["b", "d"]), "");
    }
}
