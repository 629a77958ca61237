//! Removal of temporary files that interrupted runs left behind. The caller holds the database's lock.

use std::collections::BTreeSet;
use std::path::Path;

use super::DestinationCopy;
use crate::base::error::Result;
use crate::base::own_name::{OWN_FOLDER, is_temporary};
use crate::copy::local;
use crate::copy::local::Job;
use crate::os::folder::Folder;
use crate::snapshot::tree_walk;
use crate::storage::LocalStorage;
use crate::storage::copy_file::remove_leftover;

impl DestinationCopy<'_> {
    /// Removes temporary files from the program's own folder, from the folders above replicas, where names are probed
    /// before a replica exists, and from unfinished replicas that this run does not copy. Unfinished replicas that it does
    /// copy are marked, so that it finishes them.
    pub(super) fn remove_leftovers(
        &mut self,
        storage: &LocalStorage,
        jobs: &mut [Job],
    ) -> Result<()> {
        clean_folder(&storage.root, Path::new(OWN_FOLDER));
        let parents = jobs.iter().flat_map(|job| job.relative.ancestors().skip(1));
        for folder in parents.collect::<BTreeSet<_>>() {
            clean_folder(&storage.root, folder);
        }
        let (run, root) = (self.spec.run, &self.database.root);
        for (relative, is_clean) in self.index.unfinished_folders(run, root)? {
            if let Some(job) = jobs.iter_mut().find(|job| job.relative == relative) {
                job.unfinished = true;
            } else if !is_clean {
                self.clean_replica(storage, &relative);
                self.index.mark_cleaned_up(root, &relative)?;
            }
        }
        Ok(())
    }

    /// Removes the temporary files from a replica.
    fn clean_replica(&self, storage: &LocalStorage, relative: &Path) {
        let walked = tree_walk::walk(
            &storage.root,
            relative,
            &self.spec.exclusions,
            &[],
            storage.walk_threads(),
        );
        let leftovers = walked.map(|tree| tree.leftovers).unwrap_or_default();
        local::remove_leftovers(&storage.root, relative, &leftovers);
    }
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
