//! Rows of databases: what they hold, whether they are online, and their free space.

use super::row::{ListPlace, ListRow, ListSum, ListedDatabase};
use super::selection::Selection;
use crate::base::error::Result;
use crate::commands::workspace::Workspace;
use crate::index::overview::ProjectSummary;
use crate::storage::availability;
use crate::storage::availability::Availability;

/// Returns a row for each database, in the order of the start-up file.
pub(super) fn rows(
    workspace: &Workspace,
    selection: &Selection,
    projects: &[ProjectSummary],
) -> Result<Vec<ListRow>> {
    let databases = workspace.registry.databases();
    let checked = availability::check_all(&workspace.index, databases)?;
    let listed = databases.iter().zip(checked);
    let listed = listed.filter(|(database, _)| selection.includes_database(&database.name));
    let rows = listed.map(|(database, checked)| {
        let index = &workspace.index;
        let id = index.database_id(&database.root)?;
        let seen = id.map_or(Ok(None), |id| index.seen_medium(id))?;
        let free = seen.as_ref().and_then(|seen| seen.free);
        let total = seen.as_ref().and_then(|seen| seen.total);
        Ok(ListRow {
            name: database.name.as_str().into(),
            projects: Vec::new(),
            sum: database_sum(selection, projects, &database.name),
            place: ListPlace::Database(ListedDatabase {
                root: database.root.clone().into(),
                online: checked.availability == Availability::Online,
                attributes: database.attributes.clone(),
                media: match &database.attributes.medium {
                    Some(name) => vec![name.clone()],
                    None => seen.map(|seen| seen.media).unwrap_or_default(),
                },
                availability: checked.availability,
                free: checked.space.map_or(free, |(free, _)| Some(free)),
                total: checked.space.map_or(total, |(_, total)| Some(total)),
            }),
        })
    });
    rows.collect()
}

/// Returns the sums over the replicas on one database.
fn database_sum(selection: &Selection, projects: &[ProjectSummary], database: &str) -> ListSum {
    let mut sum = ListSum::default();
    for project in projects {
        let replicas = project.replicas.iter().filter(|replica| {
            replica.database == database
                && replica.files.is_some()
                && selection.includes_category(&replica.category)
        });
        sum.projects += u64::from(replicas.clone().next().is_some());
        replicas.for_each(|replica| sum.add_replica(replica));
    }
    sum
}
