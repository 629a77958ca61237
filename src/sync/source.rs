//! The prefetch of a sync's source: a local source is read while the destination connects. Nothing is recorded in the index
//! before the destination has answered.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::request::SyncRequest;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::copy::source::SourceSnapshot;
use crate::index::Index;
use crate::model::project::Scope;
use crate::model::registry::{Category, Database};
use crate::storage::{Layout, Storage};

/// Time between two checks for a cancellation.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Owned input of the prefetch thread, which may outlive the sync.
struct PrefetchTask {
    index: Index,
    database: Database,
    layout: Arc<Layout>,
    categories: Vec<Category>,
    scope: Scope,
}

/// A prefetch of the source in progress.
pub(super) struct SourcePrefetch {
    result: Receiver<Result<(Storage, SourceSnapshot)>>,
}

impl PrefetchTask {
    fn run(&self) -> Result<(Storage, SourceSnapshot)> {
        let storage = Storage::open(&self.index, &self.layout, &self.database)?;
        let snapshot = SourceSnapshot::read(&storage, &self.categories, &self.scope, &|_| {})?;
        Ok((storage, snapshot))
    }
}

impl SourcePrefetch {
    /// Starts to read a local source in a thread.
    pub(super) fn start(
        index: &Index,
        layout: &Arc<Layout>,
        request: &SyncRequest<'_>,
    ) -> Result<Self> {
        let task = PrefetchTask {
            index: index.try_clone()?,
            database: request.source.clone(),
            layout: Arc::clone(layout),
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
