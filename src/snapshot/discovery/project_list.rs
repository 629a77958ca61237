//! The projects that a discovery found in one category.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::error::Error;
use crate::model::layout;
use crate::model::project::ProjectId;
use crate::model::registry::Category;

/// The projects of a scope in one category of one database.
#[derive(Debug)]
pub struct ProjectListing<'a> {
    pub category: &'a Category,
    pub projects: BTreeSet<ProjectId>,
    pub client_count: usize,
    /// Folders on the way to the projects that could not be read: the projects below them are unknown.
    pub unread: Vec<UnreadFolder>,
    /// Links among clients and projects, relative to the root. They are not followed.
    pub links: Vec<PathBuf>,
}

/// A folder that could not be read.
#[derive(Debug)]
pub struct UnreadFolder {
    /// The folder below the root.
    pub path: PathBuf,
    pub error: Error,
}

impl<'a> ProjectListing<'a> {
    /// The listing of a category without projects.
    pub const fn empty(category: &'a Category) -> Self {
        Self {
            category,
            projects: BTreeSet::new(),
            client_count: 0,
            unread: Vec::new(),
            links: Vec::new(),
        }
    }

    /// True if the folder that holds the whole category could not be read.
    pub fn is_unreadable(&self) -> bool {
        let base = self.category.base();
        self.unread
            .iter()
            .any(|unread| base.starts_with(&unread.path))
    }

    /// True if a project's folder is below one that could not be read.
    pub fn is_unknown(&self, project: &ProjectId) -> bool {
        if self.unread.is_empty() {
            return false;
        }
        let replica = self.category.replica_path(project);
        let mut unread = self.unread.iter();
        unread.any(|unread| layout::is_within(&replica, &unread.path))
    }

    /// Adds projects that are expected, even if their folders are missing. Leaves out those of unreadable folders and those
    /// that the category cannot hold.
    pub fn add_expected(&mut self, projects: &BTreeSet<ProjectId>) {
        let expected: Vec<ProjectId> = projects
            .iter()
            .filter(|project| !self.is_unknown(project) && !self.category.leaves_out(project))
            .cloned()
            .collect();
        self.projects.extend(expected);
    }

    pub(super) fn add_unread(&mut self, path: &Path, error: Error) {
        self.unread.push(UnreadFolder {
            path: path.to_owned(),
            error,
        });
    }
}
