//! Discovery of the projects in a category: its client folders and the project folders in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::subfolder::{Subfolders, list_subfolders};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::suggest::suggest;
use crate::base::unicode::to_nfc;
use crate::language::lexer::quote;
use crate::model::mount;
use crate::model::mount::MissingMount;
use crate::model::project::{ProjectId, Scope, replica_path};
use crate::model::registry::Category;
use crate::os::folder::{Folder, is_not_found};

/// The projects of a scope in one category of one database.
#[derive(Debug)]
pub struct ProjectListing<'a> {
    pub category: &'a Category,
    pub projects: BTreeSet<ProjectId>,
    pub client_count: usize,
    /// Errors of folders that could not be read: of the category, or of `unreadable_clients` in their order.
    pub problems: Vec<Error>,
    /// Clients whose folders could not be read: their projects are unknown.
    pub unreadable_clients: Vec<Name>,
    /// Links among clients and projects, relative to the root. They are not followed.
    pub links: Vec<PathBuf>,
    /// True if the category's own folder could not be read: its clients are unknown.
    pub is_unreadable: bool,
    /// True if the category's folder is on another file system than the root.
    pub is_mounted: bool,
}

impl<'a> ProjectListing<'a> {
    /// The listing of a category without projects.
    pub fn empty(category: &'a Category) -> Self {
        Self {
            category,
            projects: BTreeSet::new(),
            client_count: 0,
            problems: Vec::new(),
            unreadable_clients: Vec::new(),
            links: Vec::new(),
            is_unreadable: false,
            is_mounted: false,
        }
    }

    /// The folder below the root that the problem with this index is about.
    pub fn problem_folder(&self, index: usize) -> PathBuf {
        let client = self
            .unreadable_clients
            .get(index)
            .filter(|_| !self.is_unreadable);
        let below = client.map_or(Path::new(""), |client| client.as_path());
        // Drops the final slash of a category at the root itself.
        self.category.path.join(below).components().collect()
    }

    fn add_links(&mut self, inside: &Path, found: &Subfolders) {
        let paths = found.links.iter().map(|name| inside.join(name.as_path()));
        self.links.extend(paths);
    }

    /// Adds the projects of a client, including those whose stat failed: the walk reports them as unreadable.
    fn add_projects(&mut self, client: &Name, path: &Path, found: Subfolders, inner: &[PathBuf]) {
        self.add_links(path, &found);
        let unread = found.unreadable.into_iter().map(|(name, _)| name);
        let projects = found.folders.into_iter().chain(unread);
        let own = projects.filter(|project| !inner.contains(&path.join(project.as_path())));
        self.projects.extend(own.map(|project| ProjectId {
            client: client.clone(),
            project,
        }));
    }

    /// Adds clients and their projects.
    fn add_clients(&mut self, root: &Folder, clients: Subfolders, inner: &[PathBuf]) -> Result<()> {
        let category = self.category;
        self.add_links(&category.path, &clients);
        self.client_count = clients.folders.len();
        for (client, problem) in clients.unreadable {
            self.problems.push(problem);
            self.unreadable_clients.push(client);
        }
        for client in clients.folders {
            interrupt::check()?;
            let path = category.path.join(client.as_path());
            if inner.contains(&path) {
                continue;
            }
            let projects = root
                .open_descendant(&path)
                .and_then(|folder| list_subfolders(&folder));
            match projects {
                Ok(projects) => self.add_projects(&client, &path, projects, inner),
                Err(error) if is_not_found(&error) => {}
                Err(error) => {
                    self.problems.push(error);
                    self.unreadable_clients.push(client);
                }
            }
        }
        Ok(())
    }

    /// Moves clients whose folders are unmounted from `found` to the unreadable ones. A project that is unmounted, or holds an
    /// unmounted folder, is listed even if its folder is missing.
    ///
    /// Names are compared in composed form, as [`Scope::contains`] does: the typed client and the mount point may be in
    /// different normal forms, and an unmounted client must never look like a deleted one.
    fn exclude_unmounted_clients(
        &mut self,
        mut found: Subfolders,
        missing_mounts: Vec<MissingMount>,
        scope: &Scope,
    ) -> Subfolders {
        for mount in missing_mounts {
            let below = mount.path.strip_prefix(&self.category.path);
            let names: Vec<Name> = below
                .unwrap_or(Path::new(""))
                .iter()
                .map(Name::from)
                .collect();
            match names.as_slice() {
                [client] => {
                    let is_client =
                        |name: &Name| to_nfc(name.as_bytes()) == to_nfc(client.as_bytes());
                    found.folders.retain(|name| !is_client(name));
                    if scope.has_client(client) {
                        self.problems.push(mount.error);
                        self.unreadable_clients.push(client.clone());
                    }
                }
                [client, project, ..] => {
                    let project = ProjectId {
                        client: client.clone(),
                        project: project.clone(),
                    };
                    if scope.contains(&project) {
                        self.projects.insert(project);
                    }
                }
                [] => {}
            }
        }
        found
    }

    /// Adds projects that are expected, even if their folders are missing. Leaves out those of unreadable clients.
    pub fn add_expected(&mut self, projects: &BTreeSet<ProjectId>) {
        if !self.is_unreadable {
            let readable = projects
                .iter()
                .filter(|project| !self.unreadable_clients.contains(&project.client));
            self.projects.extend(readable.cloned());
        }
    }
}

/// Lists the projects of a scope. `inner` are the folders of other categories inside this one, `mounted` the remembered mounts.
///
/// Projects that the scope names are listed even if their folders are missing. A missing category folder holds no project.
///
/// # Errors
/// Interruption. Folders that cannot be read become problems.
pub fn list<'a>(
    root: &Folder,
    category: &'a Category,
    scope: &Scope,
    inner: &[PathBuf],
    mounted: &BTreeSet<PathBuf>,
) -> Result<ProjectListing<'a>> {
    let mut listing = ProjectListing::empty(category);
    listing.is_mounted = mount::is_category_mounted(root, &category.path);
    if let Err(problem) = mount::require_category_mounted(root, &category.path, mounted) {
        listing.problems.push(problem);
        listing.is_unreadable = true;
        return Ok(listing);
    }
    if let Some(projects) = scope.named_projects() {
        for project in projects {
            let path = replica_path(&category.path, project);
            if !inner.iter().any(|inner| path.starts_with(inner)) {
                listing
                    .projects
                    .insert(stored_spelling(root, category, project));
            }
        }
        return Ok(listing);
    }
    let missing_mounts = mount::find_missing(root, &category.path, &category.path, inner, mounted);
    let found = root
        .open_descendant(&category.path)
        .and_then(|folder| list_clients(&folder, scope));
    let clients = match found {
        Ok(clients) => clients,
        Err(error) if is_not_found(&error) => Subfolders::default(),
        Err(error) => {
            listing.problems.push(error);
            listing.is_unreadable = true;
            return Ok(listing);
        }
    };
    let clients = listing.exclude_unmounted_clients(clients, missing_mounts, scope);
    listing.add_clients(root, clients, inner)?;
    Ok(listing)
}

/// A project in the database's spelling: the folder of its client or project may be in another Unicode normal form.
pub fn stored_spelling(root: &Folder, category: &Category, project: &ProjectId) -> ProjectId {
    if project.is_ascii() {
        return project.clone();
    }
    let Ok(clients) = root.open_descendant(&category.path) else {
        return project.clone();
    };
    let client = Name::from(&*clients.existing_name(project.client.as_os_str()));
    let name = match clients.open_child(client.as_os_str()) {
        Ok(folder) => Name::from(&*folder.existing_name(project.project.as_os_str())),
        Err(_) => project.project.clone(),
    };
    ProjectId {
        client,
        project: name,
    }
}

fn list_clients(folder: &Folder, scope: &Scope) -> Result<Subfolders> {
    match scope {
        Scope::Client(client) => Ok(Subfolders {
            folders: vec![Name::from(&*folder.existing_name(client.as_os_str()))],
            ..Subfolders::default()
        }),
        _ => list_subfolders(folder),
    }
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

    use super::*;

    #[test]
    fn unmounted_client_is_matched_in_composed_form() {
        let root = tempfile::tempdir().unwrap();
        let (composed, stored) = ("caf\u{e9}", "cafe\u{301}");
        fs::create_dir_all(root.path().join("footage").join(stored)).unwrap();
        let category = Category {
            name: "footage".to_owned(),
            path: "footage".into(),
        };
        let root = Folder::open(root.path()).unwrap();
        let mounted = BTreeSet::from([Path::new("footage").join(stored)]);
        for typed in [composed, stored] {
            let scope = Scope::Client(typed.into());
            let listing = list(&root, &category, &scope, &[], &mounted).unwrap();
            assert_eq!(listing.unreadable_clients, [Name::from(stored)], "{typed}");
            assert_eq!(listing.problems.len(), 1, "{typed}");
            assert!(listing.projects.is_empty());
        }
        let scope = Scope::Client("other".into());
        let listing = list(&root, &category, &scope, &[], &mounted).unwrap();
        assert!(listing.unreadable_clients.is_empty() && listing.problems.is_empty());
    }
}
