//! Removing what runs that died left behind; only for who holds the database's lock.

use std::collections::BTreeSet;
use std::path::Path;

use super::DestinationCopy;
use crate::base::error::Result;
use crate::base::own_name::{OWN_FOLDER, is_temporary};
use crate::copy::local::Job;
use crate::os::folder::Folder;
use crate::snapshot::tree_walk;
use crate::storage::LocalStorage;
use crate::storage::copy_file::remove_leftover;

impl DestinationCopy<'_> {
    /// Removes what runs that died left in our own folder, in those above replicas, where names are tried out before a
    /// replica is there, and in replicas that are not this run's; those that are it finishes.
    pub(super) fn remove_leftovers(
        &mut self,
        storage: &LocalStorage,
        jobs: &mut [Job],
    ) -> Result<()> {
        clean_folder(&storage.root, Path::new(OWN_FOLDER));
        let above = jobs.iter().flat_map(|job| job.relative.ancestors().skip(1));
        for folder in above.collect::<BTreeSet<_>>() {
            clean_folder(&storage.root, folder);
        }
        let (run, root) = (self.spec.run, &self.database.root);
        for (relative, swept) in self.index.unfinished_folders(run, root)? {
            if let Some(job) = jobs.iter_mut().find(|job| job.relative == relative) {
                job.unfinished = true;
            } else if !swept {
                self.clean_replica(storage, &relative);
                self.index.mark_cleaned_up(root, &relative)?;
            }
        }
        Ok(())
    }

    /// Removes the temporary files in a replica.
    fn clean_replica(&self, storage: &LocalStorage, relative: &Path) {
        let walked = tree_walk::walk(&storage.root, relative, &self.spec.exclusions, &[]);
        for path in walked.map(|tree| tree.leftovers).unwrap_or_default() {
            let above = relative.join(path.parent().unwrap_or(Path::new("")));
            let name = path.file_name().unwrap_or_default();
            let folder = storage.root.open_descendant(&above);
            // One that cannot be removed stays for a later run.
            let _swept = folder.is_ok_and(|folder| remove_leftover(&folder, name));
        }
    }
}

/// Removes the temporary files in one folder below a root.
fn clean_folder(root: &Folder, relative: &Path) {
    let Ok(folder) = root.open_descendant(relative) else {
        return;
    };
    let names = folder.entry_names().unwrap_or_default();
    for name in names.iter().filter(|name| is_temporary(name)) {
        // One that cannot be removed stays for a later run.
        let _swept = remove_leftover(&folder, name);
    }
}
