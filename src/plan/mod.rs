//! What a copy would do, worked out before anything is touched. A plan is a pure value: printing it is the dry run.
//!
//! Of files that are only to be added, however many, it holds what a manifest holds: some twenty bytes each.

mod planner;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

pub use planner::plan;

use crate::diff::Seen;
use crate::manifest::{File, Manifest, Packer};
use crate::moment::Moment;
use crate::name::Name;
use crate::os::stat::Kind;

/// How differing files are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Replace also what is newer at the destination; the old version is kept.
    pub overwrite: bool,
    /// Only add what is missing.
    pub only_add: bool,
    /// Files of one size are the same if their content is, whatever their times.
    pub checksum: bool,
}

/// Why something is not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The destination has another, and the rules do not say to replace it.
    Conflict(String),
    /// It is left out on purpose.
    Skip(String),
    /// It could not be looked at, or cannot be there.
    Fail(String),
    /// It is left for another run.
    Later,
}

/// Something that is not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The path below the replica's folder.
    pub path: PathBuf,
    /// Why.
    pub reason: Reason,
}

/// A file or link that takes the place of something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Its name.
    pub name: Name,
    /// What it is at the source.
    pub new: Seen,
    /// The version to be kept.
    pub old: Seen,
}

/// A folder of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFolder {
    /// The path below the replica's folder; empty for that folder itself.
    pub path: PathBuf,
    /// Its permission bits at the source.
    pub mode: u32,
    /// Its modification time at the source.
    pub modified: Moment,
    /// Whether the destination has it.
    pub exists: bool,
    /// What has its name at the destination now and is to be kept elsewhere.
    pub displaces: Option<Seen>,
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
    pub left_out: Vec<LeftOut>,
    /// Files and links that the destination has already.
    pub same: u64,
    /// Files and links to be copied.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Temporary files of ours at the destination.
    pub leftovers: Vec<PathBuf>,
}

impl PlannedFolder {
    /// Everything that is to be copied into it but files of these names.
    #[must_use]
    pub fn without(&self, names: &BTreeSet<&OsStr>) -> Manifest {
        if names.is_empty() && self.replace.is_empty() {
            return self.add.clone();
        }
        let mut packer = Packer::default();
        let mut replace: Vec<_> = self.replace.iter().collect();
        replace.sort_by(|a, b| a.name.cmp(&b.name));
        let mut replace = replace.into_iter().peekable();
        let mut keep = |file: &File<'_>| {
            if !names.contains(OsStr::from_bytes(file.name)) {
                packer.add(file);
            }
        };
        let mut files = self.add.files();
        while let Ok(Some(file)) = files.next() {
            while let Some(new) = replace.next_if(|new| new.name.as_bytes() < file.name) {
                keep(&new.file());
            }
            keep(&file);
        }
        replace.for_each(|new| keep(&new.file()));
        packer.finish()
    }
}

impl Replacement {
    /// What is to be copied, as a manifest has it; where a link points is not known.
    fn file(&self) -> File<'_> {
        File {
            name: self.name.as_bytes(),
            bytes: self.new.bytes,
            modified: self.new.modified,
            target: (self.new.kind == Kind::Link).then_some(&[]),
        }
    }
}

impl Plan {
    /// Whether anything is to be made at the destination.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.files > 0 || self.folders.iter().any(|folder| !folder.exists)
    }

    /// How many files and links at the destination give way to others, kept as old versions.
    #[must_use]
    pub fn replaced(&self) -> usize {
        let replaced =
            |folder: &PlannedFolder| folder.replace.len() + usize::from(folder.displaces.is_some());
        self.folders.iter().map(replaced).sum()
    }
}

impl Plan {
    /// One that brings these files, sorted by path: path, size, time, and whether something is replaced.
    #[must_use]
    pub fn of(files: &[(PathBuf, u64, Moment, bool)]) -> Self {
        let mut folders: BTreeMap<PathBuf, (Packer, Vec<Replacement>)> = BTreeMap::new();
        let mut plan = Self::default();
        let mut sorted: Vec<_> = files.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        for (path, bytes, modified, replaces) in sorted {
            let name = Name::from(path.file_name().unwrap_or_default());
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            let (add, replace) = folders.entry(folder).or_default();
            let seen = Seen {
                kind: Kind::File,
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
                add.add(&File {
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
                modified: Moment::default(),
                exists: true,
                displaces: None,
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

    /// Takes out what cannot be at the destination, and what is below it; each path comes with the reason.
    pub fn refuse(&mut self, refused: &BTreeMap<PathBuf, String>) {
        if refused.is_empty() {
            return;
        }
        for folder in std::mem::take(&mut self.folders) {
            let above = folder
                .path
                .ancestors()
                .find(|path| refused.contains_key(*path));
            match above {
                None => {
                    let kept = self.without_refused(folder, refused);
                    self.folders.push(kept);
                }
                Some(above) => {
                    let why = &refused[above];
                    self.refuse_folder(&folder, above, why);
                }
            }
        }
        self.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Keeps only the files and links with these paths; nothing is told of the others.
    pub fn retain(&mut self, wanted: impl Fn(&Path) -> bool) {
        self.take_out(|path| !wanted(path));
        self.left_out.retain(|item| wanted(&item.path));
        self.same = 0;
    }

    /// Leaves files and links with these paths for another run.
    pub fn postpone(&mut self, later: impl Fn(&Path) -> bool) {
        let taken = self.take_out(later);
        self.left_out.extend(taken.into_iter().map(|path| LeftOut {
            path,
            reason: Reason::Later,
        }));
        self.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Takes out the files and links with these paths, and gives them.
    fn take_out(&mut self, unwanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
        let mut taken = Vec::new();
        for folder in &mut self.folders {
            let mut packer = Packer::default();
            let mut files = folder.add.files();
            while let Ok(Some(file)) = files.next() {
                let name = Name::from_bytes(file.name.to_vec());
                let path = folder.path.join(name.as_path());
                if unwanted(&path) {
                    self.files -= 1;
                    self.bytes -= file.bytes;
                    taken.push(path);
                } else {
                    packer.add(&file);
                }
            }
            folder.add = packer.finish();
            for new in std::mem::take(&mut folder.replace) {
                let path = folder.path.join(new.name.as_path());
                if unwanted(&path) {
                    self.files -= 1;
                    self.bytes -= new.new.bytes;
                    taken.push(path);
                } else {
                    folder.replace.push(new);
                }
            }
        }
        taken
    }

    /// Leaves out the symbolic links, for a destination that holds none.
    pub fn skip_links(&mut self, why: &str) {
        for folder in &mut self.folders {
            let mut packer = Packer::default();
            let mut skipped = Vec::new();
            let mut files = folder.add.files();
            while let Ok(Some(file)) = files.next() {
                if file.target.is_some() {
                    skipped.push(Name::from_bytes(file.name.to_vec()));
                } else {
                    packer.add(&file);
                }
            }
            if skipped.is_empty() && folder.replace.iter().all(|new| new.new.kind == Kind::File) {
                continue;
            }
            folder.add = packer.finish();
            folder.replace.retain(|new| {
                let is_link = new.new.kind == Kind::Link;
                skipped.extend(is_link.then(|| new.name.clone()));
                !is_link
            });
            self.files -= skipped.len() as u64;
            self.left_out
                .extend(skipped.into_iter().map(|name| LeftOut {
                    path: folder.path.join(name.as_path()),
                    reason: Reason::Skip(why.to_owned()),
                }));
        }
        self.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// A folder without the files that are refused.
    fn without_refused(
        &mut self,
        mut folder: PlannedFolder,
        refused: &BTreeMap<PathBuf, String>,
    ) -> PlannedFolder {
        let mut packer = Packer::default();
        let mut files = folder.add.files();
        while let Ok(Some(file)) = files.next() {
            let path = folder
                .path
                .join(Name::from_bytes(file.name.to_vec()).as_path());
            match refused.get(&path) {
                None => packer.add(&file),
                Some(why) => self.refuse_file(path, file.bytes, why.clone()),
            }
        }
        folder.add = packer.finish();
        folder
    }

    /// Takes out a folder and everything that was to be copied into it.
    fn refuse_folder(&mut self, folder: &PlannedFolder, refused: &Path, why: &str) {
        if !folder.exists {
            self.left_out.push(LeftOut {
                path: folder.path.clone(),
                reason: Reason::Fail(why.to_owned()),
            });
        }
        let below = if refused == Path::new("") {
            why.to_owned()
        } else {
            format!("its folder `{}`: {why}", Name::from(refused))
        };
        let mut files = folder.add.files();
        while let Ok(Some(file)) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            let path = folder.path.join(name.as_path());
            self.refuse_file(path, file.bytes, below.clone());
        }
        for replacement in &folder.replace {
            let path = folder.path.join(replacement.name.as_path());
            self.refuse_file(path, replacement.new.bytes, below.clone());
        }
    }

    fn refuse_file(&mut self, path: PathBuf, bytes: u64, why: String) {
        self.files -= 1;
        self.bytes -= bytes;
        let reason = Reason::Fail(why);
        self.left_out.push(LeftOut { path, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(kind: Kind) -> Seen {
        Seen {
            kind,
            bytes: 7,
            modified: Moment::default(),
        }
    }

    fn folder(add: &[&str], replace: &[&str]) -> PlannedFolder {
        let mut packer = Packer::default();
        for name in add {
            packer.add(&File {
                name: name.as_bytes(),
                bytes: 7,
                modified: Moment::default(),
                target: None,
            });
        }
        let replace = replace.iter().map(|name| Replacement {
            name: (*name).into(),
            new: seen(Kind::Link),
            old: seen(Kind::File),
        });
        PlannedFolder {
            path: PathBuf::new(),
            mode: 0o755,
            modified: Moment::default(),
            exists: true,
            displaces: None,
            add: packer.finish(),
            replace: replace.collect(),
        }
    }

    #[test]
    fn a_folder_without_some_names_holds_the_others_in_order() {
        let names = |folder: &PlannedFolder, without: &[&str]| {
            let without = without.iter().map(OsStr::new).collect();
            let manifest = folder.without(&without);
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
