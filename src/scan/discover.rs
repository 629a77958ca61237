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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::base::error::Error;
    use crate::scan::tests::{Messages, Studio, project};

    #[test]
    fn replica_folder_is_matched_exactly() {
        let studio = Studio::new(&[]);
        let categories = studio.scope(Scope::All).categories;
        let matched = |scope: &Scope, folder: &str| {
            let found = match_replica(&categories, scope, folder.as_ref());
            found.map(|(category, project)| format!("{} {project}", category.name))
        };
        let (all, acme) = (Scope::All, Scope::Client("acme".into()));
        let spot = matched(&all, "grades/acme/spot");
        assert_eq!(spot.as_deref(), Some("grades acme/spot"));
        for other in [
            "grades/acme",
            "grades/acme/spot/shots",
            "other/acme/spot",
            "acme/spot",
        ] {
            assert_eq!(matched(&all, other), None, "{other}");
        }
        assert_eq!(matched(&acme, "grades/acme/spot"), spot);
        assert_eq!(matched(&acme, "grades/zoo/spot"), None);
    }

    #[test]
    fn whole_scope_has_all_categories_and_projects() {
        let studio = Studio::new(&[]);
        let is_whole = |scope: &ScanScope<'_>| scope.is_whole(&studio.registry);
        let mut scope = studio.scope(Scope::All);
        assert!(is_whole(&scope));
        scope.categories.pop();
        assert!(!is_whole(&scope));
        assert!(!is_whole(&studio.scope(Scope::Client("acme".into()))));
    }

    #[test]
    fn only_a_client_scan_expects_known_projects() {
        let mut studio = Studio::new(&["footage/acme/spot/a", "footage/zoo/spot/a"]);
        studio.scan_all();
        studio.record_mount("grades/acme");
        let known = studio.index.database(&studio.database().root).unwrap();
        let load = |known: &KnownDatabase, scope: Scope| {
            Baseline::load(&studio.index, known, &studio.scope(scope)).unwrap()
        };
        let client = load(&known, Scope::Client("acme".into()));
        assert_eq!(client.expected, [project("acme", "spot")].into());
        assert_eq!(client.mounted, [PathBuf::from("grades/acme")].into());
        assert!(load(&known, Scope::All).expected.is_empty());
        let new = load(&KnownDatabase::default(), Scope::Client("acme".into()));
        assert!(new.expected.is_empty() && new.mounted.is_empty());
    }

    /// Discovers replicas where `footage` lists `acme/spot`, is mounted and has a link and an unreadable client.
    fn discover<'a>(studio: &'a Studio, scope: Scope, messages: &Messages) -> Discovery<'a> {
        let baseline = Baseline {
            expected: [project("acme", "known"), project("zoo", "known")].into(),
            mounted: BTreeSet::new(),
        };
        let root = Path::new("/nas");
        let (registry, scan_scope) = (&studio.registry, studio.scope(scope));
        let mut list = |category: &'a Category, _: &[PathBuf]| {
            let mut listing = ProjectListing::empty(category);
            if category.name == "footage" {
                listing.projects.insert(project("acme", "spot"));
                listing.is_mounted = true;
                listing.links.push("footage/link".into());
                listing.unreadable_clients.push("zoo".into());
                listing.problems.push(Error::Interrupted);
            }
            Ok(listing)
        };
        Discovery::discover(registry, &scan_scope, &baseline, root, messages, &mut list).unwrap()
    }

    fn replicas(discovery: &Discovery<'_>) -> Vec<String> {
        let replicas = discovery.replicas();
        replicas
            .map(|(category, project)| format!("{} {project}", category.name))
            .collect()
    }

    #[test]
    fn problems_mounts_and_links_are_collected() {
        let (studio, messages) = (Studio::new(&[]), Messages::default());
        let found = discover(&studio, Scope::All, &messages);
        assert_eq!(found.unreadable, 1);
        assert_eq!(found.mounts, [PathBuf::from("footage")].into());
        assert_eq!(replicas(&found), ["footage acme/spot"]);
        let text = messages.text();
        assert!(text.contains("`/nas/footage/link` is a symbolic link and is not followed"));
        assert!(text.contains(&Error::Interrupted.full_message()));
    }

    #[test]
    fn client_scan_visits_expected_projects_everywhere() {
        let (studio, messages) = (Studio::new(&[]), Messages::default());
        let found = discover(&studio, Scope::Client("acme".into()), &messages);
        // The unreadable client of `footage` has no expected project there.
        let expected = [
            "footage acme/known",
            "footage acme/spot",
            "grades acme/known",
            "grades acme/spot",
            "grades zoo/known",
        ];
        assert_eq!(replicas(&found), expected);
    }

    #[test]
    fn linked_project_is_not_scanned() {
        let mut studio = Studio::new(&["footage/acme/spot/a"]);
        symlink("spot", studio.path("footage/acme/link")).unwrap();
        studio.scan_all();
        assert_eq!(studio.stored("footage"), ["acme/spot 1"]);
        assert!(studio.messages.text().contains("link` is a symbolic link"));
    }
}
