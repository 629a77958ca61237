//! Files that were sent under another spelling of their name: renamed in case or in their Unicode normal form only. To a
//! storage that folds names both are one file, which must not be taken away.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::changes::MissingFile;
use super::collect::SyncReplica;
use crate::base::name::Name;
use crate::base::unicode::fold_case;
use crate::model::project::path_within;
use crate::os::folder::Folder;
use crate::snapshot::manifest::ManifestFiles;

/// Files that are gone, with the folders of their replicas.
type MissingFiles = Vec<(PathBuf, MissingFile)>;

/// Files that are at the source under another spelling: as they were sent, and their paths now, below the root.
#[derive(Debug, Default)]
pub(super) struct RespelledFiles(Vec<((PathBuf, MissingFile), CurrentPath)>);

/// Where a file is now: its replica, and its path below the root.
pub(super) type CurrentPath = (PathBuf, PathBuf);

impl RespelledFiles {
    /// Takes out of files that are gone from the source those that it holds under another spelling.
    pub(super) fn extract(replicas: &[SyncReplica<'_>], gone: &mut MissingFiles) -> Self {
        let mut respelled = Self::default();
        if gone.is_empty() {
            return respelled;
        }
        let key = |path: &Path| fold_case(path.as_os_str().as_encoded_bytes()).into_owned();
        let sent = |(replica, file): &(PathBuf, MissingFile)| key(&replica.join(&file.path));
        let wanted: HashSet<Vec<u8>> = gone.iter().map(sent).collect();
        let mut found: BTreeMap<Vec<u8>, CurrentPath> = BTreeMap::new();
        for replica in replicas {
            for (folder, there) in &replica.tree.folders {
                let mut files = ManifestFiles::of(there.packed());
                while let Ok(Some(file)) = files.next() {
                    let name = Name::from_bytes(file.name.to_vec());
                    let whole = path_within(&replica.relative, folder).join(name.as_path());
                    let key = key(&whole);
                    if wanted.contains(&key) {
                        found.insert(key, (replica.relative.clone(), whole));
                    }
                }
            }
        }
        for file in std::mem::take(gone) {
            match found.get(&sent(&file)) {
                Some(now) => respelled.0.push((file, now.clone())),
                None => gone.push(file),
            }
        }
        respelled
    }

    /// What was sent, and where it is now.
    pub(super) fn into_pairs(self) -> impl Iterator<Item = ((PathBuf, MissingFile), CurrentPath)> {
        self.0.into_iter()
    }

    /// The folders of replicas whose client or project has another spelling now.
    pub(super) fn renamed_replicas(&self) -> HashSet<PathBuf> {
        let renamed = self.0.iter().filter(|((before, _), now)| *before != now.0);
        renamed.map(|(_, now)| now.0.clone()).collect()
    }

    /// Those of them that a destination holds beside the other spelling: they are gone from the source after all.
    pub(super) fn stored_under_both(self, root: &Folder) -> MissingFiles {
        let mut listed = DestinationNames {
            root,
            folders: BTreeMap::new(),
        };
        let beside = self.0.into_iter().filter(|((replica, file), now)| {
            listed.contains(&replica.join(&file.path)) && listed.contains(&now.1)
        });
        beside.map(|(file, _)| file).collect()
    }
}

/// The names that folders of a destination list.
struct DestinationNames<'a> {
    root: &'a Folder,
    folders: BTreeMap<PathBuf, HashSet<OsString>>,
}

impl DestinationNames<'_> {
    /// Whether every name of a path is listed as it is written.
    fn contains(&mut self, path: &Path) -> bool {
        path.ancestors().all(|path| {
            let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
                return true;
            };
            let root = self.root;
            let names = self.folders.entry(above.to_owned()).or_insert_with(|| {
                let entries = root
                    .open_descendant(above)
                    .and_then(|folder| folder.entry_names());
                // Of a folder that cannot be read nothing is taken away.
                entries.unwrap_or_default().into_iter().collect()
            });
            names.contains(name)
        })
    }
}
