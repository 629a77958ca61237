//! Folders of ASC MHL histories, which a copy must not mix.

use std::path::Path;

use super::MissingFile;
use crate::base::own_name::is_history_folder;
use crate::model::path::split_path;
use crate::snapshot::tree::TreeFolder;

/// Ending of the names of hash lists.
const HASH_LIST: &[u8] = b".mhl";

/// True for the folder of a history that the destination has continued by itself: it has a hash list that the source lacks.
/// Files of the source's history would damage it, and it is not older for having other files.
pub(super) fn is_continued(
    path: &Path,
    source: &TreeFolder,
    existing: Option<&TreeFolder>,
) -> bool {
    if !is_history_folder(path) {
        return false;
    }
    let Some(existing) = existing else {
        return false;
    };
    let mut files = existing.manifest().files();
    while let Some(file) = files.next() {
        if file.name.ends_with(HASH_LIST) && source.file(file.name).is_none() {
            return true;
        }
    }
    false
}

/// True for a file of a history that is missing at the source. It stays at the destination, whose history may go on from it.
pub(super) fn is_kept(missing: &MissingFile) -> bool {
    is_history_folder(split_path(&missing.path).0)
}
