//! The replicas in the scope of a scan: categories and their projects, without the files in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::name::Name;
use crate::index::Index;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Database, Registry};
use crate::snapshot::discovery::ProjectListing;
use crate::storage::{Discovery, Storage};

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
        let (project, replica) = category.locate(folder)?;
        let is_meant = replica == folder && scope.contains(&project);
        is_meant.then_some((*category, project))
    })
}

/// Lists the categories in scope. Unreadable folders and links are reported to the monitor.
///
/// A scan of named projects expects them, and a scan of one client expects the projects that the index or another category
/// knows, so that missing projects are recorded. A scan of everything finds missing projects by its listings.
pub(super) fn discover<'a>(
    index: &Index,
    storage: &Storage,
    discovery: &mut Discovery<'_>,
    scan_scope: &ScanScope<'a>,
    monitor: &dyn Monitor,
) -> Result<Vec<ProjectListing<'a>>> {
    let mut listings = Vec::new();
    let mut reported = BTreeSet::new();
    for &category in &scan_scope.categories {
        let mut listing = discovery.list_projects(category, &scan_scope.scope)?;
        report_problems(&listing, &storage.database().root, &mut reported, monitor);
        let named = scan_scope.scope.named_projects().unwrap_or_default();
        for project in named {
            if !listing.is_unreadable() && !category.leaves_out(project) {
                let stored = storage.stored_spelling(category, project);
                listing.projects.insert(stored);
            }
        }
        listings.push(listing);
    }
    if matches!(scan_scope.scope, Scope::Client(_)) {
        let mut expected = known_projects(index, storage.database(), scan_scope)?;
        for listing in &listings {
            expected.extend(listing.projects.iter().cloned());
        }
        for listing in &mut listings {
            listing.add_expected(&expected);
        }
    }
    Ok(listings)
}

/// Returns the projects in scope that the index knows in a database.
fn known_projects(
    index: &Index,
    database: &Database,
    scan_scope: &ScanScope<'_>,
) -> Result<BTreeSet<ProjectId>> {
    let mut known = BTreeSet::new();
    if let Some(id) = index.database_id(&database.root)? {
        for category in &scan_scope.categories {
            known.extend(index.projects(id, category.key())?);
        }
        known.retain(|project| scan_scope.scope.contains(project));
    }
    Ok(known)
}

/// Returns the replicas to scan, category by category.
pub(super) fn replicas<'l, 'a>(
    listings: &'l [ProjectListing<'a>],
) -> impl Iterator<Item = (&'a Category, &'l ProjectId)> {
    listings.iter().flat_map(|listing| {
        let projects = listing.projects.iter();
        projects.map(|project| (listing.category, project))
    })
}

/// Reports unreadable folders, and symbolic links in place of client or project folders.
///
/// Several categories can share a folder: `reported` holds the paths that were reported for others.
fn report_problems(
    listing: &ProjectListing<'_>,
    root: &Path,
    reported: &mut BTreeSet<PathBuf>,
    monitor: &dyn Monitor,
) {
    for unread in &listing.unread {
        if reported.insert(unread.path.clone()) {
            monitor.on_event(&ProgressEvent::Problem(&unread.error));
        }
    }
    for link in &listing.links {
        if !reported.insert(link.clone()) {
            continue;
        }
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
    use crate::scan::tests::{Studio, project};
    use crate::storage::Layout;

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

    fn discovered(studio: &Studio, scope: Scope) -> Vec<String> {
        let layout = Layout::new(&studio.registry).unwrap();
        let storage = Storage::open(&studio.index, &layout, &studio.database()).unwrap();
        let scan_scope = studio.scope(scope);
        let listings = discover(
            &studio.index,
            &storage,
            &mut storage.discovery(),
            &scan_scope,
            &studio.messages,
        );
        let listings = listings.unwrap();
        let replicas = replicas(&listings);
        replicas
            .map(|(category, project)| format!("{} {project}", category.name))
            .collect()
    }

    #[test]
    fn client_scan_expects_known_projects_everywhere() {
        let mut studio = Studio::new(&["footage/acme/spot/a", "footage/zoo/spot/a"]);
        studio.scan_all();
        studio.remove("footage/acme/spot");
        studio.write("grades/acme/film/a");
        let expected = [
            "footage acme/film",
            "footage acme/spot",
            "grades acme/film",
            "grades acme/spot",
        ];
        assert_eq!(discovered(&studio, Scope::Client("acme".into())), expected);
        let listed = ["footage zoo/spot", "grades acme/film"];
        assert_eq!(discovered(&studio, Scope::All), listed);
    }

    #[test]
    fn project_scan_expects_its_project_once() {
        let studio = Studio::new(&["footage/acme/spot/a"]);
        let spot = Scope::Project(project("acme", "spot"));
        let expected = ["footage acme/spot", "grades acme/spot"];
        assert_eq!(discovered(&studio, spot), expected);
    }

    #[test]
    fn unreadable_client_expects_no_project() {
        let mut studio = Studio::new(&["footage/acme/spot/a", "grades/acme/spot/a"]);
        studio.scan_all();
        studio.make_unreadable("footage/acme");
        let acme = Scope::Client("acme".into());
        assert_eq!(discovered(&studio, acme), ["grades acme/spot"]);
        assert!(studio.messages.text().contains("footage/acme"));
    }

    #[test]
    fn project_of_an_inner_category_is_not_expected() {
        let mut studio = Studio::new(&["footage/acme/spot/a"]);
        let added = studio
            .registry
            .add_category("inner", "footage/acme/spot".as_ref(), false);
        added.unwrap();
        let spot = Scope::Project(project("acme", "spot"));
        let expected = ["grades acme/spot", "inner acme/spot"];
        assert_eq!(discovered(&studio, spot), expected);
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
