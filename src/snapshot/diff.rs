//! Two trees side by side.

use std::collections::BTreeSet;
use std::path::Path;

use super::manifest::{MalformedManifest, ManifestFile, ManifestFiles, join_by_name};
use super::tree::{Tree, TreeFolder};
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::os::stat::EntryKind;

/// In what two entries of the same path differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// One is a file, say, and the other a folder.
    Kind,
    /// The sizes differ.
    Size,
    /// The sizes are equal, the modification times differ.
    Time,
    /// The links point to different places.
    Target,
    /// The sizes are equal, the bytes differ.
    Content,
}

impl Difference {
    /// The word for people and JSON.
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

/// What a name stands for in one of the trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffEntry {
    /// What it is.
    pub kind: EntryKind,
    /// Apparent size in bytes; 0 for everything but files.
    pub bytes: u64,
    /// When its content was last changed; the beginning of time for folders and special files.
    pub modified: Timestamp,
}

impl DiffEntry {
    /// Something of a kind of which nothing else matters.
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

/// What became of a name between two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryDiff {
    /// Only in the first.
    OnlyA(DiffEntry),
    /// Only in the second.
    OnlyB(DiffEntry),
    /// In both, and the same.
    Same(DiffEntry, DiffEntry),
    /// In both, and different.
    Differs(DiffEntry, DiffEntry, Difference),
}

/// What is found in one folder of two trees; told by [`diff_folder`].
pub trait DiffVisitor {
    /// So many files and links are the same in both, down to the last byte of what is known of them.
    fn visit_unchanged(&mut self, packed: &[u8]);

    /// A file, link or special file, or what has the name of one.
    fn visit_name(&mut self, name: &[u8], change: EntryDiff);
}

/// Goes through the names of the folder with this path, which is in `a` or in `b` or in both: files, links and special
/// files, in the order of their names but with special files last. A folder is only mentioned where the other tree has
/// something else of its name.
///
/// # Errors
/// [`MalformedManifest`]: a manifest is damaged, which a tree's never is.
pub fn diff_folder(
    a: &Tree,
    b: &Tree,
    path: &Path,
    visit: &mut dyn DiffVisitor,
) -> Result<(), MalformedManifest> {
    let sides = [a.folders.get(path), b.folders.get(path)];
    diff_folder_pair([a, b], path, sides, visit)
}

/// The folders of a tree in order, each with that of the same path in another tree. To look up each one costs much more
/// where paths are long.
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

/// The same as [`diff_folder`] for one that was looked up already, in both trees.
///
/// # Errors
/// As for [`diff_folder`].
pub fn diff_folder_pair(
    [a, b]: [&Tree; 2],
    path: &Path,
    sides: [Option<&TreeFolder>; 2],
    visit: &mut dyn DiffVisitor,
) -> Result<(), MalformedManifest> {
    let [left, right] = sides.map(|folder| folder.map_or(&[][..], TreeFolder::packed));
    if left == right && sides.iter().all(|folder| has_no_specials(*folder)) {
        visit.visit_unchanged(left);
        return Ok(());
    }
    let precision = a.precision().max(b.precision());
    let views = [a, b].map(|tree| FolderView { tree, path });
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
    })?;
    diff_specials(views, visit);
    Ok(())
}

/// Tells of the special files that no file or link of the other tree has the name of.
fn diff_specials(views: [FolderView<'_>; 2], visit: &mut dyn DiffVisitor) {
    let special = DiffEntry::of_kind(EntryKind::Special);
    let names = views.map(|others| others.specials().iter().collect::<BTreeSet<_>>());
    for name in names[0].union(&names[1]) {
        let (in_a, in_b) = (names[0].contains(*name), names[1].contains(*name));
        let [other_a, other_b] = [0, 1].map(|side| views[side].is_folder(name.as_bytes()));
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

/// What a folder of a tree holds beside files and links.
#[derive(Clone, Copy)]
struct FolderView<'a> {
    tree: &'a Tree,
    path: &'a Path,
}

impl<'a> FolderView<'a> {
    fn specials(&self) -> &'a [Name] {
        let folder = self.tree.folders.get(self.path);
        folder.map_or(&[], |folder| &folder.specials)
    }

    /// The time that the storage shows of a file, where that is another than was set.
    fn reported_time(&self, file: &ManifestFile<'_>) -> Option<Timestamp> {
        let reported = self.tree.reported_time(self.path, file.name, file.modified);
        (reported != file.modified).then_some(reported)
    }

    fn is_folder(&self, name: &[u8]) -> bool {
        let folder = self.tree.folders.get(self.path);
        let names = folder.map_or(&[][..], |folder| &folder.subfolders);
        names
            .binary_search_by(|other| other.as_bytes().cmp(name))
            .is_ok_and(|place| {
                let path = self.path.join(names[place].as_path());
                self.tree.folders.contains_key(&path)
            })
    }

    /// What else than a file or link has this name.
    fn kind(&self, name: &[u8]) -> Option<EntryKind> {
        if self.specials().iter().any(|other| other.as_bytes() == name) {
            Some(EntryKind::Special)
        } else {
            self.is_folder(name).then_some(EntryKind::Folder)
        }
    }

    /// Whether a file or link has this name.
    fn has_file(&self, name: &[u8]) -> bool {
        let folder = self.tree.folders.get(self.path);
        let mut files = ManifestFiles::of(folder.map_or(&[], TreeFolder::packed));
        while let Ok(Some(file)) = files.next() {
            if file.name == name {
                return true;
            }
        }
        false
    }
}

/// What a tree holds under the path of a folder of another, and is none.
pub fn blocking_entry(tree: &Tree, path: &Path) -> Option<DiffEntry> {
    let (above, name) = (path.parent()?, path.file_name()?);
    let folder = tree.folders.get(above)?;
    let name = name.as_encoded_bytes();
    if folder.specials.iter().any(|other| other.as_bytes() == name) {
        return Some(DiffEntry::of_kind(EntryKind::Special));
    }
    let mut files = ManifestFiles::of(folder.packed());
    while let Ok(Some(file)) = files.next() {
        if file.name == name {
            // As the storage shows it: what is to be moved away is held against that.
            let modified = tree.reported_time(above, name, file.modified);
            return Some(DiffEntry {
                modified,
                ..file.into()
            });
        }
    }
    None
}

/// Whether one of two files has the time that the storage of the other shows for it, in the place of the time that was set.
fn matches_reported_time(
    [a, b]: [&ManifestFile<'_>; 2],
    [view_a, view_b]: [FolderView<'_>; 2],
    precision: TimePrecision,
) -> bool {
    let reported = [(a, view_a), (b, view_b)].map(|(file, others)| others.reported_time(file));
    match reported {
        [Some(shown), None] => shown.equals_at(b.modified, precision),
        [None, Some(shown)] => shown.equals_at(a.modified, precision),
        _ => false,
    }
}

/// Compares two files or links of the same path; times as the coarser of their file systems keeps them.
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
