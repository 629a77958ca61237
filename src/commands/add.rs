//! `add database` and `add category`: track one.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::RunCommand;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::monitor::ProgressEvent;
use crate::base::name::Name;
use crate::model::path;
use crate::model::place;
use crate::model::registry::{Category, Registry, RegistryChange, RegistryKey, RegistryKind};
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::storage::availability;

/// Track a database or a category
///
/// A database is a storage with its root folder; a category is a folder below every root. Adding the same again
/// changes nothing. A root that is not there now is added and shown as offline.
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
    /// In ROOT, `~`, `~/` and `$VAR` are expanded; a relative path is relative to the script, at the prompt to the current
    /// folder. A ROOT like `s3:bucket/studio` is the address of a storage that the program rclone reaches, unless there is a
    /// folder of that name.
    #[command(after_help = "Examples:
  add database WORK ~/studio
  add database 'NAS 2' $NAS_MOUNT/studio
  add database CLOUD s3:bucket/studio
  add database NAS /mnt/new-nas --replace")]
    Database {
        /// What to call it
        #[arg(value_name = "NAME")]
        name: String,
        /// Its root folder, or its address, `REMOTE:path`
        #[arg(value_name = "ROOT")]
        root: OsString,
        /// Give a known name another root
        #[arg(long)]
        replace: bool,
    },
    /// Track a folder below every root
    ///
    /// A category may lie inside another: its folder is then no longer part of the outer one, which does not look into
    /// it any more.
    #[command(after_help = "Examples:
  add category footage footage/
  add category render scratch/render/")]
    Category {
        /// What to call it
        #[arg(value_name = "NAME")]
        name: String,
        /// The folder below every root that holds the clients' folders; `.` is the root itself
        #[arg(value_name = "PATH")]
        path: OsString,
        /// Give a known name another path
        #[arg(long)]
        replace: bool,
    },
}

/// What was added.
#[derive(Debug, Serialize)]
pub(crate) struct AddAnswer {
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    online: Option<bool>,
    change: &'static str,
    /// Why the database is offline, where it is.
    #[serde(skip)]
    offline: Option<String>,
    /// What a newcomer types next.
    #[serde(skip)]
    next_step: &'static str,
    /// Categories with folders that they do not look into: those of other categories inside them.
    #[serde(skip)]
    nested_categories: Vec<(String, PathBuf)>,
}

impl RunCommand for AddArgs {
    type Answer = AddAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<AddAnswer> {
        let registry = &mut workspace.registry;
        match self.subcommand {
            AddSubcommand::Database {
                name,
                root,
                replace,
            } => {
                check_tilde(&root)?;
                let root = place::parse_root(&root, &workspace.base)?;
                let change = change_word(match &mut workspace.root_prefetch {
                    Some(prefetch) => {
                        let resolved = |root: &Path| prefetch.resolve(root);
                        registry.add_database_with(&name, &root, replace, resolved)?
                    }
                    None => registry.add_database(&name, &root, replace)?,
                });
                if replace {
                    workspace
                        .replaced_keys
                        .insert(key(RegistryKind::Database, &name));
                }
                let offline = if workspace.root_prefetch.is_some() {
                    None
                } else {
                    let (index, database) = (&workspace.index, registry.database(&name)?);
                    let databases = registry.databases();
                    if let Some(shared) =
                        availability::shared_identity_error(index, databases, database)?
                    {
                        workspace.monitor.on_event(&ProgressEvent::Problem(&shared));
                    }
                    availability::offline_reason(index, database, &index.database(&root)?)
                };
                Ok(AddAnswer {
                    kind: "database",
                    name,
                    root: Some(root.into()),
                    path: None,
                    online: workspace
                        .root_prefetch
                        .is_none()
                        .then_some(offline.is_none()),
                    change,
                    offline,
                    next_step: if registry.categories().is_empty() {
                        "`add category footage footage/`, for folders CLIENT/PROJECT in every root"
                    } else {
                        "`load` looks at it"
                    },
                    nested_categories: Vec::new(),
                })
            }
            AddSubcommand::Category {
                name,
                path,
                replace,
            } => {
                let path = path::expand_home(&path)?;
                let change = change_word(registry.add_category(&name, &path, replace)?);
                if replace {
                    workspace
                        .replaced_keys
                        .insert(key(RegistryKind::Category, &name));
                }
                let category = registry.category(&name)?;
                let path = Some(category.display_path().into());
                let nested_categories = nested_categories(registry, category);
                Ok(AddAnswer {
                    kind: "category",
                    name,
                    root: None,
                    path,
                    online: None,
                    change,
                    offline: None,
                    next_step: if registry.databases().is_empty() {
                        "`add database WORK ~/studio`, a storage and its root folder"
                    } else {
                        "`load` looks at the disks"
                    },
                    nested_categories,
                })
            }
        }
    }
}

fn key(kind: RegistryKind, name: &str) -> RegistryKey {
    RegistryKey {
        kind,
        name: name.to_owned(),
    }
}

/// Refuses a tilde that would stay one: a shell would have replaced it by somebody's home folder.
fn check_tilde(root: &OsStr) -> Result<()> {
    let bytes = root.as_bytes();
    if !bytes.starts_with(b"~") || bytes == b"~" || bytes.starts_with(b"~/") {
        return Ok(());
    }
    Err(Error::InvalidWord {
        noun: "root",
        word: root.into(),
        why: "only `~` and `~/` stand for a home folder, your own; a folder of that name is written with `./` before it",
    })
}

/// Which category does not look into which folder because of this category.
fn nested_categories(registry: &Registry, category: &Category) -> Vec<(String, PathBuf)> {
    let outer = registry.outer_category(category);
    let outer = outer.map(|outer| (outer.name.clone(), category.path.clone()));
    let inner = registry.inner_categories(category).into_iter();
    let inner = inner.map(|path| (category.name.clone(), path));
    outer.into_iter().chain(inner).collect()
}

fn change_word(change: RegistryChange) -> &'static str {
    match change {
        RegistryChange::Added => "added",
        RegistryChange::Unchanged => "unchanged",
        RegistryChange::Replaced => "replaced",
    }
}

impl Answer for AddAnswer {
    const COMMAND: &'static str = "add";

    fn write_page(&self, page: &mut Page) {
        let words = match self.change {
            "added" => "added ",
            "replaced" => "replaced ",
            _ => "already there: ",
        };
        let mut cells = vec![
            Cell::text(words),
            Cell::text(format!("{} ", self.kind)),
            self.name.as_str().into(),
        ];
        cells.push(Cell::text(if self.kind == "database" {
            " at "
        } else {
            " in "
        }));
        let place = self.root.as_ref().or(self.path.as_ref());
        cells.push(Cell::optional(place, Cell::from));
        if let Some(why) = &self.offline {
            cells.push(Cell::text(", "));
            cells.push(Cell::Styled("offline".to_owned(), Tone::Warning));
            cells.push(Cell::text(format!(": it {why}")));
        }
        page.cells(cells);
        if self.change == "unchanged" {
            return;
        }
        for (category, folder) in &self.nested_categories {
            // The one that was there has looked into it so far.
            let words = if *category == self.name {
                " does not look into "
            } else {
                " no longer looks into "
            };
            page.cells(vec![
                Cell::text("category "),
                category.as_str().into(),
                Cell::text(words),
                Cell::from(&Name::from(folder.as_path())),
                Cell::text(": it is a category of its own"),
            ]);
        }
    }

    fn records(&self) -> Records {
        let place = self.root.as_ref().or(self.path.as_ref());
        let row = vec![
            Cell::text(self.kind),
            self.name.as_str().into(),
            Cell::optional(place, Cell::from),
            Cell::optional(self.online, |online| {
                Cell::text(if online { "online" } else { "offline" })
            }),
            Cell::text(self.change),
        ];
        Records {
            headings: &["kind", "name", "path", "state", "change"],
            rows: vec![row],
        }
    }

    fn next_step(&self) -> Option<String> {
        (self.change == "added").then(|| self.next_step.to_owned())
    }

    fn is_routine(&self) -> bool {
        true
    }
}
