//! Records a copy to a local destination in the index: files of the run, sync record, digests, and the rescanned replicas.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{DestinationCopy, SourceReplica};
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::copy::local::{Job, TimeMismatch, VerifiedFile};
use crate::copy::outcome::Outcome;
use crate::copy::report::ReportedItem;
use crate::index::{DatabaseId, FileDigest, FileDigests, Index, SentFile, SentFolder, SentRecord};
use crate::model::exclusion::Exclusions;
use crate::model::path::split_path;
use crate::model::project::{ProjectId, path_within};
use crate::model::registry::{Category, Registry};
use crate::snapshot::manifest::Manifest;
use crate::snapshot::time_alias::{AlteredTime, AlteredTimes, AlteredTimesByFolder};
use crate::storage::LocalStorage;
use crate::storage::observation::{ObservationBuilder, ObservedRoot};

impl DestinationCopy<'_> {
    /// Records the copied files: all planned files without another outcome in the report. They enter the sync record too,
    /// as if a sync had sent them.
    pub(super) fn record_copied(&mut self, storage: &LocalStorage, jobs: &[Job]) {
        let report = self.report;
        let copied = {
            let report = report.lock().unwrap_or_else(PoisonError::into_inner);
            copied_files(storage.root.path(), jobs, &report.items)
        };
        let (run, root) = (self.spec.run, &self.database.root);
        let kept = self.index.add_run_files(run, root, &copied);
        let source = &self.spec.source.database().root;
        let record = sent_record(jobs, &copied);
        let recorded = self.index.update_sent(root, source, &record);
        for error in [kept, recorded].into_iter().filter_map(Result::err) {
            self.report_problem(error);
        }
    }

    /// Forgets the digests of folders in which a file may be replaced by another of the same size and mtime.
    pub(super) fn forget_replaced_digests(&mut self, id: Option<DatabaseId>, jobs: &[Job]) {
        let Some(id) = id.filter(|_| self.spec.rules.checksum) else {
            return;
        };
        for job in jobs {
            let replaced = job.plan.folders.iter();
            for folder in replaced.filter(|folder| !folder.replace.is_empty()) {
                let path = job.relative.join(&folder.path);
                if let Err(error) = self.index.forget_digests(id, &path) {
                    self.report_problem(error);
                }
            }
        }
    }

    /// Scans the written replicas and records them in the index.
    pub(super) fn rescan_written(&mut self, storage: &LocalStorage, jobs: &[Job]) {
        let (run, written) = (self.spec.run, written_replicas(jobs).collect::<Vec<_>>());
        let observed = self.observe_written(storage, &written);
        let root = &self.database.root;
        match observed.and_then(|()| self.index.clear_in_progress(run, root, &written)) {
            // The replicas stay recorded as in progress, and the next run scans them.
            Err(Error::Interrupted) | Ok(()) => {}
            Err(error) => self.report_problem(error),
        }
    }

    fn observe_written(&mut self, storage: &LocalStorage, written: &[&Path]) -> Result<()> {
        let spec = self.spec;
        let replicas = spec.replicas.iter();
        let written = replicas.filter(|replica| written.contains(&replica.relative().as_path()));
        let written = written.map(|replica| {
            let id = storage.stored_spelling(&replica.category, &replica.project);
            (&replica.category, id)
        });
        let written: Vec<_> = written.collect();
        if written.is_empty() {
            return Ok(());
        }
        let (registry, exclusions) = (&spec.registry, &spec.exclusions);
        record_replicas(&mut self.index, storage, registry, exclusions, &written)
    }
}

/// Scans replicas at a destination and records them in the index.
pub fn record_replicas(
    index: &mut Index,
    storage: &LocalStorage,
    registry: &Registry,
    exclusions: &Arc<Exclusions>,
    replicas: &[(&Category, ProjectId)],
) -> Result<()> {
    let mut builder = ObservationBuilder::start(index, &storage.database)?;
    for (category, project) in replicas {
        let tree = storage.tree(registry, exclusions, category, project)?;
        builder.add(category, project, &tree)?;
    }
    let observation = builder.finish()?;
    observation.write(index, ObservedRoot::Local(&storage.root))
}

/// Returns the folders of the replicas that the run writes to.
pub(super) fn written_replicas(jobs: &[Job]) -> impl Iterator<Item = &Path> {
    let written = jobs
        .iter()
        .filter(|job| job.plan.has_work() || job.unfinished);
    written.map(|job| job.relative.as_path())
}

/// Returns the copied files by folder relative to the root: all planned files for which the report has no item. Copied
/// files with a warning have an item too, but they count as copied.
fn copied_files(root: &Path, jobs: &[Job], items: &[ReportedItem]) -> Vec<(PathBuf, Manifest)> {
    let mut uncopied: HashMap<&Path, BTreeSet<&OsStr>> = HashMap::new();
    for item in items {
        if !matches!(item.outcome, Outcome::Copied(_)) {
            let (folder, name) = split_path(&item.path);
            uncopied.entry(folder).or_default().insert(name);
        }
    }
    let none = BTreeSet::new();
    let mut copied = Vec::new();
    for Job { relative, plan, .. } in jobs {
        for folder in &plan.folders {
            let uncopied = uncopied.get(&*root.join(path_within(relative, &folder.path)));
            let manifest = folder.manifest_without(uncopied.unwrap_or(&none));
            if !manifest.packed().is_empty() {
                copied.push((path_within(relative, &folder.path), manifest));
            }
        }
    }
    copied
}

/// Returns the times that the destination reports instead of those that were set, by folder relative to the root. If the
/// source itself reports an altered time, the original one is kept.
fn altered_times(
    jobs: &[Job],
    replicas: &[SourceReplica],
    times: &[TimeMismatch],
) -> AlteredTimesByFolder {
    let mut altered = AlteredTimesByFolder::new();
    for time in times {
        let relative = &jobs[time.job].relative;
        let replica = replicas
            .iter()
            .find(|replica| replica.relative() == *relative);
        let original = replica.and_then(|replica| {
            let (original, reported) = replica.tree.altered_time(&time.folder, &time.name)?;
            (time.modified == reported).then_some(original)
        });
        let file = AlteredTime {
            bytes: time.bytes,
            reported: time.shown,
            original: original.unwrap_or(time.modified),
        };
        let folder = path_within(relative, &time.folder);
        let folder: &mut AlteredTimes = altered.entry(folder).or_default();
        folder.insert(time.name.clone(), file);
    }
    altered
}

/// Returns the sync record of the copied files, by replica.
fn sent_record(jobs: &[Job], copied: &[(PathBuf, Manifest)]) -> SentRecord {
    let mut record = SentRecord::new();
    for (folder, manifest) in copied {
        let Some(job) = jobs.iter().find(|job| folder.starts_with(&job.relative)) else {
            continue;
        };
        let below = folder.strip_prefix(&job.relative).unwrap_or(folder);
        let mut files = SentFolder::new();
        let mut packed = manifest.files();
        while let Some(file) = packed.next() {
            let name = Name::from_bytes(file.name.to_vec());
            files.insert(name, SentFile::of(&file));
        }
        let changes = record.entry(job.relative.clone()).or_default();
        changes.add_folder(below, files);
    }
    record
}

/// Records verified files and altered times during a transfer, from all its threads.
pub(super) struct VerificationRecorder<'a> {
    /// The index, and the first failure to write it.
    index: Mutex<(&'a mut Index, Option<Error>)>,
    /// Row ids of source and destination.
    ids: [Option<DatabaseId>; 2],
    jobs: &'a [Job],
    replicas: &'a [SourceReplica],
}

impl<'a> VerificationRecorder<'a> {
    pub(super) fn new(
        index: &'a mut Index,
        ids: [Option<DatabaseId>; 2],
        jobs: &'a [Job],
        replicas: &'a [SourceReplica],
    ) -> Self {
        Self {
            index: Mutex::new((index, None)),
            ids,
            jobs,
            replicas,
        }
    }

    /// Stores the digests of verified files for both source and destination, whose content is the same.
    pub(super) fn record_verified(&self, files: &[VerifiedFile]) {
        let mut folders: BTreeMap<(usize, &Path), FileDigests> = BTreeMap::new();
        for file in files {
            let digest = FileDigest {
                bytes: file.bytes,
                modified: file.modified,
                digest: file.digest,
            };
            let folder = folders.entry((file.job, &file.folder)).or_default();
            folder.insert(file.name.clone(), digest);
        }
        let folders: Vec<_> = folders
            .into_iter()
            .map(|((job, folder), digests)| (self.jobs[job].relative.join(folder), digests))
            .collect();
        let mut rows = Vec::new();
        for id in self.ids.into_iter().flatten() {
            rows.extend(
                folders
                    .iter()
                    .map(|(path, digests)| (id, path.as_path(), digests)),
            );
        }
        self.write(|index| index.add_digests(&rows));
    }

    /// Stores the times that the destination reports instead of those that were set.
    pub(super) fn record_times(&self, times: &[TimeMismatch]) {
        if let Some(id) = self.ids[1] {
            let altered = altered_times(self.jobs, self.replicas, times);
            self.write(|index| index.add_altered_times(id, &altered));
        }
    }

    fn write(&self, write: impl FnOnce(&mut Index) -> Result<()>) {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = write(index.0) {
            index.1.get_or_insert(error);
        }
    }

    /// Returns the first failure to write the index, if any.
    pub(super) fn finish(self) -> Option<Error> {
        let index = self.index.into_inner();
        index.unwrap_or_else(PoisonError::into_inner).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::copy::outcome::{CopiedItem, attribute_warning};
    use crate::copy::plan::Plan;

    #[test]
    fn files_copied_with_a_warning_are_recorded() {
        let file = |path: &str| (PathBuf::from(path), 7, Timestamp::default(), false);
        let plan = Plan::from_files(&[file("plain"), file("refused"), file("warned")]);
        let jobs = [Job::new("acme/spot".into(), plan)];
        let item = |name: &str, outcome| ReportedItem {
            path: Path::new("/nas/acme/spot").join(name),
            outcome,
        };
        let warned = CopiedItem {
            remark: Some(attribute_warning("no space")),
            ..CopiedItem::default()
        };
        let items = [
            item("warned", Outcome::Copied(warned)),
            item("refused", Outcome::Failed("no".to_owned())),
        ];
        let copied = copied_files(Path::new("/nas"), &jobs, &items);
        let record = sent_record(&jobs, &copied);
        let folders: Vec<_> = record[Path::new("acme/spot")].folders().collect();
        let names: Vec<_> = folders[0].1.keys().map(Name::as_bytes).collect();
        assert_eq!(names, [&b"plain"[..], b"warned"]);
    }
}
