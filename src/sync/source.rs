//! Looking at the source of a sync: on a disk while the destination is asked whether it answers, behind rclone after that.
//! Nothing of it is told to the index before the destination has answered.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::SyncRequest;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::interrupt;
use crate::index::Index;
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Database, Registry};
use crate::snapshot::tree::Tree;
use crate::storage::Storage;

/// How long is waited at once before Ctrl-C is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What the source holds.
#[derive(Default)]
pub(super) struct SourceSnapshot {
    /// The replicas that are there: the category by its place, the project and what it holds.
    pub(super) replicas: Vec<(usize, ProjectId, Tree)>,
    /// Folders that could not be listed, below the root, and why.
    pub(super) problems: Vec<(PathBuf, String)>,
    /// Folders of which nothing is known: what was sent from below them is not gone.
    pub(super) unreadable: Vec<PathBuf>,
}

/// What is to be looked at, by somebody who may outlive the one who asked.
struct PrefetchTask {
    index: Index,
    database: Database,
    registry: Registry,
    exclusions: Arc<Exclusions>,
    categories: Vec<Category>,
    scope: Scope,
}

/// A look under way.
pub(super) struct SourcePrefetch {
    result: Receiver<Result<(Arc<Storage>, SourceSnapshot)>>,
}

impl PrefetchTask {
    fn run(&self) -> Result<(Arc<Storage>, SourceSnapshot)> {
        let storage = Storage::open(&self.index, &self.database)?;
        let snapshot = read_source(
            &storage,
            &self.registry,
            &self.exclusions,
            &self.categories,
            &self.scope,
        )?;
        Ok((Arc::new(storage), snapshot))
    }
}

impl SourcePrefetch {
    /// Begins to look at a source on a disk.
    pub(super) fn start(
        index: &Index,
        registry: &Registry,
        request: &SyncRequest<'_>,
        exclusions: &Arc<Exclusions>,
    ) -> Result<Self> {
        let spec = PrefetchTask {
            index: index.try_clone()?,
            database: request.source.clone(),
            registry: registry.clone(),
            exclusions: Arc::clone(exclusions),
            categories: request
                .categories
                .iter()
                .map(|category| (*category).clone())
                .collect(),
            scope: request.scope.clone(),
        };
        let (sender, answer) = mpsc::channel();
        // Nobody listens any more where the destination did not answer.
        let work = move || sender.send(spec.run()).unwrap_or_default();
        let root = &request.source.root;
        thread::Builder::new()
            .spawn(work)
            .at("begin a thread for the look at", root)?;
        Ok(Self { result: answer })
    }

    /// What was seen, once all of it was.
    pub(super) fn wait(self) -> Result<(Arc<Storage>, SourceSnapshot)> {
        loop {
            interrupt::check()?;
            match self.result.recv_timeout(POLL_INTERVAL) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Error::Interrupted),
            }
        }
    }
}

/// Looks at everything that is meant.
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
                .map(|(place, problem)| (listing.problem_folder(place), problem.full_message())),
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
