//! Two trees side by side.

use std::collections::BTreeSet;
use std::path::Path;

use super::manifest::{File, Files, Malformed, side_by_side};
use super::tree::{Tree, TreeFolder};
use crate::base::name::Name;
use crate::base::timestamp::{Moment, Step};
use crate::os::stat::Kind;

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
pub struct Seen {
    /// What it is.
    pub kind: Kind,
    /// Apparent size in bytes; 0 for everything but files.
    pub bytes: u64,
    /// When its content was last changed; the beginning of time for folders and special files.
    pub modified: Moment,
}

impl Seen {
    /// Something of a kind of which nothing else matters.
    pub fn of_kind(kind: Kind) -> Self {
        Self {
            kind,
            bytes: 0,
            modified: Moment::default(),
        }
    }
}

impl From<File<'_>> for Seen {
    fn from(file: File<'_>) -> Self {
        Self {
            kind: if file.target.is_some() {
                Kind::Link
            } else {
                Kind::File
            },
            bytes: file.bytes,
            modified: file.modified,
        }
    }
}

/// What became of a name between two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only in the first.
    OnlyA(Seen),
    /// Only in the second.
    OnlyB(Seen),
    /// In both, and the same.
    Same(Seen, Seen),
    /// In both, and different.
    Differs(Seen, Seen, Difference),
}

/// What is found in one folder of two trees; told by [`folder`].
pub trait Visit {
    /// So many files and links are the same in both, down to the last byte of what is known of them.
    fn all_same(&mut self, packed: &[u8]);

    /// A file, link or special file, or what has the name of one.
    fn name(&mut self, name: &[u8], change: Change);
}

/// Goes through the names of the folder with this path, which is in `a` or in `b` or in both: files, links and special
/// files, in the order of their names but with special files last. A folder is only mentioned where the other tree has
/// something else of its name.
///
/// # Errors
/// [`Malformed`]: a manifest is damaged, which a tree's never is.
pub fn folder(a: &Tree, b: &Tree, path: &Path, visit: &mut dyn Visit) -> Result<(), Malformed> {
    let sides = [a.folders.get(path), b.folders.get(path)];
    known_folder([a, b], path, sides, visit)
}

/// The folders of a tree in order, each with that of the same path in another tree. To look up each one costs much more
/// where paths are long.
pub fn paired<'t>(
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

/// The same as [`folder`] for one that was looked up already, in both trees.
///
/// # Errors
/// As for [`folder`].
pub fn known_folder(
    [a, b]: [&Tree; 2],
    path: &Path,
    sides: [Option<&TreeFolder>; 2],
    visit: &mut dyn Visit,
) -> Result<(), Malformed> {
    let [left, right] = sides.map(|folder| folder.map_or(&[][..], TreeFolder::packed));
    if left == right && sides.iter().all(|folder| has_no_specials(*folder)) {
        visit.all_same(left);
        return Ok(());
    }
    let step = a.step().max(b.step());
    let others = [a, b].map(|tree| Others { tree, path });
    side_by_side(left, right, &mut |in_a, in_b| {
        let Some(file) = in_a.or(in_b) else { return };
        let change = match (in_a, in_b) {
            (Some(a), Some(b)) => compare([&a, &b], others, step),
            (Some(a), None) => match others[1].kind(a.name) {
                Some(kind) => Change::Differs(a.into(), Seen::of_kind(kind), Difference::Kind),
                None => Change::OnlyA(a.into()),
            },
            _ => match others[0].kind(file.name) {
                Some(kind) => Change::Differs(Seen::of_kind(kind), file.into(), Difference::Kind),
                None => Change::OnlyB(file.into()),
            },
        };
        visit.name(file.name, change);
    })?;
    specials(others, visit);
    Ok(())
}

/// Tells of the special files that no file or link of the other tree has the name of.
fn specials(others: [Others<'_>; 2], visit: &mut dyn Visit) {
    let special = Seen::of_kind(Kind::Special);
    let names = others.map(|others| others.specials().iter().collect::<BTreeSet<_>>());
    for name in names[0].union(&names[1]) {
        let (in_a, in_b) = (names[0].contains(*name), names[1].contains(*name));
        let [other_a, other_b] = [0, 1].map(|side| others[side].is_folder(name.as_bytes()));
        let folder = Seen::of_kind(Kind::Folder);
        let change = match (in_a, in_b) {
            (true, true) => Change::Same(special, special),
            (true, false) if other_b => Change::Differs(special, folder, Difference::Kind),
            (true, false) if others[1].has_file(name.as_bytes()) => continue,
            (true, false) => Change::OnlyA(special),
            (false, _) if other_a => Change::Differs(folder, special, Difference::Kind),
            (false, _) if others[0].has_file(name.as_bytes()) => continue,
            (false, _) => Change::OnlyB(special),
        };
        visit.name(name.as_bytes(), change);
    }
}

fn has_no_specials(folder: Option<&TreeFolder>) -> bool {
    folder.is_none_or(|folder| folder.specials.is_empty())
}

/// What a folder of a tree holds beside files and links.
#[derive(Clone, Copy)]
struct Others<'a> {
    tree: &'a Tree,
    path: &'a Path,
}

impl<'a> Others<'a> {
    fn specials(&self) -> &'a [Name] {
        let folder = self.tree.folders.get(self.path);
        folder.map_or(&[], |folder| &folder.specials)
    }

    /// The time that the storage shows of a file, where that is another than was set.
    fn shown(&self, file: &File<'_>) -> Option<Moment> {
        let shown = self.tree.shown(self.path, file.name, file.modified);
        (shown != file.modified).then_some(shown)
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
    fn kind(&self, name: &[u8]) -> Option<Kind> {
        if self.specials().iter().any(|other| other.as_bytes() == name) {
            Some(Kind::Special)
        } else {
            self.is_folder(name).then_some(Kind::Folder)
        }
    }

    /// Whether a file or link has this name.
    fn has_file(&self, name: &[u8]) -> bool {
        let folder = self.tree.folders.get(self.path);
        let mut files = Files::of(folder.map_or(&[], TreeFolder::packed));
        while let Ok(Some(file)) = files.next() {
            if file.name == name {
                return true;
            }
        }
        false
    }
}

/// What a tree holds under the path of a folder of another, and is none.
pub fn in_the_way(tree: &Tree, path: &Path) -> Option<Seen> {
    let (above, name) = (path.parent()?, path.file_name()?);
    let folder = tree.folders.get(above)?;
    let name = name.as_encoded_bytes();
    if folder.specials.iter().any(|other| other.as_bytes() == name) {
        return Some(Seen::of_kind(Kind::Special));
    }
    let mut files = Files::of(folder.packed());
    while let Ok(Some(file)) = files.next() {
        if file.name == name {
            // As the storage shows it: what is to be moved away is held against that.
            let modified = tree.shown(above, name, file.modified);
            return Some(Seen {
                modified,
                ..file.into()
            });
        }
    }
    None
}

/// Whether one of two files has the time that the storage of the other shows for it, in the place of the time that was set.
fn is_shown([a, b]: [&File<'_>; 2], [in_a, in_b]: [Others<'_>; 2], step: Step) -> bool {
    let shown = [(a, in_a), (b, in_b)].map(|(file, others)| others.shown(file));
    match shown {
        [Some(shown), None] => shown.same_as(b.modified, step),
        [None, Some(shown)] => shown.same_as(a.modified, step),
        _ => false,
    }
}

/// Compares two files or links of the same path; times as the coarser of their file systems keeps them.
fn compare([a, b]: [&File<'_>; 2], others: [Others<'_>; 2], step: Step) -> Change {
    let difference = match (a.target, b.target) {
        (Some(target), Some(other)) => (target != other).then_some(Difference::Target),
        (None, None) if a.bytes != b.bytes => Some(Difference::Size),
        (None, None) => {
            let same = a.modified.same_as(b.modified, step) || is_shown([a, b], others, step);
            (!same).then_some(Difference::Time)
        }
        _ => Some(Difference::Kind),
    };
    let (a, b) = (Seen::from(*a), Seen::from(*b));
    difference.map_or(Change::Same(a, b), |difference| {
        Change::Differs(a, b, difference)
    })
}
