//! Names that a destination cannot hold, or cannot distinguish from others in the same folder. They are found before the
//! first byte is written.
//!
//! File systems are probed instead of listed (decision 26): a folder is case-insensitive if a temporary file in it is
//! found under another spelling. Probes happen only if a name makes the answer matter. A folder that refuses the temporary
//! file counts as case-sensitive, because nothing can be written to it anyway.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::copy_file::temporary_name_with;
use crate::base::ignore::ignore;
use crate::base::name::Name;
use crate::base::unicode::{to_nfc, to_nfd};
use crate::os::folder::Folder;
use crate::snapshot::tree::Tree;

/// Bytes that Windows file systems do not allow in names.
const WINDOWS_RESERVED: &[u8] = b"<>:\"\\|?*";

/// Rules of a destination folder for names. Each rule is probed once, when it is first needed.
#[derive(Debug)]
pub struct NameRules {
    /// Folder for probes; `None` for a remote.
    probe_folder: Option<Folder>,
    /// Maximum length of a name, in bytes.
    max_name_bytes: usize,
    folding: OnceCell<Folding>,
    /// For some bytes, true if a name may contain them.
    accepted_bytes: OnceCell<BTreeMap<u8, bool>>,
}

/// Differences in spelling that a destination ignores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Folding {
    /// Upper and lower case.
    case: bool,
    /// An accented letter as one character or as two.
    unicode_form: bool,
    /// Dots and spaces at the end of a name.
    trailing_dots: bool,
}

impl Folding {
    /// Returns a key that is equal for all names that denote the same entry.
    fn key(self, name: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(name) else {
            return name.to_vec();
        };
        let mut key = if self.unicode_form {
            String::from_utf8_lossy(&to_nfc(name)).into_owned()
        } else {
            text.to_owned()
        };
        if self.case {
            key = key.to_lowercase();
        }
        if self.trailing_dots {
            key.truncate(key.trim_end_matches(['.', ' ']).len());
        }
        key.into_bytes()
    }
}

impl NameRules {
    /// Returns the rules of an existing folder, in which a replica is or will be created.
    pub fn for_folder(folder: Folder) -> Self {
        const USUAL_MAX_NAME_BYTES: usize = 255;
        Self {
            max_name_bytes: folder
                .free_space()
                .map_or(USUAL_MAX_NAME_BYTES, |space| space.max_name_length),
            probe_folder: Some(folder),
            folding: OnceCell::new(),
            accepted_bytes: OnceCell::new(),
        }
    }

    /// Returns the rules of a remote. Only its case sensitivity is known; rclone translates other names itself.
    pub fn for_remote(case_insensitive: bool) -> Self {
        Self {
            probe_folder: None,
            max_name_bytes: usize::MAX,
            folding: OnceCell::from(Folding {
                case: case_insensitive,
                ..Folding::default()
            }),
            accepted_bytes: OnceCell::from(BTreeMap::new()),
        }
    }

    /// Returns the spellings that denote the same entry.
    fn folding(&self) -> Folding {
        *self.folding.get_or_init(|| Folding {
            case: self.is_found_under_variant("case", str::to_uppercase),
            unicode_form: self.is_found_under_variant("\u{e9}", to_nfd),
            trailing_dots: self.is_found_under_variant("end", |name| format!("{name}.")),
        })
    }

    /// True if a file created under a name is found under another spelling.
    fn is_found_under_variant(&self, word: &str, spell: impl Fn(&str) -> String) -> bool {
        let name = temporary_name_with(word.as_bytes());
        let other = spell(&name.to_string_lossy());
        let stat = |folder: &Folder| folder.stat(OsStr::new(&other));
        let folder = self.probe_folder.as_ref();
        let is_found = || folder.is_some_and(|folder| stat(folder).is_ok());
        self.with_probe_file(&name, is_found).unwrap_or_default()
    }

    /// Runs `probe` while a file of this name exists; returns `None` if it cannot be created.
    fn with_probe_file<T>(&self, name: &OsStr, probe: impl FnOnce() -> T) -> Option<T> {
        let folder = self.probe_folder.as_ref()?;
        let before = folder.stat_self();
        folder.create_file(name).ok()?;
        let result = probe();
        let removed = folder.remove_temporary(name);
        ignore(removed, "the next run removes a temporary file that stays");
        // Restores the folder's mtime: probing must not change it.
        if let Ok(before) = before {
            let restored = folder.set_modified(OsStr::new("."), before.modified);
            ignore(
                restored,
                "the mtime of another user's folder cannot be restored",
            );
        }
        Some(result)
    }

    /// True if a name may contain this byte.
    fn accepts_byte(&self, byte: u8) -> bool {
        let probe = |byte: u8| {
            let name = temporary_name_with(&[byte]);
            self.with_probe_file(&name, || ()).is_some()
        };
        // There are few such bytes, so the first call probes all.
        let accepted = self.accepted_bytes.get_or_init(|| {
            let bytes = WINDOWS_RESERVED.iter().copied().chain([1, 0xff]);
            bytes.map(|byte| (byte, probe(byte))).collect()
        });
        accepted.get(&byte).copied().unwrap_or(true)
    }

    /// Returns why the destination cannot hold a name, if so.
    pub fn unsupported_reason(&self, name: &[u8]) -> Option<String> {
        if name.len() > self.max_name_bytes {
            return Some(format!(
                "its name has {} bytes, and this storage supports at most {}",
                name.len(),
                self.max_name_bytes
            ));
        }
        let refused = name
            .iter()
            .find(|byte| WINDOWS_RESERVED.contains(byte) && !self.accepts_byte(**byte));
        if let Some(byte) = refused {
            let sign = char::from(*byte);
            return Some(format!("this storage does not support names with `{sign}`"));
        }
        if name.iter().any(|byte| *byte < b' ') && !self.accepts_byte(1) {
            return Some("this storage does not support names with control characters".to_owned());
        }
        if std::str::from_utf8(name).is_err() && !self.accepts_byte(0xff) {
            return Some(
                "its name is not UTF-8, and this storage does not support such names".to_owned(),
            );
        }
        None
    }
}

/// Adds the new names of a folder that the destination cannot distinguish from other new or existing names.
pub fn find_clashes(
    path: &Path,
    new: &[OsString],
    existing: &[Name],
    rules: &NameRules,
    unsupported: &mut BTreeMap<PathBuf, String>,
) {
    if !may_clash(new, existing) || rules.folding() == Folding::default() {
        return;
    }
    let folding = rules.folding();
    let mut taken: BTreeMap<Vec<u8>, &[u8]> = BTreeMap::new();
    for name in existing {
        taken.insert(folding.key(name.as_bytes()), name.as_bytes());
    }
    for name in new {
        let other = taken
            .entry(folding.key(name.as_bytes()))
            .or_insert(name.as_bytes());
        if *other != name.as_bytes() {
            let why = |other: &[u8]| {
                let other = Name::from_bytes(other.to_vec());
                format!(
                    "this storage cannot distinguish its name from `{other}` in the same folder"
                )
            };
            unsupported.insert(path.join(name), why(other));
            // Of two new names, both are refused.
            if !existing.iter().any(|name| name.as_bytes() == *other) {
                let first = path.join(OsStr::from_bytes(other));
                unsupported
                    .entry(first)
                    .or_insert_with(|| why(name.as_bytes()));
            }
        }
    }
}

/// True if any file system could confuse two of the names. Most folders have no such names, and then nothing is probed.
fn may_clash(new: &[OsString], existing: &[Name]) -> bool {
    let new = new.iter().map(|name| name.as_bytes());
    let all = new.chain(existing.iter().map(Name::as_bytes));
    // Names of lower-case ASCII letters alone cannot be confused.
    if !all.clone().any(has_variants) {
        return false;
    }
    let all: BTreeSet<_> = all.collect();
    let folding = Folding {
        case: true,
        unicode_form: true,
        trailing_dots: true,
    };
    let folded = |name: &&[u8]| folding.key(name);
    all.iter().map(folded).collect::<BTreeSet<_>>().len() < all.len()
}

/// True if another spelling of a name may denote the same entry.
fn has_variants(name: &[u8]) -> bool {
    let is_variable = |byte: &u8| byte.is_ascii_uppercase() || !byte.is_ascii();
    name.iter().any(is_variable) || name.ends_with(b".") || name.ends_with(b" ")
}

/// Returns the names in a folder of the destination.
pub fn names_in_folder(destination: &Tree, path: &Path) -> Vec<Name> {
    let Some(folder) = destination.folders.get(path) else {
        return Vec::new();
    };
    let mut names = [&folder.specials[..], &folder.subfolders[..]].concat();
    let mut files = folder.manifest().files();
    while let Some(file) = files.next() {
        names.push(Name::from_bytes(file.name.to_vec()));
    }
    let hidden = destination.hidden_folders.range(path.to_owned()..);
    let hidden = hidden.take_while(|hidden| hidden.starts_with(path));
    let hidden = hidden.filter(|hidden| hidden.parent() == Some(path));
    names.extend(hidden.filter_map(|hidden| hidden.file_name().map(Name::from)));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_depend_on_the_rules() {
        let temporary = tempfile::tempdir().unwrap();
        let rules = |case, unicode_form, trailing_dots| NameRules {
            probe_folder: Folder::open(temporary.path()).ok(),
            max_name_bytes: 12,
            folding: OnceCell::from(Folding {
                case,
                unicode_form,
                trailing_dots,
            }),
            accepted_bytes: OnceCell::from(BTreeMap::from([
                (b'?', false),
                (0xff, false),
                (1, false),
            ])),
        };
        let same = |rules: &NameRules, a: &str, b: &str| {
            rules.folding().key(a.as_bytes()) == rules.folding().key(b.as_bytes())
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
    fn confusable_new_names_are_refused() {
        let rules = NameRules::for_remote(true);
        for (new, existing, refused) in [
            (&["A", "b"][..], &["a", "B.x"][..], &["in/A"][..]),
            (&["A", "a", "b"], &[], &["in/A", "in/a"]),
            (&["a", "b"], &["a", "C"], &[]),
        ] {
            let new: Vec<_> = new.iter().map(OsString::from).collect();
            let existing: Vec<_> = existing.iter().map(|name| Name::from(*name)).collect();
            let mut found = BTreeMap::new();
            find_clashes("in".as_ref(), &new, &existing, &rules, &mut found);
            let paths: Vec<_> = found.keys().map(|path| path.to_str().unwrap()).collect();
            assert_eq!(paths, refused);
        }
    }

    #[test]
    fn unix_folder_distinguishes_every_name() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path()).unwrap();
        let rules = NameRules::for_folder(Folder::open(temporary.path()).unwrap());
        if cfg!(target_os = "linux") {
            assert_eq!(rules.folding(), Folding::default());
            assert_eq!(rules.unsupported_reason(b"what?\n\xff"), None);
        }
        assert_eq!(folder.entry_names().unwrap(), Vec::<OsString>::new());
    }
}
