//! The parts of a report by size: projects, categories, or folders of one project.

use std::collections::BTreeMap;

use serde::Serialize;

use super::matrix::MatrixSubject;
use crate::base::name::Name;
use crate::index::overview::StudioOverview;

/// A part and its size.
#[derive(Debug, Serialize)]
pub struct SizedPart {
    /// The client, the project, or the category that the part belongs to.
    pub group: Name,
    /// The project, the category or the folder; empty for the files above all folders.
    pub name: Name,
    pub files: u64,
    pub bytes: u64,
}

/// Totals of a part, by its group and name.
pub(super) type PartTotals = BTreeMap<(Name, Name), (u64, u64)>;

/// Returns the parts, the largest first. The folders of a single project are `folders`.
pub(super) fn sizes(
    overview: &StudioOverview,
    subject: MatrixSubject,
    folders: PartTotals,
) -> Vec<SizedPart> {
    let mut parts = folders;
    for project in &overview.projects {
        let id = &project.project;
        for (union, replicas) in project.categories() {
            let key = match (subject, replicas.first()) {
                (MatrixSubject::Project, _) | (_, None) => continue,
                (MatrixSubject::Client, Some(first)) => {
                    (id.project.clone(), Name::from(first.category.as_str()))
                }
                _ => (id.client.clone(), id.project.clone()),
            };
            let (files, bytes) = parts.entry(key).or_default();
            *files += union.files;
            *bytes = bytes.saturating_add(union.bytes);
        }
    }
    let parts = parts.into_iter().filter(|(_, (files, _))| *files > 0);
    let mut parts: Vec<SizedPart> = parts
        .map(|((group, name), (files, bytes))| SizedPart {
            group,
            name,
            files,
            bytes,
        })
        .collect();
    parts.sort_by_key(|part| std::cmp::Reverse((part.bytes, part.files)));
    parts
}
