//! Files that were renamed at the source in case or in Unicode normal form only.
//!
//! A case-insensitive storage takes both spellings for one file, which must not be deleted under the old one.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::collect::SyncReplica;
use crate::base::name::Name;
use crate::base::unicode::fold_case;
use crate::copy::plan::MissingFile;
use crate::model::project::path_within;

/// Marks the missing files that the source holds under another spelling, with their current paths.
pub(super) fn mark_respelled(replicas: &[SyncReplica<'_>], missing: &mut [MissingFile]) {
    if missing.is_empty() {
        return;
    }
    let key = |path: &Path| fold_case(path.as_os_str().as_encoded_bytes()).into_owned();
    let sent = |file: &MissingFile| key(&file.path_below_root());
    let wanted: HashSet<Vec<u8>> = missing.iter().map(sent).collect();
    let mut found: BTreeMap<Vec<u8>, PathBuf> = BTreeMap::new();
    for replica in replicas {
        for (path, folder) in &replica.tree.folders {
            let mut files = folder.manifest().files();
            while let Some(file) = files.next() {
                let name = Name::from_bytes(file.name.to_vec());
                let path = path_within(&replica.relative, path).join(name.as_path());
                let key = key(&path);
                if wanted.contains(&key) {
                    found.insert(key, path);
                }
            }
        }
    }
    for file in missing {
        file.respelled = found.get(&sent(file)).cloned();
    }
}
