//! Files that were renamed at the source since they were sent. Where the storage can rename, they are not sent again.
//!
//! A new file is the renamed one if it has the size, the sub-second mtime and the file id of a missing file.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::changes::ReplicaChanges;
use super::collect::SyncReplica;
use super::run::SyncRun;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::copy::plan::{MissingFile, Rename};
use crate::storage::EntryProbe;

/// Identity of a file under any name: size, mtime and file id.
type FileKey = (u64, Timestamp, u64);

impl SyncRun<'_> {
    /// Removes the renamed files from `missing`, and returns them by the replicas of their new names.
    pub(super) fn find_renames(
        &self,
        replicas: &[SyncReplica<'_>],
        changes: &[ReplicaChanges],
        missing: &mut Vec<MissingFile>,
    ) -> BTreeMap<PathBuf, Vec<Rename>> {
        let mut renames = BTreeMap::<PathBuf, Vec<Rename>>::new();
        let has_precise_times = replicas.iter().all(|replica| {
            replica.tree.folders.is_empty() || replica.tree.precision() < TimePrecision::Second
        });
        if !self.destination.can_rename_files() || !has_precise_times || missing.is_empty() {
            return renames;
        }
        let mut candidates: HashMap<FileKey, Vec<MissingFile>> = HashMap::new();
        for file in std::mem::take(missing) {
            let key = (file.sent.bytes, file.sent.modified, file.sent.file_id);
            candidates.entry(key).or_default().push(file);
        }
        let mut probe = EntryProbe::new(&self.source);
        for (replica, changes) in replicas.iter().zip(changes) {
            for file in changes.send.iter().filter(|file| file.before.is_none()) {
                let file_id = probe.stat(&replica.relative.join(&file.path)).file_id();
                let key = (file.bytes, file.modified, file_id);
                // A file id of 0 is unknown and matches nothing. Of several hard links, any may be the old name.
                let same = candidates.get_mut(&key).filter(|_| file_id != 0);
                if let Some(previous) = same.and_then(Vec::pop) {
                    let renames = renames.entry(replica.relative.clone()).or_default();
                    renames.push(Rename {
                        path: file.path.clone(),
                        bytes: file.bytes,
                        modified: file.modified,
                        previous,
                    });
                }
            }
        }
        *missing = candidates.into_values().flatten().collect();
        missing.sort_by(|a, b| (&a.replica, &a.path).cmp(&(&b.replica, &b.path)));
        renames
    }
}
