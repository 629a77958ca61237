//! A look at a database behind rclone: a listing of each category, set beside the index like what is walked on a disk.

use std::path::Path;
use std::sync::Arc;

use super::discover::{Extent, Survey};
use super::walk::Sight;
use super::{Seen, emptied, expected};
use crate::base::error::Result;
use crate::base::monitor::{Event, Monitor};
use crate::base::timestamp::Moment;
use crate::index::{Draft, Index};
use crate::model::exclusion::Exclusions;
use crate::model::project::Scope;
use crate::model::registry::{Database, Registry};
use crate::snapshot::tree::Tree;
use crate::storage::RemoteSide;
use crate::storage::availability::Marks;

/// Lists everything in an extent, without writing.
pub(super) fn examine<'a>(
    index: &Index,
    registry: &Registry,
    database: &Database,
    extent: &Extent<'a>,
    monitor: &dyn Monitor,
) -> Result<Seen<'a>> {
    let began = Moment::now();
    let known = index.database(&database.root)?;
    let side = RemoteSide::open(index, database)?;
    let exclusions = Arc::new(Exclusions::new(registry.exclusion_rules())?);
    let survey = survey(&side, index, registry, extent, monitor)?;
    let mut draft = index.draft(&known)?.excluding(Arc::clone(&exclusions));
    let mut sight = Sight::default();
    for (category, project) in survey.replicas() {
        let tree = side.tree(registry, &exclusions, category, project)?;
        if tree.folders.is_empty() && tree.failure().is_none() {
            sight.absent.push((category, project.clone()));
            continue;
        }
        let place = draft.replica(&category.path, project)?;
        take(&mut sight, &mut draft, place, tree, monitor)?;
        draft.complete(place)?;
    }
    let drafted = draft.finish()?;
    let clients: usize = survey.listings.iter().map(|listing| listing.clients).sum();
    let is_blind = survey.unreadable + sight.unreadable > 0 || sight.holds_something;
    let whole = extent.is_whole(registry);
    if whole && known.files > 0 && known.identity.is_none() && !is_blind && clients == 0 {
        return Err(emptied(database, &known));
    }
    Ok(Seen {
        known,
        began,
        marks: Marks::of_remote(side.identity()),
        survey,
        sight,
        drafted,
        remote: Some(side),
    })
}

/// What is in the categories.
fn survey<'a>(
    side: &RemoteSide,
    index: &Index,
    registry: &Registry,
    extent: &Extent<'a>,
    monitor: &dyn Monitor,
) -> Result<Survey<'a>> {
    let known = index.database(&side.database.root)?;
    let mut expected = expected(index, &known, extent)?;
    let mut survey = Survey::default();
    for category in &extent.categories {
        let inner = registry.inner_categories(category);
        let mut listing = side.listing(category, &extent.scope, &inner)?;
        match &extent.scope {
            Scope::Project(project) => {
                listing.projects.insert(project.clone());
            }
            Scope::Client(_) => expected.extend(listing.projects.iter().cloned()),
            Scope::All => {}
        }
        for problem in &listing.problems {
            survey.unreadable += 1;
            monitor.event(&Event::Problem(problem));
        }
        survey.listings.push(listing);
    }
    if matches!(extent.scope, Scope::Client(_)) {
        for listing in &mut survey.listings {
            listing.expect(&expected);
        }
    }
    Ok(survey)
}

/// Takes in the tree of a replica.
fn take(
    sight: &mut Sight<'_>,
    draft: &mut Draft<'_>,
    place: usize,
    tree: Tree,
    monitor: &dyn Monitor,
) -> Result<()> {
    for problem in &tree.problems {
        sight.unreadable += 1;
        monitor.event(&Event::Problem(&problem.error));
    }
    if let Some(step) = tree.proven {
        draft.step(place, step);
    }
    if tree.failure().is_some() {
        return draft.closed(place, Path::new(""));
    }
    for (path, folder) in tree.folders {
        match folder.files {
            Some(files) => {
                sight.holds_something |= files.tally.files > 0;
                monitor.event(&Event::Folders(1));
                monitor.event(&Event::Files(files.tally.files));
                draft.folder(place, files)?;
            }
            None => draft.closed(place, &path)?,
        }
    }
    Ok(())
}
