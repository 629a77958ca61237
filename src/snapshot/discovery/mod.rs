//! Discovery of the projects in a category: the folders on the way to them, and the projects themselves.
//!
//! `descent` follows the parts of the category's layout; `subfolder` lists each folder on the way once for all categories. A
//! folder that cannot be read makes the projects below it unknown, never missing.

mod descent;
mod outside;
mod project_list;
mod subfolder;

use std::collections::BTreeSet;
use std::path::PathBuf;

pub use self::outside::OutsideSearch;
pub use self::project_list::{ProjectListing, UnreadFolder};
pub use self::subfolder::{FolderLister, ListedEntries};

use self::descent::Descent;
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::suggest::suggest;
use crate::language::lexer::quote;
use crate::model::layout::LayoutPart;
use crate::model::mount;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Category;
use crate::os::folder::Folder;

/// Lists the projects of a scope. `mounted` are the remembered mounts.
///
/// Projects that the scope names are listed even if their folders are missing. A missing folder on the way holds no project.
///
/// # Errors
/// Interruption. Folders that cannot be read are part of the listing.
pub fn list<'a>(
    lister: &mut FolderLister<'_>,
    category: &'a Category,
    scope: &Scope,
    mounted: &BTreeSet<PathBuf>,
) -> Result<ProjectListing<'a>> {
    let (root, base) = (lister.root, category.base());
    let mut listing = ProjectListing::empty(category);
    if let Err(error) = mount::require_category_mounted(root, &base, mounted) {
        listing.add_unread(&base, error);
        return Ok(listing);
    }
    if let Some(projects) = scope.named_projects() {
        let own = projects
            .into_iter()
            .filter(|project| !category.leaves_out(project));
        let own = own.map(|project| stored_spelling(root, category, project));
        listing.projects.extend(own);
        return Ok(listing);
    }
    let missing_mounts = mount::find_missing(root, &base, &base, &category.inner, mounted);
    Descent::new(lister, scope, listing).run(missing_mounts)
}

/// A project in the database's spelling: the folder of its client or project may be in another Unicode normal form.
pub fn stored_spelling(root: &Folder, category: &Category, project: &ProjectId) -> ProjectId {
    let mut stored = project.clone();
    if project.is_ascii() {
        return stored;
    }
    let mut path = PathBuf::new();
    for part in category.layout.parts() {
        let name = match part {
            LayoutPart::Fixed(name) => {
                path.push(name);
                continue;
            }
            LayoutPart::Client => &mut stored.client,
            LayoutPart::Project => &mut stored.project,
        };
        let Ok(folder) = root.open_descendant(&path) else {
            return stored;
        };
        *name = Name::from(&*folder.existing_name(name.as_os_str()));
        path.push(name.as_path());
    }
    stored
}

/// Returns the error for a scope without replicas in these categories of a database, with suggestions of similar names. `list`
/// lists all projects of a category.
pub fn no_replica_error<'a>(
    list: &dyn Fn(&'a Category) -> Result<ProjectListing<'a>>,
    categories: &[&'a Category],
    scope: &Scope,
    database: &str,
) -> Result<Error> {
    let mut names = BTreeSet::new();
    for category in categories {
        let projects = list(category)?.projects.into_iter();
        for project in projects {
            if let Scope::Client(typed) = scope {
                names.insert(quote(project.client.as_os_str()));
                // The typed name may be a project without its client.
                if project.project != *typed {
                    continue;
                }
            }
            names.insert(quote(project.name().as_os_str()));
        }
    }
    let typed = scope.name();
    let near = suggest(&typed.to_string(), names.iter().map(String::as_str));
    let near = near.into_iter().map(str::to_owned).collect();
    let place = match categories {
        [category] => format!("category `{}`", category.name),
        _ => "any category".to_owned(),
    };
    Ok(Error::ReplicaNotFound {
        project: typed,
        place,
        database: database.to_owned(),
        suggestions: near,
        elsewhere: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::model::layout::CategoryLayout;
    use crate::model::registry::Registry;

    #[test]
    fn shared_folders_are_listed_once() {
        let root = tempfile::tempdir().unwrap();
        let mut registry = Registry::default();
        for kind in 0..10 {
            let layout = format!("{{client}}/{{project}}/k{kind}");
            let name = format!("c{kind}");
            registry
                .add_category(&name, layout.as_ref(), false)
                .unwrap();
            for project in ["acme/spot", "zoo/film"] {
                let folder = root.path().join(project).join(format!("k{kind}"));
                fs::create_dir_all(folder).unwrap();
            }
        }
        let root = Folder::open(root.path()).unwrap();
        let mut lister = FolderLister::new(&root);
        for category in registry.categories() {
            let listing = list(&mut lister, category, &Scope::All, &BTreeSet::new()).unwrap();
            assert_eq!(listing.projects.len(), 2);
        }
        let opened = ["", "acme", "acme/spot", "zoo", "zoo/film"].map(PathBuf::from);
        assert_eq!(lister.opened, opened);
    }

    #[test]
    fn unmounted_client_is_matched_in_composed_form() {
        let root = tempfile::tempdir().unwrap();
        let (composed, stored) = ("caf\u{e9}", "cafe\u{301}");
        fs::create_dir_all(root.path().join("footage").join(stored)).unwrap();
        let layout = CategoryLayout::parse("footage", "footage".as_ref()).unwrap();
        let category = Category::new("footage", layout);
        let root = Folder::open(root.path()).unwrap();
        let mounted = BTreeSet::from([Path::new("footage").join(stored)]);
        for typed in [composed, stored] {
            let scope = Scope::Client(typed.into());
            let listing = list(&mut FolderLister::new(&root), &category, &scope, &mounted).unwrap();
            let unread: Vec<_> = listing.unread.iter().map(|unread| &unread.path).collect();
            assert_eq!(unread, [&Path::new("footage").join(stored)], "{typed}");
            assert!(listing.projects.is_empty());
        }
        let scope = Scope::Client("other".into());
        let listing = list(&mut FolderLister::new(&root), &category, &scope, &mounted).unwrap();
        assert!(listing.unread.is_empty());
    }
}
