//! Differences between replicas that agree by names, sizes and times, found by an earlier comparison of contents.

use std::path::Path;

use super::summary::{ProjectSummary, ReplicaStatus};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::{DatabaseId, FolderFiles, Index};
use crate::model::project::{ProjectId, Scope, path_within, replica_path};
use crate::model::registry::Registry;
use crate::snapshot::time_alias::{AlteredTime, AlteredTimes};

/// Marks the later of two present replicas as different if a file in both is known to have different contents.
pub(super) fn mark_content_differences(
    index: &Index,
    registry: &Registry,
    projects: &mut [ProjectSummary],
) -> Result<()> {
    if !index.has_differing_files()? {
        return Ok(());
    }
    let databases = registry.databases().iter();
    let ids = databases.map(|database| index.database_id(&database.root));
    let ids = ids.collect::<Result<Vec<Option<DatabaseId>>>>()?;
    for ProjectSummary { project, replicas } in projects {
        let rows = replicas.chunks_mut(ids.len());
        for (category, row) in registry.categories().iter().zip(rows) {
            for (second, first) in (1..row.len()).flat_map(|b| (0..b).map(move |a| (b, a))) {
                let is_present = |place: usize| row[place].state == ReplicaStatus::Present;
                if let (Some(a), Some(b)) = (ids[first], ids[second])
                    && is_present(first)
                    && is_present(second)
                    && has_content_difference(index, [a, b], &category.path, project)?
                {
                    row[second].state = ReplicaStatus::Differs;
                }
            }
        }
    }
    Ok(())
}

/// True if a file that is known to differ is unchanged on both databases since it was compared.
fn has_content_difference(
    index: &Index,
    databases: [DatabaseId; 2],
    category: &Path,
    project: &ProjectId,
) -> Result<bool> {
    let replica = replica_path(category, project);
    let times: [fn(&AlteredTime) -> Timestamp; 2] = [|file| file.original, |file| file.reported];
    for (folder, mut files) in index.differing_files(databases, &replica)? {
        for (database, time_of) in databases.into_iter().zip(times) {
            let mut unchanged = AlteredTimes::new();
            let scope = Scope::Project(project.clone());
            index.visit_folders(database, category, &scope, &mut |known| {
                if path_within(&replica, known.path) != folder {
                    return Ok(true);
                }
                unchanged = unchanged_files(known, &files, time_of);
                Ok(false)
            })?;
            files = unchanged;
        }
        if !files.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the compared files that still have their size and time in a folder.
fn unchanged_files(
    folder: &FolderFiles<'_>,
    compared: &AlteredTimes,
    time_of: fn(&AlteredTime) -> Timestamp,
) -> AlteredTimes {
    let mut unchanged = AlteredTimes::new();
    let mut files = folder.files();
    while let Some(file) = files.next() {
        let name = Name::from_bytes(file.name.to_vec());
        if let Some(then) = compared.get(&name)
            && (then.bytes, time_of(then)) == (file.bytes, file.modified)
        {
            unchanged.insert(name, *then);
        }
    }
    unchanged
}
