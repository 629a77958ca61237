//! `add`: tracks a database or a category.

mod answer;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use self::answer::AddAnswer;
use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::hash_format::HashFormat;
use crate::base::monitor::ProgressEvent;
use crate::base::noun::Noun;
use crate::model::layout::InnerFolders;
use crate::model::path;
use crate::model::place;
use crate::model::registry::{
    Category, CategoryAttributes, DatabaseAttributes, Registry, RegistryChange, RegistryKey,
    RegistryKind,
};
use crate::storage::availability;
use crate::storage::availability::{Availability, Reach};

/// Track a storage or a category
///
/// A storage is a disk, a share or a remote with its root folder. Its keyword is `database`; `storage` is accepted too. A
/// category is a folder below every root. Adding the same again changes nothing. A missing root is added too, and shown as
/// offline until it is mounted.
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
    #[command(
        alias = "storage",
        after_help = "Examples:
  add database WORK ~/studio
  add database 'NAS 2' $NAS_MOUNT/studio
  add database CLOUD s3:bucket/studio
  add database SHELF /media/shelf --shelf --offsite
  add database RAID2 /mnt/raid/copy --medium raid
  add database NAS /mnt/new-nas --replace"
    )]
    Database {
        /// The name of the storage
        #[arg(value_name = "NAME")]
        name: String,
        /// The root folder, or an address: `REMOTE:path`
        #[arg(value_name = "ROOT")]
        root: OsString,
        /// Give an existing name another root, and only the options of this line
        #[arg(long)]
        replace: bool,
        /// Expect it to be away at times, as a drive on a shelf is: `load` reports that, and does not fail
        #[arg(long)]
        shelf: bool,
        /// It is kept in another building, so that fire and theft do not take all copies
        #[arg(long)]
        offsite: bool,
        /// The physical thing that it is on; storages on one medium count as one copy. Without it, the system is asked
        #[arg(long, value_name = "MEDIUM")]
        medium: Option<String>,
    },
    /// Track a folder below every root
    ///
    /// PATH may say where clients and projects stand: `{client}/{project}/footage`. Each placeholder is a whole folder.
    /// Without placeholders, `/{client}/{project}` is appended. With `{project}` alone, all projects belong to the client
    /// `in-house`.
    ///
    /// A category may lie inside another. The outer category then no longer includes the folder of the inner one.
    #[command(after_help = "Examples:
  add category footage footage/
  add category render scratch/render/
  add category plates '{client}/{project}/plates'
  add category footage-2026 '2026/{client}/{project}'
  add category notes 'notes/{project}'
  add category footage footage/ --mhl
  add category footage footage/ --mhl --mhl-hash md5")]
    Category {
        /// The name of the category
        #[arg(value_name = "NAME")]
        name: String,
        /// The folder below every root that contains the clients' folders, or a path with `{client}` and `{project}`; `.` is
        /// the root itself
        #[arg(value_name = "PATH")]
        path: OsString,
        /// Give an existing name another path, and only the options of this line
        #[arg(long)]
        replace: bool,
        /// Keep an ASC MHL history of each project: copies, verifications and `mhl` append to it
        #[arg(long)]
        mhl: bool,
        /// The hash format of new files in the histories; without it `xxh128`, for which nothing is read again
        #[arg(long, value_name = "FORMAT", requires = "mhl", value_parser = MHL_FORMATS)]
        mhl_hash: Option<String>,
    },
}

/// The hash formats that histories of this program begin with.
pub(crate) const MHL_FORMATS: [&str; 5] = ["xxh128", "xxh64", "md5", "sha1", "c4"];

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
        let key = RegistryKey { kind, name };
        let known = workspace.registry.entries();
        let previous = known.into_iter().find(|entry| entry.key == key);
        let answer = match self.subcommand {
            AddSubcommand::Database {
                root,
                shelf,
                offsite,
                medium,
                ..
            } => {
                let stated = DatabaseAttributes {
                    is_shelf: shelf,
                    is_offsite: offsite,
                    medium,
                };
                add_database(workspace, &key.name, &root, (&stated, replace))
            }
            AddSubcommand::Category {
                path,
                mhl,
                mhl_hash,
                ..
            } => {
                let stated = CategoryAttributes {
                    keeps_history: mhl,
                    hash_format: mhl_hash.as_deref().and_then(HashFormat::from_tag),
                };
                add_category(workspace, &key.name, &path, (stated, replace))
            }
        };
        let mut answer = answer?;
        answer.previous_location = previous.map(|entry| entry.location.into());
        if replace {
            workspace.replaced_keys.insert(key);
        }
        Ok(answer)
    }
}

fn add_database(
    workspace: &mut Workspace,
    name: &str,
    root: &OsStr,
    (stated, replace): (&DatabaseAttributes, bool),
) -> Result<AddAnswer> {
    check_tilde(root)?;
    let registry = &mut workspace.registry;
    let root = place::parse_root(root, &workspace.base)?;
    let mut change = match &mut workspace.root_prefetch {
        Some(prefetch) => {
            let resolve = |root: &Path| prefetch.resolve(root);
            registry.add_database_with(name, &root, replace, resolve)?
        }
        None => registry.add_database(name, &root, replace)?,
    };
    // Repeating a line without its options changes nothing; `--replace` states all options anew.
    let has_changed = registry.set_attributes(name, stated, replace)?;
    if has_changed && change == RegistryChange::Unchanged {
        change = RegistryChange::Changed;
    }
    // One hint is enough for a row of databases.
    let next_step = match (registry.categories().len(), registry.databases().len()) {
        (0, 1) => "`add category footage footage/`, for folders CLIENT/PROJECT in every root",
        (0, _) => "",
        _ => "`load` scans it",
    };
    let mut answer = AddAnswer {
        root: Some(root.into()),
        attributes: Some(registry.database(name)?.attributes.clone()),
        ..AddAnswer::new(RegistryKind::Database, name, change, next_step)
    };
    // Checking every disk would delay the start, and answers of the start-up file are not shown.
    if workspace.root_prefetch.is_none() {
        workspace.adopt_moved_databases(Reach::All)?;
        let (index, registry) = (&workspace.index, &workspace.registry);
        let (databases, database) = (registry.databases(), registry.database(name)?);
        let shared = availability::shared_identity_error(index, databases, database)?;
        if let Some(shared) = shared {
            workspace.monitor.on_event(&ProgressEvent::Problem(&shared));
        }
        let known = index.database(&database.root)?;
        let availability = availability::check(index, database, &known);
        answer.online = Some(availability == Availability::Online);
        answer.availability = Some(availability);
    }
    Ok(answer)
}

fn add_category(
    workspace: &mut Workspace,
    name: &str,
    path: &OsStr,
    (stated, replace): (CategoryAttributes, bool),
) -> Result<AddAnswer> {
    let registry = &mut workspace.registry;
    let mut change = registry.add_category(name, &path::expand_home(path)?, replace)?;
    let has_changed = registry.set_category_attributes(name, stated, replace)?;
    if has_changed && change == RegistryChange::Unchanged {
        change = RegistryChange::Changed;
    }
    let category = registry.category(name)?;
    let next_step = if registry.databases().is_empty() {
        "`add database WORK ~/studio`, a storage and its root folder"
    } else {
        "`load` scans the storages"
    };
    Ok(AddAnswer {
        path: Some(category.display_path().into()),
        nested_categories: nested_categories(registry, category),
        mhl: category.attributes.history_format(),
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
    let outer = outer.and_then(|outer| {
        let folder = InnerFolders::of(&outer.layout, [&category.layout])
            .paths()
            .next()?;
        Some((outer.name.clone(), folder))
    });
    let inner = category.inner.paths();
    let inner = inner.map(|path| (category.name.clone(), path));
    outer.into_iter().chain(inner).collect()
}
