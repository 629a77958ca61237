//! Names that a storage cannot tell apart: sent, one file would take the place of another.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::gathering::Gathered;
use crate::fit::{self, Habits};
use crate::name::Name;

impl Gathered<'_> {
    /// What cannot be sent, by its path below the replica's folder, and why: there is, or would be, something in the same
    /// folder whose name is the same to a storage with these habits.
    pub(super) fn clashes(&self, habits: &Habits<'_>) -> BTreeMap<PathBuf, String> {
        let known = self.known_names();
        let mut clashes = BTreeMap::new();
        for path in self.tree.folders.keys() {
            let mut there = known.get(path).cloned().unwrap_or_default();
            if let Some(tree) = &self.there {
                there.extend(fit::names_there(tree, path));
            }
            let names = fit::names_there(&self.tree, path).into_iter();
            let new = names.filter(|name| !there.contains(name));
            let new: Vec<OsString> = new.map(|name| name.as_os_str().to_owned()).collect();
            let there: Vec<Name> = there.into_iter().collect();
            fit::clashes(path, &new, &there, habits, &mut clashes);
        }
        clashes
    }

    /// The names that were sent, by their folders.
    fn known_names(&self) -> BTreeMap<PathBuf, BTreeSet<Name>> {
        let mut known: BTreeMap<PathBuf, BTreeSet<Name>> = BTreeMap::new();
        for row in &self.rows {
            let names = known.entry(row.folder.clone()).or_default();
            names.extend(row.files().into_keys());
            for folder in row.folder.ancestors() {
                if let (Some(above), Some(name)) = (folder.parent(), folder.file_name()) {
                    known
                        .entry(above.to_owned())
                        .or_default()
                        .insert(Name::from(name));
                }
            }
        }
        known
    }
}

/// Why something cannot be sent: its own name, or that of a folder it is in.
pub(super) fn why<'a>(clashes: &'a BTreeMap<PathBuf, String>, path: &Path) -> Option<&'a String> {
    path.ancestors().find_map(|path| clashes.get(path))
}
