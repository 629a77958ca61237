//! Difference of two trees, folder by folder.

use std::collections::BTreeSet;
use std::path::Path;

use super::manifest::{ManifestFile, ManifestRef};
use super::manifest_join::join_by_name;
use super::tree::{Tree, TreeFolder};
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::os::stat::EntryKind;

/// Kind of difference between two entries of the same path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The entries are of different kinds, for example a file and a folder.
    Kind,
    Size,
    /// The sizes are equal, the modification times differ.
    Time,
    /// The links have different targets.
    Target,
    /// The sizes are equal, the bytes differ.
    Content,
}

impl Difference {
    /// The word in answers and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Size => "size",
            Self::Time => "time",
            Self::Target => "target",
            Self::Content => "content",
        }
    }
}

/// An entry of one of the trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffEntry {
    pub kind: EntryKind,
    /// Apparent size in bytes; 0 for everything but files.
    pub bytes: u64,
    /// The mtime; the epoch for folders and special files.
    pub modified: Timestamp,
}

impl DiffEntry {
    /// An entry of which only the kind matters.
    pub fn of_kind(kind: EntryKind) -> Self {
        Self {
            kind,
            bytes: 0,
            modified: Timestamp::default(),
        }
    }
}

impl From<ManifestFile<'_>> for DiffEntry {
    fn from(file: ManifestFile<'_>) -> Self {
        Self {
            kind: if file.target.is_some() {
                EntryKind::Link
            } else {
                EntryKind::File
            },
            bytes: file.bytes,
            modified: file.modified,
        }
    }
}

/// Comparison of one name in two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryDiff {
    OnlyA(DiffEntry),
    OnlyB(DiffEntry),
    Same(DiffEntry, DiffEntry),
    Differs(DiffEntry, DiffEntry, Difference),
}

/// Receives the results of [`diff_folder`].
pub trait DiffVisitor {
    /// The files and links of the folder are the same in both trees, byte for byte of the manifest.
    fn visit_unchanged(&mut self, manifest: ManifestRef<'_>);

    /// One name of a file, link or special file in at least one of the trees.
    fn visit_name(&mut self, name: &[u8], change: EntryDiff);
}

/// Compares one folder, which is in `a`, in `b` or in both. Visits files and links in the order of their names, then special
/// files. A subfolder is visited only if the other tree has another kind of entry of its name.
pub fn diff_folder(a: &Tree, b: &Tree, path: &Path, visit: &mut dyn DiffVisitor) {
    let sides = [a.folders.get(path), b.folders.get(path)];
    diff_folder_pair([a, b], path, sides, visit);
}

/// The folders of a tree in order, each with the folder of the same path in another tree. Faster than a lookup of each long
/// path.
pub fn pair_folders<'t>(
    first: &'t Tree,
    second: &'t Tree,
) -> impl Iterator<Item = (&'t Path, &'t TreeFolder, Option<&'t TreeFolder>)> {
    let mut others = second.folders.iter().peekable();
    first.folders.iter().map(move |(path, folder)| {
        while others.next_if(|(other, _)| *other < path).is_some() {}
        let other = others.next_if(|(other, _)| *other == path);
        (path.as_path(), folder, other.map(|(_, folder)| folder))
    })
}

/// Compares one folder as [`diff_folder`] does, for a caller that has looked it up in both trees.
pub fn diff_folder_pair(
    [a, b]: [&Tree; 2],
    path: &Path,
    sides: [Option<&TreeFolder>; 2],
    visit: &mut dyn DiffVisitor,
) {
    let [left, right] = sides.map(|folder| folder.map(TreeFolder::manifest).unwrap_or_default());
    if left == right && sides.iter().all(|folder| has_no_specials(*folder)) {
        return visit.visit_unchanged(left);
    }
    let precision = a.precision().max(b.precision());
    let view = |tree, folder| FolderView { tree, folder, path };
    let views = [view(a, sides[0]), view(b, sides[1])];
    join_by_name(left, right, &mut |in_a, in_b| {
        let Some(file) = in_a.or(in_b) else { return };
        let change = match (in_a, in_b) {
            (Some(a), Some(b)) => compare([&a, &b], views, precision),
            (Some(a), None) => match views[1].kind(a.name) {
                Some(kind) => {
                    EntryDiff::Differs(a.into(), DiffEntry::of_kind(kind), Difference::Kind)
                }
                None => EntryDiff::OnlyA(a.into()),
            },
            _ => match views[0].kind(file.name) {
                Some(kind) => {
                    EntryDiff::Differs(DiffEntry::of_kind(kind), file.into(), Difference::Kind)
                }
                None => EntryDiff::OnlyB(file.into()),
            },
        };
        visit.visit_name(file.name, change);
    });
    diff_specials(views, visit);
}

/// Visits the special files whose names no file or link of the other tree has.
fn diff_specials(views: [FolderView<'_>; 2], visit: &mut dyn DiffVisitor) {
    let special = DiffEntry::of_kind(EntryKind::Special);
    let names = views.map(|view| view.specials().iter().collect::<BTreeSet<_>>());
    for name in names[0].union(&names[1]) {
        let (in_a, in_b) = (names[0].contains(*name), names[1].contains(*name));
        let [other_a, other_b] = views.map(|view| view.is_folder(name.as_bytes()));
        let folder = DiffEntry::of_kind(EntryKind::Folder);
        let change = match (in_a, in_b) {
            (true, true) => EntryDiff::Same(special, special),
            (true, false) if other_b => EntryDiff::Differs(special, folder, Difference::Kind),
            (true, false) if views[1].has_file(name.as_bytes()) => continue,
            (true, false) => EntryDiff::OnlyA(special),
            (false, _) if other_a => EntryDiff::Differs(folder, special, Difference::Kind),
            (false, _) if views[0].has_file(name.as_bytes()) => continue,
            (false, _) => EntryDiff::OnlyB(special),
        };
        visit.visit_name(name.as_bytes(), change);
    }
}

fn has_no_specials(folder: Option<&TreeFolder>) -> bool {
    folder.is_none_or(|folder| folder.specials.is_empty())
}

/// One folder of one of the trees.
#[derive(Clone, Copy)]
struct FolderView<'a> {
    tree: &'a Tree,
    folder: Option<&'a TreeFolder>,
    path: &'a Path,
}

impl<'a> FolderView<'a> {
    fn specials(&self) -> &'a [Name] {
        self.folder.map_or(&[], |folder| &folder.specials)
    }

    /// The time that the storage reports for a file, if it differs from the time that was set.
    fn reported_time(&self, file: &ManifestFile<'_>) -> Option<Timestamp> {
        let reported = self.folder?.reported_time(file.name);
        reported.filter(|reported| *reported != file.modified)
    }

    fn is_folder(&self, name: &[u8]) -> bool {
        let names = self.folder.map_or(&[][..], |folder| &folder.subfolders);
        names
            .binary_search_by(|other| other.as_bytes().cmp(name))
            .is_ok_and(|position| {
                let path = self.path.join(names[position].as_path());
                self.tree.folders.contains_key(&path)
            })
    }

    /// Kind of the special file or folder of this name, if any.
    fn kind(&self, name: &[u8]) -> Option<EntryKind> {
        if self.specials().iter().any(|other| other.as_bytes() == name) {
            Some(EntryKind::Special)
        } else {
            self.is_folder(name).then_some(EntryKind::Folder)
        }
    }

    /// True if a file or link has this name.
    fn has_file(&self, name: &[u8]) -> bool {
        self.folder
            .is_some_and(|folder| folder.file(name).is_some())
    }
}

/// Returns the entry of `tree` that is not a folder and has the path of another tree's folder.
pub fn blocking_entry(tree: &Tree, path: &Path) -> Option<DiffEntry> {
    let (above, name) = (path.parent()?, path.file_name()?);
    let folder = tree.folders.get(above)?;
    let name = name.as_encoded_bytes();
    if folder.specials.iter().any(|other| other.as_bytes() == name) {
        return Some(DiffEntry::of_kind(EntryKind::Special));
    }
    let file = folder.file(name)?;
    Some(DiffEntry {
        // The caller compares it with a stat before moving the file away, so it must be the reported time.
        modified: folder.reported_time(name).unwrap_or(file.modified),
        ..file.into()
    })
}

/// True if one of two files has the time that the other's storage reports for it instead of the time that was set.
fn matches_reported_time(
    [a, b]: [&ManifestFile<'_>; 2],
    [view_a, view_b]: [FolderView<'_>; 2],
    precision: TimePrecision,
) -> bool {
    let reported = [view_a.reported_time(a), view_b.reported_time(b)];
    match reported {
        [Some(reported), None] => reported.equals_at(b.modified, precision),
        [None, Some(reported)] => reported.equals_at(a.modified, precision),
        _ => false,
    }
}

/// Compares two files or links of the same path, their times at the coarser precision of the two trees.
fn compare(
    [a, b]: [&ManifestFile<'_>; 2],
    views: [FolderView<'_>; 2],
    precision: TimePrecision,
) -> EntryDiff {
    let difference = match (a.target, b.target) {
        (Some(target), Some(other)) => (target != other).then_some(Difference::Target),
        (None, None) if a.bytes != b.bytes => Some(Difference::Size),
        (None, None) => {
            let same = a.modified.equals_at(b.modified, precision)
                || matches_reported_time([a, b], views, precision);
            (!same).then_some(Difference::Time)
        }
        _ => Some(Difference::Kind),
    };
    let (a, b) = (DiffEntry::from(*a), DiffEntry::from(*b));
    difference.map_or(EntryDiff::Same(a, b), |difference| {
        EntryDiff::Differs(a, b, difference)
    })
}
