//! The contents of a source: all replicas in scope, and the folders that could not be read.

use std::path::PathBuf;

use crate::base::error::Result;
use crate::model::project::{ProjectId, ProjectSet, Scope};
use crate::model::registry::Category;
use crate::snapshot::tree::Tree;
use crate::storage::Storage;

/// Contents of the source.
#[derive(Default)]
pub struct SourceSnapshot {
    /// The replicas: position of the category in the request, project, and tree.
    pub replicas: Vec<(usize, ProjectId, Tree)>,
    /// Folders that could not be listed, relative to the root, with the errors.
    pub problems: Vec<(PathBuf, String)>,
    /// Symbolic links in place of folders, relative to the root. They are not followed.
    pub links: Vec<PathBuf>,
    /// Unreadable folders of categories and clients. Files that were sent from below them are not missing.
    pub unreadable: Vec<PathBuf>,
    /// Projects that a scope of several names and that no category has. Empty if a category could not be read.
    pub absent: Vec<ProjectId>,
}

impl SourceSnapshot {
    /// Reads all replicas in scope. Passes the number of files of each to `on_files`.
    pub fn read(
        storage: &Storage,
        categories: &[Category],
        scope: &Scope,
        on_files: &dyn Fn(u64),
    ) -> Result<Self> {
        let mut snapshot = Self::default();
        let mut found = Vec::new();
        let mut discovery = storage.discovery();
        for (place, category) in categories.iter().enumerate() {
            let listing = discovery.list_projects(category, scope)?;
            for unread in &listing.unread {
                if snapshot.unreadable.contains(&unread.path) {
                    // Another category has it too.
                    continue;
                }
                let message = unread.error.full_message();
                snapshot.problems.push((unread.path.clone(), message));
                snapshot.unreadable.push(unread.path.clone());
            }
            let new = listing.links.into_iter();
            let new: Vec<_> = new.filter(|link| !snapshot.links.contains(link)).collect();
            snapshot.links.extend(new);
            let projects = listing.projects.into_iter();
            found.extend(projects.map(|project| (place, project)));
        }
        snapshot.absent = absent_projects(scope, &snapshot, &found);
        for (place, project) in found {
            let tree = storage.tree(&categories[place], &project)?;
            on_files(tree.file_count());
            snapshot.replicas.push((place, project, tree));
        }
        Ok(snapshot)
    }
}

/// Returns the projects of a scope of several that were not found.
fn absent_projects(
    scope: &Scope,
    snapshot: &SourceSnapshot,
    found: &[(usize, ProjectId)],
) -> Vec<ProjectId> {
    let Scope::Projects(named) = scope else {
        return Vec::new();
    };
    if !snapshot.unreadable.is_empty() {
        return Vec::new();
    }
    let found: ProjectSet = found.iter().map(|(_, project)| project.clone()).collect();
    let absent = named.iter().filter(|project| !found.contains(project));
    absent.cloned().collect()
}
