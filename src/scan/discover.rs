//! Which replicas a look at a database is about: the categories and the projects in them, without what these hold.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::base::monitor::{Event, Monitor};
use crate::base::name::Name;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Registry};
use crate::os::folder::Folder;
use crate::snapshot::discovery;
use crate::snapshot::discovery::Listing;

/// What was found in the categories of a database.
#[derive(Debug, Default)]
pub struct Survey<'a> {
    /// What was found in each category.
    pub listings: Vec<Listing<'a>>,
    /// Folders of categories, and in them, that are file systems of their own.
    pub mounted: BTreeSet<PathBuf>,
    /// Folders that could not be listed.
    pub unreadable: u64,
}

/// What a look is asked to look at.
#[derive(Clone, Debug)]
pub struct Extent<'a> {
    /// The categories.
    pub categories: Vec<&'a Category>,
    /// The projects in them.
    pub scope: Scope,
}

impl<'a> Extent<'a> {
    /// These projects in all categories.
    pub fn of(registry: &'a Registry, scope: Scope) -> Self {
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
pub fn replica<'a>(
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
pub struct Before {
    /// Projects that are to be looked for, whether they are there or not.
    pub expected: BTreeSet<ProjectId>,
    /// Categories whose folders were a file system of their own.
    pub mounted: BTreeSet<PathBuf>,
}

impl<'a> Survey<'a> {
    /// Lists the categories of an extent.
    ///
    /// # Errors
    /// Only an interruption; what cannot be read is counted and told to the monitor.
    pub fn of(
        root: &Folder,
        registry: &Registry,
        extent: &Extent<'a>,
        mut before: Before,
        monitor: &dyn Monitor,
    ) -> Result<Self> {
        let mut survey = Self::default();
        for category in &extent.categories {
            let inner = registry.inner_categories(category);
            let listing = discovery::list(root, category, &extent.scope, &inner, &before.mounted)?;
            if matches!(extent.scope, Scope::Client(_)) {
                before.expected.extend(listing.projects.iter().cloned());
            }
            if listing.mounted {
                survey.mounted.insert(category.path.clone());
            }
            survey.unreadable += listing.problems.len() as u64;
            tell(&listing, root, monitor);
            survey.listings.push(listing);
        }
        if matches!(extent.scope, Scope::Client(_)) {
            for listing in &mut survey.listings {
                listing.expect(&before.expected);
            }
        }
        Ok(survey)
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
fn tell(listing: &Listing<'_>, root: &Folder, monitor: &dyn Monitor) {
    for problem in &listing.problems {
        monitor.event(&Event::Problem(problem));
    }
    for link in &listing.links {
        let path = Name::from(root.path().join(link));
        monitor.event(&Event::Notice(&format!(
            "note: `{path}` is a symbolic link and is not followed"
        )));
    }
}
