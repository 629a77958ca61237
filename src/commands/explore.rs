//! `explore`: opens a project's folder in the file manager.
//!
//! Category and storage may be left out if only one folder fits. Without a storage, only folders of this machine count.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::check::check_scope;
use super::command::{RunCommand, parse_project};
use super::workspace::Workspace;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::name::Name;
use crate::index::Index;
use crate::index::overview::add_holders;
use crate::language::lexer::quote;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Database, Registry};
use crate::os::folder::is_not_found;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;
use crate::storage::{Layout, Storage};

/// Time for the desktop to report that it cannot open a folder.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

const USAGE: &str = "explore [OPTIONS] PROJECT [CATEGORY] [STORAGE]";

/// Open a project's folder in the file manager
///
/// The category may be left out if the storage has the project in only one, and the storage if only one folder of this
/// machine fits. Without a desktop, as over SSH, the path is printed instead. For a folder behind rclone its address is
/// printed.
#[derive(Debug, Args)]
#[command(
    override_usage = USAGE,
    after_help = "Examples:
  explore acme/spot
  explore acme/spot NAS
  explore acme/spot footage NAS
  explore acme/spot render WORK --print"
)]
pub(crate) struct ExploreArgs {
    /// The project
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category; may be left out if only one fits
    #[arg(value_name = "CATEGORY")]
    first: Option<String>,
    /// The storage; may be left out if only one folder fits
    #[arg(value_name = "STORAGE")]
    second: Option<String>,
    /// Only print the path
    #[arg(long)]
    print: bool,
}

/// The folder, opened or printed.
#[derive(Debug, Serialize)]
pub(crate) struct ExploreAnswer {
    path: Name,
    opened: bool,
}

impl ExploreArgs {
    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        self.names(&workspace.registry)?;
        check_scope(&self.project, workspace)
    }
}

impl RunCommand for ExploreArgs {
    type Answer = ExploreAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<ExploreAnswer> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let project = parse_project(&self.project, workspace, None)?;
        let (category, database) = self.names(registry)?;
        let named = (category, database);
        let (storage, category) = find_folder(index, registry, &project, named)?;
        let relative = category.replica_path(&project);
        let path = storage.path(&relative, Path::new(""));
        let opened =
            storage.root_folder().is_some() && !self.print && !workspace.dry_run && has_desktop();
        if opened {
            open::that_detached_with_timeout(&path, OPEN_TIMEOUT)
                .at("open in the file manager", &path)?;
        }
        Ok(ExploreAnswer {
            path: Name::from(Path::new(&path)),
            opened,
        })
    }
}

impl ExploreArgs {
    /// Looks up the category and the storage, as far as they are named. A single word that names both is a storage.
    fn names<'a>(
        &self,
        registry: &'a Registry,
    ) -> Result<(Option<&'a Category>, Option<&'a Database>)> {
        let Some(first) = &self.first else {
            return Ok((None, None));
        };
        if let Some(second) = &self.second {
            let category = registry.category(first)?;
            return Ok((Some(category), Some(registry.database(second)?)));
        }
        match (registry.category(first), registry.database(first)) {
            (_, Ok(database)) => Ok((None, Some(database))),
            (Ok(category), _) => Ok((Some(category), None)),
            (Err(category), Err(database)) => Err(if database.suggests() {
                database
            } else {
                category
            }),
        }
    }
}

/// Finds the only folder of a project in the named category and storage, or in any.
///
/// # Errors
/// No folder fits, or several do. The named storage is offline.
fn find_folder<'a>(
    index: &Index,
    registry: &'a Registry,
    project: &ProjectId,
    named: (Option<&'a Category>, Option<&'a Database>),
) -> Result<(Storage, &'a Category)> {
    let categories: Vec<&Category> = match named.0 {
        Some(category) => vec![category],
        None => registry.categories().iter().collect(),
    };
    let databases: Vec<&Database> = registry
        .databases()
        .iter()
        .filter(|database| match named.1 {
            Some(only) => database.name == only.name,
            None => !database.is_remote(),
        })
        .collect();
    let (layout, scope) = (Layout::new(registry)?, Scope::Project(project.clone()));
    let mut found = Vec::new();
    let mut opened = Vec::new();
    for database in databases {
        let storage = match Storage::open(index, &layout, database) {
            // A storage that is away has no folder to open.
            Err(Error::Offline { .. }) if named.1.is_none() => continue,
            opened => opened?,
        };
        for category in &categories {
            if has_folder(&storage, category, project, &scope)? {
                found.push((opened.len(), *category));
            }
        }
        opened.push(storage);
    }
    match found.as_slice() {
        [(number, category)] => Ok((opened.swap_remove(*number), category)),
        [] => {
            let error = match opened.first() {
                Some(storage) => {
                    let tried = opened.iter().map(|storage| &*storage.database().name);
                    let tried = tried.collect::<Vec<_>>().join("` or `");
                    storage.no_replica_error(&categories, &scope, &tried)?
                }
                None => Error::ReplicaNotFound {
                    project: project.name(),
                    place: "any category".to_owned(),
                    database: "of this machine".to_owned(),
                    suggestions: Vec::new(),
                    elsewhere: Vec::new(),
                },
            };
            Err(add_holders(error, index, registry, &categories, &scope)?)
        }
        several => {
            let places = several
                .iter()
                .map(|(number, category)| (&*category.name, &*opened[*number].database().name));
            Err(ambiguous_error(project, &places.collect::<Vec<_>>()))
        }
    }
}

fn has_folder(
    storage: &Storage,
    category: &Category,
    project: &ProjectId,
    scope: &Scope,
) -> Result<bool> {
    match storage.root_folder() {
        _ if category.leaves_out(project) => Ok(false),
        Some(root) => match root.open_descendant(&category.replica_path(project)) {
            Err(error) if is_not_found(&error) => Ok(false),
            opened => opened.map(|_| true),
        },
        None => Ok(!storage.list_projects(category, scope)?.projects.is_empty()),
    }
}

/// Returns the error of a line that fits several folders, with the words that would choose.
fn ambiguous_error(project: &ProjectId, places: &[(&str, &str)]) -> Error {
    let (category, database) = places[0];
    let one_category = places.iter().all(|place| place.0 == category);
    let one_database = places.iter().all(|place| place.1 == database);
    let missing = match (one_category, one_database) {
        (true, _) => "STORAGE",
        (_, true) => "CATEGORY",
        _ => "CATEGORY, STORAGE",
    };
    let shown = places.iter().take(4);
    let shown: Vec<String> = shown
        .map(|(category, database)| format!("{category} {database}"))
        .collect();
    let more = if places.len() > shown.len() {
        ", ..."
    } else {
        ""
    };
    Error::MissingWords {
        missing: missing.to_owned(),
        hint: format!(
            "`{project}` has {} folders: {}{more}; write it as: explore {} {}",
            places.len(),
            shown.join(", "),
            quote(project.name().as_os_str()),
            shown[0],
        ),
    }
}

/// True if the session has a desktop that can show a folder.
fn has_desktop() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "macos") {
        !set("SSH_CONNECTION")
    } else {
        set("DISPLAY") || set("WAYLAND_DISPLAY")
    }
}

impl Answer for ExploreAnswer {
    const COMMAND: &'static str = "explore";

    fn write_page(&self, page: &mut Page) {
        let words = if self.opened { "opened " } else { "" };
        page.cells(vec![Cell::text(words), Cell::from(&self.path)]);
    }

    fn records(&self) -> Records {
        let row = vec![
            Cell::from(&self.path),
            Cell::text(if self.opened { "opened" } else { "printed" }),
        ];
        Records {
            headings: &["path", "change"],
            rows: vec![row],
        }
    }
}
