//! Entries of two trees whose names are the same in another spelling: they are one entry, not two.
//!
//! A name in another Unicode normal form is the same name everywhere. One in other cases is the same where the storage
//! finds it by that name, too.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::aggregate::FileTotals;
use super::diff::pair_folders;
use super::manifest::{ManifestBuilder, ManifestFile, ManifestFiles, join_by_name};
use super::tree::{ScannedFolder, Tree, TreeFolder};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unicode::{fold_case, to_nfc};

/// An entry with two spellings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RespelledEntry {
    /// Its path in the first tree, below the replica's folder.
    pub path: PathBuf,
    /// The name that the second has for it, in the same folder.
    pub name: Name,
    /// Whether the names differ by more than their normal form.
    pub differs_in_case: bool,
}

/// Tells whether a storage finds an entry of the second tree by a name that it does not list: the folder as the storage
/// spells it, and the name.
pub type LookupFn<'a> = dyn Fn(&Path, &OsStr) -> bool + 'a;

/// Whether entries of the second tree may have another spelling in the first.
pub fn is_needed(first: &Tree, second: &Tree) -> bool {
    pair_folders(first, second).any(|(_, folder, there)| {
        there.is_some_and(|there| !spelling_pairs(folder, there).is_empty())
    })
}

/// Gives the entries of the second tree the spelling of the first.
pub fn respell(first: &Tree, second: &mut Tree, is_found: &LookupFn<'_>) -> Vec<RespelledEntry> {
    let mut respelled = Vec::new();
    if !is_needed(first, second) {
        return respelled;
    }
    // How the second storage spells folders, where that is another way.
    let mut spelled: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for (path, folder) in &first.folders {
        let Some(there) = second.folders.get(path) else {
            continue;
        };
        let pairs = spelling_pairs(folder, there);
        if pairs.is_empty() {
            continue;
        }
        let stored_path = path.ancestors().find_map(|above| {
            let rest = path.strip_prefix(above).ok()?;
            Some(spelled.get(above)?.join(rest))
        });
        let stored_path = stored_path.unwrap_or_else(|| path.clone());
        for (name, other, by_case) in pairs {
            if by_case && !is_found(&stored_path, name.as_os_str()) {
                continue;
            }
            rename(second, path, &other, &name);
            spelled.insert(path.join(name.as_path()), stored_path.join(other.as_path()));
            respelled.push(RespelledEntry {
                path: path.join(name.as_path()),
                name: other,
                differs_in_case: by_case,
            });
        }
    }
    respelled
}

/// The names of a folder of the first tree that it does not share with the second, each with the one there that is the
/// same in another spelling, and whether case is in what they differ.
fn spelling_pairs(first: &TreeFolder, second: &TreeFolder) -> Vec<(Name, Name, bool)> {
    if first.packed() == second.packed() && first.subfolders == second.subfolders {
        return Vec::new();
    }
    let theirs = unmatched_names(second, first);
    if theirs.is_empty() {
        return Vec::new();
    }
    let ours = unmatched_names(first, second);
    let mut pairs = Vec::new();
    let mut left: BTreeMap<Vec<u8>, Vec<Name>> = BTreeMap::new();
    for name in theirs {
        left.entry(fold_case(name.as_bytes()).into_owned())
            .or_default()
            .push(name);
    }
    for name in ours {
        let Some(same) = left.get_mut(&*fold_case(name.as_bytes())) else {
            continue;
        };
        let is_same_form = |other: &Name| to_nfc(other.as_bytes()) == to_nfc(name.as_bytes());
        let place = same.iter().position(is_same_form);
        if let Some(place) = place {
            pairs.push((name, same.remove(place), false));
        } else if let Some(other) = same.pop()
            && has_same_kind_and_size(first, &name, second, &other)
        {
            pairs.push((name, other, true));
        }
    }
    pairs
}

/// Whether two names that differ in case stand for folders, or for files of one size: another file is not replaced because
/// of its name.
fn has_same_kind_and_size(a: &TreeFolder, name: &Name, b: &TreeFolder, other: &Name) -> bool {
    let size = |folder: &TreeFolder, name: &Name| {
        let mut files = ManifestFiles::of(folder.packed());
        while let Ok(Some(file)) = files.next() {
            if file.name == name.as_bytes() {
                return Some((file.bytes, file.target.is_some()));
            }
        }
        None
    };
    size(a, name) == size(b, other)
}

/// The names in a folder that nothing has in the other, be it of another kind.
fn unmatched_names(folder: &TreeFolder, other: &TreeFolder) -> Vec<Name> {
    let is_folder = |name: &Name| other.subfolders.binary_search(name).is_ok();
    let (mut names, mut files_there) = (Vec::new(), BTreeSet::new());
    let compared = join_by_name(folder.packed(), other.packed(), &mut |own, other| match (
        own, other,
    ) {
        (Some(file), None) => names.push(Name::from_bytes(file.name.to_vec())),
        (None, Some(file)) => {
            files_there.insert(Name::from_bytes(file.name.to_vec()));
        }
        _ => {}
    });
    // A tree's own manifests are never damaged.
    compared.unwrap_or_default();
    names.extend(folder.subfolders.iter().cloned());
    let is_special = |name: &Name| other.specials.contains(name);
    names.retain(|name| !is_folder(name) && !files_there.contains(name) && !is_special(name));
    names
}

/// Gives an entry of a tree another name.
fn rename(tree: &mut Tree, folder: &Path, old: &Name, new: &Name) {
    if let Some(parent) = tree.folders.get_mut(folder) {
        if let Ok(place) = parent.subfolders.binary_search(old) {
            parent.subfolders[place] = new.clone();
            parent.subfolders.sort_unstable();
        } else if let Some(files) = &mut parent.files {
            rename_file(files, old, new);
        }
    }
    let (from, to) = (folder.join(old.as_path()), folder.join(new.as_path()));
    let below = |path: &Path| path.strip_prefix(&from).ok().map(|rest| join(&to, rest));
    let paths: Vec<PathBuf> = tree.folders.keys().cloned().collect();
    for path in paths {
        if let Some(moved) = below(&path)
            && let Some(mut entry) = tree.folders.remove(&path)
        {
            if let Some(files) = &mut entry.files {
                files.path.clone_from(&moved);
            }
            tree.folders.insert(moved, entry);
        }
    }
    for path in &mut tree.leftovers {
        if let Some(moved) = below(path) {
            *path = moved;
        }
    }
    for problem in &mut tree.problems {
        if let Some(moved) = below(&problem.path) {
            problem.path = moved;
        }
    }
}

fn join(folder: &Path, rest: &Path) -> PathBuf {
    if rest == Path::new("") {
        folder.to_owned()
    } else {
        folder.join(rest)
    }
}

fn rename_file(files: &mut ScannedFolder, old: &Name, new: &Name) {
    type Row = (u64, Timestamp, Option<Vec<u8>>);
    let mut all: BTreeMap<Name, Row> = BTreeMap::new();
    let mut before = files.manifest.files();
    while let Ok(Some(file)) = before.next() {
        let name = Name::from_bytes(file.name.to_vec());
        let name = if name == *old { new.clone() } else { name };
        let target = file.target.map(<[u8]>::to_vec);
        all.insert(name, (file.bytes, file.modified, target));
    }
    let (mut packer, mut totals) = (ManifestBuilder::default(), FileTotals::default());
    for (name, (bytes, modified, target)) in &all {
        packer.add(&ManifestFile {
            name: name.as_bytes(),
            bytes: *bytes,
            modified: *modified,
            target: target.as_deref(),
        });
        totals.add(*bytes, *modified);
    }
    (files.manifest, files.totals) = (packer.finish(), totals);
    if let Some(shown) = files.reported_times.remove(old) {
        files.reported_times.insert(new.clone(), shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(folders: &[(&str, &[&str])]) -> Tree {
        let mut tree = Tree::default();
        for (path, names) in folders {
            let mut packer = ManifestBuilder::default();
            for name in *names {
                packer.add(&ManifestFile {
                    name: name.as_bytes(),
                    bytes: 7,
                    modified: Timestamp::default(),
                    target: None,
                });
            }
            let mut folder = TreeFolder::from_files(ScannedFolder {
                path: path.into(),
                manifest: packer.finish(),
                ..ScannedFolder::default()
            });
            let below = folders.iter().filter_map(|(other, _)| {
                let other = Path::new(other);
                (other.parent() == Some(Path::new(path))).then(|| other.file_name())?
            });
            folder.subfolders = below.map(Name::from).collect();
            folder.subfolders.sort_unstable();
            tree.folders.insert(path.into(), folder);
        }
        tree
    }

    #[test]
    fn entries_get_the_spelling_of_the_other_tree() {
        let source = tree(&[
            ("", &["\u{e9}"]),
            ("Plates", &["A"]),
            ("Plates/\u{fc}", &["x"]),
        ]);
        let other = || {
            tree(&[
                ("", &["e\u{301}"]),
                ("plates", &["a"]),
                ("plates/u\u{308}", &["x"]),
            ])
        };
        let mut folds = other();
        let asked = std::cell::RefCell::new(Vec::new());
        let finds = |folder: &Path, name: &OsStr| {
            asked.borrow_mut().push(folder.join(name));
            true
        };
        let respelled = respell(&source, &mut folds, &finds);
        assert_eq!(respelled.len(), 4);
        assert_eq!(
            folds.folders.keys().collect::<Vec<_>>(),
            source.folders.keys().collect::<Vec<_>>()
        );
        for (path, folder) in &source.folders {
            assert_eq!(folds.folders[path].packed(), folder.packed(), "{path:?}");
            assert_eq!(
                folds.folders[path].subfolders, folder.subfolders,
                "{path:?}"
            );
        }
        assert_eq!(
            asked.into_inner(),
            [PathBuf::from("Plates"), "plates/A".into()]
        );
        let mut exact = other();
        let respelled = respell(&source, &mut exact, &|_, _| false);
        assert_eq!(respelled.len(), 1);
        assert!(exact.folders.contains_key(Path::new("plates")));
    }
}
