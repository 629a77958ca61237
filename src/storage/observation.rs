//! Observation of replicas for the index: a scan, copy, comparison or sync adds the replicas that it reads.
//!
//! `ObservationBuilder` compares each replica with the index while it is read (`local_walk` reads those on a disk). `Observation`
//! writes the differences, in one transaction.
//!
//! Rule: the index keeps its previous entries for everything that could not be read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::availability::RootIds;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::{
    DatabaseId, Index, KnownDatabase, ScanChanges, ScanStaging, ScanWriter, SeenMedium, StagedScan,
};
use crate::model::exclusion::Exclusions;
use crate::model::mount;
use crate::model::project::ProjectId;
use crate::model::registry::{Category, Database};
use crate::os::folder::Folder;
use crate::os::medium::media_of;
use crate::snapshot::tree::Tree;

/// The root at which replicas are observed.
#[derive(Clone, Debug)]
pub enum ObservedRoot {
    Local(Arc<Folder>),
    /// A remote with this identity.
    Remote(Option<String>),
}

/// Builds an observation of one database.
#[derive(Debug)]
pub struct ObservationBuilder<'i> {
    root: ObservedRoot,
    pub(super) staging: ScanStaging<'i>,
    pub(super) seen: Observation,
    /// Folders of the observed categories.
    categories: BTreeSet<PathBuf>,
    /// Folders of the observed replicas, each after that of its category.
    replicas: Vec<[PathBuf; 2]>,
}

/// Observed replicas, ready to be written to the index.
#[derive(Debug)]
pub struct Observation {
    /// The database's root.
    root: PathBuf,
    /// The database as the index knew it before the first replica was read.
    pub previous: KnownDatabase,
    started: Timestamp,
    root_ids: RootIds,
    medium: Option<SeenMedium>,
    staged: StagedScan,
    /// Replicas that do not exist, by the folder of their category.
    missing: Vec<(PathBuf, ProjectId)>,
    /// Mount points at or in the observed categories.
    mounts: BTreeSet<PathBuf>,
    /// Number of files and folders that could not be read.
    pub unreadable: u64,
    /// True if a replica holds something besides folders, or an excluded entry.
    pub has_content: bool,
}

impl<'i> ObservationBuilder<'i> {
    /// Starts an observation. Call it before the first replica is read, because it takes the time.
    pub fn start(index: &'i Index, database: &Database, root: ObservedRoot) -> Result<Self> {
        let previous = index.database(&database.root)?;
        Ok(Self {
            root,
            staging: index.stage_scan(&previous)?,
            seen: Observation {
                root: database.root.clone(),
                previous,
                started: Timestamp::now(),
                root_ids: RootIds::default(),
                medium: None,
                staged: StagedScan::default(),
                missing: Vec::new(),
                mounts: BTreeSet::new(),
                unreadable: 0,
                has_content: false,
            },
            categories: BTreeSet::new(),
            replicas: Vec::new(),
        })
    }

    /// Sets the exclusions: files that they exclude now are not counted as missing.
    #[must_use]
    pub fn with_exclusions(mut self, exclusions: &Arc<Exclusions>) -> Self {
        self.staging = self.staging.with_exclusions(Arc::clone(exclusions));
        self
    }

    /// Sets the time at which reading began, for replicas that were read before.
    pub const fn set_started(&mut self, started: Timestamp) {
        self.seen.started = started;
    }

    /// Adds a category, whose own folder may be a mount point.
    pub fn add_category(&mut self, category: &Category) {
        self.categories.insert(category.base());
    }

    /// Adds a replica. A tree without folders means that the replica does not exist; an unreadable tree adds nothing.
    pub fn add(&mut self, category: &Category, project: &ProjectId, tree: &Tree) -> Result<()> {
        if tree.failure().is_some() {
            return Ok(());
        }
        self.add_place(category, project);
        if tree.folders.is_empty() {
            self.add_missing(category, project);
            return Ok(());
        }
        let replica = self.staging.begin_replica(category.key(), project)?;
        if let Some(precision) = tree.proven_precision {
            self.staging.add_precision(replica, precision);
        }
        self.seen.unreadable += tree.problems.len() as u64;
        for (path, folder) in &tree.folders {
            match &folder.files {
                Some(files) => {
                    self.seen.has_content |= files.totals.files > 0;
                    self.staging.add_folder(replica, files.clone())?;
                }
                None => self.staging.add_unreadable_folder(replica, path)?,
            }
        }
        self.staging.end_replica(replica)
    }

    /// Adds a replica that could not be read: the index keeps its entries, and marks it as unreadable.
    pub(super) fn add_unreadable(
        &mut self,
        category: &Category,
        project: &ProjectId,
    ) -> Result<()> {
        self.seen.unreadable += 1;
        let replica = self.staging.begin_replica(category.key(), project)?;
        self.staging.add_unreadable_folder(replica, Path::new(""))?;
        self.staging.end_replica(replica)
    }

    pub(super) fn add_missing(&mut self, category: &Category, project: &ProjectId) {
        let missing = (category.base(), project.clone());
        self.seen.missing.push(missing);
    }

    pub(super) fn add_place(&mut self, category: &Category, project: &ProjectId) {
        self.add_category(category);
        let replica = category.replica_path(project);
        self.replicas.push([category.base(), replica]);
    }

    /// Ends the observation. All that it asks of the storage it asks now, because others wait while it is written.
    pub fn finish(mut self) -> Result<Observation> {
        match &self.root {
            ObservedRoot::Local(root) => {
                self.seen.root_ids = RootIds::of_folder(root);
                self.seen.mounts = self.find_mounts(root);
                self.seen.medium = Some(seen_medium(root, self.seen.started));
            }
            ObservedRoot::Remote(identity) => self.seen.root_ids.identity.clone_from(identity),
        }
        self.seen.staged = self.staging.finish()?;
        Ok(self.seen)
    }

    /// Returns the mount points at the observed categories, in the replicas, and between the two.
    fn find_mounts(&self, root: &Folder) -> BTreeSet<PathBuf> {
        let mut mounts = mount::list_below(root.path());
        mounts.retain(|mount| {
            let mut replicas = self.replicas.iter();
            replicas.any(|[category, replica]| mount::affects(mount, category, replica))
                && mount::is_mounted(root, mount)
        });
        let categories = self.categories.iter();
        let mounted = categories.filter(|category| mount::is_category_mounted(root, category));
        mounts.extend(mounted.cloned());
        mounts
    }
}

/// Returns the media of a folder and the space on them.
fn seen_medium(root: &Folder, at: Timestamp) -> SeenMedium {
    let space = root.free_space().ok();
    let total = space.and_then(|space| space.total_bytes);
    SeenMedium {
        media: media_of(root),
        free: space
            .filter(|_| total.is_some())
            .map(|space| space.free_bytes),
        total,
        at,
    }
}

/// Records the replicas of a database that `add` adds to an observation.
pub fn record(
    index: &mut Index,
    database: &Database,
    root: ObservedRoot,
    add: impl FnOnce(&mut ObservationBuilder<'_>) -> Result<()>,
) -> Result<()> {
    let mut builder = ObservationBuilder::start(index, database, root)?;
    add(&mut builder)?;
    builder.finish()?.write(index)
}

/// The row of a database in the index, which is created if it is missing; `None` if it is missing and the index is
/// read-only.
pub fn ensure_database_id(
    index: &mut Index,
    database: &Database,
    root: ObservedRoot,
) -> Result<Option<DatabaseId>> {
    let known = index.database_id(&database.root)?;
    if known.is_some() || index.is_read_only() {
        return Ok(known);
    }
    record(index, database, root, |_| Ok(()))?;
    index.database_id(&database.root)
}

impl Observation {
    /// Writes the observation to the index that it was built with.
    ///
    /// # Errors
    /// The database was forgotten meanwhile.
    pub fn write(&self, index: &mut Index) -> Result<()> {
        self.begin_write(index)?.0.finish(false)
    }

    /// Begins to write the observation, and returns the changes so far. The caller may add to the writer, and finishes it.
    pub fn begin_write<'w>(&self, index: &'w mut Index) -> Result<(ScanWriter<'w>, ScanChanges)> {
        let writer = index
            .write_scan(&self.root, &self.previous)?
            .started_at(self.started);
        let ids = &self.root_ids;
        writer.record_root(ids.identity.as_deref(), ids.root_id.as_deref())?;
        if let Some(medium) = &self.medium {
            writer.record_medium(medium)?;
        }
        let mut changes = writer.write_replicas(&self.staged)?;
        for (category, project) in &self.missing {
            changes += writer.record_missing(category, project)?;
        }
        for mount in &self.mounts {
            writer.record_mount(mount)?;
        }
        Ok((writer, changes))
    }
}
