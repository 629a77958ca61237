//! A database behind rclone. One connection and one listing of each folder serve the whole operation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::availability;
use super::content_compare::{ContentComparison, ProgressFn};
use super::layout::Layout;
use super::observation::ObservedRoot;
use super::remote_tree;
use super::remote_tree::ReplicaTreeBuilder;
use super::upload_record::{PartialFiles, UploadRecord};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::unicode::to_nfc;
use crate::index::{Index, SentChanges, SentRow};
use crate::model::layout::LayoutPart;
use crate::model::project::{ProjectId, Scope, path_within};
use crate::model::registry::{Category, Database};
use crate::rclone::{
    CheckMethod, CheckVerdict, ListTarget, Remote, RemoteFeatures, RemoteListing, StatedDigest,
    TimeSource,
};
use crate::snapshot::discovery::ProjectListing;
use crate::snapshot::tree::Tree;

/// A remote database that is online.
#[derive(Debug)]
pub struct RemoteStorage {
    pub database: Database,
    pub layout: Arc<Layout>,
    /// The connection to the remote.
    pub remote: Remote,
    pub features: RemoteFeatures,
    /// The identity in its identity file, once that exists.
    identity: OnceLock<String>,
    /// An index handle of its own, so that any thread can query it.
    index: Mutex<Index>,
    /// The listings so far, each with everything below its folder; empty if the folder does not exist.
    pub(super) listings: Mutex<BTreeMap<PathBuf, Arc<RemoteListing>>>,
    /// The digests that the storage states of the files in some folders, each listed once.
    digests: Mutex<BTreeMap<PathBuf, BTreeMap<PathBuf, StatedDigest>>>,
}

impl RemoteStorage {
    /// Connects to a database and stays connected.
    ///
    /// # Errors
    /// [`crate::base::error::Error::StorageUnreachable`] or [`crate::base::error::Error::Offline`].
    pub fn open(index: &Index, layout: &Arc<Layout>, database: &Database) -> Result<Self> {
        let known = index.database(&database.root)?;
        let (remote, connection) = availability::connect(index, database, &known)?;
        let features = load_features(index, &remote)?;
        remote.configure_mod_times(&features)?;
        let mut listed = BTreeMap::new();
        if connection.is_empty() {
            // The connection check listed the whole root.
            listed.insert(PathBuf::new(), Arc::default());
        }
        Ok(Self {
            database: database.clone(),
            layout: Arc::clone(layout),
            remote,
            features,
            identity: connection
                .identity
                .map(|identity| OnceLock::from(identity.id))
                .unwrap_or_default(),
            index: Mutex::new(index.try_clone()?),
            listings: Mutex::new(listed),
            digests: Mutex::default(),
        })
    }

    /// Reads the tree of a replica from a new listing, after files were moved there.
    pub fn fresh_tree(&self, category: &Category, project: &ProjectId) -> Result<Tree> {
        self.listings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.tree(category, project)
    }

    /// The identity in its identity file, if it has one.
    pub fn identity(&self) -> Option<&str> {
        self.identity.get().map(String::as_str)
    }

    /// The root of observations of this database.
    pub fn observed_root(&self) -> ObservedRoot {
        ObservedRoot::Remote(self.identity().map(str::to_owned))
    }

    /// Creates the identity file if it does not exist. It must be the first file that is sent.
    pub fn ensure_identity(&self) -> Result<()> {
        if self.identity.get().is_none() {
            let made = self
                .remote
                .create_identity(&self.database.name, &self.remote.permit()?)?;
            self.identity.get_or_init(|| made);
        }
        Ok(())
    }

    /// True if a listing distinguishes two versions of one size by their times.
    pub fn has_reliable_mod_times(&self) -> bool {
        self.features.time_precision().is_some() && !self.features.has_slow_mod_times()
    }

    /// Lists exactly these files, by their paths below the root.
    pub fn list_files(&self, files: &[PathBuf]) -> Result<RemoteListing> {
        if files.is_empty() {
            return Ok(RemoteListing::default());
        }
        let target = ListTarget::Files(files);
        let listed = self
            .remote
            .list(target, &self.features, TimeSource::Cheap)?;
        Ok(listed.unwrap_or_default())
    }

    /// The digest that the storage states of a file; `None` if it states none.
    ///
    /// # Errors
    /// Its folder cannot be listed.
    pub fn stated_digest(&self, path: &Path) -> Result<Option<StatedDigest>> {
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let mut known = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stated) = known.get(folder) {
            return Ok(stated.get(path).copied());
        }
        let stated = self.remote.list_digests(folder, &self.features)?;
        let stated = known
            .entry(folder.to_owned())
            .or_insert(stated.unwrap_or_default());
        Ok(stated.get(path).copied())
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder to list for a scope in a category.
    fn listing_base(category: &Category, scope: &Scope) -> PathBuf {
        let mut base = PathBuf::new();
        for part in category.layout.parts() {
            match (part, scope) {
                (LayoutPart::Fixed(name), _) => base.push(name),
                (LayoutPart::Client, Scope::Client(client)) => base.push(client.as_path()),
                (LayoutPart::Client, Scope::Project(one)) => base.push(one.client.as_path()),
                (LayoutPart::Project, Scope::Project(one)) => base.push(one.project.as_path()),
                (LayoutPart::Client, Scope::Projects(several)) => match several.common_client() {
                    Some(client) => base.push(client.as_path()),
                    None => break,
                },
                _ => break,
            }
        }
        base
    }

    /// Lists the projects of a scope in a category, and the folders that could not be read.
    pub fn list_projects<'a>(
        &self,
        category: &'a Category,
        scope: &Scope,
    ) -> Result<ProjectListing<'a>> {
        let listed = self.listing_of(&Self::listing_base(category, scope))?;
        let mut listing = ProjectListing::empty(category);
        remote_tree::collect_projects(&listed, &mut listing, scope, |path, why| {
            self.list_error(path, why)
        });
        Ok(listing)
    }

    pub(super) fn list_error(&self, path: &Path, why: &str) -> crate::base::error::Error {
        crate::base::error::Error::Rclone {
            action: "list",
            path: self.remote.path(path),
            why: why.to_owned(),
        }
    }

    /// The project with its names in the Unicode form that this database stores.
    pub fn stored_spelling(&self, category: &Category, project: &ProjectId) -> ProjectId {
        let path = self.stored_path(&category.replica_path(project));
        let located = category.layout.locate(&path);
        located.map_or_else(|| project.clone(), |(stored, _)| stored)
    }

    /// The folder of a replica with its names in the Unicode form that this database stores. A name that cannot be listed
    /// stays as it is.
    pub fn stored_path(&self, replica: &Path) -> PathBuf {
        let is_listed = |listed: Arc<RemoteListing>| listed.folders.contains_key(replica);
        if replica.as_os_str().is_ascii() || self.listing_of(replica).is_ok_and(is_listed) {
            return replica.to_owned();
        }
        let mut stored = PathBuf::new();
        for part in replica {
            let name = Name::from(part);
            let names = if part.is_ascii() {
                None
            } else {
                self.remote.folder_names(&stored).unwrap_or_default()
            };
            let names = names.filter(|names| !names.contains(&name));
            let composed = to_nfc(name.as_bytes());
            let mut names = names.into_iter().flatten();
            let other = names.find(|other| to_nfc(other.as_bytes()) == composed);
            stored.push(other.as_ref().unwrap_or(&name).as_path());
        }
        stored
    }

    /// Reads the tree of a replica. Files that an interrupted run may have sent only in part are unreadable.
    pub fn tree(&self, category: &Category, project: &ProjectId) -> Result<Tree> {
        self.read_tree(category, project, false)
    }

    /// Reads the tree of a replica that is a destination. Files that an interrupted run may have sent only in part count as
    /// older than any version, so that a copy replaces them and keeps them as old versions.
    pub fn destination_tree(&self, category: &Category, project: &ProjectId) -> Result<Tree> {
        self.read_tree(category, project, true)
    }

    fn read_tree(
        &self,
        category: &Category,
        project: &ProjectId,
        replaces_partial: bool,
    ) -> Result<Tree> {
        let relative = category.replica_path(&self.stored_spelling(category, project));
        let listed = self.listing_of(&relative)?;
        let record =
            UploadRecord::from_rows(&self.index().sent_rows(&self.database.root, &relative)?);
        let partial = PartialFiles::from_rows(
            self.index()
                .unverified_in_replica(&self.database.root, &relative)?,
        );
        let replica = ReplicaTreeBuilder {
            partial: &partial,
            replaces_partial,
            relative: &relative,
            inner_folders: &category.inner,
            exclusions: &self.layout.exclusions,
            features: &self.features,
            record: &record,
        };
        let mut tree = replica.build(&listed);
        let database = self.index().database_id(&self.database.root)?;
        tree.restore_original_times(&self.index().altered_times(database, &relative)?);
        for problem in &mut tree.problems {
            if let crate::base::error::Error::Rclone { path, .. } = &mut problem.error {
                *path = self.remote.path(&path_within(&relative, &problem.path));
            }
        }
        Ok(tree)
    }

    /// Returns the tree of a replica after an upload: with the recorded files, unless they are excluded by now, and with
    /// the created folders.
    pub fn tree_after_upload(&self, tree: Tree, rows: &[SentRow], made: &[PathBuf]) -> Tree {
        let record = UploadRecord::from_rows(rows).without(&self.layout.exclusions);
        remote_tree::with_record(tree, &record, made, &self.features)
    }

    /// Removes from the record of sent files those that the listing shows changed or not at all.
    pub fn correct_record(&self, replica: &Path) -> Result<()> {
        let stored = self.stored_path(replica);
        let listed = self.listing_of(&stored)?;
        let mut index = self.index();
        let rows = index.sent_rows(&self.database.root, replica)?;
        let is_unreadable = |path: &Path| {
            listed
                .problems
                .iter()
                .any(|(closed, _)| path.starts_with(closed))
        };
        let mut missing = SentChanges::default();
        for path in UploadRecord::from_rows(&rows).missing_or_changed(&listed, &stored) {
            // A folder that could not be listed contradicts nothing.
            if !is_unreadable(&stored.join(&path)) {
                missing.remove(&path);
            }
        }
        // The empty source path stands for every source: its rows only remove.
        let record = [(replica.to_owned(), missing)].into();
        index.update_sent(&self.database.root, Path::new(""), &record)
    }

    /// Compares files of one size with those of another database: by the checksums that both storages report, or by reading
    /// both. `paths` are below the replica's folder.
    ///
    /// # Errors
    /// Not a single file could be compared.
    pub fn compare_contents(
        &self,
        other: &Database,
        features: Option<&RemoteFeatures>,
        paths: Vec<PathBuf>,
        relative: &Path,
        on_progress: &ProgressFn<'_>,
    ) -> Result<ContentComparison> {
        let files: Vec<PathBuf> = paths.iter().map(|path| relative.join(path)).collect();
        let method = CheckMethod::best_for(&self.features, features);
        let mut on_bytes = |bytes| on_progress(bytes);
        let mut verdicts = self
            .remote
            .check(&other.root, &files, method, &mut on_bytes)?;
        let mut found = ContentComparison {
            files_read: 2 * files.len() as u64,
            covers_all: true,
            ..ContentComparison::default()
        };
        for (path, file) in paths.into_iter().zip(files) {
            match verdicts.remove(&file) {
                Some(CheckVerdict::Same) => {}
                Some(CheckVerdict::Differs) => {
                    found.differing.insert(path);
                }
                Some(CheckVerdict::Unknown(why)) => {
                    found.unread.insert(path, why);
                }
                None => {
                    found
                        .unread
                        .insert(path, "rclone did not compare it".to_owned());
                }
            }
        }
        Ok(found)
    }
}

/// The remote's features: from the index, or queried and stored there.
fn load_features(index: &Index, remote: &Remote) -> Result<RemoteFeatures> {
    if let Some(features) = index.features(remote.root(), &remote.cache_key())? {
        return Ok(features);
    }
    let features = remote.query_features()?;
    if !index.is_read_only() {
        // A query may have changed the configuration, because rclone stores its findings there; so the key is computed
        // again.
        index.store_features(remote.root(), &remote.cache_key(), &features)?;
    }
    Ok(features)
}
