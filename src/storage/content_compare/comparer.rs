//! Comparison of two opened databases, replica by replica: known or computed differences of content, and files whose times
//! differ only because a storage altered them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::comparison::{ContentComparison, KnownDigests};
use super::pair::{ComparedReplica, ProgressFn, comparison_size, same_size_paths};
use super::record::ContentRecord;
use super::time::TimeReconciliation;
use crate::base::error::Result;
use crate::index::{DatabaseId, Index};
use crate::os::disk::Disk;
use crate::snapshot::tree::Tree;
use crate::storage::Storage;

/// Settings of a comparison.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own"
)]
pub struct CompareSettings {
    /// Compares the contents of all files of one size. Without it, only files whose times a storage may have altered are
    /// read.
    pub checksum: bool,
    /// Reads files even if the index knows their digests.
    pub reread: bool,
    /// Stores digests, differences and altered times in the index.
    pub records: bool,
    /// The first side is an offloaded folder, whose files may change at any time: only their latest digests count.
    pub is_offload: bool,
}

/// Compares the contents of two databases.
pub struct ContentComparer<'a> {
    storages: [&'a Storage; 2],
    index: &'a Index,
    /// Their rows in the index.
    databases: [Option<DatabaseId>; 2],
    settings: CompareSettings,
    /// Receives the number of files and bytes that are about to be compared.
    on_start: &'a dyn Fn(u64, u64),
    on_progress: &'a ProgressFn<'a>,
    /// Digests, opened when the first files are compared.
    record: Option<ContentRecord>,
    /// The shifted times of all replicas.
    shifts: TimeReconciliation,
    /// Number of files that were read on either side.
    pub files_read: u64,
    /// The files whose digests were known on both sides.
    pub known: KnownDigests,
}

impl<'a> ContentComparer<'a> {
    pub fn new(
        index: &'a Index,
        storages: [&'a Storage; 2],
        settings: CompareSettings,
        on_start: &'a dyn Fn(u64, u64),
        on_progress: &'a ProgressFn<'a>,
    ) -> Result<Self> {
        let [a, b] = storages.map(|storage| index.database_id(&storage.database().root));
        Ok(Self {
            storages,
            index,
            databases: [a?, b?],
            settings,
            on_start,
            on_progress,
            record: None,
            shifts: TimeReconciliation::default(),
            files_read: 0,
            known: KnownDigests::default(),
        })
    }

    /// Compares a replica. Restores the times in the second tree that its storage altered, and stores both times.
    /// `paths` are its folders below both roots.
    pub fn compare(
        &mut self,
        paths: [&Path; 2],
        first: &Tree,
        second: &mut Tree,
    ) -> Result<ContentComparison> {
        let trees = [first, &*second];
        let contents = if self.settings.checksum {
            let (files, bytes) = comparison_size(first, second);
            (self.on_start)(files, bytes);
            self.compare_files(paths, trees, None)?
        } else {
            ContentComparison::from_index(self.index, self.databases, paths[1], trees)?
        };
        // An offloaded folder is no storage that alters times: files of other times were copied by other means.
        if paths[0] == paths[1] {
            self.reconcile_times(paths[1], first, second, &contents)?;
        }
        Ok(contents)
    }

    /// Restores the altered times in the second tree. Compared contents decide; without them, only the files in question
    /// are read.
    fn reconcile_times(
        &mut self,
        relative: &Path,
        first: &Tree,
        second: &mut Tree,
        contents: &ContentComparison,
    ) -> Result<()> {
        let trees = [first, &*second];
        let times = if self.settings.checksum {
            TimeReconciliation::from_comparison(first, second, contents)
        } else if TimeReconciliation::has_candidates(trees) {
            TimeReconciliation::detect(trees, &mut |selected| {
                self.compare_files([relative; 2], trees, Some(selected))
            })?
        } else {
            return Ok(());
        };
        let checksum = self.settings.checksum;
        let record = self.record()?;
        record.store_altered_times(relative, &times.altered);
        if checksum {
            record.store_differing(relative, trees, contents);
        }
        self.shifts.add_shifts(&times);
        second.restore_original_times(&times.altered);
        Ok(())
    }

    /// Compares the contents of the selected files, or of all files of one size.
    fn compare_files(
        &mut self,
        folders: [&Path; 2],
        trees: [&Tree; 2],
        selected: Option<&BTreeSet<PathBuf>>,
    ) -> Result<ContentComparison> {
        let on_progress = self.on_progress;
        let paths = || match selected {
            Some(selected) => selected.iter().cloned().collect(),
            None => same_size_paths(trees[0], trees[1]),
        };
        let compared = match self.storages {
            [other, Storage::Remote(remote)] | [Storage::Remote(remote), other] => {
                let (database, features) = (other.database(), other.features());
                remote.compare_contents(database, features, paths(), folders[1], on_progress)
            }
            [Storage::Local(a), Storage::Local(b)] => {
                let threads = a
                    .database
                    .access
                    .copy_threads([&Disk::of(&a.root), &Disk::of(&b.root)]);
                let side = |root, number: usize| ComparedReplica {
                    root,
                    relative: folders[number],
                    tree: trees[number],
                };
                let replicas = [side(&a.root, 0), side(&b.root, 1)];
                super::compare(replicas, self.record()?, threads, on_progress, selected)
            }
        }?;
        self.files_read += compared.files_read;
        self.known.add(&compared.known);
        Ok(compared)
    }

    fn record(&mut self) -> Result<&mut ContentRecord> {
        let record = if let Some(record) = self.record.take() {
            record
        } else {
            let databases = if self.settings.records {
                self.databases
            } else {
                [None; 2]
            };
            ContentRecord::new(self.index.try_clone()?, databases)
                .with_known(!self.settings.reread)
                .with_offload(self.settings.is_offload)
        };
        Ok(self.record.insert(record))
    }

    /// Returns the notices about shifted times.
    pub fn notices(&self) -> Vec<String> {
        let name = &self.storages[1].database().name;
        self.shifts.notices(name).collect()
    }

    /// Writes the remaining digests. Call it after a cancellation too, so that no content is read a second time.
    ///
    /// # Errors
    /// The index could not be written, now or before.
    pub fn finish(self) -> Result<()> {
        self.record.map_or(Ok(()), ContentRecord::finish)
    }
}
