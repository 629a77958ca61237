//! The first sync of a replica to a remote. Files that the destination already holds are recorded as sent.

use std::path::Path;

use super::collect::SyncReplica;
use super::run::SyncRun;
use crate::base::error::Result;
use crate::base::monitor::ProgressEvent;
use crate::base::name::Name;
use crate::copy::remote::{SourceProbe, SourceState};
use crate::index::{Index, SentChanges, SentFile, SentFolder};
use crate::model::project::replica_path;
use crate::model::registry::Category;
use crate::os::stat::EntryKind;
use crate::rclone::UnicodeLookup;
use crate::snapshot::diff;
use crate::snapshot::diff::{DiffVisitor, EntryDiff};
use crate::snapshot::manifest::ManifestRef;
use crate::snapshot::respelled::respell;
use crate::snapshot::tree::Tree;
use crate::storage::RemoteStorage;
use crate::storage::content_compare::{ContentRecord, TimeReconciliation};

impl SyncRun<'_> {
    /// Lists the destination for all replicas that were never sent to it, and adopts the files that it holds.
    pub(super) fn adopt_existing(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        replicas: &mut [SyncReplica<'_>],
    ) -> Result<()> {
        let new = replicas.iter_mut().filter(|replica| replica.is_new());
        let new: Vec<&mut SyncReplica<'_>> = new.collect();
        if new.len() > 1 {
            // Prefetch: one listing of a category serves all its replicas.
            let mut categories: Vec<&Category> = Vec::new();
            for replica in &new {
                if !categories.contains(&replica.category) {
                    categories.push(replica.category);
                }
            }
            for category in categories {
                let inner = self.registry.inner_categories(category);
                storage.list_projects(category, &self.request.scope, &inner)?;
            }
        }
        for replica in new {
            self.adopt_replica(index, storage, replica)?;
        }
        Ok(())
    }

    fn adopt_replica(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        replica: &mut SyncReplica<'_>,
    ) -> Result<()> {
        let (category, project) = (replica.category, &replica.project);
        let exclusions = &self.exclusions;
        let mut there = storage.destination_tree(self.registry, exclusions, category, project)?;
        if let Some(error) = there.failure() {
            replica.refusal = Some(error.full_message());
            return Ok(());
        }
        let is_case_insensitive = storage.features.is_case_insensitive();
        respell(&replica.tree, &mut there, &|_, _| is_case_insensitive);
        self.reconcile_times(index, storage, replica, &mut there)?;
        let changes = self.find_same_files(storage, replica, &there)?;
        let source = &self.source.database().root;
        replica.adopt(source, &changes);
        if !self.request.dry_run {
            let record = [(replica.relative.clone(), changes)].into();
            index.update_sent(&storage.database.root, source, &record)?;
        }
        replica.destination_tree = Some(there);
        Ok(())
    }

    /// Restores mtimes in the destination's tree if the storage returns others than were set, and stores both in the index.
    fn reconcile_times(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        replica: &SyncReplica<'_>,
        there: &mut Tree,
    ) -> Result<()> {
        let trees = [&replica.tree, &*there];
        if !TimeReconciliation::has_candidates(trees) {
            return Ok(());
        }
        let source = &self.source;
        let times = TimeReconciliation::detect(trees, &mut |wanted| {
            let (database, features) = (source.database(), source.features());
            let paths = wanted.iter().cloned().collect();
            storage.compare_contents(database, features, paths, &replica.relative, &|_| {})
        })?;
        for notice in times.notices(&storage.database.name) {
            self.monitor.on_event(&ProgressEvent::Notice(&notice));
        }
        if !self.request.dry_run {
            let ids = [None, storage.database_id(index)?];
            let mut record = ContentRecord::new(index.try_clone()?, ids);
            record.store_altered_times(&replica.relative, &times.altered)?;
        }
        there.restore_original_times(&times.altered);
        Ok(())
    }

    /// Returns the files and empty folders that are the same on both sides.
    fn find_same_files(
        &self,
        storage: &RemoteStorage,
        replica: &SyncReplica<'_>,
        there: &Tree,
    ) -> Result<SentChanges> {
        let project = storage.stored_spelling(replica.category, &replica.project);
        let stored_path = replica_path(&replica.category.path, &project);
        let listed = storage.listing_of(&stored_path)?;
        let forms = UnicodeLookup::below(&listed, &stored_path);
        let mut collector = SameFileCollector {
            source: SourceProbe::new(&self.source),
            relative: &replica.relative,
            folder: Path::new(""),
            tag_of: &|path| forms.file(path).map_or(0, |file| file.tag),
            files: SentFolder::new(),
        };
        let mut changes = SentChanges::default();
        for (path, folder) in &replica.tree.folders {
            if !there.folders.contains_key(path) {
                continue;
            }
            collector.folder = path;
            diff::diff_folder(&replica.tree, there, path, &mut collector);
            let files = std::mem::take(&mut collector.files);
            if !files.is_empty() || (folder.manifest().is_empty() && folder.subfolders.is_empty()) {
                changes.add_folder(path, files);
            }
        }
        Ok(changes)
    }
}

/// Collects the files of a folder that are the same on both sides.
struct SameFileCollector<'a> {
    source: SourceProbe<'a>,
    relative: &'a Path,
    folder: &'a Path,
    tag_of: &'a dyn Fn(&Path) -> u64,
    files: SentFolder,
}

impl DiffVisitor for SameFileCollector<'_> {
    fn visit_unchanged(&mut self, manifest: ManifestRef<'_>) {
        let mut files = manifest.files();
        while let Some(file) = files.next() {
            self.visit_name(file.name, EntryDiff::Same(file.into(), file.into()));
        }
    }

    fn visit_name(&mut self, name: &[u8], change: EntryDiff) {
        let EntryDiff::Same(file, _) = change else {
            return;
        };
        if file.kind != EntryKind::File {
            return;
        }
        let name = Name::from_bytes(name.to_vec());
        let path = self.relative.join(self.folder).join(name.as_path());
        let file_id = match self.source.stat_path(&path) {
            SourceState::File(stat) => stat.file_id,
            _ => 0,
        };
        let sent = SentFile {
            bytes: file.bytes,
            modified: file.modified,
            file_id,
            tag: (self.tag_of)(&path),
            link_digest: 0,
        };
        self.files.insert(name, sent);
    }
}
