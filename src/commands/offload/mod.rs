//! `offload`: copies any folder, such as a camera card, into a project on several storages.

mod answer;

use std::ffi::{OsStr, OsString};

use clap::Args;

use self::answer::OffloadAnswer;
use super::command::database_names;
use super::run;
use super::run::{FinishedRun, RunOptions, RunReport};
use super::workspace::Workspace;
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::index::{Index, RunEnd, RunItem, RunStart};
use crate::language::lexer::quote;
use crate::model::path;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Database, Registry};
use crate::offload::{OffloadReport, OffloadRequest, offload};
use crate::storage::availability::Reach;

const USAGE: &str = "offload [OPTIONS] FOLDER PROJECT CATEGORY TO[,TO...]";

/// Copy a card or any folder into a project, and say whether it may be formatted
///
/// Every file of the folder is read once and written to all storages. Each copy is flushed, read back and compared on its
/// own; a storage that fails or is slow holds up no other. Files that a storage has already with equal content count as
/// copied. Nothing is replaced: a file of another content is a conflict. To continue after an interruption, run the same
/// line again.
///
/// The card is then `safe to format` if every file has as many proven copies on other media as the policy of the category
/// wants, `copied` if it has at least one, and `do not format` if something is not copied. `cards` says so at any time.
///
/// In the folder of `--into`, `{date}` is today (UTC), `{name}` the name of the folder or its volume, `{serial}` the serial of
/// the volume.
#[derive(Debug, Args)]
#[command(
    override_usage = USAGE,
    after_help = "Examples:
  offload /media/A001 acme/spot footage WORK,NAS
  offload /media/A001 acme/spot footage WORK,NAS --into 'cards/{date} {name}'
  offload '/media/Kims Drive/plates' acme/spot plates NAS --into plates
  offload /media/A001 acme/spot footage NAS --dry-run"
)]
pub(crate) struct OffloadArgs {
    /// The folder to copy; a relative path starts at the folder of the script, at the prompt at the current folder
    #[arg(value_name = "FOLDER")]
    folder: OsString,
    /// The project, which may be new
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category
    #[arg(value_name = "CATEGORY")]
    category: String,
    /// The storages to copy to, separated by commas
    #[arg(value_name = "TO", required = true, num_args = 1..)]
    storages: Vec<String>,
    /// The folder within the project
    #[arg(long, value_name = "PATH", default_value = "{name}")]
    into: String,
    /// Only show the files that would be copied
    #[arg(long)]
    dry_run: bool,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
    /// Create a new project without asking at the prompt
    #[arg(long)]
    yes: bool,
}

/// The places that a line names.
struct OffloadPlaces<'a> {
    project: ProjectId,
    category: &'a Category,
    destinations: Vec<&'a Database>,
}

impl OffloadArgs {
    /// Resolves the words after the folder. `scope` is what the project names.
    fn places<'a>(&self, registry: &'a Registry, scope: Scope) -> Result<OffloadPlaces<'a>> {
        let Scope::Project(project) = scope else {
            return Err(Error::InvalidWord {
                noun: Noun::Project,
                word: self.project.as_os_str().into(),
                why: "an offload goes into one project, written CLIENT/PROJECT",
            });
        };
        let category = registry.category(&self.category)?;
        if category.leaves_out(&project) {
            return Err(Error::InvalidWord {
                noun: Noun::Project,
                word: self.project.as_os_str().into(),
                why: "the category has no folder for it",
            });
        }
        let names = self.storages.iter().flat_map(|word| word.split(','));
        let mut destinations: Vec<&Database> = Vec::new();
        for name in names.filter(|name| !name.is_empty()) {
            let database = registry.database(name)?;
            if !destinations.contains(&database) {
                destinations.push(database);
            }
        }
        Ok(OffloadPlaces {
            project,
            category,
            destinations,
        })
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        let scope = workspace.last_answer.scope(&self.project)?;
        self.places(&workspace.registry, scope).map(drop)
    }

    /// Copies, and prints nothing. The answer is a stream because a dry run may list a million files.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<OffloadAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        let options = RunOptions::of(workspace, self.dry_run, self.yes);
        let folder = path::absolute(&self.folder, &workspace.base)?;
        let scope = workspace.last_answer.scope(&self.project)?;
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let OffloadPlaces {
            project,
            category,
            destinations,
        } = self.places(registry, scope)?;
        if !options.dry_run {
            confirm_new_project(index, registry, &project, options.confirmation)?;
        }
        let subject = format!(
            "{} {}",
            quote(project.name().as_os_str()),
            quote(OsStr::new(&category.name))
        );
        let to = database_names(destinations.iter().copied());
        let card = folder.to_string_lossy().into_owned();
        let request = OffloadRequest {
            folder: &folder,
            project,
            category,
            destinations,
            into: &self.into,
            dry_run: options.dry_run,
            confirmation: options.confirmation,
        };
        let start = RunStart {
            command: "offload",
            subject: &subject,
            source: Some(&card),
            destination: Some(&to),
        };
        let monitor = workspace.monitor.as_ref();
        let finished: FinishedRun<OffloadReport> = run::execute(
            (index, registry),
            &start,
            &options,
            monitor,
            |index, run| offload(index, registry, &request, run, monitor),
        )?;
        Ok(OffloadAnswer::new(finished, registry, !self.no_sequences))
    }
}

/// Asks at the prompt before a project is created that no storage has in any category: a typing mistake looks like that.
fn confirm_new_project(
    index: &Index,
    registry: &Registry,
    project: &ProjectId,
    confirmation: Confirmation,
) -> Result<()> {
    if !confirmation.is_interactive() || is_known(index, registry, project)? {
        return Ok(());
    }
    confirmation.require_plain(format!(
        "No storage has the project {}. Create it?",
        project.name()
    ))
}

/// True if the index knows the project on any storage.
fn is_known(index: &Index, registry: &Registry, project: &ProjectId) -> Result<bool> {
    for database in registry.databases() {
        let Some(id) = index.database_id(&database.root)? else {
            continue;
        };
        for category in registry.categories() {
            let known = index.replica(id, category.key(), project)?;
            if known.is_some_and(|known| known.present) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

impl RunReport for OffloadReport {
    fn end(&self) -> RunEnd {
        RunEnd {
            state: self.state(),
            ..self.copied.end()
        }
    }

    fn items(&self) -> Vec<RunItem<'_>> {
        self.copied.run_items().collect()
    }
}
