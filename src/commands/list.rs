//! `list`: lists clients, projects, databases or categories.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::index::overview;
use crate::model::project::{ProjectId, Scope};
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::storage::availability;
use crate::storage::availability::Availability;

/// List clients, projects, databases or categories
///
/// Clients and projects come from the last scan, also for offline databases.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  list clients
  list projects in acme in NAS
  list databases")]
pub(crate) struct ListArgs {
    #[command(subcommand)]
    subcommand: ListSubcommand,
}

#[derive(Debug, Subcommand)]
enum ListSubcommand {
    /// List all clients
    #[command(after_help = "Examples:\n  list clients")]
    Clients,
    /// List all projects, those of a client, or those of a client on a database
    #[command(
        override_usage = "list projects [in CLIENT [in DATABASE]]",
        after_help = "Examples:\n  list projects\n  list projects in acme\n  list projects in acme in NAS"
    )]
    Projects {
        #[arg(value_name = "in", value_parser = ["in"], requires = "client", hide = true)]
        of_client: Option<String>,
        /// Only projects of this client
        #[arg(value_name = "CLIENT")]
        client: Option<OsString>,
        #[arg(value_name = "in ", value_parser = ["in"], requires = "database", hide = true)]
        on_database: Option<String>,
        /// Only projects on this database
        #[arg(value_name = "DATABASE")]
        database: Option<String>,
    },
    /// List all databases with their state, online or offline
    #[command(after_help = "Examples:\n  list databases")]
    Databases,
    /// List all categories
    #[command(after_help = "Examples:\n  list categories")]
    Categories,
}

/// The list, and the next step of the setup if it is incomplete.
#[derive(Debug, Serialize)]
pub(crate) struct ListAnswer {
    #[serde(flatten)]
    items: ListItems,
    #[serde(skip)]
    setup_hint: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum ListItems {
    Clients(Vec<Name>),
    Projects(Vec<ProjectId>),
    Databases(Vec<ListedDatabase>),
    Categories(Vec<ListedCategory>),
}

#[derive(Debug, Serialize)]
pub(crate) struct ListedDatabase {
    name: String,
    root: Name,
    online: bool,
    shelf: bool,
    #[serde(skip)]
    availability: Availability,
}

#[derive(Debug, Serialize)]
pub(crate) struct ListedCategory {
    name: String,
    path: Name,
}

impl RunCommand for ListArgs {
    type Answer = ListAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<ListAnswer> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let items = match self.subcommand {
            ListSubcommand::Clients => {
                ListItems::Clients(overview::clients(index, registry)?.into_iter().collect())
            }
            ListSubcommand::Projects {
                client, database, ..
            } => {
                let listed = projects(workspace, client.map(Name::from), database.as_deref())?;
                workspace.last_answer.keep(&listed);
                ListItems::Projects(listed)
            }
            ListSubcommand::Databases => ListItems::Databases(databases(workspace)?),
            ListSubcommand::Categories => {
                let categories = registry.categories().iter();
                let listed = categories.map(|category| ListedCategory {
                    name: category.name.clone(),
                    path: category.display_path().into(),
                });
                ListItems::Categories(listed.collect())
            }
        };
        Ok(ListAnswer {
            items,
            setup_hint: registry.setup_hint(),
        })
    }
}

/// Returns the projects, optionally of one client, and of that client on one database.
fn projects(
    workspace: &Workspace,
    client: Option<Name>,
    database: Option<&str>,
) -> Result<Vec<ProjectId>> {
    let (index, registry) = (&workspace.index, &workspace.registry);
    let Some(client) = client else {
        return overview::known_projects(index, registry, &Scope::All);
    };
    let scope = Scope::Client(Scope::parse_client(client.as_os_str())?);
    let all = overview::known_projects(index, registry, &scope)?;
    let Some(database) = database else {
        return Ok(all);
    };
    let on_database = overview::projects(
        index,
        registry,
        std::slice::from_ref(registry.database(database)?),
    )?;
    let on_database: BTreeSet<ProjectId> = on_database.iter().map(ProjectId::composed).collect();
    Ok(all
        .into_iter()
        .filter(|project| on_database.contains(&project.composed()))
        .collect())
}

fn databases(workspace: &Workspace) -> Result<Vec<ListedDatabase>> {
    let databases = workspace.registry.databases();
    let checked = availability::check_all(&workspace.index, databases)?;
    let listed = databases.iter().zip(checked);
    let listed = listed.map(|(database, availability)| ListedDatabase {
        name: database.name.clone(),
        root: database.root.clone().into(),
        online: availability == Availability::Online,
        shelf: database.is_shelf,
        availability,
    });
    Ok(listed.collect())
}

fn state_cell(database: &ListedDatabase) -> Cell {
    let (word, tone) = match database.availability {
        Availability::Online => ("online", Tone::Good),
        Availability::Away(_) => ("away", Tone::Good),
        Availability::Offline(_) => ("offline", Tone::Warning),
    };
    Cell::Styled(word.to_owned(), tone)
}

impl ListItems {
    /// True if the list stays empty until the first scan.
    fn needs_scan(&self) -> bool {
        matches!(self, Self::Clients(_) | Self::Projects(_))
    }

    fn rows(&self) -> Vec<Vec<Cell>> {
        match self {
            Self::Clients(clients) => clients
                .iter()
                .map(|client| vec![Cell::from(client)])
                .collect(),
            Self::Projects(projects) => projects
                .iter()
                .map(|project| vec![Cell::from(&project.name())])
                .collect(),
            Self::Databases(databases) => databases
                .iter()
                .map(|database| {
                    vec![
                        database.name.as_str().into(),
                        Cell::from(&database.root),
                        state_cell(database),
                    ]
                })
                .collect(),
            Self::Categories(categories) => categories
                .iter()
                .map(|category| vec![category.name.as_str().into(), Cell::from(&category.path)])
                .collect(),
        }
    }
}

impl Answer for ListAnswer {
    const COMMAND: &'static str = "list";

    fn write_page(&self, page: &mut Page) {
        let rows = self.items.rows();
        let (noun, how) = match &self.items {
            ListItems::Clients(_) => ("clients", "`load` scans for them"),
            ListItems::Projects(_) => ("projects", "`load` scans for them"),
            ListItems::Databases(_) => ("databases", "`add database NAME ROOT` tracks one"),
            ListItems::Categories(_) => ("categories", "`add category NAME PATH` tracks one"),
        };
        if rows.is_empty() {
            let line = match self.setup_hint {
                Some(lacking) if self.items.needs_scan() => lacking.to_owned(),
                _ => format!("no {noun}; {how}"),
            };
            page.line(line);
        }
        page.table(self.records().headings, rows);
    }

    fn records(&self) -> Records {
        let headings: &[&str] = match &self.items {
            ListItems::Clients(_) => &["client"],
            ListItems::Projects(_) => &["project"],
            ListItems::Databases(_) => &["database", "root", "state"],
            ListItems::Categories(_) => &["category", "path"],
        };
        Records {
            headings,
            rows: self.items.rows(),
        }
    }
}
