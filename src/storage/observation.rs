//! Recording the replicas that a copy, comparison or sync has read: each is a scan of its own for the index.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::availability::RootIds;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::{Index, KnownDatabase, ScanStaging, StagedScan};
use crate::model::mount;
use crate::model::project::{ProjectId, replica_path};
use crate::model::registry::{Category, Database};
use crate::os::folder::Folder;
use crate::snapshot::tree::Tree;

/// Builds an observation from the trees of the replicas of one database.
#[derive(Debug)]
pub struct ObservationBuilder<'i, 'a> {
    database: &'a Database,
    started: Timestamp,
    stored: KnownDatabase,
    staging: ScanStaging<'i>,
    categories: Vec<&'a Category>,
    missing: Vec<(&'a Category, &'a ProjectId)>,
    /// The mount points below the root, and those that were walked.
    mounts: BTreeSet<PathBuf>,
    walked_mounts: BTreeSet<PathBuf>,
}

impl<'i, 'a> ObservationBuilder<'i, 'a> {
    /// Starts an observation. Call it before the first replica is read, because it takes the time.
    pub fn start(index: &'i Index, database: &'a Database) -> Result<Self> {
        let stored = index.database(&database.root)?;
        let mounts = if database.is_remote() {
            BTreeSet::new()
        } else {
            mount::list_below(&database.root)
        };
        Ok(Self {
            database,
            started: Timestamp::now(),
            staging: index.stage_scan(&stored)?,
            stored,
            categories: Vec::new(),
            missing: Vec::new(),
            mounts,
            walked_mounts: BTreeSet::new(),
        })
    }

    /// Sets the time at which reading began, for replicas that were read before.
    pub const fn set_started(&mut self, started: Timestamp) {
        self.started = started;
    }

    /// Adds a replica. A tree without folders means that the replica does not exist; an unreadable tree adds nothing.
    pub fn add(
        &mut self,
        category: &'a Category,
        project: &'a ProjectId,
        tree: &Tree,
    ) -> Result<()> {
        if tree.failure().is_some() {
            return Ok(());
        }
        if !self.categories.contains(&category) {
            self.categories.push(category);
        }
        if tree.folders.is_empty() {
            self.missing.push((category, project));
            return Ok(());
        }
        let replica = replica_path(&category.path, project);
        let affects_replica = |mount: &&PathBuf| mount::affects(mount, &category.path, &replica);
        let is_read = |mount: &&PathBuf| match mount.strip_prefix(&replica) {
            Ok(path) => tree
                .folders
                .get(path)
                .is_some_and(|folder| folder.files.is_some()),
            Err(_) => true,
        };
        let walked = self.mounts.iter().filter(affects_replica).filter(is_read);
        self.walked_mounts.extend(walked.cloned());
        let staged_replica = self.staging.begin_replica(&category.path, project)?;
        if let Some(precision) = tree.proven_precision {
            self.staging.add_precision(staged_replica, precision);
        }
        for (path, folder) in &tree.folders {
            match &folder.files {
                Some(files) => self.staging.add_folder(staged_replica, files.clone())?,
                None => self.staging.add_unreadable_folder(staged_replica, path)?,
            }
        }
        self.staging.end_replica(staged_replica)
    }

    pub fn finish(self) -> Result<Observation<'a>> {
        Ok(Observation {
            staged: self.staging.finish()?,
            database: self.database,
            started: self.started,
            stored: self.stored,
            categories: self.categories,
            missing: self.missing,
            mounts: self.walked_mounts,
        })
    }
}

/// Records the replicas of a database that `add` adds to an observation.
pub fn record<'a>(
    index: &mut Index,
    database: &'a Database,
    observed_root: ObservedRoot<'_>,
    add: impl FnOnce(&mut ObservationBuilder<'_, 'a>) -> Result<()>,
) -> Result<()> {
    let mut builder = ObservationBuilder::start(index, database)?;
    add(&mut builder)?;
    let observation = builder.finish()?;
    observation.write(index, observed_root)
}

/// The root at which replicas were observed.
#[derive(Clone, Copy, Debug)]
pub enum ObservedRoot<'a> {
    Local(&'a Arc<Folder>),
    /// A remote with this identity.
    Remote(Option<&'a str>),
}

/// Observed replicas, ready to be written to the index.
#[derive(Debug)]
pub struct Observation<'a> {
    staged: StagedScan,
    database: &'a Database,
    started: Timestamp,
    stored: KnownDatabase,
    categories: Vec<&'a Category>,
    missing: Vec<(&'a Category, &'a ProjectId)>,
    mounts: BTreeSet<PathBuf>,
}

impl Observation<'_> {
    /// Writes the observation to the index that it was built with.
    ///
    /// # Errors
    /// The database was forgotten meanwhile.
    pub fn write(&self, index: &mut Index, observed_root: ObservedRoot<'_>) -> Result<()> {
        let (ids, mounted) = match observed_root {
            ObservedRoot::Local(root) => {
                let categories = self.categories.iter().map(|category| &category.path);
                let categories = categories.filter(|path| mount::is_category_mounted(root, path));
                let inner = self.mounts.iter();
                let inner = inner.filter(|mount| mount::is_mounted(root, mount));
                (RootIds::of_folder(root), categories.chain(inner).collect())
            }
            ObservedRoot::Remote(identity) => (RootIds::of_remote(identity), Vec::new()),
        };
        let writer = index
            .write_scan(&self.database.root, &self.stored)?
            .started_at(self.started);
        writer.record_root(ids.identity.as_deref(), ids.root_id.as_deref())?;
        writer.write_replicas(&self.staged)?;
        for (category, project) in &self.missing {
            writer.record_missing(&category.path, project)?;
        }
        for folder in mounted {
            writer.record_mount(folder)?;
        }
        writer.finish(false)
    }
}
