//! Looking at the disks and bringing the index up to date.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::exclusions::Exclusions;
use crate::identity;
use crate::index::{Changes, Index};
use crate::listing::{self, Listing};
use crate::monitor::{Event, Monitor};
use crate::os::folder::{Folder, is_missing};
use crate::presence;
use crate::project::{ProjectId, Scope, below};
use crate::registry::{Category, Database, Registry};
use crate::tree::{self, Problem, Tree};

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

/// One replica as it was seen.
struct Seen<'a> {
    category: &'a Category,
    project: ProjectId,
    /// `None`: looked for and not there.
    tree: Option<Tree>,
}

/// Everything seen on one database.
#[derive(Default)]
struct Sight<'a> {
    replicas: Vec<Seen<'a>>,
    listings: Vec<Listing<'a>>,
    unreadable: u64,
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
    let expected = expected(index, registry, scope)?;
    let seen = presence::open(database, &known, registry.categories()).and_then(|root| {
        let sight = see(&root, registry, scope, expected, &exclusions, monitor)?;
        Ok((sight, root))
    });
    monitor.event(&Event::Finished);
    let (changes, state, unreadable) = match seen {
        Ok((sight, root)) => {
            let changes = write(index, database, &sight, &root, *scope == Scope::All)?;
            let state = if sight.unreadable > 0 {
                LookState::Partial
            } else {
                LookState::Complete
            };
            (changes, state, sight.unreadable)
        }
        Err(error @ Error::Offline { .. }) => {
            monitor.event(&Event::Problem(&error));
            index.write_look(&database.root)?.finish_offline()?;
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
                bytes += replica.aggregate.bytes;
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

/// The projects of a client that are known anywhere: a look at the client notes where they are not.
///
/// A look at everything notes that by the whole listing, and one at a project asks for that one alone.
fn expected(index: &Index, registry: &Registry, scope: &Scope) -> Result<BTreeSet<ProjectId>> {
    let mut projects = BTreeSet::new();
    if !matches!(scope, Scope::Client(_)) {
        return Ok(projects);
    }
    for database in registry.databases() {
        let Some(id) = index.database(&database.root)?.id else {
            continue;
        };
        for category in registry.categories() {
            projects.append(&mut index.projects(id, &category.path)?);
        }
    }
    projects.retain(|project| scope.contains(project));
    Ok(projects)
}

/// Looks at all categories, as far as the scope goes.
fn see<'a>(
    root: &Folder,
    registry: &'a Registry,
    scope: &Scope,
    mut expected: BTreeSet<ProjectId>,
    exclusions: &Exclusions,
    monitor: &dyn Monitor,
) -> Result<Sight<'a>> {
    let mut sight = Sight::default();
    let mut listings = Vec::new();
    for category in registry.categories() {
        let inner = registry.inner_categories(category);
        let listing = listing::list(root, category, scope, &inner)?;
        for problem in &listing.problems {
            sight.unreadable += 1;
            monitor.event(&Event::Problem(problem));
        }
        if matches!(scope, Scope::Client(_)) {
            expected.extend(listing.projects.iter().cloned());
        }
        listings.push((listing, inner));
    }
    for (mut listing, inner) in listings {
        listing.expect(&expected);
        for project in &listing.projects {
            let tree = see_replica(root, listing.category, project, exclusions, &inner)?;
            for problem in tree.iter().flat_map(|tree| &tree.problems) {
                sight.unreadable += 1;
                monitor.event(&Event::Problem(&problem.error));
            }
            monitor.event(&Event::Files(
                tree.as_ref().map_or(0, |tree| tree.entries.len() as u64),
            ));
            sight.replicas.push(Seen {
                category: listing.category,
                project: project.clone(),
                tree,
            });
        }
        if *scope == Scope::All && !listing.unread {
            sight.listings.push(listing);
        }
    }
    Ok(sight)
}

/// Looks at one replica; `None` if it is not there.
fn see_replica(
    root: &Folder,
    category: &Category,
    project: &ProjectId,
    exclusions: &Exclusions,
    inner: &[PathBuf],
) -> Result<Option<Tree>> {
    match tree::walk(root, &below(&category.path, project), exclusions, inner) {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Ok(Some(Tree {
            problems: vec![Problem {
                path: PathBuf::new(),
                error,
            }],
            ..Tree::default()
        })),
        Ok(tree) => Ok(Some(tree)),
    }
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
    let mut sight = Sight::default();
    for (category, project) in replicas {
        let tree = see_replica(
            root,
            category,
            project,
            &exclusions,
            &registry.inner_categories(category),
        )?;
        sight.replicas.push(Seen {
            category,
            project: project.clone(),
            tree,
        });
    }
    write(index, database, &sight, root, false)?;
    Ok(())
}

/// Writes what was seen.
fn write(
    index: &mut Index,
    database: &Database,
    sight: &Sight<'_>,
    root: &Folder,
    whole: bool,
) -> Result<Changes> {
    let identity = identity::read(root)?;
    let writer = index.write_look(&database.root)?;
    if let Some(identity) = identity {
        writer.identity(&identity)?;
    }
    let mut changes = Changes::default();
    for seen in &sight.replicas {
        changes += match &seen.tree {
            Some(tree) => writer.replica(&seen.category.path, &seen.project, tree)?,
            None => writer.absent(&seen.category.path, &seen.project)?,
        };
    }
    for listing in &sight.listings {
        let kept = |project: &ProjectId| listing.unread_clients.contains(&project.client);
        changes += writer.category(&listing.category.path, &listing.projects, &kept)?;
    }
    writer.finish(whole)?;
    Ok(changes)
}
