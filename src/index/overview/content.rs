//! Replicas that agree by names, sizes and times, and of which a comparison of contents found that they differ.

use super::{ProjectState, State};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::index::{FolderFiles, Index};
use crate::model::project::{ProjectId, Scope, below, within};
use crate::model::registry::Registry;
use crate::snapshot::time_alias::{HeldFolder, HeldTime};

/// Of two replicas that are present and hold a file of one size and time with other contents, the later one differs.
pub(super) fn tell_apart(
    index: &Index,
    registry: &Registry,
    projects: &mut [ProjectState],
) -> Result<()> {
    if !index.knows_differing()? {
        return Ok(());
    }
    let databases = registry.databases().iter();
    let rows = databases.map(|database| index.database_id(&database.root));
    let rows = rows.collect::<Result<Vec<Option<i64>>>>()?;
    for state in projects {
        let ProjectState { project, replicas } = state;
        for (category, row) in registry
            .categories()
            .iter()
            .zip(replicas.chunks_mut(rows.len()))
        {
            for second in 1..row.len() {
                for first in 0..second {
                    let present = [first, second].map(|at| row[at].state == State::Present);
                    let (Some(a), Some(b)) = (rows[first], rows[second]) else {
                        continue;
                    };
                    if present == [true; 2] && differ(index, [a, b], &category.path, project)? {
                        row[second].state = State::Differs;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Whether the last look at both databases shows a file that is known to differ as it was when it was compared.
fn differ(
    index: &Index,
    databases: [i64; 2],
    category: &std::path::Path,
    project: &ProjectId,
) -> Result<bool> {
    let replica = below(category, project);
    for (folder, files) in index.differing(databases, &replica)? {
        let scope = Scope::Project(project.clone());
        let mut shown = [HeldFolder::new(), HeldFolder::new()];
        for (side, (database, shown)) in databases.iter().zip(&mut shown).enumerate() {
            let of = |file: &HeldTime| if side == 0 { file.meant } else { file.shown };
            let mut see = |known: &FolderFiles<'_>| -> Result<bool> {
                if within(&replica, known.path) != folder {
                    return Ok(true);
                }
                let mut all = known.files();
                while let Some(file) = all.next().map_err(|malformed| index.malformed(malformed))? {
                    let name = Name::from_bytes(file.name.to_vec());
                    let is_as_then =
                        |then: &HeldTime| (then.bytes, of(then)) == (file.bytes, file.modified);
                    if let Some(then) = files.get(&name).filter(|then| is_as_then(then)) {
                        shown.insert(name, *then);
                    }
                }
                Ok(false)
            };
            index.visit_folders(*database, category, &scope, &mut see)?;
        }
        if shown[0].keys().any(|name| shown[1].contains_key(name)) {
            return Ok(true);
        }
    }
    Ok(false)
}
