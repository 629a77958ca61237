//! Replicas that agree by names, sizes and times, and of which a comparison of contents found that they differ.

use super::{ProjectSummary, ReplicaStatus};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::index::{FolderFiles, Index};
use crate::model::project::{ProjectId, Scope, path_within, replica_path};
use crate::model::registry::Registry;
use crate::snapshot::time_alias::{AlteredTime, AlteredTimes};

/// Of two replicas that are present and hold a file of one size and time with other contents, the later one differs.
pub(super) fn mark_content_differences(
    index: &Index,
    registry: &Registry,
    projects: &mut [ProjectSummary],
) -> Result<()> {
    if !index.has_differing_files()? {
        return Ok(());
    }
    let databases = registry.databases().iter();
    let rows = databases.map(|database| index.database_id(&database.root));
    let rows = rows.collect::<Result<Vec<Option<i64>>>>()?;
    for state in projects {
        let ProjectSummary { project, replicas } = state;
        for (category, row) in registry
            .categories()
            .iter()
            .zip(replicas.chunks_mut(rows.len()))
        {
            for second in 1..row.len() {
                for first in 0..second {
                    let present = [first, second].map(|at| row[at].state == ReplicaStatus::Present);
                    let (Some(a), Some(b)) = (rows[first], rows[second]) else {
                        continue;
                    };
                    if present == [true; 2]
                        && has_content_difference(index, [a, b], &category.path, project)?
                    {
                        row[second].state = ReplicaStatus::Differs;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Whether the last look at both databases shows a file that is known to differ as it was when it was compared.
fn has_content_difference(
    index: &Index,
    databases: [i64; 2],
    category: &std::path::Path,
    project: &ProjectId,
) -> Result<bool> {
    let replica = replica_path(category, project);
    for (folder, files) in index.differing_files(databases, &replica)? {
        let scope = Scope::Project(project.clone());
        let mut matching = [AlteredTimes::new(), AlteredTimes::new()];
        for (side, (database, shown)) in databases.iter().zip(&mut matching).enumerate() {
            let time_of = |file: &AlteredTime| {
                if side == 0 {
                    file.original
                } else {
                    file.reported
                }
            };
            let mut visit = |known: &FolderFiles<'_>| -> Result<bool> {
                if path_within(&replica, known.path) != folder {
                    return Ok(true);
                }
                let mut all = known.files();
                while let Some(file) = all
                    .next()
                    .map_err(|malformed| index.damaged_error(malformed))?
                {
                    let name = Name::from_bytes(file.name.to_vec());
                    let is_unchanged = |then: &AlteredTime| {
                        (then.bytes, time_of(then)) == (file.bytes, file.modified)
                    };
                    if let Some(compared) = files.get(&name).filter(|then| is_unchanged(then)) {
                        shown.insert(name, *compared);
                    }
                }
                Ok(false)
            };
            index.visit_folders(*database, category, &scope, &mut visit)?;
        }
        if matching[0]
            .keys()
            .any(|name| matching[1].contains_key(name))
        {
            return Ok(true);
        }
    }
    Ok(false)
}
