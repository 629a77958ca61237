//! The comparison of what the index holds of two databases. No storage is opened, so that both may be offline.
//!
//! Rule: what was never scanned, or could not be read by its scan, is reported as failed, and never as missing.

use std::collections::BTreeMap;

use super::comparison::{CompareVerdict, Comparison, ItemPlace};
use super::request::CompareRequest;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::unit;
use crate::index::overview::add_holders;
use crate::index::{DatabaseId, Index, KnownReplica};
use crate::model::exclusion::Exclusions;
use crate::model::project::ProjectId;
use crate::model::registry::{Category, Registry};
use crate::snapshot::respelled;
use crate::snapshot::tree::Tree;
use crate::storage::content_compare::ContentComparison;
use crate::storage::known_tree::read_known_tree;

/// Compares two databases as they were last scanned.
///
/// # Errors
/// Neither holds a replica in scope. Failures of the index and a cancellation also end the comparison.
pub fn compare_known(
    index: &Index,
    registry: &Registry,
    request: &CompareRequest<'_>,
) -> Result<Comparison> {
    let _view = index.read_transaction()?;
    let [a, b] = request
        .databases
        .map(|database| index.database(&database.root));
    let known = [a?, b?];
    let mut comparison = Comparison::of_categories(request.categories.len());
    comparison.scanned_at = Some(known.each_ref().map(|database| database.scanned_at));
    let ids = known.map(|database| database.id);
    let exclusions = Exclusions::new(registry.exclusion_rules())?;
    let scans = KnownScans {
        index,
        ids,
        exclusions,
    };
    for place in 0..request.categories.len() {
        compare_category(&scans, request, place, &mut comparison)?;
    }
    if comparison.projects.is_empty() && comparison.items.is_empty() {
        return Err(nothing_known_error(index, registry, request)?);
    }
    comparison.sort();
    Ok(comparison)
}

/// The last scans of both databases.
struct KnownScans<'a> {
    index: &'a Index,
    ids: [Option<DatabaseId>; 2],
    /// Files that they exclude are left out, also if a scan from before the rule holds them.
    exclusions: Exclusions,
}

fn compare_category(
    scans: &KnownScans<'_>,
    request: &CompareRequest<'_>,
    place: usize,
    comparison: &mut Comparison,
) -> Result<()> {
    let index = scans.index;
    let category = request.categories[place];
    let mut scanned = [false; 2];
    let mut projects: BTreeMap<ProjectId, [Option<KnownReplica>; 2]> = BTreeMap::new();
    for (side, id) in scans.ids.into_iter().enumerate() {
        let Some(id) = id else {
            continue;
        };
        scanned[side] = index.category_scanned_at(id, category.key())?.is_some();
        for replica in index.replicas(id, category.key())? {
            if request.scope.contains(&replica.project) {
                let key = replica.project.composed();
                projects.entry(key).or_default()[side] = Some(replica);
            }
        }
    }
    for (project, replicas) in projects {
        interrupt::check()?;
        let present = replicas.each_ref().map(|replica| {
            let replica = replica.as_ref();
            replica.filter(|replica| replica.present)
        });
        if let [None, None] = present {
            continue;
        }
        let mut sides = [0, 1].into_iter();
        if let Some(side) = sides.find(|side| replicas[*side].is_none() && !scanned[*side]) {
            let name = &request.databases[side].name;
            let why = format!("unknown: it was never scanned on {name}");
            add_failure(comparison, place, &project, why);
        } else {
            compare_replica(scans, request, (place, category), present, comparison)?;
        }
    }
    Ok(())
}

/// Compares one replica that at least one database holds.
fn compare_replica(
    scans: &KnownScans<'_>,
    request: &CompareRequest<'_>,
    (place, category): (usize, &Category),
    present: [Option<&KnownReplica>; 2],
    comparison: &mut Comparison,
) -> Result<()> {
    let Some(project) = present.iter().flatten().next().map(|known| &known.project) else {
        return Ok(());
    };
    let (index, ids) = (scans.index, scans.ids);
    let tree = |side: usize| match ids[side].zip(present[side]) {
        Some((id, known)) => {
            read_known_tree(index, id, category, &known.project, &scans.exclusions)
        }
        None => Ok(Tree::default()),
    };
    let (first, mut second) = (tree(0)?, tree(1)?);
    // Without the storages, only spellings in another Unicode form are known to be one name.
    respelled::respell(&first, &mut second, &|_, _| false);
    let relative = category.replica_path(project);
    let contents = ContentComparison::from_index(index, ids, &relative, [&first, &second])?;
    for (side, known) in present.iter().enumerate() {
        let unreadable = known.map_or(0, |known| known.aggregate.unreadable);
        if unreadable > 0 {
            let name = &request.databases[side].name;
            let entries = unit::format_counted(unreadable, "file or folder");
            let why = format!("the last scan of {name} could not read {entries}");
            add_failure(comparison, place, project, why);
        }
    }
    comparison.compare_trees(place, project, &[first, second], &contents);
    Ok(())
}

fn add_failure(comparison: &mut Comparison, place: usize, project: &ProjectId, why: String) {
    let item = ItemPlace {
        category: place,
        project: Some(comparison.project_position(project)),
    };
    comparison.add(item, project.path(), CompareVerdict::Failed(why));
}

fn nothing_known_error(
    index: &Index,
    registry: &Registry,
    request: &CompareRequest<'_>,
) -> Result<Error> {
    let names = request.databases.map(|database| &*database.name);
    let place = match request.categories.as_slice() {
        [category] => format!("category `{}`", category.name),
        _ => "any category".to_owned(),
    };
    let error = Error::ReplicaNotFound {
        project: request.scope.name(),
        place,
        database: names.join("` or `"),
        suggestions: Vec::new(),
        elsewhere: Vec::new(),
    };
    add_holders(error, index, registry, &request.categories, &request.scope)
}
