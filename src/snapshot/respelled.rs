//! Entries of two trees whose names differ in spelling only: they are one entry, not two.
//!
//! Two Unicode normal forms of a name are the same name on every storage. Names that differ in case are the same only on a
//! storage that finds an entry by either.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::diff::pair_folders;
use super::manifest::{Manifest, ManifestFile};
use super::manifest_join::join_by_name;
use super::tree::{ScannedFolder, Tree, TreeFolder};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unicode::{fold_case, to_nfc};

/// An entry with two spellings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RespelledEntry {
    /// Path in the first tree, below the replica's folder.
    pub path: PathBuf,
    /// Name in the second tree, in the same folder.
    pub name: Name,
    /// True if the names differ by more than their normal form.
    pub differs_in_case: bool,
}

/// Returns true if the second tree's storage finds an entry by a name that it does not list. Receives the folder in the
/// storage's spelling, and the name.
pub type LookupFn<'a> = dyn Fn(&Path, &OsStr) -> bool + 'a;

/// Names of one entry in two folders.
struct SpellingPair {
    first: Name,
    second: Name,
    differs_in_case: bool,
}

/// True if entries of the second tree may have another spelling in the first.
pub fn is_needed(first: &Tree, second: &Tree) -> bool {
    pair_folders(first, second).any(|(_, folder, other)| {
        other.is_some_and(|other| !spelling_pairs(folder, other).is_empty())
    })
}

/// Renames entries of the second tree to the spelling of the first.
pub fn respell(first: &Tree, second: &mut Tree, is_found: &LookupFn<'_>) -> Vec<RespelledEntry> {
    let mut respelled = Vec::new();
    if !is_needed(first, second) {
        return respelled;
    }
    // Paths of respelled entries, by the first tree's spelling, in the second storage's spelling.
    let mut stored_paths: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for (path, folder) in &first.folders {
        let Some(other) = second.folders.get(path) else {
            continue;
        };
        let pairs = spelling_pairs(folder, other);
        if pairs.is_empty() {
            continue;
        }
        let stored_path = path.ancestors().find_map(|above| {
            let rest = path.strip_prefix(above).ok()?;
            Some(stored_paths.get(above)?.join(rest))
        });
        let stored_path = stored_path.unwrap_or_else(|| path.clone());
        for pair in pairs {
            if pair.differs_in_case && !is_found(&stored_path, pair.first.as_os_str()) {
                continue;
            }
            rename(second, path, &pair.second, &pair.first);
            let spelled = path.join(pair.first.as_path());
            stored_paths.insert(spelled.clone(), stored_path.join(pair.second.as_path()));
            respelled.push(RespelledEntry {
                path: spelled,
                name: pair.second,
                differs_in_case: pair.differs_in_case,
            });
        }
    }
    respelled
}

/// Pairs the names that only the first folder has with names that only the second has and that differ in spelling only.
fn spelling_pairs(first: &TreeFolder, second: &TreeFolder) -> Vec<SpellingPair> {
    if first.manifest() == second.manifest() && first.subfolders == second.subfolders {
        return Vec::new();
    }
    let theirs = unmatched_names(second, first);
    if theirs.is_empty() {
        return Vec::new();
    }
    let mut by_folded_name: BTreeMap<Vec<u8>, Vec<Name>> = BTreeMap::new();
    for name in theirs {
        by_folded_name
            .entry(fold_case(name.as_bytes()).into_owned())
            .or_default()
            .push(name);
    }
    let mut pairs = Vec::new();
    for name in unmatched_names(first, second) {
        let Some(candidates) = by_folded_name.get_mut(&*fold_case(name.as_bytes())) else {
            continue;
        };
        let is_same_form = |other: &Name| to_nfc(other.as_bytes()) == to_nfc(name.as_bytes());
        let position = candidates.iter().position(is_same_form);
        let (second, differs_in_case) = if let Some(position) = position {
            (candidates.remove(position), false)
        } else if let Some(other) = candidates.pop()
            && has_same_kind_and_size(first, &name, second, &other)
        {
            (other, true)
        } else {
            continue;
        };
        pairs.push(SpellingPair {
            first: name,
            second,
            differs_in_case,
        });
    }
    pairs
}

/// True if two names are folders, or files of the same size. A file of another size is another file, which must not be
/// replaced because of its name.
fn has_same_kind_and_size(a: &TreeFolder, name: &Name, b: &TreeFolder, other: &Name) -> bool {
    let size = |folder: &TreeFolder, name: &Name| {
        let file = folder.file(name.as_bytes());
        file.map(|file| (file.bytes, file.target.is_some()))
    };
    size(a, name) == size(b, other)
}

/// The names in a folder that no entry of the other folder has, of whatever kind.
fn unmatched_names(folder: &TreeFolder, other: &TreeFolder) -> Vec<Name> {
    let is_folder = |name: &Name| other.subfolders.binary_search(name).is_ok();
    let (mut names, mut other_files) = (Vec::new(), BTreeSet::new());
    join_by_name(
        folder.manifest(),
        other.manifest(),
        &mut |own, other| match (own, other) {
            (Some(file), None) => names.push(Name::from_bytes(file.name.to_vec())),
            (None, Some(file)) => {
                other_files.insert(Name::from_bytes(file.name.to_vec()));
            }
            _ => {}
        },
    );
    names.extend(folder.subfolders.iter().cloned());
    let is_special = |name: &Name| other.specials.contains(name);
    names.retain(|name| !is_folder(name) && !other_files.contains(name) && !is_special(name));
    names
}

/// Renames an entry of a tree, and every path below it.
fn rename(tree: &mut Tree, folder: &Path, old: &Name, new: &Name) {
    if let Some(parent) = tree.folders.get_mut(folder) {
        if let Ok(position) = parent.subfolders.binary_search(old) {
            parent.subfolders[position] = new.clone();
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
    while let Some(file) = before.next() {
        let name = Name::from_bytes(file.name.to_vec());
        let name = if name == *old { new.clone() } else { name };
        let target = file.target.map(<[u8]>::to_vec);
        all.insert(name, (file.bytes, file.modified, target));
    }
    let renamed = all
        .iter()
        .map(|(name, (bytes, modified, target))| ManifestFile {
            name: name.as_bytes(),
            bytes: *bytes,
            modified: *modified,
            target: target.as_deref(),
        });
    (files.manifest, files.totals) = Manifest::of_files(renamed);
    if let Some(reported) = files.reported_times.remove(old) {
        files.reported_times.insert(new.clone(), reported);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(folders: &[(&str, &[&str])]) -> Tree {
        let mut tree = Tree::default();
        for (path, names) in folders {
            let files = names
                .iter()
                .map(|name| ManifestFile::regular(name.as_bytes(), 7, Timestamp::default()));
            let mut folder = TreeFolder::from_files(ScannedFolder {
                path: path.into(),
                manifest: Manifest::of_files(files).0,
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
    fn entries_take_the_first_trees_spelling() {
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
        let mut insensitive = other();
        let requested = std::cell::RefCell::new(Vec::new());
        let finds = |folder: &Path, name: &OsStr| {
            requested.borrow_mut().push(folder.join(name));
            true
        };
        let respelled = respell(&source, &mut insensitive, &finds);
        assert_eq!(respelled.len(), 4);
        assert_eq!(
            insensitive.folders.keys().collect::<Vec<_>>(),
            source.folders.keys().collect::<Vec<_>>()
        );
        for (path, folder) in &source.folders {
            assert_eq!(
                insensitive.folders[path].manifest(),
                folder.manifest(),
                "{path:?}"
            );
            assert_eq!(
                insensitive.folders[path].subfolders, folder.subfolders,
                "{path:?}"
            );
        }
        assert_eq!(
            requested.into_inner(),
            [PathBuf::from("Plates"), "plates/A".into()]
        );
        let mut exact = other();
        let respelled = respell(&source, &mut exact, &|_, _| false);
        assert_eq!(respelled.len(), 1);
        assert!(exact.folders.contains_key(Path::new("plates")));
    }
}
