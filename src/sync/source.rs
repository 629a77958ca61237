//! The contents of a sync's source.
//!
//! A local source is read while the destination connects, a remote one after that. Nothing is recorded in the index before
//! the destination has answered.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::request::SyncRequest;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::index::Index;
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Database, Registry};
use crate::snapshot::tree::Tree;
use crate::storage::Storage;

/// Time between two checks for a cancellation.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Contents of the source.
#[derive(Default)]
pub(super) struct SourceSnapshot {
    /// The replicas: position of the category in the request, project, and tree.
    pub(super) replicas: Vec<(usize, ProjectId, Tree)>,
    /// Folders that could not be listed, relative to the root, with the errors.
    pub(super) problems: Vec<(PathBuf, String)>,
    /// Unreadable folders of categories and clients. Files that were sent from below them are not missing.
    pub(super) unreadable: Vec<PathBuf>,
}

/// Owned input of the prefetch thread, which may outlive the sync.
struct PrefetchTask {
    index: Index,
    database: Database,
    registry: Registry,
    exclusions: Arc<Exclusions>,
    categories: Vec<Category>,
    scope: Scope,
}

/// A prefetch of the source in progress.
pub(super) struct SourcePrefetch {
    result: Receiver<Result<(Storage, SourceSnapshot)>>,
}

impl PrefetchTask {
    fn run(&self) -> Result<(Storage, SourceSnapshot)> {
        let storage = Storage::open(&self.index, &self.database)?;
        let snapshot = read_source(
            &storage,
            &self.registry,
            &self.exclusions,
            &self.categories,
            &self.scope,
        )?;
        Ok((storage, snapshot))
    }
}

impl SourcePrefetch {
    /// Starts to read a local source in a thread.
    pub(super) fn start(
        index: &Index,
        registry: &Registry,
        request: &SyncRequest<'_>,
        exclusions: &Arc<Exclusions>,
    ) -> Result<Self> {
        let task = PrefetchTask {
            index: index.try_clone()?,
            database: request.source.clone(),
            registry: registry.clone(),
            exclusions: Arc::clone(exclusions),
            categories: request.categories.iter().copied().cloned().collect(),
            scope: request.scope.clone(),
        };
        let (sender, result) = mpsc::channel();
        let work = move || {
            let sent = sender.send(task.run());
            ignore(sent, "without a destination no one waits for the source");
        };
        let root = &request.source.root;
        thread::Builder::new()
            .spawn(work)
            .at("start a thread to read", root)?;
        Ok(Self { result })
    }

    /// Waits for the contents of the source.
    pub(super) fn wait(self) -> Result<(Storage, SourceSnapshot)> {
        loop {
            interrupt::check()?;
            match self.result.recv_timeout(POLL_INTERVAL) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Error::Interrupted),
            }
        }
    }
}

/// Reads all replicas in scope.
pub(super) fn read_source(
    storage: &Storage,
    registry: &Registry,
    exclusions: &Arc<Exclusions>,
    categories: &[Category],
    scope: &Scope,
) -> Result<SourceSnapshot> {
    let mut snapshot = SourceSnapshot::default();
    for (place, category) in categories.iter().enumerate() {
        let listing = storage.list_projects(registry, category, scope)?;
        let problems = listing.problems.iter().enumerate();
        snapshot.problems.extend(
            problems
                .map(|(number, problem)| (listing.problem_folder(number), problem.full_message())),
        );
        if listing.is_unreadable {
            snapshot.unreadable.push(category.path.clone());
        }
        let clients = listing.unreadable_clients.iter();
        snapshot
            .unreadable
            .extend(clients.map(|client| category.path.join(client.as_path())));
        for project in listing.projects {
            let tree = storage.tree(registry, exclusions, category, &project)?;
            snapshot.replicas.push((place, project, tree));
        }
    }
    Ok(snapshot)
}
