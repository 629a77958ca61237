//! A load from beginning to end: all its databases side by side, but one at a time on each disk.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use super::discover::Extent;
use super::{Look, LookState, look};
use crate::base::error::{Error, Result};
use crate::base::monitor::{Event, Monitor};
use crate::index::Index;
use crate::index::overview;
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Database, Registry};
use crate::os::disk::Turns;
use crate::storage::Side;
use crate::storage::observation::Noting;

/// Looks at databases, as far as the extent goes, and writes what changed in each; the looks are in their order.
///
/// # Errors
/// What the first of them says that failed; the others were looked at all the same, unless it was an interruption.
pub fn look_at_all(
    index: &mut Index,
    registry: &Registry,
    databases: &[&Database],
    extent: &Extent<'_>,
    monitor: &dyn Monitor,
) -> Result<Vec<Look>> {
    index.follow()?;
    let mut files = 0;
    for database in databases {
        files += known_files(index, database, extent)?;
    }
    monitor.event(&Event::Started {
        task: "looking",
        files: Some(files).filter(|files| *files > 0),
        bytes: None,
    });
    let turns = Turns::default();
    let look = |index: &mut Index, database: &Database| {
        monitor.event(&Event::Entered(&database.name));
        let seen = look(index, registry, database, extent, &turns, monitor);
        monitor.event(&Event::Left(&database.name));
        seen
    };
    let looks = side_by_side(index, databases, &look);
    monitor.event(&Event::Finished);
    let mut looks = looks?;
    if matches!(extent.scope, Scope::Client(_)) {
        for (database, look) in databases.iter().zip(&mut looks) {
            if look.state == LookState::Complete {
                match look_for_the_rest(index, registry, database, extent) {
                    Err(Error::Interrupted) => return Err(Error::Interrupted),
                    Err(error) => {
                        monitor.event(&Event::Problem(&error));
                        look.state = LookState::Partial;
                    }
                    Ok(()) => {}
                }
            }
        }
    }
    Ok(looks)
}

/// How many files the last look at this part of a database saw.
fn known_files(index: &Index, database: &Database, extent: &Extent<'_>) -> Result<u64> {
    let Some(id) = index.database(&database.root)?.id else {
        return Ok(0);
    };
    let mut files = 0;
    for category in &extent.categories {
        let replicas = index.replicas(id, &category.path)?.into_iter();
        let meant = replicas.filter(|replica| extent.scope.contains(&replica.project));
        files += meant.map(|replica| replica.aggregate.files).sum::<u64>();
    }
    Ok(files)
}

/// Looks for those of a client's projects that other databases hold and this one was not seen to, so that it is noted
/// that they are not there. A look at everything notes that by its listing.
fn look_for_the_rest(
    index: &mut Index,
    registry: &Registry,
    database: &Database,
    extent: &Extent<'_>,
) -> Result<()> {
    let known = index.database(&database.root)?;
    let Some(id) = known.id else {
        return Ok(());
    };
    let mut rest = overview::projects(index, registry, registry.databases())?;
    rest.retain(|project| extent.scope.contains(project));
    let mut replicas = Vec::new();
    for category in &extent.categories {
        let noted = index.replicas(id, &category.path)?.into_iter();
        let noted: BTreeSet<_> = noted.map(|replica| replica.project).collect();
        let is_new = |project: &&ProjectId| !noted.contains(*project);
        replicas.extend(
            rest.iter()
                .filter(is_new)
                .map(|project| (*category, project.clone())),
        );
    }
    if replicas.is_empty() {
        return Ok(());
    }
    let side = Side::open(index, database)?;
    let exclusions = Arc::new(Exclusions::new(registry.exclusion_rules())?);
    // Of a remote, so that one listing tells of all.
    for category in &extent.categories {
        side.listing(registry, category, &extent.scope)?;
    }
    let mut noting = Noting::begin(index, database)?;
    for (category, project) in &replicas {
        let tree = side.tree(registry, &exclusions, category, project)?;
        noting.add(category, project, &tree)?;
    }
    let noted = noting.finish()?;
    side.note(&noted, index)
}

/// Each in a thread, with the index opened once more: what one waits for holds up none of the others, and what a look
/// kept in temporary files goes with it.
fn side_by_side(
    index: &Index,
    databases: &[&Database],
    look: &(dyn Fn(&mut Index, &Database) -> Result<Look> + Sync),
) -> Result<Vec<Look>> {
    thread::scope(|scope| {
        let begin = |database| {
            let own = index.open_again();
            let begun =
                thread::Builder::new().spawn_scoped(scope, move || look(&mut own?, database));
            // Where the system gives no thread for it, it is done here, before the next.
            begun.map_err(|_| {
                let own = index.open_again();
                own.and_then(|mut own| look(&mut own, database))
            })
        };
        let started: Vec<_> = databases.iter().copied().map(begin).collect();
        let ended = started.into_iter().map(|started| match started {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(done) => done,
        });
        // All of them, before the first failure is told.
        ended.collect::<Vec<_>>().into_iter().collect()
    })
}
