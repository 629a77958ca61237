//! Published indexes in a session: written after a run that changed what is known of a storage, taken over at its start.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::unit;
use crate::index::overview;
use crate::index::{ChangeCount, FileSignature, Index};
use crate::language::lexer::quote;
use crate::model::registry::{Database, Registry};
use crate::publish;
use crate::publish::TakenPublication;
use crate::publish::at_start::unseen_publications;
use crate::storage::{Layout, Storage};

/// Largest published index that is taken over without being asked for, in bytes: about two million files.
const MAX_UNASKED_BYTES: u64 = 64 << 20;

/// The changes of all storages before a run, by the name of the storage.
pub(super) type ChangesBefore = BTreeMap<String, ChangeCount>;

/// Returns the number of changes of each storage that the index knows.
pub(super) fn count_changes(index: &mut Index, registry: &Registry) -> Result<ChangesBefore> {
    let mut counts = ChangesBefore::new();
    for database in registry.databases() {
        if let Some(id) = index.database_id(&database.root)? {
            counts.insert(database.name.clone(), index.change_count(id)?);
        }
    }
    Ok(counts)
}

/// Publishes the index of each storage of which more is known than before a run. Returns false if a storage could not be
/// written; one that is read-only is passed over.
pub(super) fn publish_changed(
    (index, registry): (&mut Index, &Registry),
    before: &ChangesBefore,
    monitor: &dyn Monitor,
) -> Result<bool> {
    let mut is_complete = true;
    for database in registry.databases() {
        let Some(id) = index.database_id(&database.root)? else {
            continue;
        };
        let now = index.change_count(id)?;
        let is_unread = index.database(&database.root)?.offline_since.is_some();
        if is_unread || before.get(&database.name) == Some(&now) {
            continue;
        }
        match publish_one(index, registry, database) {
            Err(error) if is_read_only(&error) => {
                let notice = format!(
                    "the index of {} is not published: the storage is read-only",
                    database.name
                );
                monitor.on_event(&ProgressEvent::Notice(&notice));
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                monitor.on_event(&ProgressEvent::Problem(&error));
                is_complete = false;
            }
            Ok(()) => {}
        }
    }
    Ok(is_complete)
}

fn publish_one(index: &mut Index, registry: &Registry, database: &Database) -> Result<()> {
    let layout = Layout::new(registry)?;
    let storage = Storage::open(index, &layout, database)?;
    publish::publish(index, &storage)
}

fn is_read_only(error: &Error) -> bool {
    let kinds = [ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied];
    matches!(error, Error::Io { source, .. } if kinds.contains(&source.kind()))
}

/// Takes over the published index of a storage, whether it is new or not.
pub(super) fn take_over(
    index: &mut Index,
    layout: &Arc<Layout>,
    database: &Database,
) -> Result<TakenPublication> {
    let storage = Storage::open(index, layout, database)?;
    let taken = publish::take_over(index, &storage, true)?;
    taken.ok_or_else(|| Error::NotPublished {
        database: database.name.clone(),
    })
}

impl Workspace {
    /// Takes over the published indexes that changed since this workstation saw them. A failure is a notice: the answers of
    /// the session come from what is known.
    pub fn take_over_publications(&mut self) -> Result<()> {
        if self.dry_run || self.index.is_read_only() {
            return Ok(());
        }
        let unseen = unseen_publications(&self.index, self.registry.databases())?;
        if unseen.is_empty() {
            return Ok(());
        }
        for unseen in &unseen {
            let taken = take_over_unasked(
                (&mut self.index, &self.registry),
                &unseen.database,
                unseen.signature,
            );
            if let Some(notice) = taken? {
                self.monitor.on_event(&ProgressEvent::Notice(&notice));
            }
        }
        overview::refresh(&mut self.index, &self.registry);
        Ok(())
    }
}

/// Takes over a published index that nobody asked for, and returns what people should know of it. A large one is only
/// announced.
fn take_over_unasked(
    (index, registry): (&mut Index, &Registry),
    database: &Database,
    signature: FileSignature,
) -> Result<Option<String>> {
    let layout = Layout::new(registry)?;
    match Storage::open(index, &layout, database) {
        Ok(storage) => take_over_from(index, &storage, signature),
        // The storage itself is reported by the commands that need it.
        Err(Error::Offline { .. }) => Ok(None),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => Ok(Some(error.full_message())),
    }
}

/// Takes over a published index in this state, unless it is large.
pub(super) fn take_over_from(
    index: &mut Index,
    storage: &Storage,
    signature: FileSignature,
) -> Result<Option<String>> {
    let database = storage.database();
    let name = &database.name;
    if signature.bytes > MAX_UNASKED_BYTES {
        let size = unit::format_bytes(signature.bytes);
        let word = quote(name.as_ref());
        return Ok(Some(format!(
            "{name} carries a newer index ({size}): `load {word} --published` takes it over"
        )));
    }
    match publish::take_over(index, storage, false) {
        Ok(Some(taken)) if !taken.taken.is_empty() => Ok(Some(sentence(name, &taken))),
        Ok(_) | Err(Error::Offline { .. }) => Ok(None),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error @ Error::Publication { .. }) => {
            publish::record_refusal(index, database, signature)?;
            Ok(Some(error.full_message()))
        }
        Err(error) => Ok(Some(error.full_message())),
    }
}

/// `NAS: took over the index that ws1 published 2 h ago`.
fn sentence(name: &str, taken: &TakenPublication) -> String {
    let host = &taken.header.host;
    format!(
        "{name}: took over the index that {} published {}",
        host.name,
        host.seen_at.ago()
    )
}
