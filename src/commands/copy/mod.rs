//! `copy`: bring a project's files from one database to others.

pub(super) mod answer;

use std::ffi::OsString;

use clap::Args;

use self::answer::CopyAnswer;

use super::workspace::Workspace;
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, Result};
use crate::copy;
use crate::copy::CopyRequest;
use crate::copy::plan::CopyRules;
use crate::copy::run_recorder;
use crate::index::{RunId, RunStart};
use crate::language::lexer::quote;
use crate::model::project::Scope;
use crate::model::registry::{Database, Registry};

/// Copy a category of a project from one database to others
///
/// What is missing there is copied; what is older there is replaced, and its old version is kept in
/// `.auto-backup/versions/` at that database's root. What is newer there, or differs with the same time, is a conflict:
/// it is kept and reported. Files that are only there stay. A file gets its name only once it is whole, on the disk, and
/// was read back and found to be what the source is. To go on after an interruption, give the same line again.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the line"
)]
#[command(
    override_usage = "copy [OPTIONS] PROJECT CATEGORY FROM TO[,TO...]",
    after_help = "Examples:
  copy acme/spot footage WORK NAS
  copy acme/spot all WORK NAS,ARCHIVE
  copy acme render NAS ARCHIVE --no-update
  copy acme/spot footage WORK NAS --checksum --dry-run
  copy all all WORK NAS --dry-run
  copy -- -odd-/name footage WORK NAS"
)]
pub(crate) struct CopyArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category, or `all`
    #[arg(value_name = "CATEGORY")]
    category: String,
    /// The database the files are on
    #[arg(value_name = "FROM")]
    from: String,
    /// The database they go to, or several separated by commas
    #[arg(
        value_name = "TO",
        value_delimiter = ',',
        num_args = 1,
        required = true
    )]
    to: Vec<String>,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Replace also what is newer there; the old version is kept
    #[arg(long, conflicts_with = "no_update")]
    overwrite: bool,
    /// Only add what is missing
    #[arg(long)]
    no_update: bool,
    /// Compare files of one size by their content, not by their times
    #[arg(long)]
    checksum: bool,
    /// Read back what was copied, also after `set verify off`
    #[arg(long)]
    verify: bool,
    /// Do not read back what was copied
    #[arg(long, conflicts_with = "verify")]
    no_verify: bool,
    /// Replace older files without asking at the prompt
    #[arg(long)]
    yes: bool,
}

impl CopyArgs {
    /// Does the work and prints nothing. The answer is a stream: a dry run may list a million files.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<CopyAnswer> {
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let mut request = self.request(registry)?;
        request.verify = self.verify || (workspace.settings.verify && !self.no_verify);
        request.dry_run |= workspace.dry_run;
        request.confirmation = workspace.confirmation.or_granted(self.yes);
        if request.dry_run {
            let monitor = workspace.monitor.as_ref();
            let report = copy::copy(index, registry, &request, RunId::DRY_RUN, monitor)?;
            let state = run_recorder::run_state(&report);
            return Ok(CopyAnswer::new(None, state, true, report));
        }
        let (what, to) = (self.description(), database_names(&request.destinations));
        let begun = RunStart {
            command: "copy",
            subject: &what,
            source: Some(&request.source.name),
            destination: Some(&to),
        };
        let monitor = workspace.monitor.as_ref();
        let (run, state, report) =
            run_recorder::record_run(index, &begun, monitor, &mut |index, run| {
                copy::copy(index, registry, &request, run, monitor)
            })?;
        Ok(CopyAnswer::new(Some(run), state, false, report))
    }

    /// What is copied, as it was typed.
    fn description(&self) -> String {
        format!("{} {}", quote(&self.project), self.category)
    }

    /// What is asked for, in the registry's terms.
    fn request<'a>(&self, registry: &'a Registry) -> Result<CopyRequest<'a>> {
        let source = registry.database(&self.from)?;
        let mut destinations: Vec<&Database> = Vec::new();
        for name in &self.to {
            let database = registry.database(name)?;
            if database == source {
                return Err(Error::SameDatabase {
                    database: name.clone(),
                });
            }
            if !destinations.contains(&database) {
                destinations.push(database);
            }
        }
        Ok(CopyRequest {
            scope: Scope::parse(&self.project)?,
            categories: registry.select_categories(&self.category)?,
            source,
            destinations,
            rules: CopyRules {
                overwrite: self.overwrite,
                only_add: self.no_update,
                checksum: self.checksum,
            },
            verify: !self.no_verify,
            dry_run: self.dry_run,
            confirmation: Confirmation::NonInteractive,
        })
    }
}

/// The names of databases, joined by commas.
fn database_names(databases: &[&Database]) -> String {
    let names = databases.iter().map(|database| database.name.as_str());
    names.collect::<Vec<_>>().join(",")
}
