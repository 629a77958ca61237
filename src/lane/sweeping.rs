//! Removing what runs that died left behind; only for who holds the database's lock.

use std::path::Path;

use super::Lane;
use crate::copy_file::sweep;
use crate::exclusions::{OWN_FOLDER, is_temporary};
use crate::os::folder::Folder;
use crate::sides::Side;
use crate::transfer::Job;
use crate::tree;

impl Lane<'_> {
    /// Removes what runs that died left in our own folder and in replicas that are not this run's.
    pub(super) fn sweep(&self, side: &Side, jobs: &[Job]) {
        sweep_folder(&side.root, Path::new(OWN_FOLDER));
        let run = self.errand.run;
        let left = self.index.left_unfinished(run, &self.database.root);
        for relative in left.unwrap_or_default() {
            if jobs.iter().any(|job| job.relative == relative) {
                continue;
            }
            let walked = tree::walk(&side.root, &relative, &self.errand.exclusions, &[]);
            for path in walked.map(|tree| tree.leftovers).unwrap_or_default() {
                let (above, name) = (path.parent(), path.file_name());
                let above = relative.join(above.unwrap_or(Path::new("")));
                let folder = side.root.beneath(&above);
                // One that cannot be removed stays for a later run.
                let _swept = folder.is_ok_and(|folder| sweep(&folder, name.unwrap_or_default()));
            }
        }
    }
}

/// Removes the temporary files in one folder below a root.
fn sweep_folder(root: &Folder, relative: &Path) {
    let Ok(folder) = root.beneath(relative) else {
        return;
    };
    let names = folder.entries().unwrap_or_default();
    for name in names.iter().filter(|name| is_temporary(name)) {
        // One that cannot be removed stays for a later run.
        let _swept = sweep(&folder, name);
    }
}
