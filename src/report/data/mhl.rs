//! Digests of the ASC MHL histories of a report.

use std::path::Path;

use serde::Serialize;

use super::source::ReportSource;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::own_name::HISTORY_FOLDER;
use crate::base::timestamp::Timestamp;
use crate::index::KnownGeneration;
use crate::model::project::ProjectId;

/// One generation of an ASC MHL history.
#[derive(Debug, Serialize)]
pub struct MhlHistory {
    pub project: ProjectId,
    pub category: String,
    pub database: String,
    /// The hash list's path below the replica's folder.
    pub path: Name,
    pub generation: u64,
    /// The C4 digest of the hash list.
    pub digest: String,
    pub at: Option<Timestamp>,
}

/// Returns the generations of the histories of the reported projects, by project, category and storage.
pub(super) fn histories(source: &ReportSource<'_>) -> Result<Vec<MhlHistory>> {
    let mut histories = Vec::new();
    for place in &source.places {
        let known = match place.id {
            Some(id) => source.index.generations(id, Path::new(""))?,
            None => Vec::new(),
        };
        if known.is_empty() {
            continue;
        }
        for project in &source.overview.projects {
            for category in source.registry.categories() {
                let replica = category.replica_path(&project.project);
                let own = known.iter().filter(|one| one.folder.starts_with(&replica));
                histories.extend(own.map(|one| MhlHistory {
                    project: project.project.clone(),
                    category: category.name.clone(),
                    database: place.name().to_owned(),
                    path: hash_list_path(one, &replica),
                    generation: one.number,
                    digest: one.c4.clone(),
                    at: (one.created != Timestamp::UNKNOWN).then_some(one.created),
                }));
            }
        }
    }
    histories.sort_by(|a, b| {
        let key = |one: &MhlHistory| (one.project.clone(), one.category.clone());
        key(a)
            .cmp(&key(b))
            .then_with(|| (&a.database, &a.path).cmp(&(&b.database, &b.path)))
    });
    Ok(histories)
}

/// Returns the path of a hash list below the folder of its replica.
fn hash_list_path(known: &KnownGeneration, replica: &Path) -> Name {
    let folder = known.folder.strip_prefix(replica).unwrap_or(&known.folder);
    let path = folder.join(HISTORY_FOLDER).join(&known.name);
    path.as_path().into()
}
