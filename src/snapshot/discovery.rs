//! Which projects a database holds in a category: its client folders and the project folders in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::tree;
use super::tree::Subfolders;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::suggest::suggest;
use crate::language::lexer::quote;
use crate::model::mount;
use crate::model::mount::MissingMount;
use crate::model::project::{ProjectId, Scope, replica_path};
use crate::model::registry::Category;
use crate::os::folder::{Folder, is_not_found};

/// The projects of a scope in one category of one database.
#[derive(Debug)]
pub struct ProjectListing<'a> {
    /// The category.
    pub category: &'a Category,
    /// The projects that are there.
    pub projects: BTreeSet<ProjectId>,
    /// How many clients' folders there are.
    pub client_count: usize,
    /// Folders that could not be read: the category's, or those of `unread_clients` in their order.
    pub problems: Vec<Error>,
    /// Clients whose folders could not be read: nothing is known of their projects.
    pub unreadable_clients: Vec<Name>,
    /// Links among clients and projects, relative to the root: they are not followed.
    pub links: Vec<PathBuf>,
    /// Whether the category's own folder could not be read: nothing is known of any client.
    pub is_unreadable: bool,
    /// Whether the category's folder is a file system of its own.
    pub is_mounted: bool,
}

impl<'a> ProjectListing<'a> {
    /// Of a category in which nothing was found.
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

    /// The folder below the root that could not be read, of the problem at this place among them.
    pub fn problem_folder(&self, place: usize) -> PathBuf {
        let client = self
            .unreadable_clients
            .get(place)
            .filter(|_| !self.is_unreadable);
        let below = client.map_or(Path::new(""), |client| client.as_path());
        // A category at the root itself has no slash at its end.
        self.category.path.join(below).components().collect()
    }

    /// Notes the links among these folders.
    fn add_links(&mut self, inside: &Path, found: &Subfolders) {
        let paths = found.links.iter().map(|name| inside.join(name.as_path()));
        self.links.extend(paths);
    }

    /// Adds the projects of a client; one that could not be looked at is listed too, and found closed later.
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

    /// Notes clients whose folders are mounts that are not there now, and takes them out of those that were found. A
    /// project that is one, or has one in it, is listed whether it is there or not.
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
                    let in_scope = match scope {
                        Scope::Client(wanted_client) => wanted_client == client,
                        _ => true,
                    };
                    found.folders.retain(|name| name != client);
                    if in_scope {
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

    /// Adds projects that are to be looked for, whether they are there or not, but where nothing could be read.
    pub fn add_expected(&mut self, projects: &BTreeSet<ProjectId>) {
        if !self.is_unreadable {
            let readable = projects
                .iter()
                .filter(|project| !self.unreadable_clients.contains(&project.client));
            self.projects.extend(readable.cloned());
        }
    }
}

/// Lists the projects of a scope; `inner` are the folders of other categories within this one, `mounted` those that were
/// file systems of their own.
///
/// A single project is listed whether it is there or not. A category folder that is not there holds no project.
///
/// # Errors
/// Only an interruption; folders that cannot be read are among the problems.
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
    if let Scope::Project(project) = scope {
        let path = replica_path(&category.path, project);
        if !inner.iter().any(|inner| path.starts_with(inner)) {
            listing
                .projects
                .insert(stored_spelling(root, category, project));
        }
        return Ok(listing);
    }
    let category_folder = &category.path;
    let missing_mounts =
        mount::find_missing(root, category_folder, category_folder, inner, mounted);
    let clients = match root
        .open_descendant(&category.path)
        .and_then(|folder| list_clients(&folder, scope))
    {
        Ok(clients) => clients,
        Err(error) => {
            if is_not_found(&error) {
                listing.exclude_unmounted_clients(Subfolders::default(), missing_mounts, scope);
            } else {
                listing.problems.push(error);
                listing.is_unreadable = true;
            }
            return Ok(listing);
        }
    };
    let clients = listing.exclude_unmounted_clients(clients, missing_mounts, scope);
    listing.add_links(&category.path, &clients);
    listing.client_count = clients.folders.len();
    for (client, problem) in clients.unreadable {
        listing.problems.push(problem);
        listing.unreadable_clients.push(client);
    }
    for client in clients.folders {
        interrupt::check()?;
        let path = category.path.join(client.as_path());
        if inner.contains(&path) {
            continue;
        }
        match root
            .open_descendant(&path)
            .and_then(|folder| tree::list_subfolders(&folder))
        {
            Ok(projects) => listing.add_projects(&client, &path, projects, inner),
            Err(error) if is_not_found(&error) => {}
            Err(error) => {
                listing.problems.push(error);
                listing.unreadable_clients.push(client);
            }
        }
    }
    Ok(listing)
}

/// A project as a database spells it: the folders of a client or project may be there in another Unicode normal form.
pub fn stored_spelling(root: &Folder, category: &Category, project: &ProjectId) -> ProjectId {
    let names = [&project.client, &project.project];
    if names.iter().all(|name| name.as_bytes().is_ascii()) {
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

/// The clients of the scope in a category's folder.
fn list_clients(folder: &Folder, scope: &Scope) -> Result<Subfolders> {
    match scope {
        Scope::Client(client) => Ok(Subfolders {
            folders: vec![Name::from(&*folder.existing_name(client.as_os_str()))],
            ..Subfolders::default()
        }),
        _ => tree::list_subfolders(folder),
    }
}

/// Says that nothing of the scope is in these categories of a database, and what comes near; `list` lists everything in
/// one of them.
///
/// # Errors
/// What `list` says.
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
                // The client may have been left out.
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
