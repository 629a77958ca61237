//! The first sync of a replica to a destination: one listing, and what it shows as the source has it is noted down as if it
//! had been sent.

use std::path::Path;

use super::SyncRun;
use super::collect::SyncReplica;
use crate::base::error::Result;
use crate::base::monitor::ProgressEvent;
use crate::base::name::Name;
use crate::copy::remote::{SourceProbe, SourceState};
use crate::index::{Index, SentChanges, SentFile, SentFolder};
use crate::model::project::{Scope, replica_path};
use crate::model::registry::Category;
use crate::os::stat::EntryKind;
use crate::rclone::UnicodeLookup;
use crate::snapshot::diff;
use crate::snapshot::diff::{DiffVisitor, EntryDiff};
use crate::snapshot::manifest::ManifestFiles;
use crate::snapshot::respelled::respell;
use crate::snapshot::tree::Tree;
use crate::storage::RemoteStorage;
use crate::storage::content_compare::{ContentRecord, TimeReconciliation};

impl SyncRun<'_> {
    /// Lists the destination once for all replicas that were never sent there, and notes what is there already.
    pub(super) fn adopt_existing(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        replicas: &mut [SyncReplica<'_>],
    ) -> Result<()> {
        let new = replicas.iter().filter(|replica| replica.is_new()).count();
        if new == 0 {
            return Ok(());
        }
        if new > 1 {
            // One listing for all of a category, not one for each.
            let mut categories: Vec<&Category> = Vec::new();
            for replica in replicas.iter().filter(|replica| replica.is_new()) {
                if !categories.contains(&replica.category) {
                    categories.push(replica.category);
                }
            }
            let scope: &Scope = &self.request.scope;
            for category in categories {
                let inner = self.registry.inner_categories(category);
                storage.list_projects(category, scope, &inner)?;
            }
        }
        for replica in replicas.iter_mut().filter(|replica| replica.is_new()) {
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
        let folds = storage.features.is_case_insensitive();
        respell(&replica.tree, &mut there, &|_, _| folds);
        self.reconcile_times(index, storage, replica, &mut there)?;
        let spelled = replica_path(&category.path, &storage.stored_spelling(category, project));
        let listed = storage.listing_of(&spelled)?;
        let forms = UnicodeLookup::below(&listed, &spelled);
        let mut adopting = SameFileCollector {
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
            adopting.folder = path;
            // A tree's own manifests are never damaged.
            diff::diff_folder(&replica.tree, &there, path, &mut adopting).unwrap_or_default();
            let files = std::mem::take(&mut adopting.files);
            if !files.is_empty() || (folder.packed().is_empty() && folder.subfolders.is_empty()) {
                changes.add_folder(path, files);
            }
        }
        let source = &self.source.database().root;
        replica.adopt(source, &changes);
        if !self.request.dry_run {
            let record = [(replica.relative.clone(), changes)].into();
            index.update_sent(&storage.database.root, source, &record)?;
        }
        replica.destination_tree = Some(there);
        Ok(())
    }
}

impl SyncRun<'_> {
    /// Gives files of the destination's tree the time of the source where the storage returns another than was set, and
    /// keeps these times in the index.
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
        let off = TimeReconciliation::detect(trees, &mut |wanted| {
            let (database, abilities) = (source.database(), source.features());
            let paths = wanted.iter().cloned().collect();
            storage.compare_contents(database, abilities, paths, &replica.relative, &|_| {})
        })?;
        for notice in off.notices(&storage.database.name) {
            self.monitor.on_event(&ProgressEvent::Notice(&notice));
        }
        if !self.request.dry_run {
            let rows = [None, storage.database_id(index)?];
            let mut record = ContentRecord::new(index.try_clone()?, rows);
            record.store_altered_times(&replica.relative, &off.altered)?;
        }
        there.restore_original_times(&off.altered);
        Ok(())
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
    fn visit_unchanged(&mut self, packed: &[u8]) {
        let mut files = ManifestFiles::of(packed);
        while let Ok(Some(file)) = files.next() {
            self.visit_name(file.name, EntryDiff::Same(file.into(), file.into()));
        }
    }

    fn visit_name(&mut self, name: &[u8], change: EntryDiff) {
        let EntryDiff::Same(here, _) = change else {
            return;
        };
        if here.kind != EntryKind::File {
            return;
        }
        let name = Name::from_bytes(name.to_vec());
        let whole = self.relative.join(self.folder).join(name.as_path());
        let number = match self.source.stat_path(&whole) {
            SourceState::File(seen) => seen.file_id,
            _ => 0,
        };
        let sent = SentFile {
            bytes: here.bytes,
            modified: here.modified,
            file_id: number,
            tag: (self.tag_of)(&whole),
            link_digest: 0,
        };
        self.files.insert(name, sent);
    }
}
