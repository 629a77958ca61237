//! The replicas in the scope of a scan: categories and their projects, without the files in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::name::Name;
use crate::index::{Index, KnownDatabase};
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Registry};
use crate::snapshot::discovery::ProjectListing;

/// The replicas found in the categories of a database.
#[derive(Debug, Default)]
pub struct Discovery<'a> {
    /// One listing for each category.
    pub listings: Vec<ProjectListing<'a>>,
    /// Mounted category folders and mounts inside them, relative to the root.
    pub mounts: BTreeSet<PathBuf>,
    /// Number of folders that could not be listed.
    pub unreadable: u64,
}

/// The part of a database that a scan reads.
#[derive(Clone, Debug)]
pub struct ScanScope<'a> {
    /// The categories.
    pub categories: Vec<&'a Category>,
    /// The projects in them.
    pub scope: Scope,
}

impl<'a> ScanScope<'a> {
    /// Selects these projects in all categories.
    pub fn all_categories(registry: &'a Registry, scope: Scope) -> Self {
        Self {
            categories: registry.categories().iter().collect(),
            scope,
        }
    }

    /// True if the scope covers everything that is tracked.
    pub fn is_whole(&self, registry: &Registry) -> bool {
        self.scope == Scope::All && self.categories.len() == registry.categories().len()
    }
}

/// Returns the category and project of a replica's folder (relative to the root) if both are in scope.
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

/// The index's knowledge of a database before a scan.
#[derive(Debug, Default)]
pub(super) struct Baseline {
    /// Projects that are scanned even if no listing contains them.
    pub(super) expected: BTreeSet<ProjectId>,
    /// Folders that were mounts at the previous scan, relative to the root.
    pub(super) mounted: BTreeSet<PathBuf>,
}

impl Baseline {
    /// Loads the baseline. Projects are expected only in a scan of one client, so that its missing projects are recorded.
    /// A scan of everything finds missing projects by its listings, and a scan of one project names it.
    pub(super) fn load(
        index: &Index,
        known: &KnownDatabase,
        scan_scope: &ScanScope<'_>,
    ) -> Result<Self> {
        let Some(id) = known.id else {
            return Ok(Self::default());
        };
        let mut expected = BTreeSet::new();
        if let Scope::Client(_) = scan_scope.scope {
            for category in &scan_scope.categories {
                expected.extend(index.projects(id, &category.path)?);
            }
            expected.retain(|project| scan_scope.scope.contains(project));
        }
        let mounted = index.mounted_folders(id)?;
        Ok(Self { expected, mounted })
    }
}

/// Lists one category, given the categories nested inside it.
type ListFn<'l, 'a> = dyn FnMut(&'a Category, &[PathBuf]) -> Result<ProjectListing<'a>> + 'l;

impl<'a> Discovery<'a> {
    /// Lists the categories in scope. Unreadable folders are counted and reported to the monitor.
    pub(super) fn discover(
        registry: &Registry,
        scan_scope: &ScanScope<'a>,
        baseline: &Baseline,
        root: &Path,
        monitor: &dyn Monitor,
        list: &mut ListFn<'_, 'a>,
    ) -> Result<Self> {
        let mut discovery = Self::default();
        for &category in &scan_scope.categories {
            let listing = list(category, &registry.inner_categories(category))?;
            if listing.is_mounted {
                discovery.mounts.insert(category.path.clone());
            }
            discovery.unreadable += listing.problems.len() as u64;
            report_problems(&listing, root, monitor);
            discovery.listings.push(listing);
        }
        if matches!(scan_scope.scope, Scope::Client(_)) {
            let mut expected = baseline.expected.clone();
            for listing in &discovery.listings {
                expected.extend(listing.projects.iter().cloned());
            }
            for listing in &mut discovery.listings {
                listing.add_expected(&expected);
            }
        }
        Ok(discovery)
    }

    /// Returns the replicas to scan, category by category.
    pub fn replicas(&self) -> impl Iterator<Item = (&'a Category, &ProjectId)> {
        self.listings.iter().flat_map(|listing| {
            let projects = listing.projects.iter();
            projects.map(|project| (listing.category, project))
        })
    }
}

/// Reports unreadable folders, and symbolic links in place of client or project folders.
fn report_problems(listing: &ProjectListing<'_>, root: &Path, monitor: &dyn Monitor) {
    for problem in &listing.problems {
        monitor.on_event(&ProgressEvent::Problem(problem));
    }
    for link in &listing.links {
        let path = Name::from(root.join(link));
        monitor.on_event(&ProgressEvent::Notice(&format!(
            "note: `{path}` is a symbolic link and is not followed"
        )));
    }
}
