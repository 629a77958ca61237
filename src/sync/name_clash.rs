//! Names that a storage cannot tell apart: sent, one file would take the place of another.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::collect::SyncReplica;
use crate::base::name::Name;
use crate::copy::name_rules;
use crate::copy::name_rules::NameRules;
use crate::index::SentRow;

/// Names by their folders, below a replica's.
#[derive(Debug, Default)]
pub(super) struct NamesByFolder(BTreeMap<PathBuf, BTreeSet<Name>>);

impl NamesByFolder {
    /// Adds something, and the folders that it is in.
    pub(super) fn add(&mut self, path: &Path) {
        for path in path.ancestors() {
            if let (Some(above), Some(name)) = (path.parent(), path.file_name()) {
                let names = self.0.entry(above.to_owned()).or_default();
                names.insert(Name::from(name));
            }
        }
    }

    /// What was sent, by whatever source.
    pub(super) fn from_sent(rows: &[SentRow]) -> Self {
        let mut names = Self::default();
        for row in rows {
            names.add(&row.folder);
            let files = names.0.entry(row.folder.clone()).or_default();
            files.extend(row.files().into_keys());
        }
        names
    }

    /// Of these names that are to be sent, those that a storage with such habits cannot tell from others in the same folder,
    /// new ones or those that are there: their paths, and why.
    pub(super) fn find_clashes(
        &self,
        there: &Self,
        rules: &NameRules<'_>,
    ) -> BTreeMap<PathBuf, String> {
        let mut clashes = BTreeMap::new();
        let none = BTreeSet::new();
        for (path, names) in &self.0 {
            let there = there.0.get(path).unwrap_or(&none);
            let new = names.difference(there);
            let new: Vec<OsString> = new.map(|name| name.as_os_str().to_owned()).collect();
            let there: Vec<Name> = there.iter().cloned().collect();
            name_rules::find_clashes(path, &new, &there, rules, &mut clashes);
        }
        clashes
    }
}

impl SyncReplica<'_> {
    /// What cannot be sent, by its path below the replica's folder, and why.
    pub(super) fn find_clashes(&self, rules: &NameRules<'_>) -> BTreeMap<PathBuf, String> {
        let mut there = NamesByFolder::from_sent(&self.sent_rows);
        let mut new = NamesByFolder::default();
        for path in self.tree.folders.keys() {
            let names = name_rules::names_in_folder(&self.tree, path).into_iter();
            new.0.insert(path.clone(), names.collect());
            if let Some(tree) = &self.destination_tree {
                let names = there.0.entry(path.clone()).or_default();
                names.extend(name_rules::names_in_folder(tree, path));
            }
        }
        new.find_clashes(&there, rules)
    }
}

/// Why something cannot be sent: its own name, or that of a folder it is in.
pub(super) fn clash_reason<'a>(
    clashes: &'a BTreeMap<PathBuf, String>,
    path: &Path,
) -> Option<&'a String> {
    path.ancestors().find_map(|path| clashes.get(path))
}
