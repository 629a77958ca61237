//! Files that were renamed at the source in case or in Unicode normal form only.
//!
//! A case-insensitive storage takes both spellings for one file, which must not be deleted under the old one.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::changes::MissingFile;
use super::collect::SyncReplica;
use crate::base::name::Name;
use crate::base::unicode::fold_case;
use crate::model::project::path_within;
use crate::os::folder::Folder;

/// Files as they were sent, and their current paths.
#[derive(Debug, Default)]
pub(super) struct RespelledFiles(Vec<(MissingFile, CurrentPath)>);

/// Current location of a file: its replica, and its path below the root.
pub(super) type CurrentPath = (PathBuf, PathBuf);

impl RespelledFiles {
    /// Removes the files from `missing` that the source holds under another spelling, and returns them.
    pub(super) fn extract(replicas: &[SyncReplica<'_>], missing: &mut Vec<MissingFile>) -> Self {
        let mut respelled = Self::default();
        if missing.is_empty() {
            return respelled;
        }
        let key = |path: &Path| fold_case(path.as_os_str().as_encoded_bytes()).into_owned();
        let sent = |file: &MissingFile| key(&file.path_below_root());
        let wanted: HashSet<Vec<u8>> = missing.iter().map(sent).collect();
        let mut found: BTreeMap<Vec<u8>, CurrentPath> = BTreeMap::new();
        for replica in replicas {
            for (path, folder) in &replica.tree.folders {
                let mut files = folder.manifest().files();
                while let Some(file) = files.next() {
                    let name = Name::from_bytes(file.name.to_vec());
                    let path = path_within(&replica.relative, path).join(name.as_path());
                    let key = key(&path);
                    if wanted.contains(&key) {
                        found.insert(key, (replica.relative.clone(), path));
                    }
                }
            }
        }
        for file in std::mem::take(missing) {
            match found.get(&sent(&file)) {
                Some(current) => respelled.0.push((file, current.clone())),
                None => missing.push(file),
            }
        }
        respelled
    }

    /// Returns the files as they were sent, with their current paths.
    pub(super) fn into_pairs(self) -> impl Iterator<Item = (MissingFile, CurrentPath)> {
        self.0.into_iter()
    }

    /// Returns the current folders of replicas whose client or project is spelled differently now.
    pub(super) fn renamed_replicas(&self) -> HashSet<PathBuf> {
        let renamed = self.0.iter();
        let renamed = renamed.filter(|(file, (replica, _))| file.replica != *replica);
        renamed.map(|(_, (replica, _))| replica.clone()).collect()
    }

    /// Returns the files that the destination holds under both spellings. Their old spellings are separate files, which
    /// are missing at the source.
    pub(super) fn stored_under_both(self, root: &Folder) -> Vec<MissingFile> {
        let mut names = DestinationNames {
            root,
            folders: BTreeMap::new(),
        };
        let both = self.0.into_iter().filter(|(file, (_, path))| {
            names.contains(&file.path_below_root()) && names.contains(path)
        });
        both.map(|(file, _)| file).collect()
    }
}

/// The names in folders of a destination, listed once for each folder.
struct DestinationNames<'a> {
    root: &'a Folder,
    folders: BTreeMap<PathBuf, HashSet<OsString>>,
}

impl DestinationNames<'_> {
    /// True if the folders list every name of a path in this very spelling.
    fn contains(&mut self, path: &Path) -> bool {
        path.ancestors().all(|path| {
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
                return true;
            };
            let root = self.root;
            let names = self.folders.entry(folder.to_owned()).or_insert_with(|| {
                let entries = root
                    .open_descendant(folder)
                    .and_then(|folder| folder.entry_names());
                // No names for an unreadable folder, so that nothing in it is deleted.
                entries.unwrap_or_default().into_iter().collect()
            });
            names.contains(name)
        })
    }
}
