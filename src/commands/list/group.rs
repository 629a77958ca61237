//! Rows of projects, clients and categories.

use std::collections::BTreeMap;

use super::kind::ListKind;
use super::row::{ListPlace, ListRow, ListSum};
use super::selection::Selection;
use crate::base::name::Name;
use crate::index::overview::ProjectSummary;
use crate::model::project::composed_name;
use crate::model::registry::Registry;

/// Returns the rows in the order of their names; categories in that of the start-up file.
pub(super) fn rows(
    kind: ListKind,
    registry: &Registry,
    selection: &Selection,
    projects: &[ProjectSummary],
) -> Vec<ListRow> {
    match kind {
        ListKind::Clients => client_rows(selection, projects),
        ListKind::Categories => category_rows(registry, selection, projects),
        _ => project_rows(selection, projects),
    }
}

fn project_rows(selection: &Selection, projects: &[ProjectSummary]) -> Vec<ListRow> {
    let rows = projects.iter().filter_map(|project| {
        Some(ListRow {
            name: project.project.name(),
            projects: vec![project.project.clone()],
            sum: selection.project_sum(project)?,
            place: ListPlace::HeldBy(holders(selection, [project])),
        })
    });
    rows.collect()
}

fn client_rows(selection: &Selection, projects: &[ProjectSummary]) -> Vec<ListRow> {
    let mut clients: BTreeMap<Name, (ListSum, Vec<&ProjectSummary>)> = BTreeMap::new();
    for project in projects {
        if let Some(sum) = selection.project_sum(project) {
            let client = composed_name(&project.project.client);
            let (total, members) = clients.entry(client).or_default();
            total.add_project(&sum);
            members.push(project);
        }
    }
    let rows = clients.into_iter().map(|(_, (sum, members))| ListRow {
        name: members[0].project.client.clone(),
        projects: members
            .iter()
            .map(|member| member.project.clone())
            .collect(),
        sum,
        place: ListPlace::HeldBy(holders(selection, members)),
    });
    rows.collect()
}

fn category_rows(
    registry: &Registry,
    selection: &Selection,
    projects: &[ProjectSummary],
) -> Vec<ListRow> {
    let categories = registry.categories().iter();
    let categories = categories.filter(|category| selection.includes_category(&category.name));
    let rows = categories.map(|category| {
        let of_category = selection.in_category(&category.name);
        ListRow {
            name: category.name.as_str().into(),
            projects: Vec::new(),
            sum: of_category.sum(projects),
            place: ListPlace::Path(
                category.display_path().into(),
                category.attributes.history_format(),
            ),
        }
    });
    rows.collect()
}

/// Returns the names of the databases that hold selected files of projects, in the order of the start-up file.
fn holders<'a>(
    selection: &Selection,
    projects: impl IntoIterator<Item = &'a ProjectSummary>,
) -> Vec<String> {
    let (mut order, mut held): (Vec<String>, Vec<bool>) = (Vec::new(), Vec::new());
    for project in projects {
        for (_, replicas) in selection.categories(project) {
            for (place, replica) in replicas.iter().enumerate() {
                if order.len() <= place {
                    order.push(replica.database.clone());
                    held.push(false);
                }
                held[place] |= replica.files.is_some();
            }
        }
    }
    let names = order.into_iter().zip(held);
    names
        .filter_map(|(name, held)| held.then_some(name))
        .collect()
}
