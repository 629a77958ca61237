//! A comparison of two databases, file by file.
//!
//! `replica` reads each replica on both sides and compares the trees folder by folder (`folder`). Contents are compared if
//! that is requested, and for files whose mtimes differ although the storage may have changed them. The result
//! is a `Comparison`; the trees are recorded in the index. `known` compares what the index holds of both, and opens none.
//!
//! Rule: an unreadable file or folder is reported as failed, and never as the same or as missing.

mod comparison;
mod folder;
mod known;
mod replica;
mod request;

use std::collections::BTreeSet;

pub use self::comparison::{CompareCounts, CompareVerdict, Comparison, DifferingItem, FileCount};
pub use self::known::compare_known;
pub use self::request::CompareRequest;

use self::comparison::ItemPlace;
use self::replica::{Comparer, ReplicaKey};
use crate::base::error::Result;
use crate::base::monitor::{Monitor, ProgressEvent, Task};
use crate::index::Index;
use crate::model::project::ProjectId;
use crate::model::registry::Registry;
use crate::storage::content_compare::{CompareSettings, ContentComparer};
use crate::storage::{Layout, Storage};

/// Compares two databases and records their contents in the index.
///
/// # Errors
/// A database is offline, or neither holds a replica in scope. Failures of the index and a cancellation also end the
/// comparison.
pub fn compare(
    index: &mut Index,
    registry: &Registry,
    request: &CompareRequest<'_>,
    monitor: &dyn Monitor,
) -> Result<Comparison> {
    let sides = open_sides(index, registry, request)?;
    let mut comparison = Comparison::of_categories(request.categories.len());
    let replicas = find_replicas(&sides, request, &mut comparison)?;
    monitor.on_event(&ProgressEvent::Started {
        task: Task::Compare,
        files: None,
        bytes: None,
    });
    for side in &sides {
        side.database_id(index)?;
    }
    // Each database has its own staging table, which needs a handle of its own.
    let mut other = index.try_clone()?;
    let on_start = |files, bytes| {
        monitor.on_event(&ProgressEvent::TotalsRaised { files, bytes });
    };
    let on_progress = |bytes| monitor.on_event(&ProgressEvent::Bytes(bytes));
    let settings = CompareSettings {
        is_offload: false,
        checksum: request.checksum,
        reread: request.reread,
        records: true,
    };
    let storages = sides.each_ref();
    let contents = ContentComparer::new(index, storages, settings, &on_start, &on_progress)?;
    let mut comparer = Comparer {
        indexes: [index, &other],
        sides: &sides,
        request,
        monitor,
        comparison,
        contents,
    };
    let observations = comparer.compare_all(&replicas);
    let Comparer {
        mut comparison,
        contents,
        ..
    } = comparer;
    monitor.on_event(&ProgressEvent::Finished);
    // Also after a cancellation, so that the next comparison does not read the same files again.
    comparison.files_read = contents.files_read;
    comparison.known = contents.known;
    let recorded = contents.finish();
    let observations = observations?;
    recorded?;
    if !index.is_read_only() {
        observations[0].write(index)?;
        observations[1].write(&mut other)?;
    }
    comparison.sort();
    Ok(comparison)
}

fn open_sides(
    index: &Index,
    registry: &Registry,
    request: &CompareRequest<'_>,
) -> Result<[Storage; 2]> {
    let layout = Layout::new(registry)?;
    let sides = [
        Storage::open(index, &layout, request.databases[0])?,
        Storage::open(index, &layout, request.databases[1])?,
    ];
    sides[0].refuse_comparison(&sides[1])?;
    Ok(sides)
}

/// Returns the replicas in scope. Folders that cannot be listed are added to the items.
fn find_replicas(
    sides: &[Storage; 2],
    request: &CompareRequest<'_>,
    comparison: &mut Comparison,
) -> Result<BTreeSet<ReplicaKey>> {
    let mut replicas = BTreeSet::new();
    for (place, category) in request.categories.iter().enumerate() {
        for side in sides {
            let listing = side.list_projects(category, &request.scope)?;
            for unread in &listing.unread {
                let verdict = CompareVerdict::Failed(unread.error.full_message());
                let below = unread.path.strip_prefix(category.base());
                let below = below.unwrap_or(&unread.path);
                let place = ItemPlace {
                    category: place,
                    project: None,
                };
                comparison.add(place, below.to_owned(), verdict);
            }
            let before: BTreeSet<ProjectId> = replicas
                .iter()
                .filter(|(other, _)| *other == place)
                .map(|(_, project): &ReplicaKey| project.composed())
                .collect();
            // A name of B in another Unicode normal form is the same project.
            let is_new = |project: &ProjectId| !before.contains(&project.composed());
            let projects = listing.projects.into_iter().filter(is_new);
            replicas.extend(projects.map(|project| (place, project)));
        }
    }
    if replicas.is_empty() && comparison.items.is_empty() {
        let database = format!(
            "{}` or `{}",
            request.databases[0].name, request.databases[1].name
        );
        let (categories, scope) = (&request.categories, &request.scope);
        return Err(sides[0].no_replica_error(categories, scope, &database)?);
    }
    Ok(replicas)
}
