//! The plan of a copy, made before anything is written. A dry run prints it.
//!
//! `plan` compares the trees of source and destination under the rules of the copy. The result lists the folders with the
//! files to add and to replace, and every omitted item with its reason. `narrow` removes what the destination cannot hold
//! or what this run leaves for later; each removed item stays in the plan as an omission.
//!
//! Files to add are stored as packed manifests, at about twenty bytes each.

mod narrow;
mod planner;
mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

pub use self::planner::plan;
pub use self::rule::{CopyRules, OmissionReason};

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::model::path::split_path;
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
            });
        }
        self.replace.next().map(|replacement| PlannedFile {
            name: replacement.name.clone(),
            bytes: replacement.new.bytes,
            modified: replacement.new.modified,
            is_link: replacement.new.kind == EntryKind::Link,
            replaced: Some(replacement.old),
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
    /// True if anything is written to the destination, apart from the metadata of folders.
    pub fn has_work(&self) -> bool {
        self.files > 0
            || !self.case_renames.is_empty()
            || self.folders.iter().any(|folder| !folder.exists)
    }

    /// True if an existing folder gets the mode or mtime of its source.
    pub fn has_metadata_updates(&self) -> bool {
        self.folders.iter().any(|folder| folder.needs_metadata)
    }

    /// Leaves modes and mtimes of existing folders as they are.
    pub fn skip_metadata_updates(&mut self) {
        for folder in &mut self.folders {
            folder.needs_metadata = false;
        }
    }

    /// Returns the number of entries at the destination that are replaced and kept as old versions.
    pub fn replacement_count(&self) -> usize {
        let replaced =
            |folder: &PlannedFolder| folder.replace.len() + usize::from(folder.displaced.is_some());
        self.folders.iter().map(replaced).sum()
    }

    /// Returns the plan that copies these files: path, size in bytes, mtime, and true for a replacement.
    pub fn from_files(files: &[(PathBuf, u64, Timestamp, bool)]) -> Self {
        let mut folders: BTreeMap<PathBuf, (ManifestBuilder, Vec<Replacement>)> = BTreeMap::new();
        let mut plan = Self::default();
        let mut sorted: Vec<_> = files.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        for (path, bytes, modified, replaces) in sorted {
            let (folder, name) = split_path(path);
            let name = Name::from(name);
            let (add, replace) = folders.entry(folder.to_owned()).or_default();
            let entry = DiffEntry {
                kind: EntryKind::File,
                bytes: *bytes,
                modified: *modified,
            };
            if *replaces {
                replace.push(Replacement {
                    name,
                    new: entry,
                    old: entry,
                });
            } else {
                add.add(&ManifestFile {
                    name: name.as_bytes(),
                    bytes: *bytes,
                    modified: *modified,
                    target: None,
                });
            }
            plan.files += 1;
            plan.bytes = plan.bytes.saturating_add(*bytes);
        }
        let planned = folders
            .into_iter()
            .map(|(path, (add, replace))| PlannedFolder {
                path,
                mode: 0o755,
                modified: Timestamp::default(),
                exists: true,
                destination_mode: None,
                needs_metadata: false,
                displaced: None,
                add: add.finish(),
                replace,
            });
        plan.folders = planned.collect();
        plan
    }

    /// Returns the paths of all files and links to copy, with true for a replacement.
    pub fn paths(&self) -> impl Iterator<Item = (PathBuf, bool)> {
        self.folders.iter().flat_map(|folder| {
            folder.files().map(|file| {
                let path = folder.path.join(file.name.as_path());
                (path, file.replaced.is_some())
            })
        })
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
