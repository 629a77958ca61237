//! What a copy would do, worked out before anything is touched. A plan is a pure value: printing it is the dry run.
//!
//! Of files that are only to be added, however many, it holds what a manifest holds: some twenty bytes each.

mod narrow;
mod planner;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

pub use self::planner::plan;

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::os::stat::EntryKind;
use crate::snapshot::diff::DiffEntry;
use crate::snapshot::manifest::{Manifest, ManifestBuilder, ManifestFile};

/// How differing files are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyRules {
    /// Replace also what is newer at the destination; the old version is kept.
    pub overwrite: bool,
    /// Only add what is missing.
    pub only_add: bool,
    /// Files of one size are the same if their content is, whatever their times.
    pub checksum: bool,
}

/// Why something is not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OmissionReason {
    /// The destination has another, and the rules do not say to replace it.
    Conflict(String),
    /// It is left out on purpose.
    Skipped(String),
    /// It could not be looked at, or cannot be there.
    Failed(String),
    /// It is left for another run.
    Postponed,
}

/// Something that is not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omission {
    /// The path below the replica's folder.
    pub path: PathBuf,
    /// Why.
    pub reason: OmissionReason,
}

/// A file or link that takes the place of something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Its name.
    pub name: Name,
    /// What it is at the source.
    pub new: DiffEntry,
    /// The version to be kept.
    pub old: DiffEntry,
}

/// A folder of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFolder {
    /// The path below the replica's folder; empty for that folder itself.
    pub path: PathBuf,
    /// Its permission bits at the source.
    pub mode: u32,
    /// Its modification time at the source.
    pub modified: Timestamp,
    /// Whether the destination has it.
    pub exists: bool,
    /// Its permission bits at the destination, where that is known.
    pub destination_mode: Option<u32>,
    /// Whether the destination has it with another mode or time, and it changed at the source since.
    pub needs_metadata: bool,
    /// What has its name at the destination now and is to be kept elsewhere.
    pub displaced: Option<DiffEntry>,
    /// Files and links whose names are free at the destination.
    pub add: Manifest,
    /// Those that replace something.
    pub replace: Vec<Replacement>,
}

/// What a copy of one replica would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Folders, each before what is in it.
    pub folders: Vec<PlannedFolder>,
    /// What is not copied and not the same.
    pub omissions: Vec<Omission>,
    /// Files and links that the destination has already.
    pub same_files: u64,
    /// Files and links to be copied.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Temporary files of ours at the destination.
    pub leftovers: Vec<PathBuf>,
    /// Entries at the destination whose names have other cases there: the path at the source, and the name there.
    pub case_renames: Vec<(PathBuf, Name)>,
}

impl PlannedFolder {
    /// Whether files or links are copied into it.
    pub fn has_files(&self) -> bool {
        !self.add.packed().is_empty() || !self.replace.is_empty()
    }

    /// Everything that is to be copied into it but files of these names.
    pub fn manifest_without(&self, names: &BTreeSet<&OsStr>) -> Manifest {
        if names.is_empty() && self.replace.is_empty() {
            return self.add.clone();
        }
        let mut packer = ManifestBuilder::default();
        let mut replace: Vec<_> = self.replace.iter().collect();
        replace.sort_by(|a, b| a.name.cmp(&b.name));
        let mut replace = replace.into_iter().peekable();
        let mut keep = |file: &ManifestFile<'_>| {
            if !names.contains(OsStr::from_bytes(file.name)) {
                packer.add(file);
            }
        };
        let mut files = self.add.files();
        while let Ok(Some(file)) = files.next() {
            while let Some(new) = replace.next_if(|new| new.name.as_bytes() < file.name) {
                keep(&new.to_manifest_file());
            }
            keep(&file);
        }
        replace.for_each(|new| keep(&new.to_manifest_file()));
        packer.finish()
    }
}

impl Replacement {
    /// What is to be copied, as a manifest has it; where a link points is not known.
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
    /// Whether anything is to be made at the destination.
    pub fn has_work(&self) -> bool {
        self.files > 0
            || !self.case_renames.is_empty()
            || self.folders.iter().any(|folder| !folder.exists)
    }

    /// Whether a folder at the destination gets the mode or time that changed at the source alone.
    pub fn has_metadata_updates(&self) -> bool {
        self.folders.iter().any(|folder| folder.needs_metadata)
    }

    /// Leaves the modes and times of folders at the destination as they are.
    pub fn skip_metadata_updates(&mut self) {
        for folder in &mut self.folders {
            folder.needs_metadata = false;
        }
    }

    /// How many files and links at the destination give way to others, kept as old versions.
    pub fn replacement_count(&self) -> usize {
        let replaced =
            |folder: &PlannedFolder| folder.replace.len() + usize::from(folder.displaced.is_some());
        self.folders.iter().map(replaced).sum()
    }
}

impl Plan {
    /// One that brings these files, sorted by path: path, size, time, and whether something is replaced.
    pub fn from_files(files: &[(PathBuf, u64, Timestamp, bool)]) -> Self {
        let mut folders: BTreeMap<PathBuf, (ManifestBuilder, Vec<Replacement>)> = BTreeMap::new();
        let mut plan = Self::default();
        let mut sorted: Vec<_> = files.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        for (path, bytes, modified, replaces) in sorted {
            let name = Name::from(path.file_name().unwrap_or_default());
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            let (add, replace) = folders.entry(folder).or_default();
            let seen = DiffEntry {
                kind: EntryKind::File,
                bytes: *bytes,
                modified: *modified,
            };
            if *replaces {
                replace.push(Replacement {
                    name,
                    new: seen,
                    old: seen,
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

    /// The paths of everything that is to be copied, and whether it replaces something.
    pub fn paths(&self) -> impl Iterator<Item = (PathBuf, bool)> {
        self.folders.iter().flat_map(|folder| {
            let mut files = folder.add.files();
            let added = std::iter::from_fn(move || {
                let name = files.next().ok()??.name.to_vec();
                Some((folder.path.join(Name::from_bytes(name).as_path()), false))
            });
            let replaced = folder.replace.iter();
            let replaced = replaced.map(|new| (folder.path.join(new.name.as_path()), true));
            added.chain(replaced)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(kind: EntryKind) -> DiffEntry {
        DiffEntry {
            kind,
            bytes: 7,
            modified: Timestamp::default(),
        }
    }

    fn folder(add: &[&str], replace: &[&str]) -> PlannedFolder {
        let mut packer = ManifestBuilder::default();
        for name in add {
            packer.add(&ManifestFile {
                name: name.as_bytes(),
                bytes: 7,
                modified: Timestamp::default(),
                target: None,
            });
        }
        let replace = replace.iter().map(|name| Replacement {
            name: (*name).into(),
            new: seen(EntryKind::Link),
            old: seen(EntryKind::File),
        });
        PlannedFolder {
            path: PathBuf::new(),
            mode: 0o755,
            modified: Timestamp::default(),
            exists: true,
            destination_mode: None,
            needs_metadata: false,
            displaced: None,
            add: packer.finish(),
            replace: replace.collect(),
        }
    }

    #[test]
    fn a_folder_without_some_names_holds_the_others_in_order() {
        let names = |folder: &PlannedFolder, without: &[&str]| {
            let without = without.iter().map(OsStr::new).collect();
            let manifest = folder.manifest_without(&without);
            let mut files = manifest.files();
            let mut names = Vec::new();
            while let Some(file) = files.next().unwrap() {
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
