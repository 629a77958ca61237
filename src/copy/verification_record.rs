//! Records what a transfer proves while it lasts: digests of verified files, and times that the destination alters.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::destination::{CopySpec, SourceReplica, find_replica};
use super::local::{TimeMismatch, VerifiedFile};
use super::plan::Plan;
use super::source_root::SourceRoot;
use crate::base::error::{Error, Result};
use crate::index::{ContentOrigin, DatabaseId, FileEvidence, FolderEvidence, Index, NewEvidence};
use crate::model::project::path_within;
use crate::seal::request::GivenHashes;
use crate::snapshot::time_alias::{AlteredTime, AlteredTimes, AlteredTimesByFolder};

/// Returns the times that the destination reports instead of those that were set, by folder relative to the root. If the
/// source itself reports an altered time, the original one is kept.
fn altered_times(
    plans: &[&Plan],
    replicas: &[SourceReplica],
    times: &[TimeMismatch],
) -> AlteredTimesByFolder {
    let mut altered = AlteredTimesByFolder::new();
    for time in times {
        let plan = plans[time.plan];
        let replica = find_replica(replicas, plan);
        let original = replica.and_then(|replica| {
            let (original, reported) = replica.tree.altered_time(&time.folder, &time.name)?;
            (time.modified == reported).then_some(original)
        });
        let file = AlteredTime {
            bytes: time.bytes,
            reported: time.shown,
            original: original.unwrap_or(time.modified),
        };
        let folder = path_within(&plan.replica, &time.folder);
        let folder: &mut AlteredTimes = altered.entry(folder).or_default();
        folder.insert(time.name.clone(), file);
    }
    altered
}

/// Records verified files and altered times during a transfer, from all its threads.
pub(super) struct VerificationRecorder<'a> {
    /// The index, and the first failure to write it.
    index: Mutex<(&'a mut Index, Option<Error>)>,
    /// Row ids of source and destination.
    ids: [Option<DatabaseId>; 2],
    plans: &'a [&'a Plan],
    replicas: &'a [SourceReplica],
    /// The meaning of the source's root.
    source_root: SourceRoot,
    /// Hashes of copies in other formats, by path below the root.
    hashes: Mutex<BTreeMap<PathBuf, GivenHashes>>,
}

impl<'a> VerificationRecorder<'a> {
    pub(super) fn new(
        index: &'a mut Index,
        ids: [Option<DatabaseId>; 2],
        plans: &'a [&'a Plan],
        spec: &'a CopySpec,
    ) -> Self {
        Self {
            index: Mutex::new((index, None)),
            ids,
            plans,
            replicas: &spec.replicas,
            source_root: spec.source_root,
            hashes: Mutex::default(),
        }
    }

    /// Stores the evidence of verified files for both source and destination, whose content is the same.
    pub(super) fn record_verified(&self, files: &[VerifiedFile]) {
        self.keep_hashes(files);
        let mut folders: BTreeMap<(usize, &Path), [FolderEvidence; 2]> = BTreeMap::new();
        for file in files {
            let folder = folders.entry((file.plan, &file.folder)).or_default();
            for (folder, proof) in folder.iter_mut().zip(file.proofs) {
                let evidence = FileEvidence {
                    bytes: file.bytes,
                    modified: file.modified,
                    digest: file.hashes.digest,
                    proof,
                };
                folder.insert(file.name.clone(), evidence);
            }
        }
        let folders: Vec<_> = folders
            .into_iter()
            .map(|((plan, folder), digests)| {
                let replica = &self.plans[plan].replica;
                let source = self.source_root.path(replica, folder);
                ([source, replica.join(folder)], digests)
            })
            .collect();
        let mut rows = Vec::new();
        // Only the latest content of an offloaded file counts.
        let source = match self.source_root {
            SourceRoot::Database => ContentOrigin::Found,
            SourceRoot::Replica => ContentOrigin::Written,
        };
        let origins = [source, ContentOrigin::Written];
        for (side, (id, origin)) in self.ids.into_iter().zip(origins).enumerate() {
            let own = folders.iter().filter_map(|(folders, evidence)| {
                Some(NewEvidence {
                    database: id?,
                    folder: &folders[side],
                    files: &evidence[side],
                    origin,
                })
            });
            rows.extend(own);
        }
        self.write(|index| index.add_evidence(&rows).map(drop));
    }

    /// Stores the times that the destination reports instead of those that were set.
    pub(super) fn record_times(&self, times: &[TimeMismatch]) {
        if let Some(id) = self.ids[1] {
            let altered = altered_times(self.plans, self.replicas, times);
            self.write(|index| index.add_altered_times(id, &altered));
        }
    }

    fn write(&self, write: impl FnOnce(&mut Index) -> Result<()>) {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = write(index.0) {
            index.1.get_or_insert(error);
        }
    }

    /// Keeps the hashes of copies in other formats than the index stores, for their histories.
    fn keep_hashes(&self, files: &[VerifiedFile]) {
        let others = files.iter().filter(|file| file.hashes.has_others());
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        for file in others {
            let folder = self.plans[file.plan].replica.join(&file.folder);
            let given = GivenHashes {
                hashes: file.hashes.clone(),
                at: file.proofs[1].at,
            };
            hashes.insert(folder.join(file.name.as_path()), given);
        }
    }

    /// Returns the hashes of copies in other formats, and the first failure to write the index, if any.
    pub(super) fn finish(self) -> (BTreeMap<PathBuf, GivenHashes>, Option<Error>) {
        let (index, hashes) = (self.index.into_inner(), self.hashes.into_inner());
        (
            hashes.unwrap_or_else(PoisonError::into_inner),
            index.unwrap_or_else(PoisonError::into_inner).1,
        )
    }
}
