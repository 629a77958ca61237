//! Removal of temporary files that interrupted runs left behind. The caller holds the database's lock.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::transfer::remove_leftovers;
use crate::base::error::Result;
use crate::base::own_name::{OWN_FOLDER, is_temporary};
use crate::copy::destination::DestinationCopy;
use crate::copy::plan::Plan;
use crate::os::folder::Folder;
use crate::snapshot::tree_walk;
use crate::storage::LocalStorage;
use crate::storage::copy_file::remove_leftover;

/// Removes temporary files from the program's own folder, from the folders above replicas, where names are probed before a
/// replica exists, and from unfinished replicas that this run does not copy. Returns the unfinished replicas that it does
/// copy, so that it finishes them.
pub(super) fn remove_leftovers_of_runs(
    copy: &mut DestinationCopy<'_>,
    storage: &LocalStorage,
    plans: &[Plan],
) -> Result<BTreeSet<PathBuf>> {
    clean_folder(&storage.root, Path::new(OWN_FOLDER));
    let parents = plans
        .iter()
        .flat_map(|plan| plan.replica.ancestors().skip(1));
    for folder in parents.collect::<BTreeSet<_>>() {
        clean_folder(&storage.root, folder);
    }
    let (run, root) = (copy.spec.run, &copy.database.root);
    let mut unfinished = BTreeSet::new();
    for (relative, is_clean) in copy.index.unfinished_folders(run, root)? {
        if plans.iter().any(|plan| plan.replica == relative) {
            unfinished.insert(relative);
        } else if !is_clean {
            clean_replica(storage, &relative);
            storage.root.permit()?;
            copy.index.mark_cleaned_up(root, &relative)?;
        }
    }
    Ok(unfinished)
}

/// Removes the temporary files from a replica.
fn clean_replica(storage: &LocalStorage, relative: &Path) {
    let walked = tree_walk::walk(
        &storage.root,
        relative,
        &storage.layout.exclusions,
        &Arc::default(),
        storage.walk_pace(),
    );
    let leftovers = walked.map(|tree| tree.leftovers).unwrap_or_default();
    remove_leftovers(&storage.root, relative, &leftovers);
}

/// Removes the temporary files from one folder below a root.
fn clean_folder(root: &Folder, relative: &Path) {
    let Ok(folder) = root.open_descendant(relative) else {
        return;
    };
    let names = folder.entry_names().unwrap_or_default();
    for name in names.iter().filter(|name| is_temporary(name)) {
        // A file that cannot be removed stays for a later run.
        remove_leftover(&folder, name);
    }
}
