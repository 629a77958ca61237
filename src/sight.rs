//! What one look at a database sees: its categories, the projects in them, and every replica's tree.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::exclusions::Exclusions;
use crate::listing::{self, Listing};
use crate::monitor::{Event, Monitor};
use crate::name::Name;
use crate::os::folder::{Folder, is_missing};
use crate::project::{ProjectId, Scope, below};
use crate::registry::{Category, Registry};
use crate::tree::{self, Problem, Tree};

/// One replica as it was seen.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Its category.
    pub category: &'a Category,
    /// Its project.
    pub project: ProjectId,
    /// `None`: looked for and not there.
    pub tree: Option<Tree>,
}

/// Everything seen on one database.
#[derive(Debug, Default)]
pub struct Sight<'a> {
    /// The replicas that were looked at.
    pub replicas: Vec<Seen<'a>>,
    /// What was found in each category.
    pub listings: Vec<Listing<'a>>,
    /// Categories whose folders are file systems of their own.
    pub mounted: BTreeSet<PathBuf>,
    /// Files and folders that could not be looked at.
    pub unreadable: u64,
}

/// What was known before a look.
#[derive(Debug, Default)]
pub struct Before {
    /// Projects that are to be looked for, whether they are there or not.
    pub expected: BTreeSet<ProjectId>,
    /// Categories whose folders were a file system of their own.
    pub mounted: BTreeSet<PathBuf>,
}

/// Looks at all categories, as far as the scope goes.
///
/// # Errors
/// Only an interruption; what cannot be read is counted and told to the monitor.
pub fn see<'a>(
    root: &Folder,
    registry: &'a Registry,
    scope: &Scope,
    mut before: Before,
    exclusions: &Exclusions,
    monitor: &dyn Monitor,
) -> Result<Sight<'a>> {
    let mut sight = Sight::default();
    for category in registry.categories() {
        let inner = registry.inner_categories(category);
        let listing = listing::list(root, category, scope, &inner, &before.mounted)?;
        if matches!(scope, Scope::Client(_)) {
            before.expected.extend(listing.projects.iter().cloned());
        }
        if listing.mounted {
            sight.mounted.insert(category.path.clone());
        }
        sight.unreadable += listing.problems.len() as u64;
        tell(&listing, root, monitor);
        sight.listings.push(listing);
    }
    for listing in &mut sight.listings {
        listing.expect(&before.expected);
        for project in &listing.projects {
            let inner = registry.inner_categories(listing.category);
            let seen = see_replica(root, listing.category, project, exclusions, &inner)?;
            for problem in seen.problems() {
                sight.unreadable += 1;
                monitor.event(&Event::Problem(&problem.error));
            }
            monitor.event(&Event::Files(seen.entries()));
            sight.replicas.push(seen);
        }
    }
    Ok(sight)
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

impl Seen<'_> {
    fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.tree.iter().flat_map(|tree| &tree.problems)
    }

    fn entries(&self) -> u64 {
        self.tree
            .as_ref()
            .map_or(0, |tree| tree.entries.len() as u64)
    }
}

/// Looks at one replica.
///
/// # Errors
/// Only an interruption; a folder that cannot be read is a problem of its tree.
pub fn see_replica<'a>(
    root: &Folder,
    category: &'a Category,
    project: &ProjectId,
    exclusions: &Exclusions,
    inner: &[PathBuf],
) -> Result<Seen<'a>> {
    let tree = match tree::walk(root, &below(&category.path, project), exclusions, inner) {
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) if is_missing(&error) => None,
        Err(error) => Some(Tree {
            problems: vec![Problem {
                path: PathBuf::new(),
                error,
            }],
            ..Tree::default()
        }),
        Ok(tree) => Some(tree),
    };
    Ok(Seen {
        category,
        project: project.clone(),
        tree,
    })
}
