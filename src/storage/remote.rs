//! A database behind rclone, reached once. What is asked of it is listed once and kept for as long as this lives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::availability;
use super::content_compare::{ContentComparison, ProgressFn};
use super::observation::ObservedRoot;
use super::remote_tree;
use super::remote_tree::{PartialFiles, ReplicaTreeBuilder, UploadRecord};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::unicode::to_nfc;
use crate::index::{Index, SentChanges, SentRow};
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope, path_within, replica_path};
use crate::model::registry::{Category, Database, Registry};
use crate::rclone::{
    CheckMethod, CheckVerdict, ListTarget, Remote, RemoteFeatures, RemoteListing, TimeSource,
};
use crate::snapshot::discovery::ProjectListing;
use crate::snapshot::tree::Tree;

/// A database that answers.
#[derive(Debug)]
pub struct RemoteStorage {
    /// The database.
    pub database: Database,
    /// How it is reached.
    pub remote: Remote,
    /// What it can do.
    pub features: RemoteFeatures,
    /// What its identity file says, once it has one.
    identity: OnceLock<String>,
    /// The index by a handle of its own.
    index: Mutex<Index>,
    /// What was listed: everything below these folders; nothing where the folder is not there.
    listings: Mutex<BTreeMap<PathBuf, Arc<RemoteListing>>>,
}

impl RemoteStorage {
    /// Reaches a database, and stays connected with it.
    ///
    /// # Errors
    /// [`crate::base::error::Error::StorageUnreachable`] or [`crate::base::error::Error::Offline`], or the index cannot be read.
    pub fn open(index: &Index, database: &Database) -> Result<Self> {
        let known = index.database(&database.root)?;
        let (remote, connection) = availability::connect(index, database, &known)?;
        let features = load_features(index, &remote)?;
        remote.configure_mod_times(&features)?;
        let mut listed = BTreeMap::new();
        if connection.is_empty() {
            // That was a listing of everything.
            listed.insert(PathBuf::new(), Arc::default());
        }
        Ok(Self {
            database: database.clone(),
            remote,
            features,
            identity: connection.identity.map(OnceLock::from).unwrap_or_default(),
            index: Mutex::new(index.try_clone()?),
            listings: Mutex::new(listed),
        })
    }

    /// What its identity file says, if it has one.
    pub fn identity(&self) -> Option<&str> {
        self.identity.get().map(String::as_str)
    }

    /// Makes its identity file where it has none, before anything else is brought there.
    ///
    /// # Errors
    /// It cannot be written there.
    pub fn ensure_identity(&self) -> Result<()> {
        if self.identity.get().is_none() {
            let made = self.remote.create_identity(&self.database.name)?;
            self.identity.get_or_init(|| made);
        }
        Ok(())
    }

    /// Whether a listing tells two versions of one size apart by their own times.
    pub fn has_reliable_mod_times(&self) -> bool {
        self.features.time_precision().is_some() && !self.features.has_slow_mod_times()
    }

    /// Everything below a folder, listed once; empty where the folder is not there.
    ///
    /// # Errors
    /// It could not be listed at all, or an interruption.
    pub fn listing_of(&self, folder: &Path) -> Result<Arc<RemoteListing>> {
        let mut kept = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let known = folder.ancestors().find_map(|above| kept.get(above));
        if let Some(known) = known {
            return Ok(Arc::clone(known));
        }
        let listed = Arc::new(self.list_with_times(folder)?);
        kept.insert(folder.to_owned(), Arc::clone(&listed));
        Ok(listed)
    }

    /// Whether a listing that was made before shows that nothing is there with this path: it showed everything around it,
    /// with nothing closed or left out.
    pub fn is_known_missing(&self, folder: &Path) -> bool {
        let kept = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let known = folder.ancestors().find_map(|above| kept.get(above));
        known.is_some_and(|listed| {
            let mut below = listed.folders.range(folder.to_owned()..);
            let is_there = below
                .next()
                .is_some_and(|(path, _)| path.starts_with(folder));
            !is_there && listed.problems.is_empty() && !listed.is_incomplete
        })
    }

    /// Lists exactly these files, by their paths below the root.
    pub fn list_files(&self, files: &[PathBuf]) -> Result<RemoteListing> {
        let target = ListTarget::Files(files);
        let listed = self
            .remote
            .list(target, &self.features, TimeSource::Cheap)?;
        Ok(listed.unwrap_or_default())
    }

    /// Lists a folder. Where times are slow, only files that were not sent from here are asked for theirs.
    fn list_with_times(&self, folder: &Path) -> Result<RemoteListing> {
        let list = |wanted: ListTarget<'_>, times| self.remote.list(wanted, &self.features, times);
        let mut listed = list(ListTarget::Folder(folder), TimeSource::Cheap)?.unwrap_or_default();
        if !self.features.has_slow_mod_times() {
            return Ok(listed);
        }
        let unknown = self.files_of_unknown_time(&listed)?;
        if unknown.is_empty() {
            return Ok(listed);
        }
        let own = list(ListTarget::Files(&unknown), TimeSource::ModTime)?.unwrap_or_default();
        for (path, files) in &mut listed.folders {
            let own = own.folders.get(path);
            for (name, file) in files {
                if let Some(own) = own.and_then(|files| files.get(name)) {
                    file.modified = own.modified;
                }
            }
        }
        Ok(listed)
    }

    /// The files of a listing that were not sent from here as they are.
    fn files_of_unknown_time(&self, listed: &RemoteListing) -> Result<Vec<PathBuf>> {
        let mut records: BTreeMap<PathBuf, UploadRecord> = BTreeMap::new();
        let index = self.index();
        for replica in index.all_sent_replicas(&self.database.root)? {
            let record = UploadRecord::from_rows(&index.sent_rows(&self.database.root, &replica)?);
            records.insert(replica, record);
        }
        drop(index);
        let mut unknown = Vec::new();
        for (path, files) in &listed.folders {
            let record = path
                .ancestors()
                .find_map(|above| records.get_key_value(above));
            for (name, file) in files {
                let known = record.is_some_and(|(replica, record)| {
                    let folder = path.strip_prefix(replica).unwrap_or(path);
                    record.source_time(folder, name, file).is_some()
                });
                if !known {
                    unknown.push(path.join(name.as_path()));
                }
            }
        }
        Ok(unknown)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder that has to be listed for a scope in a category.
    fn listing_base(category: &Category, scope: &Scope) -> PathBuf {
        match scope {
            Scope::All => category.path.clone(),
            Scope::Client(client) => category.path.join(client.as_path()),
            Scope::Project(project) => replica_path(&category.path, project),
        }
    }

    /// The projects of a scope in a category.
    ///
    /// # Errors
    /// It could not be listed at all, or an interruption.
    pub fn list_projects<'a>(
        &self,
        category: &'a Category,
        scope: &Scope,
        inner: &[PathBuf],
    ) -> Result<ProjectListing<'a>> {
        let listed = self.listing_of(&Self::listing_base(category, scope))?;
        let mut listing = ProjectListing::empty(category);
        remote_tree::collect_projects(&listed, &mut listing, scope, inner);
        for (path, why) in &listed.problems {
            let Ok(below) = path.strip_prefix(&category.path) else {
                continue;
            };
            let names: Vec<Name> = below.iter().map(Name::from).collect();
            match names.as_slice() {
                [] => listing.is_unreadable = true,
                [client] => listing.unreadable_clients.push(client.clone()),
                // What is in a project is found closed when that is looked at.
                _ => continue,
            }
            listing.problems.push(self.list_error(path, why));
        }
        Ok(listing)
    }

    /// Says that a folder could not be listed.
    fn list_error(&self, path: &Path, why: &str) -> crate::base::error::Error {
        crate::base::error::Error::Rclone {
            action: "list",
            path: self.remote.path(path),
            why: why.to_owned(),
        }
    }

    /// A project as this database spells it: the folders of a client or project may be there in another Unicode normal form.
    pub fn stored_spelling(&self, category: &Category, project: &ProjectId) -> ProjectId {
        let path = self.stored_path(&replica_path(&category.path, project));
        let mut names = path.iter().rev().map(Name::from);
        match (names.next(), names.next()) {
            (Some(project), Some(client)) => ProjectId { client, project },
            _ => project.clone(),
        }
    }

    /// The folder of a replica as this database spells it. What cannot be listed has the name that it was asked for.
    fn stored_path(&self, replica: &Path) -> PathBuf {
        let is_listed = |listed: Arc<RemoteListing>| listed.folders.contains_key(replica);
        if replica.as_os_str().is_ascii() || self.listing_of(replica).is_ok_and(is_listed) {
            return replica.to_owned();
        }
        let mut spelled = PathBuf::new();
        for part in replica {
            let name = Name::from(part);
            let names = if part.is_ascii() {
                None
            } else {
                self.remote.folder_names(&spelled).unwrap_or_default()
            };
            let names = names.filter(|names| !names.contains(&name));
            let form = to_nfc(name.as_bytes());
            let mut names = names.into_iter().flatten();
            let other = names.find(|other| to_nfc(other.as_bytes()) == form);
            spelled.push(other.as_ref().unwrap_or(&name).as_path());
        }
        spelled
    }

    /// What it holds of a replica. Of files that may be half, because a run that was sending them did not come to its end,
    /// nothing is known.
    ///
    /// # Errors
    /// It could not be listed at all, or an interruption.
    pub fn tree(
        &self,
        registry: &Registry,
        exclusions: &Arc<Exclusions>,
        category: &Category,
        project: &ProjectId,
    ) -> Result<Tree> {
        self.read_tree(registry, exclusions, category, project, false)
    }

    /// What it holds of a replica that files go to: files that may be half are older than any version, so that they are
    /// replaced and kept.
    ///
    /// # Errors
    /// As for [`Self::tree`].
    pub fn destination_tree(
        &self,
        registry: &Registry,
        exclusions: &Arc<Exclusions>,
        category: &Category,
        project: &ProjectId,
    ) -> Result<Tree> {
        self.read_tree(registry, exclusions, category, project, true)
    }

    fn read_tree(
        &self,
        registry: &Registry,
        exclusions: &Arc<Exclusions>,
        category: &Category,
        project: &ProjectId,
        replaces_partial: bool,
    ) -> Result<Tree> {
        let relative = replica_path(&category.path, &self.stored_spelling(category, project));
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
            inner_categories: &registry.inner_categories(category),
            exclusions,
            features: &self.features,
            record: &record,
        };
        let mut tree = replica.build(&listed);
        tree.restore_original_times(&super::stored_altered_times(
            &self.index(),
            &self.database,
            &relative,
        )?);
        for problem in &mut tree.problems {
            if let crate::base::error::Error::Rclone { path, .. } = &mut problem.error {
                *path = self.remote.path(&path_within(&relative, &problem.path));
            }
        }
        Ok(tree)
    }

    /// A tree of a replica as it is after files were sent there: with everything that the record says of it, but what is
    /// excluded by now, and with folders that were made.
    pub fn tree_after_upload(
        &self,
        tree: Tree,
        rows: &[SentRow],
        made: &[PathBuf],
        exclusions: &Exclusions,
    ) -> Tree {
        let record = UploadRecord::from_rows(rows).without(exclusions);
        remote_tree::with_record(tree, &record, made, &self.features)
    }

    /// Its row in the index, made where it was never looked at; none there where the index can only be read.
    ///
    /// # Errors
    /// The index cannot be read or written.
    pub fn database_id(&self, index: &mut Index) -> Result<Option<i64>> {
        super::ensure_database_id(index, &self.database, ObservedRoot::Remote(self.identity()))
    }

    /// Takes back what the record says of a replica and the listing does not show: it was changed or taken away there.
    ///
    /// # Errors
    /// It could not be listed, or the index cannot be written.
    pub fn correct_record(&self, replica: &Path) -> Result<()> {
        let spelled = self.stored_path(replica);
        let listed = self.listing_of(&spelled)?;
        let mut index = self.index();
        let rows = index.sent_rows(&self.database.root, replica)?;
        let is_unreadable = |path: &Path| {
            listed
                .problems
                .iter()
                .any(|(closed, _)| path.starts_with(closed))
        };
        let mut missing = SentChanges::default();
        for path in UploadRecord::from_rows(&rows).missing_or_changed(&listed, &spelled) {
            // What could not be listed contradicts nothing.
            if !is_unreadable(&spelled.join(&path)) {
                missing.remove(&path);
            }
        }
        // By no source: what there is of others is only taken back.
        let record = [(replica.to_owned(), missing)].into();
        index.update_sent(&self.database.root, Path::new(""), &record)
    }

    /// Which files of one size hold other bytes on another database: by the digests that storages say, else both are
    /// read. The files are given by their paths below the replica's folder.
    ///
    /// # Errors
    /// Nothing could be compared, or an interruption.
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
                    found.unread.insert(path, "it was not compared".to_owned());
                }
            }
        }
        Ok(found)
    }
}

/// What a remote can do: known from before, or asked now.
fn load_features(index: &Index, remote: &Remote) -> Result<RemoteFeatures> {
    if let Some(features) = index.features(remote.root(), &remote.cache_key())? {
        return Ok(features);
    }
    let features = remote.query_features()?;
    if !index.is_read_only() {
        // Asking may have changed the configuration: rclone notes in it what it found out.
        index.store_features(remote.root(), &remote.cache_key(), &features)?;
    }
    Ok(features)
}
