//! Looking at the disks and bringing the index up to date.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::exclusions::Exclusions;
use crate::identity;
use crate::index::{Changes, Index, KnownDatabase, LookWriter};
use crate::listing::{Listing, is_mounted, list, require_mounted};
use crate::monitor::{Event, Monitor};
use crate::os::folder::Folder;
use crate::os::stat::Kind;
use crate::presence;
use crate::project::{ProjectId, Scope};
use crate::registry::{Category, Database, Registry};
use crate::sight::{Before, Sight, see, see_replica};
use crate::tree::Entry;
use crate::units;

/// What a look at a database came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LookState {
    /// Everything was seen.
    Complete,
    /// Some of it could not be read.
    Partial,
    /// It was not there; the last look stays.
    Offline,
    /// The last look was recent enough.
    Fresh,
}

impl LookState {
    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Offline => "offline",
            Self::Fresh => "fresh",
        }
    }
}

/// A look at one database: what the index knows of it now, and what was different from before.
#[derive(Debug)]
pub struct Look {
    /// How it went.
    pub state: LookState,
    /// Files and links in all tracked categories.
    pub files: u64,
    /// Their apparent bytes.
    pub bytes: u64,
    /// Projects.
    pub projects: u64,
    /// What changed since the look before.
    pub changes: Changes,
    /// Files and folders that could not be looked at.
    pub unreadable: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Looks at a database, as far as the scope goes, and writes what changed.
///
/// # Errors
/// The index cannot be written, or the look was interrupted; the index then holds the look before, whole.
pub fn look(
    index: &mut Index,
    registry: &Registry,
    database: &Database,
    scope: &Scope,
    monitor: &dyn Monitor,
) -> Result<Look> {
    let start = Instant::now();
    index.require_writable()?;
    let exclusions = Exclusions::new(registry.exclusions())?;
    let known = index.database(&database.root)?;
    let task = format!("looking at {}", database.name);
    monitor.event(&Event::Started {
        task: &task,
        files: Some(known.files).filter(|files| *files > 0),
        bytes: None,
    });
    let before = before(index, registry, &known, scope)?;
    let seen = presence::open(database, &known).and_then(|root| {
        let sight = see(&root, registry, scope, before, &exclusions, monitor)?;
        refuse_emptiness(database, registry, &known, (&root, &sight))?;
        Ok((sight, root))
    });
    monitor.event(&Event::Finished);
    let (changes, state, unreadable) = match seen {
        Ok((sight, root)) => {
            // With nothing but closed folders in sight, nothing is known to be gone.
            let blind = sight.unreadable > 0 && !holds_something(&sight);
            let whole = *scope == Scope::All && !blind;
            let changes = write(index, database, &sight, &root, known.revision, whole)?;
            let state = if sight.unreadable > 0 {
                LookState::Partial
            } else {
                LookState::Complete
            };
            (changes, state, sight.unreadable)
        }
        Err(error @ Error::Offline { .. }) => {
            monitor.event(&Event::Problem(&error));
            index
                .write_look(&database.root, known.revision)?
                .finish_offline()?;
            (Changes::default(), LookState::Offline, 0)
        }
        Err(error) => return Err(error),
    };
    let known = summary(index, registry, database)?;
    Ok(Look {
        state,
        changes,
        unreadable,
        elapsed: start.elapsed(),
        ..known
    })
}

/// Whether a look found anything that is not a folder, or anything that it must not look at.
fn holds_something(sight: &Sight<'_>) -> bool {
    let trees = || sight.replicas.iter().filter_map(|seen| seen.tree.as_ref());
    let is_content = |entry: &Entry| entry.kind != Kind::Folder;
    trees().any(|tree| tree.excluded > 0 || tree.entries.iter().any(is_content))
}

/// A database in which not even a client's folder is left, though files are known there, is taken for another disk or a
/// mount point with nothing but categories in it: offline, never empty. One that its identity file proves to be itself
/// was emptied by somebody.
fn refuse_emptiness(
    database: &Database,
    registry: &Registry,
    known: &KnownDatabase,
    (root, sight): (&Folder, &Sight<'_>),
) -> Result<()> {
    let is_known = |category: &&Category| known.categories.contains(&category.path);
    let tracked: Vec<_> = registry.categories().iter().filter(is_known).collect();
    if tracked.is_empty()
        || known.identity.is_some()
        || sight.unreadable > 0
        || holds_something(sight)
    {
        return Ok(());
    }
    for category in tracked {
        let inner = registry.inner_categories(category);
        let listing = list(root, category, &Scope::All, &inner, &BTreeSet::new())?;
        if listing.unread || listing.clients > 0 {
            return Ok(());
        }
    }
    let files = units::counted(known.files, "file");
    let why = format!("holds no client in any category, though the index knows {files} there");
    Err(Error::Offline {
        database: database.name.clone(),
        root: database.root.clone(),
        why,
    })
}

/// What the index knows of a database, without looking.
///
/// # Errors
/// The index cannot be read.
pub fn summary(index: &Index, registry: &Registry, database: &Database) -> Result<Look> {
    let mut projects = BTreeSet::new();
    let (mut files, mut bytes, mut unreadable) = (0, 0, 0);
    if let Some(id) = index.database(&database.root)?.id {
        for category in registry.categories() {
            for replica in index
                .replicas(id, &category.path)?
                .into_iter()
                .filter(|replica| replica.present)
            {
                files += replica.aggregate.files;
                bytes = u64::saturating_add(bytes, replica.aggregate.bytes);
                unreadable += replica.aggregate.unreadable;
                projects.insert(replica.project);
            }
        }
    }
    let (changes, elapsed) = (Changes::default(), Duration::ZERO);
    let projects = projects.len() as u64;
    Ok(Look {
        state: LookState::Fresh,
        files,
        bytes,
        projects,
        changes,
        unreadable,
        elapsed,
    })
}

/// What was known before a look.
///
/// Of a client all projects that are known anywhere are looked for, so that it is noted where they are not; a look at
/// everything notes that by the whole listing, and one at a project asks for that one alone.
fn before(
    index: &Index,
    registry: &Registry,
    known: &KnownDatabase,
    scope: &Scope,
) -> Result<Before> {
    let mounted = known
        .id
        .map_or(Ok(BTreeSet::new()), |id| index.mounted(id))?;
    let mut expected = BTreeSet::new();
    if matches!(scope, Scope::Client(_)) {
        for database in registry.databases() {
            let Some(id) = index.database(&database.root)?.id else {
                continue;
            };
            for category in registry.categories() {
                expected.append(&mut index.projects(id, &category.path)?);
            }
        }
        expected.retain(|project| scope.contains(project));
    }
    Ok(Before { expected, mounted })
}

/// Looks again at single replicas of a database that is open, so that the index knows what a run did there.
///
/// # Errors
/// The index cannot be written, or the look was interrupted.
pub fn look_again<'a>(
    index: &mut Index,
    registry: &'a Registry,
    database: &Database,
    root: &Folder,
    replicas: impl IntoIterator<Item = (&'a Category, &'a ProjectId)>,
) -> Result<()> {
    let exclusions = Exclusions::new(registry.exclusions())?;
    let known = index.database(&database.root)?;
    let mounted = known
        .id
        .map_or(Ok(BTreeSet::new()), |id| index.mounted(id))?;
    let mut sight = Sight::default();
    for (category, project) in replicas {
        require_mounted(root, category, &mounted)?;
        if is_mounted(root, category) {
            sight.mounted.insert(category.path.clone());
        }
        let inner = registry.inner_categories(category);
        let seen = see_replica(root, category, project, &exclusions, &inner)?;
        sight.replicas.push(seen);
    }
    write(index, database, &sight, root, known.revision, false)?;
    Ok(())
}

/// Writes what was seen since the database had this revision.
fn write(
    index: &mut Index,
    database: &Database,
    sight: &Sight<'_>,
    root: &Folder,
    since: i64,
    whole: bool,
) -> Result<Changes> {
    let writer = index.write_look(&database.root, since)?;
    // Opening the database has read it already; one that was unreadable since then stays as it is known.
    if let Ok(Some(identity)) = identity::read(root) {
        writer.identity(&identity)?;
    }
    let mut changes = Changes::default();
    for category in &sight.mounted {
        writer.mounted(category)?;
    }
    for seen in &sight.replicas {
        changes += match &seen.tree {
            Some(tree) => writer.replica(&seen.category.path, &seen.project, tree)?,
            None => writer.absent(&seen.category.path, &seen.project)?,
        };
    }
    for listing in &sight.listings {
        changes += write_listing(&writer, listing, whole)?;
    }
    writer.finish(whole && sight.unreadable == 0)?;
    Ok(changes)
}

/// Writes what was found in a category.
fn write_listing(writer: &LookWriter<'_>, listing: &Listing<'_>, whole: bool) -> Result<Changes> {
    let category = &listing.category.path;
    if listing.unread {
        writer.unread(category, None)?;
        return Ok(Changes::default());
    }
    let unread = |project: &ProjectId| listing.unread_clients.contains(&project.client);
    let there = |project: &ProjectId| listing.projects.contains(project) || unread(project);
    let changes = if whole {
        writer.category(category, &there)?
    } else {
        Changes::default()
    };
    if whole && listing.unread_clients.is_empty() {
        writer.listed(category)?;
    }
    for client in &listing.unread_clients {
        writer.unread(category, Some(client))?;
    }
    Ok(changes)
}
