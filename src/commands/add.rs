//! `add`: tracks a database or a category.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::monitor::ProgressEvent;
use crate::base::name::Name;
use crate::base::noun::Noun;
use crate::model::path;
use crate::model::place;
use crate::model::registry::{Category, Registry, RegistryChange, RegistryKey, RegistryKind};
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::storage::availability;

/// Track a database or a category
///
/// A database is a storage with its root folder. A category is a folder below every root. Adding the same again changes
/// nothing. A missing root is added too, and shown as offline until it is mounted.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  add database WORK ~/studio
  add database NAS /mnt/nas/studio
  add category footage footage/
  add category render scratch/render/")]
pub(crate) struct AddArgs {
    #[command(subcommand)]
    subcommand: AddSubcommand,
}

#[derive(Debug, Subcommand)]
enum AddSubcommand {
    /// Track a storage
    ///
    /// In ROOT, `~`, `~/` and `$VAR` are expanded. A relative path starts at the folder of the script, at the prompt at the
    /// current folder. A ROOT like `s3:bucket/studio` is the address of a storage behind rclone, unless a folder of that
    /// name exists.
    #[command(after_help = "Examples:
  add database WORK ~/studio
  add database 'NAS 2' $NAS_MOUNT/studio
  add database CLOUD s3:bucket/studio
  add database NAS /mnt/new-nas --replace")]
    Database {
        /// The name of the database
        #[arg(value_name = "NAME")]
        name: String,
        /// The root folder, or an address: `REMOTE:path`
        #[arg(value_name = "ROOT")]
        root: OsString,
        /// Give an existing name another root
        #[arg(long)]
        replace: bool,
    },
    /// Track a folder below every root
    ///
    /// A category may lie inside another. The outer category then no longer includes the folder of the inner one.
    #[command(after_help = "Examples:
  add category footage footage/
  add category render scratch/render/")]
    Category {
        /// The name of the category
        #[arg(value_name = "NAME")]
        name: String,
        /// The folder below every root that contains the clients' folders; `.` is the root itself
        #[arg(value_name = "PATH")]
        path: OsString,
        /// Give an existing name another path
        #[arg(long)]
        replace: bool,
    },
}

/// The added database or category.
#[derive(Debug, Serialize)]
pub(crate) struct AddAnswer {
    kind: RegistryKind,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    online: Option<bool>,
    change: RegistryChange,
    #[serde(skip)]
    offline_reason: Option<String>,
    /// The next command for a new user.
    #[serde(skip)]
    next_step: &'static str,
    /// Categories and the folders in them that belong to other categories.
    #[serde(skip)]
    nested_categories: Vec<(String, PathBuf)>,
}

impl RunCommand for AddArgs {
    type Answer = AddAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<AddAnswer> {
        let (kind, name, replace) = match &self.subcommand {
            AddSubcommand::Database { name, replace, .. } => {
                (RegistryKind::Database, name.clone(), *replace)
            }
            AddSubcommand::Category { name, replace, .. } => {
                (RegistryKind::Category, name.clone(), *replace)
            }
        };
        let answer = match self.subcommand {
            AddSubcommand::Database { root, .. } => add_database(workspace, &name, &root, replace),
            AddSubcommand::Category { path, .. } => add_category(workspace, &name, &path, replace),
        }?;
        if replace {
            workspace.replaced_keys.insert(RegistryKey { kind, name });
        }
        Ok(answer)
    }
}

fn add_database(
    workspace: &mut Workspace,
    name: &str,
    root: &OsStr,
    replace: bool,
) -> Result<AddAnswer> {
    check_tilde(root)?;
    let registry = &mut workspace.registry;
    let root = place::parse_root(root, &workspace.base)?;
    let change = match &mut workspace.root_prefetch {
        Some(prefetch) => {
            let resolve = |root: &Path| prefetch.resolve(root);
            registry.add_database_with(name, &root, replace, resolve)?
        }
        None => registry.add_database(name, &root, replace)?,
    };
    let next_step = if registry.categories().is_empty() {
        "`add category footage footage/`, for folders CLIENT/PROJECT in every root"
    } else {
        "`load` scans it"
    };
    let mut answer = AddAnswer {
        root: Some(root.into()),
        ..AddAnswer::new(RegistryKind::Database, name, change, next_step)
    };
    // Checking every disk would delay the start, and answers of the start-up file are not shown.
    if workspace.root_prefetch.is_none() {
        let (index, databases) = (&workspace.index, registry.databases());
        let database = registry.database(name)?;
        let shared = availability::shared_identity_error(index, databases, database)?;
        if let Some(shared) = shared {
            workspace.monitor.on_event(&ProgressEvent::Problem(&shared));
        }
        let known = index.database(&database.root)?;
        answer.offline_reason = availability::offline_reason(index, database, &known);
        answer.online = Some(answer.offline_reason.is_none());
    }
    Ok(answer)
}

fn add_category(
    workspace: &mut Workspace,
    name: &str,
    path: &OsStr,
    replace: bool,
) -> Result<AddAnswer> {
    let registry = &mut workspace.registry;
    let change = registry.add_category(name, &path::expand_home(path)?, replace)?;
    let category = registry.category(name)?;
    let next_step = if registry.databases().is_empty() {
        "`add database WORK ~/studio`, a storage and its root folder"
    } else {
        "`load` scans the databases"
    };
    Ok(AddAnswer {
        path: Some(category.display_path().into()),
        nested_categories: nested_categories(registry, category),
        ..AddAnswer::new(RegistryKind::Category, name, change, next_step)
    })
}

/// Refuses `~name`: a shell expands it to the home folder of a user, and a folder of that name is unlikely.
fn check_tilde(root: &OsStr) -> Result<()> {
    let bytes = root.as_bytes();
    if !bytes.starts_with(b"~") || bytes == b"~" || bytes.starts_with(b"~/") {
        return Ok(());
    }
    Err(Error::InvalidWord {
        noun: Noun::Root,
        word: root.into(),
        why: "only `~` and `~/` are expanded, to your home folder; write `./` before the name of a folder",
    })
}

/// Returns the folders that a category excludes because of this one, each with the name of the outer category.
fn nested_categories(registry: &Registry, category: &Category) -> Vec<(String, PathBuf)> {
    let outer = registry.outer_category(category);
    let outer = outer.map(|outer| (outer.name.clone(), category.path.clone()));
    let inner = registry.inner_categories(category).into_iter();
    let inner = inner.map(|path| (category.name.clone(), path));
    outer.into_iter().chain(inner).collect()
}

impl AddAnswer {
    fn new(
        kind: RegistryKind,
        name: &str,
        change: RegistryChange,
        next_step: &'static str,
    ) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            root: None,
            path: None,
            online: None,
            change,
            offline_reason: None,
            next_step,
            nested_categories: Vec::new(),
        }
    }

    /// Returns the root of a database or the path of a category.
    fn location(&self) -> Cell {
        Cell::optional(self.root.as_ref().or(self.path.as_ref()), Cell::from)
    }
}

impl Answer for AddAnswer {
    const COMMAND: &'static str = "add";

    fn write_page(&self, page: &mut Page) {
        let verb = match self.change {
            RegistryChange::Added => "added",
            RegistryChange::Replaced => "replaced",
            RegistryChange::Unchanged => "already there:",
        };
        let preposition = match self.kind {
            RegistryKind::Database => " at ",
            RegistryKind::Category | RegistryKind::Exclusion => " in ",
        };
        let mut cells = vec![
            Cell::text(format!("{verb} {} ", self.kind.noun())),
            self.name.as_str().into(),
            Cell::text(preposition),
            self.location(),
        ];
        if let Some(why) = &self.offline_reason {
            cells.push(Cell::text(", "));
            cells.push(Cell::Styled("offline".to_owned(), Tone::Warning));
            cells.push(Cell::text(format!(": it {why}")));
        }
        page.cells(cells);
        if self.change == RegistryChange::Unchanged {
            return;
        }
        for (category, folder) in &self.nested_categories {
            let includes = if *category == self.name {
                " does not include "
            } else {
                " no longer includes "
            };
            page.cells(vec![
                Cell::text("category "),
                category.as_str().into(),
                Cell::text(includes),
                Cell::from(&Name::from(folder.as_path())),
                Cell::text(": it is a category of its own"),
            ]);
        }
    }

    fn records(&self) -> Records {
        let row = vec![
            Cell::text(self.kind.noun().word()),
            self.name.as_str().into(),
            self.location(),
            Cell::optional(self.online, |online| {
                Cell::text(if online { "online" } else { "offline" })
            }),
            Cell::text(self.change.word()),
        ];
        Records {
            headings: &["kind", "name", "path", "state", "change"],
            rows: vec![row],
        }
    }

    fn next_step(&self) -> Option<String> {
        (self.change == RegistryChange::Added).then(|| self.next_step.to_owned())
    }

    fn is_routine(&self) -> bool {
        true
    }
}
