//! Published indexes of remotes, taken over while the prompt waits for lines: connecting to a remote takes seconds.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::publication::take_over_from;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::ignore::ignore;
use crate::index::{Index, overview};
use crate::model::registry::{Database, Registry};
use crate::publish;
use crate::storage::{Layout, Storage};

/// A look at all remotes that goes on in a thread of its own.
#[derive(Debug)]
pub struct RemoteTakeOver(Receiver<String>);

impl RemoteTakeOver {
    /// Returns what was taken over since the last call, as messages.
    pub fn messages(&self) -> Vec<String> {
        self.0.try_iter().collect()
    }
}

impl Workspace {
    /// Starts to take over the published indexes of remotes that this workstation has not seen. Answers meanwhile come from
    /// what is known. `None` without remotes.
    ///
    /// # Errors
    /// The index cannot be opened a second time.
    pub fn begin_remote_take_over(&self) -> Result<Option<RemoteTakeOver>> {
        let has_remotes = self.registry.databases().iter().any(Database::is_remote);
        if !has_remotes || self.dry_run || self.index.is_read_only() {
            return Ok(None);
        }
        let (mut index, registry) = (self.index.try_clone()?, self.registry.clone());
        let (sender, messages) = mpsc::channel();
        let take_over = move || {
            // The storages themselves are reported by the commands that need them.
            ignore(
                take_over_all(&mut index, &registry, &sender),
                "the next session looks again",
            );
        };
        ignore(
            thread::Builder::new().spawn(take_over),
            "without a thread the next session looks",
        );
        Ok(Some(RemoteTakeOver(messages)))
    }
}

fn take_over_all(index: &mut Index, registry: &Registry, messages: &Sender<String>) -> Result<()> {
    let layout = Layout::new(registry)?;
    let mut is_changed = false;
    for database in registry.databases() {
        if !database.is_remote() {
            continue;
        }
        match take_over_one(index, &layout, database) {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Ok(Some(message)) => {
                is_changed = true;
                ignore(messages.send(message), "the prompt has ended");
            }
            Ok(None) | Err(_) => {}
        }
    }
    if is_changed {
        overview::refresh(index, registry);
    }
    Ok(())
}

fn take_over_one(
    index: &mut Index,
    layout: &Arc<Layout>,
    database: &Database,
) -> Result<Option<String>> {
    let storage = Storage::open(index, layout, database)?;
    match publish::unseen_signature(index, &storage)? {
        Some(signature) => take_over_from(index, &storage, signature),
        None => Ok(None),
    }
}
