//! Removal of folders that became empty.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::storage::LocalStorage;

/// Removes those of these folders below the root that are empty, those inside first. A mount point stays, and so does a
/// folder that is not empty.
pub fn remove_emptied(storage: &LocalStorage, folders: &BTreeSet<PathBuf>) {
    for path in folders.iter().rev() {
        if storage.missing_mount(path).is_none()
            && let (Some(above), Some(name)) = (path.parent(), path.file_name())
            && let Ok(above) = storage.root.open_descendant(above)
            && let Ok(permit) = above.permit()
        {
            let _stays = above.remove_empty_folder(name, &permit);
        }
    }
}
