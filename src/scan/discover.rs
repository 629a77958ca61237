//! Which replicas a look at a database is about: the categories and the projects in them, without what these hold.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::name::Name;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Registry};
use crate::os::folder::Folder;
use crate::snapshot::discovery;
use crate::snapshot::discovery::ProjectListing;

/// What was found in the categories of a database.
#[derive(Debug, Default)]
pub struct Discovery<'a> {
    /// What was found in each category.
    pub listings: Vec<ProjectListing<'a>>,
    /// Folders of categories, and in them, that are file systems of their own.
    pub mounts: BTreeSet<PathBuf>,
    /// Folders that could not be listed.
    pub unreadable: u64,
}

/// What a look is asked to look at.
#[derive(Clone, Debug)]
pub struct ScanScope<'a> {
    /// The categories.
    pub categories: Vec<&'a Category>,
    /// The projects in them.
    pub scope: Scope,
}

impl<'a> ScanScope<'a> {
    /// These projects in all categories.
    pub fn all_categories(registry: &'a Registry, scope: Scope) -> Self {
        Self {
            categories: registry.categories().iter().collect(),
            scope,
        }
    }

    /// Whether everything that is tracked is looked at.
    pub fn is_whole(&self, registry: &Registry) -> bool {
        self.scope == Scope::All && self.categories.len() == registry.categories().len()
    }
}

/// The category and project of a replica's folder below a root, if it is of these categories and this scope.
pub fn match_replica<'a>(
    categories: &[&'a Category],
    scope: &Scope,
    folder: &Path,
) -> Option<(&'a Category, ProjectId)> {
    categories.iter().find_map(|category| {
        let below = folder.strip_prefix(&category.path).ok()?;
        let names: Vec<Name> = below.iter().map(Name::from).collect();
        let [client, project] = names.as_slice() else {
            return None;
        };
        let (client, project) = (client.clone(), project.clone());
        let project = ProjectId { client, project };
        scope.contains(&project).then_some((*category, project))
    })
}

/// What was known before a look.
#[derive(Debug, Default)]
pub struct Baseline {
    /// Projects that are to be looked for, whether they are there or not.
    pub expected: BTreeSet<ProjectId>,
    /// Categories whose folders were a file system of their own.
    pub mounted: BTreeSet<PathBuf>,
}

impl<'a> Discovery<'a> {
    /// Lists the categories of an extent.
    ///
    /// # Errors
    /// Only an interruption; what cannot be read is counted and told to the monitor.
    pub fn discover(
        root: &Folder,
        registry: &Registry,
        extent: &ScanScope<'a>,
        mut before: Baseline,
        monitor: &dyn Monitor,
    ) -> Result<Self> {
        let mut discovery = Self::default();
        for category in &extent.categories {
            let inner = registry.inner_categories(category);
            let listing = discovery::list(root, category, &extent.scope, &inner, &before.mounted)?;
            if matches!(extent.scope, Scope::Client(_)) {
                before.expected.extend(listing.projects.iter().cloned());
            }
            if listing.is_mounted {
                discovery.mounts.insert(category.path.clone());
            }
            discovery.unreadable += listing.problems.len() as u64;
            report_problems(&listing, root, monitor);
            discovery.listings.push(listing);
        }
        if matches!(extent.scope, Scope::Client(_)) {
            for listing in &mut discovery.listings {
                listing.add_expected(&before.expected);
            }
        }
        Ok(discovery)
    }

    /// The replicas to be looked at, category by category.
    pub fn replicas(&self) -> impl Iterator<Item = (&'a Category, &ProjectId)> {
        self.listings.iter().flat_map(|listing| {
            let projects = listing.projects.iter();
            projects.map(|project| (listing.category, project))
        })
    }
}

/// Tells of folders that could not be read, and of links that are not followed.
fn report_problems(listing: &ProjectListing<'_>, root: &Folder, monitor: &dyn Monitor) {
    for problem in &listing.problems {
        monitor.on_event(&ProgressEvent::Problem(problem));
    }
    for link in &listing.links {
        let path = Name::from(root.path().join(link));
        monitor.on_event(&ProgressEvent::Notice(&format!(
            "note: `{path}` is a symbolic link and is not followed"
        )));
    }
}
