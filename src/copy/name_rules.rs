//! Names that a destination cannot hold, or cannot tell from others in the same folder: found before the first byte.
//!
//! File systems are asked, not listed: a folder that takes names of either case for one is found by making a temporary
//! file in it and looking for that under another spelling. That is only done where names are such that it matters.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::plan::{Plan, PlannedFolder};
use crate::base::name::Name;
use crate::base::unicode::{composed, decomposed};
use crate::os::folder::Folder;
use crate::snapshot::manifest::Files;
use crate::snapshot::tree::Tree;
use crate::storage::copy_file::temporary_name_with;

/// What other systems than Unix keep out of names.
const AWKWARD: &[u8] = b"<>:\"\\|?*";

/// What a folder of a destination does with names, asked once each.
#[derive(Debug)]
pub struct Habits<'a> {
    /// Where it can be tried out.
    folder: Option<&'a Folder>,
    /// The longest name, in bytes.
    longest: usize,
    folds_case: OnceCell<bool>,
    folds_form: OnceCell<bool>,
    folds_end: OnceCell<bool>,
    holds: OnceCell<BTreeMap<u8, bool>>,
}

impl<'a> Habits<'a> {
    /// Of the file system and folder in which a replica is, or will be made.
    pub fn of(folder: &'a Folder) -> Self {
        const USUAL: usize = 255;
        Self {
            folder: Some(folder),
            longest: folder.space().map_or(USUAL, |space| space.name),
            folds_case: OnceCell::new(),
            folds_form: OnceCell::new(),
            folds_end: OnceCell::new(),
            holds: OnceCell::new(),
        }
    }

    /// Of a remote, which takes upper and lower case for the same or not; what else it does with names only rclone knows.
    pub fn of_remote(folds_case: bool) -> Self {
        Self {
            folder: None,
            longest: usize::MAX,
            folds_case: folds_case.into(),
            folds_form: false.into(),
            folds_end: false.into(),
            holds: OnceCell::from(BTreeMap::new()),
        }
    }

    /// Whether it takes upper and lower case for the same.
    fn folds_case(&self) -> bool {
        *self
            .folds_case
            .get_or_init(|| self.is_also_known_as("case", str::to_uppercase))
    }

    /// Whether it takes a letter with its accent, written as one character or as two, for the same.
    fn folds_form(&self) -> bool {
        *self
            .folds_form
            .get_or_init(|| self.is_also_known_as("\u{e9}", decomposed))
    }

    /// Whether it drops dots and spaces at the end.
    fn folds_end(&self) -> bool {
        *self
            .folds_end
            .get_or_init(|| self.is_also_known_as("end", |name| format!("{name}.")))
    }

    /// Whether a file made under a name is found under another spelling of it.
    fn is_also_known_as(&self, word: &str, spell: impl Fn(&str) -> String) -> bool {
        let name = temporary_name_with(word.as_bytes());
        let other = spell(&name.to_string_lossy());
        let stat = |folder: &Folder| folder.stat(OsStr::new(&other));
        let is_found = || self.folder.is_some_and(|folder| stat(folder).is_ok());
        self.try_out(&name, is_found).unwrap_or_default()
    }

    /// Looks at something while there is a file of this name; `None` if that cannot be made.
    fn try_out<T>(&self, name: &OsStr, look: impl FnOnce() -> T) -> Option<T> {
        let folder = self.folder?;
        let before = folder.stat_self();
        folder.create_file(name).ok()?;
        let seen = look();
        folder.remove_temporary(name).unwrap_or_default();
        // A folder is none the newer for a question, least of all in a dry run.
        if let Ok(before) = before {
            let own = OsStr::new(".");
            folder
                .set_modified(own, before.modified)
                .unwrap_or_default();
        }
        Some(seen)
    }

    /// Whether a name may hold this byte.
    fn holds(&self, byte: u8) -> bool {
        let ask = |byte: u8| {
            let name = temporary_name_with(&[byte]);
            self.try_out(&name, || ()).is_some()
        };
        // The questions are few: all are asked at the first.
        let holds = self.holds.get_or_init(|| {
            let bytes = AWKWARD.iter().copied().chain([1, 0xff]);
            bytes.map(|byte| (byte, ask(byte))).collect()
        });
        holds.get(&byte).copied().unwrap_or(true)
    }

    /// Why a name cannot be held, if so.
    fn refusal(&self, name: &[u8]) -> Option<String> {
        if name.len() > self.longest {
            return Some(format!(
                "its name has {} bytes, and this storage holds names of {} at most",
                name.len(),
                self.longest
            ));
        }
        let awkward = name
            .iter()
            .find(|byte| AWKWARD.contains(byte) && !self.holds(**byte));
        if let Some(byte) = awkward {
            let sign = char::from(*byte);
            return Some(format!("this storage holds no name with `{sign}` in it"));
        }
        if name.iter().any(|byte| *byte < b' ') && !self.holds(1) {
            return Some("this storage holds no name with a control character in it".to_owned());
        }
        if std::str::from_utf8(name).is_err() && !self.holds(0xff) {
            return Some("its name is not UTF-8, and this storage holds no such name".to_owned());
        }
        None
    }

    /// What the folder takes a name for.
    fn key(&self, name: &[u8]) -> Vec<u8> {
        let folds = [self.folds_form(), self.folds_case(), self.folds_end()];
        key(name, folds)
    }
}

/// Finds the names of a plan that the destination cannot hold, with the reason for each path.
pub fn misfits(plan: &Plan, destination: &Tree, habits: &Habits<'_>) -> BTreeMap<PathBuf, String> {
    let mut misfits = BTreeMap::new();
    let mut made: BTreeMap<&Path, Vec<&OsStr>> = BTreeMap::new();
    for folder in plan.folders.iter().filter(|folder| !folder.exists) {
        if let (Some(above), Some(name)) = (folder.path.parent(), folder.path.file_name()) {
            made.entry(above).or_default().push(name);
        }
    }
    for folder in &plan.folders {
        let folders = made.remove(folder.path.as_path()).unwrap_or_default();
        let new = new_names(folder, &folders);
        if !new.is_empty() {
            of_folder(&folder.path, &new, destination, habits, &mut misfits);
        }
    }
    misfits
}

/// The names that a folder gets.
fn new_names(folder: &PlannedFolder, folders: &[&OsStr]) -> Vec<OsString> {
    let mut names: Vec<OsString> = folders.iter().map(|name| (*name).to_owned()).collect();
    let mut files = folder.add.files();
    while let Ok(Some(file)) = files.next() {
        names.push(OsString::from_vec(file.name.to_vec()));
    }
    names
}

/// Finds the misfits among the new names of one folder.
fn of_folder(
    path: &Path,
    new: &[OsString],
    destination: &Tree,
    habits: &Habits<'_>,
    misfits: &mut BTreeMap<PathBuf, String>,
) {
    for name in new {
        if let Some(why) = habits.refusal(name.as_bytes()) {
            misfits.insert(path.join(name), why);
        }
    }
    let there = names_there(destination, path);
    clashes(path, new, &there, habits, misfits);
}

/// Finds the new names of a folder that cannot be told from others, new ones or those that are there.
pub fn clashes(
    path: &Path,
    new: &[OsString],
    there: &[Name],
    habits: &Habits<'_>,
    misfits: &mut BTreeMap<PathBuf, String>,
) {
    if !may_clash(new, there) || !habits.fold_anything() {
        return;
    }
    let mut taken: BTreeMap<Vec<u8>, &[u8]> = BTreeMap::new();
    for name in there {
        taken.insert(habits.key(name.as_bytes()), name.as_bytes());
    }
    for name in new {
        let other = taken
            .entry(habits.key(name.as_bytes()))
            .or_insert(name.as_bytes());
        if *other != name.as_bytes() {
            let why = |other: &[u8]| {
                let other = Name::from_bytes(other.to_vec());
                format!("this storage cannot tell its name from `{other}` in the same folder")
            };
            misfits.insert(path.join(name), why(other));
            // Neither of two new ones has more right to the name.
            if !there.iter().any(|name| name.as_bytes() == *other) {
                let first = path.join(OsStr::from_bytes(other));
                misfits.entry(first).or_insert_with(|| why(name.as_bytes()));
            }
        }
    }
}

impl Habits<'_> {
    fn fold_anything(&self) -> bool {
        self.folds_case() || self.folds_form() || self.folds_end()
    }
}

/// Whether any two names would be one to a disk that takes as much for the same as any does. Most folders hold no such
/// names, and then no disk is asked.
fn may_clash(new: &[OsString], there: &[Name]) -> bool {
    let new = new.iter().map(|name| name.as_bytes());
    let all = new.chain(there.iter().map(Name::as_bytes));
    // Names in small letters alone cannot be taken for each other.
    if !all.clone().any(may_fold) {
        return false;
    }
    let all: BTreeSet<_> = all.collect();
    let folded = |name: &&[u8]| key(name, [true; 3]);
    all.iter().map(folded).collect::<BTreeSet<_>>().len() < all.len()
}

/// Whether there may be another spelling of a name.
fn may_fold(name: &[u8]) -> bool {
    let other = |byte: &u8| byte.is_ascii_uppercase() || !byte.is_ascii();
    name.iter().any(other) || name.ends_with(b".") || name.ends_with(b" ")
}

/// What a folder takes a name for that takes normal forms, cases, and dots at the end for the same, or not.
fn key(name: &[u8], [forms, cases, ends]: [bool; 3]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(name) else {
        return name.to_vec();
    };
    let mut key = if forms {
        String::from_utf8_lossy(&composed(name)).into_owned()
    } else {
        text.to_owned()
    };
    if cases {
        key = key.to_lowercase();
    }
    if ends {
        key.truncate(key.trim_end_matches(['.', ' ']).len());
    }
    key.into_bytes()
}

/// The names that a folder of the destination holds.
pub fn names_there(destination: &Tree, path: &Path) -> Vec<Name> {
    let Some(folder) = destination.folders.get(path) else {
        return Vec::new();
    };
    let mut names = [&folder.specials[..], &folder.subfolders[..]].concat();
    let mut files = Files::of(folder.packed());
    while let Ok(Some(file)) = files.next() {
        names.push(Name::from_bytes(file.name.to_vec()));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_folder_takes_for_one_name_depends_on_its_habits() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path()).unwrap();
        let habits = |case: bool, form: bool, end: bool| Habits {
            folder: Some(&folder),
            longest: 12,
            folds_case: case.into(),
            folds_form: form.into(),
            folds_end: end.into(),
            holds: OnceCell::from(BTreeMap::from([(b'?', false), (0xff, false), (1, false)])),
        };
        let same = |habits: &Habits<'_>, a: &str, b: &str| {
            habits.key(a.as_bytes()) == habits.key(b.as_bytes())
        };
        let (unix, windows) = (habits(false, false, false), habits(true, false, true));
        let mac = habits(true, true, false);
        assert!(!same(&unix, "A", "a") && same(&windows, "A", "a") && same(&mac, "A", "a"));
        assert!(!same(&windows, "\u{e9}", "e\u{301}") && same(&mac, "\u{c9}", "e\u{301}"));
        assert!(same(&windows, "a.", "a") && !same(&mac, "a.", "a"));
        assert_eq!(windows.refusal(b"a plain name"), None);
        for name in [&b"longer than 12"[..], b"what?", b"\xff", b"line\nfeed"] {
            assert!(windows.refusal(name).is_some(), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn a_unix_folder_holds_and_tells_apart_every_name() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path()).unwrap();
        let habits = Habits::of(&folder);
        if cfg!(target_os = "linux") {
            assert!(!habits.fold_anything());
            assert_eq!(habits.refusal(b"what?\n\xff"), None);
        }
        assert_eq!(folder.entries().unwrap(), Vec::<OsString>::new());
    }
}
