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
use crate::base::unicode::{to_nfc, to_nfd};
use crate::os::folder::Folder;
use crate::snapshot::manifest::ManifestFiles;
use crate::snapshot::tree::Tree;
use crate::storage::copy_file::temporary_name_with;

/// What other systems than Unix keep out of names.
const WINDOWS_RESERVED: &[u8] = b"<>:\"\\|?*";

/// What a folder of a destination does with names, asked once each.
#[derive(Debug)]
pub struct NameRules<'a> {
    /// Where it can be tried out.
    probe_folder: Option<&'a Folder>,
    /// The longest name, in bytes.
    max_name_bytes: usize,
    case_insensitive: OnceCell<bool>,
    normalization_insensitive: OnceCell<bool>,
    ignores_trailing_dots: OnceCell<bool>,
    accepted_bytes: OnceCell<BTreeMap<u8, bool>>,
}

impl<'a> NameRules<'a> {
    /// Of the file system and folder in which a replica is, or will be made.
    pub fn for_folder(folder: &'a Folder) -> Self {
        const USUAL_MAX_NAME_BYTES: usize = 255;
        Self {
            probe_folder: Some(folder),
            max_name_bytes: folder
                .free_space()
                .map_or(USUAL_MAX_NAME_BYTES, |space| space.max_name_length),
            case_insensitive: OnceCell::new(),
            normalization_insensitive: OnceCell::new(),
            ignores_trailing_dots: OnceCell::new(),
            accepted_bytes: OnceCell::new(),
        }
    }

    /// Of a remote, which takes upper and lower case for the same or not; what else it does with names only rclone knows.
    pub fn for_remote(folds_case: bool) -> Self {
        Self {
            probe_folder: None,
            max_name_bytes: usize::MAX,
            case_insensitive: folds_case.into(),
            normalization_insensitive: false.into(),
            ignores_trailing_dots: false.into(),
            accepted_bytes: OnceCell::from(BTreeMap::new()),
        }
    }

    /// Whether it takes upper and lower case for the same.
    fn is_case_insensitive(&self) -> bool {
        *self
            .case_insensitive
            .get_or_init(|| self.is_found_under_variant("case", str::to_uppercase))
    }

    /// Whether it takes a letter with its accent, written as one character or as two, for the same.
    fn is_normalization_insensitive(&self) -> bool {
        *self
            .normalization_insensitive
            .get_or_init(|| self.is_found_under_variant("\u{e9}", to_nfd))
    }

    /// Whether it drops dots and spaces at the end.
    fn ignores_trailing_dots(&self) -> bool {
        *self
            .ignores_trailing_dots
            .get_or_init(|| self.is_found_under_variant("end", |name| format!("{name}.")))
    }

    /// Whether a file made under a name is found under another spelling of it.
    fn is_found_under_variant(&self, word: &str, spell: impl Fn(&str) -> String) -> bool {
        let name = temporary_name_with(word.as_bytes());
        let other = spell(&name.to_string_lossy());
        let stat = |folder: &Folder| folder.stat(OsStr::new(&other));
        let is_found = || self.probe_folder.is_some_and(|folder| stat(folder).is_ok());
        self.with_probe_file(&name, is_found).unwrap_or_default()
    }

    /// Looks at something while there is a file of this name; `None` if that cannot be made.
    fn with_probe_file<T>(&self, name: &OsStr, look: impl FnOnce() -> T) -> Option<T> {
        let folder = self.probe_folder?;
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
    fn accepts_byte(&self, byte: u8) -> bool {
        let ask = |byte: u8| {
            let name = temporary_name_with(&[byte]);
            self.with_probe_file(&name, || ()).is_some()
        };
        // The questions are few: all are asked at the first.
        let holds = self.accepted_bytes.get_or_init(|| {
            let bytes = WINDOWS_RESERVED.iter().copied().chain([1, 0xff]);
            bytes.map(|byte| (byte, ask(byte))).collect()
        });
        holds.get(&byte).copied().unwrap_or(true)
    }

    /// Why a name cannot be held, if so.
    fn unsupported_reason(&self, name: &[u8]) -> Option<String> {
        if name.len() > self.max_name_bytes {
            return Some(format!(
                "its name has {} bytes, and this storage holds names of {} at most",
                name.len(),
                self.max_name_bytes
            ));
        }
        let awkward = name
            .iter()
            .find(|byte| WINDOWS_RESERVED.contains(byte) && !self.accepts_byte(**byte));
        if let Some(byte) = awkward {
            let sign = char::from(*byte);
            return Some(format!("this storage holds no name with `{sign}` in it"));
        }
        if name.iter().any(|byte| *byte < b' ') && !self.accepts_byte(1) {
            return Some("this storage holds no name with a control character in it".to_owned());
        }
        if std::str::from_utf8(name).is_err() && !self.accepts_byte(0xff) {
            return Some("its name is not UTF-8, and this storage holds no such name".to_owned());
        }
        None
    }

    /// What the folder takes a name for.
    fn comparison_key(&self, name: &[u8]) -> Vec<u8> {
        let folds = [
            self.is_normalization_insensitive(),
            self.is_case_insensitive(),
            self.ignores_trailing_dots(),
        ];
        fold_key(name, folds)
    }
}

/// Finds the names of a plan that the destination cannot hold, with the reason for each path.
pub fn unsupported_names(
    plan: &Plan,
    destination: &Tree,
    rules: &NameRules<'_>,
) -> BTreeMap<PathBuf, String> {
    let mut unsupported = BTreeMap::new();
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
            check_folder(&folder.path, &new, destination, rules, &mut unsupported);
        }
    }
    unsupported
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
fn check_folder(
    path: &Path,
    new: &[OsString],
    destination: &Tree,
    rules: &NameRules<'_>,
    unsupported: &mut BTreeMap<PathBuf, String>,
) {
    for name in new {
        if let Some(why) = rules.unsupported_reason(name.as_bytes()) {
            unsupported.insert(path.join(name), why);
        }
    }
    let there = names_in_folder(destination, path);
    find_clashes(path, new, &there, rules, unsupported);
}

/// Finds the new names of a folder that cannot be told from others, new ones or those that are there.
pub fn find_clashes(
    path: &Path,
    new: &[OsString],
    there: &[Name],
    rules: &NameRules<'_>,
    unsupported: &mut BTreeMap<PathBuf, String>,
) {
    if !may_clash(new, there) || !rules.folds_names() {
        return;
    }
    let mut taken: BTreeMap<Vec<u8>, &[u8]> = BTreeMap::new();
    for name in there {
        taken.insert(rules.comparison_key(name.as_bytes()), name.as_bytes());
    }
    for name in new {
        let other = taken
            .entry(rules.comparison_key(name.as_bytes()))
            .or_insert(name.as_bytes());
        if *other != name.as_bytes() {
            let why = |other: &[u8]| {
                let other = Name::from_bytes(other.to_vec());
                format!("this storage cannot tell its name from `{other}` in the same folder")
            };
            unsupported.insert(path.join(name), why(other));
            // Neither of two new ones has more right to the name.
            if !there.iter().any(|name| name.as_bytes() == *other) {
                let first = path.join(OsStr::from_bytes(other));
                unsupported
                    .entry(first)
                    .or_insert_with(|| why(name.as_bytes()));
            }
        }
    }
}

impl NameRules<'_> {
    fn folds_names(&self) -> bool {
        self.is_case_insensitive()
            || self.is_normalization_insensitive()
            || self.ignores_trailing_dots()
    }
}

/// Whether any two names would be one to a disk that takes as much for the same as any does. Most folders hold no such
/// names, and then no disk is asked.
fn may_clash(new: &[OsString], there: &[Name]) -> bool {
    let new = new.iter().map(|name| name.as_bytes());
    let all = new.chain(there.iter().map(Name::as_bytes));
    // Names in small letters alone cannot be taken for each other.
    if !all.clone().any(has_variants) {
        return false;
    }
    let all: BTreeSet<_> = all.collect();
    let folded = |name: &&[u8]| fold_key(name, [true; 3]);
    all.iter().map(folded).collect::<BTreeSet<_>>().len() < all.len()
}

/// Whether there may be another spelling of a name.
fn has_variants(name: &[u8]) -> bool {
    let other = |byte: &u8| byte.is_ascii_uppercase() || !byte.is_ascii();
    name.iter().any(other) || name.ends_with(b".") || name.ends_with(b" ")
}

/// What a folder takes a name for that takes normal forms, cases, and dots at the end for the same, or not.
fn fold_key(name: &[u8], [forms, cases, ends]: [bool; 3]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(name) else {
        return name.to_vec();
    };
    let mut key = if forms {
        String::from_utf8_lossy(&to_nfc(name)).into_owned()
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
pub fn names_in_folder(destination: &Tree, path: &Path) -> Vec<Name> {
    let Some(folder) = destination.folders.get(path) else {
        return Vec::new();
    };
    let mut names = [&folder.specials[..], &folder.subfolders[..]].concat();
    let mut files = ManifestFiles::of(folder.packed());
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
        let rules = |case: bool, form: bool, end: bool| NameRules {
            probe_folder: Some(&folder),
            max_name_bytes: 12,
            case_insensitive: case.into(),
            normalization_insensitive: form.into(),
            ignores_trailing_dots: end.into(),
            accepted_bytes: OnceCell::from(BTreeMap::from([
                (b'?', false),
                (0xff, false),
                (1, false),
            ])),
        };
        let same = |habits: &NameRules<'_>, a: &str, b: &str| {
            habits.comparison_key(a.as_bytes()) == habits.comparison_key(b.as_bytes())
        };
        let (unix, windows) = (rules(false, false, false), rules(true, false, true));
        let mac = rules(true, true, false);
        assert!(!same(&unix, "A", "a") && same(&windows, "A", "a") && same(&mac, "A", "a"));
        assert!(!same(&windows, "\u{e9}", "e\u{301}") && same(&mac, "\u{c9}", "e\u{301}"));
        assert!(same(&windows, "a.", "a") && !same(&mac, "a.", "a"));
        assert_eq!(windows.unsupported_reason(b"a plain name"), None);
        for name in [&b"longer than 12"[..], b"what?", b"\xff", b"line\nfeed"] {
            assert!(
                windows.unsupported_reason(name).is_some(),
                "{}",
                name.escape_ascii()
            );
        }
    }

    #[test]
    fn a_unix_folder_holds_and_tells_apart_every_name() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path()).unwrap();
        let rules = NameRules::for_folder(&folder);
        if cfg!(target_os = "linux") {
            assert!(!rules.folds_names());
            assert_eq!(rules.unsupported_reason(b"what?\n\xff"), None);
        }
        assert_eq!(folder.entry_names().unwrap(), Vec::<OsString>::new());
    }
}
