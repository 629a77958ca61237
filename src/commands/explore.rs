//! `explore`: opens a project's folder in the file manager.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::check::check_scope;
use super::command::{RunCommand, parse_project};
use super::workspace::Workspace;
use crate::base::error::{IoResultExt as _, Result};
use crate::base::name::Name;
use crate::index::overview::add_holders;
use crate::model::project::Scope;
use crate::os::folder::is_not_found;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;
use crate::storage::{Layout, Storage};

/// Time for the desktop to report that it cannot open a folder.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

/// Open a project's folder in the file manager
///
/// Without a desktop, as over SSH, the path is printed instead. For a folder behind rclone its address is printed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  explore acme/spot footage NAS
  explore acme/spot render WORK --print")]
pub(crate) struct ExploreArgs {
    /// The project
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category
    #[arg(value_name = "CATEGORY")]
    category: String,
    /// The database
    #[arg(value_name = "DATABASE")]
    database: String,
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
        workspace.registry.category(&self.category)?;
        workspace.registry.database(&self.database)?;
        check_scope(&self.project, workspace)
    }
}

impl RunCommand for ExploreArgs {
    type Answer = ExploreAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<ExploreAnswer> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let project = parse_project(&self.project, workspace, None)?;
        let (category, database) = (
            registry.category(&self.category)?,
            registry.database(&self.database)?,
        );
        let storage = Storage::open(index, &Layout::new(registry)?, database)?;
        let scope = Scope::Project(project.clone());
        let relative = category.replica_path(&project);
        let exists = match storage.root_folder() {
            _ if category.leaves_out(&project) => false,
            Some(root) => match root.open_descendant(&relative) {
                Err(error) if is_not_found(&error) => false,
                opened => opened.map(|_| true)?,
            },
            None => !storage.list_projects(category, &scope)?.projects.is_empty(),
        };
        if !exists {
            let error = storage.no_replica_error(&[category], &scope, &self.database)?;
            return Err(add_holders(error, index, registry, &[category], &scope)?);
        }
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
