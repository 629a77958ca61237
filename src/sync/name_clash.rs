//! Names that a storage takes for one name. Sent, one file would replace another.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::collect::SyncReplica;
use crate::base::name::Name;
use crate::copy::name_rules;
use crate::copy::name_rules::NameRules;
use crate::index::SentRow;

/// Names in the folders of a replica.
#[derive(Debug, Default)]
pub(super) struct NamesByFolder(BTreeMap<PathBuf, BTreeSet<Name>>);

impl NamesByFolder {
    /// Adds an entry and the folders above it.
    pub(super) fn add(&mut self, path: &Path) {
        for path in path.ancestors() {
            if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
                let names = self.0.entry(folder.to_owned()).or_default();
                names.insert(Name::from(name));
            }
        }
    }

    /// Collects the names that any source sent.
    pub(super) fn from_sent(rows: &[SentRow]) -> Self {
        let mut names = Self::default();
        for row in rows {
            names.add(&row.folder);
            let files = names.0.entry(row.folder.clone()).or_default();
            files.extend(row.files().into_keys());
        }
        names
    }

    /// Returns the new names that clash with other names in their folders, new or existing, with the reasons.
    pub(super) fn find_clashes(
        &self,
        existing: &Self,
        rules: &NameRules<'_>,
    ) -> BTreeMap<PathBuf, String> {
        let mut clashes = BTreeMap::new();
        let none = BTreeSet::new();
        for (folder, names) in &self.0 {
            let existing = existing.0.get(folder).unwrap_or(&none);
            let new = names.difference(existing);
            let new: Vec<OsString> = new.map(|name| name.as_os_str().to_owned()).collect();
            let existing: Vec<Name> = existing.iter().cloned().collect();
            name_rules::find_clashes(folder, &new, &existing, rules, &mut clashes);
        }
        clashes
    }
}

impl SyncReplica<'_> {
    /// Returns the paths that clash with others, relative to the replica's folder, with the reasons.
    pub(super) fn find_clashes(&self, rules: &NameRules<'_>) -> BTreeMap<PathBuf, String> {
        let mut existing = NamesByFolder::from_sent(&self.sent_rows);
        let mut new = NamesByFolder::default();
        for path in self.tree.folders.keys() {
            let names = name_rules::names_in_folder(&self.tree, path).into_iter();
            new.0.insert(path.clone(), names.collect());
            if let Some(tree) = &self.destination_tree {
                let names = existing.0.entry(path.clone()).or_default();
                names.extend(name_rules::names_in_folder(tree, path));
            }
        }
        new.find_clashes(&existing, rules)
    }
}

/// Returns the reason if a path, or a folder above it, clashes.
pub(super) fn clash_reason<'a>(
    clashes: &'a BTreeMap<PathBuf, String>,
    path: &Path,
) -> Option<&'a String> {
    path.ancestors().find_map(|path| clashes.get(path))
}
